"""Periods: how regularly something is asked for, and whether that stopped or changed.

An interval is measured as the mean over a window, so that it costs next to nothing for each message. What is
periodic is decided by the median of these means and their median absolute deviation; the longest gap that was ever
seen bounds what is called a loss, so that pauses of every night are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Final

from vedette.sensor.baseline.alarms import Alarms
from vedette.sensor.baseline.keys import pair_of
from vedette.sensor.baseline.model import Settings
from vedette.sensor.model import OpKind, OtOp

_MAX_CHANNELS: Final = 50_000
_MAX_CHARS: Final = 200
_MAX_OF_PAIR: Final = 64
_SWEEP: Final = 1_000
_MIN_INTERVALS: Final = 10
_SAMPLES: Final = 12
_ENOUGH_SAMPLES: Final = 8
_REGULAR: Final = 0.1
_STEADY: Final = 2.2
"""Within a window no interval may be longer than so many times their mean: what comes by chance soon has one."""
_LOST_PERIODS: Final = 8
_LOST_GAPS: Final = 3
_CHANGED: Final = 2.0
_CHANGED_SAMPLES: Final = 3
_WINDOWS_PER_SLICE: Final = 5
_CYCLIC: Final = frozenset({OpKind.READ, OpKind.REPORT, OpKind.WRITE})

ChannelKey = tuple[str, str, str, str]
"""Who asks, who is asked, protocol, what."""


class Channel:
    """One thing that one pair asks for again and again; the first four are counted for each message."""

    __slots__ = (
        "changed", "count", "first_ns", "gap_ns", "is_lost", "key", "last_ns", "longest_ns", "period_ns", "samples",
        "since_ns",
    )  # fmt: skip

    def __init__(self, key: ChannelKey, at_ns: int) -> None:
        self.key: Final = key
        self.count = 0
        """Intervals of this window."""
        self.first_ns = at_ns
        """Begin of this window."""
        self.last_ns = at_ns
        self.gap_ns = 0
        """The longest interval of this window."""
        self.since_ns = at_ns
        """Since when it is learned."""
        self.samples: list[int] = []
        self.longest_ns = 0
        self.period_ns = 0
        """0: not periodic, as far as is known."""
        self.changed = 0
        """So many windows in a row were out of step; negative: slower."""
        self.is_lost = False


class Rhythm:
    """Keeps the channels, and looks at a few at a time.

    Args:
        alarms: Where it reports.
        settings: How long is learned.
    """

    __slots__ = (
        "_alarms", "_by_pair", "_cursor", "_lost", "_settings", "_window_ns", "channels", "heard_ns", "not_kept",
    )  # fmt: skip

    def __init__(self, alarms: Alarms, settings: Settings) -> None:
        self._alarms: Final = alarms
        self._settings: Final = settings
        self._window_ns: Final = settings.slice_ns // _WINDOWS_PER_SLICE
        self.channels: Final[dict[ChannelKey, Channel]] = {}
        self._by_pair: Final[dict[tuple[str, str], int]] = {}
        self._cursor: Iterator[Channel] = iter(())
        self._lost: Final[dict[tuple[str, str], list[Channel]]] = {}
        self.heard_ns = 0
        """When anything was heard from anybody: silence of all is no loss of one."""
        self.not_kept = 0

    def channel(self, client: str, server: str, op: OtOp) -> Channel:
        """Return the channel of an operation; one that is not looked at if there are too many."""
        what = f"{op.service} {'' if op.unit is None else op.unit} {op.area} {op.first}"[:_MAX_CHARS]
        key = (client, server, op.protocol, what)
        channel = self.channels.get(key)
        if channel is None:
            channel = Channel(key, op.at_ns)
            if op.kind in _CYCLIC:
                self.add(channel)
        return channel

    def add(self, channel: Channel) -> None:
        """Keep a channel, if there is room."""
        pair = channel.key[:2]
        count = self._by_pair.get(pair, 0)
        if len(self.channels) >= _MAX_CHANNELS or count >= _MAX_OF_PAIR:
            self.not_kept += 1
            return
        self._by_pair[pair] = count + 1
        self.channels[channel.key] = channel

    def forget(self, client: str, server: str) -> int:
        """Forget what a pair does regularly."""
        found = [key for key in self.channels if key[:2] == (client, server)]
        for key in found:
            del self.channels[key]
        self._by_pair.pop((client, server), None)
        self._cursor = iter(())
        return len(found)

    def sweep(self, now_ns: int) -> None:
        """Look at the next channels."""
        for _ in range(min(_SWEEP, len(self.channels))):
            try:
                channel = next(self._cursor, None)
            except RuntimeError:  # some came or went meanwhile
                channel = None
            if channel is None:
                self._cursor = iter(tuple(self.channels.values()))
                self._tell_lost(now_ns)
                break
            self._look(channel)

    def _look(self, channel: Channel) -> None:
        if channel.is_lost:
            if channel.count:  # it is back; the gap was told
                channel.is_lost = False
                channel.count, channel.gap_ns, channel.first_ns = 0, 0, channel.last_ns
                self._lost.pop(channel.key[:2], None)
            return
        span_ns = channel.last_ns - channel.first_ns
        if channel.count >= _MIN_INTERVALS and span_ns >= self._window_ns:
            self._sample(channel, span_ns // channel.count)
        elif channel.period_ns and self._is_ready(channel):
            limit_ns = max(
                _LOST_PERIODS * channel.period_ns, _LOST_GAPS * max(channel.longest_ns, channel.gap_ns), self._window_ns
            )
            if self.heard_ns - channel.last_ns > limit_ns:
                channel.is_lost = True
                channel.count = 0
                self._lost.setdefault(channel.key[:2], []).append(channel)

    def _is_ready(self, channel: Channel) -> bool:
        return self._settings.is_enforced or channel.last_ns - channel.since_ns >= self._settings.learn_ns

    def _sample(self, channel: Channel, interval_ns: int) -> None:
        gap_ns, at_ns = channel.gap_ns, channel.last_ns
        channel.count, channel.gap_ns, channel.first_ns = 0, 0, at_ns
        period_ns = channel.period_ns
        is_ready = period_ns > 0 and self._is_ready(channel)
        if gap_ns > _STEADY * interval_ns:  # a pause, or what comes by chance; a pause that was told is not seen here
            channel.longest_ns = max(channel.longest_ns, gap_ns)
            if not is_ready:
                channel.samples.clear()
                channel.period_ns = 0
            return
        if is_ready:
            if interval_ns * _CHANGED < period_ns:
                channel.changed = max(channel.changed, 0) + 1
            elif interval_ns > period_ns * _CHANGED:
                channel.changed = min(channel.changed, 0) - 1
            else:
                channel.changed = 0
                channel.longest_ns = max(channel.longest_ns, gap_ns)
            if abs(channel.changed) >= _CHANGED_SAMPLES:
                self._tell_changed(channel, interval_ns)
            return
        channel.longest_ns = max(channel.longest_ns, gap_ns)
        samples = channel.samples
        samples.append(interval_ns)
        del samples[:-_SAMPLES]
        if len(samples) >= _ENOUGH_SAMPLES:
            middle = median(samples)
            spread = median(abs(each - middle) for each in samples)
            channel.period_ns = int(middle) if spread <= _REGULAR * middle else 0

    def _tell_changed(self, channel: Channel, interval_ns: int) -> None:
        client, server, protocol, what = channel.key
        rule = "baseline.period_faster" if channel.changed > 0 else "baseline.period_slower"
        self._alarms.report(
            rule, channel.last_ns, client, server,
            f"{protocol} {what.strip()} every {_seconds(interval_ns)}, was {_seconds(channel.period_ns)}",
            key=f"period {protocol} {what}", learn=f"period|{pair_of(client, server)}|*", protocol=protocol,
            detail={"period_ms": channel.period_ns // 1_000_000, "interval_ms": interval_ns // 1_000_000},
        )  # fmt: skip

    def _tell_lost(self, now_ns: int) -> None:
        """Tell what was lost, once all that was lost with it had the time to be noticed."""
        ripe = {
            pair: channels
            for pair, channels in self._lost.items()
            if min(self.heard_ns, now_ns) - max(each.last_ns for each in channels) > self._window_ns
        }
        if not ripe:
            return
        periodic: dict[tuple[str, str], int] = {}
        for channel in self.channels.values():
            if channel.period_ns:
                pair = channel.key[:2]
                periodic[pair] = periodic.get(pair, 0) + 1
        whole = {pair for pair, channels in self._lost.items() if len(channels) >= periodic.get(pair, 0)}
        silent = self._silent(set(periodic), whole)
        for device in silent:
            lost = [pair for pair in whole if device in pair]
            last_ns = max(each.last_ns for pair in lost for each in self._lost[pair])
            self._alarms.report(
                "baseline.device_silent", self.heard_ns, "", device, f"{len(lost)} links without their usual traffic",
                key="silent", learn=f"period|{pair_of(*lost[0])}|*",
                detail={"links": len(lost), "last_ms": last_ns // 1_000_000},
            )  # fmt: skip
        for pair, channels in ripe.items():
            if not silent.intersection(pair):
                self._tell_pair(pair, channels, is_whole=pair in whole)
        for pair in ripe:
            self._lost.pop(pair, None)
        for pair in [each for each in self._lost if silent.intersection(each)]:
            del self._lost[pair]

    def _tell_pair(self, pair: tuple[str, str], channels: list[Channel], *, is_whole: bool) -> None:
        first = channels[0]
        what = "nothing any more" if is_whole else f"{first.key[2]} {first.key[3].strip()}"
        self._alarms.report(
            "baseline.period_lost", self.heard_ns, pair[0], pair[1],
            f"{what}, was every {_seconds(first.period_ns)}",
            key=f"period {first.key[2]}", learn=f"period|{pair_of(*pair)}|*", protocol=first.key[2],
            detail={"period_ms": first.period_ns // 1_000_000, "channels": len(channels)},
        )  # fmt: skip

    @staticmethod
    def _silent(pairs: set[tuple[str, str]], whole: set[tuple[str, str]]) -> set[str]:
        """Return who has several links, all of them lost; of two ends, the one with more."""
        silent: set[str] = set()
        links: dict[str, list[tuple[str, str]]] = {}
        for pair in pairs:
            for end in pair:
                links.setdefault(end, []).append(pair)
        by_size = sorted(
            (each for each in links.items() if len(each[1]) > 1), key=lambda each: (-len(each[1]), each[0])
        )
        for device, its in by_size:
            if all(pair in whole for pair in its) and not all(silent.intersection(pair) for pair in its):
                silent.add(device)
        return silent


def _seconds(interval_ns: int) -> str:
    return f"{interval_ns / 1e9:.3g} s"
