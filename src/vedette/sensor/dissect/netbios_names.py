"""NetBIOS names: who asks for which, and who says that it is its own.

Source:
    RFC 1001 §14.1 (names in letters), RFC 1002 §4.2 (messages).
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import Dissector
from vedette.sensor.dissect.netbios_datagrams import names_told
from vedette.sensor.model import Direction, OpKind, OtOp

_HEAD: Final = Struct(">HHHH").unpack_from
_NAME_BYTES: Final = 32
_BEGIN: Final = 13
_SERVICES: Final = {
    0: ("query", OpKind.OTHER), 5: ("register", OpKind.REPORT), 6: ("release", OpKind.REPORT),
    7: ("wait", OpKind.REPORT), 8: ("refresh", OpKind.REPORT), 15: ("register", OpKind.REPORT),
}  # fmt: skip
_RESULTS: Final = {0: "ok", 1: "format_error", 2: "server_failure", 3: "no_such_name", 5: "refused", 6: "active"}


class NetbiosNames(Dissector):
    """Reads the name service of NetBIOS."""

    __slots__ = ()

    name: ClassVar[str] = "netbios_ns"

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        number, flags, questions, answers = _HEAD(payload, 0)
        if payload[12] != _NAME_BYTES:
            return
        letters = payload[_BEGIN : _BEGIN + _NAME_BYTES]
        raw = bytes((letters[at] - 0x41) << 4 | letters[at + 1] - 0x41 for at in range(0, _NAME_BYTES, 2))
        name = raw[:15].decode("latin-1").rstrip(" \0")
        service, kind = _SERVICES.get(flags >> 11 & 15, (f"operation_{flags >> 11 & 15}", OpKind.OTHER))
        is_answer = bool(flags & 0x8000)
        result = _RESULTS.get(flags & 15, f"error_{flags & 15}") if is_answer else ""
        address = None
        if is_answer and service == "query" and answers and payload[46:48] == b"\0\x20" and len(payload) >= 62:
            address = ".".join(map(str, payload[58:62]))
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "netbios_ns", service, flags >> 11 & 15, kind,
                Direction.RESPONSE if is_answer else Direction.REQUEST, None, "" if questions else "answer", raw[15],
                None, name, address, result, number,
            )
        )  # fmt: skip
        for attribute, value, confidence in names_told(payload):
            self.tell(at_ns, attribute, value, is_of_client=is_from_client, confidence=confidence)
