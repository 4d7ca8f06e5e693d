"""Who is asked, behind a door of the tests, whether an operation may be carried out."""

from __future__ import annotations

from collections.abc import Mapping

from vedette.api import AuthorizationDesk, CommandGuard
from vedette.api.operation_actions import OPERATIONS, Operation
from vedette.kernel import Clock, OrganizationId, RandomIds
from vedette.ledger import Ledger
from vedette.operators import (
    ApprovalService,
    AuthorizationService,
    BulkReads,
    BulkReadSettings,
    Ceremonies,
    Challenges,
    CommandSchemaService,
    ConfirmationService,
    RoleService,
    relying_party,
)
from vedette.registry import PlaceService
from vedette.store import Store
from vedette.trust import CedarPolicies, people_bundle

_POLICIES = CedarPolicies(people_bundle())


def desk_of(
    organization_id: OrganizationId,
    store: Store,
    ledger: Ledger,
    clock: Clock,
    *,
    operations: Mapping[str, Operation] = OPERATIONS,
) -> AuthorizationDesk:
    """Return one that works as the real one does.

    Args:
        organization_id: Whose door it is.
        store: Migrated.
        ledger: On the same store.
        clock: Source of time.
        operations: What is known of the operations behind the door.
    """
    ids = RandomIds(clock)
    places = PlaceService(store)
    roles = RoleService(store, ledger, clock=clock, ids=ids)
    party = relying_party("localhost", url="http://localhost", hostnames=("localhost",), port=80)
    return AuthorizationDesk(
        organization_id=organization_id,
        authorization=AuthorizationService(store, ledger, roles, _POLICIES, clock=clock),
        confirmations=ConfirmationService(
            store,
            ledger,
            ceremonies=Ceremonies(party),
            challenges=Challenges(b"c" * 32, clock=clock, ids=ids),
            clock=clock,
        ),
        places=places,
        reads=BulkReads(clock, BulkReadSettings()),
        approvals=ApprovalService(store, ledger, clock=clock, ids=ids),
        guard=CommandGuard(organization_id, CommandSchemaService(store, ledger, clock=clock, ids=ids), places),
        clock=clock,
        operations=operations,
    )
