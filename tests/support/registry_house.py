"""The registry alone on a real store with a real signer process: devices, modules, twins and presence."""

from __future__ import annotations

import json
from typing import Any

from identity_house import ACTOR, SIGNER_DEADLINE_S, RunningSigner

from vedette.kernel import Clock, GenerationId, OrganizationId, RandomIds
from vedette.ledger import Envelope, Ledger, Record
from vedette.pki import SecretBox, SignerClient, SymmetricKeySettings
from vedette.pki.records import CertificateService, SymmetricKeyService, VouchedCertificates
from vedette.registry import (
    ClockGuard,
    CredentialRecords,
    Device,
    DeviceService,
    Group,
    GroupComputation,
    GroupMembership,
    GroupService,
    Module,
    ModuleService,
    NewDevice,
    NewGroup,
    NewModule,
    PresenceService,
    QueryService,
    Register,
    Twin,
    TwinService,
)
from vedette.store import Store, Transaction


class RegistryHouse:
    """The registry of one organization, and what its twins told.

    Attributes:
        told: Desired changes, as devices are told of them.
        changed: Identities whose twin changed, as told within the transaction.
    """

    def __init__(self, store: Store, signer: RunningSigner, clock: Clock) -> None:
        ids = RandomIds(clock)
        self.store = store
        self.organization_id = signer.organization_id
        self.ledger = Ledger(store, clock=clock, ids=ids)
        self.signer = SignerClient(signer.socket, deadline_s=SIGNER_DEADLINE_S)
        self.certificates = CertificateService(store, self.ledger, self.signer, clock=clock, ids=ids)
        self.keys = SymmetricKeyService(
            store,
            self.ledger,
            SecretBox(b"k" * 32, ids=ids),
            hostnames=("hub.example",),
            clock=clock,
            ids=ids,
            settings=SymmetricKeySettings(is_enabled=True),
        )
        vouched = VouchedCertificates(self.ledger, clock=clock)
        self.credentials = CredentialRecords(self.certificates, self.keys, vouched, clock=clock)
        self.register = Register(self.ledger, self.credentials, clock=clock, ids=ids)
        self.guard = ClockGuard(clock)
        self.devices = DeviceService(store, self.ledger, self.certificates, self.register, self.guard)
        self.modules = ModuleService(store, self.register, self.guard)
        self.presence = PresenceService(store, clock=clock)
        self.membership = GroupMembership(self.ledger)
        self.ledger.project("groups", self.membership.project)
        self.computation = GroupComputation(store, self.membership)
        self.groups = GroupService(
            store, self.ledger, self.membership, self.guard, clock=clock, ids=ids, on_work=self.computation.wake
        )
        self.queries = QueryService(store)
        self.told: list[tuple[GenerationId, int, Any]] = []
        self.changed: list[GenerationId] = []
        self.twins = TwinService(
            store,
            self.ledger,
            self.register,
            self.guard,
            clock=clock,
            on_desired=lambda generation, version, patch: self.told.append((generation, version, json.loads(patch))),
            on_twin_changed=self._note,
        )

    def _note(self, tx: Transaction, organization_id: OrganizationId, generation_id: GenerationId) -> None:
        assert tx.connection.in_transaction()
        assert organization_id == self.organization_id
        self.membership.on_twin_changed(tx, organization_id, generation_id)
        self.changed.append(generation_id)

    async def close(self) -> None:
        await self.signer.close()

    async def device(self, name: str = "pump-7", **changes: Any) -> Device:
        new = NewDevice(device_id=name, **changes)
        return await self.devices.create(self.organization_id, new, actor=ACTOR)

    async def module(self, name: str = "camera", device_id: str = "pump-7", **changes: Any) -> Module:
        new = NewModule(module_id=name, **changes)
        return await self.modules.create(self.organization_id, device_id, new, actor=ACTOR)

    async def twin(self, device_id: str = "pump-7", module_id: str | None = None) -> Twin:
        return await self.twins.get(self.organization_id, device_id, module_id)

    async def patch(self, device_id: str = "pump-7", module_id: str | None = None, **changes: Any) -> Twin:
        return await self.twins.patch(self.organization_id, device_id, module_id, actor=ACTOR, **changes)

    async def replace(self, device_id: str = "pump-7", module_id: str | None = None, **changes: Any) -> Twin:
        return await self.twins.replace(self.organization_id, device_id, module_id, actor=ACTOR, **changes)

    async def report(self, generation_id: GenerationId, patch: Any) -> int:
        return await self.twins.report(self.organization_id, generation_id, json.dumps(patch).encode())

    async def own(self, generation_id: GenerationId) -> Any:
        return json.loads(await self.twins.read_own(self.organization_id, generation_id))

    async def group(self, name: str = "pumps", condition: str | None = None) -> Group:
        """Create a group, and compute it."""
        group = await self.groups.create(self.organization_id, NewGroup(name=name, condition=condition), actor=ACTOR)
        await self.computation.work()
        return group

    async def members(self, group: str = "pumps") -> list[str]:
        found, following = await self.groups.members(self.organization_id, group, limit=1000)
        assert following is None
        return [member.device_id for member in found]

    async def ask(self, text: str, **page: Any) -> list[Any]:
        """Return a whole answer, read page by page."""
        items: list[Any] = []
        after = ""
        while True:
            answer = await self.queries.run(self.organization_id, text, after=after, **page)
            items += answer.items
            if answer.next is None:
                return items
            after = answer.next

    async def acts(self) -> list[Record]:
        return list(await self.ledger.entries(self.organization_id, limit=1000))

    async def events(self) -> list[Envelope]:
        return list(await self.ledger.events(self.organization_id, limit=1000))
