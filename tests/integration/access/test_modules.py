"""Records of modules: their own credentials, and in all else what their device is."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from credential_house import CredentialHouse
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from identity_house import ACTOR, RunningSigner

from vedette.access import RoomFacts
from vedette.kernel import GenerationId, SystemClock
from vedette.pki import ForeignSubject, KeySlot, RevocationReason
from vedette.registry import (
    AccessEffect,
    AccessKind,
    Cause,
    DeviceExists,
    DeviceNotFound,
    InvalidModule,
    ModuleExists,
    ModuleNotFound,
)
from vedette.simulation import ManualClock, make_request
from vedette.store import Store
from vedette.trust import (
    EMPTY_ROOT,
    Lifecycle,
    PolicyBundle,
    PolicyEngine,
    Reason,
    RecordVerifier,
    default_bundle,
    extend_root,
)

pytestmark = pytest.mark.anyio
PINNED = {"kind": "self_signed", "thumbprint": "a" * 64}

ALLOWED, OTHER = "sha256:" + "a1" * 32, "sha256:" + "b2" * 32
ONLY_THE_BUILD = f"""
@id("only-the-build-we-know")
@owner("line 3")
@why("A module takes part with the build that was released, and no other.")
@guidance("Release the build, then declare it: vedette module update DEVICE MODULE --workload-digest DIGEST")
forbid (principal is Module, action == Action::"connect", resource)
unless {{ principal has workload && principal.workload.digest == "{ALLOWED}" }};
"""

Act = Callable[[CredentialHouse], Awaitable[Any]]


@pytest.fixture
async def house(store: Store, signer_process: RunningSigner) -> AsyncIterator[CredentialHouse]:
    house = CredentialHouse(store, signer_process, ManualClock(SystemClock().now()))
    yield house
    await house.close()


async def pair(house: CredentialHouse) -> bytes:
    """Make a device with one module, and return the module's key."""
    await house.device(**PINNED)
    keys = (await house.module()).keys
    assert keys is not None
    return keys.keys[0].value


async def reason_of(house: CredentialHouse, key: bytes) -> Reason:
    connect = await house.connect(module_id="filter", password=house.token(key, module_id="filter"))
    return connect.decision.reason


async def test_a_module_with_another_workload_than_policy_wants_is_refused(house: CredentialHouse) -> None:
    key = await pair(house)
    shipped = default_bundle()
    engine = PolicyEngine(PolicyBundle(shipped.schema_text, shipped.policies_text + ONLY_THE_BUILD))

    async def refused_by() -> tuple[str, ...]:
        token = house.token(key, module_id="filter")
        decision = (await house.connect(module_id="filter", password=token, engine=engine)).decision
        return () if decision.is_permitted else decision.policies

    async def declare(workload: dict[str, str] | None) -> None:
        patch = {"workload": workload}
        await house.modules.patch(house.organization_id, "pump-7", "filter", patch, actor=ACTOR, reason="a release")

    assert refused_by_policy(await refused_by()), "nobody declared what runs there"
    await declare({"digest": ALLOWED, "identity": "spiffe://plant/filter"})
    assert await refused_by() == ()
    await declare({"digest": OTHER})
    assert refused_by_policy(await refused_by())
    await declare({"digest": ALLOWED})
    assert await refused_by() == ()
    await declare(None)
    assert refused_by_policy(await refused_by())


def refused_by_policy(policies: tuple[str, ...]) -> bool:
    return policies == ("only-the-build-we-know",)


async def test_a_module_has_a_record_of_its_own_that_names_its_device(house: CredentialHouse) -> None:
    key = await pair(house)
    device, module = await house.record_of(), await house.record_of(module_id="filter")
    assert (module.kind, module.device_id, module.module_id) == ("module", "pump-7", "filter")
    assert module.generation_id.startswith("mod_")
    assert module.device_generation_id == device.generation_id
    assert device.device_generation_id is None
    assert module.registration.value == device.registration.value
    assert module.placement.value == device.placement.value
    assert module.credentials.value != device.credentials.value
    assert await reason_of(house, key) is Reason.PERMITTED


ACTS: list[tuple[str, Reason, Act]] = [
    ("disable", Reason.DISABLED, lambda h: h.devices.disable(h.organization_id, "pump-7", actor=ACTOR, reason="lost")),
    ("retire", Reason.RETIRED, lambda h: h.devices.retire(h.organization_id, "pump-7", actor=ACTOR, reason="old")),
    (
        "quarantine",
        Reason.QUARANTINED,
        lambda h: h.devices.move(
            h.organization_id, "pump-7", Lifecycle.QUARANTINED, actor=ACTOR, reason="odd", cause=Cause.OPERATOR
        ),
    ),
    (
        "block",
        Reason.BLOCKED,
        lambda h: h.lists.add(
            h.organization_id, AccessEffect.BLOCK, AccessKind.DEVICE_ID, "pump-7", actor=ACTOR, reason="odd"
        ),
    ),
    (
        "disable the module alone",
        Reason.DISABLED,
        lambda h: h.modules.patch(h.organization_id, "pump-7", "filter", {"is_enabled": False}, actor=ACTOR),
    ),
    ("delete", Reason.UNKNOWN_IDENTITY, lambda h: h.devices.delete(h.organization_id, "pump-7", actor=ACTOR)),
    (
        "delete the module alone",
        Reason.UNKNOWN_IDENTITY,
        lambda h: h.modules.delete(h.organization_id, "pump-7", "filter", actor=ACTOR),
    ),
]


@pytest.mark.parametrize(("case", "reason", "act"), ACTS)
async def test_what_is_done_to_a_device_reaches_the_live_sessions_of_its_modules(
    house: CredentialHouse, case: str, reason: Reason, act: Act
) -> None:
    key = await pair(house)
    module = await house.record_of(module_id="filter")
    told = len(house.published)
    await act(house)
    verifier = RecordVerifier(house.record_signer.public_key)
    pushed = [
        verifier.record(signed)
        for generation_id, _, signed in house.published[told:]
        if generation_id == module.generation_id
    ]
    assert pushed, "enforcement points are told of the module by its own record"
    expected = {Reason.UNKNOWN_IDENTITY: Lifecycle.RETIRED}
    if reason in expected:
        assert pushed[-1].registration.value is not None
        assert pushed[-1].registration.value.lifecycle is expected[reason]
    assert await reason_of(house, key) is reason
    if "alone" in case:
        assert (await house.record_of()).registration.value.lifecycle is Lifecycle.ONBOARDED  # type: ignore[union-attr] # known


async def test_what_is_done_to_a_module_leaves_its_device_and_its_siblings_alone(house: CredentialHouse) -> None:
    await pair(house)
    await house.module("camera")
    before = await house.record_of(), await house.record_of(module_id="camera")
    await house.modules.patch(house.organization_id, "pump-7", "filter", {"is_enabled": False}, actor=ACTOR)
    assert (await house.record_of(), await house.record_of(module_id="camera")) == before


async def test_a_module_that_is_created_anew_inherits_nothing(house: CredentialHouse) -> None:
    key = await pair(house)
    former = await house.record_of(module_id="filter")
    await house.modules.delete(house.organization_id, "pump-7", "filter", actor=ACTOR)
    await house.module()
    assert (await house.record_of(module_id="filter")).generation_id != former.generation_id
    assert await reason_of(house, key) is Reason.TOKEN_INVALID


async def test_modules_of_one_name_on_two_devices_are_two_identities(house: CredentialHouse) -> None:
    key = await pair(house)
    await house.device("pump-8", kind="self_signed", thumbprint="b" * 64)
    await house.module(device_id="pump-8")
    other = await house.connect("pump-8", "filter", password=house.token(key, device_id="pump-8", module_id="filter"))
    assert other.decision.reason is Reason.TOKEN_INVALID
    assert await reason_of(house, key) is Reason.PERMITTED


async def test_groups_stand_in_the_records_of_devices_and_their_modules(house: CredentialHouse) -> None:
    await pair(house)
    device, module = await house.record_of(), await house.record_of(module_id="filter")
    groups = {device.generation_id: ("grp_a",), module.generation_id: ("grp_b",)}
    facts = RoomFacts(house.credentials, lambda connection, organization_id, generation_ids: groups)
    found = await house.store.read(
        lambda c: facts.read(c, house.organization_id, [device.generation_id], house.clock.now())
    )
    assert {each.generation_id: each.placement.groups for each in found} == {
        device.generation_id: ("grp_a",),
        module.generation_id: ("grp_a", "grp_b"),
    }


async def test_a_modules_first_use_is_its_own(house: CredentialHouse) -> None:
    key = await pair(house)
    connect = await house.connect(module_id="filter", password=house.token(key, module_id="filter"))
    assert connect.opening.token is not None
    generation_id = (await house.record_of(module_id="filter")).generation_id
    assert await house.uses.note([(generation_id, connect.opening.token.key_id)])
    module = await house.modules.get(house.organization_id, "pump-7", "filter")
    assert module.last_connected_at == house.clock.now()
    device = await house.devices.get(house.organization_id, "pump-7")
    assert (device.lifecycle, device.last_connected_at) == (Lifecycle.ONBOARDED, None)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(st.sampled_from(["device", "module", "camera", "disable", "enable", "rotate", "delete"]), max_size=8)
)
async def test_in_whatever_order_all_is_told_without_a_gap(house: CredentialHouse, acts: list[str]) -> None:
    for act in acts:
        # The acts have conditions of their own; what they leave behind is tried below.
        with contextlib.suppress(DeviceExists, DeviceNotFound, ModuleExists, ModuleNotFound):
            await perform(house, act)
    root = EMPTY_ROOT
    verifier = RecordVerifier(house.record_signer.public_key)
    latest: dict[GenerationId, int] = {}
    for number, (generation_id, sequence, signed) in enumerate(house.published, start=1):
        assert sequence == number == verifier.record(signed).sequence
        root = extend_root(root, signed)
        latest[generation_id] = sequence
    assert house.administrator.head().root_hash == root
    assert house.administrator.head().sequence == len(house.published)


# --- modules with certificates of ours ------------------------------------------------------------------------------


async def test_a_module_is_issued_a_certificate_on_an_operators_request(house: CredentialHouse) -> None:
    await house.device(kind="certificate_authority")
    module = (await house.module(kind="issued")).module
    _, csr = make_request("pump-7/filter")
    prepared = await house.modules.issue_certificate(
        house.organization_id, "pump-7", "filter", csr, actor=ACTOR, reason="first"
    )
    leaf = x509.load_der_x509_certificate(prepared.chain[0])
    assert leaf.subject.rfc4514_string() == "CN=pump-7/filter"
    assert (
        module.generation_id
        in leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
            x509.UniformResourceIdentifier
        )[0]
    )
    connect = await house.connect(module_id="filter", leaf=leaf)
    assert connect.decision.is_permitted
    assert not (await house.connect(leaf=leaf)).decision.is_permitted
    assert await house.devices.may_renew(house.organization_id, module.generation_id)
    renewed = await house.certificates.renew(
        organization_id=house.organization_id,
        current_sha256=prepared.certificate.sha256,
        csr=make_request("pump-7/filter")[1],
        actor=ACTOR,
    )
    assert renewed.certificate.subject_name == "pump-7/filter"
    await house.certificates.revoke_all(
        organization_id=house.organization_id,
        generation_id=module.generation_id,
        reason=RevocationReason.KEY_COMPROMISE,
        actor=ACTOR,
    )
    record = await house.record_of(module_id="filter")
    assert house.decide(record, connect.opening, leaf).reason is Reason.CERTIFICATE_NOT_PERMITTED
    with pytest.raises(ForeignSubject):
        await house.modules.issue_certificate(
            house.organization_id, "pump-7", "filter", make_request("pump-7")[1], actor=ACTOR
        )
    await house.module("other", kind="certificate_authority")
    with pytest.raises(InvalidModule):
        await house.modules.issue_certificate(
            house.organization_id, "pump-7", "other", make_request("pump-7/other")[1], actor=ACTOR
        )


async def test_a_module_renews_only_while_it_and_its_device_take_part(house: CredentialHouse) -> None:
    organization_id = house.organization_id
    device = (await house.device(kind="certificate_authority")).device
    module = (await house.module(kind="issued")).module
    assert not await house.devices.may_renew(organization_id, device.generation_id)
    assert await house.devices.may_renew(organization_id, module.generation_id)
    await house.modules.patch(organization_id, "pump-7", "filter", {"is_enabled": False}, actor=ACTOR)
    assert not await house.devices.may_renew(organization_id, module.generation_id)
    await house.modules.patch(organization_id, "pump-7", "filter", {"is_enabled": True}, actor=ACTOR)
    await house.devices.disable(organization_id, "pump-7", actor=ACTOR, reason="lost")
    assert not await house.devices.may_renew(organization_id, module.generation_id)


async def perform(house: CredentialHouse, act: str) -> None:
    organization_id = house.organization_id
    match act:
        case "device":
            await house.device(**PINNED)
        case "module":
            await house.module()
        case "camera":
            await house.module("camera", **PINNED)
        case "disable":
            await house.devices.disable(organization_id, "pump-7", actor=ACTOR, reason="test")
        case "enable":
            await house.devices.enable(organization_id, "pump-7", actor=ACTOR)
        case "rotate":
            await house.modules.rotate_key(organization_id, "pump-7", "filter", KeySlot.PRIMARY, actor=ACTOR)
        case _:
            await house.devices.delete(organization_id, "pump-7", actor=ACTOR)
