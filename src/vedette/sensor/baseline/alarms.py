"""Raises what baselines found: an episode is one alert, and a storm of one source is few."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fnmatch import fnmatchcase
from typing import Final, TypeVar

from vedette.sensor.alerts import Alert, RaiseAlert, Severity
from vedette.sensor.baseline.model import RULES, Settings
from vedette.sensor.flows import Flow
from vedette.sensor.shards import OrderedShards

_MAX_EPISODES: Final = 20_000
_MAX_TARGETS: Final = 3
_S: Final = 1_000_000_000
_SAME_NS: Final = _S
_RANKS: Final = tuple(Severity)

Detail = dict[str, str | int | None]
Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing")


class Told:
    """Passes the alerts of rules on, and remembers of whom they were: nothing is told twice.

    Args:
        raise_alert: Where they go.
    """

    __slots__ = ("_raise", "_recent")

    def __init__(self, raise_alert: RaiseAlert) -> None:
        self._raise: Final = raise_alert
        self._recent: Final[OrderedShards[tuple[str, str], Alert]] = OrderedShards()

    def raise_alert(self, alert: Alert) -> None:
        """Pass an alert on."""
        _put(self._recent, (alert.source, alert.target), alert)
        self._raise(alert)

    def covers(self, source: str, target: str, at_ns: int, severity: Severity) -> Alert | None:
        """Return what a rule has just said of these two, if that is as grave."""
        alert = self._recent.get((source, target))
        if alert is None or abs(at_ns - alert.at_ns) > _SAME_NS:
            return None
        return alert if _RANKS.index(alert.severity) >= _RANKS.index(severity) else None


class Alarms:
    """Raises alerts.

    Args:
        raise_alert: Where they go.
        settings: Exceptions, and when an episode ends.
        told: What rules have said.
    """

    __slots__ = (
        "_by_source", "_cool_down_ns", "_episodes", "_exceptions", "_raise", "_told", "muted", "raised",
        "told_by_rules",
    )  # fmt: skip

    def __init__(self, raise_alert: RaiseAlert, settings: Settings, told: Told | None = None) -> None:
        self._raise: Final = raise_alert
        self._told: Final = told
        self._exceptions: Final = settings.exceptions
        self._cool_down_ns: Final = int(settings.cool_down_s * _S)
        self._episodes: Final[OrderedShards[tuple[str, str, str], Alert]] = OrderedShards()
        self._by_source: Final[OrderedShards[tuple[str, str], list[Alert]]] = OrderedShards()
        self.muted = 0
        """What exceptions kept back."""
        self.raised = 0
        self.told_by_rules = 0

    def report(
        self,
        rule: str,
        at_ns: int,
        source: str,
        target: str,
        what: str,
        *,
        key: str,
        learn: str = "",
        protocol: str = "",
        flow: Flow | None = None,
        detail: Detail | None = None,
    ) -> Alert | None:
        """Raise an alert, or count it into the episode that goes on; None if an exception matches.

        Args:
            rule: One of ``RULES``.
            at_ns: When.
            source: Who did it.
            target: To whom.
            what: In words.
            key: What an exception would match.
            learn: What ``vedette sensor baseline learn`` takes; empty: it can't be learned.
            protocol: Its protocol.
            flow: Whose packets are the evidence.
            detail: Facts.
        """
        if any(
            _matches(each.rule, rule, each.source, source, each.target, target, each.key, key)
            for each in self._exceptions
        ):
            self.muted += 1
            return None
        episode = (rule, source, target)
        alert = self._episodes.get(episode)
        if alert is not None and self._goes_on(alert, at_ns):
            return self._count(alert, at_ns, is_other=key != alert.key)
        # Who is new may be as many as an attacker makes up: these are a storm of nobody.
        storm = (rule, source if target else "")
        before = self._by_source.get(storm)
        if before is not None:
            before = [each for each in before if self._goes_on(each, at_ns)]
            if len(before) >= _MAX_TARGETS:
                return self._count(before[0], at_ns, is_other=True)
        text = RULES[rule]
        if self._told is not None and (said := self._told.covers(source, target, at_ns, text.severity)) is not None:
            self.told_by_rules += 1
            _put(self._episodes, episode, said)  # what follows counts into that
            return said
        facts: Detail = dict(detail or {})
        if learn:
            facts["baseline"] = learn
        alert = Alert(
            at_ns, rule, text.severity,
            text.says.format(source=source or "somebody", target=target or "all", what=what),
            source, target, protocol, text.technique, facts, text.engine, key, bool(learn), 0, 1, flow,
        )  # fmt: skip
        _put(self._episodes, episode, alert)
        _put(self._by_source, storm, [*(before or ()), alert])
        self.raised += 1
        self._raise(alert)
        return alert

    def go_on(self, rules: Sequence[str], source: str, target: str, at_ns: int) -> Alert | None:
        """Count something into the first of these episodes that there was; None if there was none."""
        for rule in rules:
            alert = self._episodes.get((rule, source, target))
            if alert is not None:
                return self._count(alert, at_ns)
        return None

    def _goes_on(self, alert: Alert, at_ns: int) -> bool:
        return at_ns - (alert.last_ns or alert.at_ns) <= self._cool_down_ns

    def _count(self, alert: Alert, at_ns: int, *, is_other: bool = False) -> Alert:
        alert.times += 1
        alert.last_ns = max(alert.last_ns, at_ns)
        if is_other:
            others = alert.detail.get("others")
            alert.detail["others"] = others + 1 if isinstance(others, int) else 1
        return alert


def _put(table: OrderedShards[Key, Thing], key: Key, thing: Thing) -> None:
    if key not in table and len(table) >= _MAX_EPISODES:
        table.take_old()
    table[key] = thing


def _matches(*pairs: str) -> bool:
    wanted, given = pairs[::2], pairs[1::2]
    return any(wanted) and all(not each or fnmatchcase(is_, each) for each, is_ in zip(wanted, given, strict=True))
