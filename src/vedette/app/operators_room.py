"""The operators' room, built from what control is told."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vedette.app.roles import ApiRole
from vedette.kernel import Clock, IdSource
from vedette.ledger import Ledger
from vedette.operators import (
    Ceremonies,
    Challenges,
    DeviceFlowService,
    Logins,
    PasskeyService,
    PeopleService,
    ServicePolicyService,
    ServiceTokenService,
    SessionService,
    SessionSettings,
    SignIn,
    relying_party,
)
from vedette.pki import SecretBox
from vedette.store import Store

_CHALLENGES: Final = b"vedette: challenges of passkey ceremonies"


@dataclass(frozen=True, slots=True)
class OperatorsRoom:
    """Its services."""

    people: PeopleService
    sessions: SessionService
    passkeys: PasskeyService
    service_policies: ServicePolicyService
    sign_in: SignIn


def build_operators_room(
    role: ApiRole,
    store: Store,
    ledger: Ledger,
    *,
    hostname: str,
    service_names: tuple[str, ...],
    secret: bytes,
    clock: Clock,
    ids: IdSource,
) -> OperatorsRoom:
    """Build it.

    Args:
        role: How the door is reached, and how long sessions last.
        store: Open and migrated.
        ledger: Of the platform.
        hostname: What browsers bind passkeys to.
        service_names: What tokens of the service API may name.
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
    passkeys = PasskeyService(
        store,
        ledger,
        people,
        logins,
        ceremonies=Ceremonies(party),
        challenges=Challenges(hmac.digest(secret, _CHALLENGES, "sha256"), clock=clock, ids=ids),
        clock=clock,
        ids=ids,
    )
    policies = ServicePolicyService(
        store, ledger, SecretBox(secret, ids=ids), hostnames=service_names, clock=clock, ids=ids
    )
    sign_in = SignIn(
        service_tokens=ServiceTokenService(store, ledger, clock=clock, ids=ids),
        device_flow=DeviceFlowService(store, ledger, people, logins, clock=clock, ids=ids),
    )
    sessions = SessionService(store, ledger, logins, clock=clock, ids=ids)
    return OperatorsRoom(people, sessions, passkeys, policies, sign_in)
