"""Rows of Zeek's and ICSNPP's logs of protocols as operations: one row is a message, or a question with its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vedette.sensor.dissect.s7comm_codes import swapped
from vedette.sensor.flows import Flow
from vedette.sensor.inputs.rows import Row
from vedette.sensor.inputs.words import Known, known_by_code, known_by_name, plain_name
from vedette.sensor.model import Direction, OpKind, OtOp, Values

_MAX_VALUES: Final = 2_048
_REQUEST, _RESPONSE, _REPORT = Direction.REQUEST, Direction.RESPONSE, Direction.REPORT
_OK: Final = frozenset({"", "ok", "success", "good", "no error", "noerror", "0x00", "0x0000", "0x00000000", "none"})
_DHCP_FROM_SERVER: Final = frozenset({"offer", "ack", "nak", "forcerenew"})
_METHODS: Final = {
    "get": OpKind.READ, "head": OpKind.READ, "options": OpKind.DIAGNOSE, "post": OpKind.WRITE, "put": OpKind.WRITE,
    "patch": OpKind.WRITE, "delete": OpKind.WRITE, "connect": OpKind.SESSION,
}  # fmt: skip

Reader = Callable[[Row, Flow, int], list[OtOp]]


def said(
    flow: Flow,
    at_ns: int,
    protocol: str,
    known: Known,
    direction: Direction,
    *,
    is_from_client: bool | None = None,
    unit: int | str | None = None,
    first: int | None = None,
    count: int | None = None,
    name: str = "",
    value: Values = None,
    result: str = "",
    transaction: int | None = None,
    detail: dict[str, Values] | None = None,
) -> OtOp:
    """Make an operation of what a row says."""
    from_client = direction is not _RESPONSE if is_from_client is None else is_from_client
    outcome = ("ok" if result.lower() in _OK else plain_name(result)) if direction is _RESPONSE else ""
    return OtOp(
        at_ns, flow, from_client, protocol, known.service, known.code, known.kind, direction, unit, known.area, first,
        count, name, value, outcome, transaction, None, detail,
    )  # fmt: skip


def _modbus_pair(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    """Read a row that has question and answer, as ICSNPP writes them since 2024."""
    known = known_by_name("modbus", row.text("func"))
    unit, first, count, tid = row.number("unit"), row.number("address"), row.number("quantity"), row.number("tid")
    failed = row.text("exception_code")
    return [
        said(flow, at_ns, "modbus", known, direction, unit=unit, first=first, count=count,
             value=_numbers(row, f"{half}_values"), result=result, transaction=tid)
        for direction, half, result in ((_REQUEST, "request", ""), (_RESPONSE, "response", failed))
    ]  # fmt: skip


def _numbers(row: Row, name: str) -> Values:
    values = row.fields.get(name)
    if isinstance(values, list):
        return tuple(each for each in values[:_MAX_VALUES] if isinstance(each, int)) or None
    told = row.text(name).strip("[]")
    parts = tuple(part.strip() for part in told.split(",")) if told else ()
    return tuple(int(each) if each.lstrip("-").isdigit() else each for each in parts) or None


def _modbus(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    if "matched" in row.fields or "response_values" in row.fields:
        return _modbus_pair(row, flow, at_ns)
    function, _, failed = row.text("func").partition("_EXCEPTION")
    name = "umas" if flow.protocol == "umas" else "modbus"
    known = known_by_name("modbus", function)
    told = (row.text("request_response") or row.text("pdu_type")).upper()
    is_answer = told.startswith("RESP") or bool(failed) or row.text("func").endswith("_EXCEPTION")
    return [
        said(
            flow, at_ns, name, known, _RESPONSE if is_answer else _REQUEST, unit=row.number("unit"),
            first=row.number("address"), count=row.number("quantity"), value=_numbers(row, "values"),
            result=row.text("exception") or ("exception" if row.text("func").endswith("_EXCEPTION") else ""),
            transaction=row.number("tid"),
        )
    ]  # fmt: skip


def _dnp3(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    found = []
    asked = known_by_name("dnp3", row.text("fc_request")) if row.text("fc_request") else None
    if asked is not None:
        found.append(said(flow, at_ns, "dnp3", asked, _REQUEST))
    if answer := row.text("fc_reply"):
        known = known_by_name("dnp3", answer)
        direction = _REPORT if "unsolicited" in known.service else _RESPONSE
        known = asked if asked is not None and direction is _RESPONSE else known
        found.append(said(flow, at_ns, "dnp3", known, direction, is_from_client=False))
    return found


def _s7comm(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    known = known_by_code("s7comm", row.number("function_code"), row.text("function_name"))
    told = row.text("rosctr_name").lower().replace("-", "")
    is_from_client = row.flag("is_orig") is not False
    is_answer = "ack" in told or (told == "userdata" and not is_from_client)
    direction = _RESPONSE if is_answer else _REQUEST
    reference = swapped(row.number("pdu_reference"))
    result = row.text("error") or row.text("error_class")
    result = "ok" if result.lower() == "no error" else result
    return [said(flow, at_ns, "s7comm", known, direction, is_from_client=is_from_client, result=result,
                 transaction=reference)]  # fmt: skip


def _s7comm_plus(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    known = known_by_code("s7comm_plus", row.number("function_code"), row.text("function_name"))
    told = row.text("opcode_name").lower()
    direction = _RESPONSE if "response" in told else _REPORT if "notif" in told else _REQUEST
    return [said(flow, at_ns, "s7comm_plus", known, direction, is_from_client=row.flag("is_orig"))]


def _enip(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    known = known_by_code("enip", row.number("enip_command_code"), row.text("enip_command"))
    is_from_client = row.flag("is_orig") is not False
    direction = _REQUEST if is_from_client else _RESPONSE
    return [said(flow, at_ns, "enip", known, direction, is_from_client=is_from_client, result=row.text("enip_status"))]


def _cip(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    code, name = row.number("cip_service_code"), row.text("cip_service")
    known = known_by_name("cip", name)
    if known.kind is OpKind.OTHER:
        known = known_by_code("cip", code & 0x7F if code is not None else None, name)
    is_answer = row.text("direction").lower() == "response"
    detail: dict[str, Values] = {
        name: number for name in ("class_id", "instance_id", "attribute_id") if (number := row.number(name)) is not None
    }
    return [
        said(
            flow, at_ns, "cip", known, _RESPONSE if is_answer else _REQUEST, is_from_client=row.flag("is_orig"),
            first=row.number("instance_id"), name=row.text("data_id"), result=row.text("cip_status"),
            transaction=row.number("cip_sequence_count"), detail=detail or None,
        )
    ]  # fmt: skip


def _bacnet(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    known = known_by_name("bacnet", row.text("pdu_service"))
    told = row.text("pdu_type").lower()
    is_answer = any(word in told for word in ("ack", "error", "reject", "abort"))
    direction = _RESPONSE if is_answer else _REPORT if "unconfirmed" in told else _REQUEST
    result = row.text("result_code") or ("error" if is_answer and "ack" not in told else "")
    return [
        said(flow, at_ns, "bacnet", known, direction, is_from_client=row.flag("is_orig"), result=result,
             transaction=row.number("invoke_id"))
    ]  # fmt: skip


def _opcua(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    name = plain_name(row.text("identifier_str"))
    is_answer = name.endswith("_response") or row.flag("is_orig") is False
    known = known_by_code("opcua", row.number("identifier"), name.removesuffix("_response").removesuffix("_request"))
    return [
        said(flow, at_ns, "opcua", known, _RESPONSE if is_answer else _REQUEST, is_from_client=row.flag("is_orig"),
             name=row.text("node_id"), result=row.text("status"), transaction=row.number("request_id"))
    ]  # fmt: skip


def _iec104(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    known = known_by_code("iec104", row.number("type_id"), row.text("type"))
    is_from_client = row.flag("is_orig") is not False
    direction = _REPORT if known.kind is OpKind.REPORT else _REQUEST if is_from_client else _RESPONSE
    return [
        said(flow, at_ns, "iec104", known, direction, is_from_client=is_from_client, unit=row.number("common_address"),
             first=row.number("ioa"), count=row.number("objects"), result=row.text("result"))
    ]  # fmt: skip


def _mms(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    known = known_by_name("mms", row.text("service"))
    told = row.text("pdu_type").upper()
    direction = Direction[told] if told in Direction.__members__ else _REQUEST
    return [
        said(flow, at_ns, "mms", known, direction, is_from_client=row.flag("is_orig"), name=row.text("object"),
             result=row.text("result"), transaction=row.number("invoke_id"))
    ]  # fmt: skip


def _profinet(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    name = plain_name(row.text("service") or row.text("operation_type"))
    kind = {"get": OpKind.READ, "set": OpKind.WRITE, "identify": OpKind.IDENTIFY, "hello": OpKind.REPORT}
    known = Known(0, name or "unknown", kind.get(name, OpKind.OTHER), "")
    is_from_client = row.flag("is_orig") is not False
    return [said(flow, at_ns, "profinet_dcp", known, _REQUEST if is_from_client else _RESPONSE,
                 is_from_client=is_from_client, name=row.text("options"), result=row.text("result"))]  # fmt: skip


def _dns(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    name, area = row.text("query").lower(), row.text("qtype_name").lower()
    known = Known(0, "query", OpKind.OTHER, area)
    number = row.number("trans_id")
    found = [said(flow, at_ns, "dns", known, _REQUEST, name=name, transaction=number)]
    if row.number("rcode") is not None:
        answers = row.texts("answers")
        found.append(
            said(flow, at_ns, "dns", known, _RESPONSE, count=len(answers), name=name, value=answers,
                 result=row.text("rcode_name"), transaction=number)
        )  # fmt: skip
    return found


def _http(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    method, uri, host = row.text("method").lower(), row.text("uri").partition("?")[0], row.text("host")
    known = Known(0, method or "response", _METHODS.get(method, OpKind.OTHER), "uri")
    detail: dict[str, Values] = {"host": host, "user_agent": row.text("user_agent")}
    found = [said(flow, at_ns, "http", known, _REQUEST, unit=host or None, name=uri, detail=detail)] if method else []
    if (status := row.number("status_code")) is not None:
        result = "" if status < 400 else f"status_{status}"
        found.append(
            said(flow, at_ns, "http", known._replace(code=status), _RESPONSE, unit=host or None, name=uri,
                 value=status, result=result, detail={**detail, "status_code": status})
        )  # fmt: skip
    return found


def _ssl(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    name, version = row.text("server_name"), row.text("version")
    hello = Known(1, "client_hello", OpKind.SESSION, version)
    detail: dict[str, Values] = {"ja4": row.text("ja4")} if row.text("ja4") else {}
    found = [said(flow, at_ns, "tls", hello, _REQUEST, name=name, detail=detail or None)]
    if version:
        answer = Known(2, "server_hello", OpKind.SESSION, version)
        found.append(said(flow, at_ns, "tls", answer, _RESPONSE, name=name, value=row.text("cipher") or None,
                          detail={"version": version, "cipher": row.text("cipher"), "server_name": name}))  # fmt: skip
    return found


def _ssh(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    known = Known(0, "identification", OpKind.SESSION, "")
    found = [said(flow, at_ns, "ssh", known, _REQUEST, name=row.text("client"))] if row.text("client") else []
    if server := row.text("server"):
        found.append(said(flow, at_ns, "ssh", known, _RESPONSE, name=server))
    return found


def _dhcp(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
    found = []
    for name in (each.lower() for each in row.texts("msg_types")):
        is_answer = name in _DHCP_FROM_SERVER
        known = Known(0, name, OpKind.SESSION, "lease")
        address = row.address("assigned_addr") or row.address("requested_addr") or row.address("client_addr")
        found.append(
            said(flow, at_ns, "dhcp", known, _RESPONSE if is_answer else _REQUEST, unit=row.text("mac") or None,
                 name=row.text("host_name"), value=address or None, result="error" if name == "nak" else "")
        )  # fmt: skip
    return found


def _simple(protocol: str, service: str, kinds: dict[str, OpKind], usual: OpKind) -> Reader:
    def read(row: Row, flow: Flow, at_ns: int) -> list[OtOp]:
        name = plain_name(row.text(service)) or protocol
        known = Known(0, name, kinds.get(name, usual), "")
        return [said(flow, at_ns, protocol, known, _REQUEST, name=(row.text("arg") or row.text("topic"))[:256])]

    return read


_FTP: Final = {"retr": OpKind.FILE, "stor": OpKind.FILE, "user": OpKind.SESSION, "pass": OpKind.SESSION,
               "dele": OpKind.WRITE, "list": OpKind.READ}  # fmt: skip
_MQTT: Final = {"subscribe": OpKind.READ, "unsubscribe": OpKind.SESSION}

OPERATIONS: Final[dict[str, Reader]] = {
    "modbus": _modbus, "modbus_detailed": _modbus, "dnp3": _dnp3, "s7comm": _s7comm, "s7comm_plus": _s7comm_plus,
    "enip": _enip, "cip": _cip, "bacnet": _bacnet, "opcua_binary": _opcua, "iec104": _iec104, "mms": _mms,
    "profinet_dcp": _profinet, "dns": _dns, "http": _http, "ssl": _ssl, "ssh": _ssh, "dhcp": _dhcp,
    "ftp": _simple("ftp", "command", _FTP, OpKind.OTHER),
    "snmp": _simple("snmp", "version", {}, OpKind.READ),
    "rdp": _simple("rdp", "result", {}, OpKind.SESSION),
    "ntp": _simple("ntp", "mode", {}, OpKind.SESSION),
    "mqtt_publish": _simple("mqtt", "from_client", {}, OpKind.REPORT),
    "mqtt_connect": _simple("mqtt", "connect_status", {}, OpKind.SESSION),
    "mqtt_subscribe": _simple("mqtt", "action", _MQTT, OpKind.READ),
}  # fmt: skip
"""Log → how its rows are read."""
