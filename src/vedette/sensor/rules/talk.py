"""Who talks with whom, and should not: the Internet, remote access, wrong ports, addresses that cannot be."""

from __future__ import annotations

from typing import Final

from vedette.sensor.assets import is_public
from vedette.sensor.dissect import PROTOCOLS
from vedette.sensor.flows import Flow, Side
from vedette.sensor.model import AssetEvidence, Attribute, Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk, Distinct, Memory, Rate, Wide
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood, ends_of, subnet_of

_OPEN: Final = frozenset({"tls", "http", "ssh"})
_REMOTE: Final = {
    "ssh": "remote.ssh", "rdp": "remote.rdp", "vnc": "remote.vnc", "telnet": "remote.telnet", "smb": "remote.smb",
}  # fmt: skip
_FILES: Final = frozenset({"ftp", "tftp"})
_TRANSFERS: Final = frozenset({"retr", "stor", "stou", "appe", "read_request", "write_request"})
_FIXED: Final[dict[tuple[str, int], frozenset[str]]] = {
    (protocol.transport, port): frozenset(
        other.name for other in PROTOCOLS if other.transport == protocol.transport and port in other.ports
    )
    for protocol in PROTOCOLS
    if protocol.transport in {"tcp", "udp"} and protocol.check is not None and protocol.name not in {"tls", "http"}
    for port in protocol.ports
    if port < 49_152
}
_ALIASES: Final = frozenset({"cotp", "cip", "umas", "s7comm", "s7comm_plus", "mms", "profinet_dcp", "netbios_ssn"})
_ILLEGAL_SOURCES: Final = ("127.", "224.", "239.", "255.255.255.255", "240.")
_ILLEGAL_TARGETS: Final = ("127.", "0.")
_CROWD: Final = 16
_CROWD_NS: Final = 3_600_000_000_000
_DHCP: Final = frozenset({67, 68})
_NOT_FOR_LLDP: Final = frozenset(
    {Attribute.SERVICE, Attribute.MODULE, Attribute.FINGERPRINT, Attribute.USER, Attribute.IP, Attribute.MAC,
     Attribute.ROLE}
)  # fmt: skip


class Talk(Detector):
    """Looks at conversations as they begin, and once more when they are over."""

    __slots__ = ("_crowds", "_known", "_lldp", "_outward", "_public", "_seen")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        self._lldp: Final[Wide[tuple[str, Attribute], str]] = Wide()
        self._seen: Final[Wide[tuple[str, str, str], bool]] = Wide(65_536)
        self._outward: Final[Memory[Flow, tuple[str, str]]] = Memory(1_024)
        """Conversations with public addresses → the address here, and its subnet: nobody there is industrial, yet."""
        self._public: Final[Wide[str, bool]] = Wide()
        self._known = 0
        self._crowds: Final[Distinct[tuple[str, str], str]] = Distinct(_CROWD, _CROWD_NS)

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:
        """Hear remote access and file transfers."""
        if protocol in _REMOTE:
            return self._remote
        return self._file if protocol in _FILES and kind is OpKind.FILE else None

    def side_heard(self, side: Side, at_ns: int) -> None:
        """Hear the first packet of an endpoint."""
        flow = side.flow
        if flow.transport == "ethernet":
            return
        if flow.transport != "ip" and (not flow.server_port or not flow.client_port):
            self.desk.report("port.zero", at_ns, flow.client, flow.server, flow=flow)
        source, target = (flow.client, flow.server) if side.is_client else (flow.server, flow.client)
        # A computer that listens to itself is not on a wire: no MAC addresses, or 127.0.0.1 on both sides.
        is_on_wire = any(side.mac) and not (source.startswith("127.") and target.startswith("127."))
        if is_on_wire and (source.startswith(_ILLEGAL_SOURCES) or target.startswith(_ILLEGAL_TARGETS)):
            self.desk.report("address.illegal", at_ns, source, target, "an address that nobody may have", flow=flow)
        elif source == "0.0.0.0" and flow.server_port not in _DHCP and flow.transport != "ip":  # noqa: S104 - on a wire
            self.desk.report("address.illegal", at_ns, source, target, "without an address", flow=flow)
        if not side.is_client:
            return
        is_client_public, is_server_public = self._is_public(flow.client), self._is_public(flow.server)
        if not (is_client_public or is_server_public) or self._outside(flow, at_ns):
            return
        if is_client_public != is_server_public:
            inner = flow.server if is_client_public else flow.client
            self._outward.put(flow, (inner, subnet_of(inner)))

    def tick(self, now_ns: int) -> None:
        """Look again at conversations with the outside, once more is known of who is here."""
        place = self.place
        known = len(place.industrial)
        if known != self._known:
            self._known = known
            industrial, subnets = place.industrial, place.subnets
            for flow, (inner, subnet) in list(self._outward.known.items()):
                if (inner in industrial or subnet in subnets) and self._outside(flow, now_ns):
                    self._outward.drop(flow)

    def _is_public(self, address: str) -> bool:
        found = self._public.get(address)
        if found is None:
            found = is_public(address)
            self._public.put(address, found)
        return found

    def evidence(self, evidence: list[AssetEvidence]) -> None:
        """Hear what LLDP tells of a device."""
        for piece in evidence:
            if piece.source.startswith("lldp") and piece.attribute not in _NOT_FOR_LLDP:
                key = (piece.address, piece.attribute)
                before = self._lldp.get(key)
                self._lldp.put(key, piece.value)
                if before is not None and before != piece.value:
                    self.desk.report(
                        "lldp.configuration", piece.at_ns, piece.address, "", str(piece.attribute),
                        key=str(piece.attribute), protocol="lldp", detail={"before": before, "now": piece.value},
                    )  # fmt: skip

    def flow_closed(self, flow: Flow) -> None:
        """Compare what was spoken with what the port is for; devices may have shown what they are meanwhile."""
        if flow in self._outward.known:
            self._outward.drop(flow)
            self._outside(flow, flow.last_ns)
        own = _FIXED.get((flow.transport, flow.server_port))
        if own is None or not flow.entry or flow.entry.name in own or flow.protocol in own:
            return
        if flow.certainty != "confirmed" or flow.protocol in _ALIASES:
            return
        # Encrypted or web talk on any port is usual in offices; on a controller it is not.
        if flow.entry.name not in _OPEN or flow.server in self.place.field:
            self._other(flow, own)

    def _other(self, flow: Flow, own: frozenset[str]) -> None:
        what = f"{flow.protocol} on port {flow.server_port} of {', '.join(sorted(own))}"
        self.desk.report(
            "port.other_protocol", flow.last_ns, flow.client, flow.server, what[:96],
            key=f"{flow.transport}/{flow.server_port} {flow.protocol}", protocol=flow.protocol, flow=flow,
        )  # fmt: skip

    def _outside(self, flow: Flow, at_ns: int) -> bool:
        """Report who talks with the Internet; tell whether somebody does."""
        place, assets = self.place, self.place.assets
        inner, outer = flow.client, flow.server
        if not self._is_public(outer) or (self._is_public(inner) and assets.is_inside(outer)):
            inner, outer = outer, inner
        if not self._is_public(outer) or assets.is_inside(outer):
            return False
        if self._is_public(inner):
            # Who uses public addresses for a plant uses many: their neighbours are no Internet.
            if not assets.is_inside(inner) or inner.split(".")[:2] == outer.split(".")[:2]:
                return False
            rule = "internet.public_inside"
        elif inner in place.industrial:
            rule = "internet.industrial"
        elif subnet_of(inner) in place.subnets:
            rule = "internet.access"
        else:
            return False
        service = f"{flow.transport}/{flow.server_port}"
        what = flow.protocol or service
        if self._crowds.hit((inner, service), outer, at_ns):  # forged senders, or a scan: one alert for all of them
            outer, what = "", f"{what}, with many public addresses"
        self.desk.report(rule, at_ns, inner, outer, what, key=service, protocol=flow.protocol, flow=flow)
        return True

    def _remote(self, op: OtOp) -> None:
        if op.is_from_client:
            self._reach(_REMOTE[op.protocol], op.flow, op.at_ns)

    def _reach(self, rule: str, flow: Flow, at_ns: int) -> None:
        """Report remote access to controllers at once, to other industrial devices once it is new."""
        key = (rule, flow.client, flow.server)
        is_new = key not in self._seen
        self._seen.put(key, True)
        settle_ns = self.desk.settings.window_ns("ot.new_writer", "settle_s")
        if flow.server in self.place.field or (
            is_new and flow.server in self.place.industrial and self.place.known_for_ns(flow.server, at_ns) > settle_ns
        ):
            self.desk.report(rule, at_ns, flow.client, flow.server, protocol=flow.protocol, flow=flow)

    def _file(self, op: OtOp) -> None:
        if op.direction is not Direction.REQUEST or op.service not in _TRANSFERS:
            return
        source, target = ends_of(op)
        if target in self.place.field or source in self.place.field:
            what = f"{op.protocol} {op.service} {op.name}"[:96]
            self.desk.report(
                "file.transfer", op.at_ns, source, target, what, key=f"{op.protocol} {op.service}",
                protocol=op.protocol, flow=op.flow, detail={"name": op.name[:256]},
            )  # fmt: skip


class Leases(Detector):
    """Hears DHCP: who asks again and again, and who is told no."""

    __slots__ = ("_asks",)

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        settings = desk.settings
        self._asks: Final[Rate[str]] = Rate(
            settings.limit("dhcp.failed", "attempts"), settings.window_ns("dhcp.failed")
        )

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:  # noqa: ARG002 - all of DHCP
        """Hear DHCP."""
        return self._hear if protocol == "dhcp" else None

    def _hear(self, op: OtOp) -> None:
        mac = str(op.unit or "")
        if not mac:
            return
        if op.service == "discover":
            if self._asks.hit(mac, op.at_ns):
                self.desk.report("dhcp.failed", op.at_ns, mac, "", "nobody answers", protocol="dhcp", flow=op.flow)
            return
        # Who goes on to request an address was offered one, whether or not the sensor hears that direction.
        self._asks.forget(mac)
        if op.direction is Direction.RESPONSE and op.service == "nak":
            self.desk.report("dhcp.failed", op.at_ns, mac, "", "it was refused", protocol="dhcp", flow=op.flow)
