"""``/v1/devices/{device_id}/access``: what it may do now, which policies say so, and what to do next."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import Field

from vedette.access import AccessExplainer, Explanation, Hops
from vedette.api.decisions import DecisionView, PolicyNoteView, show_decision, show_notes
from vedette.api.schema import OF_MODULE, IdentityPath, Timestamp, View, api_router, refusals
from vedette.api.signal_views import FindingView, SignalView, show_signal
from vedette.registry import DeviceNotFound, ModuleNotFound
from vedette.trust import ACTIONS, RiskLevel

_NS_PER_MS: Final = 1e6
ActionQuery = Annotated[
    str | None,
    Query(pattern=f"^({'|'.join(ACTIONS)})$", description="Only this action.", examples=["sendTelemetry"]),
]


class ActionView(View):
    """What the identity would be told now."""

    action: str
    is_permitted: bool
    reason: str = Field(description="`permitted`, `policy_denied`, or what stands before any policy, as `disabled`.")
    policies: list[PolicyNoteView] = Field(description="Those that decided; none where nothing permits.")
    errors: list[str]


class QuarantineNote(View):
    """The quarantine that the identity is in."""

    mode: str
    reason: str
    since: Timestamp | None
    review_at: Timestamp | None
    source: str


class EnforcedNote(View):
    """A gateway that has applied the last change."""

    gateway: str
    applied_in_ms: float
    sessions_cut: int


class LastChange(View):
    """The last change of the identity's posture record, hop by hop."""

    sequence: int
    cause: str = Field(description="Generated id of the signal that caused it, or `act`.")
    observed_at: Timestamp
    ingested_at: Timestamp
    decided_at: Timestamp
    sent_at: Timestamp
    enforced: list[EnforcedNote]


class AccessView(View):
    """Why an identity may do what it may, and may not do the rest."""

    device_id: str
    module_id: str | None
    generation_id: str
    sequence: int = Field(description="Of the posture record that it is decided on.")
    bundle_sha256: str
    is_canary: bool = Field(description="The canary's policies decide about it.")
    actions: list[ActionView]
    facts: dict[str, Any] = Field(description="What the policies can read of its session.")  # Any: JSON
    seen_at: Timestamp = Field(description="When that session was decided on.")
    is_assumed: bool = Field(description="It was never seen: the session is made up from what its record permits.")
    risk_level: RiskLevel
    findings: list[FindingView]
    signals: list[SignalView]
    quarantine: QuarantineNote | None
    refusals: list[DecisionView] = Field(description="The last ones, newest first.")
    last_change: LastChange | None
    next_steps: list[str]


class AccessRoutes:
    """What the routes below do."""

    def __init__(self, explainer: AccessExplainer) -> None:
        self._explainer = explainer

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("access", "/v1/devices/{device_id}")
        documented = refusals(404, 422)
        router.add_api_route(
            "/access", self.explain, methods=["GET"], summary="Explain what a device may do", responses=documented
        )
        router.add_api_route(
            "/modules/{module_id}/access",
            self.explain,
            methods=["GET"],
            summary="Explain what a module may do",
            responses=documented,
            openapi_extra=OF_MODULE,
        )
        return router

    async def explain(self, identity: IdentityPath, action: ActionQuery = None) -> AccessView:
        """Decided anew, with its last session's facts: each action with the policies that say so, and what to do."""
        found = await self._explainer.explain(identity.device_id, identity.module_id)
        if found is None:
            if identity.module_id is not None:
                raise ModuleNotFound(f"there is no module {identity.module_id!r} of {identity.device_id!r}")
            raise DeviceNotFound(f"there is no device {identity.device_id!r}", hint="vedette device list")
        return _show(found, action)


def _show(found: Explanation, action: str | None) -> AccessView:
    record, health = found.record, found.health
    known = record.health.value
    return AccessView(
        device_id=record.device_id,
        module_id=record.module_id,
        generation_id=record.generation_id,
        sequence=record.sequence,
        bundle_sha256=found.bundle_sha256,
        is_canary=found.is_canary,
        actions=[
            ActionView(
                action=each.action,
                is_permitted=each.is_permitted,
                reason=each.reason,
                policies=show_notes(each.policies),
                errors=list(each.errors),
            )
            for each in found.answers
            if action in {None, each.action}
        ],
        facts=found.facts,
        seen_at=found.session.at,
        is_assumed=found.session.is_assumed,
        risk_level=RiskLevel.UNKNOWN if known is None else known.risk_level,
        findings=[
            FindingView(
                finding_class=each.finding_class, provenance=each.provenance, since=each.since, source=each.source
            )
            for each in (() if known is None else known.findings)
        ],
        signals=[] if health is None else [show_signal(each) for each in health.signals],
        quarantine=_show_quarantine(found),
        refusals=[show_decision(each) for each in found.refusals],
        last_change=None if found.hops is None else _show_change(found.hops),
        next_steps=list(found.next_steps),
    )


def _show_quarantine(found: Explanation) -> QuarantineNote | None:
    quarantine = found.quarantine
    if not quarantine.is_quarantined:
        return None
    return QuarantineNote(
        mode="cut" if quarantine.is_cut else "limited",
        reason=quarantine.reason,
        since=quarantine.since,
        review_at=quarantine.review_at,
        source=quarantine.source,
    )


def _show_change(hops: Hops) -> LastChange:
    return LastChange(
        sequence=hops.sequence,
        cause=hops.stamps.cause,
        observed_at=hops.stamps.observed_at,
        ingested_at=hops.stamps.ingested_at,
        decided_at=hops.decided_at,
        sent_at=hops.sent_at,
        enforced=[
            EnforcedNote(
                gateway=each.gateway,
                applied_in_ms=round((each.enforced_ns - each.received_ns) / _NS_PER_MS, 3),
                sessions_cut=each.sessions_cut,
            )
            for each in hops.enforced.values()
        ],
    )
