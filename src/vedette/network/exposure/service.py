"""Vulnerabilities of assets as people read them, and as they accept them for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.health.advisories import AdvisoryLine, AdvisoryService
from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.network.exposure import repository
from vedette.network.exposure.advice import Advice, advise
from vedette.network.exposure.assessor import ExposureAssessor
from vedette.network.exposure.devices import is_device
from vedette.network.exposure.errors import EvidenceChanged, InvalidAcceptance, VulnerabilityNotFound
from vedette.network.exposure.model import (
    Acceptance,
    Exposure,
    Summary,
    Vulnerability,
    VulnerabilitySearch,
    check_acceptance,
)
from vedette.network.exposure.ranking import Surroundings
from vedette.network.reader import require_asset
from vedette.registry import check_reason
from vedette.store import Store, Transaction

_EVERYTHING: Final = VulnerabilitySearch()
_CURSOR_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class ExposurePage:
    """By asset; ``next`` reads on, None at the end."""

    items: list[Exposure]
    next: str | None


@dataclass(frozen=True, slots=True)
class VulnerabilityPage:
    """Those that matter most first; ``next`` reads on, None at the end."""

    items: list[Vulnerability]
    next: str | None


@dataclass(frozen=True, slots=True)
class VulnerabilityReport:
    """One vulnerability of an asset, with what to do about it."""

    vulnerability: Vulnerability
    advisory: AdvisoryLine | None
    advice: tuple[Advice, ...]
    surroundings: Surroundings


class ExposureService:
    """Reads the vulnerabilities of assets, and keeps who lives with one.

    Args:
        store: Where they are kept.
        ledger: Where acts of people are told.
        advisories: Hold what they rest on.
        assessor: Compares an asset anew after an act.
        clock: Source of time.
    """

    def __init__(
        self, store: Store, ledger: Ledger, advisories: AdvisoryService, assessor: ExposureAssessor, *, clock: Clock
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._advisories = advisories
        self._assessor = assessor
        self._clock = clock

    async def list(
        self,
        organization_id: OrganizationId,
        search: VulnerabilitySearch = _EVERYTHING,
        *,
        after: str = "",
        limit: int = 100,
    ) -> VulnerabilityPage:
        """Return vulnerabilities that fit, those that matter most first.

        Raises:
            InvalidAcceptance: ``after`` is no cursor.
        """
        cursor, now = _read_cursor(after), self._clock.now()
        found = await self._store.read(
            lambda connection: repository.list_vulnerabilities(
                connection, organization_id, search, now, after=cursor, limit=limit + 1
            )
        )
        following = None
        if len(found) > limit:
            last = found[limit - 1]
            following = f"{last.priority}:{last.asset_id}:{last.name}"
        return VulnerabilityPage(found[:limit], following)

    async def show(self, organization_id: OrganizationId, asset_id: str, name: str) -> VulnerabilityReport:
        """Return one vulnerability of an asset, and what to do about it.

        Raises:
            VulnerabilityNotFound: It has no such vulnerability.
        """
        now = self._clock.now()
        found = await self._store.read(
            lambda connection: repository.find_vulnerability(connection, organization_id, asset_id, name, now)
        )
        if found is None:
            raise _not_found(asset_id, name)
        current = await self._advisories.catalogue(organization_id)
        advisory = current.catalogue.find(found.advisory_key)
        line = None if advisory is None else (await self._advisories.show(organization_id, found.advisory_key))[0]
        around = await self._assessor.surroundings(asset_id)
        return VulnerabilityReport(found, line, advise(found, advisory, around), around)

    async def exposures(
        self,
        organization_id: OrganizationId,
        *,
        sites: frozenset[str] | None = None,
        is_unknown: bool | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ExposurePage:
        """Return what assets' vulnerabilities come to, by asset."""
        found = await self._store.read(
            lambda connection: repository.list_exposures(
                connection, organization_id, sites=sites, is_unknown=is_unknown, after=after, limit=limit + 1
            )
        )
        return ExposurePage(found[:limit], found[limit - 1].asset_id if len(found) > limit else None)

    async def exposure(self, organization_id: OrganizationId, asset_id: str) -> Exposure | None:
        """Return what an asset's vulnerabilities come to; None: it was not compared yet.

        Raises:
            AssetNotFound: There is no such asset.
        """

        def read(connection: sa.Connection) -> Exposure | None:
            if is_device(asset_id):
                return repository.find_exposure(connection, organization_id, asset_id)
            asset = require_asset(connection, organization_id, asset_id)
            return repository.find_exposure(connection, organization_id, asset.asset_id)

        return await self._store.read(read)

    async def summary(self, organization_id: OrganizationId, *, sites: frozenset[str] | None = None) -> Summary:
        """Return what all assets' vulnerabilities come to."""
        now = self._clock.now()
        return await self._store.read(lambda connection: repository.summarize(connection, organization_id, now, sites))

    async def accept(
        self,
        organization_id: OrganizationId,
        asset_id: str,
        name: str,
        *,
        owner: str,
        until: datetime,
        actor: Actor,
        reason: str,
        evidence_id: str = "",
    ) -> Vulnerability:
        """Live with a vulnerability until a day, for as long as nothing about it changes.

        Args:
            organization_id: Whose.
            asset_id: The asset.
            name: The vulnerability.
            owner: Who answers for it.
            until: When it returns; within a year.
            actor: Who accepts.
            reason: Why.
            evidence_id: What was read of it; empty: whatever it is now.

        Raises:
            VulnerabilityNotFound: It has no such vulnerability.
            EvidenceChanged: What it rests on is not what was read.
            InvalidAcceptance: Nobody answers for it, or it would last for ever.
            ReasonMissing: No reason is given.
        """
        now, checked = self._clock.now(), check_reason(reason, is_required=True)
        answers = check_acceptance(owner, until, now)

        def write(tx: Transaction) -> None:
            found = repository.find_vulnerability(tx.connection, organization_id, asset_id, name, now)
            if found is None:
                raise _not_found(asset_id, name)
            if evidence_id and evidence_id != found.evidence_id:
                raise EvidenceChanged(f"what {name[:80]} rests on has changed", hint="read it again, then decide")
            acceptance = Acceptance(
                asset_id=asset_id,
                name=name,
                owner=answers,
                reason=checked,
                until=until,
                accepted_by=(actor.name or actor.id)[:256],
                accepted_at=now,
                evidence=found.evidence_id,
            )
            repository.save_acceptance(tx.connection, organization_id, acceptance)
            details: dict[str, object] = {
                "vulnerability": name,
                "owner": answers,
                "until": until.isoformat(),
                "certainty": found.certainty.value,
                "priority": found.priority,
            }
            self._tell(
                tx, organization_id, actor, "network.accept_vulnerability", found=found, reason=checked, details=details
            )

        await self._store.write(write)
        return await self._after(organization_id, asset_id, name)

    async def reopen(
        self, organization_id: OrganizationId, asset_id: str, name: str, *, actor: Actor, reason: str
    ) -> Vulnerability:
        """Take an acceptance back.

        Raises:
            VulnerabilityNotFound: It has no such vulnerability, or nobody accepted it.
            ReasonMissing: No reason is given.
        """
        now, checked = self._clock.now(), check_reason(reason, is_required=True)

        def write(tx: Transaction) -> None:
            found = repository.find_vulnerability(tx.connection, organization_id, asset_id, name, now)
            if found is None or not repository.delete_acceptance(tx.connection, organization_id, asset_id, name):
                raise _not_found(asset_id, name)
            details: dict[str, object] = {"vulnerability": name}
            self._tell(
                tx, organization_id, actor, "network.reopen_vulnerability", found=found, reason=checked, details=details
            )

        await self._store.write(write)
        return await self._after(organization_id, asset_id, name)

    async def _after(self, organization_id: OrganizationId, asset_id: str, name: str) -> Vulnerability:
        await self._assessor.assess_asset(asset_id)
        now = self._clock.now()
        found = await self._store.read(
            lambda connection: repository.find_vulnerability(connection, organization_id, asset_id, name, now)
        )
        if found is None:
            raise _not_found(asset_id, name)
        return found

    def _tell(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        actor: Actor,
        action: str,
        *,
        found: Vulnerability,
        reason: str,
        details: dict[str, object],
    ) -> None:
        entry = Entry(
            organization_id=organization_id,
            actor=actor,
            action=action,
            target=found.asset_id,
            target_name=found.asset_name[:256],
            reason=reason,
            details=details,
        )
        self._ledger.append(tx, entry)


def _read_cursor(after: str) -> tuple[int, str, str] | None:
    if not after:
        return None
    parts = after.split(":", _CURSOR_PARTS - 1)
    if len(parts) != _CURSOR_PARTS or not parts[0].isascii() or not parts[0].isdigit() or len(parts[0]) > _CURSOR_PARTS:
        raise InvalidAcceptance(f"{after[:80]!r} is no cursor", hint="pass `next` of the page before")
    return int(parts[0]), parts[1], parts[2]


def _not_found(asset_id: str, name: str) -> VulnerabilityNotFound:
    return VulnerabilityNotFound(
        f"{asset_id[:80]} has no vulnerability {name[:80]!r}, as far as is known",
        hint=f"see them: vedette vulnerability list --asset {asset_id[:80]}",
    )
