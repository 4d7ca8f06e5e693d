"""MMS, by which substations and process controllers of many makers are read, written and operated.

Source:
    ISO 9506-2:2003; ISO 8327-1 and 8823-1 (session and presentation); IEC 61850-8-1:2011 §5 (what items mean).
"""

from __future__ import annotations

from itertools import islice
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect import mms_codes as codes
from vedette.sensor.dissect.ber import children, element, tagged
from vedette.sensor.dissect.iec61850_data import values
from vedette.sensor.dissect.interface import NO, SURE, Malformed, ZeekRow
from vedette.sensor.dissect.tpkt import Tpkt, first_content
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import (
    CERTAIN,
    PROBABLE,
    AnomalyKind,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Role,
    Sink,
    Value,
    Values,
)

# GIVE TOKENS and DATA TRANSFER of the session layer, both without parameters.
_DATA: Final = b"\x01\x00\x01\x00"
_CONNECT: Final = 0x0D
_ACCEPT: Final = 0x0E
_USER_DATA: Final = 0x61
# Without session and presentation, as small stacks send it straight over COTP.
_INITIATES: Final = b"\xa8\xa9"
_MMS_CONTEXT: Final = b"\x02\x01\x03"
# The abstract syntax of MMS, as an object identifier within presentation's list of contexts.
_MMS_SYNTAX: Final = bytes.fromhex("0605 28ca220201")
_MAX_ELEMENTS: Final = 1_024
_MAX_ITEMS: Final = 64

_REQUEST: Final = Direction.REQUEST
_RESPONSE: Final = Direction.RESPONSE


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    service: int
    at_ns: int
    kind: OpKind
    area: str = ""
    names: tuple[str, ...] = ()


_NAMING: Final = frozenset(
    {codes.GET_NAME_LIST, codes.VARIABLE_ATTRIBUTES, codes.DEFINE_LIST, codes.LIST_ATTRIBUTES, codes.DELETE_LIST}
)


class Mms(Tpkt):
    """Reads MMS over ISO's upper layers."""

    __slots__ = ("_asked", "_is_told")

    name: ClassVar[str] = "mms"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._is_told = False

    def content(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one unit of the session layer."""
        if data.startswith(_DATA):
            position, end = _presented(data)
            if position < end:
                self._unit(data, position, end, is_from_client, at_ns)
        elif data[0] in {_CONNECT, _ACCEPT}:
            is_request = data[0] == _CONNECT
            self._session("initiate", is_request, is_from_client, at_ns)
        elif data[0] in _INITIATES:
            self._session("initiate", data[0] == _INITIATES[0], is_from_client, at_ns)
        elif is_one(data):
            self._unit(data, 0, len(data), is_from_client, at_ns)

    def _session(self, service: str, is_request: bool, is_from_client: bool, at_ns: int) -> None:
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "mms", service, 0, OpKind.SESSION,
                _REQUEST if is_request else _RESPONSE, result="" if is_request else "ok",
            )
        )  # fmt: skip

    def _unit(self, data: bytes, position: int, end: int, is_from_client: bool, at_ns: int) -> None:
        tag, start, stop = tagged(data, position, end)
        if tag == 0xA0:
            self._request(data, start, stop, is_from_client, at_ns)
        elif tag == 0xA1:
            self._response(data, start, stop, is_from_client, at_ns)
        elif tag == 0xA2:
            self._error(data, start, stop, is_from_client, at_ns)
        elif tag == 0xA3:
            self._report(data, start, stop, is_from_client, at_ns)
        elif tag == 0xA4:
            self._refused(data, start, stop, is_from_client, at_ns)
        elif tag in {0x8B, 0xAB, 0x8C, 0xAC}:
            self._session("conclude", tag & 0x1F == 0x0B, is_from_client, at_ns)
        elif not 0x80 <= tag <= 0xAD:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"unit {tag:02x}", tag)

    def _request(self, data: bytes, start: int, stop: int, is_from_client: bool, at_ns: int) -> None:
        number, position = _invoke(data, start, stop)
        tag, begin, end = tagged(data, position, stop)
        code = _service(tag)
        known = codes.CONFIRMED.get(code)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"service {code}", code)
            known = (f"service_{code}", OpKind.OTHER, "")
        service, kind, area = known
        names: tuple[str, ...] = ()
        written: Values = None
        if code == codes.READ:
            names = _names(data, begin, end)
        elif code == codes.WRITE:
            names, written = _written(data, begin, end)
            if any(codes.CONTROL_CONSTRAINT in each for each in names):
                kind, area = OpKind.CONTROL, "control_object"
        elif code in _NAMING:
            names = _named(code, data, begin, end)
        elif kind in {OpKind.PROGRAM, OpKind.CONTROL, OpKind.FILE}:
            names = (_first_text(data, begin, end),)
        self._asked.ask(number, Asked(code, at_ns, kind, area, names))
        if kind is OpKind.PROGRAM or (kind is OpKind.CONTROL and area != "control_object"):
            self.tell(at_ns, Attribute.ROLE, Role.ENGINEERING_STATION, is_of_client=is_from_client, confidence=PROBABLE)
        self._emit_each(
            service, code, kind, area, names, written if isinstance(written, tuple) else (), "", number, _REQUEST,
            is_from_client, at_ns, None,
        )  # fmt: skip

    def _response(self, data: bytes, start: int, stop: int, is_from_client: bool, at_ns: int) -> None:
        number, position = _invoke(data, start, stop)
        asked = self._asked.answer(number)
        code = asked.service if asked else -1
        results: tuple[str, ...] = ()
        found: tuple[Value, ...] = ()
        if position < stop:
            tag, begin, end = tagged(data, position, stop)
            code = _service(tag)
            if asked is not None and asked.service != code:
                self.complain(
                    at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, f"asked service {asked.service}", code
                )
                asked = None
            if code == codes.READ:
                results, found = _read_results(data, begin, end)
            elif code == codes.WRITE:
                results = _write_results(data, begin, end)
            elif code in {codes.GET_NAME_LIST, codes.LIST_ATTRIBUTES}:
                found = _listed(code, data, begin, end)
            elif code == codes.IDENTIFY:
                self._identity(data, begin, end, is_from_client, at_ns)
        service, kind, area = codes.CONFIRMED.get(code, (f"service_{code}", OpKind.OTHER, ""))
        if asked is not None:
            kind, area = asked.kind, asked.area
        if not self._is_told:
            self._is_told = True
            self.tell(at_ns, Attribute.ROLE, Role.CONTROLLER, is_of_client=is_from_client, confidence=PROBABLE)
        self._emit_each(
            service, code, kind, area, asked.names if asked else (), found, results or "ok", number, _RESPONSE,
            is_from_client, at_ns, at_ns - asked.at_ns if asked else None,
        )  # fmt: skip

    def _error(self, data: bytes, start: int, stop: int, is_from_client: bool, at_ns: int) -> None:
        """Read a confirmed error: which class, and its number within it."""
        number, position = _invoke(data, start, stop, tag=0x80)
        result = "error"
        for tag, begin, end in children(data, position, stop, 8):
            if tag == 0xA2:  # service error
                inner, first, _ = tagged(data, begin, end)
                if inner == 0xA0:
                    kind, value_at, value_end = tagged(data, first, end)
                    result = (
                        f"{codes.ERROR_CLASSES.get(kind & 0x1F, f'class_{kind & 0x1F}')}_"
                        f"{int.from_bytes(data[value_at : min(value_end, value_at + 4)], 'big')}"
                    )
        self._failed(number, result, is_from_client, at_ns)

    def _refused(self, data: bytes, start: int, stop: int, is_from_client: bool, at_ns: int) -> None:
        """Read a rejection."""
        tag, begin, end = tagged(data, start, stop)
        number = int.from_bytes(data[begin : min(end, begin + 4)], "big") if tag == 0x80 else -1
        self._failed(number, "rejected", is_from_client, at_ns)

    def _failed(self, number: int, result: str, is_from_client: bool, at_ns: int) -> None:
        asked = self._asked.answer(number)
        service, kind, area = "confirmed_error", OpKind.OTHER, ""
        if asked is not None:
            service, kind, area = codes.CONFIRMED.get(asked.service, (f"service_{asked.service}", OpKind.OTHER, ""))
            kind, area = asked.kind, asked.area
        self._emit_each(
            service, asked.service if asked else -1, kind, area, asked.names if asked else (), (), result, number,
            _RESPONSE, is_from_client, at_ns, at_ns - asked.at_ns if asked else None,
        )  # fmt: skip

    def _report(self, data: bytes, start: int, stop: int, is_from_client: bool, at_ns: int) -> None:
        tag, begin, end = tagged(data, start, stop)
        code = _service(tag)
        service = codes.UNCONFIRMED.get(code, f"unconfirmed_{code}")
        name = ""
        found: tuple[Value, ...] = ()
        if code == codes.INFORMATION_REPORT:
            _, first, last = tagged(data, begin, end)
            name = ",".join(_object_names(data, first, last))[:256] if data[begin] == 0xA0 else ""
            if data[begin] == 0xA1:
                name = _object_name(data, first, last)
            results_tag, first, last = tagged(data, last, end)
            if results_tag == 0xA0:
                _, found = _access_results(data, first, last)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "mms", service, code, OpKind.REPORT, Direction.REPORT, None, "report",
                None, len(found), name, found or None,
            )
        )  # fmt: skip

    def _identity(self, data: bytes, start: int, stop: int, is_from_client: bool, at_ns: int) -> None:
        attributes = {0x80: Attribute.VENDOR, 0x81: Attribute.MODEL, 0x82: Attribute.FIRMWARE}
        for tag, begin, end in children(data, start, stop, 8):
            if tag in attributes:
                self.tell(
                    at_ns, attributes[tag], text_of(data[begin:end]), is_of_client=is_from_client, confidence=CERTAIN,
                    source="mms identify",
                )  # fmt: skip

    def _emit_each(
        self, service: str, code: int, kind: OpKind, area: str, names: tuple[str, ...], found: tuple[Value, ...],
        results: str | tuple[str, ...], number: int, direction: Direction, is_from_client: bool, at_ns: int,
        latency_ns: int | None,
    ) -> None:  # fmt: skip
        """Tell one record for each item, or one for a message without any."""
        count = max(len(names), 1 if isinstance(results, str) else len(results), 1)
        is_alone = count == 1
        for index in range(count):
            result = results if isinstance(results, str) else results[index] if index < len(results) else ""
            value: Values = None
            if is_alone and found:
                value = found if len(found) > 1 else found[0]
            elif index < len(found):
                value = found[index]
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "mms", service, code, kind, direction, None, area, None, None,
                    names[index] if index < len(names) else "", value, result, number, latency_ns,
                )
            )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether COTP carries MMS, or opens a session for it; see ``interface.Check``."""
    _, content = first_content(payload)
    if content.startswith(_DATA):
        position, end = _presented(content)
        return SURE if position < end and 0x80 <= content[position] <= 0xAD else NO
    if content[:1] in {b"\x0d", b"\x0e"} and _MMS_SYNTAX in content:
        return SURE
    # An answer names no syntax: MMS stands in the third context, where everybody has it.
    return SURE if content[:1] == b"\x0e" and _MMS_CONTEXT in content and b"\xa9" in content else NO


def is_one(data: bytes) -> bool:
    """Tell whether what COTP carries is a unit of a session, or one of MMS that does without."""
    if data[0] in {_CONNECT, _ACCEPT} or data.startswith(_DATA):
        return True
    if not (0xA0 <= data[0] <= 0xAD or 0x8A <= data[0] <= 0x8D):
        return False
    _, _, end = tagged(data, 0, len(data))
    return end == len(data)


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return the row of ``mms.log``."""
    columns: dict[str, object] = {
        "is_orig": op.is_from_client,
        "invoke_id": op.transaction,
        "service": op.service,
        "pdu_type": op.direction.name.lower(),
        "object": op.name,
    }
    if op.result:
        columns["result"] = op.result
    return [("mms", columns)]


def _presented(data: bytes) -> tuple[int, int]:
    """Return where a unit of MMS begins and ends within presentation's data; equal if it holds something else.

    Raises:
        Malformed: Lengths contradict each other.
    """
    tag, start, stop = element(data, len(_DATA), len(data))
    if tag != _USER_DATA:
        return 0, 0
    tag, start, stop = element(data, start, stop)
    if tag != 0x30 or data[start : start + 3] != _MMS_CONTEXT:
        return 0, 0
    tag, start, stop = element(data, start + 3, stop)
    return (start, stop) if tag == 0xA0 else (0, 0)


def _service(tag: int) -> int:
    return tag & 0x7F if tag > 0xFF else tag & 0x1F


def _invoke(data: bytes, start: int, stop: int, *, tag: int = 0x02) -> tuple[int, int]:
    """Return the number that an answer will repeat, and what follows it."""
    found, begin, end = tagged(data, start, stop)
    if found != tag or not 0 < end - begin <= 5:
        raise Malformed(f"element {found:02x} of {end - begin} bytes where an invoke id is due")
    return int.from_bytes(data[begin:end], "big"), end


def _names(data: bytes, start: int, stop: int) -> tuple[str, ...]:
    """Return what a read asks for."""
    for tag, begin, end in children(data, start, stop, 4):
        if tag == 0xA1:
            return _specification(data, begin, end)
    return ()


def _specification(data: bytes, start: int, stop: int) -> tuple[str, ...]:
    """Return the names of a list of variables, or that of a named list."""
    tag, begin, end = tagged(data, start, stop)
    if tag == 0xA0:
        return _object_names(data, begin, end)
    return (_object_name(data, begin, end),)


def _object_names(data: bytes, start: int, stop: int) -> tuple[str, ...]:
    found: list[str] = []
    for tag, begin, end in children(data, start, stop, _MAX_ELEMENTS):
        if len(found) >= _MAX_ITEMS:
            break
        inner, first, last = tagged(data, begin, end)
        found.append(_object_name(data, first, last) if tag == 0x30 and inner == 0xA0 else "")
    return tuple(found)


def _object_name(data: bytes, start: int, stop: int) -> str:
    """Return an object's name: ``domain/item``, or its own where it belongs to no domain."""
    tag, begin, end = tagged(data, start, stop)
    if tag != 0xA1:
        return text_of(data[begin:end], 128)
    _, first, last = tagged(data, begin, end)
    _, third, fourth = tagged(data, last, end)
    return f"{text_of(data[first:last], 128)}/{text_of(data[third:fourth], 128)}"


def _named(code: int, data: bytes, start: int, stop: int) -> tuple[str, ...]:
    """Return the variables, lists or domains that a question about names is about."""
    if start >= stop:
        return ()
    tag, begin, end = tagged(data, start, stop)
    if code == codes.VARIABLE_ATTRIBUTES:
        return (_object_name(data, begin, end),) if tag == 0xA0 else ()
    if code == codes.DELETE_LIST:
        for tag, begin, end in children(data, start, stop, 4):
            if tag == 0xA1 and begin < end:
                return (_object_name(data, begin, end),)
        return ()
    if code != codes.GET_NAME_LIST:
        return (_object_name(data, start, stop),)
    for tag, begin, end in children(data, start, stop, 4):
        if tag == 0xA1:  # the scope, of which a domain is the second kind
            inner, first, last = tagged(data, begin, end)
            return (text_of(data[first:last], 128),) if inner == 0x81 else ()
    return ()


def _listed(code: int, data: bytes, start: int, stop: int) -> tuple[Value, ...]:
    """Return the names that an answer lists."""
    wanted = 0xA0 if code == codes.GET_NAME_LIST else 0xA1
    for tag, begin, end in children(data, start, stop, 4):
        if tag == wanted and code == codes.LIST_ATTRIBUTES:
            return _object_names(data, begin, end)
        if tag == wanted:
            return tuple(
                text_of(data[first:last], 128)
                for _, first, last in islice(children(data, begin, end, _MAX_ELEMENTS), _MAX_ITEMS)
            )
    return ()


def _written(data: bytes, start: int, stop: int) -> tuple[tuple[str, ...], tuple[Value, ...]]:
    """Return what a write changes, and to what; with several items, the first value of each."""
    tag, begin, end = tagged(data, start, stop)
    if tag == 0xA0:
        names = _object_names(data, begin, end)
    elif tag == 0xA1:
        names = (_object_name(data, begin, end),)
    else:
        raise Malformed(f"element {tag:02x} where variables are due")
    tag, begin, end = tagged(data, end, stop)
    return names, _firsts(data, begin, end) if len(names) > 1 else values(data, begin, end)


def _firsts(data: bytes, start: int, stop: int) -> tuple[Value, ...]:
    found: list[Value] = []
    position = start
    for _, _, end in children(data, start, stop, _MAX_ELEMENTS):
        if len(found) >= _MAX_ITEMS:
            break
        inner = values(data, position, end)
        found.append(inner[0] if inner else None)
        position = end
    return tuple(found)


def _read_results(data: bytes, start: int, stop: int) -> tuple[tuple[str, ...], tuple[Value, ...]]:
    """Return what the items of a read hold; the answer may repeat what was asked for."""
    for tag, begin, end in children(data, start, stop, 4):
        if tag == 0xA1:
            return _access_results(data, begin, end)
    raise Malformed("an answer to a read without results")


def _access_results(data: bytes, start: int, stop: int) -> tuple[tuple[str, ...], tuple[Value, ...]]:
    """Return outcome and value of each item; of a structure its first value, unless it stands alone."""
    results: list[str] = []
    found: list[Value] = []
    position = start
    for tag, begin, end in children(data, start, stop, _MAX_ELEMENTS):
        if len(results) >= _MAX_ITEMS:
            break
        if tag == 0x80:
            code = int.from_bytes(data[begin : min(end, begin + 2)], "big")
            results.append(codes.ACCESS_ERRORS.get(code, f"access_error_{code}"))
            found.append(None)
        else:
            inner = values(data, position, end)
            results.append("ok")
            found.append(inner[0] if inner else None)
        position = end
    if len(results) == 1 and results[0] == "ok":
        return ("ok",), values(data, start, stop)
    return tuple(results), tuple(found)


def _write_results(data: bytes, start: int, stop: int) -> tuple[str, ...]:
    results: list[str] = []
    for tag, begin, end in children(data, start, stop, _MAX_ELEMENTS):
        if len(results) >= _MAX_ITEMS:
            break
        code = int.from_bytes(data[begin : min(end, begin + 2)], "big")
        results.append("ok" if tag == 0x81 else codes.ACCESS_ERRORS.get(code, f"access_error_{code}"))
    return tuple(results)


def _first_text(data: bytes, start: int, stop: int, depth: int = 0) -> str:
    """Return the first text among the elements: the name of a domain, of an invocation or of a file."""
    for tag, begin, end in children(data, start, stop, _MAX_ELEMENTS):
        if tag in {0x19, 0x1A, 0x80} and begin < end:
            return text_of(data[begin:end], 128)
        if tag & 0x20 and tag <= 0xFF and depth < 4:
            found = _first_text(data, begin, end, depth + 1)
            if found:
                return found
    return ""
