"""``/v1/advisories`` and ``/v1/vulnerability-feeds``: what is known of vulnerabilities, as operators import it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from vedette.api.advisory_views import (
    AdvisoryDetails,
    AdvisoryView,
    FeedView,
    HandedFile,
    ImportReportView,
    read_content,
    show_advisory,
    show_details,
    show_feed,
    show_report,
)
from vedette.api.schema import After, Limit, Page, RequiredReason, View, Who, api_router, refusals
from vedette.health.advisories import AdvisoryService
from vedette.kernel import OrganizationId
from vedette.network.exposure import ExposureAssessor

_KeyPath = Annotated[str, Path(max_length=64, description="Generated key of the advisory.", examples=["adv_a1b2"])]
_FeedPath = Annotated[Literal["kev", "epss"], Path(description="Known exploited vulnerabilities, or exploit scores.")]


class RemovedAdvisory(View):
    """An advisory that was taken away."""

    advisory_key: str


class AdvisoryRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self, organization_id: OrganizationId, advisories: AdvisoryService, assessor: ExposureAssessor
    ) -> None:
        self._organization_id = organization_id
        self._advisories = advisories
        self._assessor = assessor

    def build(self) -> list[APIRouter]:
        """Return the routes."""
        router = api_router("vulnerabilities", "/v1/advisories")
        add = router.add_api_route
        add("", self.list_advisories, methods=["GET"], summary="List advisories", responses=refusals(422))
        add(
            "",
            self.import_advisories,
            methods=["POST"],
            summary="Import advisories",
            responses=refusals(422, is_change=True),
        )
        add("/{advisory_key}", self.show, methods=["GET"], summary="Show an advisory", responses=refusals(404, 422))
        add(
            "/{advisory_key}/remove",
            self.remove,
            methods=["POST"],
            summary="Take an advisory away",
            responses=refusals(404, 422, is_change=True),
        )
        feeds = api_router("vulnerabilities", "/v1/vulnerability-feeds")
        feeds.add_api_route(
            "",
            self.feeds,
            methods=["GET"],
            summary="List where what is known of vulnerabilities comes from",
            responses=refusals(),
        )
        feeds.add_api_route(
            "/{feed}",
            self.import_feed,
            methods=["POST"],
            summary="Import what is known of exploitation",
            responses=refusals(422, is_change=True),
        )
        return [router, feeds]

    async def list_advisories(
        self,
        *,
        limit: Limit = 100,
        after: After = "",
        text: Annotated[str, Query(max_length=128, description="Somewhere in id, title or maker.")] = "",
        name: Annotated[str, Query(max_length=128, description="About this vulnerability: a CVE id.")] = "",
    ) -> Page[AdvisoryView]:
        """By generated key."""
        found, following = await self._advisories.list(
            self._organization_id, text=text, name=name, after=after, limit=limit
        )
        return Page(items=[show_advisory(each) for each in found], next=following)

    async def import_advisories(self, handed: HandedFile, who: Who) -> ImportReportView:
        """CSAF 2.0: one document, plain or gzip, or a zip of many. What comes twice changes nothing."""
        report = await self._advisories.import_advisories(
            self._organization_id, read_content(handed), actor=who, name=handed.name, sha256=handed.sha256
        )
        self._assessor.nudge()
        return show_report(report)

    async def show(self, advisory_key: _KeyPath) -> AdvisoryDetails:
        """With its products, its vulnerabilities, and what it says to do."""
        line, advisory = await self._advisories.show(self._organization_id, advisory_key)
        return show_details(line, advisory)

    async def remove(self, advisory_key: _KeyPath, why: RequiredReason, who: Who) -> RemovedAdvisory:
        """What rests on it alone is no longer told."""
        await self._advisories.remove(self._organization_id, advisory_key, actor=who, reason=why.reason)
        self._assessor.nudge()
        return RemovedAdvisory(advisory_key=advisory_key)

    async def feeds(self) -> list[FeedView]:
        """With the age of each."""
        return [show_feed(each) for each in await self._advisories.feeds(self._organization_id)]

    async def import_feed(self, feed: _FeedPath, handed: HandedFile, who: Who) -> FeedView:
        """CISA's catalog (JSON or CSV), or FIRST's scores (CSV), plain or gzip; scores may come in parts."""
        content = read_content(handed)
        take = self._advisories.import_known_exploited if feed == "kev" else self._advisories.import_scores
        found = await take(self._organization_id, content, actor=who, sha256=handed.sha256)
        self._assessor.nudge()
        return show_feed(found)
