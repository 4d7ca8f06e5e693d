"""Remote procedure calls within the pipes of SMB: what is written to and read from them, put to its association.

Source:
    [MS-CIFS] §2.2.4.33 (named pipe transactions), §2.2.4.42 (read), §2.2.4.43 (write); [MS-SMB2] §2.2.19 (read),
    §2.2.21 (write), §2.2.31 (ioctl); [MS-RPCE] §2.1.1.2 (SMB transport).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from vedette.sensor.dissect.dce_rpc import RpcReader, is_pdu
from vedette.sensor.dissect.dce_rpc_codes import PIPES
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import Sink

_WORD: Final = Struct("<H").unpack_from
_WORDS: Final = Struct("<HH").unpack_from
_LONGS: Final = Struct("<II").unpack_from
_SPAN_2: Final = Struct("<HI").unpack_from
_CREATE_2: Final = 5
_READ_2: Final = 8
_WRITE_2: Final = 9
_IOCTL_2: Final = 11
_TRANSCEIVE: Final = bytes.fromhex("17c01100")
_RELATED: Final = b"\xff" * 16
_CREATE_1: Final = 0xA2
_READ_1: Final = 0x2E
_WRITE_1: Final = 0x2F
_TRANSACTION_1: Final = 0x25
_TRANSCEIVE_1: Final = 0x26
_MAX_PIPES: Final = 32
_MAX_PDUS: Final = 16
_HEAD_BYTES: Final = 16
_MAX_BYTES: Final = 8_192
"""Of a PDU that comes in several writes; what is longer is read as far as it came."""


class Pipes:
    """Keeps the associations of one connection, by the handles of their pipes.

    Args:
        flow: The conversation.
        sink: Where operations go.
    """

    __slots__ = ("_asked", "_flow", "_held", "_last", "_readers", "_sink")

    def __init__(self, flow: Flow, sink: Sink) -> None:
        self._flow: Final = flow
        self._sink: Final = sink
        self._readers: Final[dict[bytes, RpcReader]] = {}
        self._asked: Final[Transactions[int, bytes]] = Transactions(64)
        self._held: Final[dict[tuple[bytes, bool], bytes]] = {}
        self._last = b""

    def version_2(self, body: bytes, command: int, name: str, number: int, *, is_answer: bool, at_ns: int) -> None:
        """Read what a message carries for a pipe.

        Raises:
            Malformed: A call contradicts itself.
        """
        if command == _CREATE_2:
            if is_answer:
                self._open(body[128:144], name)
        elif command == _IOCTL_2 and body[68:72] == _TRANSCEIVE:
            offset, size = _LONGS(body, 96 if is_answer else 88)
            self._read(body[72:88], body[offset : offset + size], not is_answer, at_ns)
        elif command == _WRITE_2 and not is_answer:
            offset, size = _SPAN_2(body, 66)
            self._read(body[80:96], body[offset : offset + size], True, at_ns)
        elif command == _READ_2 and not is_answer:
            self._asked.ask(number, body[80:96])
        elif command == _READ_2 and (handle := self._asked.answer(number)) is not None:
            (size,) = _LONGS(body, 68)[:1]
            self._read(handle, body[body[66] : body[66] + size], False, at_ns)

    def version_1(self, body: bytes, command: int, name: str, number: int, *, is_answer: bool, at_ns: int) -> None:
        """Read what a message of the retired version carries for a pipe.

        Raises:
            Malformed: A call contradicts itself.
        """
        if command == _CREATE_1:
            if is_answer:
                self._open(body[38:40], name)
        elif command == _TRANSACTION_1 and not is_answer:
            if body[32] >= 16 and body[59] == 2 and _WORD(body, 61)[0] == _TRANSCEIVE_1:
                size, offset = _WORDS(body, 55)
                self._asked.ask(number, body[63:65])
                self._read(body[63:65], body[offset : offset + size], True, at_ns)
        elif command == _WRITE_1 and not is_answer and body[32] >= 12:
            size, offset = _WORDS(body, 53)
            self._read(body[37:39], body[offset : offset + size], True, at_ns)
        elif command == _READ_1 and not is_answer:
            self._asked.ask(number, body[37:39])
        elif (
            command in {_TRANSACTION_1, _READ_1}
            and (handle := self._asked.answer(number)) is not None
            and body[32] >= 10
        ):
            size, offset = _WORDS(body, 45 if command == _TRANSACTION_1 else 43)
            self._read(handle, body[offset : offset + size], False, at_ns)

    def _open(self, handle: bytes, name: str) -> None:
        pipe = name.lower().rpartition("\\")[2]
        if pipe in PIPES:
            self._keep(handle, pipe)

    def _keep(self, handle: bytes, pipe: str) -> RpcReader:
        readers = self._readers
        if len(readers) >= _MAX_PIPES:
            del readers[next(iter(readers))]
        reader = readers[handle] = RpcReader(self._flow, self._sink, pipe)
        self._last = handle
        return reader

    def _read(self, handle: bytes, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read what came for a pipe; some cut a call into small writes, so that nobody reads it."""
        if handle == _RELATED:
            handle = self._last
        before = self._held.pop((handle, is_from_client), b"")
        data = before + data if before else data
        position = 0
        for _ in range(_MAX_PDUS):
            left = len(data) - position
            if left < _HEAD_BYTES:
                if left and handle in self._readers:
                    self._hold(handle, data[position:], is_from_client)
                return
            if not is_pdu(data, position):
                return
            size = int.from_bytes(data[position + 8 : position + 10], "little" if data[position + 4] else "big")
            reader = self._readers.get(handle) or self._keep(handle, "")
            if size < _HEAD_BYTES:
                return
            if size > left and left < _MAX_BYTES:
                self._hold(handle, data[position:], is_from_client)
                return
            reader.read(data[position : position + size], is_from_client, at_ns)
            position += size

    def _hold(self, handle: bytes, data: bytes, is_from_client: bool) -> None:
        held = self._held
        if len(held) >= _MAX_PIPES:
            del held[next(iter(held))]
        held[handle, is_from_client] = data
