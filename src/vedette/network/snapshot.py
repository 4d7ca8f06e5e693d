"""The inventory as it was on a day, and what differs between two of them. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from vedette.network.model import NetworkAsset

BODY_BYTES_MAX: Final = 256 * 1024 * 1024
COMPARED: Final = (
    "name",
    "site",
    "ips",
    "macs",
    "vendor",
    "model",
    "product_code",
    "firmware",
    "serial",
    "operating_system",
    "device_type",
    "role",
    "level",
    "criticality",
    "state",
    "device_id",
)
"""What of an asset is kept in a snapshot and compared."""
_LEVEL: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is told of a snapshot.

    Attributes:
        taken_by: Who asked for it; ``system`` for those of every day.
        is_kept: Somebody asked for it, so it stays when daily ones go.
    """

    snapshot_id: str
    taken_at: datetime
    note: str
    taken_by: str
    assets: int
    links: int
    is_kept: bool


class AssetPicture(msgspec.Struct, frozen=True):
    """An asset as a snapshot holds it; lists are joined by a comma and a space."""

    asset_id: str
    values: dict[str, str]

    @property
    def label(self) -> str:
        """What to call it: its name, else an address."""
        return self.values.get("name") or self.values.get("ips") or self.values.get("macs") or self.asset_id


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One value that differs."""

    asset_id: str
    label: str
    attribute: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two pictures of the inventory."""

    added: tuple[AssetPicture, ...]
    removed: tuple[AssetPicture, ...]
    changed: tuple[AttributeChange, ...]


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(list[AssetPicture]).decode


def picture_of(asset: NetworkAsset) -> AssetPicture:
    """Return what a snapshot keeps of an asset."""
    values = {name: getattr(asset, name) for name in COMPARED if name != "device_id"}
    values["device_id"] = "" if asset.management is None else asset.management.device_id
    texts = {name: ", ".join(value) if isinstance(value, tuple) else str(value) for name, value in values.items()}
    return AssetPicture(asset.asset_id, {name: text for name, text in texts.items() if text})


def write_body(pictures: Iterable[AssetPicture]) -> bytes:
    """Return the bytes that are stored."""
    return zlib.compress(_encode(list(pictures)), _LEVEL)


def read_body(body: bytes) -> dict[str, AssetPicture]:
    """Read what ``write_body`` wrote, by asset."""
    unpacked = zlib.decompressobj().decompress(body, BODY_BYTES_MAX)
    return {picture.asset_id: picture for picture in _decode(unpacked)}


def compare(before: Mapping[str, AssetPicture], after: Mapping[str, AssetPicture]) -> Comparison:
    """Tell what differs."""
    changed = [
        AttributeChange(asset_id, after[asset_id].label, name, old.get(name, ""), new.get(name, ""))
        for asset_id in sorted(before.keys() & after.keys())
        for old, new in [(before[asset_id].values, after[asset_id].values)]
        if old != new
        for name in COMPARED
        if old.get(name, "") != new.get(name, "")
    ]
    return Comparison(
        tuple(after[each] for each in sorted(after.keys() - before.keys())),
        tuple(before[each] for each in sorted(before.keys() - after.keys())),
        tuple(changed),
    )
