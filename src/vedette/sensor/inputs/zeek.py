"""Zeek's JSON logs, ICSNPP's among them, and those of this sensor itself, as the calls that packets would cause.

Source:
    docs.zeek.org, script reference: the fields of each log; the readme files of ICSNPP's parsers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vedette.sensor.alerts import Alert, Severity
from vedette.sensor.flows import Flow
from vedette.sensor.inputs.feed import LogFeed, flags_of
from vedette.sensor.inputs.files import Line
from vedette.sensor.inputs.rows import Row, address_of, plain, value_of, whole
from vedette.sensor.inputs.words import plain_name, protocol_of
from vedette.sensor.inputs.zeek_assets import EVIDENCE, tell_server
from vedette.sensor.inputs.zeek_rows import OPERATIONS
from vedette.sensor.model import (
    Anomaly,
    AnomalyKind,
    AssetEvidence,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Value,
)

_TRANSPORTS: Final = {"tcp": "tcp", "udp": "udp", "icmp": "ip", "unknown_transport": "ip"}
_ICMP: Final = 1
_ICMP6: Final = 58
_KINDS: Final = {str(kind): kind for kind in OpKind}
_ATTRIBUTES: Final = {str(attribute): attribute for attribute in Attribute}
_ANOMALIES: Final = {str(kind): kind for kind in AnomalyKind}
_SEVERITIES: Final = {str(severity): severity for severity in Severity}
_OP_FIELDS: Final = 16
_MAX_DETAILS: Final = 64
_ENDS: Final = frozenset({"ts", "uid", "op", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "id"})
# What another log tells better: a row of these counts only if that log has none of its own for the operation.
_SHADOWED: Final = {"modbus": "modbus_detailed"}


class ZeekReader:
    """Reads rows of Zeek's logs.

    Args:
        feed: Where what they hold goes.
        logs: Names of the logs that there are.
    """

    def __init__(self, feed: LogFeed, logs: frozenset[str] = frozenset()) -> None:
        self._feed: Final = feed
        self._logs: Final = logs
        self.skipped = 0
        """Rows of logs that tell nothing that the sensor asks for."""
        self.not_understood = 0

    def time_of(self, row: Row) -> int | None:
        """Return when a row was."""
        return row.time_ns("ts")

    def read(self, line: Line) -> None:
        """Read a row; whatever it holds, nothing is raised."""
        self._feed.advance(line.at_ns)
        special = self._special.get(line.log)
        if special is not None:
            special(self, line)
            return
        mapped = OPERATIONS.get(line.log)
        whole_op = line.row.fields.get("op", False)
        if whole_op is None:
            return  # told by the first row of the same operation
        if mapped is None and not isinstance(whole_op, list):
            self._evidence(line, None)
            return
        flow = self._flow(line)
        if flow is None:
            self.not_understood += 1
        elif isinstance(whole_op, list):
            self._own(line, flow, whole_op)
        elif mapped is not None and _SHADOWED.get(line.log) not in self._logs:
            for op in mapped(line.row, flow, line.at_ns):
                self._feed.operation(op)
            self._evidence(line, flow)
        elif mapped is None:
            self.skipped += 1

    def _evidence(self, line: Line, flow: Flow | None) -> None:
        """Tell what a row of somebody else's log says of assets."""
        told = EVIDENCE.get(line.log)
        if told is not None:
            for piece in told(line.row, line.at_ns):
                self._feed.evidence(piece)
        elif flow is None:
            self.skipped += 1
        if flow is not None:
            for piece in tell_server(flow, line.at_ns):
                self._feed.evidence(piece)

    def _flow(self, line: Line) -> Flow | None:
        row = line.row
        ends = _ends(row)
        if ends is None:
            return None
        transport = _TRANSPORTS.get(row.text("proto").lower(), "")
        return self._feed.flow(_uid(row, ends), transport or _usual_transport(line.log, ends), ends, line.at_ns)

    def _own(self, line: Line, flow: Flow, whole_op: list[object]) -> None:
        op = _operation(flow, line, whole_op)
        if op is None:
            self.not_understood += 1
        else:
            if not flow.protocol:
                self._feed.name(flow, op.protocol, "likely")
            self._feed.operation(op)

    def _connection(self, line: Line) -> None:
        row = line.row
        ends = _ends(row)
        transport = _TRANSPORTS.get(row.text("proto").lower(), "")
        if line.log == "layer2":
            transport = "ethernet"
        if ends is None or not transport:
            self.not_understood += 1
            return
        if transport == "ip":
            number = ends[3] if "local_orig" in row.fields and ends[1] == ends[3] else _ICMP
            number = _ICMP6 if number == _ICMP and ":" in ends[0] else number
            ends = (ends[0], number, ends[2], number)
        uid = _uid(row, ends)
        flow = self._feed.flow(uid, transport, ends, line.at_ns)
        protocol = protocol_of(row.text("service"))
        flow.protocol, flow.proofs = "", 0
        if protocol:
            self._feed.name(flow, protocol, row.text("service_certainty") or "confirmed")
        vlan = row.number("vlan")
        flow.vlan = vlan if vlan is not None and 0 <= vlan <= 4095 else None
        _fill(flow, row, line.at_ns)
        for side, mac in ((flow.from_client, "orig_l2_addr"), (flow.from_server, "resp_l2_addr")):
            if side.packets:
                self._feed.hear(side, row.mac(mac), line.at_ns)
        self._feed.ends_at(uid, flow)

    def _operations(self, line: Line) -> None:
        """Read a row of the sensor's own log of operations."""
        row, flow = line.row, self._flow(line)
        kind, direction = _KINDS.get(row.text("kind")), row.text("direction").upper()
        service = row.text("service")
        if flow is None or kind is None or direction not in Direction.__members__ or not service:
            self.not_understood += 1
            return
        known = ("unit", "first", "count", "transaction", "latency_ns", "area", "name", "result", "value")
        rest = {
            name: value_of(value)
            for name, value in list(row.fields.items())[:_MAX_DETAILS]
            if name not in known
            and name not in _ENDS
            and name not in {"is_orig", "protocol", "service", "code", "kind", "direction"}
        }
        protocol = row.text("protocol")[:64]
        if not flow.protocol:
            self._feed.name(flow, protocol, "likely")
        self._feed.operation(
            OtOp(
                line.at_ns, flow, row.flag("is_orig") is not False, protocol, service, row.number("code") or 0, kind,
                Direction[direction], _unit(row.fields.get("unit")), row.text("area"), row.number("first"),
                row.number("count"), row.text("name"), value_of(row.fields.get("value")), row.text("result"),
                row.number("transaction"), row.number("latency_ns"), rest or None,
            )
        )  # fmt: skip

    def _asset_evidence(self, line: Line) -> None:
        """Read a row of the sensor's own log of evidence."""
        row = line.row
        attribute, address = _ATTRIBUTES.get(row.text("attribute")), row.address("address")
        confidence = row.number("confidence")
        if attribute is None or not address or confidence is None or not 0 <= confidence <= 100:
            self.not_understood += 1
            return
        piece = AssetEvidence(
            line.at_ns, address, attribute, row.text("value")[:256], confidence, row.text("source")[:120]
        )
        self._feed.evidence(piece)

    def _weird(self, line: Line) -> None:
        row, flow = line.row, self._flow(line)
        if flow is None:
            self.skipped += 1  # about no connection in particular
            return
        name = row.text("name")[:96]
        protocol = protocol_of(row.text("source")) or name.partition("_")[0]
        kind = _ANOMALIES.get(name.removeprefix(f"{protocol}_"))
        detail = row.text("addl")[:160] if kind is not None else " ".join((name, row.text("addl")[:100])).strip()
        is_from_client = row.flag("is_orig") is not False
        self._feed.anomaly(Anomaly(line.at_ns, flow, is_from_client, protocol, kind or _weird_kind(name), detail))

    def _notice(self, line: Line) -> None:
        row = line.row
        severity = _SEVERITIES.get(row.text("severity"), Severity.MEDIUM)
        note = row.text("note")[:96]
        is_own = "severity" in row.fields and "technique" in row.fields
        (self._feed.own_alert if is_own else self._feed.alert)(
            Alert(
                line.at_ns,
                note if is_own else f"zeek.{plain_name(note).replace('::', '_')}",
                severity,
                row.text("msg")[:256] or note,
                source=row.address("src") or row.address("id.orig_h"),
                target=row.address("dst") or row.address("id.resp_h"),
                technique=row.text("technique")[:16],
            )
        )

    _special: Final[dict[str, Callable[[ZeekReader, Line], None]]] = {
        "conn": _connection,
        "layer2": _connection,
        "operations": _operations,
        "asset_evidence": _asset_evidence,
        "weird": _weird,
        "notice": _notice,
    }


def _ends(row: Row) -> tuple[str, int, str, int] | None:
    """Return who talks with whom; Zeek's writers also nest these fields."""
    if "id.orig_h" not in row.fields and isinstance(row.fields.get("id"), dict):
        inner = row.inner("id")
        found = inner.address("orig_h"), inner.port("orig_p"), inner.address("resp_h"), inner.port("resp_p")
    else:
        found = row.address("id.orig_h"), row.port("id.orig_p"), row.address("id.resp_h"), row.port("id.resp_p")
    return found if found[0] and found[2] else None


def _uid(row: Row, ends: tuple[str, int, str, int]) -> str:
    return row.text("uid")[:64] or "|".join(map(str, ends))


def _usual_transport(log: str, ends: tuple[str, int, str, int]) -> str:
    if ":" in ends[0] and address_of(ends[0]).count(":") == 5 and len(ends[0]) == 17:
        return "ethernet"
    return "udp" if log.startswith(("bacnet", "dhcp", "ntp", "snmp", "dns", "knx")) else "tcp"


def _fill(flow: Flow, row: Row, at_ns: int) -> None:
    client, server = flow.from_client, flow.from_server
    flow.first_ns = at_ns
    end_ns = at_ns + row.duration_ns("duration")
    for side, name in ((client, "orig"), (server, "resp")):
        side.payload_bytes = row.count(f"{name}_bytes")
        side.packets = row.count(f"{name}_pkts") or int(bool(side.payload_bytes))
        side.bytes = row.count(f"{name}_ip_bytes")
        side.last_ns = end_ns if side.packets else 0
    client.missed_bytes = row.count("missed_bytes")
    if flow.transport == "tcp":
        client.flags, server.flags = flags_of(row.text("conn_state"))


def _operation(flow: Flow, line: Line, fields: list[object]) -> OtOp | None:
    """Return the operation that a row of this sensor carries whole; None if that was tampered with."""
    if len(fields) != _OP_FIELDS:
        return None
    is_from_client, protocol, service, code, kind, direction = fields[:6]
    kind_, code_, direction_ = _KINDS.get(plain(kind)), whole(code), whole(direction)
    if kind_ is None or code_ is None or direction_ not in {0, 1, 2}:
        return None
    detail = line.row.fields if fields[15] is True else fields[15]
    own = list(detail.items())[:_MAX_DETAILS] if isinstance(detail, dict) else []
    rest = {name[:64]: value_of(value) for name, value in own if isinstance(name, str) and name not in _ENDS}
    return OtOp(
        line.at_ns, flow, is_from_client is not False, plain(protocol)[:64], plain(service)[:96], code_, kind_,
        Direction(direction_), _unit(fields[6]), plain(fields[7]), whole(fields[8]), whole(fields[9]),
        plain(fields[10]), value_of(fields[11]), plain(fields[12]), whole(fields[13]), whole(fields[14]), rest or None,
    )  # fmt: skip


def _unit(value: object) -> int | str | None:
    found: Value = whole(value) if not isinstance(value, str) else plain(value)
    return found if isinstance(found, int | str) else None


def _weird_kind(name: str) -> AnomalyKind:
    low = name.lower()
    if any(word in low for word in ("truncated", "malformed", "bad", "invalid", "exceeds", "length", "overflow")):
        return AnomalyKind.MALFORMED
    if "unmatched" in low or "unexpected" in low:
        return AnomalyKind.UNEXPECTED_RESPONSE
    return AnomalyKind.ILLEGAL_VALUE
