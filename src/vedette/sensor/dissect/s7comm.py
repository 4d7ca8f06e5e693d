"""S7comm and S7comm-plus, by which Siemens SIMATIC controllers are read, written, programmed and stopped.

Source:
    No public standard. Layout as in Wireshark's ``packet-s7comm.c`` and ICSNPP's parser.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect import mms, s7_identity, s7comm_plus
from vedette.sensor.dissect import s7comm_codes as codes
from vedette.sensor.dissect.interface import NO, SURE, WEAK, Malformed
from vedette.sensor.dissect.s7_items import Item, decode, items_of
from vedette.sensor.dissect.tpkt import Tpkt, first_content
from vedette.sensor.dissect.transactions import Transactions
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
    Role,
    Sink,
    Values,
)

S7: Final = 0x32
_JOB: Final = 1
_ACK: Final = 2
_ACK_DATA: Final = 3
_USERDATA: Final = 7
_TYPES: Final = frozenset({_JOB, _ACK, _ACK_DATA, _USERDATA})
_MAX_LOADS: Final = 64
_MAX_SZL_BYTES: Final = 65_536
_SZL_HEADER: Final = 8

_HEADER: Final = Struct(">BBHHHH").unpack_from
_WORD: Final = Struct(">H").unpack_from
_LONG: Final = Struct(">I").unpack_from
_REQUEST: Final = Direction.REQUEST
_RESPONSE: Final = Direction.RESPONSE
_REPORT: Final = Direction.REPORT
_BIT_LENGTHS: Final = frozenset({3, 4, 5})
_STATIONS: Final = {1: Role.ENGINEERING_STATION, 2: Role.HMI}


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    function: int
    at_ns: int
    items: tuple[Item, ...] = ()
    kind: OpKind = OpKind.OTHER
    area: str = ""
    name: str = ""
    szl: tuple[int, int] | None = None


class S7comm(Tpkt):
    """Reads S7comm; hands S7comm-plus and MMS, which come through the same door, to their own readers."""

    __slots__ = ("_asked", "_is_engineered", "_loads", "_mms", "_plus", "_szl", "_unit")

    name: ClassVar[str] = "s7comm"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._loads: Final[dict[int, str]] = {}
        self._plus: s7comm_plus.Reader | None = None
        self._mms: mms.Mms | None = None
        self._szl = b""
        self._unit: str | None = None
        self._is_engineered = False

    def connection(self, is_request: bool, called: bytes, at_ns: int) -> None:
        """Learn rack and slot, and as what the client connects."""
        if len(called) != 2 or not 1 <= called[0] <= 3:
            return
        self._unit = f"{called[1] >> 5}.{called[1] & 31}"
        if is_request:
            role = _STATIONS.get(called[0])
            if role is not None:
                self.tell(at_ns, Attribute.ROLE, role, is_of_client=True, confidence=POSSIBLE)
        else:
            self.tell(at_ns, Attribute.RACK, called[1] >> 5, confidence=PROBABLE, source="s7comm connect")
            self.tell(at_ns, Attribute.SLOT, called[1] & 31, confidence=PROBABLE, source="s7comm connect")

    def content(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one protocol data unit."""
        if data[0] != S7:
            if self._mms is not None or mms.is_one(data):  # the selectors looked like those of a controller
                if self._mms is None:
                    self._mms = mms.Mms(self.flow, self.sink)
                    self.call_it("mms")
                self._mms.content(data, is_from_client, at_ns)
                return
            if data[0] != s7comm_plus.MAGIC:
                raise Malformed(f"protocol id {data[0]}; {S7} or {s7comm_plus.MAGIC} expected")
            if self._plus is None:
                self._plus = s7comm_plus.Reader(self)
            self._plus.read(data, is_from_client, at_ns)
            return
        _, rosctr, _, reference, parameters, size = _HEADER(data, 0)
        start = 12 if rosctr in {_ACK, _ACK_DATA} else 10
        if start + parameters + size > len(data):
            raise Malformed(f"{parameters} + {size} bytes announced, {len(data) - start} there")
        parameter, content = data[start : start + parameters], data[start + parameters : start + parameters + size]
        if rosctr == _JOB:
            self._job(parameter, content, reference, is_from_client, at_ns)
        elif rosctr == _USERDATA:
            self._userdata(parameter, content, reference, is_from_client, at_ns)
        elif rosctr in _TYPES:
            self._answer(parameter, content, reference, is_from_client, at_ns, (data[10], data[11]))
        else:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"message type {rosctr}", rosctr)

    def _job(self, parameter: bytes, content: bytes, reference: int, is_from_client: bool, at_ns: int) -> None:
        function = parameter[0]
        if function in {codes.READ_VAR, codes.WRITE_VAR}:
            self._variables(parameter, content, reference, is_from_client, at_ns)
            return
        service, kind, area = codes.FUNCTIONS.get(function, (f"function_{function}", OpKind.OTHER, ""))
        if function not in codes.FUNCTIONS:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"function {function}", function)
        name, value = "", None
        detail: dict[str, Values] | None = None
        if codes.REQUEST_DOWNLOAD <= function <= codes.END_UPLOAD:
            name, detail = self._block(parameter, function)
        elif function == codes.PI_SERVICE:
            name, value = _invocation(parameter)
            kind, area = codes.PROGRAM_INVOCATIONS.get(name, (OpKind.CONTROL, ""))
            if name == "P_PROGRAM" and isinstance(value, str) and value.startswith("C"):
                area = "cold_start"
        elif function == codes.PLC_STOP:
            name = _text(parameter[7 : 7 + parameter[6]])
        if kind in {OpKind.PROGRAM, OpKind.CONTROL, OpKind.FIRMWARE} and is_from_client:
            self._engineer(at_ns)
        self._asked.ask(reference, Asked(function, at_ns, (), kind, area, name))
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "s7comm", service, function, kind, _REQUEST,
                self._unit, area, None, None, name, value, "", reference, None, detail,
            )
        )  # fmt: skip

    def _variables(self, parameter: bytes, content: bytes, reference: int, is_from_client: bool, at_ns: int) -> None:
        function = parameter[0]
        service, kind, _ = codes.FUNCTIONS[function]
        items = items_of(parameter)
        self._asked.ask(reference, Asked(function, at_ns, items, kind))
        position = 0
        for place, item in enumerate(items):
            value: Values = None
            if function == codes.WRITE_VAR:
                size, step = _size_at(content, position)
                value = decode(item, content[position + 4 : position + 4 + size])
                position += step
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "s7comm", service, function, kind, _REQUEST,
                    self._unit, item.area, item.first, item.quantity, item.name, value, "", reference, None,
                    {**item.detail, "item": place} if place else item.detail,
                )
            )  # fmt: skip

    def _answer(
        self,
        parameter: bytes,
        content: bytes,
        reference: int,
        is_from_client: bool,
        at_ns: int,
        error: tuple[int, int],
    ) -> None:
        asked = self._asked.answer(reference)
        function = parameter[0] if parameter else asked.function if asked else 0
        if asked is not None and asked.function != function:
            self.complain(at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, f"asked {asked.function}", function)
            asked = None
        result = _error(error)
        if result == "ok" and asked is not None and asked.items and len(parameter) > 1:
            self._results(asked, content, parameter[1], reference, is_from_client, at_ns)
            return
        service, kind, area = codes.FUNCTIONS.get(function, (f"function_{function}", OpKind.OTHER, ""))
        name = ""
        if asked is not None:
            kind, area, name = asked.kind, asked.area, asked.name
        detail: dict[str, Values] | None = None
        if error[0] or error[1]:
            detail = {"error_class": error[0], "error_code": error[1]}
        elif codes.START_UPLOAD <= function <= codes.END_UPLOAD:
            detail = _load(parameter, content, function)
        if function == codes.START_UPLOAD and len(parameter) >= 8 and name:
            self._remember(_LONG(parameter, 4)[0], name)
        elif function == codes.SETUP and not is_from_client:
            self.tell(at_ns, Attribute.ROLE, Role.CONTROLLER, confidence=PROBABLE)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "s7comm", service, function, kind, _RESPONSE,
                self._unit, area, None, None, name, None, result, reference,
                at_ns - asked.at_ns if asked else None, detail,
            )
        )  # fmt: skip

    def _results(
        self, asked: Asked, content: bytes, count: int, reference: int, is_from_client: bool, at_ns: int
    ) -> None:
        service, kind, _ = codes.FUNCTIONS[asked.function]
        is_read = asked.function == codes.READ_VAR
        position = 0
        for place, item in enumerate(asked.items[:count]):
            code = content[position]
            value: Values = None
            if is_read:
                size, step = _size_at(content, position)
                if code == 0xFF:
                    value = decode(item, content[position + 4 : position + 4 + size])
                position += step
            else:
                position += 1
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "s7comm", service, asked.function, kind, _RESPONSE,
                    self._unit, item.area, item.first, item.quantity, item.name, value,
                    codes.RETURN_CODES.get(code) or f"return_code_{code}", reference, at_ns - asked.at_ns,
                    {**item.detail, "item": place} if place else item.detail,
                )
            )  # fmt: skip

    def _block(self, parameter: bytes, function: int) -> tuple[str, dict[str, Values]]:
        session: int
        (session,) = _LONG(parameter, 4)
        detail: dict[str, Values] = {"session_id": session, "function_status": parameter[1]}
        if len(parameter) > 8 and function not in {codes.UPLOAD, codes.END_UPLOAD}:
            filename = _text(parameter[9 : 9 + parameter[8]])
            detail["filename"] = filename
            name = filename
            if len(filename) >= 9 and filename[3:8].isdigit():
                name = f"{codes.BLOCKS.get(filename[1:3], filename[1:3])}{int(filename[3:8])}"
                detail["destination_filesystem"] = filename[8]
            return name, detail
        return self._loads.get(session, ""), detail

    def _remember(self, session: int, name: str) -> None:
        if len(self._loads) >= _MAX_LOADS:
            self._loads.clear()
        self._loads[session] = name

    def _engineer(self, at_ns: int) -> None:
        if not self._is_engineered:
            self._is_engineered = True
            self.tell(at_ns, Attribute.ROLE, Role.ENGINEERING_STATION, is_of_client=True, confidence=PROBABLE)

    def _userdata(self, parameter: bytes, content: bytes, reference: int, is_from_client: bool, at_ns: int) -> None:
        size, kind_and_group, sub = parameter[3], parameter[5], parameter[6]
        kind_of, group = kind_and_group >> 6, kind_and_group & 15
        service, kind = codes.SUBFUNCTIONS.get(
            (group, sub), (f"{codes.GROUPS.get(group, f'group_{group}')}_{sub}", OpKind.OTHER)
        )
        direction = _REQUEST if kind_of == 1 else _RESPONSE if kind_of == 2 else _REPORT
        asked = self._asked.answer(0x1_0000 | reference) if direction is _RESPONSE else None
        result, name, first, area = "", "", None, ""
        told: dict[str, Values] = {}
        is_last = True
        if size >= 8 and direction is _RESPONSE:
            is_last = not parameter[9]
            (error,) = _WORD(parameter, 10)
            result = "ok" if not error else f"error_{error:04x}"
            told["error_code"] = error
        if group == 0:
            service, kind, name = "mode_transition", OpKind.REPORT, codes.MODES.get(sub, f"mode_{sub}")
            self.tell(at_ns, Attribute.MODE, name, is_of_client=is_from_client, source="s7comm mode_transition")
        szl = asked.szl if asked else None
        if (group, sub) == codes.READ_SZL:
            area = "szl"
            if direction is _REQUEST and len(content) >= _SZL_HEADER:
                szl = (_WORD(content, 4)[0], _WORD(content, 6)[0])
            elif direction is _RESPONSE:
                szl = self._system_list(content, is_last, result, is_from_client, at_ns, told) or szl
                if content and content[0] != 0xFF and result == "ok":
                    result = codes.RETURN_CODES.get(content[0], f"return_code_{content[0]}")
            first = szl[0] if szl else None
        if direction is _REQUEST:
            if kind is OpKind.PROGRAM:
                self._engineer(at_ns)
            self._asked.ask(0x1_0000 | reference, Asked(group, at_ns, szl=szl))
        detail: dict[str, Values] = {"subfunction": sub, "function_group": group, **told}
        if szl is not None:
            detail |= {"szl_id": szl[0], "szl_index": szl[1], "return_code": content[0] if content else 0}
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "s7comm", service, kind_and_group << 8 | sub, kind, direction,
                self._unit, area, first, None, name, None, result, reference,
                at_ns - asked.at_ns if asked else None, detail,
            )
        )  # fmt: skip

    def _system_list(
        self,
        content: bytes,
        is_last: bool,
        result: str,
        is_from_client: bool,
        at_ns: int,
        told: dict[str, Values],
    ) -> tuple[int, int] | None:
        """Read a list of the system's state, which may come in several answers."""
        if result not in {"", "ok"} or len(content) < 4 or content[0] != 0xFF:
            self._szl = b""
            return None
        self._szl += content[4:]
        if len(self._szl) > _MAX_SZL_BYTES:
            self._szl = b""
            raise Malformed(f"a system state list of more than {_MAX_SZL_BYTES} bytes")
        whole = self._szl
        if is_last:
            self._szl = b""
            told.update(s7_identity.components(whole))
            for attribute, text in s7_identity.facts(whole):
                self.tell(
                    at_ns, attribute, text, is_of_client=is_from_client, confidence=CERTAIN, source="s7comm read_szl"
                )
        return (_WORD(whole, 0)[0], _WORD(whole, 2)[0]) if len(whole) >= 4 else None


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether COTP carries S7comm, or S7comm's selectors; see ``interface.Check``."""
    called, content = first_content(payload)
    if len(content) >= 10 and content[0] == S7:
        return SURE if content[1] in _TYPES and not content[2] | content[3] else NO
    if content:
        return NO
    return WEAK if len(called) == 2 and 1 <= called[0] <= 3 else NO


def _invocation(parameter: bytes) -> tuple[str, str]:
    (size,) = _WORD(parameter, 8)
    length = parameter[10 + size]
    return _text(parameter[11 + size : 11 + size + length]), _text(parameter[10 : 10 + size])


def _load(parameter: bytes, content: bytes, function: int) -> dict[str, Values]:
    """Return what the answer to a step of an upload tells: its session, and how long the block is."""
    detail: dict[str, Values] = {}
    if function == codes.START_UPLOAD and len(parameter) > 8:
        size = _text(parameter[9 : 9 + parameter[8]])
        detail = {"function_status": parameter[1], "session_id": _LONG(parameter, 4)[0]}
        if size.isdigit():
            detail["blocklength"] = int(size)
    elif function == codes.UPLOAD and len(content) >= 4:
        detail = {"function_status": parameter[1], "blocklength": _WORD(content, 0)[0]}
    return detail


def _text(raw: bytes) -> str:
    return "".join(chr(c) if 0x20 <= c < 0x7F else "" for c in raw[:64]).strip()


def _size_at(content: bytes, position: int) -> tuple[int, int]:
    """Return the bytes of an item's value, and how far the next item is."""
    size: int
    (size,) = _WORD(content, position + 2)
    if content[position + 1] in _BIT_LENGTHS:
        size = (size + 7) >> 3
    if position + 4 + size > len(content):
        raise Malformed(f"an item of {size} bytes, {len(content) - position - 4} there")
    return size, 4 + size + (size & 1)


def _error(error: tuple[int, int]) -> str:
    if not error[0] and not error[1]:
        return "ok"
    return codes.ERROR_CLASSES.get(error[0], f"error_{error[0]:02x}") + f"_{error[1]:02x}"
