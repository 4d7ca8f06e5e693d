"""Advisories imported, listed and taken away; the catalogue that devices are compared with."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final

import msgspec
import sqlalchemy as sa

from vedette.health.advisories import repository
from vedette.health.advisories.csaf import read_advisory
from vedette.health.advisories.errors import AdvisoryNotFound, InvalidAdvisory, InvalidFeed
from vedette.health.advisories.feeds import read_catalog, read_scores
from vedette.health.advisories.matching import Catalogue
from vedette.health.advisories.model import (
    Advisory,
    AdvisoryLine,
    Exploitation,
    ExploitScores,
    Feed,
    ImportReport,
    RefusedFile,
)
from vedette.health.advisories.names import vendor_key
from vedette.health.advisories.package import read_package
from vedette.health.advisories.repository import CatalogueState
from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.registry import check_reason
from vedette.store import Store, Transaction

# Within the class below, ``list`` is a method.
Advisories = list[Advisory]
ADVISORIES_MAX: Final = 50_000
_TOGETHER: Final = 20
_FEW: Final = 200
_SCORES_TOGETHER: Final = 5_000
_REFUSED_SHOWN: Final = 100
_KEV: Final = "kev"
_EPSS: Final = "epss"


@dataclass(frozen=True, slots=True)
class CurrentCatalogue:
    """The catalogue, and what it was built of."""

    catalogue: Catalogue
    state: CatalogueState


@dataclass(slots=True)
class _Tally:
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    older: int = 0


class AdvisoryService:
    """Keeps advisories, and what is known of how the vulnerabilities in them are exploited.

    Args:
        store: Where they are kept.
        ledger: Where imports are told.
        clock: Source of time.
    """

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._current: dict[str, CurrentCatalogue] = {}
        self._building = asyncio.Lock()

    async def import_advisories(
        self, organization_id: OrganizationId, data: bytes, *, actor: Actor, name: str = "", sha256: str = ""
    ) -> ImportReport:
        """Take CSAF 2.0 documents: one, plain or gzip, or a zip of many; what comes twice changes nothing.

        Args:
            organization_id: Whose.
            data: The file.
            actor: Who hands it over.
            name: What the file is called, for the report.
            sha256: What the digest of ``data`` must be; empty: it was not told.

        Raises:
            InvalidAdvisory: Nothing of it can be read, or it has another digest.
        """
        _check_digest(data, sha256)
        read, refused = await asyncio.to_thread(_read_all, data, name)
        tally = _Tally()
        remaining = iter(read)
        while chunk := list(itertools.islice(remaining, _TOGETHER)):

            def take(tx: Transaction, chunk: Advisories = chunk) -> ImportReport:
                return self._take(tx, organization_id, chunk, actor)

            done = await self._store.write(take)
            for field in ("added", "updated", "unchanged", "older"):
                setattr(tally, field, getattr(tally, field) + getattr(done, field))
        if not read and len(refused) == 1:
            raise InvalidAdvisory(refused[0].reason, hint="advisories are JSON files of the form CSAF 2.0")
        return ImportReport(
            added=tally.added,
            updated=tally.updated,
            unchanged=tally.unchanged,
            older=tally.older,
            refused=tuple(refused[:_REFUSED_SHOWN]),
        )

    async def import_known_exploited(
        self, organization_id: OrganizationId, data: bytes, *, actor: Actor, sha256: str = ""
    ) -> Feed:
        """Take CISA's catalog of known exploited vulnerabilities; it replaces the one before.

        Raises:
            InvalidFeed: It cannot be read, has another digest, or is older than the one before.
        """
        _check_digest(data, sha256)
        catalog = await asyncio.to_thread(read_catalog, data)
        data_at = None if catalog.released_on is None else datetime.combine(catalog.released_on, time(), UTC)

        def take(tx: Transaction) -> Feed:
            self._check_age(tx, organization_id, _KEV, data_at)
            repository.replace_known_exploited(tx.connection, organization_id, catalog)
            return self._fed(
                tx,
                organization_id,
                _KEV,
                data_at=data_at,
                actor=actor,
                version=catalog.version,
                count=len(catalog.entries),
            )

        return await self._store.write(take)

    async def import_scores(
        self, organization_id: OrganizationId, data: bytes, *, actor: Actor, sha256: str = ""
    ) -> Feed:
        """Take exploit scores (EPSS); a file may come in parts, each with its first two lines.

        Raises:
            InvalidFeed: It cannot be read, has another digest, or is older than what is known.
        """
        _check_digest(data, sha256)
        scores = await asyncio.to_thread(read_scores, data)
        data_at = datetime.combine(scores.scored_on, time(), UTC)

        def check(tx: Transaction) -> None:
            self._check_age(tx, organization_id, _EPSS, data_at)

        await self._store.write(check)
        for start in range(0, len(scores.scores), _SCORES_TOGETHER):
            part = msgspec.structs.replace(scores, scores=scores.scores[start : start + _SCORES_TOGETHER])

            def save(tx: Transaction, part: ExploitScores = part) -> None:
                repository.save_scores(tx.connection, organization_id, part)

            await self._store.write(save)

        def take(tx: Transaction) -> Feed:
            count = repository.count_scores(tx.connection, organization_id)
            return self._fed(
                tx, organization_id, _EPSS, data_at=data_at, actor=actor, version=scores.model, count=count
            )

        return await self._store.write(take)

    async def feeds(self, organization_id: OrganizationId) -> list[Feed]:
        """Return what was imported of which source, and how old it is."""
        return await self._store.read(lambda connection: repository.list_feeds(connection, organization_id))

    async def list(
        self, organization_id: OrganizationId, *, text: str = "", name: str = "", after: str = "", limit: int = 100
    ) -> tuple[list[AdvisoryLine], str | None]:
        """Return advisories by key, and what reads on.

        Args:
            organization_id: Whose.
            text: Somewhere in id, title or maker.
            name: CVE id of a vulnerability that it is about.
            after: Where the page before ended.
            limit: At most so many.
        """
        found = await self._store.read(
            lambda connection: repository.list_advisories(
                connection, organization_id, text=text, name=name, after=after, limit=limit + 1
            )
        )
        return found[:limit], found[limit - 1].key if len(found) > limit else None

    async def show(self, organization_id: OrganizationId, key: str) -> tuple[AdvisoryLine, Advisory]:
        """Return one advisory, whole.

        Raises:
            AdvisoryNotFound: There is none.
        """
        found = await self._store.read(lambda connection: repository.find_advisory(connection, organization_id, key))
        if found is None:
            raise _not_found(key)
        return found

    async def remove(self, organization_id: OrganizationId, key: str, *, actor: Actor, reason: str) -> None:
        """Take an advisory away; what rested on it alone is no longer told.

        Raises:
            AdvisoryNotFound: There is none.
            ReasonMissing: No reason is given.
        """
        checked = check_reason(reason, is_required=True)

        def take_away(tx: Transaction) -> None:
            found = repository.find_advisory(tx.connection, organization_id, key)
            if found is None or not repository.delete_advisory(tx.connection, organization_id, key):
                raise _not_found(key)
            state = repository.read_state(tx.connection, organization_id)
            revision = state.revision + 1
            changed = msgspec.structs.replace(state, revision=revision, all_since=revision)
            repository.save_state(tx.connection, organization_id, changed)
            self._tell(
                tx,
                organization_id,
                actor,
                "health.remove_advisory",
                target=key,
                target_name=found[0].advisory_id,
                reason=checked,
            )

        await self._store.write(take_away)

    async def exploitation(self, organization_id: OrganizationId, names: Iterable[str]) -> dict[str, Exploitation]:
        """Return what is known of how vulnerabilities are exploited; of the others nothing is."""
        wanted = list(names)
        return await self._store.read(lambda c: repository.find_exploitation(c, organization_id, wanted))

    async def state(self, organization_id: OrganizationId) -> CatalogueState:
        """Return how often the catalogue changed."""
        return await self._store.read(lambda connection: repository.read_state(connection, organization_id))

    async def changes_since(self, organization_id: OrganizationId, revision: int) -> Catalogue | None:
        """Return what came after a revision of the catalogue; None: more than a few advisories."""
        few = await self._store.read(
            lambda connection: repository.advisories_since(connection, organization_id, revision, _FEW)
        )
        return None if few is None else await asyncio.to_thread(Catalogue, few)

    async def catalogue(self, organization_id: OrganizationId) -> CurrentCatalogue:
        """Return all advisories, ready to be compared with devices; built anew after each change."""
        async with self._building:
            state = await self.state(organization_id)
            known = self._current.get(organization_id)
            if known is not None and known.state.revision == state.revision:
                return CurrentCatalogue(known.catalogue, state)

            def build(connection: sa.Connection) -> CurrentCatalogue:
                current = repository.read_state(connection, organization_id)
                return CurrentCatalogue(Catalogue(repository.every_advisory(connection, organization_id)), current)

            built = await self._store.read(build)
            self._current[organization_id] = built
            return built

    def _take(self, tx: Transaction, organization_id: OrganizationId, chunk: Advisories, actor: Actor) -> ImportReport:
        known = repository.find_digests(tx.connection, organization_id, [each.key for each in chunk])
        changed: dict[str, Advisory] = {}
        older, is_less = 0, False
        for each in chunk:
            before = known.get(each.key)
            if before is not None and before[0] == each.sha256:
                continue
            if before is not None and before[1] > each.released_at:
                older += 1
                continue
            changed[each.key] = each
            is_less = is_less or (before is not None and not before[2] <= vendors_of(each))
        if changed:
            self._save(tx, organization_id, [*changed.values()], actor, is_less=is_less)
        added = sum(key not in known for key in changed)
        return ImportReport(
            added=added,
            updated=len(changed) - added,
            unchanged=len(chunk) - len(changed) - older,
            older=older,
        )

    def _save(
        self, tx: Transaction, organization_id: OrganizationId, changed: Advisories, actor: Actor, *, is_less: bool
    ) -> None:
        """Write advisories; ``is_less``: one of them no longer names a maker that it named before."""
        now = self._clock.now()
        state = repository.read_state(tx.connection, organization_id)
        count = repository.count_all(tx.connection, organization_id)
        if count + len(changed) > ADVISORIES_MAX:
            raise InvalidAdvisory(f"more than {ADVISORIES_MAX} advisories", hint="take away what no device needs")
        revision = state.revision + 1
        for advisory in changed:
            line = _line(advisory, now, actor)
            repository.save_advisory(tx.connection, organization_id, advisory, line, revision)
        state = msgspec.structs.replace(state, revision=revision, all_since=revision if is_less else state.all_since)
        repository.save_state(tx.connection, organization_id, state)
        for publisher in sorted({each.publisher for each in changed}):
            total, youngest = repository.count_advisories(tx.connection, organization_id, publisher)
            feed = Feed(
                name=f"csaf:{publisher}",
                data_at=youngest,
                imported_at=now,
                imported_by=actor.name or actor.id,
                version="",
                count=total,
            )
            repository.save_feed(tx.connection, organization_id, feed)
        details: dict[str, object] = {
            "advisories": [each.advisory_id for each in changed],
            "sha256": [each.sha256 for each in changed],
        }
        self._tell(
            tx, organization_id, actor, "health.import_advisories", target="advisories", target_name="", details=details
        )

    def _fed(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        name: str,
        *,
        data_at: datetime | None,
        actor: Actor,
        version: str,
        count: int,
    ) -> Feed:
        feed = Feed(
            name=name,
            data_at=data_at,
            imported_at=self._clock.now(),
            imported_by=actor.name or actor.id,
            version=version,
            count=count,
        )
        repository.save_feed(tx.connection, organization_id, feed)
        state = repository.read_state(tx.connection, organization_id)
        changed = msgspec.structs.replace(state, exploitation=state.exploitation + 1)
        repository.save_state(tx.connection, organization_id, changed)
        self._tell(
            tx, organization_id, actor, "health.import_feed", target=name, target_name=name, details={"count": count}
        )
        return feed

    def _check_age(self, tx: Transaction, organization_id: OrganizationId, name: str, data_at: datetime | None) -> None:
        known = next(
            (each for each in repository.list_feeds(tx.connection, organization_id) if each.name == name), None
        )
        if known is not None and known.data_at is not None and data_at is not None and data_at < known.data_at:
            raise InvalidFeed(
                f"it is of {data_at.date()}, and that of {known.data_at.date()} is known", hint="import a younger file"
            )

    def _tell(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        actor: Actor,
        action: str,
        *,
        target: str,
        target_name: str,
        reason: str = "",
        details: dict[str, object] | None = None,
    ) -> None:
        entry = Entry(
            organization_id=organization_id,
            actor=actor,
            action=action,
            target=target,
            target_name=target_name,
            reason=reason,
            details=details or {},
        )
        self._ledger.append(tx, entry)


def _read_all(data: bytes, name: str) -> tuple[list[Advisory], list[RefusedFile]]:
    read: list[Advisory] = []
    refused: list[RefusedFile] = []
    for each in read_package(data, name=name):
        if isinstance(each, RefusedFile):
            refused.append(each)
            continue
        try:
            read.append(read_advisory(each[1]))
        except InvalidAdvisory as problem:
            refused.append(RefusedFile(each[0], problem.detail))
    return read, refused


def _line(advisory: Advisory, now: datetime, actor: Actor) -> AdvisoryLine:
    return AdvisoryLine(
        key=advisory.key,
        advisory_id=advisory.advisory_id,
        publisher=advisory.publisher,
        title=advisory.title,
        version=advisory.version,
        status=advisory.status,
        released_at=advisory.released_at,
        first_released_at=advisory.first_released_at,
        url=advisory.url,
        sha256=advisory.sha256,
        score=max((each.score for each in advisory.weaknesses if each.score is not None), default=None),
        products=len(advisory.products),
        weaknesses=len(advisory.weaknesses),
        vendors=tuple(sorted(vendors_of(advisory))),
        imported_at=now,
        imported_by=actor.name or actor.id,
    )


def vendors_of(advisory: Advisory) -> frozenset[str]:
    """Return the makers whose products an advisory names."""
    return frozenset(vendor_key(each.vendor) for each in advisory.products)


def _check_digest(data: bytes, sha256: str) -> None:
    if sha256 and not hmac.compare_digest(hashlib.sha256(data).hexdigest().encode(), sha256.strip().lower().encode()):
        raise InvalidFeed("the file has another SHA-256 digest than the one told", hint="fetch it again")


def _not_found(key: str) -> AdvisoryNotFound:
    return AdvisoryNotFound(f"there is no advisory {key[:80]!r}", hint="see them: vedette advisory list")
