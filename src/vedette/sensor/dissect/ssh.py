"""SSH: both ends name their software before all else; what follows is not looked at.

Source:
    RFC 4253 §4.2.
"""

from __future__ import annotations

from typing import ClassVar, Final

from vedette.sensor.dissect.interface import INCOMPLETE, NO, NOT_A_MESSAGE, SURE, StreamDissector
from vedette.sensor.dissect.wording import text_of
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

_MARK: Final = b"SSH-"
_MAX_LINE_BYTES: Final = 1024
_SOUND: Final = frozenset({b"2.0", b"1.99"})
_SYSTEMS: Final = (
    ("Debian", "Debian Linux"), ("Ubuntu", "Ubuntu Linux"), ("Raspbian", "Raspberry Pi OS"), ("FreeBSD", "FreeBSD"),
    ("Windows", "Windows"), ("Cisco", "Cisco IOS"), ("ROSSSH", "MikroTik RouterOS"), ("RouterOS", "MikroTik RouterOS"),
)  # fmt: skip


class Ssh(StreamDissector):
    """Reads what SSH says in clear."""

    __slots__ = ("_client", "_is_over")

    name: ClassVar[str] = "ssh"
    max_message_bytes: ClassVar[int] = 32_768

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._is_over: Final = [False, False]
        self._client = ""

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Return a line's length; once the software is named, all there is."""
        if self._is_over[is_from_client]:
            return min(len(data) - start, self.max_message_bytes)
        end = data.find(b"\n", start, start + _MAX_LINE_BYTES)
        if end >= 0:
            return end + 1 - start
        return INCOMPLETE if len(data) - start < _MAX_LINE_BYTES else NOT_A_MESSAGE

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read the line that names the software."""
        if self._is_over[is_from_client] or not data.startswith(_MARK):
            return
        self._is_over[is_from_client] = True
        (self.flow.from_client if is_from_client else self.flow.from_server).feed = ignore
        _, version, software = data.strip().split(b"-", 2)
        text = text_of(software)
        if version not in _SOUND:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, "a version of SSH that is retired")
        self.tell(at_ns, Attribute.SOFTWARE, text, is_of_client=is_from_client, confidence=PROBABLE)
        if is_from_client:
            self._client = text
            self.tell(at_ns, Attribute.FINGERPRINT, f"ssh:{text}", is_of_client=True)
        for word, system in _SYSTEMS:
            if word in text:
                self.tell(at_ns, Attribute.OPERATING_SYSTEM, system, is_of_client=is_from_client, confidence=PROBABLE)
                break
        columns: dict[str, Values] = {
            "version": 1 if version == b"1.5" else 2, "server": text, "client": self._client,
        }  # fmt: skip
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "ssh", "identification", 0, OpKind.SESSION,
                Direction.REQUEST if is_from_client else Direction.RESPONSE, None, "", None, None, text,
                text_of(version), "" if is_from_client else "ok", None, None, None if is_from_client else columns,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell SSH by its first line; see ``interface.Check``."""
    return SURE if payload.startswith((b"SSH-2.0-", b"SSH-1.99-", b"SSH-1.5-")) else NO
