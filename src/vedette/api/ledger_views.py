"""Entries of the ledger and domain events as the API shows them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vedette.api.schema import View
from vedette.ledger import Record


class ActorView(View):
    """Who acted."""

    kind: Literal["operator", "service", "device", "system"]
    id: str
    name: str = Field(description="What a person called themselves then; empty for others.")


class EntryView(View):
    """One act on record."""

    position: int = Field(description="Counts from 1 within the log; position n is leaf n - 1 of the Merkle tree.")
    at: str = Field(description="RFC 3339, UTC.", json_schema_extra={"format": "date-time"})
    actor: ActorView
    action: str = Field(examples=["registry.disable_device"])
    target: str = Field(description="The generated id of what was acted on.")
    target_name: str = Field(description="What people call it; text from outside.")
    decision: Literal["allowed", "denied"]
    reason: str
    details: dict[str, Any]


def show_entry(record: Record) -> EntryView:
    """Return an entry as it is shown."""
    return EntryView(
        position=record.position,
        at=record.at,
        actor=ActorView(kind=record.actor.kind, id=record.actor.id, name=record.actor.name),
        action=record.action,
        target=record.target,
        target_name=record.target_name,
        decision=record.decision,
        reason=record.reason,
        details=record.details,
    )
