"""PROFINET context management: how controllers set up, parametrise, read and release their devices.

Source:
    IEC 61158-6-10 §5.2 (blocks, services), §5.2.35 (indexes); The Open Group C706 §12.6 (connectionless RPC).
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, Literal, NamedTuple

from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import CERTAIN, PROBABLE, Attribute, Direction, OpKind, OtOp, Role, Sink

_RPC_VERSION: Final = 4
_RPC_BYTES: Final = 80
_REQUEST: Final = 0
_RESPONSE: Final = 2
_FAULTS: Final = frozenset({3, 6})
_LITTLE_ENDIAN: Final = 0x10
# What all four interfaces have behind their first four bytes.
_INTERFACE_TAIL: Final = bytes.fromhex("8271 00a02442df7d")
_INTERFACES: Final = frozenset({0xDEA00001, 0xDEA00002, 0xDEA00003, 0xDEA00004})
_MAX_BLOCKS: Final = 64

_CONNECT: Final = 0
_READS: Final = frozenset({2, 5})
_WRITE: Final = 3
SERVICES: Final[dict[int, tuple[str, OpKind]]] = {
    _CONNECT: ("connect", OpKind.SESSION),
    1: ("release", OpKind.SESSION),
    2: ("read", OpKind.READ),
    _WRITE: ("write", OpKind.WRITE),
    4: ("control", OpKind.SESSION),
    5: ("read_implicit", OpKind.READ),
}
_AR_REQUEST: Final = 0x0101
_WRITE_HEADER: Final = 0x0008
_READ_HEADER: Final = 0x0009
_HEADERS: Final = frozenset({_WRITE_HEADER, _READ_HEADER, 0x8008, 0x8009})
_IDENTITY: Final = 0x0020
_INDEXES: Final = {
    0x8000: "expected_identification", 0x8001: "real_identification", 0x800A: "diagnosis", 0x800B: "diagnosis",
    0x800C: "diagnosis", 0x8027: "port_check", 0x802A: "port_data", 0x8071: "interface_adjust",
    0xAFF0: "identification_0", 0xAFF1: "identification_1", 0xAFF2: "identification_2", 0xAFF3: "identification_3",
    0xAFF4: "identification_4", 0xE000: "expected_identification", 0xE001: "real_identification",
    0xE040: "multiple_write", 0xF000: "real_identification", 0xF80C: "diagnosis", 0xF820: "ar_data",
    0xF821: "api_data", 0xF830: "log_data", 0xF831: "pdev_data", 0xF840: "identification_filter",
    0xF841: "real_pdev_data",
}  # fmt: skip

_BLOCK: Final = Struct(">HHH").unpack_from
_RECORD: Final = Struct(">HHHHI").unpack_from
_WORD: Final = Struct(">H").unpack_from


Order = Literal["little", "big"]


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    operation: int
    at_ns: int
    area: str
    first: int | None
    unit: str | None


class ProfinetCm(Dissector):
    """Reads PROFINET's remote procedure calls over UDP."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "profinet_cm"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[tuple[bytes, int], Asked]] = Transactions()

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one packet of a call; pieces behind the first are not put together."""
        kind, is_little = payload[1], bool(payload[4] & _LITTLE_ENDIAN)
        order: Order = "little" if is_little else "big"
        activity = payload[40:56]
        number = int.from_bytes(payload[64:68], order)
        operation = int.from_bytes(payload[68:70], order)
        body = payload[_RPC_BYTES:]
        if kind == _REQUEST:
            self._request(body, operation, (activity, number), is_from_client, at_ns)
        elif kind == _RESPONSE:
            self._response(body, order, operation, (activity, number), is_from_client, at_ns)
        elif kind in _FAULTS:
            self._failed((activity, number), operation, is_from_client, at_ns)

    def _request(self, body: bytes, operation: int, key: tuple[bytes, int], is_from_client: bool, at_ns: int) -> None:
        service, kind = SERVICES.get(operation, (f"operation_{operation}", OpKind.OTHER))
        area, first, unit, name, value = "", None, None, "", None
        for block, content in _blocks(body[20:]):
            if block == _AR_REQUEST:
                area, name = "relation", _station(content)
                if name:
                    self.tell(
                        at_ns, Attribute.NAME, name, is_of_client=is_from_client, confidence=CERTAIN,
                        source="profinet_cm connect",
                    )  # fmt: skip
                self.tell(at_ns, Attribute.ROLE, Role.CONTROLLER, is_of_client=is_from_client, confidence=PROBABLE)
            elif block in _HEADERS:
                slot, sub, index = _place(content)
                first, unit = index, f"{slot}.{sub:x}"
                area = _INDEXES.get(index, "record" if index < 0x8000 else f"index_{index:04x}")
                if operation == _WRITE:
                    value = body[20 + 6 + len(content) :][:64]
            elif block & 0x7F00 == 0x0100 and operation == 4:
                area = {0x0110: "parameters_end", 0x0112: "application_ready", 0x0118: "ready_for_companion"}.get(
                    block, "control"
                )
        self._asked.ask(key, Asked(operation, at_ns, area, first, unit))
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "profinet_cm", service, operation, kind, Direction.REQUEST, unit,
                area, first, None, name, value, "", key[1],
            )
        )  # fmt: skip

    def _response(
        self, body: bytes, order: Order, operation: int, key: tuple[bytes, int], is_from_client: bool, at_ns: int
    ) -> None:
        asked = self._asked.answer(key)
        service, kind = SERVICES.get(operation, (f"operation_{operation}", OpKind.OTHER))
        if len(body) < 4:
            raise Malformed("an answer without its status")
        status = int.from_bytes(body[:4], order)
        result = f"error_{status:08x}" if status else "ok"
        for block, content in _blocks(body[20:]) if not status else ():
            if block == _IDENTITY:
                self._identity(content, at_ns)
        if operation == _CONNECT and result == "ok":
            self.tell(at_ns, Attribute.ROLE, Role.IO_DEVICE, is_of_client=is_from_client, confidence=PROBABLE)
        self._answered(service, operation, kind, asked, result, key[1], is_from_client, at_ns)

    def _failed(self, key: tuple[bytes, int], operation: int, is_from_client: bool, at_ns: int) -> None:
        service, kind = SERVICES.get(operation, (f"operation_{operation}", OpKind.OTHER))
        self._answered(service, operation, kind, self._asked.answer(key), "fault", key[1], is_from_client, at_ns)

    def _answered(
        self, service: str, operation: int, kind: OpKind, asked: Asked | None, result: str, number: int,
        is_from_client: bool, at_ns: int,
    ) -> None:  # fmt: skip
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "profinet_cm", service, operation, kind, Direction.RESPONSE,
                asked.unit if asked else None, asked.area if asked else "", asked.first if asked else None, None, "",
                None, result, number, at_ns - asked.at_ns if asked else None,
            )
        )  # fmt: skip

    def _identity(self, content: bytes, at_ns: int) -> None:
        """Read identification and maintenance data 0, from the block's version on."""
        for attribute, raw in (
            (Attribute.PRODUCT_CODE, content[2:22]),
            (Attribute.SERIAL, content[22:38]),
            (Attribute.HARDWARE, str(_WORD(content, 38)[0]).encode()),
            (Attribute.FIRMWARE, f"{chr(content[40])}{content[41]}.{content[42]}.{content[43]}".encode("latin-1")),
        ):
            self.tell(at_ns, attribute, text_of(raw), confidence=CERTAIN, source="profinet_cm identification_0")


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a call is to one of PROFINET's interfaces; see ``interface.Check``."""
    if payload[0] != _RPC_VERSION or len(payload) < _RPC_BYTES:
        return NO
    first = int.from_bytes(payload[24:28], "little" if payload[4] & _LITTLE_ENDIAN else "big")
    return SURE if first in _INTERFACES and payload[32:40] == _INTERFACE_TAIL else NO


def _blocks(data: bytes) -> list[tuple[int, bytes]]:
    """Return the blocks of a call, each with what stands behind its version.

    Behind the header of a record stands the record, which may be blocks or anything else.

    Raises:
        Malformed: One reaches beyond the end.
    """
    found: list[tuple[int, bytes]] = []
    position = 0
    while position + 6 <= len(data) and len(found) < _MAX_BLOCKS:
        kind, length, version = _BLOCK(data, position)
        if length < 2 or version >> 8 != 1:
            break
        if position + 4 + length > len(data):
            if found and found[-1][0] in _HEADERS:
                break
            raise Malformed(f"a block of {length} bytes, {len(data) - position - 4} there")
        found.append((kind, data[position + 6 : position + 4 + length]))
        position += 4 + length
        if kind == _WRITE_HEADER:
            break
    return found


def _place(content: bytes) -> tuple[int, int, int]:
    """Return slot, subslot and index of a record: behind the sequence, the relation and the API."""
    slot, sub, _, index, _ = _RECORD(content, 22)
    return slot, sub, index


def _station(content: bytes) -> str:
    """Return the name of the station that asks for a relation."""
    size = _WORD(content, 50)[0]
    return text_of(content[52 : 52 + min(size, 240)])
