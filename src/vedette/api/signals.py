"""``/v1/devices/{device_id}/signals`` and ``…/health``: what bears on trust in a device, and what it comes to."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from vedette.api.schema import OF_MODULE, After, IdentityPath, Limit, Page, Who, api_router, refusals
from vedette.api.sight import Seen
from vedette.api.signal_views import (
    AcceptedSignal,
    HealthView,
    NewSignalView,
    PostureView,
    SignalView,
    Withdrawal,
    read_signal,
    show_acceptance,
    show_health,
    show_posture,
    show_signal,
)
from vedette.health import SignalService
from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.trust import RiskLevel

_SignalInPath = Annotated[str, Path(max_length=64, description="Generated id of the signal.", examples=["sig_06h0"])]
_SOURCE_MAX_CHARS: Final = 128


class SignalRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, signals: SignalService) -> None:
        self._organization_id = organization_id
        self._signals = signals

    def build(self) -> list[APIRouter]:
        """Return the routes of devices, of modules, and of the list."""
        devices = api_router("health", "/v1/devices/{device_id}")
        modules = api_router("health", "/v1/devices/{device_id}/modules/{module_id}")
        for router, what in ((devices, "device"), (modules, "module")):
            extra = None if router is devices else OF_MODULE
            add = router.add_api_route
            add(
                "/health",
                self.show,
                methods=["GET"],
                summary=f"Show the health of a {what}",
                responses=refusals(404, 422),
                openapi_extra=extra,
            )
            add(
                "/signals",
                self.history,
                methods=["GET"],
                summary=f"List the latest signals of a {what}",
                responses=refusals(404, 422),
                openapi_extra=extra,
            )
            add(
                "/signals",
                self.tell,
                methods=["POST"],
                status_code=201,
                summary=f"Tell a signal about a {what}",
                responses=refusals(404, 409, 422, is_change=True),
                openapi_extra=extra,
            )
            add(
                "/signals/{signal_id}/withdraw",
                self.withdraw,
                methods=["POST"],
                summary=f"Withdraw a signal about a {what}",
                responses=refusals(404, 409, 422, is_change=True),
                openapi_extra=extra,
            )
        fleet = api_router("health", "/v1/health")
        fleet.add_api_route(
            "", self.list_health, methods=["GET"], summary="List the health of the fleet", responses=refusals(422)
        )
        return [devices, modules, fleet]

    async def show(self, identity: IdentityPath) -> HealthView:
        """Risk level, findings, place, and the signals that count now."""
        found = await self._signals.report(self._organization_id, identity.device_id, identity.module_id)
        return show_health(found)

    async def history(
        self,
        identity: IdentityPath,
        limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 50,
        after: After = "",
    ) -> Page[SignalView]:
        """The latest 100, youngest first, those included that count no more."""
        found, following = await self._signals.history(
            self._organization_id, identity.device_id, identity.module_id, after=after, limit=limit
        )
        return Page(items=[show_signal(signal) for signal in found], next=following)

    async def tell(self, identity: IdentityPath, told: NewSignalView, who: Who) -> AcceptedSignal:
        """What follows from it is on its way to the gateways when this is answered."""
        signal = read_signal(told, identity.device_id, identity.module_id, source=_source(told.source, who))
        return show_acceptance(await self._signals.accept(self._organization_id, signal, actor=who))

    async def withdraw(self, identity: IdentityPath, signal_id: _SignalInPath, why: Withdrawal, who: Who) -> HealthView:
        """Say that a signal counts no more; it stays in the history."""
        found = await self._signals.withdraw(
            self._organization_id,
            identity.device_id,
            identity.module_id,
            signal_id,
            actor=who,
            reason=why.reason,
        )
        return show_health(found)

    async def list_health(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        risk_level: Annotated[RiskLevel | None, Query(description="Only those of this level.")] = None,
    ) -> Page[PostureView]:
        """Those of which any signal was heard, in the order they were registered, as far as you may see them."""
        found, following = await self._signals.list(
            self._organization_id, risk_level=risk_level, after=after, limit=limit
        )
        seen = await sight.keep(found, lambda posture: posture.generation_id)
        return Page(items=[show_posture(each) for each in seen], next=following)


def _source(told: str, who: Actor) -> str:
    """Return the name of a source: programs speak under their own, so that none takes back another's word."""
    if who.kind == "operator":
        return told
    return f"{who.id}/{told}"[:_SOURCE_MAX_CHARS]
