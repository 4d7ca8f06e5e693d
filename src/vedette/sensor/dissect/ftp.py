"""FTP: files that are fetched and stored, and passwords in clear.

Source:
    RFC 959; RFC 2228 and 4217 (after AUTH nothing can be read).
"""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.interface import INCOMPLETE, NO, NOT_A_MESSAGE, WEAK, StreamDissector
from vedette.sensor.dissect.wording import MASK, text_of
from vedette.sensor.flows import Flow, ignore
from vedette.sensor.model import (
    PROBABLE,
    AnomalyKind,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Sink,
    Values,
)

_MAX_LINE_BYTES: Final = 4096
_COMMANDS: Final = {
    b"USER": ("user", OpKind.SESSION), b"PASS": ("pass", OpKind.SESSION), b"ACCT": ("acct", OpKind.SESSION),
    b"QUIT": ("quit", OpKind.SESSION), b"AUTH": ("auth", OpKind.SESSION), b"REIN": ("rein", OpKind.SESSION),
    b"RETR": ("retr", OpKind.FILE), b"STOR": ("stor", OpKind.FILE), b"STOU": ("stou", OpKind.FILE),
    b"APPE": ("appe", OpKind.FILE), b"DELE": ("dele", OpKind.FILE), b"RNFR": ("rnfr", OpKind.FILE),
    b"RNTO": ("rnto", OpKind.FILE), b"MKD": ("mkd", OpKind.FILE), b"RMD": ("rmd", OpKind.FILE),
    b"XMKD": ("mkd", OpKind.FILE), b"XRMD": ("rmd", OpKind.FILE),
    b"LIST": ("list", OpKind.READ), b"NLST": ("nlst", OpKind.READ), b"MLSD": ("mlsd", OpKind.READ),
    b"MLST": ("mlst", OpKind.READ), b"SIZE": ("size", OpKind.READ), b"MDTM": ("mdtm", OpKind.READ),
    b"CWD": ("cwd", OpKind.OTHER), b"CDUP": ("cdup", OpKind.OTHER), b"PWD": ("pwd", OpKind.OTHER),
    b"XPWD": ("pwd", OpKind.OTHER), b"PORT": ("port", OpKind.OTHER), b"PASV": ("pasv", OpKind.OTHER),
    b"EPRT": ("eprt", OpKind.OTHER), b"EPSV": ("epsv", OpKind.OTHER), b"TYPE": ("type", OpKind.OTHER),
    b"MODE": ("mode", OpKind.OTHER), b"STRU": ("stru", OpKind.OTHER), b"REST": ("rest", OpKind.OTHER),
    b"ABOR": ("abor", OpKind.OTHER), b"ALLO": ("allo", OpKind.OTHER), b"NOOP": ("noop", OpKind.OTHER),
    b"SYST": ("syst", OpKind.IDENTIFY), b"STAT": ("stat", OpKind.IDENTIFY), b"FEAT": ("feat", OpKind.IDENTIFY),
    b"HELP": ("help", OpKind.IDENTIFY), b"CLNT": ("clnt", OpKind.IDENTIFY), b"OPTS": ("opts", OpKind.OTHER),
    b"SITE": ("site", OpKind.CONTROL), b"PBSZ": ("pbsz", OpKind.OTHER), b"PROT": ("prot", OpKind.OTHER),
}  # fmt: skip
_NO_ACCOUNT: Final = frozenset({b"anonymous", b"ftp"})
_SECRET: Final = frozenset({b"PASS", b"ACCT"})
_GREETING: Final = 220
_SYSTEM_TYPE: Final = 215
_NOT_LOGGED_IN: Final = 530
_AUTH_ACCEPTED: Final = 234


class Asked(NamedTuple):
    """The command that waits for its reply."""

    service: str
    kind: OpKind
    name: str
    at_ns: int


class Ftp(StreamDissector):
    """Reads the control connection of FTP."""

    __slots__ = ("_asked", "_user")

    name: ClassVar[str] = "ftp"
    max_message_bytes: ClassVar[int] = _MAX_LINE_BYTES

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Asked | None = None
        self._user = b""

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return a line's length."""
        end = data.find(b"\n", start, start + _MAX_LINE_BYTES)
        if end >= 0:
            return end + 1 - start
        return INCOMPLETE if len(data) - start < _MAX_LINE_BYTES else NOT_A_MESSAGE

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one line."""
        if is_from_client:
            self._command(data.strip(b"\r\n"), at_ns)
        elif data[:3].isdigit() and data[3:4] in {b" ", b"\r", b"\n"}:
            self._reply(int(data[:3]), data[4:], at_ns)

    def find(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Find the next line."""
        return data.find(b"\n", start) + 1 or -1

    def _command(self, line: bytes, at_ns: int) -> None:
        verb, _, argument = line.partition(b" ")
        verb = verb.upper()
        known = _COMMANDS.get(verb)
        if known is None:
            if line:
                self.complain(at_ns, True, AnomalyKind.ILLEGAL_FUNCTION, f"an unknown command of {len(verb)} bytes")
            return
        service, kind = known
        name = MASK if verb in _SECRET else text_of(argument)
        if verb == b"USER":
            self._user = argument
            self.tell(at_ns, Attribute.USER, name, is_of_client=True, confidence=PROBABLE)
        elif verb == b"PASS" and self._user.lower() not in _NO_ACCOUNT:
            self.complain(at_ns, True, AnomalyKind.CLEAR_TEXT_CREDENTIAL, "a password of FTP")
            if argument and argument.lower() == self._user.lower():
                self.complain(at_ns, True, AnomalyKind.DEFAULT_CREDENTIAL, "the password is the user's name")
        self._asked = Asked(service, kind, name, at_ns)
        self.emit(
            OtOp(
                at_ns, self.flow, True, "ftp", service, 0, kind, Direction.REQUEST, None,
                "file" if kind is OpKind.FILE else "", None, None, name,
            )
        )  # fmt: skip

    def _reply(self, code: int, text: bytes, at_ns: int) -> None:
        asked = self._asked
        if code >= 200:
            self._asked = None
        if code == _GREETING and asked is None:
            self.tell(at_ns, Attribute.SOFTWARE, text_of(text.strip()), confidence=PROBABLE, source="ftp greeting")
        elif code == _SYSTEM_TYPE and not text.upper().startswith(b"UNIX TYPE"):
            self.tell(
                at_ns, Attribute.OPERATING_SYSTEM, text_of(text.strip()), confidence=PROBABLE, source="ftp system"
            )
        elif code == _NOT_LOGGED_IN and asked is not None and asked.service in {"pass", "user"}:
            self.complain(at_ns, False, AnomalyKind.LOGIN_FAILED, "FTP reply 530", code)
        elif code == _AUTH_ACCEPTED:
            self.flow.from_client.feed = self.flow.from_server.feed = ignore
        columns: dict[str, Values] | None = None
        if asked is not None and asked.kind is OpKind.FILE:
            columns = {
                "user": text_of(self._user), "command": asked.service.upper(), "arg": asked.name, "reply_code": code,
                "reply_msg": text_of(text.strip()),
            }  # fmt: skip
        self.emit(
            OtOp(
                at_ns, self.flow, False, "ftp", asked.service if asked else "reply", code,
                asked.kind if asked else OpKind.SESSION, Direction.RESPONSE, None,
                "file" if asked is not None and asked.kind is OpKind.FILE else "", None, None,
                asked.name if asked else "", None, "ok" if code < 400 else f"reply_{code}", None,
                at_ns - asked.at_ns if asked else None, columns,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:
    """Tell FTP by a command or a reply; others look alike, so the port counts too; see ``interface.Check``."""
    if is_from_client:
        return WEAK if payload.partition(b"\r\n")[0].partition(b" ")[0].upper() in _COMMANDS else NO
    return WEAK if payload[:3].isdigit() and payload[0] in b"12345" and payload[3] in b" -" else NO
