"""The decision point for other systems, built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vedette.access import (
    Applications,
    DecisionPoint,
    OutsideDecisions,
    PeopleDecisionPoint,
    PolicyAdministrator,
    PolicyStore,
)
from vedette.app.operators_room import OperatorsRoom
from vedette.bus import BusConnection
from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.pki.records import SymmetricKeyService
from vedette.registry import PlaceService
from vedette.store import Store
from vedette.trust import OtherSession, RecordSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideRoom:
    """Its services."""

    point: DecisionPoint
    people: PeopleDecisionPoint
    applications: Applications
    decisions: OutsideDecisions


def build_outside_room(
    organization_id: OrganizationId,
    store: Store,
    devices: BusConnection,
    *,
    administrator: PolicyAdministrator,
    bundles: PolicyStore,
    signer: RecordSigner,
    keys: SymmetricKeyService,
    operators: OperatorsRoom,
    other_session: Callable[[str, str], OtherSession | None],
    applications: Applications,
    clock: Clock,
    ids: IdSource,
) -> OutsideRoom:
    """Build it.

    Args:
        organization_id: Whose identities and people.
        store: Open and migrated.
        devices: Connection of the account that may write DECISIONS.
        administrator: Has the records.
        bundles: Knows the policies in force.
        signer: The administrator's key.
        keys: Judges tokens that brokers hand on.
        operators: Know people and programs.
        other_session: Where else an identity is, or was last.
        applications: Decide about what is theirs.
        clock: Source of time.
        ids: Source of ids.
    """
    return OutsideRoom(
        point=DecisionPoint(
            organization_id,
            administrator,
            bundles,
            store,
            public_key=signer.public_key,
            keys=keys,
            other_session=other_session,
            clock=clock,
        ),
        people=PeopleDecisionPoint(
            organization_id,
            operators.rights.authorization,
            operators.people,
            operators.sign_in.service_tokens,
            PlaceService(store),
            clock=clock,
        ),
        applications=applications,
        decisions=OutsideDecisions(organization_id, devices, clock=clock, ids=ids),
    )
