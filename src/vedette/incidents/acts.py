"""How acts of people stand in the ledger."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from vedette.incidents.pattern import Pattern
from vedette.kernel import OrganizationId
from vedette.ledger import Actor, Entry

_NAME_MAX_CHARS: Final = 256


def entry_of(
    organization_id: OrganizationId,
    actor: Actor,
    action: str,
    *,
    target: str,
    reason: str,
    details: dict[str, Any],  # Any: each act has its own details
    name: str = "",
) -> Entry:
    """Return the entry of an act."""
    return Entry(
        organization_id=organization_id,
        actor=actor,
        action=action,
        target=target,
        target_name=name[:_NAME_MAX_CHARS],
        reason=reason,
        details=details,
    )


def name_of(actor: Actor) -> str:
    """Return who acted, ``kind:id``."""
    return f"{actor.kind}:{actor.id}"


def show_pattern(pattern: Pattern) -> dict[str, list[str]]:
    """Return what a pattern says, without what it leaves open."""
    return {name: list(values) for name, values in asdict(pattern).items() if values}
