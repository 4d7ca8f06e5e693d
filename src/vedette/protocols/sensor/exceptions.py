"""Alerts that a sensor holds back: what the platform lets it know in its desired properties, read with limits."""

from __future__ import annotations

from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Final

import msgspec

EXCEPTIONS_KEY: Final = "exceptions"
"""The desired property that holds them; a sensor that does not know it ignores it."""
EXCEPTIONS_MAX: Final = 100
_VERSION: Final = 1
ExceptionName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9_]{0,64}\Z")]
"""The platform's own name of an exception."""
_SEVERITIES: Final = ("informational", "low", "medium", "high", "critical")
_MALWARE: Final = "malware"

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
_Texts = Annotated[tuple[_Text, ...], msgspec.Meta(max_length=64)]


class HeldBack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Alerts of a kind that nobody needs to look at; what is empty matches anything."""

    rules: Annotated[tuple[_Text, ...], msgspec.Meta(min_length=1, max_length=64)]
    """``ot.*`` is all that begin so."""
    sources: _Texts = ()
    targets: _Texts = ()
    keys: _Texts = ()
    up_to: _Text = "medium"
    """A graver alert is told."""
    name: ExceptionName = ""
    """What is held back is counted under it; empty from a platform that does not ask."""
    until: Annotated[int, msgspec.Meta(ge=0, le=2**48)] = 0
    """Milliseconds since 1970; 0: until it is taken away."""

    def holds(self, *, rule: str, engine: str, severity: str, source: str, target: str, key: str, at_ms: int) -> bool:
        """Tell whether an alert is held back; malware never is, nor what is not understood."""
        if engine == _MALWARE or severity not in _SEVERITIES or self.up_to not in _SEVERITIES:
            return False
        if _SEVERITIES.index(severity) > _SEVERITIES.index(self.up_to) or (self.until and at_ms >= self.until):
            return False
        return (
            any(fnmatchcase(rule, each) for each in self.rules)
            and (not self.keys or key in self.keys)
            and _lies_in(source, self.sources)
            and _lies_in(target, self.targets)
        )


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    items: Annotated[tuple[HeldBack, ...], msgspec.Meta(max_length=EXCEPTIONS_MAX)] = ()


def write_exceptions(items: tuple[HeldBack, ...]) -> dict[str, Any]:  # Any: JSON
    """Return the value of the desired property."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(_Told(version=_VERSION, items=items)))
    return told


def read_exceptions(value: object) -> tuple[HeldBack, ...]:
    """Return what the desired property says; nothing is held back by what is not understood."""
    try:
        told = msgspec.convert(value, _Told)
    except (msgspec.ValidationError, RecursionError):
        return ()
    return told.items if told.version == _VERSION else ()


def _lies_in(address: str, wanted: tuple[str, ...]) -> bool:
    if not wanted or address in wanted:
        return True
    try:
        found = ip_address(address)
        return any(found in ip_network(each) for each in wanted if "/" in each)
    except ValueError:
        return False
