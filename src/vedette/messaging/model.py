"""A stored message as the outside sees it: expanded from its batch, with the hub's stamps."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

import msgspec

from vedette.bus.contract import DecisionRecord, TelemetryBatch, TelemetryRecord, TelemetrySession
from vedette.kernel import to_rfc3339
from vedette.messaging.errors import InvalidCursor

_CURSOR: Final = re.compile(r"(0|[1-9][0-9]{0,18})(?:\.([0-9]{1,7}))?", re.ASCII)
INDEX_MAX: Final = 9_999_999  # behind the last message of any batch
_SOURCE: Final = "Telemetry"
_SUBJECT_KEY: Final = "sub"


class Position(msgspec.Struct, frozen=True, order=True):
    """Where a message stands: its stream message, and its place within that batch."""

    sequence: int
    index: int = 0

    def __str__(self) -> str:
        return f"{self.sequence}.{self.index}"

    @classmethod
    def parse(cls, cursor: str) -> Position:
        """Read a cursor.

        Raises:
            InvalidCursor: It is none.
        """
        match = _CURSOR.fullmatch(cursor)
        if match is None:
            raise InvalidCursor(f"{cursor[:40]!r} is not a cursor", hint="use `next` of the page before")
        return cls(int(match[1]), int(match[2] or 0))


class TelemetryMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One device-to-cloud message.

    Attributes:
        cursor: Reads on behind this message.
        system: Property bag keys without ``$.`` (``mid``, ``ct`` …); the value of a bare key is ``None``.
        properties: What the device set itself.
        stamps: What the hub set: ``iothub-connection-device-id``, ``iothub-enqueuedtime`` … A device cannot set these.
    """

    cursor: str
    generation_id: str
    device_id: str
    module_id: str | None
    enqueued_at: datetime
    gateway: str
    qos: int
    system: dict[str, str | None]
    properties: dict[str, str | None]
    stamps: dict[str, str]
    body: bytes


class TelemetryPage(msgspec.Struct, frozen=True):
    """Messages oldest first; ``next`` reads on, ``None`` when nothing more is stored at the moment."""

    items: list[TelemetryMessage]
    next: str | None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A stored access decision; ``cursor`` reads on behind it."""

    cursor: str
    record: DecisionRecord


class DecisionPage(msgspec.Struct, frozen=True):
    """Decisions newest first; ``next`` reads on towards older ones, ``None`` at the end."""

    items: list[Decision]
    next: str | None


def expand(
    batch: TelemetryBatch,
    sequence: int,
    *,
    generation_ids: Collection[str] | None = None,
    after_index: int = -1,
) -> list[TelemetryMessage]:
    """Take a batch apart.

    Args:
        batch: As stored.
        sequence: Of the stream message.
        generation_ids: Only messages of these identities.
        after_index: Only those behind this place.
    """
    return [
        _message(batch, batch.sessions[record.session], record, Position(sequence, index))
        for index, record in enumerate(batch.records)
        if index > after_index
        and 0 <= record.session < len(batch.sessions)
        and (generation_ids is None or batch.sessions[record.session].generation_id in generation_ids)
    ]


def _message(
    batch: TelemetryBatch, session: TelemetrySession, record: TelemetryRecord, position: Position
) -> TelemetryMessage:
    enqueued_at = datetime.fromtimestamp(record.enqueued_at_ms / 1000, UTC)
    stamps = {
        "iothub-connection-device-id": session.device_id,
        "iothub-connection-auth-generation-id": session.generation_id,
        "iothub-connection-auth-method": session.auth_method,
        "iothub-enqueuedtime": to_rfc3339(enqueued_at),
        "iothub-message-source": _SOURCE,
    }
    if session.module_id is not None:
        stamps["iothub-connection-module-id"] = session.module_id
    if session.model_id:
        stamps["dt-dataschema"] = session.model_id
    if component := record.system.get(_SUBJECT_KEY):
        stamps["dt-subject"] = component
    return TelemetryMessage(
        cursor=str(position),
        generation_id=session.generation_id,
        device_id=session.device_id,
        module_id=session.module_id,
        enqueued_at=enqueued_at,
        gateway=batch.gateway,
        qos=record.qos,
        system=record.system,
        properties=record.properties,
        stamps=stamps,
        body=record.body,
    )
