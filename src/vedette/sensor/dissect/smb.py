"""SMB, versions 1 to 3: shares and files, who signs in, and how old a Windows is; content of files is passed over.

Source:
    [MS-CIFS], [MS-SMB2]; RFC 1002 §4.3 (session service); NTLM as ``ntlm`` says.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, StreamDissector
from vedette.sensor.dissect.ntlm import read_ntlm
from vedette.sensor.dissect.smb_codes import COMMANDS_1, COMMANDS_2, DIALECTS, LOGIN_FAILURES, RESULTS
from vedette.sensor.dissect.smb_pipes import Pipes
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import CERTAIN, PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Sink, Value

_SMB1: Final = b"\xffSMB"
_SMB2: Final = b"\xfeSMB"
_ENCRYPTED: Final = b"\xfdSMB"
_COMPRESSED: Final = b"\xfcSMB"
_MARKS: Final = frozenset({_SMB1, _SMB2, _ENCRYPTED, _COMPRESSED})
_OVERFLOW: Final = 1 << 32
_READ_BYTES: Final = 8_192
_MAX_COMPOUND: Final = 32

_HEAD_1: Final = Struct("<4xBIBH").unpack_from
_HEAD_2: Final = Struct("<4xHHIHHIIQ").unpack_from
_WORD: Final = Struct("<H").unpack_from
_WORDS: Final = Struct("<HH").unpack_from
_COMPRESSION: Final = Struct("<4xI4xI").unpack_from
_LONG: Final = Struct("<I").unpack_from
_IS_ANSWER_1: Final = 0x80
_UNICODE: Final = 0x8000
_NEGOTIATE_1: Final = 0x72
_SETUP_1: Final = 0x73
_TREE_1: Final = 0x75
_CREATE_1: Final = 0xA2
_NEGOTIATE: Final = 0
_SETUP: Final = 1
_TREE: Final = 3
_CREATE: Final = 5
_COMPRESSED_DATA: Final = 0xFC
# Write or append data, all of it in general, or all that is allowed ([MS-SMB2] §2.2.13.1.1).
_MAY_WRITE: Final = 0x5200_0006


class Asked(NamedTuple):
    """What an answer repeats of its request."""

    name: str
    at_ns: int


class Smb(StreamDissector):
    """Reads SMB over TCP, or over the session service of NetBIOS."""

    __slots__ = ("_asked", "_has_complained", "_left", "_pipes")

    name: ClassVar[str] = "smb"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions(128)
        self._left: Final = [0, 0]
        self._has_complained = False
        self._pipes: Final = Pipes(flow, sink)

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Return a message's length, of a long one only what is read of it."""
        if left := self._left[is_from_client]:
            return min(left, len(data) - start, self.max_message_bytes)
        kind = data[start]
        if kind:
            return 4 + (data[start + 2] << 8 | data[start + 3]) if 0x81 <= kind <= 0x85 else NOT_A_MESSAGE
        size = int.from_bytes(data[start + 1 : start + 4], "big")
        if size < 32:
            return 4 if not size else NOT_A_MESSAGE
        if data[start + 7] != 0x42 or data[start + 4 : start + 8] not in _MARKS:
            return NOT_A_MESSAGE
        return 4 + min(size, _READ_BYTES)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message, or pass over the rest of one."""
        if self._left[is_from_client]:
            self._left[is_from_client] -= len(data)
            return
        if data[0]:
            return
        self._left[is_from_client] = int.from_bytes(data[1:4], "big") + 4 - len(data)
        mark = data[4:8]
        if mark == _SMB1:
            self._version_1(data[4:], is_from_client, at_ns)
        elif mark == _SMB2:
            position = 4
            for _ in range(_MAX_COMPOUND):
                following = self._version_2(data[position:], is_from_client, at_ns)
                if not following or position + following + 64 > len(data):
                    break
                position += following
        elif mark == _COMPRESSED:
            self._compressed(data[4:], is_from_client, at_ns)

    def find(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Look for a header after one for the session service."""
        self._left[is_from_client] = 0
        places = (data.find(_SMB2, start + 4), data.find(_SMB1, start + 4))
        return min((each for each in places if each >= 0), default=3) - 4

    def _version_2(self, body: bytes, is_from_client: bool, at_ns: int) -> int:
        size, _, status, command, _, flags, following, number = _HEAD_2(body, 0)
        if size != 64:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"a header of {size} bytes; 64 allowed")
            return 0
        service, kind = COMMANDS_2.get(command, (f"command_{command}", OpKind.OTHER))
        if command not in COMMANDS_2:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"command {command}", command)
        is_answer = bool(flags & 1)
        area, name, value = "", "", None
        if command == _SETUP:
            self._names(body, is_answer, at_ns)
        elif command == _TREE and not is_answer:
            area, name = "share", _slice_16(body, 68)
        elif command == _CREATE and not is_answer:
            area, name = "file", _slice_16(body, 108)
            value = "write" if _LONG(body, 88)[0] & _MAY_WRITE else None
        elif command == _NEGOTIATE and is_answer and not status:
            dialect = _WORD(body, 68)[0]
            area, value = "dialect", DIALECTS.get(dialect, f"{dialect:04x}")
            self._names(body, is_answer, at_ns)
        name = self._op(service, command, kind, is_answer, area, name, value, status, number, is_from_client, at_ns)
        if not status:
            self._pipes.version_2(body, command, name, number, is_answer=is_answer, at_ns=at_ns)
        if is_answer and command == _SETUP and status in LOGIN_FAILURES:
            self.complain(at_ns, is_from_client, AnomalyKind.LOGIN_FAILED, f"SMB status {status:08x}", status)
        return int(following)

    def _version_1(self, body: bytes, is_from_client: bool, at_ns: int) -> None:
        command, status, flags, flags2 = _HEAD_1(body, 0)
        number = _WORD(body, 30)[0] | _WORD(body, 26)[0] << 16
        is_answer = bool(flags & _IS_ANSWER_1)
        service, kind = COMMANDS_1.get(command, (f"command_{command}", OpKind.OTHER))
        if not self._has_complained and command != _NEGOTIATE_1:
            self._has_complained = True
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, "version 1, which is retired", command)
        area, name, value = "", "", None
        if command == _SETUP_1:
            self._names(body, is_answer, at_ns)
            self._setup_1(body, is_answer, bool(flags2 & _UNICODE), at_ns)
        elif command in {_TREE_1, _CREATE_1} and not is_answer:
            area = "share" if command == _TREE_1 else "file"
            name = _name_1(body, command, is_unicode=bool(flags2 & _UNICODE))
            value = "write" if command == _CREATE_1 and _LONG(body, 48)[0] & _MAY_WRITE else None
        name = self._op(service, command, kind, is_answer, area, name, value, status, number, is_from_client, at_ns)
        if not status:
            self._pipes.version_1(body, command, name, number, is_answer=is_answer, at_ns=at_ns)
        if is_answer and command == _SETUP_1 and status in LOGIN_FAILURES:
            self.complain(at_ns, is_from_client, AnomalyKind.LOGIN_FAILED, f"SMB status {status:08x}", status)

    def _op(
        self, service: str, command: int, kind: OpKind, is_answer: bool, area: str, name: str, value: Value,
        status: int, number: int, is_from_client: bool, at_ns: int,
    ) -> str:  # fmt: skip
        """Tell of a message; return the name that it, or its question, carries."""
        latency_ns = None
        if not is_answer:
            self._asked.ask(number, Asked(name, at_ns))
        elif status != 0x103 and (asked := self._asked.answer(number)) is not None:
            name, latency_ns = name or asked.name, at_ns - asked.at_ns
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "smb", service, command, kind,
                Direction.RESPONSE if is_answer else Direction.REQUEST, None, area, None, None, name, value,
                RESULTS.get(status, f"status_{status:08x}") if is_answer else "", number, latency_ns,
            )
        )  # fmt: skip
        return name

    def _compressed(self, body: bytes, is_from_client: bool, at_ns: int) -> None:
        """Look at the sizes of a compressed message: SMBGhost makes them overflow (CVE-2020-0796)."""
        size, offset = _COMPRESSION(body, 0)
        value = "overflows" if size + offset >= _OVERFLOW else None
        self._op(
            "compressed",
            _COMPRESSED_DATA,
            OpKind.OTHER,
            not is_from_client,
            "",
            "",
            value,
            0,
            -1,
            is_from_client,
            at_ns,
        )

    def _names(self, body: bytes, is_answer: bool, at_ns: int) -> None:
        found = read_ntlm(body)
        if found is None:
            return
        for attribute, value in (
            (Attribute.NAME, found.computer or found.dns_name),
            (Attribute.OPERATING_SYSTEM, found.system),
        ):
            if value:
                self.tell(at_ns, attribute, value, is_of_client=not is_answer, confidence=CERTAIN, source="ntlm")
        if found.domain:
            who = not is_answer
            self.tell(at_ns, Attribute.DOMAIN, found.domain, is_of_client=who, confidence=PROBABLE, source="ntlm")
        if found.user and not is_answer:
            self.tell(at_ns, Attribute.USER, found.user, is_of_client=True, confidence=PROBABLE, source="ntlm")
        if found.kind == 3 and found.is_version_1:
            self.complain(at_ns, True, AnomalyKind.ILLEGAL_VALUE, "NTLM version 1, which is weak")

    def _setup_1(self, body: bytes, is_answer: bool, is_unicode: bool, at_ns: int) -> None:
        words = body[32]
        position = 33 + 2 * words + 2
        skipped = 0
        if words == 4 and is_answer:
            position += _WORD(body, 33 + 6)[0]
        elif words == 12:
            position += _WORD(body, 33 + 14)[0]
        elif words == 13:
            position += sum(_WORDS(body, 33 + 14))
            skipped = 2  # account and domain
        elif words != 3:
            return
        texts = _texts(body, position, 3 + skipped, is_unicode=is_unicode)[skipped:]
        if texts and texts[0]:
            self.tell(at_ns, Attribute.OPERATING_SYSTEM, texts[0], is_of_client=not is_answer, source="smb native os")
        if is_answer and len(texts) > 2:
            self.tell(at_ns, Attribute.DOMAIN, texts[2], confidence=PROBABLE, source="smb native os")


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell SMB by its mark; see ``interface.Check``."""
    if payload[0] == 0 and payload[4:8] in {_SMB1, _SMB2}:
        return SURE
    return SURE if payload[:4] == b"\x81\0\0\x44" and payload[4] == 0x20 and len(payload) == 72 else NO


def _slice_16(body: bytes, position: int) -> str:
    offset, size = _WORDS(body, position)
    return body[offset : offset + min(size, 1024)].decode("utf-16-le", "replace")


def _name_1(body: bytes, command: int, *, is_unicode: bool) -> str:
    words = body[32]
    position = 33 + 2 * words + 2
    if command == _TREE_1:
        position += _WORD(body, 33 + 6)[0]  # the password of a share
    found = _texts(body, position, 1, is_unicode=is_unicode)
    return found[0] if found else ""


def _texts(body: bytes, position: int, count: int, *, is_unicode: bool) -> list[str]:
    """Read texts that end with a zero; those of two bytes a character begin at an even place."""
    if not is_unicode:
        return [text_of(each) for each in body[position : position + 2048].split(b"\0")[:count]]
    position += position & 1
    text = body[position : position + 2048]
    return text[: len(text) & ~1].decode("utf-16-le", "replace").split("\0")[:count]
