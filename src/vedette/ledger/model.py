"""What the ledger records and what it tells: entries, events, envelopes."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, Protocol

import msgspec

from vedette.kernel import to_rfc3339
from vedette.ledger.errors import InvalidEntry

ENTRY_BYTES_MAX: Final = 64 * 1024
EVENT_BYTES_MAX: Final = 64 * 1024
TEXT_CHARS_MAX: Final = 256
REASON_CHARS_MAX: Final = 1024

# Also the name of a folder and part of a key name: nothing that means anything there.
_ORGANIZATION_ID: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_encoder: Final = msgspec.json.Encoder(order="sorted")


class Actor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who acted: a person, a service token, a device, or Vedette itself.

    Attributes:
        name: What a person called themselves then; empty for those that are called by their id.
    """

    kind: Literal["operator", "service", "device", "system"]
    id: str
    name: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One act, as a room writes it.

    Attributes:
        organization_id: The organization whose log it belongs to.
        actor: Who acted.
        action: What was done, ``room.verb_object``: ``registry.disable_device``.
        target: The generated id of what was acted on.
        target_name: What people call the target; text from outside.
        decision: Whether it was allowed.
        reason: Why, in the words of the actor or the rule.
        details: JSON values that explain the act; never a secret.
    """

    organization_id: str
    actor: Actor
    action: str
    target: str
    target_name: str = ""
    decision: Literal["allowed", "denied"] = "allowed"
    reason: str = ""
    details: dict[str, Any] = {}  # Any: each action has its own details


class Event(Protocol):
    """A domain event: a frozen msgspec Struct with these class variables and fields."""

    name: ClassVar[str]
    version: ClassVar[int]

    @property
    def organization_id(self) -> str:
        """The organization it happened in."""
        ...

    @property
    def generation_id(self) -> str:
        """What it is about; empty if nothing in particular."""
        ...


class Envelope(msgspec.Struct, frozen=True):
    """A domain event on its way: what happened, when, by whom, and where it stands in the ledger."""

    event_id: str
    organization_id: str
    name: str
    version: int
    occurred_at: str
    position: int
    actor: Actor
    subject: str
    data: dict[str, Any]  # Any: each event has its own fields


class EventReference(msgspec.Struct, frozen=True):
    """The event an entry told: its id and the SHA-256 of its data, so that an altered event is found too."""

    id: str
    name: str
    version: int
    sha256: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it stands in the log."""

    organization_id: str
    position: int
    at: str
    actor: Actor
    action: str
    target: str
    target_name: str
    decision: Literal["allowed", "denied"]
    reason: str
    details: dict[str, Any]  # Any: each action has its own details
    event: EventReference | None = None


class StoredEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the log: the canonical bytes, their leaf hash, and the columns that queries use."""

    organization_id: str
    position: int
    at: datetime
    actor_kind: str
    actor_id: str
    action: str
    target: str
    decision: str
    body: bytes
    leaf_hash: bytes


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """The canonical form of an entry; what the leaf hash covers."""

    organization_id: str
    position: int
    at: str
    actor: Actor
    action: str
    target: str
    target_name: str
    decision: str
    reason: str
    details: msgspec.Raw
    event: EventReference | None


class _EncodedEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    event_id: str
    organization_id: str
    name: str
    version: int
    occurred_at: str
    position: int
    actor: Actor
    subject: str
    data: msgspec.Raw


class PendingEntry:
    """An entry that was appended and waits for its position; checked and encoded, so that nothing can fail later."""

    __slots__ = ("_data", "_details", "_event", "_subject", "at", "entry", "event_reference")

    def __init__(self, entry: Entry, *, at: datetime, event: Event | None, event_id: str) -> None:
        self.entry = entry
        # Milliseconds, as the body spells it: the column and the body tell the same time.
        self.at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        _check_text(entry)
        self._details = _encode(entry.details, "details", ENTRY_BYTES_MAX)
        self._event = event
        self._subject = ""
        self._data = b""
        self.event_reference: EventReference | None = None
        if event is not None:
            if event.organization_id != entry.organization_id:
                raise InvalidEntry(f"event {event.name} and its entry name different organizations")
            self._subject = event.generation_id
            self._data = _encode(event, event.name, EVENT_BYTES_MAX)
            self.event_reference = EventReference(
                event_id, event.name, event.version, hashlib.sha256(self._data).hexdigest()
            )

    def body(self, position: int) -> bytes:
        """Return the canonical bytes at a position."""
        entry = self.entry
        return _encoder.encode(
            _Body(
                organization_id=entry.organization_id,
                position=position,
                at=to_rfc3339(self.at),
                actor=entry.actor,
                action=entry.action,
                target=entry.target,
                target_name=entry.target_name,
                decision=entry.decision,
                reason=entry.reason,
                details=msgspec.Raw(self._details),
                event=self.event_reference,
            )
        )

    def envelope(self, position: int) -> bytes | None:
        """Return the encoded envelope of the event at a position, or None if the entry tells none."""
        if self.event_reference is None:
            return None
        return _encoder.encode(
            _EncodedEnvelope(
                event_id=self.event_reference.id,
                organization_id=self.entry.organization_id,
                name=self.event_reference.name,
                version=self.event_reference.version,
                occurred_at=to_rfc3339(self.at),
                position=position,
                actor=self.entry.actor,
                subject=self._subject,
                data=msgspec.Raw(self._data),
            )
        )


def encode_canonical(value: object) -> bytes:
    """Return the canonical JSON of a value: sorted keys, no spaces, UTF-8."""
    return _encoder.encode(value)


def _check_text(entry: Entry) -> None:
    texts = {
        "organization_id": (entry.organization_id, TEXT_CHARS_MAX),
        "actor": (entry.actor.id, TEXT_CHARS_MAX),
        "actor_name": (entry.actor.name, TEXT_CHARS_MAX),
        "action": (entry.action, TEXT_CHARS_MAX),
        "target": (entry.target, TEXT_CHARS_MAX),
        "target_name": (entry.target_name, TEXT_CHARS_MAX),
        "reason": (entry.reason, REASON_CHARS_MAX),
    }
    for name, (text, limit) in texts.items():
        if len(text) > limit:
            raise InvalidEntry(f"{name} of an entry has {len(text)} characters, {limit} are allowed", limit=limit)
        if not _is_storable(text):
            raise InvalidEntry(f"{name} of an entry holds a character that can not be stored")
    if not _ORGANIZATION_ID.fullmatch(entry.organization_id) or not entry.action:
        raise InvalidEntry("an entry names its organization, by its generated id, and its action")


def _is_storable(text: str) -> bool:
    """Tell whether a text is free of NUL, which PostgreSQL refuses, and of lone surrogates, which UTF-8 has not."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text))


def _encode(value: object, name: str, limit: int) -> bytes:
    try:
        encoded = _encoder.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEntry(f"{name} of an entry can not be written as JSON: {error}") from error
    if len(encoded) > limit:
        raise InvalidEntry(f"{name} of an entry has {len(encoded)} bytes, {limit} are allowed", limit=limit)
    return encoded
