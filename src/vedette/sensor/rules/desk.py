"""Where detectors report: makes one alert of one episode; and the bounded memories that thresholds need."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from vedette.sensor.alerts import Alert, RaiseAlert, Severity
from vedette.sensor.flows import Flow
from vedette.sensor.rules.model import Settings
from vedette.sensor.shards import MASK, SHARDS

_MAX_EPISODES: Final = 16_384
_MAX_KEYS: Final = 16_384

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item", bound=Hashable)
Thing = TypeVar("Thing")
EpisodeKey = tuple[str, str, str, str]


class Desk:
    """Raises alerts: an episode is one alert that counts its repetitions.

    Args:
        raise_alert: Where they go.
        settings: The rules as the operator wants them.
    """

    __slots__ = ("_episodes", "_raise", "settings")

    def __init__(self, raise_alert: RaiseAlert, settings: Settings) -> None:
        self._raise: Final = raise_alert
        self.settings: Final = settings
        self._episodes: Final[Wide[EpisodeKey, Alert]] = Wide(_MAX_EPISODES)

    def report(
        self,
        rule: str,
        at_ns: int,
        source: str,
        target: str,
        what: str = "",
        *,
        key: str = "",
        protocol: str = "",
        flow: Flow | None = None,
        detail: dict[str, str | int | None] | None = None,
        severity: Severity | None = None,
    ) -> Alert | None:
        """Raise an alert, or count it into the episode that goes on; return it, or None if the rule is off."""
        settings = self.settings
        if not settings.is_on(rule):
            return None
        episode = (rule, source, target, key)
        alert = self._episodes.get(episode)
        if alert is not None and at_ns - (alert.last_ns or alert.at_ns) <= settings.cool_down_ns(rule):
            alert.times += 1
            alert.last_ns = max(at_ns, alert.last_ns)
            return alert
        spec = settings.rules[rule]
        alert = Alert(
            at_ns, rule, severity or settings.severity(rule),
            spec.says.format(source=source or "somebody", target=target or "all", what=what),
            source, target, protocol, spec.technique, detail or {}, spec.engine, key, spec.is_learnable, 0, 1, flow,
        )  # fmt: skip
        self._episodes.put(episode, alert)
        self._raise(alert)
        return alert

    def ongoing(self, rule: str, source: str, target: str, key: str = "") -> Alert | None:
        """Return the alert of an episode, to add what became of it."""
        return self._episodes.get((rule, source, target, key))

    def forget(self, rule: str, source: str, target: str, key: str = "") -> None:
        """End an episode: what comes next is a new one."""
        self._episodes.drop((rule, source, target, key))


class Memory(Generic[Key, Thing]):
    """A dictionary with a bound: the oldest leaves for a new one."""

    __slots__ = ("_max", "known")

    def __init__(self, limit: int) -> None:
        # Of a plain dictionary, finding the oldest takes ever longer once many have left. One of more entries than a
        # few thousand stops the sensor when it is built anew: see ``Wide``.
        self.known: Final[OrderedDict[Key, Thing]] = OrderedDict()
        self._max: Final = limit

    def get(self, key: Key) -> Thing | None:
        """Return what is kept."""
        return self.known.get(key)

    def put(self, key: Key, thing: Thing) -> None:
        """Keep something."""
        known = self.known
        if key not in known and len(known) >= self._max:
            known.popitem(last=False)
        known[key] = thing

    def drop(self, key: Key) -> None:
        """Forget something."""
        self.known.pop(key, None)


class Wide(Generic[Key, Thing]):
    """A memory for many, in parts: of the part that is full, the oldest leaves for a new one."""

    __slots__ = ("_max", "_parts")

    def __init__(self, limit: int = _MAX_KEYS) -> None:
        self._parts: Final[defaultdict[int, OrderedDict[Key, Thing]]] = defaultdict(OrderedDict)
        """By number; most of the many memories stay empty, and none costs before it is used."""
        self._max: Final = max(limit // SHARDS, 1)

    def __contains__(self, key: Key) -> bool:
        return key in self._parts[hash(key) & MASK]

    def __len__(self) -> int:
        return sum(map(len, self._parts.values()))

    def items(self) -> list[tuple[Key, Thing]]:
        """Return all that is kept."""
        return [item for part in self._parts.values() for item in part.items()]

    def get(self, key: Key) -> Thing | None:
        """Return what is kept."""
        return self._parts[hash(key) & MASK].get(key)

    def put(self, key: Key, thing: Thing) -> None:
        """Keep something."""
        part = self._parts[hash(key) & MASK]
        if key not in part and len(part) >= self._max:
            part.popitem(last=False)
        part[key] = thing

    def drop(self, key: Key) -> None:
        """Forget something."""
        self._parts[hash(key) & MASK].pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._parts.clear()


class Recent(Generic[Key, Thing]):
    """A dictionary with a bound, in parts, of which the older half leaves at once."""

    __slots__ = ("_half", "_new", "_old")

    def __init__(self, limit: int) -> None:
        self._half: Final = max(limit // SHARDS >> 1, 1)
        self._new: list[dict[Key, Thing]] = [{} for _ in range(SHARDS)]
        self._old: list[dict[Key, Thing]] = [{} for _ in range(SHARDS)]

    def get(self, key: Key) -> Thing | None:
        """Return what is kept."""
        number = hash(key) & MASK
        found = self._new[number].get(key)
        return found if found is not None else self._old[number].get(key)

    def put(self, key: Key, thing: Thing) -> None:
        """Keep something."""
        number = hash(key) & MASK
        new = self._new[number]
        new[key] = thing
        if len(new) >= self._half:
            self._old[number], self._new[number] = new, {}


class Rate(Generic[Key]):
    """Tells when something happened too often within a window.

    Args:
        limit: So many are too many.
        window_ns: Within so long.
    """

    __slots__ = ("_limit", "_times", "_window_ns")

    def __init__(self, limit: int, window_ns: int) -> None:
        self._limit: Final = max(limit, 1)
        self._window_ns: Final = window_ns
        self._times: Final[Wide[Key, deque[int]]] = Wide()

    def forget(self, key: Key) -> None:
        """Begin anew."""
        self._times.drop(key)

    def hit(self, key: Key, at_ns: int) -> bool:
        """Count one; tell whether it is too many."""
        times = self._times.get(key)
        if times is None:
            times = deque(maxlen=self._limit)
            self._times.put(key, times)
        times.append(at_ns)
        return len(times) == self._limit and at_ns - times[0] <= self._window_ns


class Distinct(Generic[Key, Item]):
    """Tells when somebody touched too many different things within a window."""

    __slots__ = ("_items", "_limit", "_window_ns")

    def __init__(self, limit: int, window_ns: int) -> None:
        self._limit: Final = max(limit, 1)
        self._window_ns: Final = window_ns
        self._items: Final[Wide[Key, dict[Item, int]]] = Wide()

    def hit(self, key: Key, item: Item, at_ns: int) -> int:
        """Note a thing; return how many different ones there are if they are too many, else 0."""
        items = self._items.get(key)
        if items is None:
            items = {}
            self._items.put(key, items)
        items.pop(item, None)  # those touched last stand last
        items[item] = at_ns
        if len(items) < self._limit:
            return 0
        oldest = at_ns - self._window_ns
        while items and (first := next(iter(items))) is not None and items[first] < oldest:
            del items[first]
        while len(items) > 4 * self._limit:
            del items[next(iter(items))]
        return len(items) if len(items) >= self._limit else 0

    def items(self, key: Key) -> list[Item]:
        """Return the things."""
        return list(self._items.get(key) or ())

    def forget(self, key: Key) -> None:
        """Begin anew."""
        self._items.drop(key)
