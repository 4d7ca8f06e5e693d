"""Telnet: who signs in, and that whoever listens could read the password.

Source:
    RFC 854 and 855.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, WEAK, StreamDissector
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Sink

_OPTIONS: Final = re.compile(rb"\xff(?:[\xfb-\xfe].|\xfa[^\xff]{0,512}\xff\xf0|[\xf0-\xf9])", re.DOTALL)
_UNFINISHED: Final = re.compile(rb"\xff(?:[\xfb-\xfe]|\xfa[^\xff]{0,512}\xff?)?\Z", re.DOTALL)
_LINE_ENDS: Final = re.compile(rb"[\r\n\0]+")
_USER_PROMPTS: Final = (b"login:", b"username:", b"user name:", b"user:", b"account:")
_PASSWORD_PROMPTS: Final = (b"password:", b"passwd:", b"passcode:", b"kennwort:", b"passwort:")
_FAILURES: Final = (
    b"login incorrect", b"login failed", b"authentication failed", b"access denied", b"bad password",
    b"login invalid", b"invalid password", b"invalid login", b"authorization failed", b"incorrect password",
)  # fmt: skip
_MAX_TAIL: Final = 128
_MAX_PIECE: Final = 8_192
_DEFAULTS: Final = frozenset(
    {
        (b"admin", b"admin"), (b"root", b"root"), (b"root", b""), (b"admin", b""), (b"admin", b"password"),
        (b"root", b"xc3511"), (b"root", b"vizxv"), (b"root", b"12345"), (b"admin", b"1234"), (b"user", b"user"),
        (b"guest", b"guest"), (b"support", b"support"), (b"root", b"888888"), (b"root", b"juantech"),
    }
)  # fmt: skip


class Telnet(StreamDissector):
    """Reads Telnet; what is typed is forgotten, but for the name of the user."""

    __slots__ = ("_awaits", "_carry", "_has_signed_in", "_line", "_tail", "_user")

    name: ClassVar[str] = "telnet"
    max_message_bytes: ClassVar[int] = _MAX_PIECE

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._carry: Final = [b"", b""]
        self._tail = b""
        self._line = b""
        self._awaits = ""
        self._user = b""
        self._has_signed_in = False

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length of all there is: Telnet has no messages."""
        return min(len(data) - start, _MAX_PIECE)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read what was said; options are taken out."""
        data = self._carry[is_from_client] + data
        rest = _UNFINISHED.search(data, max(0, len(data) - 600))
        self._carry[is_from_client] = data[rest.start() :] if rest else b""
        text = _OPTIONS.sub(b"", data[: rest.start()] if rest else data)
        if is_from_client:
            self._typed(text, at_ns)
        elif text:
            self._shown(text, at_ns)

    def _shown(self, text: bytes, at_ns: int) -> None:
        seen = (self._tail + text).lower()
        self._tail = seen[-_MAX_TAIL:]
        end = self._tail.rstrip()
        if end.endswith(_PASSWORD_PROMPTS):
            self._awaits = "password"
        elif end.endswith(_USER_PROMPTS):
            self._awaits = "user"
        if self._has_signed_in and any(each in seen for each in _FAILURES):
            self._has_signed_in = False
            self.complain(at_ns, False, AnomalyKind.LOGIN_FAILED, "Telnet login refused")
            self._login(Direction.RESPONSE, "failed", at_ns)

    def _typed(self, text: bytes, at_ns: int) -> None:
        pieces = _LINE_ENDS.split(self._line + text)
        self._line = pieces.pop()[-_MAX_TAIL:]
        for line in pieces[:64]:
            awaited, self._awaits = self._awaits, ""
            if awaited == "user":
                self._user = line.strip()
                self.tell(at_ns, Attribute.USER, text_of(self._user), is_of_client=True, confidence=PROBABLE)
            elif awaited == "password":
                self.complain(at_ns, True, AnomalyKind.CLEAR_TEXT_CREDENTIAL, "a password of Telnet")
                if (self._user.lower(), line) in _DEFAULTS:
                    self.complain(at_ns, True, AnomalyKind.DEFAULT_CREDENTIAL, "a maker's usual password")
                self._has_signed_in = True
                self._tail = b""
                self._login(Direction.REQUEST, "", at_ns)
            elif line:
                self.emit(OtOp(at_ns, self.flow, True, "telnet", "command", 0, OpKind.OTHER, Direction.REQUEST))

    def _login(self, direction: Direction, result: str, at_ns: int) -> None:
        self.emit(
            OtOp(
                at_ns, self.flow, direction is Direction.REQUEST, "telnet", "login", 0, OpKind.SESSION, direction,
                name=text_of(self._user), result=result,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell Telnet by the options it begins with, or by text; see ``interface.Check``."""
    if payload[0] == 0xFF:
        return SURE if 0xFB <= payload[1] <= 0xFE and payload[2] < 50 else NO
    return WEAK if payload[:64].isascii() else NO
