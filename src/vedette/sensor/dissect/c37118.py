"""IEEE C37.118: measurements of phasors across a power grid.

Source:
    IEEE C37.118.2-2011 §6 (frames, commands), Annex B (CRC-CCITT).
"""

from __future__ import annotations

import binascii
from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, Malformed, StreamDissector
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.model import CERTAIN, PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role

_SYNC: Final = 0xAA
_HEADER_BYTES: Final = 14
_MAX_STATIONS: Final = 64
_NAME_CHARS: Final = 16
_COMMAND: Final = 4
_FRAMES: Final[dict[int, tuple[str, OpKind]]] = {
    0: ("data", OpKind.REPORT),
    1: ("header", OpKind.IDENTIFY),
    2: ("configuration_1", OpKind.IDENTIFY),
    3: ("configuration_2", OpKind.IDENTIFY),
    _COMMAND: ("command", OpKind.OTHER),
    5: ("configuration_3", OpKind.IDENTIFY),
}
_COMMANDS: Final[dict[int, tuple[str, OpKind, str]]] = {
    1: ("data_off", OpKind.CONTROL, "stop"),
    2: ("data_on", OpKind.CONTROL, "run"),
    3: ("send_header", OpKind.IDENTIFY, ""),
    4: ("send_configuration_1", OpKind.IDENTIFY, ""),
    5: ("send_configuration_2", OpKind.IDENTIFY, ""),
    6: ("send_configuration_3", OpKind.IDENTIFY, ""),
    8: ("extended_frame", OpKind.OTHER, ""),
}

_HEADER: Final = Struct(">BBHHII").unpack_from
_WORD: Final = Struct(">H").unpack_from
_COUNTS: Final = Struct(">HHHHH").unpack_from


class C37118(StreamDissector):
    """Reads C37.118 over TCP and UDP."""

    __slots__ = ()

    name: ClassVar[str] = "c37118"

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header tells."""
        length: int
        sync, kind, length, _, _, _ = _HEADER(data, start)
        if sync != _SYNC or kind & 0x80 or kind >> 4 not in _FRAMES or length < _HEADER_BYTES + 2:
            return NOT_A_MESSAGE
        return length

    def find(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Look for the synchronization byte."""
        return data.find(b"\xaa", start)

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame over UDP."""
        if len(payload) != self.measure(payload, 0, is_from_client):
            raise Malformed(f"a datagram of {len(payload)} bytes whose header tells another length")
        self.message(payload, is_from_client, at_ns)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame."""
        _, kind, length, station, seconds, _ = _HEADER(data, 0)
        if _crc(data) != _WORD(data, length - 2)[0]:
            self.complain(at_ns, is_from_client, AnomalyKind.BAD_CHECKSUM, f"a frame of {length} bytes")
            return
        frame = kind >> 4
        service, sort = _FRAMES[frame]
        code, area, direction, name = frame, "", Direction.REPORT, ""
        if frame == _COMMAND:
            code = _WORD(data, _HEADER_BYTES)[0]
            known = _COMMANDS.get(code)
            if known is None:
                known = (f"command_{code}", OpKind.OTHER, "")
            service, sort, area = known
            direction = Direction.REQUEST
            self.tell(at_ns, Attribute.ROLE, Role.MASTER, is_of_client=is_from_client, confidence=PROBABLE)
        elif frame:
            direction = Direction.RESPONSE
            name = self._describe(data, frame, is_from_client, at_ns)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "c37118", service, code, sort, direction, station,
                area or ("measurement" if not frame else ""), None, None, name, None,
                "ok" if direction is Direction.RESPONSE else "", seconds,
            )
        )  # fmt: skip

    def _describe(self, data: bytes, frame: int, is_from_client: bool, at_ns: int) -> str:
        """Tell what a header or a configuration says; return the names of the stations."""
        if frame == 1:
            text = text_of(data[_HEADER_BYTES:-2])
            self.tell(
                at_ns, Attribute.DESCRIPTION, text, is_of_client=is_from_client, confidence=PROBABLE,
                source="c37118 header",
            )  # fmt: skip
            return ""
        names: list[str] = []
        if frame in {2, 3}:
            count = _WORD(data, 18)[0]
            position = 20
            for _ in range(min(count, _MAX_STATIONS)):
                names.append(text_of(data[position : position + _NAME_CHARS]).strip())
                _, _, phasors, analogs, digitals = _COUNTS(data, position + _NAME_CHARS)
                channels = phasors + analogs + 16 * digitals
                position += 26 + 16 * channels + 4 * (phasors + analogs + digitals) + 4
                if position > len(data) - 2:
                    raise Malformed(f"{channels} channels announced in {len(data)} bytes")
            for each in names[:1]:
                self.tell(
                    at_ns, Attribute.NAME, each, is_of_client=is_from_client, confidence=CERTAIN,
                    source="c37118 configuration",
                )  # fmt: skip
        self.tell(at_ns, Attribute.ROLE, Role.OUTSTATION, is_of_client=is_from_client, confidence=PROBABLE)
        return ",".join(names)[:256]


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a frame's length and checksum fit; see ``interface.Check``."""
    sync, kind, length, _, _, _ = _HEADER(payload, 0)
    if sync != _SYNC or kind & 0x80 or kind >> 4 not in _FRAMES or not _HEADER_BYTES + 2 <= length <= len(payload):
        return NO
    return SURE if _crc(payload[:length]) == _WORD(payload, length - 2)[0] else NO


def _crc(frame: bytes) -> int:
    """Return the CRC-CCITT of a frame without its last two bytes."""
    return binascii.crc_hqx(frame[:-2], 0xFFFF)
