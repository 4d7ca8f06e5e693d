"""Exceptions: made by people who answer for them, previewed before they hide anything, ended by people or in time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from vedette.incidents import alert_repository
from vedette.incidents import quiet_repository as repository
from vedette.incidents.acts import entry_of, name_of, show_pattern
from vedette.incidents.alert_repository import AlertFilter
from vedette.incidents.alert_service import check_cursor
from vedette.incidents.errors import AlertNotFound, ExceptionNotFound, InvalidPattern, TooManyPatterns
from vedette.incidents.events import ExceptionEnded, ExceptionMade
from vedette.incidents.model import Alert, AlertState, Severity, Verdict
from vedette.incidents.pattern import Pattern
from vedette.incidents.standing import (
    AlertException,
    Effect,
    check_exception,
    check_text,
)
from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Ledger
from vedette.registry import check_reason
from vedette.store import Store, Transaction

EXCEPTIONS_MAX: Final = 1_000
PREVIEW_DAYS_MAX: Final = 90
SCAN_MAX: Final = 50_000
SAMPLES: Final = 20
_OPEN: Final = (AlertState.OPEN, AlertState.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an exception would have hidden.

    Attributes:
        scanned: How many alerts of that time were looked at.
        is_complete: Whether those were all.
        open_now: Of what it would hide, how many somebody has still to look at.
        real: How many turned out to be true: to hide such is dangerous.
        samples: The youngest of them.
    """

    since: datetime
    scanned: int
    is_complete: bool
    hidden: int
    open_now: int
    real: int
    by_severity: dict[str, int] = field(default_factory=dict)
    by_rule: dict[str, int] = field(default_factory=dict)
    samples: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewException:
    """An exception that somebody asks for.

    Attributes:
        learned_from: The alert that it comes from; needed to learn.
        is_at_sensors: Sensors are to hold such alerts back themselves; they are only counted then.
    """

    pattern: Pattern
    effect: Effect
    reason: str
    owner: str
    ends_at: datetime | None = None
    hides_up_to: Severity = Severity.HIGH
    learned_from: str = ""
    is_at_sensors: bool = False


class ExceptionService:
    """Keeps exceptions.

    Args:
        store: Where they are kept.
        ledger: Where each act is told.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def preview(self, organization_id: OrganizationId, new: NewException, *, days: int = 14) -> Preview:
        """Tell what an exception would have hidden in the last days.

        Raises:
            InvalidPattern: It could not be made, or ``days`` is outside 1 to 90.
            AlertNotFound: There is no such alert to learn from.
        """
        if not 1 <= days <= PREVIEW_DAYS_MAX:
            raise InvalidPattern(f"days is 1 to {PREVIEW_DAYS_MAX}", limit=PREVIEW_DAYS_MAX)
        now = self._clock.now()

        def look(connection: sa.Connection) -> Preview:
            made = self._compose(connection, organization_id, new, Actor("system", "preview"), now)
            return _preview(connection, made, now - timedelta(days=days))

        return await self._store.read(look)

    async def make(
        self, organization_id: OrganizationId, new: NewException, *, actor: Actor
    ) -> tuple[AlertException, int]:
        """Make an exception, and hush the open alerts that it matches; also tell how many those were.

        Raises:
            InvalidPattern: It would hide too much, for too long, or what may not be learned.
            AlertNotFound: There is no such alert to learn from.
            ReasonMissing: No reason is given.
            TooManyPatterns: There are as many as there may be.
        """
        check_reason(new.reason, is_required=True)
        now = self._clock.now()

        # What it hides is looked for beside the writer: an alert that comes meanwhile is hidden when it goes on.
        matched = await self._store.read(
            lambda connection: _matched(connection, self._compose(connection, organization_id, new, actor, now))
        )

        def put(tx: Transaction) -> tuple[AlertException, int]:
            if repository.count_in_force(tx.connection, organization_id, now)[0] >= EXCEPTIONS_MAX:
                raise TooManyPatterns(
                    f"{EXCEPTIONS_MAX} exceptions are in force", hint="end some: vedette exception list"
                )
            made = self._compose(tx.connection, organization_id, new, actor, now)
            hushed = alert_repository.hush(tx.connection, organization_id, matched, made.exception_id)
            made = replace(made, matched=hushed, last_matched_at=now if hushed else None)
            repository.insert_exception(tx.connection, made)
            details = {
                "pattern": show_pattern(made.pattern),
                "owner": made.owner,
                "hushed": hushed,
                "effect": made.effect.value,
                "at_sensors": made.is_at_sensors,
            }
            event = ExceptionMade(
                organization_id=organization_id,
                generation_id="",
                exception_id=made.exception_id,
                effect=made.effect.value,
                ends_at="" if made.ends_at is None else to_rfc3339(made.ends_at),
            )
            entry = entry_of(
                organization_id,
                actor,
                "incidents.make_exception",
                target=made.exception_id,
                reason=new.reason,
                details=details,
            )
            self._ledger.append(tx, entry, event=event)
            return made, hushed

        return await self._store.write(put)

    async def end(
        self, organization_id: OrganizationId, exception_id: str, *, actor: Actor, reason: str
    ) -> AlertException:
        """Let alerts be loud again; those that it hid stay hidden until they go on. A second time changes nothing.

        Raises:
            ExceptionNotFound: There is none of that id.
        """
        checked = check_reason(reason)
        now = self._clock.now()

        def finish(tx: Transaction) -> AlertException:
            found = _require_exception(tx.connection, organization_id, exception_id)
            if not found.is_in_force(now):
                return found
            who = name_of(actor)
            repository.end_exception(tx.connection, organization_id, exception_id, now, who)
            event = ExceptionEnded(organization_id=organization_id, generation_id="", exception_id=exception_id)
            entry = entry_of(
                organization_id, actor, "incidents.end_exception", target=exception_id, reason=checked, details={}
            )
            self._ledger.append(tx, entry, event=event)
            return replace(found, ended_at=now, ended_by=who)

        return await self._store.write(finish)

    async def get(self, organization_id: OrganizationId, exception_id: str) -> AlertException:
        """Return an exception.

        Raises:
            ExceptionNotFound: There is none of that id.
        """
        return await self._store.read(lambda c: _require_exception(c, organization_id, exception_id))

    async def search(
        self, organization_id: OrganizationId, *, is_in_force: bool | None = None, after: str = "", limit: int = 100
    ) -> tuple[list[AlertException], str | None]:
        """Return exceptions, youngest first, and what reads on.

        Raises:
            InvalidCursor: ``after`` is none.
        """
        before, now = check_cursor(after), self._clock.now()
        found = await self._store.read(
            lambda c: repository.list_exceptions(
                c, organization_id, now=now, is_in_force=is_in_force, before=before, limit=limit + 1
            )
        )
        return found[:limit], found[limit - 1].exception_id if len(found) > limit else None

    def _compose(
        self, connection: sa.Connection, organization_id: OrganizationId, new: NewException, actor: Actor, now: datetime
    ) -> AlertException:
        learnable = None
        if new.learned_from:
            learnable = alert_repository.find(connection, organization_id, new.learned_from)
            if learnable is None:
                raise AlertNotFound(f"there is no alert {new.learned_from[:80]!r}")
        if new.is_at_sensors and not new.pattern.rules:
            raise InvalidPattern("sensors hold back alerts of rules that are named", hint="name the rule")
        pattern = check_exception(new.pattern, new.effect, new.ends_at, learnable=learnable, now=now)
        return AlertException(
            organization_id=organization_id,
            exception_id=self._ids.new("exc"),
            effect=new.effect,
            pattern=pattern,
            reason=new.reason,
            owner=check_text(new.owner, "an owner"),
            created_at=now,
            created_by=name_of(actor),
            ends_at=new.ends_at,
            hides_up_to=new.hides_up_to,
            is_at_sensors=new.is_at_sensors,
        )


def _preview(connection: sa.Connection, made: AlertException, since: datetime) -> Preview:
    scanned = open_now = real = 0
    severities: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    samples: list[Alert] = []
    wanted = AlertFilter(since=since)
    for alert in alert_repository.scan(connection, made.organization_id, wanted, limit=SCAN_MAX):
        scanned += 1
        if not made.hides(alert):
            continue
        severities[alert.severity.value] += 1
        rules[alert.rule] += 1
        open_now += alert.is_loud and alert.state in _OPEN
        real += alert.verdict is Verdict.TRUE_POSITIVE
        if len(samples) < SAMPLES:
            samples.append(alert)
    return Preview(
        since=since,
        scanned=scanned,
        is_complete=scanned < SCAN_MAX,
        hidden=severities.total(),
        open_now=open_now,
        real=real,
        by_severity=dict(severities.most_common()),
        by_rule=dict(rules.most_common(SAMPLES)),
        samples=tuple(samples),
    )


def _matched(connection: sa.Connection, made: AlertException) -> list[str]:
    """Return the open alerts that an exception hides."""
    wanted = AlertFilter(states=_OPEN, is_loud=True)
    found = alert_repository.scan(connection, made.organization_id, wanted, limit=SCAN_MAX)
    return [alert.alert_id for alert in found if made.hides(alert)]


def _require_exception(connection: sa.Connection, organization_id: OrganizationId, exception_id: str) -> AlertException:
    found = repository.find_exception(connection, organization_id, exception_id)
    if found is None:
        raise ExceptionNotFound(f"there is no exception {exception_id[:80]!r}", hint="see them: vedette exception list")
    return found
