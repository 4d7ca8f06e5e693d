"""What payloads give away: test files, programs, handshakes of remote-control programs, oversized lines and heads."""

from __future__ import annotations

import re
from typing import ClassVar, Final

from vedette.sensor.flows import Flow, Side
from vedette.sensor.rules.desk import Desk, Memory, Wide
from vedette.sensor.rules.detector import Detector, Neighbourhood

# Kept apart, so that this file itself is not taken for the test file.
EICAR: Final = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
PROGRAM: Final = b"This program cannot be run in DOS mode"
# The loop by which Conficker's first two versions decode themselves (The Honeynet Project, "Know Your Enemy:
# Containing Conficker", 2009).
CONFICKER: Final = (
    bytes.fromhex("e8ffffffffc15e8d4e108031c4416681394550" "75f5"),
    bytes.fromhex("e8ffffffffc25f8d4f108031c4416681394d53" "75f5"),
)  # fmt: skip
# ``IDTYPE`` enciphered with RC4 under the keys ``#KCMDDC…#-890`` that DarkComet 2, 4, 4.2, 4.2F, 5 and 5.1 come with.
DARK_COMET: Final = frozenset(
    {b"8EA4AB05FA7E", b"B47CB892B702", b"C7CF9C7CD932", b"155CAD31A61F", b"1164805C82EE", b"BF7CAB464EFB"}
)
POISON_IVY: Final = b"\xd0\x15\x00\x00"
_CHALLENGE_BYTES: Final = 256
_SIGNATURES: Final = (
    (b"${jndi:", "an attempt at Log4Shell (CVE-2021-44228)"),
    (b"() { :;};", "an attempt at Shellshock (CVE-2014-6271)"),
    (b"/bin/busybox MIRAI", "Mirai signs in"),
    (b"\x90" * 128, "a slide of machine code"),
)
_ALL: Final = (EICAR, PROGRAM, *CONFICKER, *(text for text, _ in _SIGNATURES))
_OVERLAP: Final = max(map(len, _ALL)) - 1
_OF_SERVERS: Final = (EICAR, PROGRAM)
_DEPTH_BYTES: Final = 65_536
"""What is looked for stands at the beginning of what somebody says; the rest of a long transfer is left."""
_MAX_HEADS: Final = 64
_TEXT: Final = frozenset({"ftp", "telnet", "http"})
_MAX_HEAD_BYTES: Final = 131_072
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class _Text:
    """What one direction said since its last end of line, its last bytes, and whether a head goes on."""

    __slots__ = ("is_in_head", "left_bytes", "line_bytes", "tail")

    def __init__(self) -> None:
        self.left_bytes = _DEPTH_BYTES
        self.line_bytes = 0
        self.tail = b""
        self.is_in_head = True


class Content(Detector):
    """Looks into payloads of IT protocols, and of conversations that nobody understands."""

    __slots__ = ("_heads", "_limits", "_sides")

    reads: ClassVar[frozenset[str]] = frozenset({"http", "smb", "ftp", "tftp", "telnet", ""})

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        self._sides: Final[Wide[Side, _Text]] = Wide(8_192)
        self._heads: Final[Memory[Side, bytearray]] = Memory(_MAX_HEADS)
        settings = desk.settings
        self._limits: Final = (
            settings.limit("message.length", "length_bytes"),
            settings.limit("http.header_length", "length_bytes"),
            settings.limit("http.header_count", "headers"),
        )

    def payload_heard(self, side: Side, payload: bytes, at_ns: int) -> None:
        """Hear a payload."""
        text = self._sides.get(side)
        if text is None:
            if not side.payload_bytes or side.payload_bytes == len(payload):
                self._first(side, payload, at_ns)
            text = _Text()
            self._sides.put(side, text)
        flow = side.flow
        if text.left_bytes > 0:
            text.left_bytes -= len(payload)
            whole = text.tail + payload if text.tail else payload
            for each in _ALL if side.is_client else _OF_SERVERS:
                if each in whole:
                    self._found(side, each, at_ns)
            text.tail = whole[-_OVERLAP:]
        other = self._sides.get(flow.from_server if side.is_client else flow.from_client)
        if other is not None:
            other.left_bytes = _DEPTH_BYTES  # to a new question comes a new answer
        if side.is_client and (flow.protocol in _TEXT or flow.server_port in {21, 23, 80}):
            self._line(side, text, payload, at_ns)
            if flow.protocol == "http" or flow.server_port == 80:
                self._head(side, text, payload, at_ns)

    def flow_closed(self, flow: Flow) -> None:
        """Forget what is over."""
        for side in (flow.from_client, flow.from_server):
            self._sides.drop(side)
            self._heads.drop(side)

    def _report(self, rule: str, side: Side, at_ns: int, what: str = "") -> None:
        flow = side.flow
        source, target = (flow.client, flow.server) if side.is_client else (flow.server, flow.client)
        self.desk.report(rule, at_ns, source, target, what, protocol=flow.protocol, flow=flow)

    def _found(self, side: Side, found: bytes, at_ns: int) -> None:
        flow = side.flow
        if found == EICAR:
            self._report("malware.eicar", side, at_ns)
        elif found == PROGRAM:
            if (flow.server if side.is_client else flow.client) in self.place.industrial:
                self._report("malware.executable", side, at_ns)
        elif found in CONFICKER:
            self._report("malware.conficker", side, at_ns)
        else:
            self._report("malware.signature", side, at_ns, dict(_SIGNATURES)[found])

    def _first(self, side: Side, payload: bytes, at_ns: int) -> None:
        """Look at the first payload of a direction, where handshakes are."""
        if payload[:12] in DARK_COMET:
            self._report("malware.dark_comet", side, at_ns)
        client = side.flow.from_client
        if (
            not side.is_client
            and client.payload_bytes == _CHALLENGE_BYTES
            and payload[_CHALLENGE_BYTES : _CHALLENGE_BYTES + 4] == POISON_IVY
        ):
            self._report("malware.poison_ivy", side, at_ns)

    def _line(self, side: Side, text: _Text, payload: bytes, at_ns: int) -> None:
        """Count what comes without an end of line; bodies of HTTP are none."""
        if side.flow.protocol == "http" and not text.is_in_head:
            return
        before = text.line_bytes
        end = payload.rfind(b"\n")
        text.line_bytes = len(payload) - end - 1 if end >= 0 else before + len(payload)
        longest = max(before + payload.find(b"\n"), text.line_bytes) if end >= 0 else text.line_bytes
        if longest > self._limits[0] >= before:
            self._report("message.length", side, at_ns, str(longest))

    def _head(self, side: Side, text: _Text, payload: bytes, at_ns: int) -> None:
        """Collect a head of HTTP, and look at it as a server would."""
        if not text.is_in_head:
            if not _begins(payload):
                return
            text.is_in_head = True
        head = self._heads.get(side)
        if head is None:
            head = bytearray()
            self._heads.put(side, head)
        head += payload
        end = head.find(b"\r\n\r\n", max(len(head) - len(payload) - 3, 0))
        if end < 0 and len(head) < _MAX_HEAD_BYTES:
            return
        lines = bytes(head[: end if end >= 0 else _MAX_HEAD_BYTES]).split(b"\r\n")
        text.is_in_head = False
        self._heads.drop(side)
        _, length, count = self._limits
        longest = max(map(len, lines))
        if longest > length:
            self._report("http.header_length", side, at_ns, str(longest))
        if len(lines) - 1 > count:
            self._report("http.header_count", side, at_ns, str(len(lines) - 1))
        if why := _illegal(lines):
            self._report("http.header_content", side, at_ns, why)


def _begins(payload: bytes) -> bool:
    line, end, _ = payload[:4096].partition(b"\r\n")
    return bool(end) and line[-9:-1] == b" HTTP/1." and line[:1].isalpha()


def _illegal(lines: list[bytes]) -> str:
    """Return what a head holds that it must not, or nothing (RFC 9110 §5, RFC 9112 §6)."""
    if b" HTTP/" not in lines[0]:
        return ""
    seen: dict[bytes, bytes] = {}
    for line in lines[1:256]:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name):
            return "an HTTP header without a proper name"
        if _CONTROL.search(value):
            return "control characters in an HTTP header"
        low = name.lower()
        if low in {b"content-length", b"host"} and seen.get(low, value) != value:
            return f"two different headers {low.decode()}"
        seen[low] = value
    if b"content-length" in seen and b"transfer-encoding" in seen:
        return "an HTTP message with two lengths"
    return ""
