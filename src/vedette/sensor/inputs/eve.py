"""Suricata's EVE log as the calls that packets would cause.

Source:
    docs.suricata.io, "EVE JSON Format" (versions 6 to 8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vedette.sensor.alerts import Alert, Severity
from vedette.sensor.alerts import Engine as AlertEngine
from vedette.sensor.flows import ACK, FIN, RST, SYN, Flow
from vedette.sensor.inputs.eve_rows import EVENTS, Event
from vedette.sensor.inputs.feed import LogFeed
from vedette.sensor.inputs.files import Line
from vedette.sensor.inputs.rows import Row
from vedette.sensor.inputs.words import plain_name, protocol_of
from vedette.sensor.inputs.zeek_assets import tell_server
from vedette.sensor.model import Anomaly, AnomalyKind, AssetEvidence

_TRANSPORTS: Final = {"tcp": "tcp", "udp": "udp", "icmp": "ip", "ipv6-icmp": "ip", "icmpv6": "ip"}
_SEVERITIES: Final = {1: Severity.HIGH, 2: Severity.MEDIUM, 3: Severity.LOW}
_FAMILIES: Final = (
    ("trojan", AlertEngine.MALWARE),
    ("malware", AlertEngine.MALWARE),
    ("exploit", AlertEngine.MALWARE),
    ("protocol", AlertEngine.PROTOCOL),
)


class EveReader:
    """Reads records of EVE.

    Args:
        feed: Where what they hold goes.
    """

    def __init__(self, feed: LogFeed) -> None:
        self._feed: Final = feed
        self.skipped = 0
        """Records that tell nothing that the sensor asks for: statistics, files, …"""
        self.not_understood = 0

    def time_of(self, row: Row) -> int | None:
        """Return when a record was; a flow is written at its end and timed by its beginning."""
        if row.fields.get("event_type") == "flow" and (at_ns := row.inner("flow").time_ns("start")) is not None:
            return at_ns
        return row.time_ns("timestamp")

    def read(self, line: Line) -> None:
        """Read a record; whatever it holds, nothing is raised."""
        self._feed.advance(line.at_ns)
        kind = line.row.text("event_type")
        known = kind in _SPECIAL or kind in EVENTS
        flow = self._flow(line) if known else None
        if not known:
            self.skipped += 1
        elif flow is None:
            self.not_understood += 1
        elif kind in _SPECIAL:
            _SPECIAL[kind](self, line, flow)
        else:
            self._event(kind, line, flow)

    def _flow(self, line: Line) -> Flow | None:
        row = line.row
        source, target = row.address("src_ip"), row.address("dest_ip")
        protocol = row.text("proto").lower()
        transport = _TRANSPORTS.get(protocol, "ip")
        if not source or not target:
            return None
        ends = (source, row.port("src_port"), target, row.port("dest_port"))
        if transport == "ip":
            number = 58 if ":" in source else 1
            ends = (source, number, target, number)
        uid = row.text("flow_id")[:64] or "|".join(map(str, ends))
        application = protocol_of(row.text("app_proto"))
        return self._feed.flow(uid, transport, ends, line.at_ns, application if application != "unknown" else "")

    def _event(self, kind: str, line: Line, flow: Flow) -> None:
        # An answer's record names the server as its source: the flow knows who asked.
        is_from_client = line.row.address("src_ip") == flow.client
        for piece in EVENTS[kind](Event(line.row.inner(kind), line.row, flow, line.at_ns, is_from_client)):
            if isinstance(piece, Anomaly):
                self._feed.anomaly(piece)
            elif isinstance(piece, AssetEvidence):
                self._feed.evidence(piece)
            else:
                if not flow.protocol:
                    self._feed.name(flow, piece.protocol, "confirmed")
                self._feed.operation(piece)
        for each in tell_server(flow, line.at_ns):
            self._feed.evidence(each)

    def _ended(self, line: Line, flow: Flow) -> None:
        row, about = line.row, line.row.inner("flow")
        start_ns = about.time_ns("start")
        start_ns = line.at_ns if start_ns is None else start_ns
        end_ns = max(about.time_ns("end") or start_ns, start_ns)
        flow.first_ns = start_ns
        flags = row.inner("tcp")
        ether = row.inner("ether")
        for side, name, mac in (
            (flow.from_client, "toserver", "src_macs"),
            (flow.from_server, "toclient", "dest_macs"),
        ):
            side.packets, side.bytes = about.count(f"pkts_{name}"), about.count(f"bytes_{name}")
            side.payload_bytes = max(side.bytes - side.packets * (40 if flow.transport == "tcp" else 28), 0)
            side.last_ns = end_ns if side.packets else 0
            side.flags = _flags(flags, "ts" if name == "toserver" else "tc")
            if side.packets:
                texts = ether.texts(mac)
                self._feed.hear(side, Row({"mac": texts[0]}).mac("mac") if texts else b"", start_ns)
        vlan = row.fields.get("vlan")
        flow.vlan = vlan[0] if isinstance(vlan, list) and vlan and isinstance(vlan[0], int) else None
        self._feed.ends_at(row.text("flow_id")[:64], flow)

    def _alert(self, line: Line, flow: Flow) -> None:
        row, about = line.row, line.row.inner("alert")
        category = about.text("category").lower()
        metadata = about.inner("metadata")
        technique = next(iter(metadata.texts("mitre_technique_id")), "")
        number = f"{about.count('gid') or 1}:{about.count('signature_id')}"
        self._feed.alert(
            Alert(
                line.at_ns,
                f"suricata.{number}",
                _SEVERITIES.get(about.count("severity"), Severity.INFORMATIONAL),
                about.text("signature")[:256] or f"Suricata's rule {number}",
                source=row.address("src_ip"),
                target=row.address("dest_ip"),
                protocol=flow.protocol,
                technique=technique[:16],
                detail={"category": about.text("category")[:128], "action": about.text("action")[:32]},
                engine=next((engine for word, engine in _FAMILIES if word in category), AlertEngine.POLICY),
                flow=flow,
            )
        )

    def _anomaly(self, line: Line, flow: Flow) -> None:
        row, about = line.row, line.row.inner("anomaly")
        event = plain_name(about.text("event") or about.text("type"))
        protocol = protocol_of(about.text("app_proto") or row.text("app_proto")) or flow.protocol or flow.transport
        is_broken = any(word in event for word in ("invalid", "malformed", "truncated", "too_small", "length", "bad"))
        kind = AnomalyKind.MALFORMED if is_broken else AnomalyKind.ILLEGAL_VALUE
        kind = AnomalyKind.WRONG_DIRECTION if "wrong_direction" in event else kind
        is_from_client = row.address("src_ip") == flow.client
        self._feed.anomaly(Anomaly(line.at_ns, flow, is_from_client, protocol, kind, f"suricata {event}"[:160]))


_SPECIAL: Final[dict[str, Callable[[EveReader, Line, Flow], None]]] = {
    "flow": EveReader._ended,  # noqa: SLF001 - of the class above
    "alert": EveReader._alert,  # noqa: SLF001 - same
    "anomaly": EveReader._anomaly,  # noqa: SLF001 - same
}


def _flags(row: Row, side: str) -> int:
    """Return TCP flags of one side: Suricata writes them as hexadecimal text."""
    text = row.text(f"tcp_flags_{side}")
    try:
        return int(text, 16) & (SYN | FIN | RST | ACK) if 0 < len(text) <= 4 else 0
    except ValueError:
        return 0
