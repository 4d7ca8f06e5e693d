"""What a rule is, and how an operator changes it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from vedette.kernel import Problem
from vedette.sensor.alerts import Engine, Severity

_MAX_FILE_BYTES: Final = 1024 * 1024
_MAX_OWN: Final = 1_000
_COMMON: Final = frozenset({"is_on", "severity", "cool_down_s"})


class RulesProblem(Problem):
    """The file of rules can't be used."""

    code = "sensor.rules"


class RuleSpec(msgspec.Struct, frozen=True):
    """One rule of the catalogue."""

    id: str
    title: str
    """What it is about, for tables."""
    says: str
    """What an alert says; ``{source}``, ``{target}`` and ``{what}`` are filled in."""
    engine: Engine
    severity: Severity
    technique: str = ""
    """ATT&CK for ICS id; empty where none fits."""
    is_learnable: bool = False
    cool_down_s: int = 600
    """An episode ends when it has been quiet for so long; until then it is one alert that counts."""
    thresholds: dict[str, int] = {}
    """Names tell the unit: ``window_s`` seconds, ``*_bytes`` bytes, all others counts."""
    is_on: bool = True


class OwnRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule that the operator wrote: talk or an operation that must not be. What is empty matches everything."""

    name: str
    source: str = ""
    """Address or network."""
    target: str = ""
    port: int = 0
    """The server's; 0: any."""
    protocol: str = ""
    service: str = ""
    """With shell wildcards: ``write_*``."""
    kind: str = ""
    """One of the kinds of operations: ``write``, ``control`` …"""
    severity: Severity = Severity.HIGH


class _Change(msgspec.Struct, frozen=True):
    is_on: bool
    severity: Severity
    cool_down_ns: int
    thresholds: dict[str, int]


class Settings:
    """The catalogue as the operator wants it.

    Args:
        rules: The catalogue.
        changes: Rule → what differs: ``is_on``, ``severity``, ``cool_down_s`` or a threshold.
        own: The operator's own rules.
        indicators: Files of known-bad addresses, names and URLs.

    Raises:
        RulesProblem: A rule or an option that is not there, or a value of the wrong kind.
    """

    def __init__(
        self,
        rules: tuple[RuleSpec, ...],
        changes: dict[str, dict[str, Any]] | None = None,  # Any: TOML, checked here
        *,
        own: tuple[OwnRule, ...] = (),
        indicators: tuple[Path, ...] = (),
    ) -> None:
        self.rules: Final = {rule.id: rule for rule in rules}
        self.own: Final = own
        self.indicators: Final = indicators
        unknown = set(changes or ()) - set(self.rules)
        if unknown:
            raise RulesProblem(f"no rule {min(unknown)!r}", hint="docs/reference/alerts.md lists the rules")
        self._effective: Final = {rule.id: _changed(rule, (changes or {}).get(rule.id, {})) for rule in rules}

    def is_on(self, rule: str) -> bool:
        """Tell whether a rule raises alerts."""
        return self._effective[rule].is_on

    def severity(self, rule: str) -> Severity:
        """Return how grave its alerts are."""
        return self._effective[rule].severity

    def cool_down_ns(self, rule: str) -> int:
        """Return how long an episode must be quiet to end."""
        return self._effective[rule].cool_down_ns

    def limit(self, rule: str, name: str) -> int:
        """Return a threshold."""
        return self._effective[rule].thresholds[name]

    def window_ns(self, rule: str, name: str = "window_s") -> int:
        """Return a threshold in seconds, as nanoseconds."""
        return self._effective[rule].thresholds[name] * 1_000_000_000


def read_settings(path: Path, rules: tuple[RuleSpec, ...]) -> Settings:
    """Read a file of rules: ``indicators``, ``[rules."id"]`` and ``[[own]]``.

    Raises:
        RulesProblem: It can't be read, or says something that is not understood.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise RulesProblem(f"{path}: {error.strerror}", hint="give the path of a TOML file") from None
    if len(content) > _MAX_FILE_BYTES:
        raise RulesProblem(f"{path}: more than {_MAX_FILE_BYTES} bytes", hint="put indicators into files of their own")
    try:
        document = tomllib.loads(content.decode())
        own = msgspec.convert(document.pop("own", []), list[OwnRule])
        indicators = msgspec.convert(document.pop("indicators", []), list[str])
        changes = msgspec.convert(document.pop("rules", {}), dict[str, dict[str, Any]])
    except (ValueError, msgspec.ValidationError) as error:
        raise RulesProblem(f"{path}: {error}", hint="docs/detection.md shows a file") from None
    if document:
        raise RulesProblem(f"{path}: unknown option {min(document)!r}", hint="known: indicators, rules, own")
    if len(own) > _MAX_OWN:
        raise RulesProblem(f"{path}: {len(own)} own rules; {_MAX_OWN} allowed", hint="join them with networks")
    # Relative to the file that names them, wherever the sensor was started.
    return Settings(rules, changes, own=tuple(own), indicators=tuple(path.parent / each for each in indicators))


def _changed(rule: RuleSpec, change: dict[str, Any]) -> _Change:  # Any: TOML
    known = _COMMON | set(rule.thresholds)
    for name, value in change.items():
        if name not in known:
            raise RulesProblem(f"rule {rule.id} has no option {name!r}", hint=f"it has {', '.join(sorted(known))}")
        if name not in {"is_on", "severity"} and (type(value) is not int or value < 0):
            raise RulesProblem(f"{rule.id}: {name} = {value!r}; a whole number is needed", hint="0 or more")
    is_on, severity = change.get("is_on", rule.is_on), change.get("severity", rule.severity)
    if type(is_on) is not bool:
        raise RulesProblem(f"{rule.id}: is_on = {is_on!r}", hint="true or false")
    if severity not in list(Severity):
        raise RulesProblem(f"{rule.id}: severity = {severity!r}", hint=f"one of {', '.join(Severity)}")
    return _Change(
        is_on,
        Severity(severity),
        change.get("cool_down_s", rule.cool_down_s) * 1_000_000_000,
        {name: change.get(name, value) for name, value in rule.thresholds.items()},
    )
