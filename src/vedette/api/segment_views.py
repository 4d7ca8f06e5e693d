"""What is answered and taken about plans, replays, rule sets and MUD files."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from vedette.api.schema import NUMBER_MAX, REASON_MAX_CHARS, Timestamp, View
from vedette.api.zone_views import ServiceView, show_service
from vedette.network.segmentation import (
    Access,
    CompiledZone,
    Flaw,
    Flow,
    FlowVerdict,
    Judged,
    LeftOut,
    MudComparison,
    PlanStage,
    PlanState,
    PlanVersion,
    PlanVersionSummary,
    Replay,
    ReplayOutcome,
    Step,
    Violation,
    Weight,
)

_ADDRESS: Final = 64
_SHOWN: Final = 1000


class ProposalRequest(View):
    """What to propose a plan from: all that was observed."""

    reason: str = Field(default="", max_length=REASON_MAX_CHARS, description="Why, in your own words.")
    is_replacing: bool = Field(default=False, description="A draft that is there is thrown away.")


class ApprovalRequest(View):
    """The draft that somebody looked at."""

    revision: int = Field(ge=1, le=NUMBER_MAX, description="Of the draft; another one is refused with 412.")
    reason: str = Field(min_length=1, max_length=REASON_MAX_CHARS, description="Why, in your own words.")


class PlanStageRequest(View):
    """What firewalls do from now on with what no conduit allows."""

    stage: PlanStage = Field(description="`monitor` counts what `enforce` drops.")
    reason: str = Field(min_length=1, max_length=REASON_MAX_CHARS, description="Why, in your own words.")


class RollBackRequest(View):
    """The version to go back to."""

    number: int = Field(ge=1, le=NUMBER_MAX, description="A superseded version; it comes back as a new one.")
    reason: str = Field(min_length=1, max_length=REASON_MAX_CHARS, description="Why, in your own words.")


class PlanView(View):
    """A version of the plan, without its zones and conduits."""

    number: int
    state: PlanState
    stage: PlanStage
    revision: int = Field(description="Counts its changes; the `ETag` of its zones and conduits is this in quotes.")
    base: int = Field(description="The approved version that it began from; 0: none was.")
    zones: int
    conduits: int
    created_at: Timestamp
    created_by: str
    approved_at: Timestamp | None
    approved_by: str
    reason: str


class LeftOutView(View):
    """Traffic that was seen, and that the proposal does not allow: a person decides."""

    source: str
    target: str
    services: list[ServiceView]
    links: int
    reason: str


class PlanFlawView(View):
    """What is questionable about a plan."""

    about: str = Field(description="Generated id of the zone or conduit.")
    weight: Weight
    message: str


class PlanDetailView(PlanView):
    """A version of the plan, with what a person should know before they approve it."""

    left_out: list[LeftOutView]
    notes: list[str]
    flaws: list[PlanFlawView] = Field(description="At most 1000, the serious first.")


class AttackFlow(View):
    """One connection of an attack."""

    client_address: str = Field(max_length=_ADDRESS, examples=["203.0.113.7"])
    server_address: str = Field(max_length=_ADDRESS, examples=["10.1.2.3"])
    transport: str = Field(default="tcp", max_length=16)
    port: int = Field(default=0, ge=0, le=65_535)
    operations: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=32)

    def to_flow(self) -> Flow:
        """Return it as the plan judges it."""
        return Flow(
            client_address=self.client_address,
            server_address=self.server_address,
            transport=self.transport,
            port=self.port,
            operations=tuple(self.operations),
        )


class ReplayRequest(View):
    """What to judge beside all traffic that was ever seen."""

    attack: list[AttackFlow] = Field(default=[], max_length=1000, description="Connections of an attack.")


class JudgedView(View):
    """A link, and what becomes of it."""

    verdict: FlowVerdict
    source: str = Field(description="Zone id of the client, `external` or `unassigned`.")
    target: str
    client_address: str
    server_address: str
    transport: str
    port: int
    protocol: str
    operations: list[str]
    flows: int
    conduit_id: str
    reason: str


class ReplayView(View):
    """What a version would have done with the traffic that was seen, and with an attack."""

    number: int
    state: PlanState
    links: int
    flows: int
    blocked_links: int
    blocked_flows: int
    counts: dict[str, int] = Field(description="FlowVerdict → links.")
    shown: list[JudgedView] = Field(description="Those that break the plan, the busiest first, at most 1000.")
    unused: list[str] = Field(description="Conduits that nothing used, at most 1000.")
    attack: list[JudgedView] = Field(description="In the order of the request.")


class RulesView(View):
    """The rule set of a zone."""

    zone_id: str
    table: str
    stage: PlanStage
    text: str = Field(description="For `TZ=UTC nft -f`: replaces the table at once, or not at all.")
    rollback: str = Field(description="For `nft -f`: takes the table away.")
    rules: int
    uncovered: list[str] = Field(description="Assets without an IP address: no rule can mean them.")


class ListingRequest(View):
    """What a firewall holds."""

    listing: str = Field(
        max_length=1_000_000, description="Of `TZ=UTC nft list table inet TABLE`; empty: it has no such table."
    )


class AppliedView(View):
    """Whether a firewall holds what it should."""

    zone_id: str
    number: int
    is_applied: bool
    differences: list[str] = Field(description="`-` is missing there, `+` is not ours; at most 1000.")


class StepView(View):
    """A zone that can be reached through conduits."""

    zone_id: str
    conduit_id: str
    services: list[str]
    path: list[str]


class AttackPathsView(View):
    """What whoever holds a zone can reach."""

    start: str
    steps: list[StepView]


class ViolationView(View):
    """Traffic between zones that the approved version does not allow."""

    violation_id: str
    number: int
    verdict: FlowVerdict
    source: str
    target: str
    client: str
    server: str
    client_address: str
    server_address: str
    transport: str
    port: int
    protocol: str
    operations: list[str]
    reason: str
    flows: int
    first_at: Timestamp
    last_at: Timestamp
    found_at: Timestamp


class MudRequest(View):
    """A maker's MUD file."""

    document: str = Field(min_length=1, max_length=262_144, description="The file, as JSON text.")


class MudAccessView(View):
    """An entry of a MUD file."""

    peer: str
    is_from_device: bool
    service: ServiceView


class MudComparisonView(View):
    """How a maker's word and what was observed fit."""

    declared: int
    depends: int = Field(description="Allowed if the peer is who the file means: a controller, a local network.")
    undeclared: list[JudgedView]
    unused: list[MudAccessView]
    not_understood: list[str]


def show_plan(version: PlanVersion | PlanVersionSummary) -> PlanView:
    """Return a version as it is listed."""
    return PlanView(
        zones=len(version.plan.zones) if isinstance(version, PlanVersion) else version.zones,
        conduits=len(version.plan.conduits) if isinstance(version, PlanVersion) else version.conduits,
        **{name: getattr(version, name) for name in PlanView.model_fields.keys() - {"zones", "conduits"}},
    )


def show_detail(version: PlanVersion, flaws: list[Flaw]) -> PlanDetailView:
    """Return a version with what a person should know."""
    return PlanDetailView(
        left_out=[_show_left_out(each) for each in version.left_out[:_SHOWN]],
        notes=list(version.notes),
        flaws=[PlanFlawView(about=each.about, weight=each.weight, message=each.message) for each in flaws[:_SHOWN]],
        **show_plan(version).model_dump(),
    )


def _show_left_out(each: LeftOut) -> LeftOutView:
    return LeftOutView(
        source=each.source,
        target=each.target,
        services=[show_service(service) for service in each.services],
        links=each.links,
        reason=each.reason,
    )


def _show_flow(
    flow: Flow, *, verdict: FlowVerdict, source: str = "", target: str = "", conduit_id: str = "", reason: str = ""
) -> JudgedView:
    return JudgedView(
        verdict=verdict,
        source=source,
        target=target,
        client_address=flow.client_address,
        server_address=flow.server_address,
        transport=flow.transport,
        port=flow.port,
        protocol=flow.protocol,
        operations=list(flow.operations),
        flows=flow.flows,
        conduit_id=conduit_id,
        reason=reason,
    )


def show_judged(judged: Judged) -> JudgedView:
    """Return a link, and what becomes of it."""
    return _show_flow(
        judged.flow,
        verdict=judged.verdict,
        source=judged.source,
        target=judged.target,
        conduit_id=judged.conduit_id,
        reason=judged.reason,
    )


def show_replay(outcome: ReplayOutcome) -> ReplayView:
    """Return the outcome of a replay."""
    learned: Replay = outcome.learned
    return ReplayView(
        number=outcome.number,
        state=outcome.state,
        links=learned.links,
        flows=learned.flows,
        blocked_links=learned.blocked_links,
        blocked_flows=learned.blocked_flows,
        counts=learned.counts,
        shown=[show_judged(each) for each in learned.shown],
        unused=list(learned.unused[:_SHOWN]),
        attack=[show_judged(each) for each in outcome.attack],
    )


def show_rules(compiled: CompiledZone) -> RulesView:
    """Return the rule set of a zone."""
    return RulesView(
        zone_id=compiled.zone_id,
        table=compiled.table,
        stage=compiled.stage,
        text=compiled.text,
        rollback=compiled.rollback,
        rules=compiled.rules,
        uncovered=list(compiled.uncovered[:_SHOWN]),
    )


def show_step(step: Step) -> StepView:
    """Return a zone that can be reached."""
    return StepView(
        zone_id=step.zone_id, conduit_id=step.conduit_id, services=list(step.services), path=list(step.path)
    )


def show_violation(violation: Violation) -> ViolationView:
    """Return a violation."""
    plain = {name: getattr(violation, name) for name in ViolationView.model_fields.keys() - {"operations"}}
    return ViolationView(operations=list(violation.operations), **plain)


def show_mud_comparison(found: MudComparison) -> MudComparisonView:
    """Return how a maker's word and what was observed fit."""
    return MudComparisonView(
        declared=found.declared,
        depends=found.depends,
        undeclared=[
            _show_flow(flow, verdict=FlowVerdict.BLOCKED, reason="the file does not allow it")
            for flow in found.undeclared[:_SHOWN]
        ],
        unused=[_show_access(access) for access in found.unused[:_SHOWN]],
        not_understood=list(found.not_understood),
    )


def _show_access(access: Access) -> MudAccessView:
    return MudAccessView(peer=access.peer, is_from_device=access.is_from_device, service=show_service(access.service))
