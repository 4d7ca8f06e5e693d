"""How policies, their stages and their simulations are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from pydantic import Field

from vedette.access import (
    CONDITIONS,
    SELECTORS,
    Approval,
    Bundle,
    BundleCounts,
    BundleDifference,
    Check,
    FormItem,
    Piece,
    PolicyForm,
    Simulated,
    SimulationReport,
    Stage,
    Staging,
    Standing,
    StoredBundle,
)
from vedette.api.errors import InvalidRequest
from vedette.api.schema import REASON_MAX_CHARS, Timestamp, View
from vedette.trust import ACTIONS, POLICY_BUNDLE_MAX_BYTES, PolicyBundle, Site, device_schema

NAME_MAX_CHARS = 128
SITES_MAX = 20_000


class SiteView(View):
    """A place that conditions of position, network and time refer to, by the name that devices have as `tags.site`."""

    latitude: float | None = Field(default=None, ge=-90, le=90, description="Degrees, WGS 84.")
    longitude: float | None = Field(default=None, ge=-180, le=180, description="Degrees, WGS 84.")
    radius_m: float | None = Field(default=None, gt=0, description="Whoever is within it is at the site.")
    time_zone: str = Field(default="UTC", max_length=64, description="IANA name.", examples=["Europe/Berlin"])
    networks: list[str] = Field(default_factory=list, max_length=64, description="CIDR, IPv4 or IPv6.")


class PolicyContent(View):
    """What a bundle says."""

    policies: str = Field(max_length=POLICY_BUNDLE_MAX_BYTES, description="Cedar, against the schema of this release.")
    sites: dict[str, SiteView] = Field(default_factory=dict, max_length=SITES_MAX)
    cases: str = Field(
        default="", max_length=POLICY_BUNDLE_MAX_BYTES, description="Unit cases kept beside the policies, TOML."
    )

    def to_bundle(self) -> PolicyBundle:
        """Return it as a bundle.

        Raises:
            InvalidRequest: A text holds half a character.
        """
        sites = {
            name: Site(**{**site.model_dump(), "networks": tuple(site.networks)}) for name, site in self.sites.items()
        }
        content = PolicyBundle(device_schema(), self.policies, sites, self.cases)
        try:
            for text in (content.policies_text, content.cases_text, *sites, *self._more()):
                text.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest("a text holds half a character", hint="write it in UTF-8") from error
        return content

    def _more(self) -> tuple[str, ...]:
        """Return further texts that must be storable."""
        return ()


class NewPolicies(PolicyContent):
    """A bundle to be stored as a draft."""

    name: str = Field(default="", max_length=NAME_MAX_CHARS, description="What people call it.")
    reason: str = Field(default="", max_length=REASON_MAX_CHARS, description="Why, in your own words.")

    def _more(self) -> tuple[str, ...]:
        return self.name, self.reason


class FlawView(View):
    """Something that is wrong with a bundle."""

    line: int = Field(description="Of the policies, from 1; 0 where no line is to blame.")
    column: int
    policy: str
    message: str
    is_error: bool = Field(description="It must not be stored; else it is a warning.")


class CaseView(View):
    """How a unit case went."""

    name: str
    has_passed: bool
    detail: str


class CheckView(View):
    """What is to be said of a bundle before it is stored."""

    is_good: bool
    flaws: list[FlawView]
    cases: list[CaseView]


class BundleView(View):
    """A stored bundle; its content never changes."""

    sha256: str
    number: int = Field(description="Counts the bundles, for people; commands take it for the hash.")
    name: str
    stage: Stage
    origin: str
    policy_count: int
    base_sha256: str = Field(description="The stable bundle when it was stored.")
    created_at: Timestamp
    author: str = Field(description="Who stored it, `kind:id`.")
    author_name: str


class FullBundleView(BundleView):
    """A stored bundle with its content."""

    content: PolicyContent


class PolicyChangeView(View):
    """What becomes of one policy."""

    policy: str
    change: Literal["added", "removed", "changed"]
    effect: Literal["permit", "forbid"]
    may_widen: bool = Field(description="Something could be allowed by it that was not.")
    why: str = Field(description="Why it could.")
    before: str
    after: str


class DifferenceView(View):
    """What one bundle changes over another."""

    changes: list[PolicyChangeView]
    other_parts: list[str] = Field(description="Other parts that differ: `sites`, `cases`, `schema`.")
    may_widen: bool
    reasons: list[str] = Field(description="Why the change may newly allow something.")


class ApprovalView(View):
    """A person's word that a widening change is wanted."""

    actor: str
    actor_name: str
    is_host: bool = Field(description="By the host's own token: of somebody who is alone.")
    newly_allowed: int = Field(description="How many identities the simulation found, when the word was given.")
    reason: str
    approved_at: Timestamp


class SimulationView(View):
    """A simulation, as far as it has come."""

    simulation_id: str
    sha256: str
    base_sha256: str = Field(description="The bundle that it is compared with.")
    state: Literal["running", "done", "failed"]
    examined: int
    total: int = Field(description="How many there are to examine, as far as known.")
    newly_allowed: int = Field(description="Identities that would be allowed something they are denied now.")
    newly_denied: int = Field(description="Identities that would be denied something they are allowed now.")
    cause: str = Field(description="Why it failed.")
    created_at: Timestamp
    finished_at: Timestamp | None
    author: str


class FullSimulationView(SimulationView):
    """A simulation with what it found."""

    summary: str = Field(description="One sentence; empty while it runs.")
    report: dict[str, Any] | None = Field(  # Any: JSON
        description="Identities and decisions that change: totals, by action, site, group and policy, with samples."
    )


class StandingView(View):
    """What is known of a bundle, and what is missing before it may decide."""

    bundle: BundleView
    is_widening: bool = Field(description="It newly allows something, or may: a second person must agree.")
    missing: list[str] = Field(description="What must be done first; empty: nothing.")
    difference: DifferenceView
    simulation: SimulationView | None = Field(description="The newest that still counts.")
    approvals: list[ApprovalView]


class WatchCountsView(View):
    """What a bundle did since its stage began."""

    sha256: str
    allowed: int
    denied: int
    unforeseen: int = Field(description="Identities it refused that the simulation had not foretold.")
    shadow_allows: int = Field(description="Decisions it would have allowed while the deciding bundle denied.")
    shadow_denies: int
    samples: list[str]


class StagingView(View):
    """Which bundles are in force."""

    revision: int
    manifest_sha256: str = Field(description="What every signed head names.")
    stable: str
    canary: str | None
    canary_group: str | None
    shadow: str | None
    former: str | None = Field(description="What a rollback returns to.")
    changed_at: Timestamp
    changed_by: str
    changed_by_name: str = Field(description="Their name then; empty where they had none.")
    reason: str
    watched: str | None = Field(description="The bundle that is taken back when too many are refused.")
    watched_until: Timestamp | None
    denied_limit: int = Field(description="So many identities refused unforeseen take it back.")
    counts: list[WatchCountsView]


class FormItemView(View):
    """Something that must hold."""

    kind: str = Field(max_length=64)
    value: str | int | list[str] | list[int] | None = None


class FormView(View):
    """One policy as a form."""

    policy_id: str = Field(max_length=128)
    effect: Literal["permit", "forbid"]
    principals: Literal["any", "device", "module"] = "any"
    selectors: list[FormItemView] = Field(default_factory=list, max_length=100, description="Whom it concerns.")
    actions: list[str] = Field(default_factory=list, max_length=100, description="None: every action.")
    conditions: list[FormItemView] = Field(
        default_factory=list,
        max_length=100,
        description="What must hold: for a permit, beside the selectors; a forbid holds unless all of it does.",
    )
    owner: str = Field(default="", max_length=1024)
    why: str = Field(default="", max_length=1024)
    guidance: str = Field(default="", max_length=1024)
    expires: str = Field(default="", max_length=32, description="RFC 3339 date.")

    def to_form(self) -> PolicyForm:
        """Return it for the translation."""
        values = self.model_dump()
        for name in ("selectors", "conditions"):
            values[name] = tuple(FormItem(item["kind"], item["value"]) for item in values[name])
        return PolicyForm(**{**values, "actions": tuple(values["actions"])})


class FormPieceView(View):
    """One kind of selector or condition that a form may have."""

    kind: str
    takes: Literal["nothing", "text", "number", "texts", "numbers", "hours"] = Field(
        description="What its value is; `hours` are written `06:00-22:00`."
    )
    words: str = Field(description="For people.")


class FormPieces(View):
    """What a form can say."""

    selectors: list[FormPieceView]
    conditions: list[FormPieceView]
    actions: list[str]


def show_form_pieces() -> FormPieces:
    """Show what a form can say."""

    def shown(pieces: Sequence[Piece]) -> list[FormPieceView]:
        found = {piece.kind: FormPieceView(kind=piece.kind, takes=piece.takes, words=piece.words) for piece in pieces}
        return list(found.values())

    return FormPieces(selectors=shown(SELECTORS), conditions=shown(CONDITIONS), actions=list(ACTIONS))


def show_form(form: PolicyForm) -> FormView:
    """Show a form."""
    return FormView(**msgspec.to_builtins(form))


def show_check(check: Check) -> CheckView:
    """Show what is to be said of a bundle."""
    return CheckView(
        is_good=check.is_good,
        flaws=[FlawView(**flaw._asdict()) for flaw in check.flaws],
        cases=[CaseView(name=each.name, has_passed=each.has_passed, detail=each.detail) for each in check.cases],
    )


def show_stored(stored: StoredBundle, stage: Stage) -> BundleView:
    """Show a bundle without its content."""
    return BundleView(**_stored(stored, stage))


def show_bundle(bundle: Bundle) -> FullBundleView:
    """Show a bundle with its content."""
    content = bundle.content
    sites = {name: SiteView(**msgspec.to_builtins(site)) for name, site in content.sites.items()}
    shown = PolicyContent(policies=content.policies_text, sites=sites, cases=content.cases_text)
    return FullBundleView(content=shown, **_stored(bundle.stored, bundle.stage))


def show_difference(difference: BundleDifference) -> DifferenceView:
    """Show what a bundle changes."""
    return DifferenceView(
        changes=[
            PolicyChangeView(
                policy=each.policy_id,
                change=each.change,
                effect=each.effect,
                may_widen=each.may_widen,
                why=each.why,
                before=each.before,
                after=each.after,
            )
            for each in difference.changes
        ],
        other_parts=list(difference.other_parts),
        may_widen=difference.may_widen,
        reasons=list(difference.reasons),
    )


def show_approval(approval: Approval) -> ApprovalView:
    """Show a person's word."""
    return ApprovalView(**{name: getattr(approval, name) for name in ApprovalView.model_fields})


def show_simulation(simulated: Simulated) -> SimulationView:
    """Show how far a simulation has come."""
    return SimulationView(**simulated._asdict())


def show_full_simulation(simulated: Simulated, report: SimulationReport | None) -> FullSimulationView:
    """Show what a simulation found."""
    return FullSimulationView(
        summary="" if report is None else summarize(report),
        report=None if report is None else msgspec.to_builtins(report),
        **simulated._asdict(),
    )


def summarize(report: SimulationReport) -> str:
    """Say in one sentence what a bundle would change."""
    totals = report.totals
    return (
        f"Would change {report.changed:,} of {report.identities:,} devices and modules: {totals.newly_denied:,} newly"
        f" denied, {totals.newly_allowed:,} newly allowed, {totals.reason_changed:,} decided by other policies."
    )


def show_standing(standing: Standing) -> StandingView:
    """Show what is known of a bundle."""
    return StandingView(
        bundle=show_stored(standing.stored, standing.stage),
        is_widening=standing.is_widening,
        missing=list(standing.missing),
        difference=show_difference(standing.difference),
        simulation=None if standing.simulated is None else show_simulation(standing.simulated),
        approvals=[show_approval(each) for each in standing.approvals],
    )


def show_staging(staging: Staging, counts: dict[str, BundleCounts]) -> StagingView:
    """Show which bundles are in force, and what they did."""
    return StagingView(
        revision=staging.revision,
        manifest_sha256=staging.manifest.sha256,
        stable=staging.stable,
        canary=staging.canary or None,
        canary_group=staging.canary_group or None,
        shadow=staging.shadow or None,
        former=staging.former or None,
        changed_at=staging.changed_at,
        changed_by=staging.changed_by,
        changed_by_name=staging.changed_by_name,
        reason=staging.reason,
        watched=staging.watched or None,
        watched_until=staging.watched_until,
        denied_limit=staging.denied_limit,
        counts=[
            WatchCountsView(sha256=sha256, **msgspec.to_builtins(each)) for sha256, each in counts.items() if sha256
        ],
    )


def _stored(stored: StoredBundle, stage: Stage) -> dict[str, Any]:  # Any: each member has its own type
    names = BundleView.model_fields.keys() - {"stage"}
    return {"stage": stage, **{name: getattr(stored, name) for name in names}}
