"""Patterns: which alerts an exception or a ticket is about. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from vedette.incidents.errors import InvalidPattern
from vedette.incidents.model import Alert, storable

VALUES_MAX: Final = 64
_TEXT_MAX: Final = 512
_ADDRESS_MAX: Final = 64
_RULE: Final = re.compile(r"[a-z0-9_]{1,64}(\.([a-z0-9_]{1,64}|\*))*|\*")
_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What an alert must be for an exception or a ticket to hold; an empty member matches anything.

    Attributes:
        rules: Ids of rules; ``ot.*`` is all that begin so.
        sources: Addresses or networks, of who did it.
        targets: The same, of whom it was done to.
        keys: What learning would match beside the rule and both ends.
        sites: Of the sensor.
    """

    rules: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it would match everything."""
        return not (self.rules or self.sources or self.targets or self.keys or self.sites)

    @property
    def is_exact(self) -> bool:
        """Whether it names one rule and both ends, each exactly: what can be learned as normal."""
        return (
            len(self.rules) == 1
            and "*" not in self.rules[0]
            and len(self.sources) <= 1
            and len(self.targets) <= 1
            and bool(self.sources or self.targets)
            and not any("/" in each for each in (*self.sources, *self.targets))
        )


class Matcher:
    """A pattern made ready to be asked often."""

    def __init__(self, pattern: Pattern) -> None:
        self.pattern: Final = pattern
        self._exact_rules: Final = frozenset(each for each in pattern.rules if "*" not in each)
        self._rules: Final = tuple(each for each in pattern.rules if "*" in each)
        self._sources: Final = _Addresses(pattern.sources)
        self._targets: Final = _Addresses(pattern.targets)
        self._keys: Final = frozenset(pattern.keys)
        self._sites: Final = frozenset(pattern.sites)

    def matches(self, alert: Alert) -> bool:
        """Tell whether the pattern is about an alert."""
        if self._keys and alert.key not in self._keys:
            return False
        if self._sites and alert.site not in self._sites:
            return False
        return (
            self._matches_rule(alert.rule)
            and self._sources.hold(alert.source.address)
            and self._targets.hold(alert.target.address)
        )

    def _matches_rule(self, rule: str) -> bool:
        if not self.pattern.rules or rule in self._exact_rules:
            return True
        return any(fnmatchcase(rule, each) for each in self._rules)


class _Addresses:
    """Some addresses and networks; none at all hold every address."""

    def __init__(self, texts: Iterable[str]) -> None:
        texts = tuple(texts)
        self._are_any = not texts
        self._exact = frozenset(each for each in texts if "/" not in each)
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(each) for each in texts if "/" in each)

    def hold(self, address: str) -> bool:
        if self._are_any or address in self._exact:
            return True
        if not self._networks or not address:
            return False
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)


def check_pattern(pattern: Pattern) -> Pattern:
    """Check a pattern; return it with its addresses in one form.

    Raises:
        InvalidPattern: A member is malformed or outside its limits.
    """
    for name in ("rules", "sources", "targets", "keys", "sites"):
        if len(getattr(pattern, name)) > VALUES_MAX:
            raise InvalidPattern(f"{name} names at most {VALUES_MAX}", limit=VALUES_MAX)
    for rule in pattern.rules:
        if not _RULE.fullmatch(rule):
            raise InvalidPattern(
                f"{rule[:80]!r} is no rule", hint="such as ot.controller_stop, or ot.* for all of a kind"
            )
    for text in (*pattern.keys, *pattern.sites):
        if not text or len(text) > _TEXT_MAX or storable(text) != text:
            raise InvalidPattern(f"a key or site has 1 to {_TEXT_MAX} characters, without NUL", limit=_TEXT_MAX)
    return Pattern(
        rules=_unique(pattern.rules),
        sources=_unique(_address(each) for each in pattern.sources),
        targets=_unique(_address(each) for each in pattern.targets),
        keys=_unique(pattern.keys),
        sites=_unique(pattern.sites),
    )


def pattern_of(alert: Alert) -> Pattern:
    """Return the pattern that is about an alert and its like, and nothing else."""
    return Pattern(
        rules=(alert.rule,),
        sources=(alert.source.address,) if alert.source.address else (),
        targets=(alert.target.address,) if alert.target.address else (),
        keys=(alert.key,) if alert.key else (),
        sites=(alert.site,) if alert.site else (),
    )


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _address(text: str) -> str:
    lowered = text.strip().lower().replace("-", ":")
    if _MAC.fullmatch(lowered):
        return lowered
    try:
        if "/" in text:
            return str(ip_network(text.strip(), strict=False))
        return str(ip_address(text.strip()))
    except ValueError as error:
        raise InvalidPattern(
            f"{text[:_ADDRESS_MAX]!r} is no address",
            hint="an IP address, a network such as 10.1.0.0/16, or a MAC address",
        ) from error
