"""NTP: who keeps time for whom, and queries that are abused to flood others.

Source:
    RFC 5905 §7.3; RFC 9327 (control messages).
"""

from __future__ import annotations

import socket
from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, WEAK, Dissector
from vedette.sensor.flows import Flow
from vedette.sensor.model import POSSIBLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

_HEAD: Final = Struct(">BBbbII4s").unpack_from
_PACKET_BYTES: Final = 48
_MODES: Final = {
    1: ("symmetric_active", OpKind.READ, Direction.REQUEST),
    2: ("symmetric_passive", OpKind.READ, Direction.RESPONSE),
    3: ("client", OpKind.READ, Direction.REQUEST),
    4: ("server", OpKind.READ, Direction.RESPONSE),
    5: ("broadcast", OpKind.REPORT, Direction.REPORT),
    6: ("control", OpKind.DIAGNOSE, Direction.REQUEST),
    7: ("private", OpKind.DIAGNOSE, Direction.REQUEST),
}
_CONTROL: Final = 6
_PRIVATE: Final = 7
_MONLIST: Final = frozenset({20, 42})


class Ntp(Dissector):
    """Reads NTP."""

    __slots__ = ("_asked_ns",)

    name: ClassVar[str] = "ntp"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked_ns = -1

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        mode, version = payload[0] & 7, payload[0] >> 3 & 7
        service, kind, direction = _MODES.get(mode, ("reserved", OpKind.OTHER, Direction.REPORT))
        if mode in {_CONTROL, _PRIVATE}:
            code = payload[1] & 0x1F if mode == _CONTROL else payload[3]
            is_answer = bool(payload[1 if mode == _CONTROL else 0] & 0x80)
            if mode == _PRIVATE and code in _MONLIST and not is_answer:
                service = "monlist"
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "ntp", service, code, kind,
                    Direction.RESPONSE if is_answer else Direction.REQUEST,
                )
            )  # fmt: skip
            return
        _, stratum, poll, precision, delay, dispersion, reference = _HEAD(payload, 0)
        if service == "reserved" or not 1 <= version <= 4 or stratum > 16 or len(payload) < _PACKET_BYTES:
            what = f"version {version}, mode {mode}, stratum {stratum}, {len(payload)} bytes"
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, what, mode)
        latency_ns = None
        if direction is Direction.REQUEST:
            self._asked_ns = at_ns
        elif direction is Direction.RESPONSE:
            latency_ns = at_ns - self._asked_ns if self._asked_ns >= 0 else None
            self._asked_ns = -1
            self.tell(
                at_ns, Attribute.ROLE, Role.SERVER, is_of_client=is_from_client, confidence=POSSIBLE,
                source="ntp server",
            )  # fmt: skip
        clock = reference.rstrip(b"\0").decode("latin-1") if stratum <= 1 else socket.inet_ntoa(reference)
        columns: dict[str, Values] = {
            "version": version, "mode": mode, "stratum": stratum, "poll": float(2**poll) if 0 <= poll <= 17 else 0.0,
            "precision": float(2.0**precision), "root_delay": delay / 65_536, "root_disp": dispersion / 65_536,
            "ref_id": clock if clock.isprintable() else "", "num_exts": 0,
        }  # fmt: skip
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "ntp", service, mode, kind, direction, None, "stratum", stratum, None,
                "", None, "ok" if direction is Direction.RESPONSE else "", None, latency_ns, columns,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:
    """Tell NTP by its length and its mode; see ``interface.Check``."""
    mode, version = payload[0] & 7, payload[0] >> 3 & 7
    if not 1 <= version <= 4 or not mode:
        return NO
    if mode in {_CONTROL, _PRIVATE}:
        return WEAK if len(payload) >= 8 else NO
    if len(payload) < _PACKET_BYTES or payload[1] > 16 or (mode == 3 and not is_from_client):
        return NO
    return SURE if len(payload) in {48, 68, 72} else WEAK
