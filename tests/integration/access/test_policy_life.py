"""The life of a policy on real databases: stored, simulated on records, approved, staged, and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from policy_house import ANNA, BERT, HOST, House, bundle, laxer, open_policy_house, stricter
from posture import make_record, section

from vedette.access import (
    ApprovalMissing,
    ApprovalRefused,
    PoliciesMovedOn,
    PolicyBundleDamaged,
    PolicyBundleFlawed,
    PolicyBundleInUse,
    PolicyBundleNotFound,
    PolicyStore,
    SimulationBusy,
    SimulationEnded,
    SimulationMissing,
    SimulationNotFound,
    Stage,
    StageRefused,
    read_policy_hash,
    simulation,
)
from vedette.access import repository as records
from vedette.access.policy_repository import policy_bundles
from vedette.bus.contract import FetchPolicies
from vedette.kernel import GenerationId, RandomIds, SystemClock
from vedette.ledger import Actor
from vedette.registry import NewGroup
from vedette.store import Store
from vedette.trust import (
    Health,
    PolicyBundle,
    RecordSigner,
    RiskLevel,
    Site,
    decode_bundle,
    decode_manifest,
    default_bundle,
    default_manifest,
)
from vedette.trust.replay import Chunk, Replayed


@pytest.fixture
async def house(store: Store) -> AsyncIterator[House]:
    async with open_policy_house(store) as opened:
        yield opened


@pytest.fixture
def may_replay(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let no simulation come to its end before this is set."""
    event, replay = asyncio.Event(), simulation._Worker.replay

    async def replay_when_set(worker: simulation._Worker, chunk: Chunk) -> Replayed:
        await event.wait()
        return await replay(worker, chunk)

    monkeypatch.setattr(simulation._Worker, "replay", replay_when_set)
    return event


@pytest.mark.anyio
async def test_the_shipped_policies_are_the_first_stable_ones_and_heads_name_them(house: House) -> None:
    stable = await house.bundles.get("stable")
    assert stable.content == default_bundle()
    assert stable.stage is Stage.STABLE
    assert house.administrator.head().policy_hash == default_manifest().sha256
    assert await read_policy_hash(house.store, house.organization_id) == default_manifest().sha256
    await house.life.start()
    assert (await house.actions()).count("access.store_policies") == 1


@pytest.mark.anyio
async def test_a_restricting_bundle_goes_from_draft_to_everyone_and_back(house: House) -> None:
    await house.add_fleet(north=6, south=3)
    draft = await house.bundles.add(stricter(), name="south is closed", actor=ANNA)
    assert draft.stage is Stage.DRAFT
    with pytest.raises(SimulationMissing):
        await house.life.promote("2", actor=ANNA)

    report = await house.simulate("2")
    assert (report.identities, report.changed, report.assumed) == (9, 3, 9)
    assert (report.totals.newly_denied, report.totals.newly_allowed) == (3, 0)
    assert report.by_site["south"].newly_denied == 3
    assert report.by_action["connect"].newly_denied == 3
    assert report.by_policy["no-telemetry-in-the-south"].newly_denied == 3
    assert {sample.site for sample in report.samples} == {"south"}

    await house.life.shadow("2", actor=ANNA)
    assert (await house.bundles.get("shadow")).stored.number == 2
    group = await house.groups.create(house.organization_id, NewGroup(name="brave"), actor=ANNA)
    staging = await house.life.canary("2", "brave", actor=ANNA, reason="a try")
    assert (staging.canary_group, staging.shadow) == (group.group_id, "")
    assert (staging.changed_by, staging.changed_by_name) == (f"{ANNA.kind}:{ANNA.id}", ANNA.name)
    assert (await house.bundles.staging()).changed_by_name == ANNA.name
    assert staging.manifest.sha256 == house.administrator.head().policy_hash

    staging = await house.life.promote("2", actor=ANNA)
    assert (staging.stable, staging.canary) == (draft.stored.sha256, "")
    assert (await house.bundles.get("2")).stage is Stage.STABLE
    assert (await house.bundles.get("1")).stage is Stage.FORMER
    with pytest.raises(StageRefused):
        await house.life.promote("2", actor=ANNA)

    back = await house.life.roll_back(actor=BERT, reason="too strict")
    assert back.manifest == default_manifest()
    assert house.administrator.head().policy_hash == default_manifest().sha256
    with pytest.raises(StageRefused):
        await house.life.roll_back(actor=BERT)
    acts = [action for action in await house.actions() if action.startswith("access.")]
    assert acts == [
        "access.store_policies",
        "access.store_policies",
        "access.simulate_policies",
        "access.shadow_policies",
        "access.canary_policies",
        "access.promote_policies",
        "access.roll_back_policies",
    ]


@pytest.mark.anyio
async def test_what_newly_allows_something_needs_a_second_person(house: House) -> None:
    await house.add_fleet(north=2, south=0, risk=RiskLevel.HIGH)
    await house.bundles.add(laxer(), name="risk is fine", actor=ANNA)
    with pytest.raises(SimulationMissing):
        await house.life.approve("2", actor=BERT, is_host=False, reason="fine")
    report = await house.simulate("2")
    assert report.totals.newly_allowed == 2
    standing = await house.life.standing("2")
    assert standing.is_widening
    assert len(standing.missing) == 1
    with pytest.raises(ApprovalMissing):
        await house.life.promote("2", actor=ANNA)
    with pytest.raises(ApprovalRefused, match="their own"):
        await house.life.approve("2", actor=ANNA, is_host=False, reason="mine")
    with pytest.raises(ApprovalRefused, match="host's token"):
        await house.life.approve("2", actor=HOST, is_host=True, reason="quick")
    await house.life.approve("2", actor=BERT, is_host=False, reason="seen")
    assert (await house.life.standing("2")).missing == ()
    await house.life.promote("2", actor=ANNA)


@pytest.mark.anyio
async def test_an_approval_does_not_stand_for_more_than_was_seen(house: House) -> None:
    await house.add_fleet(north=1, south=0, risk=RiskLevel.HIGH)
    await house.bundles.add(laxer(), name="risk is fine", actor=ANNA)
    await house.simulate("2")
    await house.life.approve("2", actor=BERT, is_host=False, reason="one device")
    ids = RandomIds(SystemClock())
    record = make_record(
        organization_id=house.organization_id,
        generation_id=GenerationId(ids.new("dev")),
        device_id="late",
        sequence=99,
        health=section("health", Health(risk_level=RiskLevel.HIGH)),
    )
    new = records.NewRecord(
        organization_id=house.organization_id,
        generation_id=record.generation_id,
        device_id="late",
        module_id="",
        sequence=99,
        is_deleted=False,
        signed=house.signer.sign_record(record),
    )
    await house.store.write(lambda tx: records.save_records(tx.connection, [new], replaced=()))
    assert (await house.simulate("2")).totals.newly_allowed == 2
    with pytest.raises(ApprovalMissing):
        await house.life.promote("2", actor=ANNA)


@pytest.mark.anyio
async def test_who_is_alone_approves_with_the_hosts_token_and_it_stands_on_record(house: House) -> None:
    house.people[0] = 1
    await house.add_fleet(north=1, south=0, risk=RiskLevel.HIGH)
    await house.bundles.add(laxer(), name="risk is fine", actor=ANNA)
    await house.simulate("2")
    with pytest.raises(ApprovalRefused):
        await house.life.approve("2", actor=ANNA, is_host=False, reason="alone")
    await house.life.approve("2", actor=HOST, is_host=True, reason="alone")
    await house.life.promote("2", actor=ANNA)
    entries = await house.ledger.entries(house.organization_id, limit=1000)
    (approved,) = [entry for entry in entries if entry.action == "access.approve_policies"]
    assert approved.details["alone"] is True


@pytest.mark.anyio
async def test_what_no_person_has_stored_needs_two_people(house: House) -> None:
    await house.bundles.add(laxer(), name="from a pipeline", actor=Actor("service", "tok_ci"))
    await house.simulate("2")
    with pytest.raises(ApprovalRefused, match="only a person"):
        await house.life.approve("2", actor=Actor("service", "tok_other"), is_host=False, reason="me too")
    with pytest.raises(ApprovalRefused, match="only a person"):
        await house.life.approve("2", actor=Actor("operator", "link:1"), is_host=False, reason="by a link")
    await house.life.approve("2", actor=ANNA, is_host=False, reason="seen")
    with pytest.raises(ApprovalMissing):
        await house.life.promote("2", actor=ANNA)
    await house.life.approve("2", actor=BERT, is_host=False, reason="seen too")
    await house.life.promote("2", actor=ANNA)


@pytest.mark.anyio
async def test_other_sites_widen_even_where_the_simulation_finds_nothing(house: House) -> None:
    shipped = default_bundle()
    moved = PolicyBundle(shipped.schema_text, shipped.policies_text, {"north": Site(networks=("10.0.0.0/8",))}, "")
    await house.bundles.add(moved, name="sites", actor=ANNA)
    assert (await house.simulate("2")).totals.newly_allowed == 0
    with pytest.raises(ApprovalMissing, match="sites"):
        await house.life.promote("2", actor=ANNA)


@pytest.mark.anyio
async def test_a_flawed_bundle_is_not_stored(house: House) -> None:
    for text in ("permit (", "permit (principal, action, resource) when { principal.colour == 1 };"):
        with pytest.raises(PolicyBundleFlawed):
            await house.bundles.add(bundle(text), name="", actor=ANNA)
    failing = '[[case]]\nname = "impossible"\naction = "connect"\nexpect = "deny"\n'
    with pytest.raises(PolicyBundleFlawed, match="impossible"):
        await house.bundles.add(bundle("", cases_text=failing), name="", actor=ANNA)
    assert len((await house.bundles.list())[0]) == 1


@pytest.mark.anyio
async def test_a_draft_is_discarded_and_what_is_in_force_is_not(house: House) -> None:
    draft = await house.bundles.add(stricter(), name="x", actor=ANNA)
    again = await house.bundles.add(stricter(), name="another name", actor=BERT)
    assert again.stored == draft.stored
    await house.bundles.discard(draft.stored.sha256[:8], actor=ANNA)
    with pytest.raises(PolicyBundleNotFound):
        await house.bundles.get("2")
    with pytest.raises(PolicyBundleInUse):
        await house.bundles.discard("1", actor=ANNA)


@pytest.mark.anyio
async def test_gateways_fetch_exactly_what_the_head_names(house: House) -> None:
    draft = await house.bundles.add(stricter(), name="x", actor=ANNA)
    await house.life.shadow("2", actor=ANNA)
    request = FetchPolicies(
        organization_id=house.organization_id,
        gateway="gateway-1",
        manifest_sha256=house.administrator.head().policy_hash,
        known=[default_bundle().sha256],
    )
    reply = await house.bundles.fetch(request)
    assert decode_manifest(reply.manifest, request.manifest_sha256).shadow == draft.stored.sha256
    assert [decode_bundle(raw).sha256 for raw in reply.bundles] == [draft.stored.sha256]
    assert not reply.more
    await house.life.withdraw(actor=ANNA)
    with pytest.raises(PoliciesMovedOn):
        await house.bundles.fetch(request)


@pytest.mark.anyio
async def test_an_edited_bundle_is_never_handed_out(house: House) -> None:
    weaker = await house.bundles.add(laxer(), name="x", actor=ANNA)
    stable = default_bundle().sha256

    def edit(tx: Any) -> None:
        tx.connection.execute(
            policy_bundles.update()
            .where(policy_bundles.c.sha256 == stable)
            .values(
                encoded=sa.select(policy_bundles.c.encoded)
                .where(policy_bundles.c.sha256 == weaker.stored.sha256)
                .scalar_subquery()
            )
        )

    await house.store.write(edit)
    fresh = PolicyStore(house.organization_id, house.store, house.ledger, house.signer, clock=SystemClock())
    with pytest.raises(PolicyBundleDamaged):
        await fresh.get("stable")
    other = RecordSigner(Ed25519PrivateKey.generate())
    foreign = PolicyStore(house.organization_id, house.store, house.ledger, other, clock=SystemClock())
    with pytest.raises(PolicyBundleDamaged):
        await foreign.get("2")


@pytest.mark.anyio
async def test_control_starts_and_rolls_back_over_a_damaged_bundle(house: House) -> None:
    await house.bundles.add(stricter(), name="x", actor=ANNA)
    await house.simulate("2")
    staging = await house.life.promote("2", actor=ANNA)
    await house.store.write(
        lambda tx: tx.connection.execute(
            policy_bundles.update().where(policy_bundles.c.sha256 == staging.stable).values(encoded=b"damaged")
        )
    )
    async with open_policy_house(house.store, organization_id=house.organization_id, signer=house.signer) as again:
        with pytest.raises(PolicyBundleDamaged):
            await again.bundles.get("stable")
        assert again.administrator.head().policy_hash == staging.manifest.sha256
        back = await again.life.roll_back(actor=BERT, reason="damaged")
    assert back.manifest == default_manifest()


@pytest.mark.anyio
async def test_one_simulation_runs_at_a_time(house: House, may_replay: asyncio.Event) -> None:
    await house.bundles.add(stricter(), name="x", actor=ANNA)
    await house.add_fleet(north=1, south=0)
    await house.simulations.ask("2", actor=ANNA)
    with pytest.raises(SimulationBusy):
        await house.simulations.ask("2", actor=ANNA)
    may_replay.set()


@pytest.mark.anyio
async def test_a_simulation_that_nobody_wants_any_more_is_stopped(house: House, may_replay: asyncio.Event) -> None:
    await house.bundles.add(stricter(), name="x", actor=ANNA)
    await house.add_fleet(north=40, south=0)
    begun = await house.simulations.ask("2", actor=ANNA)
    await house.simulations.stop(begun.simulation_id, actor=BERT)
    may_replay.set()
    for _ in range(2_400):
        simulated, report = await house.simulations.get(begun.simulation_id)
        if simulated.state != "running":
            break
        await asyncio.sleep(0.05)
    assert (simulated.state, simulated.cause, report) == ("failed", "stopped by Bert", None)
    assert "access.stop_simulating_policies" in await house.actions()
    with pytest.raises(SimulationEnded):
        await house.simulations.stop(begun.simulation_id, actor=BERT)
    with pytest.raises(SimulationNotFound):
        await house.simulations.stop("sim_0", actor=BERT)
    assert (await house.simulate("2")).identities == 40
