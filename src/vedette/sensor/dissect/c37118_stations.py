"""What a configuration of C37.118 says of each station, and what a data frame holds of it.

Source:
    IEEE C37.118.2-2011 §6.3 (data), §6.4 (configuration 1 and 2), §6.5 (configuration 3).
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from vedette.sensor.dissect.interface import Malformed
from vedette.sensor.dissect.wording import text_of

MAX_STATIONS: Final = 64
_MAX_CHANNELS: Final = 1_024
_NAME_CHARS: Final = 16
_POLAR: Final = 1
_PHASORS_ARE_FLOAT: Final = 2
_ANALOGS_ARE_FLOAT: Final = 4
_FREQUENCY_IS_FLOAT: Final = 8
_BITS: Final = 16
_PHASOR_UNIT: Final = 1e-5
_ANGLE_UNIT: Final = 1e-4
_NOMINAL_HZ: Final = {0: 60.0, 1: 50.0}
_COUNTS: Final = Struct(">HHHHH").unpack_from
_WORD: Final = Struct(">H").unpack_from
_LONG: Final = Struct(">I").unpack_from
_SCALE: Final = Struct(">f").unpack_from
# Behind a station's channels, in configuration 3: latitude, longitude, elevation, class, window, delay.
_PLACE_BYTES: Final = 21
_PHASOR_SCALE_BYTES: Final = 12
_ANALOG_SCALE_BYTES: Final = 8


class Station(NamedTuple):
    """How one station's part of a data frame is packed."""

    name: str
    number: int
    format: int
    phasors: tuple[str, ...]
    analogs: tuple[str, ...]
    digitals: tuple[str, ...]
    """Names of the channels; of digital ones, one for each bit."""
    scales: tuple[float, ...]
    """Of phasors that are sent as whole numbers."""
    nominal_hz: float
    changes: int
    """How often its configuration changed."""
    layout: Struct

    @property
    def is_polar(self) -> bool:
        """Whether phasors are magnitude and angle."""
        return bool(self.format & _POLAR)


class Reading(NamedTuple):
    """What one station measured."""

    state: int
    phasors: tuple[float, ...]
    """Two numbers each: magnitude and angle in radians, or real and imaginary part."""
    frequency_hz: float
    rate: float
    """Of the frequency's change, in hertz a second."""
    analogs: tuple[float, ...]
    digitals: tuple[int, ...]
    deviation: float
    """The frequency as it was sent: millihertz from the nominal one, or hertz."""


def configuration_of(data: bytes) -> tuple[tuple[Station, ...], int]:
    """Return the stations that a configuration 1 or 2 describes, and frames a second.

    Raises:
        Malformed: More is announced than there is.
    """
    stations: list[Station] = []
    position = 20
    for _ in range(min(_WORD(data, 18)[0], MAX_STATIONS)):
        name = text_of(data[position : position + _NAME_CHARS]).strip()
        counts = _COUNTS(data, position + _NAME_CHARS)
        _, _, phasors, analogs, digitals = counts
        channels = phasors + analogs + _BITS * digitals
        start = position + 26
        units = start + _NAME_CHARS * channels
        end = units + 4 * (phasors + analogs + digitals)
        if channels > _MAX_CHANNELS or end + 4 > len(data) - 2:
            raise Malformed(f"{channels} channels announced in {len(data)} bytes")
        names = [text_of(data[at : at + _NAME_CHARS]).strip() for at in range(start, units, _NAME_CHARS)]
        scales = [(_LONG(data, units + 4 * each)[0] & 0xFF_FFFF) * _PHASOR_UNIT for each in range(phasors)]
        stations.append(_station(name, counts, names, scales, data, end))
        position = end + 4
    return tuple(stations), int.from_bytes(data[position : position + 2], "big", signed=True)


def configuration_3_of(data: bytes) -> tuple[tuple[Station, ...], int]:
    """Return the stations that a configuration 3 in one frame describes, and frames a second.

    Raises:
        Malformed: More is announced than there is.
    """
    stations: list[Station] = []
    position = 22
    for _ in range(min(_WORD(data, 20)[0], MAX_STATIONS)):
        name, position = _text(data, position)
        (number,) = _WORD(data, position)
        counts = number, *_COUNTS(data, position + 18)[:4]
        _, _, phasors, analogs, digitals = counts
        channels = phasors + analogs + _BITS * digitals
        if channels > _MAX_CHANNELS:
            raise Malformed(f"{channels} channels; {_MAX_CHANNELS} allowed")
        position += 26
        names: list[str] = []
        for _ in range(channels):
            channel, position = _text(data, position)
            names.append(channel)
        scales = [_SCALE(data, position + _PHASOR_SCALE_BYTES * each + 4)[0] for each in range(phasors)]
        position += _PHASOR_SCALE_BYTES * phasors + _ANALOG_SCALE_BYTES * analogs + 4 * digitals + _PLACE_BYTES
        stations.append(_station(name, counts, names, scales, data, position))
        position += 4
    return tuple(stations), int.from_bytes(data[position : position + 2], "big", signed=True)


def readings_of(data: bytes, start: int, stations: tuple[Station, ...]) -> list[Reading]:
    """Return what a data frame holds; nothing if its length is not that of its configuration."""
    if start + sum(each.layout.size for each in stations) != len(data) - 2:
        return []
    found: list[Reading] = []
    for station in stations:
        found.append(_reading(station, station.layout.unpack_from(data, start)))
        start += station.layout.size
    return found


def _reading(station: Station, fields: tuple[float, ...]) -> Reading:
    end = 1 + 2 * len(station.phasors)
    phasors = fields[1:end]
    if not station.format & _PHASORS_ARE_FLOAT:
        second = (_ANGLE_UNIT,) * len(station.phasors) if station.is_polar else station.scales
        factors = [factor for pair in zip(station.scales, second, strict=True) for factor in pair]
        phasors = tuple(part * factor for part, factor in zip(phasors, factors, strict=True))
    deviation, rate = fields[end], fields[end + 1]
    is_float = station.format & _FREQUENCY_IS_FLOAT
    frequency_hz = deviation if is_float else station.nominal_hz + deviation / 1000
    analogs = fields[end + 2 : end + 2 + len(station.analogs)]
    digitals = tuple(int(each) for each in fields[end + 2 + len(station.analogs) :])
    return Reading(
        int(fields[0]), phasors, frequency_hz, rate if is_float else rate / 100, analogs, digitals, deviation
    )


def _station(
    name: str, counts: tuple[int, ...], names: list[str], scales: list[float], data: bytes, end: int
) -> Station:
    number, kind, phasors, analogs, digitals = counts
    pair = "ff" if kind & _PHASORS_ARE_FLOAT else "Hh" if kind & _POLAR else "hh"
    layout = Struct(
        ">H"
        + pair * phasors
        + ("ff" if kind & _FREQUENCY_IS_FLOAT else "hh")
        + ("f" if kind & _ANALOGS_ARE_FLOAT else "h") * analogs
        + "H" * digitals
    )
    nominal, changes = _WORD(data, end)[0], _WORD(data, end + 2)[0]
    return Station(
        name,
        number,
        kind,
        tuple(names[:phasors]),
        tuple(names[phasors : phasors + analogs]),
        tuple(names[phasors + analogs :]),
        tuple(scales),
        _NOMINAL_HZ[nominal & 1],
        changes,
        layout,
    )


def _text(data: bytes, position: int) -> tuple[str, int]:
    """Read a name that tells its own length."""
    end = position + 1 + data[position]
    if end > len(data):
        raise Malformed(f"a name of {data[position]} bytes, {len(data) - position - 1} there")
    return text_of(data[position + 1 : end]).strip(), end
