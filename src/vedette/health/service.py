"""Signals accepted, withdrawn and ended; what they come to is told in the very transaction that changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.health import repository
from vedette.health.errors import InvalidSignal, SignalNotFound, TooManySignals
from vedette.health.identities import Identity, identify, require
from vedette.health.model import RANK, TIER, Acceptance, NewSignal, Signal, SignalStamps, check_signal
from vedette.health.repository import Posture
from vedette.health.risk import Appraisal, appraise, effective_level, merge_signal
from vedette.health.settlement import Listener, Settlement
from vedette.kernel import (
    Clock,
    DeviceId,
    GenerationId,
    IdSource,
    InvalidId,
    ModuleId,
    OrganizationId,
    parse_generation_id,
)
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.registry import ClockGuard, DeviceDeleted, ModuleDeleted, check_reason
from vedette.store import Store, Transaction
from vedette.trust import RiskLevel

SIGNALS_MAX: Final = 64
PAGE_MAX: Final = 1_000
_SYSTEM: Final = Actor("system", "health")


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """All that is known of the health of one identity now."""

    generation_id: GenerationId
    device_id: DeviceId
    module_id: ModuleId | None
    appraisal: Appraisal
    changed_at: datetime | None
    signals: tuple[Signal, ...]


class SignalService:
    """Takes signals, and keeps what they come to.

    ``project`` must be registered with the ledger; ``on_posture`` listeners are called in the transaction.

    Args:
        store: Where they are kept.
        ledger: Where a change of findings or risk is told.
        guard: Whether the clock can be believed: if not, nothing gets better.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(self, store: Store, ledger: Ledger, guard: ClockGuard, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._guard = guard
        self._clock = clock
        self._ids = ids
        self._settlement = Settlement(ledger, clock=clock)

    def on_posture(self, listener: Listener) -> None:
        """Have ``listener`` called, in the transaction, with identities whose posture record must be composed anew."""
        self._settlement.listeners.append(listener)

    async def accept(self, organization_id: OrganizationId, new: NewSignal, *, actor: Actor) -> Acceptance:
        """Take a signal; when this returns, what follows from it is on disk and on its way to enforcement points.

        Raises:
            InvalidSignal: Something is outside its limits, or no identity is named.
            DeviceNotFound: There is no such device.
            ModuleNotFound: There is no such module.
            TooManySignals: The identity has too many that weigh as much.
            ClockJumped: It would lower the risk, and the clock cannot be believed.
        """
        now, now_ns = self._clock.now(), _nanoseconds(self._clock)
        checked = check_signal(new, now)
        # Nothing is better after the worst of signals, so it may pass whatever else waits.
        is_restricting = checked.level is RiskLevel.HIGH

        def take(tx: Transaction) -> Acceptance:
            return self._take(tx, organization_id, checked, actor, (now, now_ns))

        return await self._store.write(take, restricting=is_restricting)

    def accept_in(
        self, tx: Transaction, organization_id: OrganizationId, new: NewSignal, *, actor: Actor
    ) -> Acceptance:
        """Do what ``accept`` does in a transaction of the caller's."""
        now, now_ns = self._clock.now(), _nanoseconds(self._clock)
        return self._take(tx, organization_id, check_signal(new, now), actor, (now, now_ns))

    async def withdraw(
        self,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str | None,
        signal_id: str,
        *,
        actor: Actor,
        reason: str,
    ) -> HealthReport:
        """Take a signal back, as a person who has looked into it may.

        Raises:
            SignalNotFound: No such signal stands.
            ReasonMissing: No reason is given.
            ClockJumped: The clock cannot be believed.
        """
        checked = check_reason(reason, is_required=True)
        self._guard.check()

        def take_back(tx: Transaction) -> HealthReport:
            identity = require(tx.connection, organization_id, device_id, module_id)
            signal = repository.find_signal(tx.connection, organization_id, identity.generation_id, signal_id)
            if signal is None:
                raise SignalNotFound(
                    f"no signal {signal_id[:80]!r} stands for {device_id}",
                    hint=f"see them: vedette signal list {device_id}",
                )
            repository.delete(tx.connection, signal)
            details = {"signal_id": signal_id, "signal_class": signal.signal_class, "source": signal.source}
            entry = Entry(
                organization_id=organization_id,
                actor=actor,
                action="health.withdraw_signal",
                target=identity.generation_id,
                target_name=identity.full_name,
                reason=checked,
                details=details,
            )
            self._ledger.append(tx, entry)
            stamps = self._stamps(signal_id, self._clock.now())
            self._settlement.settle(tx, organization_id, identity, stamps, actor=actor, cause=signal)
            return self._report(tx.connection, organization_id, identity)

        return await self._store.write(take_back)

    async def report(
        self, organization_id: OrganizationId, device_id: str, module_id: str | None = None
    ) -> HealthReport:
        """Return what is known of the health of a device or module.

        Raises:
            DeviceNotFound: There is no such device.
            ModuleNotFound: There is no such module.
        """

        def read(connection: sa.Connection) -> HealthReport:
            return self._report(connection, organization_id, require(connection, organization_id, device_id, module_id))

        return await self._store.read(read)

    async def history(
        self,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str | None,
        *,
        after: str = "",
        limit: int = 100,
    ) -> tuple[list[Signal], str | None]:
        """Return the latest signals of an identity, youngest first, and what reads on.

        Raises:
            DeviceNotFound: There is no such device.
            InvalidSignal: ``after`` is no signal's id.
        """
        _check_cursor(after)

        def read(connection: sa.Connection) -> list[Signal]:
            identity = require(connection, organization_id, device_id, module_id)
            return repository.list_history(
                connection, organization_id, identity.generation_id, before=after, limit=limit + 1
            )

        found = await self._store.read(read)
        return found[:limit], found[limit - 1].signal_id if len(found) > limit else None

    async def list(
        self, organization_id: OrganizationId, *, risk_level: RiskLevel | None = None, after: str = "", limit: int = 100
    ) -> tuple[list[Posture], str | None]:
        """Return the postures of all that signals have been heard of, and what reads on.

        Raises:
            InvalidSignal: ``after`` is no identity's generation.
        """
        _check_cursor(after)
        found = await self._store.read(
            lambda connection: repository.list_postures(
                connection, organization_id, risk_level=risk_level, after=after, limit=limit + 1
            )
        )
        return found[:limit], found[limit - 1].generation_id if len(found) > limit else None

    async def end_expired(self, organization_id: OrganizationId, *, limit: int = 200) -> int:
        """End signals whose time is over, unless the clock cannot be believed.

        Returns:
            How many identities were looked at.
        """
        if self._guard.read().is_held:
            return 0
        now = self._clock.now()
        due = await self._store.read(lambda c: repository.list_expired(c, organization_id, now, limit))
        if not due:
            return 0

        def end(tx: Transaction) -> int:
            for generation_id, signals in repository.find_signals(tx.connection, organization_id, due).items():
                over = [each for each in signals if not each.is_active(now)]
                for each in over:
                    repository.delete(tx.connection, each)
                if over:
                    identity = Identity(GenerationId(generation_id), over[0].device_id, over[0].module_id)
                    stamps = self._stamps("expired", max(each.expires_at or now for each in over))
                    self._settlement.settle(tx, organization_id, identity, stamps, actor=_SYSTEM, cause=None)
            return len(due)

        return await self._store.write(end)

    def project(self, tx: Transaction, event: Event) -> None:
        """Forget an identity with its end, in the registry's own transaction."""
        match event:
            case DeviceDeleted() | ModuleDeleted():
                repository.delete_of(tx.connection, event.organization_id, event.generation_id)
            case _:
                pass

    def _take(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        new: NewSignal,
        actor: Actor,
        ingested: tuple[datetime, int],
    ) -> Acceptance:
        now, now_ns = ingested
        identity = identify(tx.connection, organization_id, new)
        standing = repository.find_signals(tx.connection, organization_id, [identity.generation_id]).get(
            identity.generation_id, []
        )
        signal = self._compose(organization_id, identity, new, now)
        former = next((each for each in standing if each.key == signal.key), None)
        previous = appraise(standing, now).risk_level
        merged = merge_signal(former, signal, now)
        repository.remember(tx.connection, signal)
        if merged is former:
            return Acceptance(signal=signal, is_applied=False, risk_level=previous, previous_risk_level=previous)
        after = [*(each for each in standing if each is not former), merged]
        risk = appraise(after, now).risk_level
        if RANK[risk] < RANK[previous]:
            self._guard.check()
        for each in standing if former is None else ():
            if not each.is_active(now):
                repository.delete(tx.connection, each)
        if former is None:
            _make_room(tx.connection, [each for each in standing if each.is_active(now)], merged)
        repository.put(tx.connection, merged)
        stamps = SignalStamps(
            cause=signal.signal_id, observed_at=signal.observed_at, ingested_at=now, ingested_ns=now_ns
        )
        self._settlement.settle(tx, organization_id, identity, stamps, actor=actor, cause=merged)
        return Acceptance(signal=merged, is_applied=True, risk_level=risk, previous_risk_level=previous)

    def _compose(self, organization_id: OrganizationId, identity: Identity, new: NewSignal, now: datetime) -> Signal:
        observed_at = new.observed_at or now
        return Signal(
            organization_id=organization_id,
            signal_id=self._ids.new("sig"),
            generation_id=identity.generation_id,
            device_id=identity.device_id,
            module_id=identity.module_id,
            signal_class=new.signal_class,
            source=new.source,
            provenance=new.provenance,
            level=new.level,
            since=observed_at,
            observed_at=observed_at,
            ingested_at=now,
            expires_at=None if new.lasts is None else observed_at + new.lasts,
            detail=dict(new.detail),
            position=new.position,
        )

    def _stamps(self, cause: str, observed_at: datetime) -> SignalStamps:
        return SignalStamps(
            cause=cause,
            observed_at=observed_at,
            ingested_at=self._clock.now(),
            ingested_ns=_nanoseconds(self._clock),
        )

    def _report(self, connection: sa.Connection, organization_id: OrganizationId, identity: Identity) -> HealthReport:
        now, generation_id = self._clock.now(), identity.generation_id
        standing = repository.find_signals(connection, organization_id, [generation_id]).get(generation_id, [])
        active = sorted((each for each in standing if each.is_active(now)), key=_by_weight)
        known = repository.find_postures(connection, organization_id, [generation_id]).get(generation_id)
        return HealthReport(
            generation_id=generation_id,
            device_id=identity.device_id,
            module_id=identity.module_id,
            appraisal=appraise(active, now),
            changed_at=None if known is None else known.changed_at,
            signals=tuple(active),
        )


def _make_room(connection: sa.Connection, standing: list[Signal], new: Signal) -> None:
    """Let the least of the signals go for a weightier one: whoever floods with little hides nothing that is worse."""
    if len(standing) < SIGNALS_MAX:
        return
    least = max(standing, key=_by_weight)
    if _by_weight(least)[:2] <= _by_weight(new)[:2]:
        raise TooManySignals(
            f"{new.device_id} has {SIGNALS_MAX} signals that weigh as much",
            hint=f"withdraw what is over: vedette signal list {new.device_id}",
            limit=SIGNALS_MAX,
        )
    repository.delete(connection, least)


def _by_weight(signal: Signal) -> tuple[int, int, float]:
    """Sort the weightiest first: by level, then by trust in its source, then the latest."""
    level = effective_level(signal)
    return -1 if level is None else -10 * RANK[level], TIER[signal.provenance], -signal.observed_at.timestamp()


def _check_cursor(after: str) -> None:
    if not after:
        return
    try:
        parse_generation_id(after)
    except InvalidId as error:
        raise InvalidSignal(f"{after[:80]!r} is no cursor", hint="pass `next` of the page before") from error


def _nanoseconds(clock: Clock) -> int:
    return int(clock.monotonic_s() * 1e9)
