"""Clone alerts: raised by gateways, looked into by operators."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Final

from vedette.bus.contract import CloneReported, ReportClone
from vedette.kernel import Clock, IdSource, InvalidId, OrganizationId, parse_generation_id
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.messaging import clone_repository as repository
from vedette.messaging.clone_model import CloneAlert, CloneAlertPage, check_report, merge_report
from vedette.messaging.errors import CloneAlertNotFound, InvalidCursor
from vedette.messaging.events import CloneAlertAcknowledged, CloneSuspected
from vedette.messaging.identities import find_living
from vedette.registry import DeviceDeleted, ModuleDeleted, check_reason
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

PAGE_MAX: Final = 1_000
_NAME_MAX_CHARS: Final = 256


class CloneAlerts:
    """One alert for each identity that several clients use at once.

    Further reports are counted and merged into it; once acknowledged, new evidence opens it again. ``project`` must be
    registered with the ledger: an alert goes with its identity, and the ledger keeps what it said.
    """

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def report(self, report: ReportClone) -> CloneReported:
        """Take a gateway's report; the alert is on disk when this returns.

        Raises:
            InvalidId: The generation id is malformed.
            InvalidRequest: Something is outside its limits.
            IdentityNotFound: There is no such identity.
        """
        check_report(report)
        alert, is_news = await self._store.write(lambda tx: self._merge(tx, report))
        if is_news:
            log.warning(
                "an identity is used by several clients",
                extra={
                    "generation_id": alert.generation_id,
                    "alert_id": alert.alert_id,
                    "takeovers": report.takeovers,
                    "is_same_certificate": alert.is_same_certificate,
                },
            )
        return CloneReported()

    async def acknowledge(
        self, organization_id: OrganizationId, alert_id: str, *, actor: Actor, reason: str
    ) -> CloneAlert:
        """Note that an operator has looked into an alert; a second time changes nothing.

        Raises:
            CloneAlertNotFound: There is none of that id.
            ReasonMissing: No reason is given.
        """
        checked = check_reason(reason, is_required=True)

        def note(tx: Transaction) -> CloneAlert:
            alert = _require(repository.find(tx.connection, organization_id, alert_id), alert_id)
            if not alert.is_open:
                return alert
            return self._close(tx, alert, actor, checked)

        _check_id(alert_id)
        return await self._store.write(note)

    async def get(self, organization_id: OrganizationId, alert_id: str) -> CloneAlert:
        """Return an alert.

        Raises:
            CloneAlertNotFound: There is none of that id.
        """
        _check_id(alert_id)
        found = await self._store.read(lambda connection: repository.find(connection, organization_id, alert_id))
        return _require(found, alert_id)

    async def list(
        self, organization_id: OrganizationId, *, after: str = "", limit: int = 100, is_open: bool | None = None
    ) -> CloneAlertPage:
        """Return alerts, youngest first, after one of them.

        Raises:
            InvalidCursor: ``after`` is no alert's id, or ``limit`` is outside 1 to 1,000.
        """
        if not 1 <= limit <= PAGE_MAX:
            raise InvalidCursor(f"limit is 1 to {PAGE_MAX}", limit=PAGE_MAX)
        try:
            before = parse_generation_id(after) if after else ""
        except InvalidId as error:
            raise InvalidCursor(f"{after[:80]!r} is no alert's id") from error
        found = await self._store.read(
            lambda connection: repository.list_page(
                connection, organization_id, before=before, limit=limit + 1, is_open=is_open
            )
        )
        page = found[:limit]
        return CloneAlertPage(page, page[-1].alert_id if len(found) > limit else None)

    async def count_open(self, organization_id: OrganizationId) -> int:
        """Return how many alerts nobody has looked into."""
        return await self._store.read(lambda connection: repository.count_open(connection, organization_id))

    def project(self, tx: Transaction, event: Event) -> None:
        """Forget an alert with its identity, in the registry's own transaction."""
        match event:
            case DeviceDeleted() | ModuleDeleted():
                repository.delete_of(tx.connection, event.organization_id, event.generation_id)
            case _:
                pass

    def _merge(self, tx: Transaction, report: ReportClone) -> tuple[CloneAlert, bool]:
        """Add a report to the identity's alert; also tell whether that opened it."""
        now = self._clock.now()
        identity = find_living(tx.connection, report.organization_id, report.generation_id)
        known = repository.find_of(tx.connection, report.organization_id, identity.generation_id)
        before = known or CloneAlert(
            organization_id=OrganizationId(report.organization_id),
            alert_id=self._ids.new("aln"),
            generation_id=identity.generation_id,
            device_id=identity.device_id,
            module_id=identity.module_id,
            is_open=False,
            first_seen_at=now,
            last_seen_at=now,
            reports=0,
            takeovers=0,
            gateways=(),
            remote_addresses=(),
            certificate_sha256=(),
            is_same_certificate=False,
        )
        alert = merge_report(before, report, now)
        repository.save(tx.connection, alert, is_new=known is None)
        if before.is_open:
            return alert, False
        event = CloneSuspected(
            organization_id=alert.organization_id,
            generation_id=alert.generation_id,
            device_id=alert.device_id,
            module_id=alert.module_id,
            alert_id=alert.alert_id,
            takeovers=report.takeovers,
            remote_addresses=tuple(alert.remote_addresses),
            certificate_sha256=tuple(alert.certificate_sha256),
            is_same_certificate=alert.is_same_certificate,
            is_reopened=known is not None,
        )
        details = {
            "alert_id": alert.alert_id,
            "takeovers": report.takeovers,
            "window_s": report.window_s,
            "remote_addresses": report.remote_addresses,
            "certificate_sha256": report.certificate_sha256,
        }
        actor = Actor("service", report.gateway[:_NAME_MAX_CHARS])
        entry = _entry(alert, actor, "messaging.suspect_clone", "two clients displace each other", details)
        self._ledger.append(tx, entry, event=event)
        return alert, True

    def _close(self, tx: Transaction, alert: CloneAlert, actor: Actor, reason: str) -> CloneAlert:
        closed = replace(
            alert,
            is_open=False,
            acknowledged_at=self._clock.now(),
            acknowledged_by=f"{actor.kind}:{actor.id}",
            acknowledged_reason=reason,
        )
        repository.save(tx.connection, closed, is_new=False)
        event = CloneAlertAcknowledged(
            organization_id=closed.organization_id,
            generation_id=closed.generation_id,
            alert_id=closed.alert_id,
            reason=reason,
        )
        entry = _entry(closed, actor, "messaging.acknowledge_clone_alert", reason, {"alert_id": closed.alert_id})
        self._ledger.append(tx, entry, event=event)
        return closed


def _entry(
    alert: CloneAlert,
    actor: Actor,
    action: str,
    reason: str,
    details: dict[str, Any],  # Any: each action has its own details
) -> Entry:
    name = alert.device_id if alert.module_id is None else f"{alert.device_id}/{alert.module_id}"
    return Entry(
        organization_id=alert.organization_id,
        actor=actor,
        action=action,
        target=alert.generation_id,
        target_name=name[:_NAME_MAX_CHARS],
        reason=reason,
        details=details,
    )


def _check_id(alert_id: str) -> None:
    try:
        parse_generation_id(alert_id)
    except InvalidId as error:
        raise CloneAlertNotFound(f"{alert_id[:80]!r} is no alert's id") from error


def _require(alert: CloneAlert | None, alert_id: str) -> CloneAlert:
    if alert is None:
        raise CloneAlertNotFound(f"there is no clone alert {alert_id}", hint="see them: vedette clone-alert list")
    return alert
