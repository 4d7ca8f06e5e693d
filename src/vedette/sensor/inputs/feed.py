"""From the records of logs to the listeners of a sensor: flows, operations, evidence, in the order of time.

What packets are to the engine, records are to the feed. It uses the engine's own lists, so that whoever listens hears
the same calls, in the same order, whether there were packets or logs.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

from vedette.sensor.dissect import PROTOCOLS
from vedette.sensor.flows import CLIENT_FITS, FIN, RST, SERVER_FITS, SYN, Flow, Side
from vedette.sensor.model import Anomaly, AssetEvidence, OtOp

if TYPE_CHECKING:
    from vedette.sensor.alerts import Alert
    from vedette.sensor.sensor import Sensor

_MAX_FLOWS: Final = 65_536
_DRAIN_EVERY: Final = 64
_TICK_NS: Final = 1_000_000_000
_LATE_NS: Final = 5_000_000_000
"""A flow that ended stays for records of its last messages."""
_MAX_ALERTS: Final = 10_000

_PROOFS: Final = {"confirmed": CLIENT_FITS | SERVER_FITS, "likely": CLIENT_FITS}
_ENTRIES: Final = {(entry.transport, entry.name): entry for entry in reversed(PROTOCOLS)}
_RELATED: Final = {"umas": "modbus", "cip": "enip", "pccc": "enip", "s7comm_plus": "s7comm"}

Ends = tuple[str, int, str, int]
"""Client, its port, server, its port."""


class LogFeed:
    """Tells a sensor's listeners what logs hold.

    Args:
        sensor: Whose listeners, inventory and report are fed.
    """

    def __init__(self, sensor: Sensor) -> None:
        self._sensor: Final = sensor
        self._engine: Final = sensor.engine
        self._flows: Final[dict[str, Flow]] = {}
        self._closings: Final[list[tuple[int, int, str]]] = []
        self._alerts: Final[list[Alert]] = []
        self._next_tick_ns = 0
        self._rows = 0
        self.flows_forgotten = 0
        """Flows that had to leave before their end was known."""

    def advance(self, at_ns: int) -> None:
        """Let the logs' time pass: close flows that have ended, and tick."""
        counters = self._engine.counters
        if not counters.first_ns:
            counters.first_ns = at_ns
        counters.last_ns = max(counters.last_ns, at_ns)
        self._rows += 1
        if not self._rows % _DRAIN_EVERY:
            self._drain()
        if at_ns >= self._next_tick_ns:
            self._close_until(at_ns)
            self._drain()
            self._next_tick_ns = at_ns + _TICK_NS
            for listener in self._engine.listeners:
                listener.tick(at_ns)

    def flow(self, uid: str, transport: str, ends: Ends, at_ns: int, protocol: str = "") -> Flow:
        """Return the flow of a record, made if it is new."""
        flow = self._flows.get(uid)
        if flow is None:
            while len(self._flows) >= _MAX_FLOWS:
                self._forget_one()
            flow = self._flows[uid] = Flow(None, transport, *ends, at_ns=at_ns)
        if protocol and not flow.protocol:
            self.name(flow, protocol, "confirmed")
        return flow

    def name(self, flow: Flow, protocol: str, certainty: str) -> None:
        """Say which protocol a flow speaks, and how sure that is."""
        flow.protocol = protocol
        flow.proofs = _PROOFS.get(certainty, 0)
        flow.entry = _ENTRIES.get((flow.transport, _RELATED.get(protocol, protocol)))

    def hear(self, side: Side, mac: bytes, at_ns: int) -> None:
        """Tell that an endpoint sent its first packet."""
        side.mac = mac
        for listener in self._engine.listeners:
            listener.side_heard(side, at_ns)

    def ends_at(self, uid: str, flow: Flow) -> None:
        """Note when a flow, with its counts filled in, will have ended."""
        counters = self._engine.counters
        counters.packets += flow.from_client.packets + flow.from_server.packets
        counters.bytes += flow.from_client.bytes + flow.from_server.bytes
        heapq.heappush(self._closings, (flow.last_ns + _LATE_NS, self._rows, uid))
        if len(self._closings) > _MAX_FLOWS:
            self._close_until(self._closings[0][0])

    def operation(self, op: OtOp) -> None:
        """Tell an operation."""
        self._engine.sink.operations.append(op)

    def evidence(self, piece: AssetEvidence) -> None:
        """Tell something about an asset."""
        if piece.value:
            self._engine.sink.evidence.append(piece)

    def anomaly(self, anomaly: Anomaly) -> None:
        """Tell what broke a protocol's rules."""
        self._engine.sink.anomalies.append(anomaly)

    def alert(self, alert: Alert) -> None:
        """Raise an alert of another monitor."""
        self._sensor.report.raise_alert(alert)

    def own_alert(self, alert: Alert) -> None:
        """Keep an alert that this sensor raised when it wrote the log: its rules may well raise it again."""
        if len(self._alerts) < _MAX_ALERTS:
            self._alerts.append(alert)

    def finish(self) -> None:
        """Close every flow; take over alerts that the rules did not raise themselves."""
        self._close_until(2**63)
        while self._flows:
            self._forget_one()
        self._drain()
        known = {(alert.rule, alert.source, alert.target) for alert in self._sensor.report.alerts}
        for alert in self._alerts:
            if (alert.rule, alert.source, alert.target) not in known:
                self._sensor.report.raise_alert(alert)
        self._alerts.clear()

    def drain(self) -> None:
        """Tell what waits; called when a live log pauses."""
        self._drain()

    def _drain(self) -> None:
        self._engine.read(())  # no packets: it only tells what its lists hold

    def _close_until(self, at_ns: int) -> None:
        while self._closings and self._closings[0][0] <= at_ns:
            _, _, uid = heapq.heappop(self._closings)
            flow = self._flows.pop(uid, None)
            if flow is not None:
                self._engine.table.closed.append(flow)

    def _forget_one(self) -> None:
        """Close the oldest flow: its end was never logged, or comes later than memory allows."""
        uid = next(iter(self._flows))
        flow = self._flows.pop(uid)
        self.flows_forgotten += 1
        if flow.from_client.packets or flow.from_server.packets:
            self._engine.table.closed.append(flow)


def flags_of(state: str) -> tuple[int, int]:
    """Return the TCP flags of both sides that Zeek's ``conn_state`` stands for."""
    return {
        "S0": (SYN, 0), "S1": (SYN, SYN), "SF": (SYN | FIN, SYN | FIN), "REJ": (SYN, RST), "S2": (SYN | FIN, SYN),
        "S3": (SYN, SYN | FIN), "RSTO": (SYN | RST, SYN), "RSTR": (SYN, SYN | RST), "RSTOS0": (SYN | RST, 0),
        "RSTRH": (0, SYN | RST), "SH": (SYN | FIN, 0), "SHR": (0, SYN | FIN),
    }.get(state, (0, 0))  # fmt: skip
