"""Records of EVE for single protocols, as operations and as evidence about devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from vedette.sensor.flows import Flow
from vedette.sensor.inputs.rows import Row, plain
from vedette.sensor.inputs.words import Known, known_by_code, known_by_name, plain_name
from vedette.sensor.inputs.zeek_rows import said
from vedette.sensor.model import (
    CERTAIN,
    PROBABLE,
    Anomaly,
    AssetEvidence,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Values,
)

_REQUEST, _RESPONSE, _REPORT = Direction.REQUEST, Direction.RESPONSE, Direction.REPORT
_METHODS: Final = {
    "get": OpKind.READ, "head": OpKind.READ, "options": OpKind.DIAGNOSE, "post": OpKind.WRITE, "put": OpKind.WRITE,
    "patch": OpKind.WRITE, "delete": OpKind.WRITE, "connect": OpKind.SESSION,
}  # fmt: skip
_MQTT: Final = {
    "publish": OpKind.REPORT, "subscribe": OpKind.READ, "connect": OpKind.SESSION, "connack": OpKind.SESSION,
}  # fmt: skip
_DNP3_ANSWERS: Final = frozenset({"response", "unsolicited_response"})
_MAX_RECORDS: Final = 32

Piece = OtOp | AssetEvidence | Anomaly


class Event(NamedTuple):
    """A record: what it says of its protocol, and whose it is."""

    about: Row
    row: Row
    flow: Flow
    at_ns: int
    is_from_client: bool


def _tell(event: Event, address: str, attribute: Attribute, text: str, source: str) -> Iterator[AssetEvidence]:
    if text and address:
        confidence = PROBABLE if attribute is Attribute.SOFTWARE else CERTAIN
        yield AssetEvidence(event.at_ns, address, attribute, text[:256], confidence, source)


def _modbus(event: Event) -> Iterator[Piece]:
    asked = event.about.inner("request")
    known = None
    for half, direction in ((asked, _REQUEST), (event.about.inner("response"), _RESPONSE)):
        if not half.fields:
            continue
        raw = half.number("function_raw")
        found = known_by_code("modbus", raw & 0x7F if raw is not None else None, half.text("function_code"))
        known = known if known is not None and direction is _RESPONSE else found
        place = next((inner for name in ("read", "write") if (inner := half.inner(name)).fields), half)
        exception = half.inner("exception").text("code") or (half.text("exception") if raw and raw & 0x80 else "")
        yield said(
            event.flow, event.at_ns, "modbus", known, direction, unit=half.number("unit_id"),
            first=place.number("address"), count=place.number("quantity"), value=place.number("data"),
            result=exception, transaction=half.number("transaction_id"),
        )  # fmt: skip


def _dnp3(event: Event) -> Iterator[Piece]:
    halves = [event.about.inner("request"), event.about.inner("response")]
    if not any(half.fields for half in halves):
        halves = [event.about]
    for half in halves:
        application = half.inner("application")
        if not application.fields:
            continue
        known = known_by_code("dnp3", application.number("function_code"))
        is_answer = "response" in half.text("type") or known.service in _DNP3_ANSWERS
        direction = _REPORT if "unsolicited" in half.text("type") else _RESPONSE if is_answer else _REQUEST
        unit = half.number("src") if is_answer else half.number("dst")
        yield said(event.flow, event.at_ns, "dnp3", known, direction, unit=unit, is_from_client=not is_answer)


def _enip(event: Event) -> Iterator[Piece]:
    for name, direction in (("request", _REQUEST), ("response", _RESPONSE)):
        half = event.about.inner(name)
        if half.fields:
            known = known_by_name("enip", half.text("command"))
            yield said(event.flow, event.at_ns, "enip", known, direction, result=half.text("status"))
            cip = half.inner("cip")
            if cip.fields:
                service = known_by_name("cip", cip.text("service"))
                yield said(event.flow, event.at_ns, "cip", service, direction, result=cip.text("status"))
            identity = half.inner("identity")
            for field, attribute in (
                ("product_name", Attribute.MODEL),
                ("serial", Attribute.SERIAL),
                ("revision", Attribute.FIRMWARE),
                ("vendor_id", Attribute.VENDOR),
            ):
                yield from _tell(event, event.flow.server, attribute, identity.text(field), "enip identity")


def _dns(event: Event) -> Iterator[Piece]:
    about = event.about
    kind = about.text("type")
    is_answer = kind in {"answer", "response"}
    listed = about.fields.get("queries")
    queries = (
        [Row(each) for each in listed[:_MAX_RECORDS] if isinstance(each, dict)] if isinstance(listed, list) else []
    )
    for query in queries or [about]:
        known = Known(0, "query", OpKind.OTHER, query.text("rrtype").lower())
        name = query.text("rrname").lower()
        if is_answer:
            answers = about.fields.get("answers")
            values: Values = (
                tuple(plain(each.get("rdata")) for each in answers[:_MAX_RECORDS] if isinstance(each, dict))
                if isinstance(answers, list)
                else ()
            )
            yield said(event.flow, event.at_ns, "dns", known, _RESPONSE, name=name, value=values,
                       result=about.text("rcode"), transaction=about.number("id"))  # fmt: skip
        else:
            yield said(event.flow, event.at_ns, "dns", known, _REQUEST, name=name, transaction=about.number("id"))


def _http(event: Event) -> Iterator[Piece]:
    about, flow = event.about, event.flow
    method, host = about.text("http_method").lower(), about.text("hostname")
    agent, path = about.text("http_user_agent"), about.text("url").partition("?")[0]
    known = Known(0, method or "response", _METHODS.get(method, OpKind.OTHER), "uri")
    detail: dict[str, Values] = {"host": host, "user_agent": agent}
    if method:
        yield said(flow, event.at_ns, "http", known, _REQUEST, unit=host or None, name=path, detail=detail)
    if (status := about.number("status")) is not None:
        result = "" if status < 400 else f"status_{status}"
        yield said(flow, event.at_ns, "http", known._replace(code=status), _RESPONSE, unit=host or None, name=path,
                   value=status, result=result, detail={**detail, "status_code": status})  # fmt: skip
    yield from _tell(event, flow.client, Attribute.SOFTWARE, agent, "http user-agent")
    yield from _tell(event, flow.server, Attribute.SOFTWARE, about.text("server"), "http server")


def _tls(event: Event) -> Iterator[Piece]:
    about, flow = event.about, event.flow
    name, version = about.text("sni"), plain_name(about.text("version"))
    mark = about.text("ja4")
    detail: dict[str, Values] | None = {"ja4": mark} if mark else None
    hello = Known(1, "client_hello", OpKind.SESSION, version)
    yield said(flow, event.at_ns, "tls", hello, _REQUEST, name=name, detail=detail)
    if version:
        answer = Known(2, "server_hello", OpKind.SESSION, version)
        yield said(flow, event.at_ns, "tls", answer, _RESPONSE, name=name, detail={"version": version})
    for kind, text in (("ja4", mark), ("ja3", about.inner("ja3").text("hash"))):
        yield from _tell(event, flow.client, Attribute.FINGERPRINT, f"{kind}:{text}" if text else "", "tls")


def _ssh(event: Event) -> Iterator[Piece]:
    known = Known(0, "identification", OpKind.SESSION, "")
    for side, direction, address in (("client", _REQUEST, event.flow.client), ("server", _RESPONSE, event.flow.server)):
        text = event.about.inner(side).text("software_version")
        if text:
            yield said(event.flow, event.at_ns, "ssh", known, direction, name=text)
            yield from _tell(event, address, Attribute.SOFTWARE, text, "ssh")


def _dhcp(event: Event) -> Iterator[Piece]:
    about = event.about
    is_answer = about.text("type") == "reply"
    known = Known(0, about.text("dhcp_type") or "bootp", OpKind.SESSION, "lease")
    mac, address = about.address("client_mac"), about.address("assigned_ip")
    address = "" if address.startswith("0.") else address
    result = "error" if known.service == "nak" else ""
    yield said(event.flow, event.at_ns, "dhcp", known, _RESPONSE if is_answer else _REQUEST, unit=mac or None,
               name=about.text("hostname"), value=address or None, result=result)  # fmt: skip
    yield from _tell(event, mac, Attribute.NAME, about.text("hostname"), "dhcp")
    vendor = about.text("vendor_class_identifier")
    yield from _tell(event, mac, Attribute.FINGERPRINT, f"dhcp_vendor:{vendor}" if vendor else "", "dhcp")
    if known.service == "ack" and mac:
        yield from _tell(event, address, Attribute.MAC, mac, "dhcp")


def _mqtt(event: Event) -> Iterator[Piece]:
    for name in list(event.about.fields)[:_MAX_RECORDS]:
        inner = event.about.inner(name)
        word = plain_name(name)
        known = Known(0, word, _MQTT.get(word, OpKind.SESSION), "topic" if word == "publish" else "")
        direction = _RESPONSE if word.endswith("ack") else _REPORT if word == "publish" else _REQUEST
        yield said(event.flow, event.at_ns, "mqtt", known, direction, is_from_client=event.is_from_client,
                   name=inner.text("topic") or inner.text("client_id"))  # fmt: skip


def _smb(event: Event) -> Iterator[Piece]:
    about = event.about
    word = plain_name(about.text("command").removeprefix("SMB2_COMMAND_").removeprefix("SMB1_COMMAND_"))
    kinds = {"read": OpKind.READ, "write": OpKind.WRITE, "create": OpKind.FILE}
    known = Known(0, word or "command", kinds.get(word, OpKind.SESSION), "")
    yield said(event.flow, event.at_ns, "smb", known, _REQUEST, name=about.text("filename") or about.text("share"))
    ntlm = about.inner("ntlmssp")
    yield from _tell(event, event.flow.client, Attribute.NAME, ntlm.text("host"), "ntlm")
    yield from _tell(event, event.flow.client, Attribute.DOMAIN, ntlm.text("domain"), "ntlm")
    yield from _tell(event, event.flow.client, Attribute.OPERATING_SYSTEM, about.inner("request").text("native_os"),
                     "smb native os")  # fmt: skip
    yield from _tell(event, event.flow.server, Attribute.OPERATING_SYSTEM, about.inner("response").text("native_os"),
                     "smb native os")  # fmt: skip


def _plainly(protocol: str, word: str, kind: OpKind) -> Callable[[Event], Iterator[Piece]]:
    def read(event: Event) -> Iterator[Piece]:
        name = plain_name(event.about.text(word)) or protocol
        yield said(event.flow, event.at_ns, protocol, Known(0, name, kind, ""), _REQUEST)

    return read


EVENTS: Final[dict[str, Callable[[Event], Iterator[Piece]]]] = {
    "modbus": _modbus, "dnp3": _dnp3, "enip": _enip, "dns": _dns, "http": _http, "tls": _tls, "ssh": _ssh,
    "dhcp": _dhcp, "mqtt": _mqtt, "smb": _smb,
    "ftp": _plainly("ftp", "command", OpKind.OTHER), "tftp": _plainly("tftp", "packet", OpKind.FILE),
    "rdp": _plainly("rdp", "event_type", OpKind.SESSION), "snmp": _plainly("snmp", "pdu_type", OpKind.READ),
}  # fmt: skip
"""``event_type`` → how its records are read."""
