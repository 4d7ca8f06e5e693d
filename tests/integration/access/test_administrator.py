"""The policy administrator on real databases, judged by what an enforcement point makes of its records."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vedette.access import AccessService, FirstUses, OpeningKeys, PolicyAdministrator, PostureUnavailable, RoomFacts
from vedette.bus.contract import OpenSession, PostureChanges
from vedette.kernel import Clock, GenerationId, OrganizationId, RandomIds, SystemClock
from vedette.ledger import Actor, Ledger
from vedette.pki import SecretBox
from vedette.pki.records import CertificateService, SymmetricKeyService, VouchedCertificates
from vedette.pki.signer import SignerClient
from vedette.registry import (
    Authentication,
    AuthenticationType,
    ClockGuard,
    CredentialRecords,
    Device,
    DeviceNotFound,
    DeviceService,
    NewDevice,
    Register,
)
from vedette.simulation import ManualClock
from vedette.store import Store
from vedette.trust import (
    EMPTY_ROOT,
    Lifecycle,
    OpeningRequest,
    PostureView,
    RecordSigner,
    Replayed,
    TrustAnchor,
    Untrusted,
    extend_root,
)

ACTOR = Actor("operator", "test")
POLICY_HASH = "0" * 64


@dataclass
class House:
    organization_id: OrganizationId
    devices: DeviceService
    administrator: PolicyAdministrator
    access: AccessService
    signer: RecordSigner
    published: list[tuple[GenerationId, int, bytes]]
    store: Store

    def view(self, clock: Clock | None = None) -> PostureView:
        return PostureView(self.anchor(), POLICY_HASH, clock or SystemClock())

    def anchor(self) -> TrustAnchor:
        return TrustAnchor(
            schema=1,
            organization_id=self.organization_id,
            hostnames=("localhost",),
            id_scope="0ne00000000",
            administrator_key=self.signer.public_key,
            root_certificate="",
        )

    async def create(self, name: str, digest: str = "a" * 64) -> Device:
        pinned = Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint=digest)
        new = NewDevice(device_id=name, authentication=pinned)
        return await self.devices.create(self.organization_id, new, actor=ACTOR)

    async def open(self, name: str, nonce: bytes = b"n" * 16, digest: str | None = None) -> bytes:
        request = OpenSession(
            organization_id=self.organization_id,
            gateway="gateway-1",
            device_id=name,
            module_id=None,
            nonce=nonce,
            certificate_sha256=digest,
            remote_address="127.0.0.1",
        )
        return (await self.access.open_session(request)).opening


@pytest.fixture
async def house(store: Store, tmp_path: Path) -> House:
    clock = SystemClock()
    ids = RandomIds(clock)
    organization_id = OrganizationId(ids.new("org"))
    ledger = Ledger(store, clock=clock, ids=ids)
    # Pinned devices only: the signer is never asked.
    certificates = CertificateService(store, ledger, SignerClient(tmp_path / "signer.sock"), clock=clock, ids=ids)
    keys = SymmetricKeyService(store, ledger, SecretBox(b"k" * 32, ids=ids), hostnames=("hub",), clock=clock, ids=ids)
    credentials = CredentialRecords(certificates, keys, VouchedCertificates(ledger, clock=clock), clock=clock)
    register = Register(ledger, credentials, clock=clock, ids=ids)
    devices = DeviceService(store, ledger, certificates, register, ClockGuard(clock))
    signer = RecordSigner(Ed25519PrivateKey.generate())
    administrator = PolicyAdministrator(
        organization_id, store, signer, RoomFacts(credentials), clock=clock, policy_hash=POLICY_HASH
    )
    ledger.project("posture", administrator.project)
    published: list[tuple[GenerationId, int, bytes]] = []
    administrator.publish_to(lambda *told: published.append(told))
    await administrator.start()
    uses = FirstUses(organization_id, store, credentials, register)
    access = AccessService(
        organization_id,
        administrator,
        store,
        signer,
        uses.note,
        keys=keys,
        opening_keys=OpeningKeys(signer, clock=clock, ids=ids),
        clock=clock,
    )
    return House(organization_id, devices, administrator, access, signer, published, store)


def ask(name: str, nonce: bytes = b"n" * 16) -> OpeningRequest:
    return OpeningRequest(nonce=nonce, device_id=name, module_id=None)


@pytest.mark.anyio
async def test_a_change_is_signed_numbered_and_published_before_the_act_returns(house: House) -> None:
    device = await house.create("pump-7")
    await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="lost")
    assert [sequence for _, sequence, _ in house.published] == [1, 2]
    view = house.view()
    view.accept_head(house.signer.sign_head(house.administrator.head()))
    record = view.accept_opening(await house.open("pump-7"), ask("pump-7")).record
    assert record is not None
    assert record.generation_id == device.generation_id
    assert record.registration.value is not None
    assert not record.registration.value.is_enabled


@pytest.mark.anyio
async def test_only_the_section_that_changed_gets_a_new_revision(house: House) -> None:
    await house.create("pump-7")
    await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="lost")
    record = await house.administrator.find("pump-7", None)
    assert record is not None
    assert record.registration.revision == 2
    assert record.credentials.revision == record.placement.revision == record.quarantine.revision == 1


@pytest.mark.anyio
async def test_a_view_follows_pushed_changes_to_the_head_without_a_gap(house: House) -> None:
    view = house.view(ManualClock(SystemClock().now()))  # a head is fresh for seconds only
    view.accept_head(house.signer.sign_head(house.administrator.head()))
    for number in range(5):
        await house.create(f"pump-{number}", digest=f"{number:064x}")
    for _, _, signed in house.published:
        view.accept_change(signed)
    view.accept_head(house.signer.sign_head(house.administrator.head()))
    assert view.sequence == 5
    assert not view.has_gap
    assert not view.is_stale()


@pytest.mark.anyio
async def test_a_suppressed_change_is_a_gap_that_a_resync_closes(house: House) -> None:
    view = house.view()
    view.accept_head(house.signer.sign_head(house.administrator.head()))
    await house.create("pump-1")
    await house.create("pump-2", digest="b" * 64)
    view.accept_change(house.published[1][2])
    assert view.has_gap
    assert view.is_stale()
    reply = await house.access.changes(
        PostureChanges(organization_id=house.organization_id, gateway="gateway-1", epoch=1, after_sequence=0)
    )
    records = view.accept_resync(reply.records, reply.head, is_complete=not reply.more)
    assert [record.device_id for record in records] == ["pump-1", "pump-2"]
    assert not view.has_gap


@pytest.mark.anyio
async def test_changes_come_in_pages(house: House) -> None:
    for number in range(5):
        await house.create(f"pump-{number}", digest=f"{number:064x}")
    request = PostureChanges(
        organization_id=house.organization_id, gateway="gateway-1", epoch=1, after_sequence=0, limit=2
    )
    reply = await house.access.changes(request)
    assert len(reply.records) == 2
    assert reply.more


@pytest.mark.anyio
async def test_an_older_opening_cannot_be_replayed(house: House) -> None:
    await house.create("pump-7")
    before = await house.open("pump-7", nonce=b"1" * 16)
    await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="lost")
    view = house.view()
    with pytest.raises(Replayed):
        view.accept_opening(before, ask("pump-7", nonce=b"2" * 16))


@pytest.mark.anyio
async def test_an_answer_about_another_identity_is_not_believed(house: House) -> None:
    await house.create("pump-7")
    with pytest.raises(Untrusted):
        house.view().accept_opening(await house.open("pump-7"), ask("pump-8"))


@pytest.mark.anyio
async def test_a_record_signed_by_anyone_else_is_not_believed(house: House) -> None:
    await house.create("pump-7")
    record = await house.administrator.find("pump-7", None)
    assert record is not None
    forged = RecordSigner(Ed25519PrivateKey.generate()).sign_record(record)
    with pytest.raises(Untrusted):
        house.view().accept_change(forged)


@pytest.mark.anyio
async def test_an_unknown_name_is_answered_with_a_signed_absence_and_seen_once_created(house: House) -> None:
    assert house.view().accept_opening(await house.open("pump-7"), ask("pump-7")).record is None
    await house.create("pump-7")
    assert house.view().accept_opening(await house.open("pump-7"), ask("pump-7")).record is not None


@pytest.mark.anyio
async def test_a_deleted_identity_ends_and_its_name_inherits_nothing(house: House) -> None:
    first = await house.create("pump-7")
    await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR, reason="scrapped")
    view = house.view()
    end = view.accept_change(house.published[-1][2])
    assert end.registration.value is not None
    assert end.registration.value.lifecycle is Lifecycle.RETIRED
    assert end.credentials.value is not None
    assert end.credentials.value.certificates == ()
    assert view.accept_opening(await house.open("pump-7"), ask("pump-7")).record is None
    second = await house.create("pump-7", digest="b" * 64)
    assert second.generation_id != first.generation_id
    record = view.accept_opening(await house.open("pump-7"), ask("pump-7")).record
    assert record is not None
    assert record.credentials.value is not None
    assert [each.digest for each in record.credentials.value.certificates] == ["b" * 64]


@pytest.mark.anyio
async def test_a_refused_act_leaves_no_record(house: House) -> None:
    with pytest.raises(DeviceNotFound):
        await house.devices.disable(house.organization_id, "nobody", actor=ACTOR, reason="lost")
    assert house.published == []
    assert house.administrator.head().sequence == 0


@pytest.mark.anyio
async def test_the_root_can_be_computed_from_the_published_records(house: House) -> None:
    for number in range(3):
        await house.create(f"pump-{number}", digest=f"{number:064x}")
    root = EMPTY_ROOT
    for _, _, signed in house.published:
        root = extend_root(root, signed)
    assert house.administrator.head().root_hash == root


@pytest.mark.anyio
async def test_records_and_sequence_survive_a_restart(house: House) -> None:
    await house.create("pump-7")
    again = PolicyAdministrator(
        house.organization_id,
        house.store,
        house.signer,
        RoomFacts.__new__(RoomFacts),
        clock=SystemClock(),
        policy_hash=POLICY_HASH,
    )
    await again.start()
    assert again.head().sequence == 1
    assert await again.find("pump-7", None) == await house.administrator.find("pump-7", None)


@pytest.mark.anyio
async def test_what_was_committed_unheard_is_told_and_no_longer_answered_from_memory(house: House) -> None:
    await house.create("pump-7")
    await house.create("pump-8", digest="b" * 64)
    unheard = PolicyAdministrator(
        house.organization_id,
        house.store,
        house.signer,
        house.administrator._facts,
        clock=SystemClock(),
        policy_hash=POLICY_HASH,
    )
    told: list[tuple[GenerationId, int, bytes]] = []
    unheard.publish_to(lambda *each: told.append(each))
    await unheard.start()
    assert await unheard.find("pump-7", None) is not None
    assert await unheard.find("pump-8", None) is not None
    await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="stolen")
    await house.devices.delete(house.organization_id, "pump-8", actor=ACTOR)
    assert (unheard.head().sequence, await unheard.catch_up()) == (2, 0)  # it might be about to be told
    assert await unheard.catch_up() == 2
    assert told == house.published[-2:]
    record = await unheard.find("pump-7", None)
    assert record is not None
    assert record.registration.value is not None
    assert not record.registration.value.is_enabled
    assert await unheard.find("pump-8", None) is None
    assert unheard.head().sequence == house.administrator.head().sequence == 4
    assert unheard.head().root_hash == house.administrator.head().root_hash
    assert await unheard.catch_up() == 0
    assert (await house.administrator.catch_up(), await house.administrator.catch_up()) == (0, 0)


@pytest.mark.anyio
async def test_a_higher_epoch_ends_all_older_records(house: House) -> None:
    await house.create("pump-7")
    old = house.published[0][2]
    view = house.view()
    view.accept_head(house.signer.sign_head(house.administrator.head()))
    assert await house.administrator.rewrite_all(raise_epoch=True) == 1
    view.accept_head(house.signer.sign_head(house.administrator.head()))
    with pytest.raises(Replayed):
        view.accept_change(old)


@pytest.mark.anyio
async def test_a_thousand_devices_are_disabled_in_one_act(house: House) -> None:
    names = [f"pump-{number}" for number in range(200)]
    for number, name in enumerate(names):
        await house.create(name, digest=f"{number:064x}")
    await house.devices.set_enabled_many(
        house.organization_id, names, is_enabled=False, actor=ACTOR, reason="site closed"
    )
    assert house.administrator.head().sequence == 400
    assert len({sequence for _, sequence, _ in house.published}) == 400


@pytest.mark.anyio
async def test_a_first_permitted_use_makes_a_device_active_once(house: House) -> None:
    device = await house.create("pump-7")
    assert await house.access._note_uses([(device.generation_id, "a" * 64)])
    assert await house.access._note_uses([(device.generation_id, "a" * 64)])
    after = await house.devices.get(house.organization_id, "pump-7")
    assert after.lifecycle is Lifecycle.ACTIVE
    assert [sequence for _, sequence, _ in house.published] == [1, 2]


@pytest.mark.anyio
async def test_an_opening_of_another_organization_is_refused(house: House) -> None:
    request = OpenSession(
        organization_id="org_" + "0" * 26,
        gateway="gateway-1",
        device_id="pump-7",
        module_id=None,
        nonce=os.urandom(16),
        certificate_sha256=None,
        remote_address="127.0.0.1",
    )
    with pytest.raises(Exception, match="another organization"):
        await house.access.open_session(request)


@pytest.mark.anyio
async def test_large_records_are_handed_out_in_pages_that_the_bus_can_carry(house: House) -> None:
    tags = {f"key{number}": "x" * 1000 for number in range(7)}
    for number in range(120):
        pinned = Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint=f"{number:064x}")
        new = NewDevice(device_id=f"pump-{number}", authentication=pinned, tags=tags)
        await house.devices.create(house.organization_id, new, actor=ACTOR)
    view = house.view()
    view.accept_head(house.signer.sign_head(house.administrator.head()))
    after, believed, pages = 0, 0, 0
    while True:
        reply = await house.access.changes(
            PostureChanges(organization_id=house.organization_id, gateway="g", epoch=1, after_sequence=after)
        )
        assert sum(map(len, reply.records)) < 800_000
        records = view.accept_resync(reply.records, reply.head, is_complete=not reply.more)
        believed, pages, after = believed + len(records), pages + 1, records[-1].sequence
        if not reply.more:
            break
    assert (believed, pages) == (120, 2)


@pytest.mark.anyio
async def test_nothing_is_vouched_for_while_the_ledger_is_altered(house: House) -> None:
    await house.create("pump-1")
    may_vouch = False
    house.administrator.vouch_while(lambda: may_vouch)
    with pytest.raises(PostureUnavailable):
        house.administrator.head()
    with pytest.raises(PostureUnavailable):
        await house.open("pump-1")
    may_vouch = True
    assert house.administrator.head().sequence == 1
    await house.open("pump-1")
