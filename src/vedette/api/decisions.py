"""``/v1/decisions`` and ``/v1/refusals``: who was let in, who was not, which check said so, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from vedette.access import AccessExplainer, PolicyNote
from vedette.api.schema import After, Limit, Moment, Page, View, api_router, refusals
from vedette.api.sight import Seen, Sight
from vedette.bus.contract import DecisionRecord
from vedette.kernel import OrganizationId
from vedette.messaging import Decision, DecisionNotFound, DecisionReader, DecisionSearch
from vedette.registry import DeviceNotFound, DeviceService

Kind = Literal["connect", "refuse", "cut", "disconnect", "register", "shadow", "outside"]
_NOBODY: Final = "unknown"
DeviceQuery = Annotated[
    str | None,
    Query(
        max_length=128,
        description="Only about this device, and about strangers who presented its name; `unknown` for all strangers.",
    ),
]
ReasonQuery = Annotated[str | None, Query(max_length=128, description="Only with this reason.")]
AddressQuery = Annotated[str | None, Query(max_length=64, description="Only from this address.")]
_Words = Annotated[str | None, Query(max_length=128)]
_Bundle = Annotated[
    str | None, Query(pattern="^[0-9a-f]{8,64}$", description="Only by this policy bundle: its SHA-256, or its begin.")
]
_Since = Annotated[Moment | None, Query(description="Only those decided then or later.")]
_Until = Annotated[Moment | None, Query(description="Only those decided before.")]
_CursorInPath = Annotated[
    str, Path(pattern=r"^[0-9]{1,19}(\.[0-9]{1,7})?$", description="As lists give it.", examples=["1041.0"])
]
_REFUSING: Final = ("refuse", "cut", "register")
_ALLOW: Final = "allow"


class DecisionView(View):
    """A connect, refusal, cut or disconnect, with the facts that it was decided on."""

    decision_id: str
    decided_at: str = Field(json_schema_extra={"format": "date-time"})
    kind: str
    effect: str
    reason: str = Field(description="Which check decided.")
    detail: str
    hint: str = Field(description="What to do next.")
    action: str
    device_id: str = Field(description="The name as presented; untrusted when `generation_id` is null.")
    module_id: str | None
    generation_id: str | None
    gateway: str
    remote_address: str
    certificate_sha256: str | None
    certificate_subject: str | None
    certificate_issuer: str | None
    certificate_serial: str | None
    certificate_not_after: str | None
    tls_version: str | None
    policies: list[str] = Field(description="Ids of those that decided.")
    bundle_sha256: str | None = Field(description="The policy bundle that decided.")
    facts: dict[str, str | int | bool] = Field(description="What the policies could read of the session.")
    shadow: str = Field(description="Where the shadow bundle answers otherwise: `allow` or `deny`; else empty.")
    sequence: int | None = Field(description="Of the posture record that it was decided on.")
    repeated: int = Field(description="How many equal refusals this record stands for.")
    cursor: str


class PolicyNoteView(View):
    """A policy that decided, in the words of whoever wrote it."""

    policy: str
    effect: str
    why: str
    owner: str
    guidance: str
    expires: str


class ExplainedDecision(DecisionView):
    """A decision, and what it rested on."""

    notes: list[PolicyNoteView] = Field(
        description="The policies that decided, in the words of their bundle; without words where it is gone."
    )
    attributes: dict[str, Any] | None = Field(  # Any: JSON
        description="What the policies could read of the identity then; null where it is not known any more."
    )


class DecisionRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        reader: DecisionReader,
        devices: DeviceService,
        explainer: AccessExplainer,
    ) -> None:
        self._organization_id = organization_id
        self._reader = reader
        self._explainer = explainer
        self._devices = devices

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("decisions", "")
        documented = refusals(400, 404, 422, 504)
        router.add_api_route(
            "/v1/decisions",
            self.list_decisions,
            methods=["GET"],
            summary="List access decisions",
            responses=documented,
        )
        router.add_api_route(
            "/v1/decisions/{cursor}",
            self.explain,
            methods=["GET"],
            summary="Explain an access decision",
            responses=documented,
        )
        router.add_api_route(
            "/v1/refusals", self.list_refusals, methods=["GET"], summary="List refusals", responses=documented
        )
        return router

    async def list_decisions(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        device_id: DeviceQuery = None,
        kind: Annotated[list[Kind] | None, Query(max_length=6, description="Only of these kinds.")] = None,
        reason: ReasonQuery = None,
        remote_address: AddressQuery = None,
        policy: Annotated[_Words, Query(description="Only where this policy decided, by its id.")] = None,
        bundle: _Bundle = None,
        action: Annotated[_Words, Query(description="Only this action, such as `connect`.")] = None,
        effect: Annotated[Literal["allow", "deny"] | None, Query(description="Only these answers.")] = None,
        shadow: Annotated[bool, Query(description="Only where the shadow bundle answers otherwise.")] = False,
        since: _Since = None,
        until: _Until = None,
    ) -> Page[DecisionView]:
        """Newest first. A page may hold fewer than `limit` and still have a `next`: its work is bounded."""
        page = await self._reader.list_decisions(
            self._organization_id,
            **await self._about(device_id),
            kinds=tuple(kind or ()),
            reason=reason,
            remote_address=remote_address,
            search=DecisionSearch(
                policy=policy,
                bundle=bundle,
                action=action,
                effect=effect,
                is_shadow_different=shadow,
                since=since,
                until=until,
            ),
            after=after or None,
            limit=limit,
        )
        return Page(items=[show_decision(decision) for decision in await _seen(page.items, sight)], next=page.next)

    async def explain(self, cursor: _CursorInPath, sight: Seen) -> ExplainedDecision:
        """The policies that decided in the words of that time, and what they could read of identity and session."""
        decision = await self._reader.get(self._organization_id, cursor)
        record = decision.record
        if sight.areas is not None and not (record.generation_id and await sight.sees(record.generation_id)):
            raise DecisionNotFound(f"the log holds no decision {cursor}")
        basis = await self._explainer.basis(record)
        return ExplainedDecision(
            **show_decision(decision).model_dump(),
            notes=show_notes(basis.policies),
            attributes=None if basis.attributes is None else dict(basis.attributes),
        )

    async def list_refusals(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        device_id: DeviceQuery = None,
        reason: ReasonQuery = None,
        remote_address: AddressQuery = None,
    ) -> Page[DecisionView]:
        """Refused connections and registrations, and sessions that were cut; newest first, paged as decisions are."""
        page = await self._reader.list_decisions(
            self._organization_id,
            **await self._about(device_id),
            kinds=_REFUSING,
            reason=reason,
            remote_address=remote_address,
            after=after or None,
            limit=limit,
        )
        refused = [decision for decision in await _seen(page.items, sight) if decision.record.effect != _ALLOW]
        return Page(items=[show_decision(decision) for decision in refused], next=page.next)

    async def newest_refusals(self, count: int) -> list[DecisionRecord]:
        """Return the newest refusals for the status page, newest first."""
        page = await self._reader.list_decisions(self._organization_id, kinds=_REFUSING, limit=count)
        return [decision.record for decision in page.items if decision.record.effect != _ALLOW]

    async def _about(self, device_id: str | None) -> dict[str, Any]:  # Any: parameters of the reader
        """Return what selects the decisions of a device, and those of strangers who presented its name."""
        if device_id is None:
            return {}
        if device_id == _NOBODY:
            return {"generation_id": device_id}
        try:
            device = await self._devices.get(self._organization_id, device_id)
        except DeviceNotFound:
            return {"presented_as": device_id}
        return {"generation_id": device.generation_id, "presented_as": device_id}


def show_decision(decision: Decision) -> DecisionView:
    """Return a decision as it is shown."""
    names = DecisionView.model_fields.keys() - {"cursor"}
    return DecisionView(cursor=decision.cursor, **{name: getattr(decision.record, name) for name in names})


def show_notes(notes: Iterable[PolicyNote]) -> list[PolicyNoteView]:
    """Return policies that decided as they are shown."""
    names = PolicyNoteView.model_fields.keys() - {"policy"}
    return [PolicyNoteView(policy=note.policy_id, **{name: getattr(note, name) for name in names}) for note in notes]


async def _seen(decisions: Iterable[Decision], sight: Sight) -> list[Decision]:
    """Return those about identities that the asker may see; strangers are for who sees the whole fleet."""
    return await sight.keep(decisions, lambda decision: decision.record.generation_id or "")
