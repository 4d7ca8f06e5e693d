"""Assets compared with advisories: only those of which anything changed, a few at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from vedette.health.advisories import (
    AdvisoryService,
    Assessment,
    Catalogue,
    Certainty,
    CurrentCatalogue,
    Exploitation,
    Match,
    SeenFact,
    Weakness,
)
from vedette.kernel import Clock, OrganizationId, Problem
from vedette.network.exposure import repository
from vedette.network.exposure.devices import ToldDevices, is_device
from vedette.network.exposure.evidence import (
    fingerprint,
    merge_assessments,
    name_of,
    seen_facts,
    told_facts,
)
from vedette.network.exposure.model import Evidence, Exposure, Vulnerability, VulnerabilityState, evidence_id
from vedette.network.exposure.ranking import Surroundings, rank
from vedette.network.exposure.signals import ExposureSignals
from vedette.network.exposure.surroundings import SurroundingsBuilder
from vedette.network.model import LinkSearch, ManagedBy, NetworkAsset
from vedette.network.reader import NetworkReader
from vedette.registry import find_twins
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

VULNERABILITIES_MAX: Final = 1_000
_INTERVAL_S: Final = 60.0
_LINKS_EVERY: Final = timedelta(minutes=10)
_DEVICES_EVERY: Final = timedelta(minutes=10)
_TOGETHER: Final = 25
_PAUSE_S: Final = 0.01
_NOTHING: Final = Surroundings()
_UNSEEN: Final = Surroundings(is_seen=False)
_NO_EXPLOITATION: Final = Exploitation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one look at the inventory came to.

    Attributes:
        assets: There are.
        assessed: Compared anew.
        changed: Vulnerabilities that are new, other than before, or gone.
    """

    assets: int = 0
    assessed: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """What assets are compared with at this moment."""

    current: CurrentCatalogue
    exploitation: dict[str, Exploitation]
    now: datetime


@dataclass(frozen=True, slots=True)
class _Due:
    asset: NetworkAsset
    facts: tuple[SeenFact, ...]
    told: tuple[SeenFact, ...]
    around: Surroundings
    fingerprint: str


@dataclass(frozen=True, slots=True)
class _Changes:
    """What of the catalogue came after a revision, and the assets that had vulnerabilities by it before."""

    since: Catalogue | None
    assets: set[str]

    def may_be_about(self, due: _Due) -> bool:
        if self.since is None or due.asset.asset_id in self.assets:
            return True
        found = [self.since.assess(each) for each in (due.facts, due.told)]
        return any(each.matches or each.unknown_advisories for each in found)


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at the inventory goes by."""

    known: dict[str, Exposure]
    current: CurrentCatalogue
    changes: dict[int, _Changes] = field(default_factory=dict)


class ExposureAssessor:
    """Compares the assets of one organization, and devices that tell what they are, with its advisories.

    Args:
        organization_id: Whose.
        store: Where the outcome is kept.
        reader: Reads the inventory.
        advisories: Hold the catalogue.
        signals: Tells of managed devices.
        clock: Source of time.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        reader: NetworkReader,
        advisories: AdvisoryService,
        signals: ExposureSignals,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._reader = reader
        self._advisories = advisories
        self._signals = signals
        self._clock = clock
        self._devices = ToldDevices(organization_id, store)
        self._told: set[str] = set()
        self._told_at: tuple[datetime, tuple[int, int]] | None = None
        self._around: dict[str, Surroundings] = {}
        self._around_at: datetime | None = None
        self._turn = asyncio.Lock()
        self._nudged = asyncio.Event()

    async def run(self) -> None:
        """Look each minute, until cancelled."""
        while True:
            try:
                await self.assess()
            except Problem as problem:
                log.warning("assets are not compared with advisories", extra={"cause": problem.code})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_INTERVAL_S):
                    await self._nudged.wait()
            self._nudged.clear()

    def nudge(self) -> None:
        """Have it look at once: there is something new to compare with."""
        self._told_at = None
        self._nudged.set()

    async def assess(self) -> Run:
        """Compare every asset of which anything changed since it was last compared."""
        async with self._turn:
            current = await self._advisories.catalogue(self._organization_id)
            known = await self._store.read(lambda c: repository.every_exposure(c, self._organization_id))
            if not current.state.revision and not known:
                return Run()
            levels = await self._levels()
            await self._look_around(levels)
            look = _Look(known, current)
            done: list[Run] = []
            seen: set[str] = set()
            async for assets in self._reader.every_asset(self._organization_id):
                done.append(await self._take(assets, look))
                seen.update(
                    asset.management.generation_id for asset in assets if asset.management and _is_by_person(asset)
                )
            if self._are_devices_due(current):
                told: set[str] = set()
                async for devices in self._devices.pages(but=seen):
                    done.append(await self._take(devices, look))
                    told.update(device.asset_id for device in devices)
                self._told = told
            self._told -= seen
            await self._forget(known.keys() - levels.keys() - self._told)
            return Run(
                assets=len(levels) + len(self._told),
                assessed=sum(each.assessed for each in done),
                changed=sum(each.changed for each in done),
            )

    def _are_devices_due(self, current: CurrentCatalogue) -> bool:
        """Tell whether devices are looked for now: their twins are many, and no index leads to what they report."""
        now, data = self._clock.now(), (current.state.revision, current.state.exploitation)
        if self._told_at is not None and self._told_at[1] == data and now < self._told_at[0] + _DEVICES_EVERY:
            return False
        self._told_at = now, data
        return True

    async def _take(self, assets: Sequence[NetworkAsset], look: _Look) -> Run:
        due = await self._due(assets, look)
        changed = 0
        for start in range(0, len(due), _TOGETHER):
            changed += await self._assess(due[start : start + _TOGETHER], look.current)
            await asyncio.sleep(_PAUSE_S)  # so that this fills no core that signals and sessions need
        await self._refresh(assets)
        return Run(assessed=len(due), changed=changed)

    async def assess_asset(self, asset_id: str) -> None:
        """Compare one asset at once, whatever changed.

        Raises:
            AssetNotFound: There is none.
        """
        async with self._turn:
            current = await self._advisories.catalogue(self._organization_id)
            asset = await self._devices.find(asset_id)
            asset = asset or await self._reader.asset(self._organization_id, asset_id)
            (due,) = await self._read([asset])
            await self._assess([due], current)

    async def surroundings(self, asset_id: str) -> Surroundings:
        """Return who reaches an asset now."""
        if is_device(asset_id):
            return _UNSEEN
        builder = SurroundingsBuilder()
        async for links in self._reader.every_link(self._organization_id, LinkSearch(asset_id=asset_id)):
            builder.add(links)
        return builder.build({}).get(asset_id, _NOTHING)

    async def _levels(self) -> dict[str, str]:
        levels: dict[str, str] = {}
        async for assets in self._reader.every_asset(self._organization_id):
            levels |= {asset.asset_id: asset.level for asset in assets}
        return levels

    async def _look_around(self, levels: dict[str, str]) -> None:
        now = self._clock.now()
        if self._around_at is not None and self._around_at <= now < self._around_at + _LINKS_EVERY:
            return
        builder = SurroundingsBuilder()
        async for links in self._reader.every_link(self._organization_id):
            builder.add(links)
        self._around, self._around_at = builder.build(levels), now

    async def _read(self, assets: Sequence[NetworkAsset]) -> list[_Due]:
        """Read what is known of assets: by sensors, and of themselves where a person said which device they are."""
        facts = await self._reader.facts(self._organization_id, [asset.asset_id for asset in assets])
        managed = [each.management.generation_id for each in assets if each.management and _is_by_person(each)]
        twins = await self._reader.read(lambda c: find_twins(c, self._organization_id, managed)) if managed else {}
        read = []
        for asset in assets:
            seen = seen_facts(facts.get(asset.asset_id, ()))
            twin = twins.get(asset.management.generation_id) if asset.management and _is_by_person(asset) else None
            told: tuple[SeenFact, ...] = ()
            if twin is not None and twin.updated_at is not None:
                told = told_facts(twin.reported.values, twin.updated_at)
            around = _UNSEEN if is_device(asset.asset_id) else self._around.get(asset.asset_id, _NOTHING)
            read.append(_Due(asset, seen, told, around, fingerprint(asset, (*seen, *told), around)))
        return read

    async def _due(self, assets: Sequence[NetworkAsset], look: _Look) -> list[_Due]:
        current = look.current
        due: list[_Due] = []
        doubtful: list[tuple[_Due, _Changes]] = []
        for each in await self._read(assets):
            before = look.known.get(each.asset.asset_id)
            if before is None or _is_other(each, before, current):
                due.append(each)
            elif before.revision < current.state.revision:
                doubtful.append((each, await self._changes(before.revision, look.changes)))
        answers = await asyncio.to_thread(lambda: [change.may_be_about(each) for each, change in doubtful])
        passed = [each.asset.asset_id for (each, _), answer in zip(doubtful, answers, strict=True) if not answer]
        if passed:

            def pass_over(tx: Transaction) -> None:
                repository.pass_over(tx.connection, self._organization_id, passed, current.state.revision)

            await self._store.write(pass_over)
        return due + [each for (each, _), answer in zip(doubtful, answers, strict=True) if answer]

    async def _changes(self, revision: int, changes: dict[int, _Changes]) -> _Changes:
        if revision not in changes:
            since = await self._advisories.changes_since(self._organization_id, revision)
            keys = [] if since is None else list(since.keys)
            assets = await self._store.read(lambda c: repository.assets_with(c, self._organization_id, keys))
            changes[revision] = _Changes(since, assets)
        return changes[revision]

    async def _assess(self, due: Sequence[_Due], current: CurrentCatalogue) -> int:
        assessments = await asyncio.to_thread(lambda: [_compare(each, current) for each in due])
        names = {match.name for assessment in assessments for match in assessment.matches}
        exploitation = await self._advisories.exploitation(self._organization_id, names)
        now = self._clock.now()
        facts = _Known(current, exploitation, now)

        def write(tx: Transaction) -> tuple[int, list[tuple[NetworkAsset, Exposure, list[Vulnerability]]]]:
            ids = [each.asset.asset_id for each in due]
            before = repository.vulnerabilities_of(tx.connection, self._organization_id, ids, now)
            exposures = repository.find_exposures(tx.connection, self._organization_id, ids)
            changed: list[Vulnerability] = []
            gone: list[tuple[str, str]] = []
            done = []
            for each, assessment in zip(due, assessments, strict=True):
                known = before[each.asset.asset_id]
                found = _compose(each, assessment, known, facts)
                changed += [one for one in found if known.get(one.name) != one]
                gone += [(each.asset.asset_id, name) for name in known.keys() - {one.name for one in found}]
                exposure = _come_to(each, assessment, found, exposures.get(each.asset.asset_id), facts)
                done.append((each.asset, exposure, found))
            repository.save_vulnerabilities(tx.connection, self._organization_id, changed, gone)
            repository.save_exposures(tx.connection, self._organization_id, [exposure for _, exposure, _ in done])
            return len(changed) + len(gone), done

        count, done = await self._store.write(write)
        for asset, exposure, found in done:
            await self._signals.settle(asset, exposure, found)
        return count

    async def _refresh(self, assets: Sequence[NetworkAsset]) -> None:
        """Tell again what still stands of managed devices, since such a signal ends by itself; acceptances end too."""
        managed = {asset.asset_id: asset for asset in assets if asset.management is not None}
        if not managed:
            return
        now = self._clock.now()

        def read(connection: sa.Connection) -> tuple[dict[str, Exposure], dict[str, dict[str, Vulnerability]]]:
            exposures = repository.find_exposures(connection, self._organization_id, list(managed))
            told = [each.asset_id for each in exposures.values() if each.proven or each.signal_id]
            return exposures, repository.vulnerabilities_of(connection, self._organization_id, told, now)

        exposures, found = await self._store.read(read)
        for asset_id, by_name in found.items():
            await self._signals.settle(managed[asset_id], exposures[asset_id], list(by_name.values()))

    async def _forget(self, gone: set[str]) -> None:
        for asset_id in sorted(gone):
            await self._signals.end(asset_id)

            def forget(tx: Transaction, asset_id: str = asset_id) -> None:
                repository.forget_asset(tx.connection, self._organization_id, asset_id)

            await self._store.write(forget)


def _is_other(due: _Due, before: Exposure, current: CurrentCatalogue) -> bool:
    """Tell whether an asset, or how its vulnerabilities are exploited, is other than when it was compared."""
    if before.fingerprint != due.fingerprint or before.revision < current.state.all_since:
        return True
    return before.exploitation != current.state.exploitation and before.proven + before.maybe > 0


def _is_by_person(asset: NetworkAsset) -> bool:
    return asset.management is not None and asset.management.by is ManagedBy.PERSON


def _compare(due: _Due, current: CurrentCatalogue) -> Assessment:
    if due.told and not due.facts:
        return current.catalogue.assess(due.told)
    seen = current.catalogue.assess(due.facts)
    return merge_assessments(seen, current.catalogue.assess(due.told)) if due.told else seen


def _compose(
    due: _Due,
    assessment: Assessment,
    known: dict[str, Vulnerability],
    compared: _Known,
) -> list[Vulnerability]:
    found = []
    for match in assessment.matches:
        weakness = _weakness_of(compared.current, match)
        told = compared.exploitation.get(match.name, _NO_EXPLOITATION)
        ranking = rank(
            match.certainty,
            score=weakness.score,
            vector=weakness.vector,
            exploitation=told,
            surroundings=due.around,
            level=due.asset.level,
            criticality=due.asset.criticality,
        )
        before = known.get(match.name)
        rests_on = evidence_id(match, is_known_exploited=told.known is not None)
        is_same = before is not None and before.evidence_id == rests_on
        found.append(
            Vulnerability(
                asset_id=due.asset.asset_id,
                site=due.asset.site,
                asset_name=name_of(due.asset),
                name=match.name,
                title=weakness.title,
                certainty=match.certainty,
                confidence=match.confidence,
                priority=ranking.priority,
                factors=ranking.factors,
                advisory_key=match.advisory_key,
                product_id=match.product_id,
                product=match.product,
                versions=match.versions,
                reasons=match.reasons,
                evidence=tuple(_evidence(fact) for fact in match.facts),
                evidence_id=rests_on,
                score=weakness.score,
                vector=weakness.vector,
                is_known_exploited=told.known is not None,
                probability=None if told.score is None else told.score.probability,
                percentile=None if told.score is None else told.score.percentile,
                found_at=compared.now if before is None else before.found_at,
                changed_at=before.changed_at if before is not None and is_same else compared.now,
                state=VulnerabilityState.OPEN if before is None or not is_same else before.state,
                acceptance=None if before is None else before.acceptance,
                ended_because="" if before is None else before.ended_because,
            )
        )
    found.sort(key=lambda each: (-each.priority, each.name))
    return found[:VULNERABILITIES_MAX]


def _come_to(
    due: _Due,
    assessment: Assessment,
    found: Sequence[Vulnerability],
    before: Exposure | None,
    compared: _Known,
) -> Exposure:
    asset = due.asset
    fresh = Exposure(asset_id=asset.asset_id, site=asset.site, asset_name=name_of(asset), assessed_at=compared.now)
    return replace(
        fresh if before is None else before,
        site=asset.site,
        asset_name=name_of(asset),
        proven=sum(each.certainty is Certainty.PROVEN for each in found),
        maybe=sum(each.certainty is Certainty.MAYBE for each in found),
        unknown_advisories=assessment.unknown_advisories,
        unknown_reason=assessment.unknown_reason[:1024],
        priority=max((each.priority for each in found if each.state is VulnerabilityState.OPEN), default=0),
        fingerprint=due.fingerprint,
        revision=compared.current.state.revision,
        exploitation=compared.current.state.exploitation,
        assessed_at=compared.now,
    )


def _weakness_of(current: CurrentCatalogue, match: Match) -> Weakness:
    advisory = current.catalogue.find(match.advisory_key)
    assert advisory is not None  # noqa: S101 - the match was made with this very catalogue
    return next(each for each in advisory.weaknesses if each.name == match.name)


def _evidence(fact: SeenFact) -> Evidence:
    return Evidence(
        attribute=fact.attribute,
        value=fact.value,
        confidence=fact.confidence,
        source=fact.source,
        last_at=fact.last_at,
    )
