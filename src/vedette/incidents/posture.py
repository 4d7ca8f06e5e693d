"""The way from an alert to the posture of the devices at its ends: it narrows them, and never cuts them off by itself.

An address on the wire proves nothing, so each such signal says that it can be spoofed: it raises the risk to medium at
most, ends by itself, and what it may lead to stands in the policies (``what-the-network-shows-is-a-limited-zone``).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from vedette.health import (
    InvalidSignal,
    NewSignal,
    SignalNotFound,
    SignalService,
    TooManySignals,
)
from vedette.incidents.model import RANKS, Alert, End, Engine, Severity
from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.registry import ClockJumped, DeviceNotFound
from vedette.store import Transaction
from vedette.trust import Provenance, RiskLevel

log = logging.getLogger(__name__)

ALARM: Final = "network-alarm"
"""Class of the signals that narrow a device to its limited zone."""
NOTICE: Final = "network-alert"
"""Class of the signals that only raise its risk."""
TELL_AGAIN_AFTER: Final = timedelta(minutes=10)
_SOURCE: Final = "alerts"
_TITLE_CHARS: Final = 100
# ATT&CK for ICS: what was done to a controller's program, mode or firmware leaves its own integrity in doubt.
_CHANGES_TARGET: Final = frozenset(
    {"T0814", "T0816", "T0821", "T0836", "T0839", "T0843", "T0855", "T0857", "T0858", "T0889"}
)


def signal_class(alert: Alert, end: End) -> str:
    """Return the class of the signal that an alert is for one of its ends; empty: it says nothing of that end.

    Who did it is under suspicion. Whom it was done to is so only where its own integrity is in doubt: whoever is
    scanned or guessed at has done nothing.
    """
    if RANKS[alert.severity] < RANKS[Severity.MEDIUM]:
        return ""
    if end is not alert.source and alert.technique not in _CHANGES_TARGET and alert.engine is not Engine.MALWARE:
        return ""
    return ALARM if RANKS[alert.severity] >= RANKS[Severity.HIGH] else NOTICE


class PostureLoop:
    """Tells signals about the devices at the ends of alerts, and takes them back.

    Args:
        signals: Takes them.
    """

    def __init__(self, signals: SignalService) -> None:
        self._signals = signals

    def tell(self, tx: Transaction, alert: Alert, *, sensor: Actor, now: datetime) -> bool:
        """Tell of an alert in its own transaction; answer whether any device heard of it."""
        is_told = False
        for end in alert.managed_ends:
            kind = signal_class(alert, end)
            if not kind:
                continue
            signal = NewSignal(
                generation_id=end.generation_id,
                signal_class=kind,
                level=RiskLevel.MEDIUM,
                provenance=Provenance.SPOOFABLE,
                source=f"{_SOURCE}/{alert.sensor_id}",
                observed_at=max(alert.last_at, now - TELL_AGAIN_AFTER),
                detail={
                    "alert_id": alert.alert_id,
                    "rule": alert.rule,
                    # Short, so that no title makes the signal too large to be taken.
                    "title": alert.title[:_TITLE_CHARS],
                    "severity": alert.severity.value,
                    "end": "source" if end is alert.source else "target",
                },
            )
            try:
                self._signals.accept_in(tx, alert.organization_id, signal, actor=sensor)
            except (DeviceNotFound, InvalidSignal, TooManySignals, ClockJumped) as problem:
                # The alert itself must not be lost by it.
                log.warning("an alert does not reach a device's posture", extra={"cause": problem.code})
                continue
            is_told = True
        return is_told

    async def withdraw(self, organization_id: OrganizationId, end: End, *, actor: Actor, reason: str) -> int:
        """Take back what alerts say of a device; return how many signals that were."""
        try:
            found = await self._signals.report(organization_id, end.device_id)
        except DeviceNotFound:
            return 0
        if found.generation_id != end.generation_id:
            return 0
        count = 0
        for each in found.signals:
            if each.signal_class not in {ALARM, NOTICE} or each.source.partition("/")[0] != _SOURCE:
                continue
            try:
                await self._signals.withdraw(
                    organization_id, end.device_id, None, each.signal_id, actor=actor, reason=reason
                )
            except SignalNotFound:
                continue  # it ended meanwhile
            count += 1
        return count
