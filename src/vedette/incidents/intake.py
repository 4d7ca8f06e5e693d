"""Alerts as they come from sensors: kept once, counted again, hushed or authorized, and told to the posture."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec
import sqlalchemy as sa

from vedette.incidents import alert_repository, quiet_repository
from vedette.incidents.correlation import tell_of_one_event
from vedette.incidents.ends import find_ends
from vedette.incidents.events import AlertRaised
from vedette.incidents.joining import SYSTEM, correlate, grown, joined
from vedette.incidents.model import (
    RANKS,
    Alert,
    AlertState,
    End,
    Engine,
    SensorSight,
    Severity,
    Step,
    Verdict,
    read_detail,
    read_engine,
    read_moment,
    read_severity,
    read_technique,
    severity_of,
    stepped,
    storable,
)
from vedette.incidents.posture import TELL_AGAIN_AFTER, PostureLoop
from vedette.incidents.slices import SliceStore
from vedette.incidents.standing import Quiet
from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.protocols.sensor import AlertRecord
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

FindEnds = Callable[[sa.Connection, OrganizationId, str, Collection[str]], Mapping[str, End]]
"""Answers, in the transaction, what the inventory knows of addresses at a site."""

FLOOD_RULE: Final = "vedette.alert_flood"
_WINDOW: Final = timedelta(hours=1)
_TIMES_MAX: Final = 2**53
_NAME_MAX_CHARS: Final = 256
_REOPENED: Final = "it went on after it had been closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLimits:
    """Bounds on what sensors may make the platform keep.

    Attributes:
        per_hour: New alerts of one sensor; what comes beyond is counted in an alert of its own.
    """

    per_hour: int = 2_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of some records."""

    raised: int = 0
    repeated: int = 0
    dropped: int = 0


class AlertIntake:
    """Takes alert records of registered sensors.

    Args:
        store: Where alerts are kept.
        ledger: Where those that are not hidden are told.
        posture: Hears of those that somebody must look at.
        slices: Keeps their packets.
        find_ends: Tells what the inventory knows of addresses.
        limits: Bounds.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        posture: PostureLoop,
        slices: SliceStore,
        *,
        find_ends: FindEnds = find_ends,
        limits: AlertLimits = AlertLimits(),
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._posture = posture
        self._slices = slices
        self._find_ends = find_ends
        self._limits = limits
        self._clock = clock
        self._ids = ids

    async def take(self, organization_id: OrganizationId, sensor: SensorSight, records: Sequence[AlertRecord]) -> Taken:
        """Take records in a transaction of their own."""
        is_restricting = any(RANKS[read_severity(each.severity)] >= RANKS[Severity.HIGH] for each in records)
        return await self._store.write(
            lambda tx: self.take_in(tx, organization_id, sensor, records), restricting=is_restricting
        )

    def take_in(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        sensor: SensorSight,
        records: Sequence[AlertRecord],
        *,
        actor: Actor | None = None,
    ) -> Taken:
        """Take records in a transaction of the caller's; the same ones a second time change nothing.

        Args:
            tx: The caller's.
            organization_id: The sensor's owner.
            sensor: Who tells; the caller has made sure that it is one.
            records: As they were read; of those with one id the last counts.
            actor: Who raises them; None: the sensor.
        """
        if not records:
            return Taken()
        now = self._clock.now()
        latest = _latest(records)
        known = alert_repository.find_of_sensor(tx.connection, organization_id, sensor.generation_id, latest)
        seen_from = min((read_moment(each.first_at, now) for each in latest.values()), default=now)
        quiet = quiet_repository.read_quiet(tx.connection, organization_id, now, seen_from=seen_from)
        addresses = {storable(each) for record in latest.values() for each in (record.source, record.target) if each}
        ends = self._find_ends(tx.connection, organization_id, sensor.site, addresses)
        actor = actor or Actor("device", sensor.generation_id, sensor.device_id)
        batch = _Batch(tx, organization_id, sensor, actor=actor, quiet=quiet, ends=ends, now=now)
        room = self._limits.per_hour
        if len(known) < len(latest):
            room -= alert_repository.count_since(tx.connection, organization_id, sensor.generation_id, now - _WINDOW)
        raised = repeated = dropped = 0
        for sensor_alert_id, record in latest.items():
            former = known.get(sensor_alert_id)
            if former is not None:
                repeated += self._repeat(batch, former, record)
            elif raised < room:
                self._raise(batch, sensor_alert_id, record)
                raised += 1
            else:
                dropped += 1
        if dropped:
            self._tell_of_flood(batch, dropped)
        self._count_quiet(batch)
        return Taken(raised, repeated, dropped)

    def _raise(self, batch: _Batch, sensor_alert_id: str, record: AlertRecord) -> None:
        alert = self._compose(batch, sensor_alert_id, record)
        alert = _judge(alert, batch)
        if record.evidence:
            alert = replace(alert, slice_bytes=self._slices.keep(batch.tx, alert, record.evidence))
        alert, parent = correlate(batch.tx.connection, alert, self._ids) if alert.is_loud else (alert, None)
        if parent is not None:
            # The same event, told by another rule: further evidence of the alert that is there.
            alert_repository.insert(batch.tx.connection, joined(alert, parent, now=batch.now))
            self._go_on(batch, parent, grown(parent, alert, now=batch.now))
            return
        if alert.is_loud or alert.ticket_id:
            self._tell(batch, alert, is_repeated=False)
        alert = self._signal(batch, alert)
        alert_repository.insert(batch.tx.connection, alert)

    def _repeat(self, batch: _Batch, former: Alert, record: AlertRecord) -> int:
        """Let an alert grow; answer 1 if it did."""
        raised = max(former.raised_severity, read_severity(record.severity), key=RANKS.__getitem__)
        alert = replace(
            former,
            times=max(former.times, min(record.times, _TIMES_MAX)),
            first_at=min(former.first_at, read_moment(record.first_at, batch.now)),
            last_at=max(former.last_at, read_moment(record.last_at, batch.now)),
            raised_severity=raised,
            title=former.title if former.times >= record.times else storable(record.title),
            severity=severity_of(raised, former.engine, former.source, former.target),
        )
        if record.evidence and not former.slice_bytes:
            alert = replace(alert, slice_bytes=self._slices.keep(batch.tx, alert, record.evidence))
        if alert == former:
            return 0
        more = alert.times - former.times
        if alert.merged_into:
            alert_repository.update(batch.tx.connection, alert)
            self._grow_parent(batch, alert, more)
            return 1
        self._go_on(batch, former, alert)
        return 1

    def _grow_parent(self, batch: _Batch, child: Alert, more: int) -> None:
        parent = alert_repository.find(batch.tx.connection, batch.organization_id, child.merged_into)
        if parent is None or not more:
            return
        if tell_of_one_event(child, parent):  # both count the same
            times = max(parent.times, child.times)
        else:
            times = min(parent.times + more, _TIMES_MAX)
        self._go_on(batch, parent, replace(parent, times=times, last_at=max(parent.last_at, child.last_at)))

    def _go_on(self, batch: _Batch, former: Alert, alert: Alert) -> None:
        """Write what has grown; what had been settled or hushed may need somebody again."""
        if alert.state is not AlertState.CLOSED:
            alert = _judge(alert, batch)
        elif former.verdict is Verdict.TRUE_POSITIVE and alert.last_at > former.last_at:
            # What was found to be real and is still going on was not settled.
            alert = replace(alert, state=AlertState.OPEN, verdict=Verdict.NONE)
            alert = _judge(stepped(alert, Step("reopen", batch.now, SYSTEM, _REOPENED)), batch)
        if alert.is_loud and not alert.incident_id:
            alert, _ = correlate(batch.tx.connection, alert, self._ids)
        is_graver = RANKS[alert.severity] > RANKS[former.severity]
        was_calling = former.is_loud and former.state is not AlertState.CLOSED
        if alert.is_loud and alert.state is not AlertState.CLOSED and (is_graver or not was_calling):
            self._tell(batch, alert, is_repeated=True)
            alert = replace(alert, signaled_at=None)
        alert = self._signal(batch, alert)
        alert_repository.update(batch.tx.connection, alert)

    def _signal(self, batch: _Batch, alert: Alert) -> Alert:
        """Let the posture of the devices at both ends hear of an alert, now and then while it goes on."""
        if not alert.is_loud or alert.state is AlertState.CLOSED:
            return alert
        if alert.signaled_at is not None and batch.now - alert.signaled_at < TELL_AGAIN_AFTER:
            return alert
        is_told = self._posture.tell(batch.tx, alert, sensor=batch.actor, now=batch.now)
        return replace(alert, signaled_at=batch.now) if is_told else alert

    def _compose(self, batch: _Batch, sensor_alert_id: str, record: AlertRecord) -> Alert:
        raised, engine = read_severity(record.severity), read_engine(record.engine)
        source, target = batch.end(record.source), batch.end(record.target)
        last_at = read_moment(record.last_at, batch.now)
        return Alert(
            organization_id=batch.organization_id,
            alert_id=self._ids.new("alr"),
            sensor_id=batch.sensor.generation_id,
            sensor_name=batch.sensor.device_id,
            site=batch.sensor.site,
            sensor_alert_id=sensor_alert_id,
            rule=storable(record.rule),
            engine=engine,
            severity=severity_of(raised, engine, source, target),
            raised_severity=raised,
            title=storable(record.title),
            source=source,
            target=target,
            protocol=storable(record.protocol),
            technique=read_technique(record.technique),
            is_learnable=record.is_learnable and engine is not Engine.MALWARE,
            key=storable(record.key),
            first_at=min(read_moment(record.first_at, batch.now), last_at),
            last_at=last_at,
            received_at=batch.now,
            times=min(max(record.times, 1), _TIMES_MAX),
            detail=read_detail(record.detail),
        )

    def _tell(self, batch: _Batch, alert: Alert, *, is_repeated: bool) -> None:
        """Put an alert that calls for somebody, or that a ticket covers, on record."""
        if alert.ticket_id:
            batch.covered[alert.ticket_id] += 1
        event = AlertRaised(
            organization_id=alert.organization_id,
            generation_id=alert.sensor_id,
            alert_id=alert.alert_id,
            rule=alert.rule,
            engine=alert.engine.value,
            severity=alert.severity.value,
            title=alert.title,
            technique=alert.technique,
            site=alert.site,
            source=alert.source.address,
            target=alert.target.address,
            source_device_id=alert.source.device_id,
            target_device_id=alert.target.device_id,
            ticket_id=alert.ticket_id,
            is_repeated=is_repeated,
        )
        entry = Entry(
            organization_id=alert.organization_id,
            actor=batch.actor,
            action="incidents.raise_alert",
            target=alert.alert_id,
            target_name=alert.title[:_NAME_MAX_CHARS],
            reason=alert.rule,
            details={
                "severity": alert.severity.value,
                "technique": alert.technique,
                "source": alert.source.address,
                "target": alert.target.address,
                "ticket_id": alert.ticket_id,
            },
        )
        self._ledger.append(batch.tx, entry, event=event)

    def _tell_of_flood(self, batch: _Batch, dropped: int) -> None:
        hour = batch.now.strftime("%Y%m%dT%H")
        sensor_alert_id = f"flood-{hour}"
        known = alert_repository.find_of_sensor(
            batch.tx.connection, batch.organization_id, batch.sensor.generation_id, [sensor_alert_id]
        ).get(sensor_alert_id)
        millis = int(batch.now.timestamp() * 1000)
        record = AlertRecord(
            id=sensor_alert_id,
            rule=FLOOD_RULE,
            engine=Engine.OPERATIONAL.value,
            severity=Severity.HIGH.value,
            title=f"{batch.sensor.device_id} raises more than {self._limits.per_hour} alerts an hour; the others are "
            "counted, not kept",
            first_at=millis,
            last_at=millis,
            times=dropped + (0 if known is None else known.times),
        )
        log.warning(
            "a sensor raises more alerts than are kept",
            extra={"sensor": batch.sensor.generation_id, "dropped": dropped},
        )
        if known is None:
            self._raise(batch, sensor_alert_id, record)
        else:
            self._repeat(batch, known, record)

    def _count_quiet(self, batch: _Batch) -> None:
        connection = batch.tx.connection
        for exception_id, more in batch.hushed.items():
            quiet_repository.note_exception(connection, batch.organization_id, exception_id, batch.now, more)
        for ticket_id, more in batch.covered.items():
            quiet_repository.note_ticket(connection, batch.organization_id, ticket_id, batch.now, more)


class _Batch:
    """What the alerts of one transaction share."""

    def __init__(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        sensor: SensorSight,
        *,
        actor: Actor,
        quiet: Quiet,
        ends: Mapping[str, End],
        now: datetime,
    ) -> None:
        self.tx = tx
        self.organization_id = organization_id
        self.sensor = sensor
        self.actor = actor
        self.quiet = quiet
        self.now = now
        self.hushed: Counter[str] = Counter()
        self.covered: Counter[str] = Counter()
        self._ends = ends

    def end(self, told: str) -> End:
        """Return what is known of an address."""
        address = storable(told)
        return self._ends.get(address) or End(address=address)


def _latest(records: Sequence[AlertRecord]) -> dict[str, AlertRecord]:
    """Return the last record of each id, with the packets of an earlier one if it has none."""
    found: dict[str, AlertRecord] = {}
    for record in records:
        name = storable(record.id)
        before = found.get(name)
        if before is not None and before.evidence and not record.evidence:
            found[name] = msgspec.structs.replace(record, evidence=before.evidence)
        else:
            found[name] = record
    return found


def _judge(alert: Alert, batch: _Batch) -> Alert:
    """Return an alert as exceptions and tickets make it stand."""
    ticket = batch.quiet.ticket_for(alert)
    if ticket is not None:
        return replace(alert, is_loud=False, ticket_id=ticket.ticket_id, exception_id="")
    hidden = batch.quiet.exception_for(alert)
    if hidden is None:
        return replace(alert, is_loud=True, ticket_id="", exception_id="")
    if hidden.exception_id != alert.exception_id:
        batch.hushed[hidden.exception_id] += 1
    return replace(alert, is_loud=False, ticket_id="", exception_id=hidden.exception_id)
