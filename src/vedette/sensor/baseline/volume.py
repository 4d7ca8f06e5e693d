"""How much pairs exchange, and whether that is far more than ever before."""

from __future__ import annotations

from collections import deque
from typing import Final

from vedette.sensor.baseline.alarms import Alarms
from vedette.sensor.baseline.keys import pair_of
from vedette.sensor.baseline.model import Settings
from vedette.sensor.flows import Flow

_MAX_PAIRS: Final = 50_000
_MAX_FLOWS: Final = 65_536
_SWEEP: Final = 500
_S: Final = 1_000_000_000
_TIMES: Final = 4
_LEAST_BYTES_PER_S: Final = 8_192
_WINDOWS_IN_A_ROW: Final = 2
_ENOUGH_WINDOWS: Final = 24


class Volumes:
    """What one pair exchanged."""

    __slots__ = ("begun_ns", "bytes", "excess", "most", "since_ns", "windows")

    def __init__(self, at_ns: int) -> None:
        self.since_ns = at_ns
        self.begun_ns = at_ns
        """Of this window."""
        self.bytes = 0
        """In this window."""
        self.most = 0
        """Bytes a second in the busiest window that was usual."""
        self.windows = 0
        self.excess = 0
        """So many windows in a row were far above."""


class Volume:
    """Adds up what flows of industrial pairs carry, a few flows at a time.

    Args:
        alarms: Where it reports.
        settings: How long is learned.
    """

    __slots__ = ("_alarms", "_flows", "_seen", "_settings", "_window_ns", "pairs")

    def __init__(self, alarms: Alarms, settings: Settings) -> None:
        self._alarms: Final = alarms
        self._settings: Final = settings
        self._window_ns: Final = settings.slice_ns
        self._flows: Final[deque[Flow]] = deque()
        self._seen: Final[dict[Flow, int]] = {}
        self.pairs: Final[dict[tuple[str, str], Volumes]] = {}

    def follow(self, flow: Flow) -> None:
        """Begin to count a flow."""
        if flow not in self._seen and len(self._seen) < _MAX_FLOWS:
            self._seen[flow] = flow.from_client.bytes + flow.from_server.bytes
            self._flows.append(flow)

    def closed(self, flow: Flow) -> None:
        """Count the rest of a flow."""
        if flow in self._seen:
            self._add(flow, flow.last_ns)
            del self._seen[flow]

    def sweep(self, now_ns: int) -> None:
        """Count some of the flows on."""
        flows = self._flows
        for _ in range(min(_SWEEP, len(flows))):
            flow = flows.popleft()
            if flow in self._seen:
                self._add(flow, now_ns)
                flows.append(flow)

    def _add(self, flow: Flow, at_ns: int) -> None:
        total = flow.from_client.bytes + flow.from_server.bytes
        fresh, self._seen[flow] = total - self._seen[flow], total
        pair = (flow.client, flow.server)
        volumes = self.pairs.get(pair)
        if volumes is None:
            if len(self.pairs) >= _MAX_PAIRS:
                return
            volumes = self.pairs[pair] = Volumes(at_ns)
        volumes.bytes += fresh
        if at_ns - volumes.begun_ns >= self._window_ns:
            self._judge(flow, pair, volumes, at_ns)

    def _judge(self, flow: Flow, pair: tuple[str, str], volumes: Volumes, at_ns: int) -> None:
        rate = volumes.bytes * _S // max(at_ns - volumes.begun_ns, 1)
        volumes.bytes, volumes.begun_ns = 0, at_ns
        is_ready = volumes.windows >= _ENOUGH_WINDOWS and (
            self._settings.is_enforced or at_ns - volumes.since_ns >= self._settings.learn_ns
        )
        if not is_ready or rate <= max(_TIMES * volumes.most, _LEAST_BYTES_PER_S):
            volumes.windows += 1
            volumes.excess = 0
            volumes.most = max(volumes.most, rate)
            return
        volumes.excess += 1
        if volumes.excess >= _WINDOWS_IN_A_ROW:
            self._alarms.report(
                "baseline.bandwidth", at_ns, pair[0], pair[1], f"{rate:,} bytes a second, was {volumes.most:,} at most",
                key="bandwidth", learn=f"period|{pair_of(*pair)}|*", protocol=flow.protocol, flow=flow,
                detail={"bytes_per_s": rate, "usual_bytes_per_s": volumes.most},
            )  # fmt: skip
