"""What does not come: answers of a device, and any traffic at all."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import PROTOCOLS
from vedette.sensor.flows import Flow, Side
from vedette.sensor.rules.desk import Desk, Wide
from vedette.sensor.rules.detector import Detector, Neighbourhood, is_for_many

_EVERY_NS: Final = 5_000_000_000
_MAX_FLOWS: Final = 8_192
_PORTS: Final = frozenset(
    port
    for protocol in PROTOCOLS
    if protocol.family == "ot" and protocol.transport in {"tcp", "udp"} and not protocol.is_one_way
    for port in protocol.ports
)


class _Waiting:
    """How often a client asked since its server last said something."""

    __slots__ = ("answered_bytes", "asked_bytes", "attempts", "since_ns")

    def __init__(self) -> None:
        self.answered_bytes = 0
        self.asked_bytes = 0
        self.attempts = 0
        self.since_ns = 0


class Silence(Detector):
    """Looks now and then at the conversations of industrial protocols: the path of every packet stays untouched."""

    __slots__ = ("_flows", "_is_silent", "_last_ns", "_next_ns", "_since_ns")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        self._flows: Final[Wide[Flow, _Waiting]] = Wide(_MAX_FLOWS)
        self._next_ns = 0
        self._is_silent = False
        self._since_ns = 0
        self._last_ns = 0

    def side_heard(self, side: Side, at_ns: int) -> None:
        """Note a conversation; and that there is traffic again."""
        if side.is_client and side.flow.server_port in _PORTS and side.flow.transport in {"tcp", "udp"}:
            self._flows.put(side.flow, _Waiting())
        if self._is_silent:
            self._again(at_ns)

    def flow_closed(self, flow: Flow) -> None:
        """Look at a conversation for the last time."""
        waiting = self._flows.get(flow)
        if waiting is not None:
            self._look(flow, waiting, flow.last_ns)
            self._flows.drop(flow)

    def tick(self, now_ns: int) -> None:
        """Look at every conversation, but not each second."""
        if not 0 < self._next_ns - now_ns <= _EVERY_NS:
            self._next_ns = now_ns + _EVERY_NS
            for flow, waiting in self._flows.items():
                self._look(flow, waiting, now_ns)

    def silent(self, now_ns: int, last_ns: int) -> None:
        """Hear that nothing came since ``last_ns``."""
        if self._is_silent and last_ns > self._since_ns:
            self._again(last_ns)
        if (
            not self._is_silent
            and last_ns
            and now_ns - last_ns >= self.desk.settings.window_ns("sensor.silent", "silence_s")
        ):
            self._is_silent, self._since_ns = True, last_ns
            self.desk.forget("sensor.silent", "", "")
            self.desk.report("sensor.silent", now_ns, "", "", str((now_ns - last_ns) // 1_000_000_000))

    def _again(self, at_ns: int) -> None:
        self._is_silent = False
        self.desk.forget("sensor.heard_again", "", "")
        self.desk.report("sensor.heard_again", at_ns, "", "", str((at_ns - self._since_ns) // 1_000_000_000))

    def _look(self, flow: Flow, waiting: _Waiting, now_ns: int) -> None:
        client, server = flow.from_client, flow.from_server
        entry = flow.entry
        if entry is None or entry.family != "ot" or entry.is_one_way or is_for_many(flow.server):
            return
        if server.payload_bytes != waiting.answered_bytes or not waiting.since_ns:
            waiting.answered_bytes, waiting.asked_bytes = server.payload_bytes, client.payload_bytes
            waiting.attempts, waiting.since_ns = client.packets, now_ns
            return
        if client.payload_bytes == waiting.asked_bytes or server.last_ns > client.last_ns:
            return
        settings = self.desk.settings
        asked = client.packets - waiting.attempts
        is_modbus = flow.protocol in {"modbus", "umas"}
        rule = "modbus.unresponsive" if is_modbus and server.payload_bytes else "device.unresponsive"
        name = "requests" if rule == "modbus.unresponsive" else "attempts"
        if asked >= settings.limit(rule, name) and client.last_ns - waiting.since_ns <= settings.window_ns(rule):
            self.desk.report(
                rule, client.last_ns, flow.client, flow.server, f"{asked} {flow.protocol} packets",
                protocol=flow.protocol, flow=flow,
            )  # fmt: skip
