"""Importing lists of addresses, and telling who addresses belong to."""

from __future__ import annotations

import asyncio
import logging
import zlib
from dataclasses import replace
from typing import Final

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId, Problem
from vedette.ledger import Actor, Entry, Ledger
from vedette.network import external_repository
from vedette.network.addresses import repository
from vedette.network.addresses.errors import AddressListNotFound, InvalidAddressList
from vedette.network.addresses.lines import parse_addresses
from vedette.network.addresses.model import AddressList, Told
from vedette.network.addresses.table import AddressTable, pack
from vedette.network.external_intake import NetworkOwner
from vedette.network.identity import clean
from vedette.registry import check_reason
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

PART_MAX_BYTES: Final = 32 * 1024 * 1024
RANGES_MAX: Final = 2_000_000
PARTS_MAX: Final = 200
_NAME_MAX_CHARS: Final = 256
_LOOK_EVERY_S: Final = 60.0
_PAGE: Final = 500
_GZIP: Final = b"\x1f\x8b"


class AddressListService:
    """Keeps the list of one organization, and answers from memory: it is an ``AddressBook``.

    Args:
        organization_id: Whose.
        store: Where lists are kept.
        ledger: Where imports are on record.
        clock: Source of time.
        ids: Of lists.
    """

    def __init__(
        self, organization_id: OrganizationId, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._table = AddressTable(())
        self._held = ""

    def find(self, address: str) -> NetworkOwner | None:
        """Return who an address is assigned to; None: the list does not say, or there is none."""
        return self._table.find(address)

    async def run(self) -> None:
        """Hold the list that counts, also one that another process imported, until cancelled."""
        while True:
            try:
                await self.refresh()
            except Problem as problem:
                log.warning("the list of addresses cannot be read", extra={"cause": problem.code})
            await asyncio.sleep(_LOOK_EVERY_S)

    async def refresh(self) -> None:
        """Hold the list that counts now."""
        current = await self.current()
        list_id = "" if current is None else current.list_id
        if list_id == self._held:
            return
        bodies = await self._store.read(lambda c: repository.read_parts(c, self._organization_id, list_id))
        self._table = await asyncio.to_thread(AddressTable, bodies)
        self._held = list_id

    async def current(self) -> AddressList | None:
        """Return the list that counts; None: there is none."""
        return await self._store.read(lambda c: repository.find_current(c, self._organization_id))

    async def add(
        self, content: bytes, *, name: str, list_id: str = "", is_last: bool = True, actor: Actor
    ) -> AddressList:
        """Take a part of a list; with its last part it counts, and the one before is forgotten.

        Args:
            content: Lines, plain or gzip.
            name: Of the file.
            list_id: Of the list that it is a part of; empty: it begins a list, and one that was begun is forgotten.
            is_last: No more parts come.
            actor: Who imports it.

        Raises:
            InvalidAddressList: It cannot be read, holds no range at all, or goes beyond a limit.
            AddressListNotFound: No list is being imported under that id.
        """
        if len(name) > _NAME_MAX_CHARS or clean(name) != name:
            raise InvalidAddressList(f"a name has at most {_NAME_MAX_CHARS} characters", limit=_NAME_MAX_CHARS)
        told = await asyncio.to_thread(_read, content)
        body = await asyncio.to_thread(pack, told)

        def take(tx: Transaction) -> AddressList:
            former = self._begun(tx.connection, list_id) if list_id else self._begin(tx.connection, name, actor)
            taken = _counted(former, told)
            if is_last and not taken.ranges_v4 + taken.ranges_v6:
                raise InvalidAddressList("the list gives no range of addresses an owner", hint="see docs/inventory.md")
            if is_last:
                taken = replace(taken, is_complete=True, imported_at=self._clock.now())
            repository.save_part(tx.connection, self._organization_id, taken.list_id, taken.parts, body)
            repository.save_list(tx.connection, self._organization_id, taken)
            if is_last:
                repository.delete_others(tx.connection, self._organization_id, (taken.list_id,))
                self._record(tx, "network.import_addresses", taken, actor, "")
            return taken

        taken = await self._store.write(take)
        if is_last:
            await self.refresh()
            await self._place_all()
        return taken

    async def remove(self, *, reason: str, actor: Actor) -> None:
        """Forget the list; what it said of connections stays with them.

        Raises:
            AddressListNotFound: There is none.
        """
        checked = check_reason(reason)

        def remove(tx: Transaction) -> None:
            current = repository.find_current(tx.connection, self._organization_id)
            if current is None:
                raise AddressListNotFound("no list of addresses was imported")
            repository.delete_others(tx.connection, self._organization_id, ())
            self._record(tx, "network.remove_addresses", current, actor, checked)

        await self._store.write(remove)
        await self.refresh()

    def _begin(self, connection: sa.Connection, name: str, actor: Actor) -> AddressList:
        current = repository.find_current(connection, self._organization_id)
        repository.delete_others(connection, self._organization_id, () if current is None else (current.list_id,))
        return AddressList(
            list_id=self._ids.new("adl"),
            name=name,
            is_complete=False,
            parts=0,
            ranges_v4=0,
            ranges_v6=0,
            skipped=0,
            imported_at=self._clock.now(),
            imported_by=(actor.name or actor.id)[:128],
        )

    def _begun(self, connection: sa.Connection, list_id: str) -> AddressList:
        found = repository.find_list(connection, self._organization_id, list_id)
        if found is None or found.is_complete:
            raise AddressListNotFound(
                f"no list is being imported as {list_id[:80]!r}", hint="begin again: somebody else may have"
            )
        return found

    async def _place_all(self) -> None:
        """Say of the connections that are known whom they lead to."""
        after: str | None = ""
        while after is not None:
            after = await self._store.write(lambda tx, start=after: self._place(tx, start))  # type: ignore[misc] # the default is not inferred

    def _place(self, tx: Transaction, after: str) -> str | None:
        page = external_repository.list_externals(
            tx.connection,
            self._organization_id,
            sites=None,
            parts=(),
            verdict=None,
            text="",
            country="",
            is_inbound=None,
            merged={},
            after=after,
            limit=_PAGE,
        )
        owners = [(each, self._table.find(each.address)) for each in page]
        placed = [
            replace(each, country=owner.country, asn=owner.asn, network_name=owner.name)
            for each, owner in owners
            if owner is not None
        ]
        external_repository.save_externals(tx.connection, self._organization_id, placed)
        return page[-1].external_id if len(page) == _PAGE else None

    def _record(self, tx: Transaction, action: str, each: AddressList, actor: Actor, reason: str) -> None:
        entry = Entry(
            organization_id=self._organization_id,
            actor=actor,
            action=action,
            target=each.list_id,
            target_name=each.name,
            reason=reason,
            details={"ranges_v4": each.ranges_v4, "ranges_v6": each.ranges_v6, "skipped": each.skipped},
        )
        self._ledger.append(tx, entry)


def _counted(former: AddressList, told: Told) -> AddressList:
    taken = replace(
        former,
        parts=former.parts + 1,
        ranges_v4=former.ranges_v4 + len(told.v4),
        ranges_v6=former.ranges_v6 + len(told.v6),
        skipped=former.skipped + told.skipped,
    )
    if taken.parts > PARTS_MAX or taken.ranges_v4 + taken.ranges_v6 > RANGES_MAX:
        raise InvalidAddressList(
            f"a list has at most {RANGES_MAX} ranges in {PARTS_MAX} parts", hint="take a coarser list", limit=RANGES_MAX
        )
    return taken


def _read(content: bytes) -> Told:
    if content.startswith(_GZIP):
        stream = zlib.decompressobj(wbits=31)
        try:
            content = stream.decompress(content, PART_MAX_BYTES + 1)
        except zlib.error as error:
            raise InvalidAddressList("the part is a damaged gzip file") from error
    if len(content) > PART_MAX_BYTES:
        raise InvalidAddressList(f"a part holds at most {PART_MAX_BYTES} bytes", limit=PART_MAX_BYTES)
    told = parse_addresses(content.decode("utf-8", errors="replace"))
    if told.problem and not told.v4 and not told.v6:
        raise InvalidAddressList(
            f"no line could be read; {told.problem}", hint="ip2asn's TSV, or CSV with start, end, asn, country, name"
        )
    return told
