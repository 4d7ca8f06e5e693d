"""What a decision rested on, as it goes on record beside it, so that it can be explained and made again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from vedette.gateway.policies import PolicyDesk
from vedette.trust import BadEntity, FactValue, PostureRecord, SessionFacts

_ALLOW, _DENY = "allow", "deny"


@dataclass(frozen=True, slots=True)
class DecisionBasis:
    """The session's facts, the identity's attributes by their hash, and what a shadow says otherwise."""

    facts: dict[str, FactValue] = field(default_factory=dict)
    slice_sha256: str | None = None
    shadow: str = ""


NO_BASIS = DecisionBasis()


def find_basis(
    policies: PolicyDesk, record: PostureRecord, facts: SessionFacts, now: datetime, action: str, *, is_permitted: bool
) -> DecisionBasis:
    """Return what a decision rested on.

    Args:
        policies: In force.
        record: Of the identity.
        facts: Of the session.
        now: When it was decided.
        action: What was asked for.
        is_permitted: What was decided.
    """
    try:
        slice_sha256 = policies.slices.sha256(record, now)
    except BadEntity:
        return NO_BASIS
    return DecisionBasis(
        facts=policies.engine_for(record).context(record, now, facts),
        slice_sha256=slice_sha256,
        shadow=ask_shadow(policies, record, facts, now, action, is_permitted=is_permitted),
    )


def ask_shadow(
    policies: PolicyDesk, record: PostureRecord, facts: SessionFacts, now: datetime, action: str, *, is_permitted: bool
) -> str:
    """Return what the shadow answers, if it answers otherwise than was decided; else empty."""
    shadow = policies.shadow
    if shadow is None:
        return ""
    try:
        would_permit = shadow.decide(record, now, action, facts).is_permitted
    except BadEntity:
        would_permit = False
    if would_permit == is_permitted:
        return ""
    return _ALLOW if would_permit else _DENY
