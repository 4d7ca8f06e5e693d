"""Which events have a posture record composed anew: all but those of rooms that no record is made of."""

from __future__ import annotations

from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vedette.access import PolicyAdministrator
from vedette.kernel import OrganizationId, SystemClock
from vedette.messaging import MethodFinished
from vedette.registry import DesiredPropertiesChanged, DeviceDeleted
from vedette.store import Transaction
from vedette.trust import RecordSigner

ORGANIZATION = OrganizationId("org_1")
GENERATION = "gen_1"
METHOD = MethodFinished(
    organization_id=ORGANIZATION,
    generation_id=GENERATION,
    device_id="pump-7",
    module_id=None,
    call_id="cal_1",
    method="start",
    outcome="answered",
    status=200,
    duration_ms=1,
)
DESIRED = DesiredPropertiesChanged(
    organization_id=ORGANIZATION, generation_id=GENERATION, device_id="pump-7", module_id=None, desired_version=2
)
DELETED = DeviceDeleted(
    organization_id=ORGANIZATION, generation_id=GENERATION, device_id="pump-7", was_in_good_standing=True
)


@pytest.mark.parametrize(("event", "is_concerned"), [(METHOD, False), (DESIRED, False), (DELETED, True)])
def test_a_record_is_composed_anew_for_what_it_is_made_of(event: Any, *, is_concerned: bool) -> None:
    administrator = PolicyAdministrator(
        ORGANIZATION,
        cast("Any", None),
        RecordSigner(Ed25519PrivateKey.generate()),
        cast("Any", None),
        clock=SystemClock(),
        policy_hash="",
    )
    tx = Transaction(cast("Any", None))
    administrator.project(tx, event)
    assert (administrator in tx.state) is is_concerned
