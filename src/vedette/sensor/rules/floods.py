"""Too much of it: ICMP, sessions, connections; and addresses that two claim."""

from __future__ import annotations

from typing import Final

from vedette.sensor.flows import Flow, Side
from vedette.sensor.model import Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk, Rate, Wide
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood, ends_of

_PORTS: Final = frozenset({21, 22, 23, 139, 445, 3389, 5900, 5985, 5986})
_VIRTUAL: Final = ("00:00:5e:00:01:", "00:00:0c:07:ac:", "00:00:0c:9f:f")
"""MAC addresses that routers hand over to one another (VRRP, HSRP)."""


class Floods(Detector):
    """Counts packets and connections."""

    __slots__ = ("_connections", "_icmp", "_limit", "_sessions", "_since_ns", "_tries")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        limit, window_ns = desk.settings.limit, desk.settings.window_ns
        self._icmp: Final[Rate[tuple[str, str]]] = Rate(limit("flood.icmp", "messages"), window_ns("flood.icmp"))
        self._sessions: Final[Rate[tuple[str, str, int]]] = Rate(
            limit("flood.sessions", "sessions"), window_ns("flood.sessions")
        )
        # One window for all after another: a sliding one of thousands for each target would cost its memory.
        self._connections: Final[Wide[str, int]] = Wide()
        self._since_ns = 0
        self._limit: Final = limit("flood.connections", "connections"), window_ns("flood.connections")
        self._tries: Final[Rate[tuple[str, str]]] = Rate(
            limit("device.unresponsive", "attempts"), window_ns("device.unresponsive")
        )

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:
        """Hear ICMP."""
        return self._hear_icmp if protocol in {"icmp", "icmpv6"} and kind is OpKind.DIAGNOSE else None

    def side_heard(self, side: Side, at_ns: int) -> None:
        """Hear that a conversation was opened, or accepted."""
        flow = side.flow
        if flow.transport != "tcp":
            return
        if side.is_client:
            self._connection(flow, at_ns)
        elif flow.server_port in _PORTS or flow.server in self.place.field:
            key = (flow.client, flow.server, flow.server_port)
            if self._sessions.hit(key, at_ns):
                self.desk.report(
                    "flood.sessions", at_ns, flow.client, flow.server, f"port {flow.server_port}",
                    key=str(flow.server_port), flow=flow,
                )  # fmt: skip

    def flow_closed(self, flow: Flow) -> None:
        """Hear that a connection came to nothing."""
        if flow.transport == "tcp" and not flow.from_server.packets and flow.from_client.packets:
            target = flow.server
            known = self.place.assets.find(target) is not None and target in self.place.first_ns
            if known and self._tries.hit((flow.client, target), flow.last_ns):
                self.desk.report(
                    "device.unresponsive", flow.last_ns, flow.client, target, "connections come to nothing", flow=flow
                )

    def _connection(self, flow: Flow, at_ns: int) -> None:
        limit, window_ns = self._limit
        if not 0 <= at_ns - self._since_ns <= window_ns:
            self._since_ns = at_ns
            self._connections.clear()
        count = (self._connections.get(flow.server) or 0) + 1
        self._connections.put(flow.server, count)
        if count == limit:
            self.desk.report("flood.connections", at_ns, flow.client, flow.server, flow=flow)

    def _hear_icmp(self, op: OtOp) -> None:
        if op.direction is Direction.REQUEST:
            source, target = ends_of(op)
            if self._icmp.hit((source, target), op.at_ns):
                self.desk.report("flood.icmp", op.at_ns, source, target, protocol=op.protocol, flow=op.flow)


class Claims(Detector):
    """Notes which MAC address claims which IP address: one that goes to and fro belongs to two."""

    __slots__ = ("_changes", "_owners", "_stolen")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        limit, window_ns = desk.settings.limit("arp.spoofing", "changes"), desk.settings.window_ns("arp.spoofing")
        self._owners: Final[Wide[str, tuple[str, str]]] = Wide(65_536)
        """Address → who first claimed it, and who did last."""
        self._changes: Final[Rate[str]] = Rate(limit, window_ns)
        self._stolen: Final[Rate[str]] = Rate(limit + 1, window_ns)

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:  # noqa: ARG002 - all of ARP
        """Hear ARP."""
        return self._hear if protocol == "arp" else None

    def _hear(self, op: OtOp) -> None:
        address = op.value
        if not isinstance(address, str) or address == "0.0.0.0" or op.service == "probe":  # noqa: S104 - nobody's
            return
        mac = op.flow.client if op.is_from_client else op.flow.server
        known = self._owners.get(address)
        if known is None:
            self._owners.put(address, (mac, mac))
            return
        first, last = known
        if mac == last or mac.startswith(_VIRTUAL):
            return
        self._owners.put(address, (first, mac))
        # Back and forth: both are there. Many at once: one takes the addresses of others.
        is_fight = self._changes.hit(address, op.at_ns)
        is_theft = self._stolen.hit(mac, op.at_ns)
        if is_fight or is_theft:
            thief = mac if mac != first else last
            self.desk.report(
                "arp.spoofing", op.at_ns, thief, "", f"{address} of {first}", protocol="arp", flow=op.flow,
                detail={"address": address, "first_claimed_by": first, "claimed_by": thief},
            )  # fmt: skip
