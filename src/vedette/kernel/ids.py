"""Names and ids: what a person or device chose, and the immutable ids we use in its place.

A name chosen outside never forms a bus subject, key, path, policy uid or shell text. Those use a *generation id*:
a prefix and a UUIDv7 in base32hex, new on re-creation, so that a re-used name inherits nothing.
"""

from __future__ import annotations

import os
import re
from typing import ClassVar, Final, NewType, Protocol

from vedette.kernel.clock import Clock
from vedette.kernel.errors import Problem

OrganizationId = NewType("OrganizationId", str)
GenerationId = NewType("GenerationId", str)
DeviceId = NewType("DeviceId", str)
ModuleId = NewType("ModuleId", str)
RegistrationId = NewType("RegistrationId", str)
EnrollmentId = NewType("EnrollmentId", str)
AuthorityId = NewType("AuthorityId", str)
EventId = NewType("EventId", str)

DEVICE_ID_MAX_CHARS: Final = 128
REGISTRATION_ID_MAX_CHARS: Final = 128

_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuv"
# Two characters at a time: an id is made for every session and every decision.
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS: Final = tuple(range(120, -1, -10))
_LOW_62_BITS: Final = (1 << 62) - 1

# `+` and `#` are legal in the hub's documentation but MQTT forbids them in a topic name, so they are not registered.
_DEVICE_ID = re.compile(r"[A-Za-z0-9\-.%_*?!(),=@$']{1,128}")
_REGISTRATION_ID = re.compile(r"[A-Za-z0-9\-._:]{0,127}[A-Za-z0-9\-]")
_GENERATED = re.compile(r"[a-z]{2,4}_[0-9a-v]{26}")
# The second path segment of a DPS user name is `registrations`; a device of that name would be ambiguous.
_RESERVED_DEVICE_IDS = frozenset({"registrations"})


class InvalidId(Problem):
    """A text is not a well-formed id."""

    code: ClassVar[str] = "kernel.invalid_id"
    status: ClassVar[int] = 422


class IdSource(Protocol):
    """A source of fresh ids and random bytes; injected, never global."""

    def new(self, prefix: str) -> str:
        """Return a fresh id: the prefix, ``_`` and 26 characters that sort by creation time."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return ``count`` bytes fit for keys, nonces and tokens."""
        ...


class RandomIds:
    """Ids from the operating system's randomness and the given clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new(self, prefix: str) -> str:
        """Return ``prefix_`` + base32hex(UUIDv7)."""
        unix_ms = int(self._clock.now().timestamp() * 1000)
        return f"{prefix}_{encode_uuid7(unix_ms, os.urandom(10))}"

    def random_bytes(self, count: int) -> bytes:
        """Return bytes from the operating system."""
        return os.urandom(count)


def encode_uuid7(unix_ms: int, randomness: bytes) -> str:
    """Encode a UUIDv7 as 26 lower-case base32hex characters, which sort as the UUIDs do.

    Args:
        unix_ms: Milliseconds since 1970, 48 bits.
        randomness: 10 bytes.

    Source:
        RFC 9562 §5.7 (UUID version 7); RFC 4648 §7 (base32hex).
    """
    random_bits = int.from_bytes(randomness, "big")
    # 48 bits of time, version 7, 12 random bits, variant 10, 62 random bits; two zero bits fill the last character.
    number = (((unix_ms << 4 | 7) << 12 | random_bits >> 68) << 2 | 2) << 62 | random_bits & _LOW_62_BITS
    number <<= 2
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def parse_device_id(text: str) -> DeviceId:
    """Check a device id: 1 to 128 of ``A-Za-z0-9-.%_*?!(),=@$'``, case-sensitive, not a reserved word.

    Raises:
        InvalidId: Empty, too long, a character outside the set, or reserved.
    """
    return DeviceId(_check_name(text, "device"))


def parse_module_id(text: str) -> ModuleId:
    """Check a module id; the rule is a device id's.

    Raises:
        InvalidId: Empty, too long or a character outside the set.
    """
    return ModuleId(_check_name(text, "module"))


def _check_name(text: str, what: str) -> str:
    if text in _RESERVED_DEVICE_IDS:
        raise InvalidId(f"{what} id {text!r} is reserved", hint="choose another id")
    if not _DEVICE_ID.fullmatch(text):
        raise InvalidId(
            f"{what} id {text[:160]!r} is not valid",
            hint="use 1 to 128 of A-Z a-z 0-9 - . % _ * ? ! ( ) , = @ $ '",
        )
    return text


def parse_registration_id(text: str) -> RegistrationId:
    """Check a DPS registration id and lower its case: they are case-insensitive.

    Raises:
        InvalidId: Empty, over 128 characters, a character outside ``A-Za-z0-9-._:``, or a last one that is neither
            alphanumeric nor a dash.
    """
    if not _REGISTRATION_ID.fullmatch(text):
        raise InvalidId(
            f"registration id {text[:160]!r} is not valid",
            hint="use 1 to 128 of A-Z a-z 0-9 - . _ : ending in a letter, digit or dash",
        )
    return RegistrationId(text.lower())


def parse_generation_id(text: str) -> GenerationId:
    """Check that a text has the form of a generated id.

    Raises:
        InvalidId: It has not.
    """
    if not _GENERATED.fullmatch(text):
        raise InvalidId(f"{text[:80]!r} is not a generated id", hint="generated ids look like dev_ and 26 characters")
    return GenerationId(text)


def parse_organization_id(text: str) -> OrganizationId:
    """Check that a text has the form of an organization's id.

    Raises:
        InvalidId: It has not.
    """
    if not text.startswith("org_"):
        raise InvalidId(f"{text[:80]!r} is not an organization id", hint="organization ids begin with org_")
    return OrganizationId(parse_generation_id(text))
