"""DCE/RPC: which interface of a Windows computer is asked for what, over TCP or within the pipes of SMB.

What is encrypted still shows interface and operation; of what is not, the first text is told: a service, a task, a key.

Source:
    C706 §12.6 (connection-oriented PDUs); [MS-RPCE] §2.2.2; [MS-NRPC] §3.5.4.4 (challenges).
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.dce_rpc_codes import INTERFACES, OPERATIONS, PIPES
from vedette.sensor.dissect.interface import NOT_A_MESSAGE, Malformed, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import Direction, OpKind, OtOp, Sink, Value

_REQUEST: Final = 0
_RESPONSE: Final = 2
_FAULT: Final = 3
_BIND: Final = 11
_REFUSED: Final = 13
_ALTER: Final = 14
_TYPES: Final = frozenset(range(21))
_HEAD_BYTES: Final = 16
_FIRST: Final = 1
_HAS_OBJECT: Final = 0x80
_LITTLE: Final = 0x10
_CONTEXT_BYTES: Final = 24
_SYNTAX_BYTES: Final = 20
_MAX_CONTEXTS: Final = 64
_MAX_OFFERED: Final = 32

_TEXT: Final = Struct("<III").unpack_from
_TEXT_DEPTH: Final = 2_048
_MAX_CHARS: Final = 256
_NO_CREDENTIAL: Final = bytes(8)
_FLAGS_BYTES: Final = 4
# A way up within a path, twice: what only an attempt at MS08-067 asks a server to make simple.
_CLIMBS: Final = tuple(f"{each}..{each}..{each}".encode("utf-16-le") for each in "\\/")
_NAMED: Final = frozenset({OpKind.WRITE, OpKind.CONTROL, OpKind.OTHER})


class RpcReader:
    """Reads the calls of one association: a TCP connection, or a pipe of SMB.

    Args:
        flow: The conversation.
        sink: Where operations go.
        pipe: The pipe's name, if there is one.
    """

    __slots__ = ("_calls", "_contexts", "_flow", "_guess", "_pipe", "_sink")

    def __init__(self, flow: Flow, sink: Sink, pipe: str = "") -> None:
        self._flow: Final = flow
        self._sink: Final = sink
        self._pipe: Final = pipe
        self._guess: Final = PIPES.get(pipe, "")
        self._contexts: Final[dict[int, str]] = {}
        self._calls: Final[Transactions[int, tuple[str, str, int, OpKind, int]]] = Transactions(32)

    def read(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one PDU.

        Raises:
            Malformed: It contradicts itself.
            IndexError: It ends too early.
        """
        kind = data[2]
        order = "little" if data[4] & _LITTLE else "big"
        call = int.from_bytes(data[12:16], order)  # type: ignore[arg-type]  # one of two words
        if is_from_client:
            if kind in {_BIND, _ALTER}:
                self._bind(data, order, at_ns)
            elif kind == _REQUEST and data[3] & _FIRST:
                self._request(data, order, call, at_ns)
        elif kind in {_RESPONSE, _FAULT} and data[3] & _FIRST:
            self._answer(data, kind, order, call, at_ns)
        elif kind == _REFUSED:
            self._emit("bind", _BIND, OpKind.SESSION, "", "", None, "refused", call, at_ns, None)

    def _bind(self, data: bytes, order: str, at_ns: int) -> None:
        """Learn which numbers stand for which interfaces."""
        position = _CONTEXT_BYTES + 4
        for _ in range(min(data[_CONTEXT_BYTES], _MAX_OFFERED)):
            number = int.from_bytes(data[position : position + 2], order)  # type: ignore[arg-type]  # as above
            mark = data[position + 4 : position + 20]
            if len(mark) < 16:
                raise Malformed("a bind that ends within an interface")
            if order == "big":
                mark = mark[3::-1] + mark[5:3:-1] + mark[7:5:-1] + mark[8:]
            name = INTERFACES.get(mark)
            known = self._contexts
            if number not in known and len(known) >= _MAX_CONTEXTS:
                del known[next(iter(known))]
            is_new = known.get(number) != name
            known[number] = name or ""
            if name and is_new and list(known.values()).count(name) == 1:
                self._emit("bind", data[2], OpKind.SESSION, name, "", None, None, None, at_ns, None)
            position += 4 + _SYNTAX_BYTES * (1 + data[position + 2])

    def _request(self, data: bytes, order: str, call: int, at_ns: int) -> None:
        context = int.from_bytes(data[20:22], order)  # type: ignore[arg-type]  # as above
        number = int.from_bytes(data[22:24], order)  # type: ignore[arg-type]  # as above
        if len(data) < _CONTEXT_BYTES:
            raise Malformed("a request without its operation")
        interface = self._contexts.get(context, self._guess)
        service, kind = OPERATIONS.get((interface, number), (f"operation_{number}", OpKind.OTHER))
        name, value = "", None
        is_open = not data[10:12].strip(b"\0") and order == "little"
        if (is_open and kind in _NAMED) or interface == "netlogon":
            stub = data[40 if data[3] & _HAS_OBJECT else 24 : 24 + _TEXT_DEPTH]
            value = _trait(interface, service, data)
            name = text_in(stub)
        self._calls.ask(call, (interface, service, number, kind, at_ns))
        self._emit(service, number, kind, interface, name, value, None, call, at_ns, None)

    def _answer(self, data: bytes, kind: int, order: str, call: int, at_ns: int) -> None:
        asked = self._calls.answer(call)
        if asked is None:
            return
        interface, service, number, what, asked_ns = asked
        result = "ok"
        if kind == _FAULT:
            result = f"fault_{int.from_bytes(data[24:28], order):08x}"  # type: ignore[arg-type]  # as above
        self._emit(service, number, what, interface, "", None, result, call, at_ns, at_ns - asked_ns)

    def _emit(
        self, service: str, code: int, kind: OpKind, interface: str, name: str, value: Value, result: str | None,
        call: int | None, at_ns: int, latency_ns: int | None,
    ) -> None:  # fmt: skip
        is_answer = result is not None
        self._sink.operations.append(
            OtOp(
                at_ns, self._flow, not is_answer, "dce_rpc", service, code, kind,
                Direction.RESPONSE if is_answer else Direction.REQUEST, None, interface, None, None, name, value,
                result or "", call, latency_ns,
            )
        )  # fmt: skip


class DceRpc(StreamDissector):
    """Reads DCE/RPC over TCP."""

    __slots__ = ("_reader",)

    name: ClassVar[str] = "dce_rpc"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._reader: Final = RpcReader(flow, sink)

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length of a fragment, as its header tells it."""
        if not is_pdu(data, start):
            return NOT_A_MESSAGE
        size = int.from_bytes(data[start + 8 : start + 10], "little" if data[start + 4] & _LITTLE else "big")
        return size if size >= _HEAD_BYTES else NOT_A_MESSAGE

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one fragment."""
        self._reader.read(data, is_from_client, at_ns)


def is_pdu(data: bytes, start: int = 0) -> bool:
    """Tell whether a PDU may begin here.

    Raises:
        IndexError: The bytes end too early to tell.
    """
    return (
        data[start] == 5
        and data[start + 1] <= 1
        and data[start + 2] in _TYPES
        and data[start + 4] in {0, _LITTLE}
        and not data[start + 5] | data[start + 6] | data[start + 7]
        and data[start + 9] >= 0
    )


def text_in(stub: bytes) -> str:
    """Return the first text of two bytes a character that arguments hold, or nothing (C706 §14.3.4.2)."""
    end = min(len(stub), _TEXT_DEPTH) - 14
    for position in range(0, end, 4):
        most, offset, count = _TEXT(stub, position)
        if offset or not 2 < count <= most <= _MAX_CHARS * 4:
            continue
        raw = stub[position + 12 : position + 12 + 2 * count]
        if len(raw) < 2 * count:
            continue
        text = raw.decode("utf-16-le", "replace").rstrip("\0")
        if len(text) > 1 and text.isprintable():
            return text[:_MAX_CHARS]
    return ""


def _trait(interface: str, service: str, data: bytes) -> str | None:
    """Name what an attempt at a known weakness cannot do without."""
    if interface == "srvsvc" and service in {"canonicalize_path", "compare_paths"}:
        return "climbs" if any(each in data for each in _CLIMBS) else None
    if interface != "netlogon":
        return None
    # The challenge, and the credential made of it, are random; all zeros is what Zerologon tries until it fits.
    if service == "challenge" and data[-8:] == _NO_CREDENTIAL:
        return "zeros"
    if service == "authenticate" and data[-8 - _FLAGS_BYTES : -_FLAGS_BYTES] == _NO_CREDENTIAL:
        return "zeros"
    return None
