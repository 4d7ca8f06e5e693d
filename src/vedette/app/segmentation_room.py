"""Segmentation, built: plans of zones and conduits, what they mean, and the watch over what breaks them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from vedette.app.roles import NetworkRole
from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Ledger
from vedette.network import NetworkReader
from vedette.network.exposure import ExposureService
from vedette.network.segmentation import (
    DriftWatch,
    MudSigner,
    OnViolated,
    OpenAlertsOf,
    PlanBook,
    PlanEditor,
    PlanService,
    RiskOf,
    SegmentationService,
    SegmentInventory,
    read_mud_signer,
)
from vedette.registry import ClockGuard
from vedette.store import Store

_PAGE: Final = 1_000
_MAYBE_RISK_MAX: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationRoom:
    """Its services, and what goes on beside requests."""

    segments: SegmentationService
    drift: DriftWatch

    async def run(self) -> None:
        """Compare what is seen with the approved plan, until cancelled."""
        await self.drift.run()


def build_segmentation_room(
    organization_id: OrganizationId,
    store: Store,
    ledger: Ledger,
    reader: NetworkReader,
    *,
    guard: ClockGuard,
    url: str,
    on_violated: OnViolated,
    clock: Clock,
    ids: IdSource,
    exposure: ExposureService | None = None,
    alerts_of: OpenAlertsOf | None = None,
    signer: MudSigner | None = None,
) -> SegmentationRoom:
    """Build it.

    Args:
        organization_id: Whose networks these are.
        store: Open and migrated.
        ledger: Of the platform.
        reader: Of the inventory.
        guard: Whether the clock can be believed.
        url: Where the API is reached; MUD files name it, always as https.
        on_violated: Told of traffic that breaks the approved plan.
        clock: Source of time.
        ids: Source of ids.
        exposure: What is known of the vulnerabilities of assets: the exposed get zones of their own.
        alerts_of: Which assets have open alerts: proposals mark what they ask for.
        signer: Signs MUD files, if anything does.
    """
    risk_of = None if exposure is None else _risk_by(exposure)
    inventory = SegmentInventory(reader, risk_of=risk_of, alerts_of=alerts_of)
    book = PlanBook(store, ledger, clock=clock, ids=ids)
    plans = PlanService(book, inventory, guard)
    base_url = f"https://{url.rstrip('/').partition('://')[2] or url}"
    drift = DriftWatch(organization_id, store, ledger, inventory, clock=clock)
    drift.on_violated(on_violated)
    return SegmentationRoom(
        segments=SegmentationService(plans, PlanEditor(book), inventory, clock=clock, base_url=base_url, signer=signer),
        drift=drift,
    )


def _risk_by(exposure: ExposureService) -> RiskOf:
    async def risk_of(organization_id: OrganizationId) -> dict[str, tuple[int, str]]:
        found: dict[str, tuple[int, str]] = {}
        after: str | None = ""
        while after is not None:
            page = await exposure.exposures(organization_id, after=after, limit=_PAGE)
            for each in page.items:
                if each.proven:
                    found[each.asset_id] = each.priority, f"{each.proven} vulnerabilities that its version proves"
                elif each.maybe:
                    # Nobody is set apart for what may not be.
                    found[each.asset_id] = min(each.priority, _MAYBE_RISK_MAX), f"{each.maybe} possible vulnerabilities"
            after = page.next
        return found

    return risk_of


async def open_mud_signer(settings: NetworkRole) -> MudSigner | None:
    """Return what MUD files are signed with, if the configuration names it.

    Raises:
        BadMudSigner: The certificate or the key cannot be used.
    """
    if settings.mud_certificate_file is None or settings.mud_key_file is None:
        return None
    return await asyncio.to_thread(read_mud_signer, settings.mud_certificate_file, settings.mud_key_file)
