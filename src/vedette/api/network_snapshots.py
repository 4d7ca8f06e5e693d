"""``/v1/inventory-snapshots`` and ``/v1/inventory-changes``: the inventory as it was, and what changed since."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from vedette.api.network_sight import sites_of
from vedette.api.network_views import ChangesView, NewSnapshot, SnapshotView, show_changes, show_snapshot
from vedette.api.schema import After, Limit, Page, Who, api_router, refusals
from vedette.api.sight import Seen, Sight
from vedette.network import Snapshot, SnapshotService

_SnapshotPath = Annotated[str, Path(max_length=64, description="Generated id of the snapshot.")]


class SnapshotRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, snapshots: SnapshotService) -> None:
        self._snapshots = snapshots

    def build(self) -> list[APIRouter]:
        """Return the routes."""
        router = api_router("network", "/v1/inventory-snapshots")
        add = router.add_api_route
        add("", self.list_snapshots, methods=["GET"], summary="List inventory snapshots", responses=refusals(422))
        add(
            "",
            self.take,
            methods=["POST"],
            status_code=201,
            summary="Take an inventory snapshot",
            responses=refusals(422, is_change=True),
        )
        add(
            "/{snapshot_id}",
            self.delete,
            methods=["DELETE"],
            status_code=204,
            summary="Delete an inventory snapshot",
            responses=refusals(404, 422),
        )
        changes = api_router("network", "/v1/inventory-changes")
        changes.add_api_route(
            "",
            self.changes,
            methods=["GET"],
            summary="Show changes of the inventory",
            responses=refusals(404, 422),
        )
        return [router, changes]

    async def list_snapshots(self, sight: Seen, *, limit: Limit = 100, after: After = "") -> Page[SnapshotView]:
        """Youngest first: one for each of the last 90 days, and those that somebody asked for."""
        found, following = await self._snapshots.list(after=after, limit=limit)
        return Page(items=[_told(each, sight) for each in found], next=following)

    async def take(self, new: NewSnapshot, who: Who, sight: Seen) -> SnapshotView:
        """It is kept until somebody deletes it."""
        return _told(await self._snapshots.take(note=new.note, actor=who), sight)

    async def delete(self, snapshot_id: _SnapshotPath, who: Who) -> None:
        """What it held is gone."""
        await self._snapshots.delete(snapshot_id, actor=who)

    async def changes(
        self,
        sight: Seen,
        *,
        since: Annotated[str, Query(max_length=64, description="Id of the earlier snapshot.")],
        until: Annotated[str, Query(max_length=64, description="Id of the later one; now, if left out.")] = "",
    ) -> ChangesView:
        """Assets that are new, gone or different, and links that are new."""
        return show_changes(await self._snapshots.changes(since, until=until, sites=sites_of(sight)))


def _told(snapshot: Snapshot, sight: Sight) -> SnapshotView:
    """Return what an asker is told of a snapshot: it holds all sites, whatever they may see."""
    shown = show_snapshot(snapshot)
    if sites_of(sight) is None:
        return shown
    actor = sight.standing.asker.actor
    is_own = snapshot.taken_by == (actor.name or actor.id)
    return shown.model_copy(update={"assets": None, "links": None, "note": shown.note if is_own else ""})
