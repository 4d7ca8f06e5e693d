"""A twin: what an identity should be (desired) and says it is (reported), with versions and times. Pure.

Source:
    RFC 7396 (merge patch); the hub's twin documents (``$metadata``, ``$version``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId, to_rfc3339
from vedette.registry.errors import InvalidTwin, TwinTooLarge
from vedette.registry.tags import Tags
from vedette.registry.twin_limits import measure, size_of

BAG_MAX_BYTES: Final = 32_768
# Of a patch as it is measured: all that a bag may hold, and a null for all that it held before.
PATCH_MAX_BYTES: Final = 2 * BAG_MAX_BYTES
# Of a patch as it arrives: escapes and spaces count nothing but are read all the same.
PAYLOAD_MAX_BYTES: Final = 131_072
NEVER: Final = "0001-01-01T00:00:00Z"

_PATHS_SHOWN: Final = 64
_PATH_CHARS: Final = 160
_READ_ONLY: Final = frozenset({"$metadata", "$version"})
_sorted: Final = msgspec.json.Encoder(order="sorted")

Values = dict[str, Any]  # Any: JSON values


@dataclass(frozen=True, slots=True, kw_only=True)
class Bag:
    """One half of a twin.

    Attributes:
        version: Grows by exactly 1 with each accepted update.
        metadata: The tree of ``values`` with ``$lastUpdated``, and for desired ones ``$lastUpdatedVersion``, at each
            node; empty before the first update.
    """

    values: Values = field(default_factory=dict)
    version: int = 1
    metadata: Values = field(default_factory=dict)

    def document(self) -> Values:
        """Return the values and ``$version``, as a device reads them."""
        return {**self.values, "$version": self.version}

    def full_document(self) -> Values:
        """Return the values, ``$metadata`` and ``$version``, as an operator reads them."""
        return {**self.values, "$metadata": self.metadata or {"$lastUpdated": NEVER}, "$version": self.version}


EMPTY: Final = Bag()


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """The twin of a device or module.

    Attributes:
        tags: The identity's own; a device never sees them.
        revision: Grows with each change of tags, desired properties or the identity; what ``If-Match`` compares.
        version: Grows with each change at all, reported ones included.
        updated_at: Of the last change of either bag; ``None`` before the first.
    """

    organization_id: OrganizationId
    generation_id: GenerationId
    device_id: DeviceId
    module_id: ModuleId | None
    tags: Tags
    desired: Bag
    reported: Bag
    revision: int
    version: int
    updated_at: datetime | None

    @property
    def etag(self) -> str:
        """The revision as an entity tag."""
        return f'"{self.revision}"'


def encode_for_device(desired: Bag, reported: Bag) -> bytes:
    """Write a twin as its device reads it."""
    return msgspec.json.encode({"desired": desired.document(), "reported": reported.document()})


def encode_desired_patch(patch: Mapping[str, Any], version: int) -> bytes:
    """Write a desired change as the device is told of it: nulls included, with its version."""
    return msgspec.json.encode({**patch, "$version": version})


def parse_patch(payload: bytes, name: str) -> Values:
    """Read and check a merge patch from a device; of a key given twice the last counts.

    Raises:
        TwinTooLarge: Over 128 KiB, or more than a bag could hold.
        InvalidTwin: Not JSON, not an object, nested without end, or a member breaks a limit.
    """
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise TwinTooLarge(
            f"a patch of {len(payload)} bytes is over the limit of {PAYLOAD_MAX_BYTES}", limit=PAYLOAD_MAX_BYTES
        )
    try:
        patch = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidTwin("the patch is not JSON, or a number of it is out of range", hint="send one object") from error
    return check_patch(patch, name)


def without_read_only(document: object) -> object:
    """Return a bag as an operator sends it back after reading it, without the hub's own ``$metadata`` and ``$version``.

    They are computed, never written; any other key with a dollar sign is refused where the bag is checked.
    """
    if isinstance(document, dict) and not _READ_ONLY.isdisjoint(document):
        return {key: value for key, value in document.items() if key not in _READ_ONLY}
    return document


def check_desired(document: object) -> Values:
    """Check desired properties as a whole; null members are dropped.

    Raises:
        InvalidTwin: A member breaks a limit; ``TwinTooLarge`` when all together do.
    """
    return replace_bag(EMPTY, check_patch(document, "desired"), name="desired", at=None).values


def check_patch(document: object, name: str) -> Values:
    """Check every member of a patch or a whole bag; whether the bag as it becomes is too large shows when it is merged.

    Raises:
        InvalidTwin: Not an object, or a member breaks a limit; ``TwinTooLarge``: no bag could hold it.
    """
    size = measure(document, name=name, refusal=InvalidTwin)
    assert isinstance(document, dict)  # noqa: S101 - measured just now
    if size > PATCH_MAX_BYTES:
        raise TwinTooLarge(
            f"a patch of {name} of {size} bytes is over the limit of {PATCH_MAX_BYTES}", limit=PATCH_MAX_BYTES
        )
    return document


def patch_bag(bag: Bag, patch: Values, *, name: str, at: datetime, is_versioned: bool = False) -> Bag:
    """Return the bag after a merge patch: null removes, objects merge, all else replaces, arrays as a whole.

    Args:
        bag: Before.
        patch: As ``check_patch`` returned it.
        name: ``desired`` or ``reported``, for errors.
        at: Becomes ``$lastUpdated`` of every member that the patch names, and of those above it.
        is_versioned: Whether members also get ``$lastUpdatedVersion``.

    Raises:
        TwinTooLarge: All together are over the limit.
    """
    stamp = _stamp(at, bag.version + 1 if is_versioned else None)
    values, metadata = _merge(bag.values, bag.metadata, patch, stamp)
    _check_size(values, name)
    return Bag(values=values, version=bag.version + 1, metadata=metadata)


def replace_bag(bag: Bag, document: Values, *, name: str, at: datetime | None, is_versioned: bool = False) -> Bag:
    """Return the bag after its values were replaced as a whole; the rest is as in ``patch_bag``.

    Raises:
        TwinTooLarge: All together are over the limit.
    """
    stamp = {} if at is None else _stamp(at, bag.version + 1 if is_versioned else None)
    values, metadata = _merge({}, {}, document, stamp)
    _check_size(values, name)
    return Bag(values=values, version=bag.version + 1, metadata=metadata)


def replacing_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Values:
    """Return the merge patch that makes ``new`` of ``old``: all of ``new``, and null for what is gone."""
    patch: Values = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            patch[key] = replacing_patch(before, value)
        else:
            patch[key] = value
    return patch


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Values:
    """Return the smallest merge patch that makes ``new`` of ``old``."""
    patch: Values = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := difference(before, value):
                patch[key] = inner
        elif key not in old or type(before) is not type(value) or before != value:
            patch[key] = value
    return patch


def describe_patch(patch: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON values
    """Return what the ledger keeps of a patch: the paths it names and its digest, none of its values."""
    paths = []
    count = 0
    for path in _leaves(patch, ""):
        count += 1
        if count <= _PATHS_SHOWN:
            paths.append(path[:_PATH_CHARS])
    return {"paths": paths, "path_count": count, "sha256": hashlib.sha256(_sorted.encode(patch)).hexdigest()}


def _leaves(patch: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in patch.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def _check_size(values: Values, name: str) -> None:
    size = size_of(values)
    if size > BAG_MAX_BYTES:
        raise TwinTooLarge(f"{name} of {size} bytes is over the limit of {BAG_MAX_BYTES}", limit=BAG_MAX_BYTES)


def _stamp(at: datetime, version: int | None) -> Values:
    moment = to_rfc3339(at)
    return {"$lastUpdated": moment} if version is None else {"$lastUpdated": moment, "$lastUpdatedVersion": version}


def _merge(values: Values, metadata: Values, patch: Values, stamp: Values) -> tuple[Values, Values]:
    """Merge a patch into values and their metadata in one pass; what it does not touch is shared with the old ones."""
    merged = dict(values)
    noted = {**metadata, **stamp}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
            noted.pop(key, None)
        elif isinstance(value, dict):
            inner = merged.get(key)
            if isinstance(inner, dict):
                merged[key], noted[key] = _merge(inner, noted.get(key, {}), value, stamp)
            else:
                merged[key], noted[key] = _merge({}, {}, value, stamp)
        else:
            merged[key] = value
            noted[key] = stamp
    return merged, noted
