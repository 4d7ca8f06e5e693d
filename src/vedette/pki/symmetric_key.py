"""Symmetric keys of devices that know no certificates: weak, off by default, in two slots, and each with an end."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from vedette.kernel import OrganizationId
from vedette.pki.errors import InvalidSymmetricKey

GENERATED_BYTES: Final = 32
KEY_MIN_BYTES: Final = 16
KEY_MAX_BYTES: Final = 64
_TEXT_MAX_CHARS: Final = 128


class KeySlot(StrEnum):
    """Which of an owner's two keys: one is used while the other is replaced."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


@dataclass(frozen=True, slots=True, kw_only=True)
class SymmetricKey:
    """A key on record, without its value, which is never read back.

    Attributes:
        owner_id: Generation id of a device or module, or id of an enrollment.
        is_imported: An operator brought the value; we cannot know who else has it.
        last_used_at: Coarse: written at most once an hour.
        enrollment_id: Of the enrollment it was handed on from; ``None``: an operator decided on it.
    """

    organization_id: OrganizationId
    key_id: str
    owner_id: str
    slot: KeySlot
    created_at: datetime
    expires_at: datetime
    is_imported: bool = False
    last_used_at: datetime | None = None
    enrollment_id: str | None = None


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key that was made elsewhere.

    Attributes:
        expires_at: ``None``: after the configured lifetime.
        enrollment_id: Of the enrollment it is handed on from, if it is.
    """

    value: bytes = field(repr=False)
    expires_at: datetime | None = None
    enrollment_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just put on record, with its value: to be shown once, and kept nowhere."""

    key: SymmetricKey
    value: bytes = field(repr=False)

    def to_base64(self) -> str:
        """Return the value as clients are configured with it."""
        return base64.b64encode(self.value).decode("ascii")


@dataclass(frozen=True, slots=True)
class NewKeys:
    """What an owner was given: both slots, or the one that was rotated."""

    keys: tuple[NewKey, ...]

    def in_slot(self, slot: KeySlot) -> NewKey | None:
        """Return the new key of a slot."""
        return next((each for each in self.keys if each.key.slot is slot), None)


def parse_symmetric_key(text: str) -> bytes:
    """Read a key that an operator brings along.

    Raises:
        InvalidSymmetricKey: Not base64 of 16 to 64 bytes.
    """
    try:
        value = base64.b64decode(text, validate=True) if len(text) <= _TEXT_MAX_CHARS else b""
    except (ValueError, binascii.Error):
        value = b""
    return check_key_value(value)


def check_key_value(value: bytes) -> bytes:
    """Check a key's length.

    Raises:
        InvalidSymmetricKey: Outside 16 to 64 bytes.
    """
    if not KEY_MIN_BYTES <= len(value) <= KEY_MAX_BYTES:
        raise InvalidSymmetricKey(
            f"a symmetric key is base64 of {KEY_MIN_BYTES} to {KEY_MAX_BYTES} bytes",
            hint="make one: openssl rand -base64 32",
        )
    return value
