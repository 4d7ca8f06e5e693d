"""Whatever happens to devices, in whatever order: the signed records say what the rooms know, without a gap."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from identity_house import ACTOR, HOSTNAME, ID_SCOPE, POLICY_HASH, IdentityHouse, RunningSigner

from vedette.kernel import SystemClock
from vedette.ledger import Actor
from vedette.pki import RevocationReason
from vedette.registry import (
    AccessEffect,
    AccessKind,
    AccessListEntryExists,
    DeviceExists,
    DeviceNotFound,
    NewDevice,
    TransitionNotAllowed,
)
from vedette.simulation import Factory, Identity, ManualClock
from vedette.store import Store, Transaction
from vedette.trust import EMPTY_ROOT, Lifecycle, PostureView, RecordVerifier, TrustAnchor, extend_root

NAMES = ("pump-1", "pump-2", "valve-1")
names = st.sampled_from(NAMES)


class Lives(RuleBasedStateMachine):
    """Devices register, are disabled, enabled, blocked, moved, revoked, used, deleted and created again."""

    signer: RunningSigner

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock(SystemClock().now())
        self.store = Store.open(f"sqlite:///{Path(self.folder.name)}/vedette.db", clock=self.clock, reserve_bytes=0)
        self.store.migrate()
        self.house = IdentityHouse(self.store, self.signer, self.clock)
        self.organization_id = self.house.organization_id
        anchor = TrustAnchor(
            schema=1,
            organization_id=self.organization_id,
            hostnames=(HOSTNAME,),
            id_scope=ID_SCOPE,
            administrator_key=self.house.record_signer.public_key,
            root_certificate="",
        )
        self.view = PostureView(anchor, POLICY_HASH, self.clock)
        self.verifier = RecordVerifier(anchor.administrator_key)
        self.applied = 0
        self.root = EMPTY_ROOT
        self.entries: dict[str, str] = {}
        self.identities: dict[str, Identity] = {}
        self.factory = Factory("Acme", self.clock)
        self.run(self._begin())

    async def _begin(self) -> None:
        await self.house.administrator.start()
        await self.house.open_group(self.factory)
        self._take_head()

    def run(self, work: object) -> None:
        self.loop.run_until_complete(work)  # type: ignore[arg-type] # coroutines of several results
        self.clock.advance(timedelta(milliseconds=5))

    def _take_head(self) -> None:
        self.clock.advance(timedelta(milliseconds=1))
        self.view.accept_head(self.house.record_signer.sign_head(self.house.administrator.head()))

    def teardown(self) -> None:
        self.run(self.house.close())
        self.run(self.store.close())
        self.loop.close()
        self.folder.cleanup()

    @rule(name=names)
    def register(self, name: str) -> None:
        identity = self.identities.setdefault(name, self.factory.make_device(name))
        self.run(self.house.enroll(identity, name))

    @rule(name=names)
    def allow_reenrollment(self, name: str) -> None:
        self._attempt(self.house.locks.allow_reenrollment(self.organization_id, name, actor=ACTOR, reason="again"))

    @rule(name=names)
    def create(self, name: str) -> None:
        self._attempt(self.house.devices.create(self.organization_id, NewDevice(device_id=name), actor=ACTOR))

    @rule(name=names)
    def delete(self, name: str) -> None:
        self._attempt(self.house.devices.delete(self.organization_id, name, actor=ACTOR))

    @rule(name=names)
    def delete_and_create_at_once(self, name: str) -> None:
        async def both() -> None:
            await asyncio.gather(
                self.house.devices.delete(self.organization_id, name, actor=ACTOR),
                self.house.devices.create(self.organization_id, NewDevice(device_id=name), actor=ACTOR),
                return_exceptions=True,
            )

        self.run(both())

    @rule(name=names)
    def disable(self, name: str) -> None:
        self._attempt(self.house.devices.disable(self.organization_id, name, actor=ACTOR, reason="test"))

    @rule(name=names)
    def enable(self, name: str) -> None:
        self._attempt(self.house.devices.enable(self.organization_id, name, actor=ACTOR))

    @rule()
    def disable_all(self) -> None:
        self._attempt(
            self.house.devices.set_enabled_many(
                self.organization_id, NAMES, is_enabled=False, actor=ACTOR, reason="recall"
            )
        )

    @rule(name=names, state=st.sampled_from(Lifecycle))
    def move(self, name: str, state: Lifecycle) -> None:
        self._attempt(self.house.devices.move(self.organization_id, name, state, actor=ACTOR, reason="test"))

    @rule(name=names, site=st.sampled_from(["north", "south", None]))
    def update(self, name: str, site: str | None) -> None:
        self._attempt(self.house.devices.update(self.organization_id, name, {"site": site}, actor=ACTOR))

    @rule(name=names)
    def use(self, name: str) -> None:
        self._attempt(self.house.use(name))

    @rule(name=names)
    def revoke(self, name: str) -> None:
        async def revoke() -> None:
            device = await self.house.devices.get(self.organization_id, name)
            await self.house.certificates.revoke_all(
                organization_id=self.organization_id,
                generation_id=device.generation_id,
                reason=RevocationReason.KEY_COMPROMISE,
                actor=Actor("operator", "ops"),
            )

        self._attempt(revoke())

    @rule(prefix=st.sampled_from(["pump-", "valve-"]), effect=st.sampled_from(AccessEffect))
    def change_list(self, prefix: str, effect: AccessEffect) -> None:
        async def change() -> None:
            key = f"{effect}{prefix}"
            if key in self.entries:
                await self.house.lists.remove(self.organization_id, self.entries.pop(key), actor=ACTOR, reason="test")
                return
            entry = await self.house.lists.add(
                self.organization_id, effect, AccessKind.DEVICE_ID_PREFIX, prefix, actor=ACTOR, reason="test"
            )
            self.entries[key] = entry.entry_id

        self._attempt(change())

    def _attempt(self, work: object) -> None:
        try:
            self.run(work)
        except (DeviceNotFound, DeviceExists, TransitionNotAllowed, AccessListEntryExists):
            pass
        except Exception as problem:
            if getattr(problem, "code", "") != "enrollment.registration_not_found":
                raise

    @invariant()
    def sequences_are_contiguous_and_the_root_can_be_reproduced(self) -> None:
        for generation_id, sequence, signed in self.house.published[self.applied :]:
            self.applied += 1
            assert sequence == self.applied
            record = self.verifier.record(signed)
            assert (record.sequence, record.generation_id) == (sequence, generation_id)
            self.root = extend_root(self.root, signed)
            self.view.accept_change(signed)
        head = self.house.administrator.head()
        assert (head.sequence, head.root_hash) == (self.applied, self.root)
        self._take_head()
        assert not self.view.is_stale()

    @invariant()
    def the_records_say_what_the_rooms_know(self) -> None:
        for name in NAMES:
            self.loop.run_until_complete(self._compare(name))

    async def _compare(self, name: str) -> None:
        record = await self.house.record(name)
        try:
            device = await self.house.devices.get(self.organization_id, name)
        except DeviceNotFound:
            assert record is None
            return
        assert record is not None
        assert record.generation_id == device.generation_id
        registration, credentials = record.registration.value, record.credentials.value
        assert registration is not None
        assert credentials is not None
        assert (registration.lifecycle, registration.is_enabled, registration.is_blocked) == (
            device.lifecycle,
            device.is_enabled,
            device.is_blocked,
        )
        assert record.placement.value is not None
        assert record.placement.value.site == device.site
        held = await self.house.certificates.list_of(self.organization_id, device.generation_id)
        assert {each.digest for each in credentials.certificates} == {
            each.sha256 for each in held if each.revoked_at is None
        }
        allows = [key.removeprefix("allow") for key in self.entries if key.startswith("allow")]
        is_blocked = any(name.startswith(key.removeprefix("block")) for key in self.entries if key[:5] == "block")
        assert device.is_blocked is (is_blocked or (bool(allows) and not name.startswith(tuple(allows))))


def test_records_follow_any_order_of_events(signer_process: RunningSigner) -> None:
    machine = type("OneSigner", (Lives,), {"signer": signer_process})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


@pytest.mark.anyio
async def test_a_name_tried_by_strangers_crowds_nobody_out(
    store: Store, signer_process: RunningSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who was found absent is known to be so for a second.
    house = IdentityHouse(store, signer_process, ManualClock(SystemClock().now()))
    await house.administrator.start()
    await house.devices.create(house.organization_id, NewDevice(device_id="pump-7"), actor=ACTOR)
    for number in range(50):
        assert await house.record(f"ghost-{number}") is None
    for odd in ("", "a\0b", "x" * 300, "a b", "registrations"):
        assert await house.record(odd) is None

    async def unreachable(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(store, "read", unreachable)
    assert await house.record("pump-7") is not None
    assert await house.record("ghost-1") is None
    await house.close()


@pytest.mark.anyio
async def test_a_new_device_is_seen_at_once_by_whoever_asked_too_early(
    store: Store, signer_process: RunningSigner
) -> None:
    house = IdentityHouse(store, signer_process, SystemClock())
    await house.administrator.start()
    assert await house.record("pump-7") is None
    await house.devices.create(house.organization_id, NewDevice(device_id="pump-7"), actor=ACTOR)
    assert await house.record("pump-7") is not None
    await house.close()


@pytest.mark.anyio
async def test_a_reader_that_a_commit_overtakes_gets_the_newer_record(
    store: Store, signer_process: RunningSigner
) -> None:
    house = IdentityHouse(store, signer_process, SystemClock())
    await house.administrator.start()
    for number in range(30):
        name = f"pump-{number}"
        create = house.devices.create(house.organization_id, NewDevice(device_id=name), actor=ACTOR)
        await asyncio.gather(house.record(name), create, house.record(name))
        assert await house.record(name) is not None
    await house.close()


@pytest.mark.anyio
async def test_a_tampered_stored_record_stops_no_restricting_act(store: Store, signer_process: RunningSigner) -> None:
    from vedette.access.repository import posture_records

    house = IdentityHouse(store, signer_process, SystemClock())
    await house.administrator.start()
    await house.devices.create(house.organization_id, NewDevice(device_id="pump-7"), actor=ACTOR)

    def tamper(tx: Transaction) -> None:
        tx.connection.execute(posture_records.update().values(signed=b"forged"))

    await store.write(tamper)
    await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="odd")
    record = await house.record("pump-7")
    assert record is not None
    assert record.registration.value is not None
    assert not record.registration.value.is_enabled
    await house.close()
