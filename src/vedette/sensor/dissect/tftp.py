"""TFTP: whoever fetches or stores firmware and configurations without being asked for a password.

Source:
    RFC 1350; RFC 2347 (options).
"""

from __future__ import annotations

from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.model import AnomalyKind, Direction, OpKind, OtOp, Values

_REQUESTS: Final = {1: "read_request", 2: "write_request"}
_ERROR: Final = 5
_MODES: Final = frozenset({b"netascii", b"octet", b"mail"})
_MAX_FIELDS: Final = 16


class Tftp(Dissector):
    """Reads requests of TFTP; the transfer itself runs between other ports."""

    __slots__ = ()

    name: ClassVar[str] = "tftp"

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        code = payload[0] << 8 | payload[1]
        service = _REQUESTS.get(code)
        if service is None:
            if code == _ERROR:
                self.emit(
                    OtOp(
                        at_ns, self.flow, is_from_client, "tftp", "error", code, OpKind.FILE, Direction.RESPONSE,
                        result=f"error_{payload[3]}",
                    )
                )  # fmt: skip
            elif code > 6:
                self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"operation {code}", code)
            return
        fields = payload[2:].split(b"\0", _MAX_FIELDS)
        if len(fields) < 3 or fields[1].lower() not in _MODES:
            raise Malformed("a request without a mode")
        options: dict[str, Values] = {
            text_of(name).lower(): text_of(value)
            for name, value in zip(fields[2::2], fields[3::2], strict=False)
            if name
        }
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "tftp", service, code, OpKind.FILE, Direction.REQUEST, None, "file",
                None, None, text_of(fields[0]), text_of(fields[1]).lower(), "", None, None, options or None,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell a request of TFTP by its mode; see ``interface.Check``."""
    if payload[0] or payload[1] not in _REQUESTS or payload[-1]:
        return NO
    fields = payload[2:].split(b"\0", 2)
    return SURE if len(fields) == 3 and fields[0] and fields[1].lower() in _MODES else NO
