"""Keeps the hops of the latest changes on disk, beside the path of enforcement, so that a restart forgets none."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import msgspec

from vedette.access import hop_repository as repository
from vedette.access.hops import CHANGES_MAX, HopLog, Hops
from vedette.kernel import OrganizationId, Problem
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

# Gateways tell within milliseconds; what comes later is written again.
_EVERY_S: Final = 2.0
_NEXT_S: Final = 0.05
_BATCH: Final = 500
_encoder: Final = msgspec.msgpack.Encoder()


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A change as it is kept, with the boot that its monotonic stamps count in."""

    boot_id: str
    hops: Hops


_decoder: Final = msgspec.msgpack.Decoder(_Kept)


class HopKeeper:
    """Writes what is new in a log of hops, in batches; the last seconds may be lost with the process.

    Args:
        organization_id: Whose changes.
        hops: The log, in memory.
        store: Where they are kept.
        boot_id: Of this machine's boot.
    """

    def __init__(self, organization_id: OrganizationId, hops: HopLog, store: Store, *, boot_id: str) -> None:
        self._boot_id = boot_id
        self._organization_id = organization_id
        self._hops = hops
        self._store = store

    async def load(self) -> int:
        """Put what was kept into the log; call it before changes are made.

        Returns:
            How many changes were kept.
        """
        rows = await self._store.read(
            lambda connection: repository.list_latest(connection, self._organization_id, CHANGES_MAX)
        )
        for found in await asyncio.to_thread(_decode, rows):
            self._hops.add(found.hops, is_over=found.boot_id != self._boot_id)
        self._hops.take_changed(CHANGES_MAX)
        return len(rows)

    async def run(self) -> None:
        """Keep what is new, until cancelled."""
        pause_s = _EVERY_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                pause_s = _NEXT_S if await self.keep() == _BATCH else _EVERY_S
            except Problem as problem:
                pause_s = _EVERY_S
                log.warning("hops of changes are not kept for a moment", extra={"cause": problem.code})

    async def keep(self) -> int:
        """Write one batch of what is new; return how many that were.

        Raises:
            Problem: The store does not take it; it is still to be written.
        """
        changed = self._hops.take_changed(_BATCH)
        if not changed:
            return 0
        rows = [(each.sequence, _encoder.encode(_Kept(self._boot_id, each))) for each in changed]
        up_to = changed[-1].sequence - CHANGES_MAX

        def write(tx: Transaction) -> None:
            repository.save(tx.connection, self._organization_id, rows)
            repository.forget(tx.connection, self._organization_id, up_to)

        try:
            await self._store.write(write)
        except Problem:
            self._hops.note_changed(changed)
            raise
        return len(rows)


def _decode(rows: list[bytes]) -> list[_Kept]:
    found: list[_Kept] = []
    for row in rows:
        try:
            found.append(_decoder.decode(row))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            log.warning("kept hops of a change cannot be read")
    return found
