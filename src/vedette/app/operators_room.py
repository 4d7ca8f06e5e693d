"""The operators' room, built from what control is told."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vedette.app.roles import AccessRole, ApiRole
from vedette.app.single_sign_on import build_sign_in
from vedette.kernel import Clock, IdSource
from vedette.ledger import Ledger
from vedette.operators import (
    Action,
    ApprovalService,
    AuthorizationService,
    AuthorizationSettings,
    BulkReads,
    BulkReadSettings,
    Ceremonies,
    Challenges,
    CommandSchemaService,
    ConfirmationService,
    ElevationService,
    Logins,
    PasskeyService,
    PeopleService,
    ReviewService,
    Rights,
    RoleService,
    RoleSettings,
    ServicePolicyService,
    ServiceTokenService,
    SessionService,
    SessionSettings,
    SignIn,
    relying_party,
)
from vedette.pki import SecretBox
from vedette.store import Store
from vedette.trust import CedarPolicies

_CHALLENGES: Final = b"vedette: challenges of passkey ceremonies"


@dataclass(frozen=True, slots=True)
class OperatorsRoom:
    """Its services."""

    people: PeopleService
    sessions: SessionService
    passkeys: PasskeyService
    service_policies: ServicePolicyService
    sign_in: SignIn
    rights: Rights


def build_operators_room(
    role: ApiRole,
    store: Store,
    ledger: Ledger,
    *,
    access: AccessRole,
    hostname: str,
    service_names: tuple[str, ...],
    policies: CedarPolicies,
    secret: bytes,
    clock: Clock,
    ids: IdSource,
) -> OperatorsRoom:
    """Build it.

    Args:
        role: How the door is reached, and how long sessions last.
        store: Open and migrated.
        ledger: Of the platform.
        access: What acts ask for.
        hostname: What browsers bind passkeys to.
        service_names: What tokens of the service API may name.
        policies: About people and programs.
        secret: Shared by all processes of control; what signs challenges is derived from it, and it seals the keys of
            service policies.
        clock: Source of time.
        ids: Source of ids.
    """
    settings = SessionSettings(
        lifetime=timedelta(hours=role.session_hours),
        idle=timedelta(minutes=role.session_idle_minutes),
        recheck=role.session_recheck,
    )
    logins = Logins(ledger, clock=clock, ids=ids, settings=settings)
    people = PeopleService(store, ledger, logins, clock=clock, ids=ids)
    party = relying_party(hostname, url=role.url, hostnames=role.hostnames, port=role.port)
    ceremonies = Ceremonies(party)
    challenges = Challenges(hmac.digest(secret, _CHALLENGES, "sha256"), clock=clock, ids=ids)
    passkeys = PasskeyService(
        store,
        ledger,
        people,
        logins,
        ceremonies=ceremonies,
        challenges=challenges,
        clock=clock,
        ids=ids,
    )
    service_policies = ServicePolicyService(
        store, ledger, SecretBox(secret, ids=ids), hostnames=service_names, clock=clock, ids=ids
    )
    sign_in = build_sign_in(role, store, ledger, people, logins, secret=secret, clock=clock, ids=ids)
    sessions = SessionService(store, ledger, logins, clock=clock, ids=ids)
    confirmations = ConfirmationService(store, ledger, ceremonies=ceremonies, challenges=challenges, clock=clock)
    rights = _build_rights(
        access,
        store,
        ledger,
        policies,
        confirmations=confirmations,
        programs=(sign_in.service_tokens, service_policies),
        clock=clock,
        ids=ids,
    )
    return OperatorsRoom(people, sessions, passkeys, service_policies, sign_in, rights)


def _build_rights(
    access: AccessRole,
    store: Store,
    ledger: Ledger,
    policies: CedarPolicies,
    *,
    confirmations: ConfirmationService,
    programs: tuple[ServiceTokenService, ServicePolicyService],
    clock: Clock,
    ids: IdSource,
) -> Rights:
    roles = RoleService(store, ledger, clock=clock, ids=ids)
    ledger.project("roles", roles.project)
    settings = AuthorizationSettings(
        step_up=access.step_up,
        signed_acts=access.signed_acts,
        second_approver=frozenset(Action(each) for each in access.second_approver),
    )
    longest = RoleSettings(elevation=timedelta(hours=access.elevation_hours))
    marks = BulkReadSettings(alarm_mb=access.bulk_read_alarm_mb, limit_mb=access.bulk_read_limit_mb)
    tokens, service_policies = programs
    return Rights(
        roles=roles,
        elevations=ElevationService(store, ledger, clock=clock, ids=ids, settings=longest),
        authorization=AuthorizationService(store, ledger, roles, policies, clock=clock, settings=settings),
        confirmations=confirmations,
        reads=BulkReads(clock, marks),
        approvals=ApprovalService(store, ledger, clock=clock, ids=ids, lasts=timedelta(hours=access.approval_hours)),
        reviews=ReviewService(store, ledger, roles, tokens=tokens, policies=service_policies, clock=clock, ids=ids),
        command_schemas=CommandSchemaService(store, ledger, clock=clock, ids=ids),
    )
