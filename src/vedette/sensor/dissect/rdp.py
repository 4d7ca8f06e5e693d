"""RDP: who wants to work on which desk, and how that is protected.

Source:
    [MS-RDPBCGR] §2.2.1.1 to §2.2.1.3.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, WEAK, StreamDissector
from vedette.sensor.dissect.ntlm import windows
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow, ignore
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

_CONNECT: Final = 0xE0
_CONFIRM: Final = 0xD0
_COOKIE: Final = b"Cookie: mstshash="
_CORE: Final = b"\x01\xc0"
_PROTOCOLS: Final = {0: "rdp", 1: "tls", 2: "hybrid", 4: "rdstls", 8: "hybrid_ex", 16: "aad"}
_FAILURES: Final = {
    1: "ssl_required_by_server", 2: "ssl_not_allowed_by_server", 3: "ssl_cert_not_on_server",
    4: "inconsistent_flags", 5: "hybrid_required_by_server", 6: "ssl_with_user_auth_required_by_server",
}  # fmt: skip
_MAX_BYTES: Final = 65_535
_LONG: Final = Struct("<I").unpack_from


class Rdp(StreamDissector):
    """Reads the beginning of RDP; nothing once it is encrypted."""

    __slots__ = ("_asked_ns", "_is_over", "_user")

    name: ClassVar[str] = "rdp"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._is_over: Final = [False, False]
        self._user = ""
        self._asked_ns = -1

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Return the length that the envelope tells; without one, all there is."""
        if not self._is_over[is_from_client] and data[start] == 3:
            length = data[start + 2] << 8 | data[start + 3]
            if length >= 7:
                return length
        return min(len(data) - start, _MAX_BYTES)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one packet of the beginning."""
        if self._is_over[is_from_client]:
            return
        kind = data[5] if data[0] == 3 else 0
        if kind == _CONNECT and is_from_client:
            self._connect(data, at_ns)
        elif kind == _CONFIRM and not is_from_client:
            self._confirm(data, at_ns)
        else:
            if kind and is_from_client and b"Duca" in data[:512]:
                self._core(data, at_ns)
            self._is_over[is_from_client] = True
            (self.flow.from_client if is_from_client else self.flow.from_server).feed = ignore

    def _connect(self, data: bytes, at_ns: int) -> None:
        content = data[11:]
        if content.startswith(_COOKIE):
            cookie, _, content = content[len(_COOKIE) :].partition(b"\r\n")
            self._user = text_of(cookie)
            self.tell(at_ns, Attribute.USER, self._user, is_of_client=True, confidence=POSSIBLE, source="rdp cookie")
        self._asked_ns = at_ns
        wanted = _LONG(content, 4)[0] if content[:1] == b"\x01" else 0
        offered = tuple(name for bit, name in _PROTOCOLS.items() if bit and wanted & bit) or ("rdp",)
        self.emit(
            OtOp(
                at_ns, self.flow, True, "rdp", "connect", _CONNECT, OpKind.SESSION, Direction.REQUEST, None,
                "protocols", None, None, self._user, offered,
            )
        )  # fmt: skip

    def _confirm(self, data: bytes, at_ns: int) -> None:
        kind = data[11] if len(data) > 11 else 0
        code = _LONG(data, 15)[0] if kind in {2, 3} else 0
        result = "ok" if kind != 3 else _FAILURES.get(code, f"failure_{code}")
        chosen = _PROTOCOLS.get(code, f"protocol_{code}") if kind != 3 else ""
        if chosen == "rdp":
            self.complain(at_ns, False, AnomalyKind.ILLEGAL_VALUE, "RDP with its own encryption, which is retired")
        self.tell(at_ns, Attribute.OPERATING_SYSTEM, "Windows", confidence=POSSIBLE)
        columns: dict[str, Values] = {"cookie": self._user, "security_protocol": chosen.upper(), "result": result}
        self.emit(
            OtOp(
                at_ns, self.flow, False, "rdp", "connect", _CONFIRM, OpKind.SESSION, Direction.RESPONSE, None,
                "protocols", None, None, self._user, chosen or None, result, None,
                at_ns - self._asked_ns if self._asked_ns >= 0 else None, columns,
            )
        )  # fmt: skip

    def _core(self, data: bytes, at_ns: int) -> None:
        """Read the client's core data, where they are not encrypted."""
        start = data.find(_CORE, data.find(b"Duca"))
        if start < 0 or len(data) < start + 56:
            return
        name = data[start + 24 : start + 54].decode("utf-16-le", "replace").partition("\0")[0]
        self.tell(at_ns, Attribute.NAME, name, is_of_client=True, confidence=CERTAIN, source="rdp client")
        build = int(_LONG(data, start + 20)[0])
        major, minor = (10, 0) if build >= 10_240 else _by_build(build)
        if major and (system := windows(major, minor, build)):
            self.tell(at_ns, Attribute.OPERATING_SYSTEM, system, is_of_client=True, confidence=PROBABLE)
        self.tell(at_ns, Attribute.ROLE, Role.WORKSTATION, is_of_client=True, confidence=POSSIBLE)
        self.emit(
            OtOp(
                at_ns, self.flow, True, "rdp", "client_core", _CONNECT, OpKind.SESSION, Direction.REQUEST, None,
                "", None, None, name, build,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:
    """Tell RDP by what it puts into an ISO connection; see ``interface.Check``."""
    length = payload[2] << 8 | payload[3]
    if payload[:2] != b"\x03\0" or length != len(payload):
        return NO
    if is_from_client and payload[5] == _CONNECT:
        if payload[11:28] == _COOKIE:
            return SURE
        return WEAK if length == 11 or payload[-8:-4] in {b"\x01\0\x08\0", b"\x01\x01\x08\0", b"\x01\x02\x08\0"} else NO
    if not is_from_client and payload[5] == _CONFIRM:
        return WEAK if length == 11 or (payload[11] in {2, 3} and payload[13:15] == b"\x08\0") else NO
    return NO


def _by_build(build: int) -> tuple[int, int]:
    for least, version in ((9_600, (6, 3)), (9_200, (6, 2)), (7_600, (6, 1)), (6_000, (6, 0)), (3_790, (5, 2))):
        if build >= least:
            return version
    return (5, 1) if build >= 2_600 else (0, 0)
