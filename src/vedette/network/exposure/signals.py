"""Proven vulnerabilities of managed devices become signals, so that their posture record tells of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from vedette.health import NewSignal, SignalNotFound, SignalService
from vedette.health.advisories import Certainty
from vedette.kernel import Clock, OrganizationId, Problem
from vedette.ledger import Actor
from vedette.network.exposure import repository
from vedette.network.exposure.evidence import provenance_of
from vedette.network.exposure.model import Exposure, Vulnerability, VulnerabilityState
from vedette.network.model import NetworkAsset
from vedette.registry import DeviceNotFound
from vedette.store import Store
from vedette.trust import RiskLevel

log = logging.getLogger(__name__)

SIGNAL_CLASS: Final = "vulnerable-software"
_LASTS: Final = timedelta(hours=24)
_AGAIN_AFTER: Final = timedelta(hours=6)
_SYSTEM: Final = Actor("system", "exposure")
_GRAVE: Final = 9.0


class ExposureSignals:
    """Tells the room ``health`` of managed devices with proven vulnerabilities, and takes it back when they are over.

    Args:
        organization_id: Whose.
        store: Where it is kept which signal stands.
        signals: Takes them.
        score_from: Base score from which a proven vulnerability is told; one that is known to be exploited always is.
        clock: Source of time.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        signals: SignalService,
        *,
        score_from: float = 7.0,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._signals = signals
        self._score_from = score_from
        self._clock = clock

    async def settle(
        self, asset: NetworkAsset, exposure: Exposure, found: Sequence[Vulnerability], *, actor: Actor = _SYSTEM
    ) -> None:
        """Tell what is proven of a managed device, or take back what no longer is."""
        told = [each for each in found if self._is_told(each)]
        management = asset.management
        if management is None or not told:
            await self._withdraw(exposure, actor)
            return
        worst = max(told, key=lambda each: (each.is_known_exploited, each.score or 0.0, each.priority))
        sources = [fact.source for each in told for fact in each.evidence]
        provenance = provenance_of(asset, sources)
        is_grave = worst.is_known_exploited or (worst.score or 0.0) >= _GRAVE
        level = RiskLevel.HIGH if is_grave else RiskLevel.MEDIUM
        key = f"{management.device_id}:{provenance.value}:{level.value}:{worst.name}:{len(told)}"[:256]
        now = self._clock.now()
        is_same = key == exposure.signal_key and exposure.signal_id != ""
        if is_same and exposure.signal_at is not None and now < exposure.signal_at + _AGAIN_AFTER:
            return
        if exposure.signal_id and exposure.signal_device != management.device_id:
            await self._withdraw(exposure, actor)
        signal = NewSignal(
            device_id=management.device_id,
            signal_class=SIGNAL_CLASS,
            provenance=provenance,
            source=f"vulnerabilities/{asset.asset_id}"[:128],
            level=level,
            lasts=_LASTS,
            detail={
                "asset_id": asset.asset_id,
                "proven": len(told),
                "worst": worst.name,
                "score": worst.score,
                "is_known_exploited": worst.is_known_exploited,
                "version": next((fact.value[:128] for fact in worst.evidence if fact.attribute == "firmware"), ""),
            },
        )
        try:
            accepted = await self._signals.accept(self._organization_id, signal, actor=_SYSTEM)
        except Problem as problem:
            log.warning("a vulnerable device is not told of", extra={"asset": asset.asset_id, "cause": problem.code})
            return
        await self._keep(asset.asset_id, (accepted.signal.signal_id, key, management.device_id))

    async def end(self, asset_id: str) -> None:
        """Take back what was told of an asset that is no more."""
        exposure = await self._store.read(lambda c: repository.find_exposure(c, self._organization_id, asset_id))
        if exposure is not None:
            await self._withdraw(exposure, _SYSTEM)

    def _is_told(self, found: Vulnerability) -> bool:
        if found.certainty is not Certainty.PROVEN or found.state is not VulnerabilityState.OPEN:
            return False
        return found.is_known_exploited or (found.score is not None and found.score >= self._score_from)

    async def _withdraw(self, exposure: Exposure, actor: Actor) -> None:
        if not exposure.signal_id:
            return
        try:
            await self._signals.withdraw(
                self._organization_id,
                exposure.signal_device,
                None,
                exposure.signal_id,
                actor=actor,
                reason="no proven vulnerability of it is open any more",
            )
        except (SignalNotFound, DeviceNotFound):
            pass  # it is over, or went with the device
        except Problem as problem:
            # It ends by itself within a day.
            log.warning("a signal about vulnerabilities stands", extra={"cause": problem.code})
            return
        await self._keep(exposure.asset_id, ("", "", ""))

    async def _keep(self, asset_id: str, told: tuple[str, str, str]) -> None:
        now = self._clock.now()
        await self._store.write(
            lambda tx: repository.save_signal(tx.connection, self._organization_id, asset_id, told, now)
        )
