"""Quarantine: into it at once, in every state of the platform; out of it by people, step by step."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.access import quarantine_repository as repository
from vedette.access.blast_radius import WINDOW, BlastRadius, Verdict, judge
from vedette.access.errors import InvalidQuarantine, NotQuarantined, PeopleOnly, QuarantineStep
from vedette.access.quarantine_events import DeviceQuarantined, DeviceReleased, QuarantineEased
from vedette.access.quarantine_facts import act_of, look_around, recheck
from vedette.access.quarantine_model import Quarantined, QuarantineMode, check_review, check_source, deepen
from vedette.access.quarantine_preview import QuarantinePreviews
from vedette.access.quarantine_repository import QuarantineAct
from vedette.health import PostureChanged
from vedette.kernel import Clock, DeviceId, GenerationId, IdSource, InvalidId, OrganizationId, parse_generation_id
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.registry import (
    Cause,
    ClockGuard,
    Device,
    DeviceDeleted,
    DeviceRetired,
    LifecycleChanged,
    Register,
    check_reason,
    find_generation,
    find_module_generations,
)
from vedette.store import Store, Transaction
from vedette.trust import Lifecycle

log = logging.getLogger(__name__)

_FORGET_AFTER: Final = 2 * WINDOW
_SYSTEM: Final = Actor("system", "quarantine")
_PERSON: Final = "operator"


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """Quarantines by generation; ``next`` reads on, ``None`` at the end."""

    items: list[Quarantined]
    next: str | None


class QuarantineService:
    """Puts devices into quarantine, and leads them out again.

    ``project`` must be registered with the ledger: a device that comes there or leaves by its lifecycle is followed.

    Args:
        store: Where quarantines are kept.
        ledger: Where each act is told.
        register: Moves devices along their lifecycle.
        guard: Whether the clock can be believed; restricting does not ask.
        radius: How much may be cut off at once.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        register: Register,
        guard: ClockGuard,
        *,
        radius: BlastRadius = BlastRadius(),  # noqa: B008 - frozen
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._register = register
        self._guard = guard
        self._radius = radius
        self.previews = QuarantinePreviews(store, register, radius=radius, clock=clock)
        self._clock = clock
        self._ids = ids

    async def quarantine(
        self,
        organization_id: OrganizationId,
        device_id: str,
        *,
        reason: str,
        actor: Actor,
        mode: QuarantineMode = QuarantineMode.LIMITED,
        review_at: datetime | None = None,
        source: str = "",
        is_override: bool = False,
    ) -> Quarantined:
        """Put a device into quarantine, or deeper into it; never out of it.

        Args:
            organization_id: The device's owner.
            device_id: Its name.
            reason: Why.
            actor: Who asks.
            mode: How deep; the blast radius may make *limited* of *cut*.
            review_at: When to look at it again; in a week if not given.
            source: What asks, for budgets; the actor if not given.
            is_override: A person knows that a budget is spent.

        Raises:
            DeviceNotFound: There is no such device.
            ReasonMissing: No reason is given.
            InvalidQuarantine: Something is outside its limits.
            TransitionNotAllowed: A retired device is past it.
        """
        checked = check_reason(reason, is_required=True)
        if mode is QuarantineMode.PROBATION:
            raise InvalidQuarantine("probation is a step on the way back", hint="ask for limited or cut")
        now = self._clock.now()
        review = check_review(review_at, now)
        asked_by = check_source(source or _name(actor)[:128])

        def put(tx: Transaction) -> Quarantined:
            device = self._register.require(tx.connection, organization_id, device_id)
            around = look_around(tx.connection, device, now)
            verdict = judge(
                self._radius, around, mode, asked_by, is_person=actor.kind == _PERSON, is_override=is_override
            )
            known = repository.find(tx.connection, organization_id, device.generation_id)
            asked = _ask(device, mode, verdict, reason=checked, source=asked_by, at=(now, review), actor=actor)
            merged = deepen(known, asked)
            if merged is known:
                return merged
            self._restrict(tx, device, merged, actor=actor, act=act_of(self._ids.new("qac"), around, merged, now))
            return merged

        done = await self._store.write(put, restricting=True)
        if done.narrowed_because:
            log.warning(
                "a quarantine was narrowed",
                extra={"generation_id": done.generation_id, "because": done.narrowed_because, "source": done.source},
            )
        return done

    async def approve(
        self, organization_id: OrganizationId, device_id: str, *, actor: Actor, reason: str
    ) -> Quarantined:
        """Cut a device off as another has asked for, as the second person.

        Raises:
            NotQuarantined: The device is in no quarantine.
            QuarantineStep: Nothing waits for a second person.
            PeopleOnly: The actor is no person, or the one who asked.
        """
        checked = check_reason(reason, is_required=True)
        _check_person(actor, "approves a cut")
        if actor.id.startswith("link:"):  # whoever asked may have made it for themselves
            raise PeopleOnly("a one-time link is no second person", hint="log in as a person")

        def cut(tx: Transaction) -> Quarantined:
            device, known = self._require(tx.connection, organization_id, device_id)
            if not known.waits_for_second_person:
                raise QuarantineStep(f"nothing waits for approval at {device_id}", hint="see: vedette quarantine list")
            if known.asked_by == _name(actor):
                raise PeopleOnly("whoever asked for the cut is not the second person", hint="ask a colleague")
            now = self._clock.now()
            merged = replace(known, mode=QuarantineMode.CUT, mode_since=now, narrowed_because="", asked_by="")
            around = look_around(tx.connection, device, now)
            act = act_of(self._ids.new("qac"), around, merged, now)
            self._restrict(tx, device, merged, actor=actor, act=act, why=checked)
            return merged

        return await self._store.write(cut, restricting=True)

    async def recover(
        self, organization_id: OrganizationId, device_id: str, *, actor: Actor, reason: str
    ) -> Quarantined:
        """Lead a device one step back: from *cut* to *limited*, and after a re-check from there to *probation*.

        Raises:
            NotQuarantined: The device is in no quarantine.
            RecheckFailed: Something that bears on trust still stands.
            QuarantineStep: It is on probation already.
            PeopleOnly: The actor is no person.
            ClockJumped: The clock cannot be believed.
        """
        checked = check_reason(reason, is_required=True)
        _check_person(actor, "leads a device out of quarantine")
        self._guard.check()

        def ease(tx: Transaction) -> Quarantined:
            device, known = self._require(tx.connection, organization_id, device_id)
            now = self._clock.now()
            match known.mode:
                case QuarantineMode.CUT:
                    eased = replace(known, mode=QuarantineMode.LIMITED, mode_since=now, asked_by="")
                case QuarantineMode.LIMITED:
                    recheck(tx.connection, device)
                    eased = replace(
                        known, mode=QuarantineMode.PROBATION, mode_since=now, asked_by="", rechecked_by=_name(actor)
                    )
                case QuarantineMode.PROBATION:
                    raise QuarantineStep(
                        f"{device_id} is on probation: what is left is the owner's word",
                        hint=f"vedette quarantine sign-off {device_id} --reason TEXT",
                    )
            repository.save(tx.connection, eased)
            event = QuarantineEased(
                **_identity(device), mode=eased.mode.value, previous_mode=known.mode.value, reason=checked
            )
            details = {"mode": eased.mode.value, "previous_mode": known.mode.value}
            self._ledger.append(tx, _entry(device, actor, "access.ease_quarantine", checked, details), event=event)
            return eased

        return await self._store.write(ease)

    async def sign_off(self, organization_id: OrganizationId, device_id: str, *, actor: Actor, reason: str) -> Device:
        """End the quarantine of a device on probation: its owner says that it is as it should be.

        Raises:
            NotQuarantined: The device is in no quarantine.
            QuarantineStep: It is not on probation.
            RecheckFailed: Something that bears on trust stands again.
            PeopleOnly: The actor is no person.
            ClockJumped: The clock cannot be believed.
        """
        return await self._end(organization_id, device_id, actor=actor, reason=reason, is_signed_off=True)

    async def release(self, organization_id: OrganizationId, device_id: str, *, actor: Actor, reason: str) -> Device:
        """Undo a quarantine that was a mistake; the device is at once what it was before.

        Raises:
            NotQuarantined: The device is in no quarantine.
            PeopleOnly: The actor is no person.
            ClockJumped: The clock cannot be believed.
        """
        return await self._end(organization_id, device_id, actor=actor, reason=reason, is_signed_off=False)

    async def get(self, organization_id: OrganizationId, device_id: str) -> Quarantined:
        """Return the quarantine of a device.

        Raises:
            NotQuarantined: The device is in none.
        """
        found = await self._store.read(lambda c: self._require(c, organization_id, device_id))
        return found[1]

    async def list(
        self,
        organization_id: OrganizationId,
        *,
        after: str = "",
        limit: int = 100,
        is_due: bool = False,
        waits_for_approval: bool | None = None,
    ) -> QuarantinePage:
        """Return the devices in quarantine.

        Args:
            organization_id: Whose devices.
            after: ``next`` of the page before.
            limit: Most to return.
            is_due: Only those that somebody should look at again.
            waits_for_approval: Only those whose cut waits for a second person, or only the others.

        Raises:
            InvalidQuarantine: ``after`` is no cursor.
        """
        if after:
            try:
                parse_generation_id(after)
            except InvalidId as error:
                raise InvalidQuarantine(
                    f"{after[:80]!r} is no cursor", hint="pass `next` of the page before"
                ) from error
        due_before = self._clock.now() if is_due else None
        found = await self._store.read(
            lambda connection: repository.list_page(
                connection,
                organization_id,
                after=after,
                limit=limit + 1,
                due_before=due_before,
                waits_for_approval=waits_for_approval,
            )
        )
        return QuarantinePage(found[:limit], found[limit - 1].generation_id if len(found) > limit else None)

    async def may_renew(self, organization_id: OrganizationId, generation_id: GenerationId) -> bool:
        """Tell whether a device in quarantine, or a module of one, may renew its certificate all the same."""

        def read(connection: sa.Connection) -> bool:
            module = find_module_generations(connection, organization_id, [generation_id]).get(generation_id)
            owner = generation_id if module is None else module.device_generation_id
            device = find_generation(connection, organization_id, owner)
            known = repository.find(connection, organization_id, owner)
            if device is None or device.deleted_at is not None or known is None or known.mode is QuarantineMode.CUT:
                return False
            before = replace(device, lifecycle=known.former_lifecycle)
            return before.may_renew if module is None else before.takes_part and module.may_renew

        return await self._store.read(read)

    def project(self, tx: Transaction, event: Event) -> None:
        """Follow a device into quarantine and out of it, whichever way it goes, in the transaction of the fact."""
        match event:
            case LifecycleChanged(current="quarantined"):
                self._follow(tx, event)
            case LifecycleChanged(previous="quarantined") | DeviceDeleted() | DeviceRetired():
                if repository.delete(tx.connection, event.organization_id, event.generation_id):
                    self._tell_release(tx, event)
            case PostureChanged(risk_level="high"):
                self._fall_back(tx, event)
            case _:
                pass

    def _follow(self, tx: Transaction, event: LifecycleChanged) -> None:
        if repository.find(tx.connection, event.organization_id, event.generation_id) is not None:
            return
        now = self._clock.now()
        quarantined = Quarantined(
            organization_id=OrganizationId(event.organization_id),
            generation_id=GenerationId(event.generation_id),
            device_id=DeviceId(event.device_id),
            mode=QuarantineMode.LIMITED,
            asked_mode=QuarantineMode.LIMITED,
            narrowed_because="",
            reason=event.reason or "moved along its lifecycle",
            source="lifecycle",
            since=now,
            review_at=check_review(None, now),
            mode_since=now,
            former_lifecycle=Lifecycle(event.previous),
            started_by=event.cause,
        )
        device = find_generation(tx.connection, event.organization_id, event.generation_id)
        if device is not None:
            self._restrict(tx, device, quarantined, actor=_SYSTEM, act=None)

    def _tell_release(self, tx: Transaction, event: LifecycleChanged | DeviceDeleted | DeviceRetired) -> None:
        """Tell of a quarantine that ended with the device's own state, not by an act of this room."""
        reason = event.reason or "moved along its lifecycle"
        told = DeviceReleased(
            organization_id=event.organization_id,
            generation_id=event.generation_id,
            device_id=event.device_id,
            is_signed_off=False,
            reason=reason,
        )
        entry = Entry(
            organization_id=event.organization_id,
            actor=_SYSTEM,
            action="access.release_device",
            target=event.generation_id,
            target_name=event.device_id,
            reason=reason,
        )
        self._ledger.append(tx, entry, event=told)

    def _fall_back(self, tx: Transaction, event: PostureChanged) -> None:
        """Take back what probation gave, when the worst is heard of a device."""
        known = repository.find(tx.connection, event.organization_id, event.generation_id)
        if known is None or known.mode is not QuarantineMode.PROBATION:
            return
        device = find_generation(tx.connection, event.organization_id, event.generation_id)
        if device is None:
            return
        now = self._clock.now()
        fallen = replace(known, mode=QuarantineMode.LIMITED, mode_since=now, rechecked_by="")
        self._restrict(tx, device, fallen, actor=_SYSTEM, act=None, why="high risk on probation")

    def _restrict(
        self,
        tx: Transaction,
        device: Device,
        quarantined: Quarantined,
        *,
        actor: Actor,
        act: QuarantineAct | None,
        why: str = "",
    ) -> None:
        before = repository.find(tx.connection, device.organization_id, device.generation_id)
        repository.save(tx.connection, quarantined)
        if act is not None:
            repository.add_act(
                tx.connection, device.organization_id, act, forget_before=self._clock.now() - _FORGET_AFTER
            )
        if device.lifecycle is not Lifecycle.QUARANTINED:
            cause = Cause.OPERATOR if actor.kind == _PERSON else Cause.AUTOMATION
            reason = quarantined.reason
            self._register.move(tx, device, Lifecycle.QUARANTINED, cause=cause, actor=actor, reason=reason)
        facts = {
            "mode": quarantined.mode.value,
            "asked_mode": quarantined.asked_mode.value,
            "narrowed_because": quarantined.narrowed_because,
            "source": quarantined.source,
            "previous_mode": "" if before is None else before.mode.value,
        }
        reason = why or quarantined.reason
        event = DeviceQuarantined(**_identity(device), **facts, reason=reason)
        self._ledger.append(tx, _entry(device, actor, "access.quarantine_device", reason, facts), event=event)

    async def _end(
        self, organization_id: OrganizationId, device_id: str, *, actor: Actor, reason: str, is_signed_off: bool
    ) -> Device:
        checked = check_reason(reason, is_required=True)
        _check_person(actor, "ends a quarantine")
        self._guard.check()

        def end(tx: Transaction) -> Device:
            device, known = self._require(tx.connection, organization_id, device_id)
            if is_signed_off:
                if known.mode is not QuarantineMode.PROBATION:
                    raise QuarantineStep(
                        f"{device_id} is {known.mode.value}, not on probation",
                        hint=f"first: vedette quarantine recover {device_id} --reason TEXT",
                    )
                recheck(tx.connection, device)
            repository.delete(tx.connection, organization_id, device.generation_id)
            if device.lifecycle is Lifecycle.QUARANTINED:
                device = self._register.move(
                    tx, device, known.former_lifecycle, cause=Cause.RELEASE, actor=actor, reason=checked
                )
            event = DeviceReleased(**_identity(device), is_signed_off=is_signed_off, reason=checked)
            action = "access.sign_off_quarantine" if is_signed_off else "access.release_device"
            details = {"mode": known.mode.value, "since": known.since.isoformat()}
            self._ledger.append(tx, _entry(device, actor, action, checked, details), event=event)
            return device

        return await self._store.write(end)

    def _require(
        self, connection: sa.Connection, organization_id: OrganizationId, device_id: str
    ) -> tuple[Device, Quarantined]:
        device = self._register.require(connection, organization_id, device_id)
        known = repository.find(connection, organization_id, device.generation_id)
        if known is None:
            raise NotQuarantined(f"{device_id} is not in quarantine", hint="see who is: vedette quarantine list")
        return device, known


def _ask(
    device: Device,
    mode: QuarantineMode,
    verdict: Verdict,
    *,
    reason: str,
    source: str,
    at: tuple[datetime, datetime],
    actor: Actor,
) -> Quarantined:
    """Return the quarantine that the blast radius allows."""
    now, review_at = at
    return Quarantined(
        organization_id=device.organization_id,
        generation_id=device.generation_id,
        device_id=device.device_id,
        mode=verdict.mode,
        asked_mode=mode,
        narrowed_because=verdict.because,
        reason=reason,
        source=source,
        since=now,
        review_at=review_at,
        mode_since=now,
        former_lifecycle=device.lifecycle,
        started_by=_name(actor),
        asked_by=_name(actor) if verdict.needs_second_person else "",
    )


def _check_person(actor: Actor, what: str) -> None:
    if actor.kind != _PERSON:
        raise PeopleOnly(f"a program never {what}", hint="a person has to: vedette quarantine list")


def _name(actor: Actor) -> str:
    return f"{actor.kind}:{actor.id}"


def _identity(device: Device) -> dict[str, str]:
    return {
        "organization_id": device.organization_id,
        "generation_id": device.generation_id,
        "device_id": device.device_id,
    }


def _entry(device: Device, actor: Actor, action: str, reason: str, details: dict[str, str]) -> Entry:
    return Entry(
        organization_id=device.organization_id,
        actor=actor,
        action=action,
        target=device.generation_id,
        target_name=device.device_id,
        reason=reason,
        details=dict(details),
    )
