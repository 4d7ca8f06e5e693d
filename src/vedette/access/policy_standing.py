"""What is known of a bundle before it may decide: what it changes, what was foretold, and who stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.access import policy_repository as repository
from vedette.access.policy_errors import ApprovalMissing
from vedette.access.policy_model import SIMULATION_LASTS, Approval, Stage, Staging, StoredBundle
from vedette.access.policy_repository import Simulated
from vedette.access.policy_text import BundleDifference

# How an author or approver who is a person is written.
PERSON: Final = "operator:per_"
_TWO: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a bundle, and what is missing before it may decide.

    Attributes:
        stable: SHA-256 of the stable bundle, over which the rest is judged.
        difference: Over it.
        simulated: The newest finished simulation over the stable bundle that is not too old; ``None``: none.
        approvals: Words that were given over the stable bundle.
        is_widening: Something is, or may be, newly allowed.
        missing: What must be done first, in words; empty: nothing.
    """

    stored: StoredBundle
    stage: Stage
    stable: str
    difference: BundleDifference
    simulated: Simulated | None
    approvals: tuple[Approval, ...]
    is_widening: bool
    missing: tuple[str, ...]


def judge_standing(
    connection: sa.Connection,
    staging: Staging,
    stored: StoredBundle,
    difference: BundleDifference,
    *,
    is_alone: bool,
    now: datetime,
) -> Standing:
    """Say what is known of a bundle, and what is missing; within a unit of work.

    Args:
        connection: Of the unit of work.
        staging: What is in force.
        stored: The bundle.
        difference: Over the stable bundle.
        is_alone: Whether nobody could be a second person.
        now: For the age of simulations.
    """
    simulated = newest_simulation(connection, stored, staging.stable, now)
    words = repository.list_approvals(connection, stored.organization_id, stored.sha256, staging.stable)
    is_widening = difference.may_widen or bool(simulated is not None and simulated.newly_allowed)
    missing: list[str] = []
    if stored.sha256 != staging.stable:
        if simulated is None:
            missing.append(f"simulate it on this fleet: {simulate_hint(stored)}")
        elif is_widening and not _has_agreed(words, stored, simulated):
            who = "you are alone: approve it with the host's token" if is_alone else "a second person must agree"
            missing.append(f"it newly allows something: {who}: vedette policy approve {stored.number}")
    return Standing(
        stored=stored,
        stage=staging.stage_of(stored),
        stable=staging.stable,
        difference=difference,
        simulated=simulated,
        approvals=tuple(words),
        is_widening=is_widening,
        missing=tuple(missing),
    )


def newest_simulation(connection: sa.Connection, stored: StoredBundle, stable: str, now: datetime) -> Simulated | None:
    """Return the newest finished simulation of a bundle over the stable one that still counts."""
    found = repository.list_simulations(
        connection, stored.organization_id, sha256=stored.sha256, base_sha256=stable, count=10
    )
    horizon = now - SIMULATION_LASTS
    return next((each for each in found if each.state == "done" and each.created_at >= horizon), None)


def require_agreement(
    connection: sa.Connection, stored: StoredBundle, simulated: Simulated, difference: BundleDifference
) -> None:
    """Check that who must agree to a widening bundle has; within the unit of work that stages it.

    Raises:
        ApprovalMissing: They have not.
    """
    words = repository.list_approvals(connection, stored.organization_id, stored.sha256, simulated.base_sha256)
    if not _has_agreed(words, stored, simulated):
        why = _widening(difference, simulated)
        raise ApprovalMissing(
            f"it newly allows something ({why}): a second person must agree",
            hint=f"they look at it and: vedette policy approve {stored.number}",
        )


def simulate_hint(stored: StoredBundle) -> str:
    """Return the command that simulates a bundle."""
    return f"vedette policy simulate {stored.number}"


def _has_agreed(words: Sequence[Approval], stored: StoredBundle, simulated: Simulated) -> bool:
    """Tell whether two people stand behind a bundle: its author and another one; two others where it names no person.

    Only words count that stand for what is known now: who gave them had seen no less than is newly allowed.
    """
    valid = [word for word in words if word.newly_allowed >= simulated.newly_allowed]
    if any(word.is_host for word in valid):  # taken from nobody but who was alone
        return True
    others = {word.actor for word in valid} - {stored.author}
    return len(others) >= (1 if stored.author.startswith(PERSON) else _TWO)


def _widening(difference: BundleDifference, simulated: Simulated) -> str:
    if simulated.newly_allowed:
        return f"the simulation found {simulated.newly_allowed} identities"
    return difference.reasons[0][:200]
