"""Snapshots of the inventory, one a day and when somebody asks, and what changed since."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId, Problem
from vedette.ledger import Actor, Entry, Ledger
from vedette.network import asset_repository, link_repository
from vedette.network import snapshot_repository as repository
from vedette.network.errors import InvalidAsset, SnapshotNotFound
from vedette.network.identity import clean
from vedette.network.model import AssetSearch, LinkSearch, NetworkLink
from vedette.network.snapshot import AssetPicture, Comparison, Snapshot, compare, picture_of, read_body, write_body
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

DAILY_KEPT: Final = 90
KEPT_MAX: Final = 200
NOTE_MAX_CHARS: Final = 1024
LINKS_TOLD: Final = 500
_EVERY: Final = timedelta(days=1)
_LOOK_EVERY_S: Final = 600.0
_PAGE: Final = 1_000
_SYSTEM: Final = Actor("system", "network")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs between two moments.

    Attributes:
        since: The earlier one.
        until: The later one.
        links: That are new, at most 500.
        links_count: How many are new.
    """

    since: datetime
    until: datetime
    comparison: Comparison
    links: Sequence[NetworkLink]
    links_count: int


class SnapshotService:
    """Takes and compares snapshots.

    Args:
        organization_id: Whose inventory.
        store: Where they are kept.
        ledger: Where those that somebody asks for are on record.
        clock: Source of time.
        ids: Of snapshots.
    """

    def __init__(
        self, organization_id: OrganizationId, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def run(self) -> None:
        """Take one a day while there are assets, until cancelled."""
        while True:
            try:
                await self.take_daily()
            except Problem as problem:
                log.warning("no snapshot of the inventory is taken", extra={"cause": problem.code})
            await asyncio.sleep(_LOOK_EVERY_S)

    async def take_daily(self) -> Snapshot | None:
        """Take the snapshot of the day, if it is due."""
        latest = await self._store.read(
            lambda c: repository.list_snapshots(c, self._organization_id, before="", limit=1)
        )
        if latest and self._clock.now() - latest[0].taken_at < _EVERY:
            return None
        pictures, links = await self._look()
        return await self._save(pictures, links, actor=_SYSTEM, note="", is_kept=False) if pictures else None

    async def take(self, *, note: str, actor: Actor) -> Snapshot:
        """Take one now; it stays when those of every day go.

        Raises:
            InvalidAsset: The note is too long, or as many are kept as may be.
        """
        if len(note) > NOTE_MAX_CHARS or clean(note) != note:
            raise InvalidAsset(f"a note has at most {NOTE_MAX_CHARS} characters", limit=NOTE_MAX_CHARS)
        pictures, links = await self._look()
        return await self._save(pictures, links, actor=actor, note=note, is_kept=True)

    async def list(self, *, after: str = "", limit: int = 100) -> tuple[Sequence[Snapshot], str | None]:
        """Return snapshots, youngest first, and what reads on."""
        found = await self._store.read(
            lambda c: repository.list_snapshots(c, self._organization_id, before=after, limit=limit + 1)
        )
        return found[:limit], found[limit - 1].snapshot_id if len(found) > limit else None

    async def delete(self, snapshot_id: str, *, actor: Actor) -> None:
        """Forget a snapshot.

        Raises:
            SnapshotNotFound: There is none.
        """

        def delete(tx: Transaction) -> None:
            if not repository.delete_snapshot(tx.connection, self._organization_id, snapshot_id):
                raise _not_found(snapshot_id)
            self._record(tx, "network.delete_snapshot", snapshot_id, actor, "")

        await self._store.write(delete)

    async def changes(self, snapshot_id: str, *, until: str = "", sites: frozenset[str] | None = None) -> Changes:
        """Return what changed since a snapshot: until another, or until now.

        Raises:
            SnapshotNotFound: One of them there is not.
            InvalidAsset: The later one is the earlier.
        """
        first, before = await self._open(snapshot_id)
        if until:
            second, after = await self._open(until)
            if second.taken_at < first.taken_at:
                raise InvalidAsset("the later snapshot was taken before the earlier", hint="name them the other way")
            end = second.taken_at
        else:
            pictures, _ = await self._look()
            after, end = {each.asset_id: each for each in pictures}, self._clock.now()
        if sites is not None:
            before = {each: picture for each, picture in before.items() if picture.values.get("site") in sites}
            after = {each: picture for each, picture in after.items() if picture.values.get("site") in sites}
        comparison = await asyncio.to_thread(compare, before, after)
        search = LinkSearch(sites=sites, since=first.taken_at)

        def read(connection: sa.Connection) -> tuple[Sequence[NetworkLink], int]:
            merged = asset_repository.merged_assets(connection, self._organization_id)
            found = link_repository.list_links(
                connection,
                self._organization_id,
                replace(search, until=end),
                parts=(),
                merged=merged,
                after="",
                limit=LINKS_TOLD,
            )
            count = link_repository.count_links(connection, self._organization_id, replace(search, until=end))
            return found, count

        links, links_count = await self._store.read(read)
        return Changes(since=first.taken_at, until=end, comparison=comparison, links=links, links_count=links_count)

    async def _open(self, snapshot_id: str) -> tuple[Snapshot, dict[str, AssetPicture]]:
        found = await self._store.read(lambda c: repository.find_snapshot(c, self._organization_id, snapshot_id))
        if found is None:
            raise _not_found(snapshot_id)
        return found[0], await asyncio.to_thread(read_body, found[1])

    async def _look(self) -> tuple[Sequence[AssetPicture], int]:
        """Return what assets look like, and how many links there are."""
        pictures: Sequence[AssetPicture] = []
        after: str | None = ""
        while after is not None:
            page = await self._store.read(
                lambda c, after=after: asset_repository.list_assets(  # type: ignore[misc] # the default is not inferred
                    c, self._organization_id, AssetSearch(), after=after, limit=_PAGE
                )
            )
            pictures = [*pictures, *map(picture_of, page)]
            after = page[-1].asset_id if len(page) == _PAGE else None
        links = await self._store.read(
            lambda c: link_repository.count_rows(c, link_repository.links, self._organization_id)
        )
        return pictures, links

    async def _save(
        self, pictures: Sequence[AssetPicture], links: int, *, actor: Actor, note: str, is_kept: bool
    ) -> Snapshot:
        body = await asyncio.to_thread(write_body, pictures)
        snapshot = Snapshot(
            snapshot_id=self._ids.new("snp"),
            taken_at=self._clock.now(),
            note=note,
            taken_by=(actor.name or actor.id)[:128],
            assets=len(pictures),
            links=links,
            is_kept=is_kept,
        )

        def save(tx: Transaction) -> Snapshot:
            if is_kept and repository.count_kept(tx.connection, self._organization_id) >= KEPT_MAX:
                raise InvalidAsset(
                    f"{KEPT_MAX} snapshots are kept", hint="delete one: vedette snapshot delete", limit=KEPT_MAX
                )
            repository.save_snapshot(tx.connection, self._organization_id, snapshot, body)
            repository.prune_snapshots(tx.connection, self._organization_id, keep=DAILY_KEPT)
            if is_kept:
                self._record(tx, "network.take_snapshot", snapshot.snapshot_id, actor, note)
            return snapshot

        return await self._store.write(save)

    def _record(self, tx: Transaction, action: str, snapshot_id: str, actor: Actor, reason: str) -> None:
        entry = Entry(
            organization_id=self._organization_id, actor=actor, action=action, target=snapshot_id, reason=reason
        )
        self._ledger.append(tx, entry)


def _not_found(snapshot_id: str) -> SnapshotNotFound:
    return SnapshotNotFound(f"there is no snapshot {snapshot_id[:80]!r}", hint="see them: vedette snapshot list")
