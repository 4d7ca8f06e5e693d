"""DNP3 over TCP and UDP: link, transport and application layer.

Source:
    IEEE 1815-2012, clauses 4, 8 and 9; checksums by clause 9.2.2.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect import dnp3_codes as codes
from vedette.sensor.dissect.dnp3_objects import Objects, asked_for, parse
from vedette.sensor.dissect.interface import INCOMPLETE, NO, NOT_A_MESSAGE, SURE, Malformed, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

MARK: Final = b"\x05\x64"
_MAX_FRAGMENT_BYTES: Final = 16_384
_MAX_KNOWN: Final = 1_024
_USER_DATA: Final = frozenset({3, 4})
_WITHOUT_VALUES: Final = frozenset({0, 1, 7, 8, 9, 10, 11, 12, 20, 21, 22})
_FIRST: Final = 0x40
_LAST: Final = 0x80
_CONFIRM_ME: Final = 0x20

_HEADER: Final = Struct("<BBHH").unpack_from
_WORD: Final = Struct("<H").unpack_from
_REQUEST: Final = Direction.REQUEST
_RESPONSE: Final = Direction.RESPONSE
_REPORT: Final = Direction.REPORT
_IDENTITY: Final = {
    242: Attribute.FIRMWARE, 243: Attribute.HARDWARE, 245: Attribute.LOCATION, 247: Attribute.NAME,
    248: Attribute.SERIAL, 250: Attribute.MODEL, 252: Attribute.VENDOR,
}  # fmt: skip


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    function: int
    kind: OpKind
    area: str
    first: int | None
    quantity: int | None
    at_ns: int


class Dnp3(StreamDissector):
    """Reads DNP3."""

    __slots__ = ("_asked", "_parts", "_roles", "_verified")

    name: ClassVar[str] = "dnp3"
    max_message_bytes: ClassVar[int] = 292

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._parts: Final = {True: b"", False: b""}
        self._roles: Final[set[int]] = set()
        self._verified: Final[set[bytes]] = set()

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header tells, if the header's checksum is right."""
        if data[start] != 5 or data[start + 1] != 0x64:
            return NOT_A_MESSAGE
        header = data[start : start + 10]
        if len(header) < 10:
            return INCOMPLETE
        if header not in self._verified:
            if header[2] < 5 or crc(header):
                return NOT_A_MESSAGE
            if len(self._verified) >= _MAX_KNOWN:
                self._verified.clear()
            self._verified.add(header)
        size = header[2] - 5
        return 10 + size + (size + 15) // 16 * 2

    def find(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Look for the start mark."""
        return data.find(MARK, start)

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read the frames of one datagram."""
        start = 0
        while start < len(payload):
            length = self.measure(payload, start, is_from_client)
            if length <= 0 or start + length > len(payload):
                raise Malformed(f"no frame at byte {start} of {len(payload)}")
            self.message(payload[start : start + length], is_from_client, at_ns)
            start += length

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame."""
        size, control, destination, source = _HEADER(data, 2)
        is_from_master = bool(control & 0x80)
        unit = destination if is_from_master else source
        is_primary = bool(control & 0x40)
        if unit not in self._roles:
            self._new_outstation(unit, is_from_master is is_from_client, at_ns)
        if not is_primary or control & 15 not in _USER_DATA:
            service = codes.LINK.get((is_primary, control & 15), f"link_function_{control & 15}")
            direction = _REQUEST if is_primary else _RESPONSE
            kind = OpKind.CONTROL if service == "reset_user_process" else OpKind.SESSION
            self.emit(OtOp(at_ns, self.flow, is_from_client, "dnp3", service, control & 15, kind, direction, unit))
            return
        pieces = []
        for start in range(10, len(data), 18):
            block = data[start : start + 18]
            if crc(block):
                self.complain(at_ns, is_from_client, AnomalyKind.BAD_CHECKSUM, f"block at byte {start}")
                return
            pieces.append(block[:-2])
        content = b"".join(pieces)
        if len(content) != size - 5 or not content:
            raise Malformed(f"{size - 5} bytes announced, {len(content)} there")
        transport = content[0]
        parts = self._parts
        whole = content[1:] if transport & _FIRST else parts[is_from_client] + content[1:]
        if not transport & _FIRST and not parts[is_from_client]:
            return  # its beginning was not seen
        parts[is_from_client] = b""
        if transport & _LAST:
            self._application(whole, unit, is_from_master, is_from_client, at_ns)
        elif len(whole) > _MAX_FRAGMENT_BYTES:
            raise Malformed(f"a fragment of more than {_MAX_FRAGMENT_BYTES} bytes")
        else:
            parts[is_from_client] = whole

    def _application(self, data: bytes, unit: int, is_from_master: bool, is_from_client: bool, at_ns: int) -> None:
        control, function = data[0], data[1]
        known = codes.FUNCTIONS.get(function)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"function code {function}", function)
            known = (f"function_{function}", OpKind.OTHER, "")
        elif (function >= codes.RESPONSE) is is_from_master and function != codes.CONFIRM:
            self.complain(at_ns, is_from_client, AnomalyKind.WRONG_DIRECTION, f"function code {function}", function)
        elif is_from_master and control & _CONFIRM_ME:
            what = "a master asks for a confirmation"
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, what, function)
        key = unit << 8 | control & 31
        if function >= codes.RESPONSE:
            self._answer(data, known, key, unit, is_from_client, at_ns)
            return
        service, kind, area = known
        objects = asked_for(data[2:]) if function in _WITHOUT_VALUES else parse(data, 2, has_values=True)
        head = objects[0] if objects else None
        if head is not None and not area:
            area = head.area
        self._asked.ask(
            key, Asked(function, kind, area, head.first if head else None, head.quantity if head else None, at_ns)
        )
        if not objects:
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "dnp3", service, function, kind, _REQUEST, unit, area,
                    transaction=control & 15,
                )
            )  # fmt: skip
        self._tell_all(
            objects, service, function, kind, _REQUEST, unit, "", control & 15, is_from_client, at_ns, None, None
        )

    def _answer(
        self,
        data: bytes,
        known: tuple[str, OpKind, str],
        key: int,
        unit: int,
        is_from_client: bool,
        at_ns: int,
    ) -> None:
        control, function, indications = data[0], data[1], data[2] << 8 | data[3]
        service, kind, area = known
        asked = None
        direction = _REPORT
        if function != codes.UNSOLICITED:
            direction = _RESPONSE
            asked = self._asked.answer(key)
        result = "ok"
        if indications & 0x37:
            result = next((name for bit, name in codes.ERRORS if indications & bit), "ok")
        if indications & codes.RESERVED_INDICATIONS:
            self.complain(
                at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"reserved indications {indications:04x}", function
            )
        objects = parse(data, 4, has_values=True)
        latency_ns = None
        detail: dict[str, Values] = {"iin": indications}
        if asked is not None:
            kind, area, latency_ns = asked.kind, asked.area, at_ns - asked.at_ns
            detail["fc_request"] = codes.FUNCTIONS.get(asked.function, (f"function_{asked.function}",))[0]
        if not objects:
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "dnp3", service, function, kind, direction, unit, area,
                    asked.first if asked else None, asked.quantity if asked else None, "", None,
                    result if direction is _RESPONSE else "", control & 15, latency_ns, detail,
                )
            )  # fmt: skip
        self._tell_all(
            objects, service, function, kind, direction, unit, result if direction is _RESPONSE else "",
            control & 15, is_from_client, at_ns, latency_ns, detail,
        )  # fmt: skip

    def _tell_all(
        self,
        objects: list[Objects],
        service: str,
        function: int,
        kind: OpKind,
        direction: Direction,
        unit: int,
        result: str,
        transaction: int,
        is_from_client: bool,
        at_ns: int,
        latency_ns: int | None,
        detail: dict[str, Values] | None,
    ) -> None:
        """Emit an operation for each header, and for each point that is controlled."""
        place = 0
        for each in objects:
            for index, what in each.controls:
                status = what["status_code"]
                self.emit(
                    OtOp(
                        at_ns, self.flow, is_from_client, "dnp3", service, function, kind, direction, unit,
                        each.area, index, 1, "", what["value"],
                        str(status) if result == "ok" else result, transaction, latency_ns,
                        {**(detail or {}), **what, "item": place} if place else {**(detail or {}), **what},
                    )
                )  # fmt: skip
                place += 1
            if each.controls:
                continue
            name, area = "", each.area
            if each.group == 0 and direction is _RESPONSE:
                self._attribute(each, at_ns)
            elif each.group == 70:
                name = _filename(each)
            elif function in {13, 14}:
                area = "restart"
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "dnp3", service, function, kind, direction, unit, area,
                    each.first, each.quantity, name, each.value, result, transaction, latency_ns,
                    _described(each, detail, place),
                )
            )  # fmt: skip
            place += 1

    def _attribute(self, found: Objects, at_ns: int) -> None:
        attribute = _IDENTITY.get(found.variation)
        raw = found.value
        if attribute is not None and isinstance(raw, bytes) and len(raw) > 2 and raw[0] == 1:
            self.tell(at_ns, attribute, raw[2 : 2 + raw[1]], source="dnp3 device_attribute")

    def _new_outstation(self, unit: int, is_ours: bool, at_ns: int) -> None:
        if len(self._roles) >= _MAX_KNOWN:
            self._roles.clear()
        self._roles.add(unit)
        self.tell(at_ns, Attribute.ROLE, Role.OUTSTATION, is_of_client=not is_ours, confidence=PROBABLE)
        self.tell(at_ns, Attribute.ROLE, Role.MASTER, is_of_client=is_ours, confidence=PROBABLE)


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload begins with a frame whose header is right; see ``interface.Check``."""
    if payload[0] != 5 or payload[1] != 0x64 or payload[2] < 5 or len(payload) < 10:
        return NO
    return NO if crc(payload[:10]) else SURE


def crc(block: bytes) -> int:
    """Return 0 for a block that ends with its own checksum."""
    value, end = 0, len(block) - 2
    for word in _words[end >> 1](block):
        value = _WORDS[value ^ word]
    if end & 1:
        value = value >> 8 ^ _BYTES[(value ^ block[end - 1]) & 0xFF]
    return int(value ^ 0xFFFF ^ _WORD(block, end)[0])


def _described(each: Objects, detail: dict[str, Values] | None, place: int) -> dict[str, Values]:
    """Return what a log needs of a header beside what the operation has."""
    told: dict[str, Values] = {**(detail or {}), "group": each.group, "variation": each.variation}
    if each.indexes:
        told["indexes"] = each.indexes
    if each.flags:
        told["flags"] = each.flags
    if each.times:
        told["times"] = each.times
    if place:
        told["item"] = place
    return told


def _filename(found: Objects) -> str:
    """Return the name in a file command object."""
    raw = found.value[0] if isinstance(found.value, tuple) and found.value else None
    if found.variation != 3 or not isinstance(raw, bytes) or len(raw) < 26:
        return ""
    size = _WORD(raw, 2)[0]
    return "".join(chr(c) if 0x20 <= c < 0x7F else "?" for c in raw[26 : 26 + min(size, 128)])


def _byte_table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ 0xA6BC if value & 1 else value >> 1
        found.append(value)
    return tuple(found)


def _word_table(table: tuple[int, ...]) -> tuple[int, ...]:
    """Two bytes in one step: half the time for each block."""
    halves = [(table[low] & 0xFF, table[low] >> 8) for low in range(256)]
    return tuple(table[low ^ high] ^ rest for high in range(256) for low, rest in halves)


_BYTES: Final = _byte_table()
_WORDS: Final = _word_table(_BYTES)
_words: Final = tuple(Struct(f"<{count}H").unpack_from for count in range(16))
