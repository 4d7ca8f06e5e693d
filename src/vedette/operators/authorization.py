"""What somebody may do: their roles at this moment, and what the policies about people say to an act."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal

import sqlalchemy as sa

from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import role_repository
from vedette.operators.authorization_model import (
    STEP_UP_LASTS,
    Action,
    Asker,
    AuthorizationSettings,
    Confirmations,
    Ruling,
    Standing,
    Subject,
    areas_of,
    common_areas,
    owner_of,
    question_of,
    slices_of,
)
from vedette.operators.model import Scopes
from vedette.operators.role_model import Holding, Role
from vedette.operators.role_service import RoleService
from vedette.store import Store, StoreUnavailable, Transaction
from vedette.trust import CedarPolicies

log = logging.getLogger(__name__)

# Whoever is refused the same again and again stands on record once in this time.
REFUSED_EVERY_S: Final = 60.0
_REFUSED_MAX: Final = 4_096
_TEXT_MAX_CHARS: Final = 256
_NOBODY: Final = Actor("operator", "nobody")
_NONE: Final = Confirmations()
_Missing = Literal["step-up", "signed-act", "second-person"]
# What can be given for, in the order in which it is best asked for.
_GIVEABLE: Final[tuple[_Missing, ...]] = ("signed-act", "step-up", "second-person")


class AuthorizationService:
    """Judges acts of people and programs at the operators' door."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        roles: RoleService,
        policies: CedarPolicies,
        *,
        clock: Clock,
        settings: AuthorizationSettings | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._roles = roles
        self._clock = clock
        self._policies = policies
        self._refused_s: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._given: Mapping[str, tuple[Action, ...]] | None = None
        self.settings = settings or AuthorizationSettings()

    @property
    def policies_sha256(self) -> str:
        """What the policies in force hash to."""
        return self._policies.sha256

    async def standing(self, asker: Asker) -> Standing:
        """Return what somebody holds at this moment."""
        own = tuple(Holding(role) for role in sorted(asker.roles))
        if asker.is_host:
            return Standing(asker=asker, holdings=(Holding(Role.ADMIN),))
        if asker.is_program and asker.owner_id is not None:
            return await self._store.read(lambda connection: self._bound(connection, asker, own))
        if asker.person_id is None and asker.link_id is None:
            return Standing(asker=asker, holdings=own)
        return await self._store.read(lambda connection: self._look_up(connection, asker, own))

    def decide(self, standing: Standing, action: Action, subject: Subject, given: Confirmations = _NONE) -> Ruling:
        """Ask the policies about an act.

        Args:
            standing: Of whoever asks.
            action: What the operation is about.
            subject: What it is done to.
            given: What came with the request, verified.
        """
        ruling = self._judge(standing, action, subject, given)
        if standing.bound is None or not ruling.is_permitted:
            return ruling
        bound = self._judge(owner_of(standing), action, subject, given)
        if not bound.is_permitted:
            return Ruling(is_permitted=False, policies=bound.policies)
        return replace(ruling, areas=common_areas(ruling.areas, bound.areas))

    def _judge(self, standing: Standing, action: Action, subject: Subject, given: Confirmations) -> Ruling:
        permitted: list[Scopes] = []
        reasons: list[str] = []
        missing: Literal["", "step-up", "signed-act", "second-person"] = ""
        # With everything given: whether the roles are the reason.
        everything = Confirmations(has_assertion=True, is_approved=True)
        present = replace(standing, step_up_age=STEP_UP_LASTS)
        for within in slices_of(standing):
            verdict = self._policies.ask(
                question_of(standing, action, subject, given, settings=self.settings, within=within)
            )
            if verdict.is_permitted:
                permitted.append(within[0])
                reasons += verdict.policies
                if not subject.is_limited:
                    break
                continue
            best = self._policies.ask(
                question_of(present, action, subject, everything, settings=self.settings, within=within)
            )
            if best.is_permitted:
                missing = next((each for each in _GIVEABLE if each in verdict.policies), "")
            if not permitted:
                reasons += verdict.policies
        if not permitted:
            return Ruling(is_permitted=False, policies=_unique(reasons), missing=missing)
        return Ruling(is_permitted=True, policies=_unique(reasons), areas=areas_of(permitted))

    def actions_of(self, standing: Standing) -> tuple[Action, ...]:
        """Return what somebody may do somewhere, had they given every confirmation; takes some milliseconds."""
        present = replace(standing, step_up_age=STEP_UP_LASTS)
        given = Confirmations(has_assertion=True, is_approved=True)
        somewhere = Subject(is_limited=True)
        return tuple(each for each in Action if self.decide(present, each, somewhere, given).is_permitted)

    def actions_of_roles(self) -> Mapping[str, tuple[Action, ...]]:
        """Return what each built-in role gives to a person everywhere; asked of the policies once."""
        if self._given is None:
            asker = Asker(organization_id=OrganizationId(""), actor=_NOBODY, method="passkey", may_let_in=True)
            self._given = {
                role.value: self.actions_of(Standing(asker=asker, holdings=(Holding(role),))) for role in Role
            }
        return self._given

    async def note_refusal(
        self,
        standing: Standing,
        action: Action,
        operation: str,
        *,
        target: str = "",
        reason: str,
        details: Mapping[str, Any],  # Any: JSON values
    ) -> None:
        """Put on record, once a minute, that somebody was refused; a store that is away keeps nobody refused."""
        asker = standing.asker
        key = (asker.actor.id, operation)
        now_s = self._clock.monotonic_s()
        if now_s - self._refused_s.get(key, -REFUSED_EVERY_S) < REFUSED_EVERY_S:
            return
        self._refused_s[key] = now_s
        self._refused_s.move_to_end(key)
        while len(self._refused_s) > _REFUSED_MAX:
            self._refused_s.popitem(last=False)
        entry = Entry(
            organization_id=asker.organization_id,
            actor=asker.actor,
            action="operators.refuse_act",
            target=target[:_TEXT_MAX_CHARS] or operation[:_TEXT_MAX_CHARS],
            decision="denied",
            reason=reason,
            details={
                "operation": operation,
                "action": action.value,
                "method": asker.method,
                "address": asker.address,
                "roles": sorted({str(each.role) for each in standing.holdings}),
                "policies_sha256": self.policies_sha256,
                **details,
            },
        )

        def write(tx: Transaction) -> None:
            self._ledger.append(tx, entry)

        try:
            await self._store.write(write)
        except StoreUnavailable as problem:
            log.warning("a refusal is not on record", extra={"cause": problem.code, "operation": operation})

    async def note_bulk_read(self, standing: Standing, size_bytes: int) -> None:
        """Put on record, as an alarm, that somebody has read very much at a stretch."""
        asker = standing.asker
        log.warning("very much was read in bulk", extra={"actor": asker.actor.id, "size_bytes": size_bytes})
        entry = Entry(
            organization_id=asker.organization_id,
            actor=asker.actor,
            action="operators.note_bulk_read",
            target=asker.actor.id,
            target_name=asker.actor.name,
            reason="over the mark for an alarm: access.bulk_read_alarm_mb",
            details={"size_bytes": size_bytes, "method": asker.method, "address": asker.address},
        )

        def write(tx: Transaction) -> None:
            self._ledger.append(tx, entry)

        try:
            await self._store.write(write)
        except StoreUnavailable as problem:
            log.warning("an alarm is not on record", extra={"cause": problem.code})

    def _bound(self, connection: sa.Connection, asker: Asker, own: tuple[Holding, ...]) -> Standing:
        held = self._roles.held_by_person(connection, asker.organization_id, asker.owner_id or "")
        return Standing(asker=asker, holdings=own, bound=held)

    def _look_up(self, connection: sa.Connection, asker: Asker, own: tuple[Holding, ...]) -> Standing:
        organization_id = asker.organization_id
        if asker.person_id is None:
            held = self._roles.held_by_link(connection, organization_id, asker.link_id or "")
            return Standing(asker=asker, holdings=(*held, *own))
        at = asker.stepped_up_at
        return Standing(
            asker=asker,
            holdings=(*self._roles.held_by_person(connection, organization_id, asker.person_id), *own),
            has_passkey=role_repository.has_passkey(connection, organization_id, asker.person_id),
            step_up_age=None if at is None else self._clock.now() - at,
        )


def _unique(reasons: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reasons))
