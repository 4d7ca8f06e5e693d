"""SNMP, versions 1 to 3: what managers ask and set, what devices say of themselves, and communities in clear.

Source:
    RFC 1157 (v1); RFC 3416 (operations of v2 and v3); RFC 3412 and 3414 (v3); RFC 3418 (system group).
"""

from __future__ import annotations

import socket
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.ber import element, integer, object_name, octets
from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import MASK, text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import (
    CERTAIN,
    POSSIBLE,
    PROBABLE,
    AnomalyKind,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Sink,
    Value,
    Values,
)

_PDUS: Final = {
    0xA0: ("get", OpKind.READ, Direction.REQUEST),
    0xA1: ("get_next", OpKind.READ, Direction.REQUEST),
    0xA2: ("response", OpKind.READ, Direction.RESPONSE),
    0xA3: ("set", OpKind.WRITE, Direction.REQUEST),
    0xA4: ("trap", OpKind.REPORT, Direction.REPORT),
    0xA5: ("get_bulk", OpKind.READ, Direction.REQUEST),
    0xA6: ("inform", OpKind.REPORT, Direction.REQUEST),
    0xA7: ("trap_v2", OpKind.REPORT, Direction.REPORT),
    0xA8: ("report", OpKind.REPORT, Direction.RESPONSE),
}
_TRAP_V1: Final = 0xA4
_VERSIONS: Final = {0: "1", 1: "2c", 3: "3"}
_ERRORS: Final = (
    "ok", "too_big", "no_such_name", "bad_value", "read_only", "gen_err", "no_access", "wrong_type", "wrong_length",
    "wrong_encoding", "wrong_value", "no_creation", "inconsistent_value", "resource_unavailable", "commit_failed",
    "undo_failed", "authorization_error", "not_writable", "inconsistent_name",
)  # fmt: skip
_AUTHENTICATION_FAILURE: Final = 4
_SYSTEM: Final = {
    "1.3.6.1.2.1.1.1.0": Attribute.DESCRIPTION,
    "1.3.6.1.2.1.1.4.0": Attribute.CONTACT,
    "1.3.6.1.2.1.1.5.0": Attribute.NAME,
    "1.3.6.1.2.1.1.6.0": Attribute.LOCATION,
    "1.3.6.1.2.1.47.1.1.1.1.10.1": Attribute.FIRMWARE,
    "1.3.6.1.2.1.47.1.1.1.1.11.1": Attribute.SERIAL,
    "1.3.6.1.2.1.47.1.1.1.1.13.1": Attribute.MODEL,
}
_OBJECT_ID: Final = "1.3.6.1.2.1.1.2.0"
_ENTERPRISE: Final = "1.3.6.1.4.1."
_MAKERS: Final = {
    "9": "Cisco", "11": "HP", "311": "Microsoft", "318": "APC", "248": "Hirschmann", "4196": "Siemens",
    "3833": "Schneider Electric", "8691": "Moxa", "4346": "Phoenix Contact", "13576": "WAGO", "2636": "Juniper",
    "95": "Rockwell Automation", "14988": "MikroTik", "368": "Axis", "1602": "Canon", "2435": "Brother",
    "674": "Dell", "641": "Lexmark", "253": "Xerox", "8072": "Net-SNMP",
}  # fmt: skip
_DEFAULTS: Final = frozenset({b"public", b"private"})
_MAX_BINDINGS: Final = 64


class Asked(NamedTuple):
    """What an answer needs to know of its request."""

    service: str
    kind: OpKind
    at_ns: int


class Snmp(Dissector):
    """Reads SNMP; a community is a password, so it is never kept."""

    __slots__ = ("_asked", "_has_complained")

    name: ClassVar[str] = "snmp"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._has_complained = False

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        tag, position, end = element(payload, 0, len(payload))
        if tag != 0x30:
            raise Malformed(f"element {tag} where a message is due")
        version, position = integer(payload, position, end)
        if version == 3:
            self._version_3(payload, position, end, is_from_client, at_ns)
            return
        community, position = octets(payload, position, end)
        if is_from_client and not self._has_complained:
            self._has_complained = True
            name = _VERSIONS.get(version, str(version))
            self.complain(at_ns, True, AnomalyKind.CLEAR_TEXT_CREDENTIAL, f"a community of SNMP version {name}")
            if community in _DEFAULTS:
                self.complain(at_ns, True, AnomalyKind.DEFAULT_CREDENTIAL, "a community that everybody knows")
        self._pdu(payload, position, end, version, is_from_client, at_ns)

    def _version_3(self, data: bytes, position: int, end: int, is_from_client: bool, at_ns: int) -> None:
        _, start, position = element(data, position, end)
        number, start = integer(data, start, position)
        _, start = integer(data, start, position)
        flags, _ = octets(data, start, position)
        security, position = octets(data, position, end)
        _, start, stop = element(security, 0, len(security))
        engine, start = octets(security, start, stop)
        _, start = integer(security, start, stop)
        _, start = integer(security, start, stop)
        user, _ = octets(security, start, stop)
        if not is_from_client and len(engine) > 4 and engine[0] & 0x80:
            maker = _MAKERS.get(str(int.from_bytes(engine[:4], "big") & 0x7FFFFFFF), "")
            self.tell(at_ns, Attribute.VENDOR, maker, confidence=POSSIBLE, source="snmp engine id")
        if user and is_from_client:
            self.tell(at_ns, Attribute.USER, text_of(user), is_of_client=True, confidence=PROBABLE)
        if flags[:1] and flags[0] & 2:
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "snmp", "encrypted", 3, OpKind.OTHER,
                    Direction.REQUEST if is_from_client else Direction.RESPONSE, transaction=number,
                )
            )  # fmt: skip
            return
        _, position, end = element(data, position, end)
        _, position = octets(data, position, end)
        _, position = octets(data, position, end)
        self._pdu(data, position, end, 3, is_from_client, at_ns)

    def _pdu(self, data: bytes, position: int, end: int, version: int, is_from_client: bool, at_ns: int) -> None:
        tag, position, end = element(data, position, end)
        known = _PDUS.get(tag)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"operation {tag & 0x1F}", tag & 0x1F)
            return
        service, kind, direction = known
        if tag == _TRAP_V1:
            self._trap(data, position, end, version, is_from_client, at_ns)
            return
        number, position = integer(data, position, end)
        error, position = integer(data, position, end)
        _, position = integer(data, position, end)
        bindings = _bindings(data, position, end)
        if not is_from_client or direction is Direction.REPORT:
            self._learn(bindings, is_from_client, at_ns)
        latency_ns = None
        if direction is Direction.RESPONSE:
            asked = self._asked.answer(number)
            if asked is not None:
                service, kind, latency_ns = asked.service, asked.kind, at_ns - asked.at_ns
        elif direction is Direction.REQUEST:
            self._asked.ask(number, Asked(service, kind, at_ns))
        result = ""
        if direction is Direction.RESPONSE:
            result = _ERRORS[error] if 0 <= error < len(_ERRORS) else f"error_{error}"
        self._emit(service, tag, kind, direction, bindings, version, result, number, latency_ns, is_from_client, at_ns)

    def _trap(self, data: bytes, position: int, end: int, version: int, is_from_client: bool, at_ns: int) -> None:
        _, start, position = element(data, position, end)
        enterprise = object_name(data[start:position])
        tag, start, position = element(data, position, end)
        agent = socket.inet_ntoa(data[start:position]) if tag == 0x40 and position - start == 4 else ""
        generic, position = integer(data, position, end)
        specific, position = integer(data, position, end)
        _, _, position = element(data, position, end)
        bindings = _bindings(data, position, end)
        if generic == _AUTHENTICATION_FAILURE:
            self.complain(at_ns, is_from_client, AnomalyKind.LOGIN_FAILED, f"SNMP trap of {agent or 'a device'}")
        self._emit(
            "trap", _TRAP_V1, OpKind.REPORT, Direction.REPORT, [(enterprise, generic), *bindings], version, "",
            specific, None, is_from_client, at_ns,
        )  # fmt: skip

    def _emit(
        self, service: str, tag: int, kind: OpKind, direction: Direction, bindings: list[tuple[str, Value]],
        version: int, result: str, number: int, latency_ns: int | None, is_from_client: bool, at_ns: int,
    ) -> None:  # fmt: skip
        values = tuple(value for _, value in bindings)
        detail: dict[str, Values] = {"version": _VERSIONS.get(version, str(version))}
        if version != 3:
            detail["community"] = MASK
        if len(bindings) > 1:
            detail["objects"] = tuple(name for name, _ in bindings)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "snmp", service, tag & 0x1F, kind, direction, None, "object", None,
                len(bindings), bindings[0][0] if bindings else "",
                values if direction is not Direction.REQUEST or kind is OpKind.WRITE else None, result, number,
                latency_ns, detail,
            )
        )  # fmt: skip

    def _learn(self, bindings: list[tuple[str, Value]], is_from_client: bool, at_ns: int) -> None:
        for name, value in bindings:
            attribute = _SYSTEM.get(name)
            if attribute is not None and value:
                self.tell(
                    at_ns, attribute, value, is_of_client=is_from_client, confidence=CERTAIN, source="snmp system"
                )
            elif name == _OBJECT_ID and isinstance(value, str) and value.startswith(_ENTERPRISE):
                number = value[len(_ENTERPRISE) :].partition(".")[0]
                if number in _MAKERS and number != "8072":
                    self.tell(at_ns, Attribute.VENDOR, _MAKERS[number], is_of_client=is_from_client)
                self.tell(at_ns, Attribute.FINGERPRINT, f"snmp:{value}", is_of_client=is_from_client)


def check(payload: bytes, is_from_client: bool) -> int:
    """Tell SNMP by its envelope, its version and its operation; see ``interface.Check``."""
    try:
        tag, position, end = element(payload, 0, len(payload))
        if tag != 0x30 or end != len(payload):
            return NO
        version, position = integer(payload, position, end)
        if version == 3:
            tag, start, _ = element(payload, position, end)
            integer(payload, start, end)
            return SURE if tag == 0x30 else NO
        _, position = octets(payload, position, end)
        tag, _, stop = element(payload, position, end)
    except Malformed:
        return NO
    if version not in _VERSIONS or tag not in _PDUS or stop != end:
        return NO
    return SURE if is_from_client or tag in {0xA2, 0xA8, 0xA4, 0xA6, 0xA7} else NO


def _bindings(data: bytes, position: int, end: int) -> list[tuple[str, Value]]:
    _, position, end = element(data, position, end)
    found: list[tuple[str, Value]] = []
    while position < end and len(found) < _MAX_BINDINGS:
        _, start, position = element(data, position, end)
        tag, begin, stop = element(data, start, position)
        if tag != 6:
            raise Malformed(f"element {tag} where an object's name is due")
        name = object_name(data[begin:stop])
        tag, begin, stop = element(data, stop, position)
        found.append((name, _value(tag, data[begin:stop])))
    return found


def _value(tag: int, content: bytes) -> Value:
    if tag == 4:
        return text_of(content)
    if tag == 2:
        return int.from_bytes(content[:9], "big", signed=True)
    if tag == 6:
        return object_name(content)
    if tag in {0x41, 0x42, 0x43, 0x46}:
        return int.from_bytes(content[:9], "big")
    if tag == 0x40 and len(content) == 4:
        return socket.inet_ntoa(content)
    return {0x80: "no_such_object", 0x81: "no_such_instance", 0x82: "end_of_mib_view"}.get(tag)
