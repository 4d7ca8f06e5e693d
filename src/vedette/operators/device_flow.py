"""The device flow as values: a command line shows a code, and a person approves it in a browser.

Source:
    RFC 8628 (OAuth 2.0 Device Authorization Grant); §6.1 for the alphabet of user codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from vedette.kernel import IdSource, OrganizationId
from vedette.operators.model import Client, LoginFacts, PersonId

LIFETIME: Final = timedelta(minutes=10)
INTERVAL_S: Final = 3
SLOWER_BY_S: Final = 5
PENDING_MAX: Final = 200
PENDING_PER_ADDRESS_MAX: Final = 10
CODE_MAX_CHARS: Final = 64
_ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
_CHARS: Final = 8
_GROUP: Final = 4
# The largest multiple of 20 that a byte can count to: above it a byte is drawn again, so that no letter is likelier.
_FAIR_BELOW: Final = 240
_USER_CODE: Final = re.compile(f"[{_ALPHABET}]{{{_CHARS}}}", re.ASCII)
_DEVICE_CODE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class AuthorizationState(StrEnum):
    """How far a device authorization has come."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAuthorization:
    """A command line that waits for its person.

    Attributes:
        user_code: What the person compares and types: eight letters.
        client: Where the command line is, and what it says it is.
        interval_s: How long it waits between two questions at least.
        person_id: Who approved.
        facts: How they had logged in: the command line's session rests on that, and ends with it.
    """

    organization_id: OrganizationId
    code_sha256: bytes = field(repr=False)
    user_code: str
    client: Client
    created_at: datetime
    expires_at: datetime
    state: AuthorizationState = AuthorizationState.PENDING
    interval_s: int = INTERVAL_S
    last_asked_at: datetime | None = None
    person_id: PersonId | None = None
    facts: LoginFacts = field(default_factory=LoginFacts)

    @property
    def shown_code(self) -> str:
        """The user code as it is shown."""
        return show_user_code(self.user_code)


@dataclass(frozen=True, slots=True)
class NewDeviceAuthorization:
    """A device authorization that has begun, and the secret its command line asks with: it is told once."""

    authorization: DeviceAuthorization
    device_code: str = field(repr=False)


def new_user_code(ids: IdSource) -> str:
    """Return eight letters, 34 random bits; consonants only, so that none spells a word."""
    found = ""
    while len(found) < _CHARS:
        for byte in ids.random_bytes(2 * _CHARS):
            if byte < _FAIR_BELOW and len(found) < _CHARS:
                found += _ALPHABET[byte % len(_ALPHABET)]
    return found


def parse_user_code(text: str) -> str | None:
    """Return a user code as it is kept, from what a person typed; None if it cannot be one."""
    if len(text) > CODE_MAX_CHARS:
        return None
    code = "".join(text.upper().replace("-", " ").split())
    return code if _USER_CODE.fullmatch(code) else None


def is_device_code(text: str) -> bool:
    """Tell whether a text has the form of a device code."""
    return _DEVICE_CODE.fullmatch(text) is not None


def show_user_code(code: str) -> str:
    """Write a user code in two groups of four."""
    return f"{code[:_GROUP]}-{code[_GROUP:]}"
