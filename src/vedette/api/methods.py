"""``/v1/devices/{device_id}/methods/{name}``: ask a connected device or module to do something, and get its answer."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Response
from pydantic import Field

from vedette.api.schema import OF_MODULE, IdentityPath, View, Who, api_router, refusals
from vedette.kernel import OrganizationId
from vedette.messaging import MethodService

Name = Annotated[str, Path(min_length=1, max_length=100, description="What the device calls it.", examples=["reboot"])]


class MethodCall(View):
    """What a method is given, and how long it may take."""

    payload: Any = Field(default=None, description="Any JSON, null included; at most 128 KiB.", examples=[{"in_s": 5}])
    response_timeout_s: int = Field(default=30, ge=5, le=300, description="How long the device may take to answer.")
    connect_timeout_s: int = Field(
        default=0, ge=0, le=300, description="How long to wait for a device that is not connected."
    )


class MethodAnswer(View):
    """What the device answered."""

    status: int = Field(description="The device's own, not HTTP's; 200 by custom when all went well.")
    payload: Any = Field(description="Any JSON; null when the device sent nothing.")


class MethodRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, methods: MethodService) -> None:
        self._organization_id = organization_id
        self._methods = methods

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("methods", "/v1/devices/{device_id}")
        for path, of, shared in (
            ("/methods/{name:path}", "a device", {}),
            ("/modules/{module_id}/methods/{name:path}", "a module", OF_MODULE),
        ):
            router.add_api_route(
                path,
                self.invoke,
                methods=["POST"],
                summary=f"Invoke a method of {of}",
                response_model=MethodAnswer,
                responses=refusals(404, 409, 422, 502, 504, is_change=True),
                openapi_extra=shared,
            )
        return router

    async def invoke(self, identity: IdentityPath, name: Name, call: MethodCall, who: Who) -> Response:
        """Wait for the device's answer.

        404 `messaging.device_not_online` when it is not there; 504 when it does not answer in time: whether it did what
        was asked is then not known.
        """
        result = await self._methods.invoke(
            self._organization_id,
            identity.device_id,
            identity.module_id,
            name,
            msgspec.json.encode(call.payload),
            response_timeout_s=call.response_timeout_s,
            connect_timeout_s=call.connect_timeout_s,
            actor=who,
        )
        # The device's JSON goes through as it is: read and written again, its numbers might change.
        body = {"status": result.status, "payload": msgspec.Raw(result.payload or b"null")}
        return Response(msgspec.json.encode(body), media_type="application/json")
