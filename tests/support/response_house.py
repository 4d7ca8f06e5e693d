"""Registry, policy administrator, signals and quarantine of one organization on a real store, as control wires them."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from identity_house import ACTOR, RunningSigner
from registry_house import RegistryHouse

from vedette.access import BlastRadius, PolicyAdministrator, QuarantineService, RoomFacts
from vedette.health import NewSignal, SignalService
from vedette.kernel import Clock, RandomIds
from vedette.registry import Authentication, AuthenticationType, Device
from vedette.store import Store
from vedette.trust import Lifecycle, PostureRecord, Provenance, RecordSigner, RecordVerifier

POLICY_HASH = "0" * 64


class ResponseHouse(RegistryHouse):
    """What signals and quarantines do to posture records.

    Attributes:
        published: Records as they went to enforcement points, in order.
    """

    def __init__(self, store: Store, signer: RunningSigner, clock: Clock, radius: BlastRadius | None = None) -> None:
        super().__init__(store, signer, clock)
        ids = RandomIds(clock)
        key = RecordSigner(Ed25519PrivateKey.generate())
        self.clock = clock
        self.verifier = RecordVerifier(key.public_key)
        self.administrator = PolicyAdministrator(
            self.organization_id, store, key, RoomFacts(self.credentials), clock=clock, policy_hash=POLICY_HASH
        )
        self.ledger.project("posture", self.administrator.project)
        self.signals = SignalService(store, self.ledger, self.guard, clock=clock, ids=ids)
        self.signals.on_posture(self.administrator.posture_changed)
        self.ledger.project("signals", self.signals.project)
        self.quarantines = QuarantineService(
            store, self.ledger, self.register, self.guard, radius=radius or BlastRadius(), clock=clock, ids=ids
        )
        self.ledger.project("quarantines", self.quarantines.project)
        self.published: list[PostureRecord] = []
        self.administrator.publish_to(lambda *told: self.published.append(self.verifier.record(told[2])))

    async def active(self, name: str = "pump-7", **changes: Any) -> Device:
        """Create a device that takes part."""
        pinned = Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint="a" * 64)
        await self.device(name, authentication=pinned, **changes)
        return await self.devices.move(self.organization_id, name, Lifecycle.ACTIVE, actor=ACTOR, reason="")

    async def tell(self, name: str = "pump-7", **changes: Any) -> Any:
        """Accept a signal of tampering, or another one."""
        fields = {"signal_class": "tamper", "provenance": Provenance.OBSERVED, "source": "sensor", "device_id": name}
        return await self.signals.accept(self.organization_id, NewSignal(**{**fields, **changes}), actor=ACTOR)

    async def record(self, name: str = "pump-7", module: str | None = None) -> PostureRecord:
        """Return the record that stands."""
        found = await self.administrator.find(name, module)
        assert found is not None
        return found
