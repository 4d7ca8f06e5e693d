"""What the imported advisories say of the assets in a report; nothing of it is kept beside the report."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from vedette.health.advisories import AdvisoryService, Certainty, CurrentCatalogue, SeenFact
from vedette.kernel import Clock, OrganizationId
from vedette.network.captures.answers import SeenProduct

LISTED_MAX: Final = 5_000
_PAUSE_S: Final = 0.01
_WORD_CHARS: Final = 512


class ReportMatching:
    """Compares the assets of reports with the advisories of one organization.

    Args:
        organization_id: Whose advisories.
        advisories: Hold the catalogue.
        clock: When the capture was read.
    """

    def __init__(self, organization_id: OrganizationId, advisories: AdvisoryService, *, clock: Clock) -> None:
        self._organization_id: Final = organization_id
        self._advisories: Final = advisories
        self._clock: Final = clock

    async def begin(self) -> MatchedAssets:
        """Return what takes the assets of one report."""
        return MatchedAssets(await self._advisories.catalogue(self._organization_id), self._clock)


class MatchedAssets:
    """The vulnerabilities of one report.

    Attributes:
        found: As JSON; what was proven comes first.
        left_out: How many more there were.
        unknown: Assets of which too little is known to tell.
    """

    def __init__(self, current: CurrentCatalogue, clock: Clock) -> None:
        self._current: Final = current
        self._clock: Final = clock
        self._proven: Final[list[dict[str, Any]]] = []  # Any: JSON
        self._maybe: Final[list[dict[str, Any]]] = []
        self.left_out = 0
        self.unknown = 0

    @property
    def found(self) -> list[dict[str, Any]]:  # Any: JSON
        """All of them."""
        return [*self._proven, *self._maybe]

    @property
    def has_advisories(self) -> bool:
        """Whether there was anything to compare with."""
        return bool(self._current.state.revision)

    async def take(self, assets: Sequence[SeenProduct]) -> None:
        """Compare some assets; a little at a time, so that nobody else waits."""
        if self.has_advisories:
            await asyncio.to_thread(self._compare, assets)
            await asyncio.sleep(_PAUSE_S)

    def _compare(self, assets: Sequence[SeenProduct]) -> None:
        now = self._clock.now()
        for asset in assets:
            facts = [
                SeenFact(
                    attribute=fact.attribute,
                    value=fact.value[:_WORD_CHARS],
                    confidence=fact.confidence,
                    source=fact.source[:_WORD_CHARS],
                    last_at=now,
                )
                for fact in asset.facts
            ]
            assessment = self._current.catalogue.assess(facts)
            self.unknown += bool(assessment.unknown_reason)
            for match in assessment.matches:
                into = self._proven if match.certainty is Certainty.PROVEN else self._maybe
                if len(into) >= LISTED_MAX:
                    self.left_out += 1
                    continue
                advisory = self._current.catalogue.find(match.advisory_key)
                weakness = (
                    next((each for each in advisory.weaknesses if each.name == match.name), None) if advisory else None
                )
                into.append(
                    {
                        "asset": asset.number,
                        "address": asset.address,
                        "name": match.name,
                        "title": "" if weakness is None else weakness.title,
                        "score": None if weakness is None else weakness.score,
                        "certainty": match.certainty.value,
                        "confidence": match.confidence,
                        "product": match.product,
                        "versions": match.versions,
                        "advisory": match.advisory_key,
                        "reasons": list(match.reasons),
                    }
                )
