"""Alerts as people work with them: looked for, acknowledged, closed with a verdict, opened again, merged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from vedette.incidents import alert_repository as repository
from vedette.incidents import group_repository
from vedette.incidents.acts import name_of
from vedette.incidents.alert_repository import AlertFilter, Counts
from vedette.incidents.correlation import tell_of_one_event
from vedette.incidents.errors import AlertNotFound, AlertStep, InvalidAlertAct, InvalidCursor
from vedette.incidents.events import AlertsJudged
from vedette.incidents.group_repository import AlertGroup, GroupedBy
from vedette.incidents.model import RANKS, Alert, AlertState, End, Step, Verdict, stepped
from vedette.incidents.posture import PostureLoop
from vedette.kernel import Clock, InvalidId, OrganizationId, parse_generation_id
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.registry import DeviceDeleted, RevisionMismatch, check_reason
from vedette.store import Store, Transaction

AT_ONCE_MAX: Final = 200
EXPORT_MAX: Final = 50_000
PAGE_MAX: Final = 1_000
GROUPS_MAX: Final = 500
_RULES: Final = 10
_NAME_MAX_CHARS: Final = 256
_HARMLESS: Final = frozenset({Verdict.BENIGN, Verdict.FALSE_POSITIVE, Verdict.AUTHORIZED})


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Alerts, youngest first; ``next`` reads on, ``None`` at the end."""

    items: list[Alert]
    next: str | None


class AlertService:
    """Lets people work with alerts.

    ``project`` must be registered with the ledger: a device that is deleted leaves its alerts.

    Args:
        store: Where alerts are kept.
        ledger: Where each act is told.
        posture: Takes back what alerts said of devices.
        clock: Source of time.
    """

    def __init__(self, store: Store, ledger: Ledger, posture: PostureLoop, *, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._posture = posture
        self._clock = clock

    async def get(self, organization_id: OrganizationId, alert_id: str) -> Alert:
        """Return an alert.

        Raises:
            AlertNotFound: There is none of that id.
        """
        return (await self.get_many(organization_id, [alert_id]))[0]

    async def get_many(self, organization_id: OrganizationId, alert_ids: Sequence[str]) -> list[Alert]:
        """Return alerts, in the order that they are asked for.

        Raises:
            AlertNotFound: There is none of one of these ids.
            InvalidAlertAct: None are named, or too many.
        """
        wanted = _check_ids(alert_ids)
        return await self._store.read(lambda connection: _require(connection, organization_id, wanted))

    async def search(
        self,
        organization_id: OrganizationId,
        wanted: AlertFilter,
        *,
        after: str = "",
        limit: int = 100,
        by_severity: bool = False,
    ) -> AlertPage:
        """Return alerts after one of them, youngest first, or the gravest first.

        Raises:
            InvalidCursor: ``after`` is no alert's id, or ``limit`` is outside 1 to 1,000.
        """
        if not 1 <= limit <= PAGE_MAX:
            raise InvalidCursor(f"limit is 1 to {PAGE_MAX}", limit=PAGE_MAX)
        before = check_cursor(after)
        found = await self._store.read(
            lambda connection: repository.list_page(
                connection, organization_id, wanted, before=before, limit=limit + 1, by_severity=by_severity
            )
        )
        page = found[:limit]
        return AlertPage(page, page[-1].alert_id if len(found) > limit else None)

    async def export(self, organization_id: OrganizationId, wanted: AlertFilter) -> list[Alert]:
        """Return all that a filter means, the youngest 50,000 at most."""
        return await self._store.read(
            lambda connection: list(repository.scan(connection, organization_id, wanted, limit=EXPORT_MAX))
        )

    async def count(self, organization_id: OrganizationId, wanted: AlertFilter) -> Counts:
        """Return how many alerts there are, by what one asks first."""
        return await self._store.read(
            lambda connection: repository.count(connection, organization_id, wanted, rules=_RULES)
        )

    async def sensors(self, organization_id: OrganizationId) -> list[str]:
        """Return the generations of the sensors that have told of anything."""
        return await self._store.read(lambda connection: repository.list_sensors(connection, organization_id))

    async def acknowledge(
        self,
        organization_id: OrganizationId,
        alert_ids: Sequence[str],
        *,
        actor: Actor,
        reason: str = "",
        revision: int | None = None,
    ) -> list[Alert]:
        """Note that somebody looks into alerts; of those that are past it nothing changes.

        Raises:
            AlertNotFound: There is none of one of these ids.
            InvalidAlertAct: None are named, or too many.
            RevisionMismatch: It has changed since ``revision``.
        """
        checked = check_reason(reason)

        def move(alert: Alert) -> Alert:
            return replace(alert, state=AlertState.ACKNOWLEDGED) if alert.state is AlertState.OPEN else alert

        return await self._act(organization_id, alert_ids, move, _Act("acknowledge", actor, checked, revision))

    async def close(
        self,
        organization_id: OrganizationId,
        alert_ids: Sequence[str],
        *,
        verdict: Verdict,
        actor: Actor,
        reason: str,
        revision: int | None = None,
    ) -> list[Alert]:
        """Close alerts with what they turned out to be; closed ones take the new verdict.

        A real one opens again by itself if it goes on.

        Raises:
            AlertNotFound: There is none of one of these ids.
            InvalidAlertAct: None are named, or too many, or no verdict is given.
            ReasonMissing: No reason is given.
            RevisionMismatch: It has changed since ``revision``.
        """
        if verdict is Verdict.NONE:
            raise InvalidAlertAct("say what it turned out to be", hint="such as true-positive or benign")
        checked = check_reason(reason, is_required=True)

        def move(alert: Alert) -> Alert:
            return replace(alert, state=AlertState.CLOSED, verdict=verdict)

        act = _Act("close", actor, checked, revision, verdict=verdict.value)
        return await self._act(organization_id, alert_ids, move, act)

    async def reopen(
        self,
        organization_id: OrganizationId,
        alert_ids: Sequence[str],
        *,
        actor: Actor,
        reason: str,
        revision: int | None = None,
    ) -> list[Alert]:
        """Open alerts again, as if nobody had looked, and loud.

        Raises:
            AlertNotFound: There is none of one of these ids.
            AlertStep: One is merged into another: open that one.
            ReasonMissing: No reason is given.
        """
        checked = check_reason(reason, is_required=True)

        def move(alert: Alert) -> Alert:
            if alert.merged_into:
                raise AlertStep(
                    f"{alert.alert_id} is merged into {alert.merged_into}",
                    hint="open that one, which speaks for it, or unmerge this one",
                )
            return replace(
                alert, state=AlertState.OPEN, verdict=Verdict.NONE, is_loud=True, exception_id="", ticket_id=""
            )

        return await self._act(organization_id, alert_ids, move, _Act("reopen", actor, checked, revision))

    async def merge(
        self, organization_id: OrganizationId, into: str, alert_ids: Sequence[str], *, actor: Actor, reason: str
    ) -> Alert:
        """Let one alert speak for others; what they count, and what they count later, is counted in it.

        Raises:
            AlertNotFound: There is none of one of these ids.
            AlertStep: One is merged already, or closed.
            InvalidAlertAct: None are named, or too many, or the alert itself.
            ReasonMissing: No reason is given.
        """
        checked = check_reason(reason, is_required=True)
        wanted = _check_ids(alert_ids)
        if into in wanted:
            raise InvalidAlertAct("an alert is not merged into itself")

        def join(tx: Transaction) -> Alert:
            parent = _require(tx.connection, organization_id, _check_ids([into]))[0]
            children = _require(tx.connection, organization_id, wanted)
            for each in (parent, *children):
                if each.merged_into or each.state is AlertState.CLOSED:
                    state = f"merged into {each.merged_into}" if each.merged_into else "closed"
                    raise AlertStep(f"{each.alert_id} is {state}", hint="merge alerts that are open")
            repository.merge_children(tx.connection, organization_id, wanted, into)
            act = _Act("merge", actor, checked, merged_into=into)
            for each in children:
                self._write(tx, replace(each, merged_into=into, is_loud=False), act, other_id=into)
            graver = max((parent, *children), key=lambda alert: RANKS[alert.severity])
            grown = replace(
                parent,
                times=parent.times + sum(each.times for each in children),
                first_at=min(each.first_at for each in (parent, *children)),
                last_at=max(each.last_at for each in (parent, *children)),
                severity=graver.severity,
                raised_severity=graver.raised_severity,
            )
            done = self._write(tx, grown, act, other_id=children[0].alert_id)
            self._tell(tx, [parent, *children], act)
            return done

        return await self._store.write(join)

    async def unmerge(
        self,
        organization_id: OrganizationId,
        alert_id: str,
        *,
        actor: Actor,
        reason: str,
        revision: int | None = None,
    ) -> Alert:
        """Let an alert speak for itself again; what it counted is taken from the one that spoke for it.

        Raises:
            AlertNotFound: There is none of that id.
            AlertStep: It is not merged into another.
            ReasonMissing: No reason is given.
            RevisionMismatch: It has changed since ``revision``.
        """
        checked = check_reason(reason, is_required=True)

        def part(tx: Transaction) -> Alert:
            child = _require(tx.connection, organization_id, _check_ids([alert_id]))[0]
            _check_revision(child, revision)
            if not child.merged_into:
                raise AlertStep(f"{alert_id} is not merged into another", hint="see it: vedette alert show")
            act = _Act("unmerge", actor, checked, merged_into=child.merged_into)
            parent = repository.find(tx.connection, organization_id, child.merged_into)
            if parent is not None:
                times = parent.times if tell_of_one_event(child, parent) else max(parent.times - child.times, 1)
                self._write(tx, replace(parent, times=times), act, other_id=alert_id)
            done = self._write(tx, replace(child, merged_into="", is_loud=True), act, other_id=child.merged_into)
            self._tell(tx, [child, *([parent] if parent is not None else [])], act)
            return done

        return await self._store.write(part)

    async def groups(
        self, organization_id: OrganizationId, wanted: AlertFilter, by: GroupedBy, *, limit: int = 200
    ) -> list[AlertGroup]:
        """Return alerts counted by what they share, the gravest first.

        Raises:
            InvalidCursor: ``limit`` is outside 1 to 500.
        """
        if not 1 <= limit <= GROUPS_MAX:
            raise InvalidCursor(f"limit is 1 to {GROUPS_MAX}", limit=GROUPS_MAX)
        return await self._store.read(
            lambda connection: group_repository.list_groups(connection, organization_id, wanted, by, limit=limit)
        )

    async def restore(
        self, organization_id: OrganizationId, closed: Sequence[Alert], *, actor: Actor, reason: str
    ) -> int:
        """Take back what alerts said of devices, once they were closed as harmless; answer how many signals.

        A device about which another alert still calls for somebody stays as it is.

        Raises:
            ClockJumped: The clock cannot be believed, so nothing gets better.
        """
        ends: dict[str, End] = {}
        for alert in closed:
            if alert.state is AlertState.CLOSED and alert.verdict in _HARMLESS:
                ends |= {end.generation_id: end for end in alert.managed_ends}
        count = 0
        for end in ends.values():
            open_states = (AlertState.OPEN, AlertState.ACKNOWLEDGED)
            others = AlertFilter(device_id=end.device_id, states=open_states, is_loud=True, is_managed=True)
            standing = await self.search(organization_id, others, limit=AT_ONCE_MAX)
            if any(
                end.generation_id in {each.generation_id for each in alert.managed_ends} for alert in standing.items
            ):
                continue
            count += await self._posture.withdraw(organization_id, end, actor=actor, reason=reason)
        return count

    def project(self, tx: Transaction, event: Event) -> None:
        """Let alerts stand without a device that is no more, in the registry's own transaction."""
        match event:
            case DeviceDeleted():
                repository.forget_device(tx.connection, event.organization_id, event.generation_id)
            case _:
                pass

    async def _act(
        self, organization_id: OrganizationId, alert_ids: Sequence[str], move: Callable[[Alert], Alert], act: _Act
    ) -> list[Alert]:
        wanted = _check_ids(alert_ids)

        def change(tx: Transaction) -> list[Alert]:
            found = _require(tx.connection, organization_id, wanted)
            for alert in found:
                _check_revision(alert, act.revision)
            done, changed = [], []
            for alert in found:
                moved = move(alert)
                if moved == alert:
                    done.append(alert)
                    continue
                done.append(self._write(tx, moved, act))
                changed.append(alert)
            if changed:
                self._tell(tx, changed, act)
            return done

        return await self._store.write(change)

    def _write(self, tx: Transaction, alert: Alert, act: _Act, *, other_id: str = "") -> Alert:
        step = Step(act.name, self._clock.now(), name_of(act.actor), act.reason, act.verdict, other_id)
        done = stepped(alert, step)
        repository.update(tx.connection, done)
        return done

    def _tell(self, tx: Transaction, alerts: Sequence[Alert], act: _Act) -> None:
        first = alerts[0]
        ids = tuple(each.alert_id for each in alerts)
        event = AlertsJudged(
            organization_id=first.organization_id,
            generation_id=first.sensor_id,
            alert_ids=ids,
            act=act.name,
            verdict=act.verdict,
            merged_into=act.merged_into,
        )
        entry = Entry(
            organization_id=first.organization_id,
            actor=act.actor,
            action=f"incidents.{act.name}_alerts",
            target=act.merged_into or first.alert_id,
            target_name=first.title[:_NAME_MAX_CHARS],
            reason=act.reason,
            details={"alert_ids": list(ids), "verdict": act.verdict, "merged_into": act.merged_into},
        )
        self._ledger.append(tx, entry, event=event)


@dataclass(frozen=True, slots=True)
class _Act:
    """What somebody does to alerts, and on which revision it is based."""

    name: str
    actor: Actor
    reason: str
    revision: int | None = None
    verdict: str = ""
    merged_into: str = ""


def _check_revision(alert: Alert, revision: int | None) -> None:
    if revision is not None and alert.revision != revision:
        raise RevisionMismatch(f"the alert is at revision {alert.revision}, not {revision}")


def check_cursor(after: str) -> str:
    """Return the id that a page goes on behind.

    Raises:
        InvalidCursor: It is none.
    """
    try:
        return parse_generation_id(after) if after else ""
    except InvalidId as error:
        raise InvalidCursor(f"{after[:80]!r} is no cursor", hint="pass `next` of the page before") from error


def _check_ids(alert_ids: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(alert_ids))
    if not 1 <= len(wanted) <= AT_ONCE_MAX:
        raise InvalidAlertAct(f"name 1 to {AT_ONCE_MAX} alerts", limit=AT_ONCE_MAX)
    for alert_id in wanted:
        try:
            parse_generation_id(alert_id)
        except InvalidId as error:
            raise AlertNotFound(f"{alert_id[:80]!r} is no alert's id") from error
    return wanted


def _require(connection: sa.Connection, organization_id: OrganizationId, wanted: Sequence[str]) -> list[Alert]:
    found = {each.alert_id: each for each in repository.find_many(connection, organization_id, wanted)}
    missing = next((each for each in wanted if each not in found), None)
    if missing is not None:
        raise AlertNotFound(f"there is no alert {missing}", hint="see them: vedette alert list")
    return [found[each] for each in wanted]
