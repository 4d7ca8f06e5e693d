"""``/v1/clone-alerts``: identities that several clients use at once, which a copied key does."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from vedette.api.schema import After, Limit, Page, RequiredReason, Timestamp, View, Who, api_router, refusals
from vedette.api.sight import Seen, Sight
from vedette.kernel import OrganizationId
from vedette.messaging import CloneAlert, CloneAlertNotFound, CloneAlerts

Id = Annotated[str, Path(max_length=64, description="Generated id of the alert.", examples=["aln_06h0"])]


class CloneAlertView(View):
    """What was seen of an identity whose clients displace each other."""

    alert_id: str
    device_id: str
    module_id: str | None
    generation_id: str
    is_open: bool = Field(description="Nobody has looked into the latest evidence.")
    first_seen_at: Timestamp
    last_seen_at: Timestamp
    reports: int = Field(description="How often gateways reported it.")
    takeovers: int = Field(description="How often one client displaced the other, in all reports.")
    gateways: list[str]
    remote_addresses: list[str] = Field(description="Of the connections involved, the latest 32.")
    certificate_sha256: list[str] = Field(description="What they presented, the latest 32.")
    is_same_certificate: bool = Field(description="Several used one certificate at once: its key was copied.")
    acknowledged_at: Timestamp | None
    acknowledged_by: str
    acknowledged_reason: str


class CloneAlertRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, alerts: CloneAlerts) -> None:
        self._organization_id = organization_id
        self._alerts = alerts

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("clone alerts", "/v1/clone-alerts")
        add = router.add_api_route
        add("", self.list_alerts, methods=["GET"], summary="List clone alerts", responses=refusals(400, 422))
        add("/{alert_id}", self.show, methods=["GET"], summary="Show a clone alert", responses=refusals(404, 422))
        add(
            "/{alert_id}/acknowledge",
            self.acknowledge,
            methods=["POST"],
            summary="Acknowledge a clone alert",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    async def list_alerts(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        is_open: Annotated[
            bool | None, Query(description="Only those that nobody has looked into, or only the others.")
        ] = None,
    ) -> Page[CloneAlertView]:
        """Youngest first: one for each identity, until the identity is deleted."""
        page = await self._alerts.list(self._organization_id, after=after, limit=limit, is_open=is_open)
        seen = await sight.keep(page.items, lambda alert: alert.generation_id)
        return Page(items=[_show(alert) for alert in seen], next=page.next)

    async def show(self, alert_id: Id, sight: Seen) -> CloneAlertView:
        """One alert."""
        return _show(await self._find(alert_id, sight))

    async def acknowledge(self, alert_id: Id, why: RequiredReason, who: Who, sight: Seen) -> CloneAlertView:
        """Say what was found. New evidence opens it again; a second acknowledgement changes nothing."""
        await self._find(alert_id, sight)
        return _show(await self._alerts.acknowledge(self._organization_id, alert_id, actor=who, reason=why.reason))

    async def _find(self, alert_id: str, sight: Sight) -> CloneAlert:
        alert = await self._alerts.get(self._organization_id, alert_id)
        if not await sight.sees(alert.generation_id):
            raise CloneAlertNotFound(f"there is no clone alert {alert_id}", hint="see them: vedette clone-alert list")
        return alert


def _show(alert: CloneAlert) -> CloneAlertView:
    lists = {"gateways", "remote_addresses", "certificate_sha256"}
    return CloneAlertView(
        gateways=list(alert.gateways),
        remote_addresses=list(alert.remote_addresses),
        certificate_sha256=list(alert.certificate_sha256),
        **{name: getattr(alert, name) for name in CloneAlertView.model_fields.keys() - lists},
    )
