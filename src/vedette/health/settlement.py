"""What signals come to, written and told in the transaction that changed them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vedette.health import repository
from vedette.health.events import PostureChanged
from vedette.health.identities import Identity
from vedette.health.model import Signal, SignalStamps
from vedette.health.repository import Posture
from vedette.health.risk import Appraisal, appraise, is_news
from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.store import Transaction
from vedette.trust import RiskLevel

Listener = Callable[[Transaction, OrganizationId, set[str], SignalStamps], None]


class Settlement:
    """Keeps the posture of identities in step with their signals.

    Args:
        ledger: Where a change of findings or risk is told.
        clock: Source of time.
    """

    def __init__(self, ledger: Ledger, *, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self.listeners: list[Listener] = []

    def settle(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        identity: Identity,
        stamps: SignalStamps,
        *,
        actor: Actor,
        cause: Signal | None,
    ) -> None:
        """Write what the signals of an identity come to now; whoever listens hears of it if it is news.

        Args:
            tx: The caller's.
            organization_id: The identity's owner.
            identity: Whose signals have changed.
            stamps: Of the first hops.
            actor: Who changed them.
            cause: The signal that did; ``None``: some are over.
        """
        now, generation_id = self._clock.now(), identity.generation_id
        standing = repository.find_signals(tx.connection, organization_id, [generation_id]).get(generation_id, [])
        found = appraise(standing, now)
        known = repository.find_postures(tx.connection, organization_id, [generation_id]).get(generation_id)
        findings = () if found.health is None else found.health.findings
        is_changed = known is None or (known.risk_level, known.findings) != (found.risk_level, findings)
        told, told_until = (None, None) if known is None else (known.location, known.location_until)
        has_moved = is_news(told, told_until, found.location, found.location_until, now)
        if not is_changed and not has_moved:
            return
        posture = Posture(
            generation_id=generation_id,
            device_id=identity.device_id,
            module_id=identity.module_id,
            risk_level=found.risk_level,
            risk_score=found.risk_score,
            findings=findings,
            changed_at=now if is_changed or known is None else known.changed_at,
            **_place(found, known, has_moved=has_moved),
        )
        repository.save_posture(tx.connection, organization_id, posture)
        if is_changed and (known is not None or posture.risk_level is not RiskLevel.UNKNOWN):
            self._record(tx, organization_id, known, posture, stamps=stamps, actor=actor, cause=cause)
        for listener in self.listeners:
            listener(tx, organization_id, {generation_id}, stamps)

    def _record(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        known: Posture | None,
        posture: Posture,
        *,
        stamps: SignalStamps,
        actor: Actor,
        cause: Signal | None,
    ) -> None:
        before = () if known is None else tuple(each.finding_class for each in known.findings)
        after = tuple(each.finding_class for each in posture.findings)
        event = PostureChanged(
            organization_id=organization_id,
            generation_id=posture.generation_id,
            device_id=posture.device_id,
            module_id=posture.module_id,
            risk_level=posture.risk_level.value,
            previous_risk_level=(RiskLevel.UNKNOWN if known is None else known.risk_level).value,
            added=tuple(each for each in after if each not in before),
            removed=tuple(each for each in before if each not in after),
            cause=stamps.cause,
            source="" if cause is None else cause.source,
            signal_class="" if cause is None else cause.signal_class,
        )
        details: dict[str, Any] = {  # Any: JSON values
            "risk_level": event.risk_level,
            "previous_risk_level": event.previous_risk_level,
            "added": list(event.added),
            "removed": list(event.removed),
            "cause": stamps.cause,
        }
        if cause is not None:
            details |= {"class": cause.signal_class, "source": cause.source, "provenance": cause.provenance.value}
        entry = Entry(
            organization_id=organization_id,
            actor=actor,
            action="health.change_posture",
            target=posture.generation_id,
            target_name=Identity(posture.generation_id, posture.device_id, posture.module_id).full_name,
            reason="signals are over" if cause is None else f"{cause.signal_class} ({cause.provenance.value})",
            details=details,
        )
        self._ledger.append(tx, entry, event=event)


def _place(found: Appraisal, known: Posture | None, *, has_moved: bool) -> dict[str, Any]:  # Any: three fields
    """Return the place as enforcement points are told of it: a step aside is no news."""
    if known is not None and not has_moved:
        return {
            "location": known.location,
            "location_since": known.location_since,
            "location_until": known.location_until,
        }
    return {
        "location": found.location,
        "location_since": found.location_since,
        "location_until": found.location_until,
    }
