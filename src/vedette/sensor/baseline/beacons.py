"""Beacons: calls to the outside as regular as a program's, to somebody who is not usual.

Source:
    RITA's score: the mean of four, from 0 to 1, of intervals, of sizes, of how evenly the time is filled, and of how
    even the counts in it are; intervals and sizes by Bowley's skewness and the median absolute deviation.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from statistics import fmean, median, pstdev, quantiles
from typing import Final

from vedette.sensor.assets import is_public
from vedette.sensor.baseline.alarms import Alarms
from vedette.sensor.baseline.conversations import Conversations, outside_key
from vedette.sensor.baseline.judge import Judge
from vedette.sensor.baseline.model import Settings
from vedette.sensor.baseline.names import Names
from vedette.sensor.flows import Flow

_MAX_LINKS: Final = 4_000
_MAX_CALLS: Final = 64
_ENOUGH_CALLS: Final = 24
_LOOK_EVERY: Final = 8
_LEAST_SPAN_NS: Final = 1_200_000_000_000
_SUSPICIOUS: Final = 0.85
_BINS: Final = 12
_USUAL_PORTS: Final = frozenset({53, 67, 123, 137, 138, 853, 1900, 5353})
"""Names, clocks and neighbours: regular by nature."""


class _Calls:
    __slots__ = ("count", "sizes", "starts_ns")

    def __init__(self) -> None:
        self.count = 0
        self.starts_ns: deque[int] = deque(maxlen=_MAX_CALLS)
        self.sizes: deque[int] = deque(maxlen=_MAX_CALLS)


class Beacons:
    """Keeps the calls of each device to each outside address.

    Args:
        alarms: Where it reports.
        judge: Knows who is industrial.
        names: What outside addresses are called.
        conversations: Knows who outside is usual.
        settings: How long is learned.
    """

    __slots__ = ("_alarms", "_conversations", "_judge", "_links", "_names", "_settings")

    def __init__(
        self, alarms: Alarms, judge: Judge, names: Names, conversations: Conversations, settings: Settings
    ) -> None:
        self._alarms: Final = alarms
        self._judge: Final = judge
        self._names: Final = names
        self._conversations: Final = conversations
        self._settings: Final = settings
        self._links: Final[dict[tuple[str, str, int], _Calls]] = {}

    def begun(self, flow: Flow, at_ns: int) -> None:
        """Note a call."""
        if (
            flow.transport not in {"tcp", "udp"}
            or flow.server_port in _USUAL_PORTS
            or not is_public(flow.server)
            or is_public(flow.client)
        ):
            return
        key = (flow.client, flow.server, flow.server_port)
        calls = self._links.get(key)
        if calls is None:
            if len(self._links) >= _MAX_LINKS:
                del self._links[next(iter(self._links))]
            calls = self._links[key] = _Calls()
        calls.starts_ns.append(at_ns)
        calls.count += 1
        if calls.count >= _ENOUGH_CALLS and not calls.count % _LOOK_EVERY:
            self._look(flow, calls, at_ns)

    def ended(self, flow: Flow) -> None:
        """Note how much was sent."""
        calls = self._links.get((flow.client, flow.server, flow.server_port))
        if calls is not None:
            calls.sizes.append(flow.from_client.bytes)

    def _look(self, flow: Flow, calls: _Calls, at_ns: int) -> None:
        span_ns = calls.starts_ns[-1] - calls.starts_ns[0]
        if span_ns < min(_LEAST_SPAN_NS, self._settings.learn_ns // 72):
            return
        if not self._conversations.is_unusual(flow.client, outside_key(flow, self._names)):
            return
        score = score_of(list(calls.starts_ns), list(calls.sizes))
        if score < _SUSPICIOUS:
            return
        middle_s = median([after - before for before, after in pairwise(calls.starts_ns)]) / 1e9
        name = self._names.of(flow.server)
        self._alarms.report(
            "baseline.beacon", at_ns, flow.client, flow.server, f"every {middle_s:.3g} s, {calls.count} times",
            key=f"beacon {name or flow.server} {flow.transport}/{flow.server_port}",
            learn=f"external|{flow.client}|{outside_key(flow, self._names)}",
            protocol=flow.protocol, flow=flow,
            detail={"score": f"{score:.2f}", "interval_ms": int(middle_s * 1000), "calls": calls.count, "name": name},
        )  # fmt: skip


def score_of(starts_ns: list[int], sizes: list[int]) -> float:
    """Return how much calls look like a program's, from 0 to 1.

    Args:
        starts_ns: When they began, in order.
        sizes: How much was sent in each; fewer are known than began.
    """
    intervals = [after - before for before, after in pairwise(starts_ns)]
    parts = [_evenness(intervals), _filled(starts_ns), _flatness(starts_ns)]
    parts.append(_evenness(sizes) if len(sizes) >= 4 else 0.5)
    return fmean(parts)


def _evenness(values: list[int]) -> float:
    """Score values by their skewness and their spread about the median."""
    if len(values) < 4:
        return 0.0
    low, middle, high = quantiles(values, n=4)
    skew = abs((low + high - 2 * middle) / (high - low)) if high > low else 0.0
    spread = median(abs(each - middle) for each in values)
    return ((1.0 - skew) + max(0.0, 1.0 - spread / middle if middle else 0.0)) / 2


def _bins(starts_ns: list[int]) -> list[int]:
    first, span = starts_ns[0], max(starts_ns[-1] - starts_ns[0], 1)
    counts = [0] * _BINS
    for each in starts_ns:
        counts[min((each - first) * _BINS // span, _BINS - 1)] += 1
    return counts


def _filled(starts_ns: list[int]) -> float:
    return sum(1 for each in _bins(starts_ns) if each) / _BINS


def _flatness(starts_ns: list[int]) -> float:
    counts = _bins(starts_ns)
    return max(0.0, 1.0 - pstdev(counts) / fmean(counts))
