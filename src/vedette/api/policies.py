"""``/v1/policies``, ``/v1/policy-staging`` and ``/v1/policy-simulations``: what decides, and how it comes to decide."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from vedette.access import PolicyLife, PolicySimulations, PolicyStore, PolicyWatch, read_form, write_form
from vedette.api.errors import InvalidRequest
from vedette.api.policy_views import (
    ApprovalView,
    BundleView,
    CheckView,
    DifferenceView,
    FormPieces,
    FormView,
    FullBundleView,
    FullSimulationView,
    NewPolicies,
    PolicyContent,
    SimulationView,
    StagingView,
    StandingView,
    show_approval,
    show_bundle,
    show_check,
    show_difference,
    show_form,
    show_form_pieces,
    show_full_simulation,
    show_simulation,
    show_staging,
    show_standing,
    show_stored,
)
from vedette.api.schema import (
    REASON_MAX_CHARS,
    After,
    Caller,
    Limit,
    Page,
    Reason,
    RequiredReason,
    View,
    Who,
    api_router,
    refusals,
)

FORM_MAX_CHARS = 65_536
_Reference = Annotated[
    str,
    Path(
        pattern=r"^(stable|canary|shadow|[1-9][0-9]{0,6}|[0-9a-f]{8,64})$",
        description="A bundle: its number, its SHA-256 or the first 8 digits of it, or `stable`, `canary`, `shadow`.",
        examples=["stable"],
    ),
]
_SimulationPath = Annotated[str, Path(max_length=64, description="Generated id.", examples=["sim_06h0"])]
_Share = Annotated[
    float,
    Field(
        default=0.05,
        ge=0,
        le=1,
        description="Of the devices concerned: how many may be refused without having been foretold, before the bundle"
        " is taken back by itself; three may always.",
    ),
]


class ComparedContent(PolicyContent):
    """Policies that are not stored, and what to compare them with."""

    against: str = Field(default="stable", max_length=64, description="A bundle, by a reference as above.")


class SimulateRequest(View):
    """What to compare, and how much of the decision log to read."""

    against: str = Field(default="stable", max_length=64, description="The bundle that decides: a reference as above.")
    days: int = Field(default=7, ge=1, le=90)


class StageRequest(Reason):
    """Why a bundle shall decide, and when it is taken back."""

    denied_share: _Share


class CanaryRequest(StageRequest):
    """For whom a bundle shall decide first."""

    group: str = Field(min_length=1, max_length=128, description="Id or name of a group that policies see.")


class FormText(View):
    """A policy as a form, or as text; what is given is translated into the other."""

    form: FormView | None = None
    text: str | None = Field(default=None, max_length=FORM_MAX_CHARS, description="One policy in Cedar.")


class PolicyRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self, bundles: PolicyStore, life: PolicyLife, simulations: PolicySimulations, watch: PolicyWatch
    ) -> None:
        self._bundles = bundles
        self._life = life
        self._simulations = simulations
        self._watch = watch

    def build(self) -> list[APIRouter]:
        """Return the routes."""
        return [self._build_bundles(), self._build_work(), self._build_staging(), self._build_simulations()]

    def _build_work(self) -> APIRouter:
        """Return what is done with policies that are not stored; apart, since ``{bundle}`` stands for any word."""
        router = api_router("policies")
        add = router.add_api_route
        work = refusals(422, is_change=True)
        add(
            "/policy-check", self.check, methods=["POST"], summary="Check policies without storing them", responses=work
        )
        add(
            "/policy-difference",
            self.compare_content,
            methods=["POST"],
            summary="Show what policies change",
            responses=refusals(404, 409, 422, is_change=True),
        )
        add("/policy-form", self.form_pieces, methods=["GET"], summary="List what a form can say", responses=refusals())
        add("/policy-form", self.translate, methods=["POST"], summary="Translate a form and a policy", responses=work)
        return router

    def _build_bundles(self) -> APIRouter:
        router = api_router("policies", "/v1/policies")
        add = router.add_api_route
        change = refusals(404, 409, 422, is_change=True)
        add("", self.list_bundles, methods=["GET"], summary="List policy bundles", responses=refusals(422))
        add("", self.create, methods=["POST"], status_code=201, summary="Store policies as a draft", responses=change)
        one = "/{bundle}"
        add(one, self.show, methods=["GET"], summary="Show a policy bundle", responses=refusals(404, 422))
        add(one, self.discard, methods=["DELETE"], status_code=204, summary="Discard a draft", responses=change)
        read = refusals(404, 409, 422)
        add(f"{one}/difference", self.compare, methods=["GET"], summary="Show what a bundle changes", responses=read)
        add(f"{one}/standing", self.standing, methods=["GET"], summary="Show what a bundle lacks", responses=read)
        add(
            f"{one}/simulate",
            self.simulate,
            methods=["POST"],
            status_code=202,
            summary="Simulate a bundle on this fleet",
            responses=change,
        )
        add(f"{one}/approve", self.approve, methods=["POST"], summary="Approve a widening bundle", responses=change)
        add(f"{one}/shadow", self.shadow, methods=["POST"], summary="Try a bundle in the shadow", responses=change)
        add(f"{one}/canary", self.canary, methods=["POST"], summary="Let a bundle decide for a group", responses=change)
        add(f"{one}/promote", self.promote, methods=["POST"], summary="Let a bundle decide", responses=change)
        return router

    def _build_staging(self) -> APIRouter:
        router = api_router("policies", "/v1/policy-staging")
        add = router.add_api_route
        change = refusals(409, 422, is_change=True)
        add("", self.staging, methods=["GET"], summary="Show which policies are in force", responses=refusals())
        add("/withdraw", self.withdraw, methods=["POST"], summary="End canary and shadow", responses=change)
        add("/rollback", self.roll_back, methods=["POST"], summary="Go back to the bundle before", responses=change)
        return router

    def _build_simulations(self) -> APIRouter:
        router = api_router("policies", "/v1/policy-simulations")
        add = router.add_api_route
        add("", self.list_simulations, methods=["GET"], summary="List simulations", responses=refusals(422))
        path = "/{simulation_id}"
        add(path, self.show_simulation, methods=["GET"], summary="Show a simulation", responses=refusals(404, 422))
        stop = refusals(404, 409, 422, is_change=True)
        add(f"{path}/cancel", self.stop_simulation, methods=["POST"], summary="Stop a simulation", responses=stop)
        return router

    async def list_bundles(self, *, limit: Limit = 100, after: After = "") -> Page[BundleView]:
        """Newest first, without their content."""
        found, following = await self._bundles.list(after=after, limit=limit)
        return Page(items=[show_stored(stored, stage) for stored, stage in found], next=following or None)

    async def create(self, new: NewPolicies, who: Who) -> FullBundleView:
        """Checked, named by its content, signed and stored; decides nothing yet. The same content is stored once."""
        bundle = await self._bundles.add(new.to_bundle(), name=new.name, actor=who, reason=new.reason)
        return show_bundle(bundle)

    async def check(self, content: PolicyContent) -> CheckView:
        """Syntax, schema and style, with the place of each flaw; then its own unit cases."""
        return show_check(await self._bundles.check(content.to_bundle()))

    async def compare_content(self, asked: ComparedContent) -> DifferenceView:
        """Of policies that are not stored, such as files in a folder."""
        return show_difference(await self._bundles.compare_content(asked.to_bundle(), asked.against))

    async def form_pieces(self) -> FormPieces:
        """Kinds of selectors and conditions, and the actions."""
        return show_form_pieces()

    async def translate(self, given: FormText) -> FormText:
        """Give one of both; a policy of another shape than the form's is refused and stays text."""
        if (given.form is None) == (given.text is None):
            raise InvalidRequest("give either `form` or `text`")
        if given.form is not None:
            return FormText(form=given.form, text=write_form(given.form.to_form()))
        return FormText(form=show_form(read_form(given.text or "")), text=given.text)

    async def show(self, bundle: _Reference) -> FullBundleView:
        """With its policies, sites and cases."""
        return show_bundle(await self._bundles.get(bundle))

    async def discard(
        self,
        bundle: _Reference,
        who: Who,
        reason: Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")] = "",
    ) -> None:
        """Only a draft: what decides, or did, stays."""
        await self._bundles.discard(bundle, actor=who, reason=reason)

    async def compare(
        self,
        bundle: _Reference,
        against: Annotated[str, Query(max_length=64, description="Another bundle, by a reference.")] = "stable",
    ) -> DifferenceView:
        """Policy by policy, and whether it may newly allow something whatever the fleet looks like."""
        return show_difference(await self._bundles.compare(bundle, against))

    async def standing(self, bundle: _Reference) -> StandingView:
        """What it changes over the stable bundle, who has looked and agreed, and what must be done first."""
        return show_standing(await self._life.standing(bundle))

    async def simulate(self, bundle: _Reference, asked: SimulateRequest, who: Who) -> SimulationView:
        """Replays the present fleet and the decision log under the bundle; follow it by its id."""
        begun = await self._simulations.ask(bundle, against=asked.against, days=asked.days, actor=who)
        return show_simulation(begun)

    async def approve(self, bundle: _Reference, why: RequiredReason, caller: Caller) -> ApprovalView:
        """By a second person, who has seen what it newly allows; by the host's token only for who is alone."""
        approval = await self._life.approve(bundle, actor=caller.actor, is_host=caller.is_host, reason=why.reason)
        return show_approval(approval)

    async def shadow(self, bundle: _Reference, why: Reason, who: Who) -> StagingView:
        """Every decision is made a second time with it, and only the differences are counted."""
        await self._life.shadow(bundle, actor=who, reason=why.reason)
        return await self.staging()

    async def canary(self, bundle: _Reference, asked: CanaryRequest, who: Who) -> StagingView:
        """It decides for one group, and is taken back by itself if more are refused than foretold."""
        await self._life.canary(bundle, asked.group, actor=who, reason=asked.reason, denied_share=asked.denied_share)
        return await self.staging()

    async def promote(self, bundle: _Reference, asked: StageRequest, who: Who) -> StagingView:
        """It decides for everyone; for an hour it is taken back by itself if more are refused than foretold."""
        await self._life.promote(bundle, actor=who, reason=asked.reason, denied_share=asked.denied_share)
        return await self.staging()

    async def staging(self) -> StagingView:
        """The stable bundle, canary and shadow, and what they did since the newest change."""
        return show_staging(await self._bundles.staging(), self._watch.counts)

    async def withdraw(self, why: Reason, who: Who) -> StagingView:
        """The stable bundle decides for everyone at once."""
        await self._life.withdraw(actor=who, reason=why.reason)
        return await self.staging()

    async def roll_back(self, why: Reason, who: Who) -> StagingView:
        """At once, asking for nothing; canary and shadow end too. A second one goes one bundle further back."""
        await self._life.roll_back(actor=who, reason=why.reason)
        return await self.staging()

    async def list_simulations(self, *, limit: Limit = 100, after: After = "") -> Page[SimulationView]:
        """Newest first, without what they found."""
        found, following = await self._simulations.recent(after=after, limit=limit)
        return Page(items=[show_simulation(each) for each in found], next=following)

    async def show_simulation(self, simulation_id: _SimulationPath) -> FullSimulationView:
        """How far it has come; when it is done, what the bundle would change."""
        return show_full_simulation(*await self._simulations.get(simulation_id))

    async def stop_simulation(self, simulation_id: _SimulationPath, who: Who) -> SimulationView:
        """It ends within a moment, as failed; what it has found until then is not kept."""
        return show_simulation(await self._simulations.stop(simulation_id, actor=who))
