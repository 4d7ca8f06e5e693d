"""VNC: the version that both sides begin with, and whether anybody may come in; what is shown is not looked at.

Source:
    RFC 6143 §7.1.1 (version), §7.1.2 (security types).
"""

from __future__ import annotations

from typing import ClassVar, Final

from vedette.sensor.dissect.interface import INCOMPLETE, NOT_A_MESSAGE, StreamDissector
from vedette.sensor.flows import Flow
from vedette.sensor.model import Direction, OpKind, OtOp, Sink

_MARK: Final = b"RFB 00"
_VERSION_BYTES: Final = 12


class Vnc(StreamDissector):
    """Reads what VNC says before its pictures."""

    __slots__ = ("_is_over",)

    name: ClassVar[str] = "vnc"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._is_over: Final = [False, False]

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Return the version's length; once it was said, all there is."""
        left = len(data) - start
        if self._is_over[is_from_client]:
            return min(left, self.max_message_bytes)
        if left < _VERSION_BYTES:
            return INCOMPLETE
        return _VERSION_BYTES if data.startswith(_MARK, start) else NOT_A_MESSAGE

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read the version."""
        if self._is_over[is_from_client]:
            return
        self._is_over[is_from_client] = True
        version = data[4:11].decode("ascii", "replace")
        direction = Direction.REQUEST if is_from_client else Direction.RESPONSE
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "vnc", "connect", 0, OpKind.SESSION, direction, None, "version", None,
                None, "", version, "" if is_from_client else "ok",
            )
        )  # fmt: skip
