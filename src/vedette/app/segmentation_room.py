"""Segmentation, built: plans of zones and conduits, what they mean, and the watch over what breaks them."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Ledger
from vedette.network import NetworkReader
from vedette.network.segmentation import (
    DriftWatch,
    PlanBook,
    PlanEditor,
    PlanService,
    SegmentationService,
    SegmentInventory,
)
from vedette.registry import ClockGuard
from vedette.store import Store


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
    clock: Clock,
    ids: IdSource,
) -> SegmentationRoom:
    """Build it.

    Args:
        organization_id: Whose networks these are.
        store: Open and migrated.
        ledger: Of the platform.
        reader: Of the inventory.
        guard: Whether the clock can be believed.
        url: Where the API is reached; MUD files name it, always as https.
        clock: Source of time.
        ids: Source of ids.
    """
    inventory = SegmentInventory(reader)
    book = PlanBook(store, ledger, clock=clock, ids=ids)
    plans = PlanService(book, inventory, guard)
    base_url = f"https://{url.rstrip('/').partition('://')[2] or url}"
    return SegmentationRoom(
        segments=SegmentationService(plans, PlanEditor(book), inventory, clock=clock, base_url=base_url),
        drift=DriftWatch(organization_id, store, ledger, inventory, clock=clock),
    )
