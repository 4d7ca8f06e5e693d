"""IEEE C37.118: measurements of phasors across a power grid.

Source:
    IEEE C37.118.2-2011 §6 (frames, commands), Annex B (CRC-CCITT).
"""

from __future__ import annotations

import binascii
from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.c37118_stations import (
    MAX_STATIONS,
    Station,
    configuration_3_of,
    configuration_of,
    readings_of,
)
from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, Malformed, StreamDissector
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import (
    CERTAIN,
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

_SYNC: Final = 0xAA
_HEADER_BYTES: Final = 14
_MAX_VALUES: Final = 256
_HEADER_FRAME: Final = 1
_CONFIGURATION_1: Final = 2
_COMMAND: Final = 4
_CONFIGURATION_3: Final = 5
_FRAMES: Final[dict[int, tuple[str, OpKind]]] = {
    0: ("data", OpKind.REPORT),
    1: ("header", OpKind.IDENTIFY),
    2: ("configuration_1", OpKind.IDENTIFY),
    3: ("configuration_2", OpKind.IDENTIFY),
    _COMMAND: ("command", OpKind.OTHER),
    _CONFIGURATION_3: ("configuration_3", OpKind.IDENTIFY),
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


class C37118(StreamDissector):
    """Reads C37.118 over TCP and UDP."""

    __slots__ = ("_stations",)

    name: ClassVar[str] = "c37118"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._stations: Final[dict[int, tuple[Station, ...]]] = {}
        """How data of each stream is packed, as its last configuration said."""

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
        if not frame:
            self._data(data, station, seconds, is_from_client, at_ns)
            return
        code, area, direction, name = frame, "", Direction.RESPONSE, ""
        detail: dict[str, Values] = {"frame_size": length}
        if frame == _COMMAND:
            code = _WORD(data, _HEADER_BYTES)[0]
            service, sort, area = _COMMANDS.get(code, (f"command_{code}", OpKind.OTHER, ""))
            direction = Direction.REQUEST
            self.tell(at_ns, Attribute.ROLE, Role.MASTER, is_of_client=is_from_client, confidence=PROBABLE)
        elif frame == _HEADER_FRAME:
            self._header(data, is_from_client, at_ns)
        else:
            name = self._configuration(data, frame, station, is_from_client, at_ns, detail)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "c37118", service, code, sort, direction, station, area, None, None,
                name, None, "ok" if direction is Direction.RESPONSE else "", seconds, None, detail,
            )
        )  # fmt: skip

    def _data(self, data: bytes, stream: int, seconds: int, is_from_client: bool, at_ns: int) -> None:
        """Read measurements: an operation for each station if the stream's configuration was seen, else one."""
        stations = self._stations.get(stream, ())
        readings = readings_of(data, _HEADER_BYTES, stations) if stations else []
        if not readings:
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "c37118", "data", 0, OpKind.REPORT, Direction.REPORT, stream,
                    "measurement", transaction=seconds, detail={"frame_size": len(data)},
                )
            )  # fmt: skip
        for place, (station, found) in enumerate(zip(stations, readings, strict=False)):
            detail: dict[str, Values] = {
                "frame_size": len(data), "stations": len(stations), "state": found.state,
                "frequency_hz": found.frequency_hz, "rocof": found.rate, "deviation": found.deviation,
                "phasors": found.phasors, "is_polar": station.is_polar, "analogs": found.analogs,
                "digitals": found.digitals,
            }  # fmt: skip
            if place:
                detail["item"] = place
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "c37118", "data", 0, OpKind.REPORT, Direction.REPORT, stream,
                    "measurement", station.number, len(station.phasors), station.name,
                    (*found.phasors, found.frequency_hz, found.rate, *found.analogs, *found.digitals)[:_MAX_VALUES],
                    "", seconds, None, detail,
                )
            )  # fmt: skip

    def _header(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        self.tell(
            at_ns, Attribute.DESCRIPTION, text_of(data[_HEADER_BYTES:-2]), is_of_client=is_from_client,
            confidence=PROBABLE, source="c37118 header",
        )  # fmt: skip

    def _configuration(
        self, data: bytes, frame: int, stream: int, is_from_client: bool, at_ns: int, detail: dict[str, Values]
    ) -> str:
        """Remember how data will be packed, and tell it; return the names of the stations."""
        stations: tuple[Station, ...] = ()
        rate = 0
        if frame != _CONFIGURATION_3:
            stations, rate = configuration_of(data)
        elif not _WORD(data, _HEADER_BYTES)[0]:  # the first of several frames is none of its own
            stations, rate = configuration_3_of(data)
        self.tell(at_ns, Attribute.ROLE, Role.OUTSTATION, is_of_client=is_from_client, confidence=PROBABLE)
        if stations:
            if len(self._stations) >= MAX_STATIONS and stream not in self._stations:
                self._stations.clear()
            if frame != _CONFIGURATION_1:  # that tells what could be sent, not what is
                self._stations[stream] = stations
            self.tell(
                at_ns, Attribute.NAME, stations[0].name, is_of_client=is_from_client, confidence=CERTAIN,
                source="c37118 configuration",
            )  # fmt: skip
        detail |= {
            "data_rate": rate,
            "names": tuple(each.name for each in stations),
            "numbers": tuple(each.number for each in stations),
            "formats": tuple(each.format for each in stations),
            "phasors": tuple(",".join(each.phasors) for each in stations),
            "analogs": tuple(",".join(each.analogs) for each in stations),
            "digitals": tuple(",".join(each.digitals) for each in stations),
            "changes": tuple(each.changes for each in stations),
            "nominal_hz": tuple(each.nominal_hz for each in stations),
        }
        return ",".join(each.name for each in stations)[:256]


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a frame's length and checksum fit; see ``interface.Check``."""
    sync, kind, length, _, _, _ = _HEADER(payload, 0)
    if sync != _SYNC or kind & 0x80 or kind >> 4 not in _FRAMES or not _HEADER_BYTES + 2 <= length <= len(payload):
        return NO
    return SURE if _crc(payload[:length]) == _WORD(payload, length - 2)[0] else NO


def _crc(frame: bytes) -> int:
    """Return the CRC-CCITT of a frame without its last two bytes."""
    return binascii.crc_hqx(frame[:-2], 0xFFFF)
