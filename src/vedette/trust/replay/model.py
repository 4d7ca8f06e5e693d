"""What a replay is asked and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from vedette.trust.entities import EntitySlice
from vedette.trust.facts import SessionFacts
from vedette.trust.model import PostureRecord

Change = Literal["newly_denied", "newly_allowed", "reason_changed"]
CHANGES: Final[tuple[Change, ...]] = ("newly_denied", "newly_allowed", "reason_changed")
Facts = dict[str, str | int | bool]


class SeenSession(msgspec.Struct, frozen=True, array_like=True):
    """The facts of a session as they were decided on, and when.

    Attributes:
        is_assumed: The identity was not seen in the log: its session is made up from what its record permits.
    """

    at: datetime
    facts: Facts
    is_assumed: bool = False


class FleetItem(msgspec.Struct, frozen=True, array_like=True, tag="fleet"):
    """One identity as it is now."""

    record: PostureRecord
    sessions: list[SeenSession]


class LogItem(msgspec.Struct, frozen=True, array_like=True, tag="log"):
    """Equal decisions of the log: what the identity looked like then.

    Attributes:
        count: How many decisions it stands for.
    """

    generation_id: str
    organization_id: str
    slice: EntitySlice
    action: str
    facts: Facts
    count: int


class Finding(msgspec.Struct, frozen=True, array_like=True):
    """One answer that becomes another.

    Attributes:
        index: Of the item in its chunk.
        session: Index of the session; 0 for an item of the log.
        before: Policies that decide now; errors count as policies.
        after: Policies that would decide.
    """

    index: int
    session: int
    action: str
    change: Change
    before: list[str]
    after: list[str]


class Chunk(msgspec.Struct, frozen=True):
    """Work for the replaying process."""

    now: datetime
    items: list[FleetItem | LogItem]


class Replayed(msgspec.Struct, frozen=True):
    """What a chunk came to.

    Attributes:
        decisions: How many were made, both bundles counted.
        denied: Indexes of identities that would not be let in.
        unreadable: Indexes of identities that cannot be shown to the policies: they are denied either way.
    """

    decisions: int
    findings: list[Finding]
    denied: list[int]
    unreadable: list[int]


class Bundles(msgspec.Struct, frozen=True):
    """The first frame: what decides now, and what would."""

    before: bytes
    after: bytes


def facts_of(seen: SeenSession) -> SessionFacts:
    """Return the facts of a session as an enforcement point had them; what the log does not tell is unknown."""
    known: Mapping[str, Any] = seen.facts  # Any: each name has its own type, checked below
    age = known.get("credentialAgeHours")
    other = known.get("secondsSinceOtherLocation")
    return SessionFacts(
        credential=str(known.get("credential", "")),
        tls_version=str(known.get("tlsVersion", "")),
        address=str(known.get("address", "")),
        cipher=str(known.get("cipher", "")),
        protocol=str(known.get("protocol", "mqtt")),
        gateway=str(known.get("gateway", "")),
        key_algorithm=str(known.get("keyAlgorithm", "")),
        key_bits=int(known.get("keyBits", 0)),
        credential_since=seen.at - timedelta(hours=int(age)) if isinstance(age, int) else None,
        is_second_location=bool(known.get("isSecondLocation", False)),
        other_seen_s=int(other) if isinstance(other, int) else None,
    )
