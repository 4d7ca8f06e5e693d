"""How Beckhoff's controllers are found, and how routes to them are made: questions and answers over UDP.

Source:
    Beckhoff Information System, TwinCAT: ADS broadcast search; layout as in ``pyads`` and ``ads-rs``.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import CERTAIN, PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink

MAGIC: Final = b"\x03\x66\x14\x71"
_ANSWER: Final = 0x8000_0000
_SERVICES: Final = {
    1: ("identify", OpKind.IDENTIFY),
    4: ("reset", OpKind.CONTROL),
    6: ("add_route", OpKind.WRITE),
    7: ("delete_route", OpKind.WRITE),
}
_STATUS: Final = 1
_PASSWORD: Final = 2
_VERSION: Final = 3
_SYSTEM: Final = 4
_HOST: Final = 5
_ROUTE: Final = 12
_USER: Final = 13
_MAX_ITEMS: Final = 32
_SYSTEMS: Final = {2: "Windows NT", 3: "Windows CE"}

_HEADER: Final = Struct("<4sII6sHI").unpack_from
_HEADER_BYTES: Final = 24
_PAIR: Final = Struct("<HH").unpack_from
_LONG: Final = Struct("<I").unpack_from


class AdsDiscovery(Dissector):
    """Reads searches for controllers and routes that are added."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "ads"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, int]] = Transactions()

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        magic, number, code, net_id, port, count = _HEADER(payload, 0)
        if magic != MAGIC:
            raise Malformed("no mark of a search for controllers")
        items = _items(payload, count)
        is_answer = bool(code & _ANSWER)
        service, kind = _SERVICES.get(code & ~_ANSWER, (f"service_{code & 0xFFFF:x}", OpKind.OTHER))
        asked_ns = self._asked.answer(number) if is_answer else None
        if not is_answer:
            self._asked.ask(number, at_ns)
        result = ""
        if is_answer:
            status = items.get(_STATUS, b"")
            code_of = _LONG(status, 0)[0] if len(status) >= 4 else 0
            result = f"error_{code_of:x}" if code_of else "ok"
            self._identity(items, is_from_client, at_ns)
        elif kind is OpKind.WRITE:
            self.tell(at_ns, Attribute.ROLE, Role.ENGINEERING_STATION, is_of_client=is_from_client, confidence=PROBABLE)
        if items.get(_PASSWORD):
            self.complain(at_ns, is_from_client, AnomalyKind.CLEAR_TEXT_CREDENTIAL, "a password for a route")
        if items.get(_USER):
            user = text_of(items[_USER].split(b"\0", 1)[0])
            self.tell(at_ns, Attribute.USER, user, is_of_client=is_from_client, source="ads add_route")
        name = text_of((items.get(_ROUTE) or items.get(_HOST) or b"").split(b"\0", 1)[0])
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "ads", service, code & 0xFFFF, kind,
                Direction.RESPONSE if is_answer else Direction.REQUEST, f"{'.'.join(map(str, net_id))}:{port}",
                "route" if kind is OpKind.WRITE else "", None, None, name, None, result, number,
                at_ns - asked_ns if asked_ns is not None else None,
            )
        )  # fmt: skip

    def _identity(self, items: dict[int, bytes], is_from_client: bool, at_ns: int) -> None:
        found: list[tuple[Attribute, str]] = []
        if items.get(_HOST):
            found.append((Attribute.NAME, text_of(items[_HOST].split(b"\0", 1)[0])))
        version = items.get(_VERSION, b"")
        if len(version) >= 4:
            found += [
                (Attribute.VENDOR, "Beckhoff"),
                (Attribute.SOFTWARE, f"TwinCAT {version[0]}.{version[1]}.{int.from_bytes(version[2:4], 'little')}"),
                (Attribute.ROLE, Role.CONTROLLER),
            ]
        system = items.get(_SYSTEM, b"")
        if len(system) >= 20:
            major, minor, _, platform = (_LONG(system, place)[0] for place in (4, 8, 12, 16))
            if platform in _SYSTEMS:
                found.append((Attribute.OPERATING_SYSTEM, f"{_SYSTEMS[platform]} {major}.{minor}"))
        for attribute, text in found:
            self.tell(at_ns, attribute, text, is_of_client=is_from_client, confidence=CERTAIN, source="ads identify")


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload bears the mark, and a known service; see ``interface.Check``."""
    magic, _, code, _, _, _ = _HEADER(payload, 0)
    return SURE if magic == MAGIC and code & ~_ANSWER in _SERVICES else NO


def _items(payload: bytes, count: int) -> dict[int, bytes]:
    if count > _MAX_ITEMS:
        raise Malformed(f"{count} items; {_MAX_ITEMS} read at most")
    found: dict[int, bytes] = {}
    position = _HEADER_BYTES
    for _ in range(count):
        kind, size = _PAIR(payload, position)
        position += 4
        if position + size > len(payload):
            raise Malformed(f"an item of {size} bytes, {len(payload) - position} there")
        found.setdefault(kind, payload[position : position + size])
        position += size
    return found
