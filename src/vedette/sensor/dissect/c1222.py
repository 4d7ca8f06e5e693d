"""ANSI C12.22: electricity meters and the systems that read and switch them.

Source:
    ANSI C12.22-2012 = IEEE 1703-2012, §5.3 (ACSE, EPSEM, services); ANSI C12.19 (tables).
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.ber import children, element, object_name
from vedette.sensor.dissect.interface import INCOMPLETE, NO, NOT_A_MESSAGE, SURE, Malformed, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

_ACSE: Final = 0x60
_MAX_ELEMENTS: Final = 16
_MAX_SERVICES: Final = 32
_MAX_LENGTH: Final = 65_535
_LAST_RESULT: Final = 0x1F
_CIPHERED: Final = 2
_MAC_BYTES: Final = 4

SERVICES: Final[dict[int, tuple[str, OpKind]]] = {
    0x20: ("identification", OpKind.IDENTIFY),
    0x21: ("terminate", OpKind.SESSION),
    0x22: ("disconnect", OpKind.SESSION),
    0x24: ("deregister", OpKind.SESSION),
    0x25: ("resolve", OpKind.IDENTIFY),
    0x26: ("trace", OpKind.DIAGNOSE),
    0x27: ("register", OpKind.SESSION),
    0x30: ("full_read", OpKind.READ),
    **{0x30 + count: (f"partial_read_index_{count}", OpKind.READ) for count in range(1, 10)},
    0x3E: ("default_read", OpKind.READ),
    0x3F: ("partial_read_offset", OpKind.READ),
    0x40: ("full_write", OpKind.WRITE),
    **{0x40 + count: (f"partial_write_index_{count}", OpKind.WRITE) for count in range(1, 10)},
    0x4F: ("partial_write_offset", OpKind.WRITE),
    0x50: ("logon", OpKind.SESSION),
    0x51: ("security", OpKind.SESSION),
    0x52: ("logoff", OpKind.SESSION),
    0x70: ("wait", OpKind.SESSION),
}
_RESULTS: Final = (
    "ok", "rejected", "service_not_supported", "insufficient_security_clearance", "operation_not_possible",
    "inappropriate_action", "device_busy", "data_not_ready", "data_locked", "renegotiate_request",
    "invalid_service_sequence", "security_mechanism_error", "unknown_application_title", "network_timed_out",
    "network_not_reachable", "request_too_large", "response_too_large", "segmentation_not_possible",
    "segmentation_error",
)  # fmt: skip
# Writing here is to have something done: a procedure is initiated (C12.19 §9.1.8).
_PROCEDURE_TABLE: Final = 7
_PROCEDURES: Final = {
    0: "cold_start", 1: "warm_start", 2: "save_configuration", 3: "clear_data", 4: "reset_list_pointers",
    5: "update_last_read_entry", 6: "change_end_device_mode", 7: "clear_standard_status_flags", 9: "remote_reset",
    10: "set_date_time", 11: "execute_diagnostics", 21: "direct_load_control", 22: "modify_credit",
    27: "clear_pending_table", 31: "program_memory",
}  # fmt: skip

_WORD: Final = Struct(">H").unpack_from


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    code: int
    at_ns: int
    kind: OpKind
    area: str
    first: int | None


class C1222(StreamDissector):
    """Reads C12.22 over TCP and UDP."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "c1222"
    max_message_bytes: ClassVar[int] = _MAX_LENGTH + 4

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, tuple[Asked, ...]]] = Transactions()

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the element tells."""
        if data[start] != _ACSE:
            return NOT_A_MESSAGE
        size = data[start + 1]
        if size < 0x80:
            return 2 + size
        count = size & 0x7F
        if count not in {1, 2}:
            return NOT_A_MESSAGE
        if len(data) < start + 2 + count:
            return INCOMPLETE
        return 2 + count + int.from_bytes(data[start + 2 : start + 2 + count], "big")

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message over UDP."""
        if len(payload) != self.measure(payload, 0, is_from_client):
            raise Malformed(f"a datagram of {len(payload)} bytes whose element tells another length")
        self.message(payload, is_from_client, at_ns)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        _, start, end = element(data, 0, len(data))
        number = answered = 0
        unit: str | None = None
        services = b""
        is_ciphered = False
        for tag, begin, stop in children(data, start, end, _MAX_ELEMENTS):
            if tag == 0xA2:
                unit = _title(data, begin, stop)
            elif tag in {0xA4, 0xA8}:
                _, first, last = element(data, begin, stop)
                value = int.from_bytes(data[first : min(last, first + 4)], "big")
                if tag == 0xA8:
                    number = value
                else:
                    answered = value
            elif tag == 0xBE:
                services, is_ciphered = _epsem(data, begin, stop)
        if is_ciphered:
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "c1222", "ciphered", 0, OpKind.OTHER, Direction.REQUEST, unit,
                    transaction=number,
                )
            )  # fmt: skip
            return
        self._services(services, number, answered, unit, is_from_client, at_ns)

    def _services(
        self, services: bytes, number: int, answered: int, unit: str | None, is_from_client: bool, at_ns: int
    ) -> None:
        questions: list[Asked] = []
        waiting = list(self._asked.answer(answered) or ())
        position = 0
        for _ in range(_MAX_SERVICES):
            if position >= len(services):
                break
            size, position = _length(services, position)
            content = services[position : position + size]
            if len(content) < size:
                raise Malformed(f"a service of {size} bytes, {len(content)} there")
            position += size
            if not content:
                continue
            if content[0] <= _LAST_RESULT:
                asked = waiting.pop(0) if waiting else None
                self._result(content, asked, answered, is_from_client, at_ns)
            else:
                questions.append(self._question(content, number, unit, is_from_client, at_ns))
        if questions:
            self._asked.ask(number, tuple(questions))

    def _question(self, content: bytes, number: int, unit: str | None, is_from_client: bool, at_ns: int) -> Asked:
        code = content[0]
        known = SERVICES.get(code)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"service {code:02x}", code)
            known = (f"service_{code:02x}", OpKind.OTHER)
        service, kind = known
        area, first, name = "", None, ""
        value: Values = None
        if kind in {OpKind.READ, OpKind.WRITE} and code != 0x3E:
            area, first = "table", _WORD(content, 1)[0]
            if kind is OpKind.WRITE:
                value = content[3:67]
                if first == _PROCEDURE_TABLE and code == 0x40:
                    procedure = int.from_bytes(content[5:7], "little") & 0x07FF
                    kind, area = OpKind.CONTROL, "procedure"
                    name = _PROCEDURES.get(procedure, f"procedure_{procedure}")
        elif code == 0x51:
            self.complain(at_ns, is_from_client, AnomalyKind.CLEAR_TEXT_CREDENTIAL, "a password", code)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "c1222", service, code, kind, Direction.REQUEST, unit, area, first,
                None, name, value, "", number,
            )
        )  # fmt: skip
        return Asked(code, at_ns, kind, area, first)

    def _result(self, content: bytes, asked: Asked | None, number: int, is_from_client: bool, at_ns: int) -> None:
        code = content[0]
        result = _RESULTS[code] if code < len(_RESULTS) else f"result_{code:02x}"
        service, kind = SERVICES.get(asked.code, ("result", OpKind.OTHER)) if asked else ("result", OpKind.OTHER)
        value: Values = None
        if asked is not None:
            kind = asked.kind
            if kind is OpKind.READ and not code:
                value = content[3:67]
        self.tell(at_ns, Attribute.ROLE, Role.METER, is_of_client=is_from_client, confidence=PROBABLE)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "c1222", service, asked.code if asked else code, kind,
                Direction.RESPONSE, None, asked.area if asked else "", asked.first if asked else None, None, "", value,
                result, number, at_ns - asked.at_ns if asked else None,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether elements of C12.22 fill a payload; see ``interface.Check``."""
    tag, start, end = element(payload, 0, len(payload))
    if tag != _ACSE or end != len(payload):
        return NO
    tags = [each for each, _, _ in children(payload, start, end, _MAX_ELEMENTS)]
    return SURE if tags and tags[-1] == 0xBE and 0xA8 in tags else NO


def _title(data: bytes, start: int, stop: int) -> str:
    """Return an application's title: an object identifier, or what follows the root of all meters."""
    tag, begin, end = element(data, start, stop)
    return object_name(data[begin:end]) if tag == 0x06 else data[begin : min(end, begin + 20)].hex()


def _epsem(data: bytes, start: int, stop: int) -> tuple[bytes, bool]:
    """Return the services within the user information, and whether they are ciphered."""
    tag, begin, end = element(data, start, stop)
    if tag != 0x28:
        raise Malformed(f"element {tag:02x} where user information is due")
    tag, begin, end = element(data, begin, end)
    if tag == 0x02:
        tag, begin, end = element(data, end, stop)
    if tag != 0x81:
        raise Malformed(f"element {tag:02x} where services are due")
    control = data[begin]
    mode = control >> 2 & 3
    at = begin + 1 + (4 if control & 0x10 else 0)
    return data[at : end - _MAC_BYTES if mode else end], mode == _CIPHERED


def _length(data: bytes, position: int) -> tuple[int, int]:
    size = data[position]
    if size < 0x80:
        return size, position + 1
    count = size & 0x7F
    if not 0 < count <= 2:
        raise Malformed(f"a length in {count} bytes")
    return int.from_bytes(data[position + 1 : position + 1 + count], "big"), position + 1 + count
