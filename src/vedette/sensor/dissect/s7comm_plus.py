"""S7comm-plus, the protocol of SIMATIC S7-1200 and S7-1500.

Source:
    No public standard. Layout as in the published Wireshark plugin ``s7comm_plus``.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import Final, NamedTuple

from vedette.sensor.dissect.interface import NO, SURE, WEAK, Dissector, Malformed
from vedette.sensor.dissect.tpkt import first_content
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Values

MAGIC: Final = 0x72
_VERSIONS: Final = frozenset({1, 2, 3, 0xFE, 0xFF})
_OPCODES: Final = {0x31: "request", 0x32: "response", 0x33: "notification", 0x02: "response2"}
_SESSION_CONTAINER: Final = 285
_EXECUTION_UNIT: Final = 52
_STATE_REQUEST: Final = b"\x90\x77"
_STATES: Final = {1: "stop", 3: "start", 4: "reset"}

_CREATE: Final = 0x04CA
_DELETE: Final = 0x04D4
_SET: Final = 0x04F2
FUNCTIONS: Final[dict[int, tuple[str, OpKind]]] = {
    0x04B1: ("error", OpKind.OTHER),
    0x04BB: ("explore", OpKind.DIAGNOSE),
    _CREATE: ("create_object", OpKind.PROGRAM),
    _DELETE: ("delete_object", OpKind.PROGRAM),
    _SET: ("set_variable", OpKind.WRITE),
    0x04FC: ("get_variable", OpKind.READ),
    0x0506: ("add_link", OpKind.PROGRAM),
    0x051A: ("remove_link", OpKind.PROGRAM),
    0x0524: ("get_link", OpKind.READ),
    0x0542: ("set_multi_variables", OpKind.WRITE),
    0x054C: ("get_multi_variables", OpKind.READ),
    0x0556: ("begin_sequence", OpKind.SESSION),
    0x0560: ("end_sequence", OpKind.SESSION),
    0x056B: ("invoke", OpKind.OTHER),
    0x057C: ("set_var_sub_streamed", OpKind.WRITE),
    0x0586: ("get_var_sub_streamed", OpKind.READ),
}

_BODY: Final = Struct(">BHHHH").unpack_from
_LONG: Final = Struct(">I").unpack_from
_IDENTITY: Final = re.compile(rb"1;(6[A-Z0-9]{2}\d [0-9A-Z -]{8,20}?) *;([VS]\d{1,3}\.\d{1,3}(?:\.\d{1,3})?)")


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    at_ns: int
    kind: OpKind
    area: str
    first: int | None


class Reader:
    """Reads the protocol's data units for the dissector of the connection that carries them."""

    __slots__ = ("_asked", "_owner")

    def __init__(self, owner: Dissector) -> None:
        self._owner: Final = owner
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        owner.call_it("s7comm_plus")

    def read(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one data unit, from the protocol id on."""
        version = data[1]
        if version not in _VERSIONS:
            raise Malformed(f"version {version}")
        if version >= 0xFE:
            service = "keep_alive" if version == 0xFF else "system_event"
            self._owner.emit(
                OtOp(
                    at_ns, self._owner.flow, is_from_client, "s7comm_plus", service, version, OpKind.SESSION,
                    Direction.REPORT,
                )
            )  # fmt: skip
            return
        start = 4
        if version == 3 and data[4] == 32:
            start += 33
        opcode, _, function, _, sequence = _BODY(data, start)
        if opcode not in _OPCODES:
            return  # the later pieces of a long data unit, and what is encrypted
        detail: dict[str, Values] = {"version": version, "opcode": opcode}
        flow = self._owner.flow
        if opcode == 0x33:
            self._owner.emit(
                OtOp(
                    at_ns, flow, is_from_client, "s7comm_plus", "notification", 0, OpKind.REPORT, Direction.REPORT,
                    detail=detail,
                )
            )  # fmt: skip
            return
        service, kind = FUNCTIONS.get(function, (f"function_{function:04x}", OpKind.OTHER))
        if function not in FUNCTIONS:
            self._owner.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"function {function}", function)
        if opcode == 0x31:
            kind, area, first = self._object(function, kind, data, start)
            self._asked.ask(sequence, Asked(at_ns, kind, area, first))
            if kind in {OpKind.PROGRAM, OpKind.CONTROL}:
                self._owner.tell(
                    at_ns, Attribute.ROLE, Role.ENGINEERING_STATION, is_of_client=True, confidence=PROBABLE,
                    source="s7comm_plus",
                )  # fmt: skip
            self._owner.emit(
                OtOp(
                    at_ns, flow, is_from_client, "s7comm_plus", service, function, kind, Direction.REQUEST,
                    None, area, first, None, "", None, "", sequence, None, detail,
                )
            )  # fmt: skip
            return
        asked = self._asked.answer(sequence)
        if function == _CREATE:
            self._identity(data, at_ns)
        self._owner.emit(
            OtOp(
                at_ns, flow, is_from_client, "s7comm_plus", service, function, asked.kind if asked else kind,
                Direction.RESPONSE, None, asked.area if asked else "", asked.first if asked else None, None, "", None,
                "ok", sequence, at_ns - asked.at_ns if asked else None, detail,
            )
        )  # fmt: skip

    def _object(self, function: int, kind: OpKind, data: bytes, start: int) -> tuple[OpKind, str, int | None]:
        """Return what a request is for, and the object it names."""
        if function not in {_CREATE, _DELETE, _SET}:
            return kind, "", None
        number: int
        (number,) = _LONG(data, start + 14)
        if function == _SET:
            if number == _EXECUTION_UNIT and data[start + 19 : start + 21] == _STATE_REQUEST:
                return OpKind.CONTROL, _STATES.get(data[start + 23], "mode"), number
            return kind, "object", number
        if number in {_SESSION_CONTAINER, _LONG(data, start + 9)[0]}:
            return OpKind.SESSION, "session", number
        return kind, "download" if function == _CREATE else "delete", number

    def _identity(self, data: bytes, at_ns: int) -> None:
        found = _IDENTITY.search(data, 0, 4_096)
        if found is not None:
            tell, source = self._owner.tell, "s7comm_plus create_object"
            tell(at_ns, Attribute.PRODUCT_CODE, found[1], source=source)
            tell(at_ns, Attribute.FIRMWARE, found[2], source=source)
            tell(at_ns, Attribute.VENDOR, "Siemens", source=source)
            tell(at_ns, Attribute.ROLE, Role.CONTROLLER, confidence=PROBABLE, source=source)


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether COTP carries S7comm-plus, or its selectors; see ``interface.Check``."""
    called, content = first_content(payload)
    if len(content) >= 4 and content[0] == MAGIC:
        return SURE if content[1] in _VERSIONS and content[2] < 0x10 else NO
    return WEAK if not content and called.startswith(b"SIMATIC-ROOT") else NO
