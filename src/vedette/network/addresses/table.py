"""Ranges of addresses as they are kept and searched: compact, for a list of the whole internet. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final

import msgspec

from vedette.network.addresses.errors import InvalidAddressList
from vedette.network.addresses.model import Told
from vedette.network.external_intake import NetworkOwner

_WIDTHS: Final = {4: 4, 6: 16}
_PLACE: Final = 4
_LEVEL: Final = 6
_UNPACKED_MAX: Final = 256 * 1024 * 1024


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    owners: list[tuple[str, int, str]]
    v4: bytes
    v6: bytes


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Packed).decode


def pack(told: Told) -> bytes:
    """Return the bytes that are stored of a part of a list."""
    return zlib.compress(_encode(_Packed(told.owners, _records(told.v4, 4), _records(told.v6, 16))), _LEVEL)


class AddressTable:
    """Finds the owner of an address among the ranges of a list.

    Of ranges that overlap the one that begins last counts.

    Args:
        parts: What ``pack`` wrote, in any order.
    """

    def __init__(self, parts: Iterable[bytes]) -> None:
        owners: list[tuple[str, int, str]] = []
        records: dict[int, list[bytes]] = {4: [], 6: []}
        for part in parts:
            found = _unpack(part)
            for version, content in ((4, found.v4), (6, found.v6)):
                records[version] += _moved(content, _WIDTHS[version], len(owners))
            owners += found.owners
        self._owners: Final = [NetworkOwner(*owner) for owner in owners]
        self._ranges: Final = {version: b"".join(sorted(each)) for version, each in records.items()}

    def find(self, address: str) -> NetworkOwner | None:
        """Return who an address is assigned to; None: the list does not say."""
        try:
            found = ip_address(address)
        except ValueError:
            return None
        width = _WIDTHS[found.version]
        ranges, size = self._ranges[found.version], 2 * width + _PLACE
        key = found.packed
        low, high = 0, len(ranges) // size
        while low < high:
            middle = (low + high) // 2
            if ranges[middle * size : middle * size + width] <= key:
                low = middle + 1
            else:
                high = middle
        record = ranges[(low - 1) * size : low * size] if low else b""
        if not record or record[width : 2 * width] < key:
            return None
        return self._owners[int.from_bytes(record[2 * width :], "big")]

    def __len__(self) -> int:
        """Count the ranges."""
        return sum(len(self._ranges[version]) // (2 * width + _PLACE) for version, width in _WIDTHS.items())


def _records(ranges: Sequence[tuple[int, int, int]], width: int) -> bytes:
    return b"".join(
        first.to_bytes(width, "big") + last.to_bytes(width, "big") + place.to_bytes(_PLACE, "big")
        for first, last, place in ranges
    )


def _moved(content: bytes, width: int, by: int) -> list[bytes]:
    """Return records whose owners stand further behind, since other parts' owners come before."""
    size = 2 * width + _PLACE
    return [
        content[at : at + 2 * width]
        + (int.from_bytes(content[at + 2 * width : at + size], "big") + by).to_bytes(_PLACE, "big")
        for at in range(0, len(content) - size + 1, size)
    ]


def _unpack(part: bytes) -> _Packed:
    try:
        return _decode(zlib.decompressobj().decompress(part, _UNPACKED_MAX))
    except (zlib.error, msgspec.DecodeError) as error:
        raise InvalidAddressList("a stored part of the list of addresses is damaged", hint="import it again") from error
