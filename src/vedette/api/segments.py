"""``/v1/segmentation`` and what follows from a plan: replay, rule sets, drift, MUD files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from vedette.api.errors import InvalidRequest
from vedette.api.plan_difference_views import PlanDifferenceView, show_difference
from vedette.api.schema import After, Limit, Page, Reason, Who, api_router, refusals
from vedette.api.segment_views import (
    AppliedView,
    ApprovalRequest,
    AttackPathsView,
    ListingRequest,
    MudComparisonView,
    MudRequest,
    PlanDetailView,
    PlanStageRequest,
    PlanView,
    ProposalRequest,
    ReplayRequest,
    ReplayView,
    RollBackRequest,
    RulesView,
    ViolationView,
    show_detail,
    show_mud_comparison,
    show_plan,
    show_replay,
    show_rules,
    show_step,
    show_violation,
)
from vedette.api.zone_views import Which, ZonePath, which_of
from vedette.kernel import OrganizationId
from vedette.network.segmentation import (
    MUD_SIGNATURE_MEDIA_TYPE,
    DriftWatch,
    PlanNotFound,
    PlanStage,
    PlanState,
    PlanVersion,
    SegmentationService,
)

MUD_MEDIA_TYPE = "application/mud+json"
_Asset = Annotated[str, Path(max_length=64, description="Generated id of the asset.", examples=["ast_06h0"])]
_WHICH = r"^(approved|draft|[1-9][0-9]{0,8})$"
_Number = Annotated[str, Path(pattern=_WHICH, description="`approved`, `draft`, or a number.")]


class SegmentRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, segments: SegmentationService, drift: DriftWatch) -> None:
        self._organization_id = organization_id
        self._segments = segments
        self._drift = drift

    def build(self) -> list[APIRouter]:
        """Return the routes of plans, of zones' rule sets, and of MUD files."""
        return [self._build_plans(), self._build_rules(), self._build_mud()]

    def _build_plans(self) -> APIRouter:
        router = api_router("segmentation", "/v1/segmentation")
        add = router.add_api_route
        change = refusals(404, 409, 412, 422, is_change=True)
        add("/plans", self.list_plans, methods=["GET"], summary="List versions of the plan", responses=refusals(422))
        add(
            "/plans/{number}",
            self.show_plan,
            methods=["GET"],
            summary="Show a version of the plan",
            responses=refusals(404, 422),
        )
        add(
            "/plans/{number}/difference",
            self.difference,
            methods=["GET"],
            summary="Show what a version changes",
            responses=refusals(404, 422),
        )
        add(
            "/propose",
            self.propose,
            methods=["POST"],
            status_code=201,
            summary="Propose zones and conduits from what was observed",
            responses=change,
        )
        add("/approve", self.approve, methods=["POST"], summary="Put the draft in force", responses=change)
        add(
            "/discard",
            self.discard,
            methods=["POST"],
            status_code=204,
            summary="Throw the draft away",
            responses=change,
        )
        add("/stage", self.set_stage, methods=["POST"], summary="Monitor, or enforce", responses=change)
        add("/roll-back", self.roll_back, methods=["POST"], summary="Go back to a former version", responses=change)
        add(
            "/replay",
            self.replay,
            methods=["POST"],
            summary="Replay learned traffic, and an attack",
            responses=refusals(404, 422, is_change=True),
        )
        add(
            "/violations",
            self.list_violations,
            methods=["GET"],
            summary="List traffic that breaks the approved plan",
            responses=refusals(422),
        )
        add(
            "/attack-paths",
            self.attack_paths,
            methods=["GET"],
            summary="List what can be reached from a zone",
            responses=refusals(404, 422),
        )
        return router

    def _build_rules(self) -> APIRouter:
        router = api_router("segmentation", "/v1/zones/{zone_id}")
        router.add_api_route(
            "/rules",
            self.compile,
            methods=["GET"],
            summary="Write the nftables rule set of a zone",
            responses=refusals(404, 422),
        )
        router.add_api_route(
            "/verify",
            self.verify,
            methods=["POST"],
            summary="Compare what a firewall holds with the approved plan",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    def _build_mud(self) -> APIRouter:
        router = api_router("segmentation", "/v1/mud-files/{asset_id}")
        router.add_api_route(
            "",
            self.write_mud,
            methods=["GET"],
            summary="Write the MUD file of an asset",
            response_class=Response,
            responses={
                200: {"content": {MUD_MEDIA_TYPE: {"schema": {"type": "object"}}}},
                **refusals(404, 422),
            },
        )
        router.add_api_route(
            "/signature",
            self.sign_mud,
            methods=["GET"],
            summary="Sign the MUD file of an asset",
            response_class=Response,
            responses={
                200: {"content": {MUD_SIGNATURE_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
                **refusals(404, 422),
            },
        )
        router.add_api_route(
            "/compare",
            self.compare_mud,
            methods=["POST"],
            summary="Compare a maker's MUD file with what was observed",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    async def list_plans(self, *, limit: Limit = 100, after: After = "") -> Page[PlanView]:
        """The newest first."""
        if after and not after.isdecimal():
            raise InvalidRequest("`after` is none that a page has named", hint="pass `next` of the page before")
        before = int(after[:18]) if after else None
        found = await self._segments.plans.plans(self._organization_id, before=before, limit=limit + 1)
        following = str(found[limit - 1].number) if len(found) > limit else None
        return Page(items=[show_plan(each) for each in found[:limit]], next=following)

    async def show_plan(self, number: _Number) -> PlanDetailView:
        """What was left out of a proposal, and what is questionable, before somebody approves it."""
        return await self._detail(await self._segments.plans.get(self._organization_id, which_of(number)))

    async def difference(
        self,
        number: _Number,
        *,
        base: Annotated[
            str, Query(alias="from", pattern=_WHICH, description="Over which version; with none approved, all is new.")
        ] = "approved",
    ) -> PlanDifferenceView:
        """What a person reads before they approve it."""
        version = await self._segments.plans.get(self._organization_id, which_of(number))
        try:
            over = await self._segments.plans.get(self._organization_id, which_of(base))
        except PlanNotFound:
            if base != PlanState.APPROVED:
                raise
            over = None
        return show_difference(version, over, await self._segments.compare(over, version))

    async def propose(self, asked: ProposalRequest, who: Who) -> PlanDetailView:
        """A draft: it counts for nothing before a person approves it."""
        version = await self._segments.plans.propose(
            self._organization_id, actor=who, reason=asked.reason, is_replacing=asked.is_replacing
        )
        return await self._detail(version)

    async def approve(self, asked: ApprovalRequest, who: Who) -> PlanView:
        """Its firewalls monitor first, whatever the version before did."""
        version = await self._segments.plans.approve(
            self._organization_id, revision=asked.revision, actor=who, reason=asked.reason
        )
        return show_plan(version)

    async def discard(self, why: Reason, who: Who) -> None:
        """The approved version stays as it is."""
        await self._segments.plans.discard(self._organization_id, actor=who, reason=why.reason)

    async def set_stage(self, asked: PlanStageRequest, who: Who) -> PlanView:
        """Rule sets are written for the stage from then on; load them on the firewalls."""
        version = await self._segments.plans.set_stage(
            self._organization_id, asked.stage, actor=who, reason=asked.reason
        )
        return show_plan(version)

    async def roll_back(self, asked: RollBackRequest, who: Who) -> PlanView:
        """The former version comes back as a new one, and its firewalls monitor first."""
        version = await self._segments.plans.roll_back(
            self._organization_id, asked.number, actor=who, reason=asked.reason
        )
        return show_plan(version)

    async def replay(self, asked: ReplayRequest, *, plan: Which = "draft") -> ReplayView:
        """What would have been blocked of all that was ever seen; changes nothing."""
        attack = [each.to_flow() for each in asked.attack]
        return show_replay(await self._segments.replay(self._organization_id, which_of(plan), attack=attack))

    async def list_violations(self, *, limit: Limit = 100, after: After = "") -> Page[ViolationView]:
        """By id; looked for as links are heard of, and now and then over everything, at least once an hour."""
        found = await self._drift.violations(after=after, limit=limit + 1)
        following = found[limit - 1].violation_id if len(found) > limit else None
        return Page(items=[show_violation(each) for each in found[:limit]], next=following)

    async def attack_paths(
        self,
        start: Annotated[str, Query(max_length=64, description="Generated id of a zone, or `external`.")],
        *,
        plan: Which = "approved",
    ) -> AttackPathsView:
        """Zones that whoever holds one zone reaches through conduits, the nearest first."""
        steps = await self._segments.attack_paths(self._organization_id, which_of(plan), start)
        return AttackPathsView(start=start, steps=[show_step(step) for step in steps])

    async def compile(
        self,
        zone_id: ZonePath,
        *,
        plan: Which = "approved",
        stage: Annotated[PlanStage | None, Query(description="Of the rules; the version's own if left out.")] = None,
    ) -> RulesView:
        """One table, which is replaced as a whole; nothing that anybody named stands in its text."""
        return show_rules(await self._segments.compile(self._organization_id, which_of(plan), zone_id, stage=stage))

    async def verify(self, zone_id: ZonePath, asked: ListingRequest) -> AppliedView:
        """Line by line, counters aside; changes nothing."""
        found = await self._segments.verify(self._organization_id, zone_id, asked.listing)
        return AppliedView(
            zone_id=found.zone_id,
            number=found.number,
            is_applied=found.is_applied,
            differences=list(found.differences),
        )

    async def write_mud(self, asset_id: _Asset) -> Response:
        """RFC 8520, from what the asset was seen to do."""
        return Response(await self._segments.write_mud(self._organization_id, asset_id), media_type=MUD_MEDIA_TYPE)

    async def sign_mud(self, asset_id: _Asset) -> Response:
        """RFC 8520 §13: CMS, detached, over the very bytes that the file is answered with."""
        signature = await self._segments.sign_mud(self._organization_id, asset_id)
        return Response(signature, media_type=MUD_SIGNATURE_MEDIA_TYPE)

    async def compare_mud(self, asset_id: _Asset, asked: MudRequest) -> MudComparisonView:
        """A file that breaks RFC 8520 is refused, with the place where it does; changes nothing."""
        found = await self._segments.compare_mud(self._organization_id, asset_id, asked.document.encode())
        return show_mud_comparison(found)

    async def _detail(self, version: PlanVersion) -> PlanDetailView:
        return show_detail(version, await self._segments.flaws(version))
