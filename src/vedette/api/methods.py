"""``/v1/devices/{device_id}/methods/{name}``: ask a connected device or module to do something, and get its answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import Field
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from vedette.api.problems import problem_response
from vedette.api.schema import (
    DEVICE_ID_PATTERN,
    OF_MODULE,
    IdentityPath,
    View,
    Who,
    actor_of,
    api_router,
    identity_in_path,
    only_known_parameters,
    refusals,
)
from vedette.kernel import OrganizationId, Problem, parse_device_id, parse_module_id
from vedette.messaging import MethodResult, MethodService

log = logging.getLogger(__name__)

_ROUTE: Final = "/methods/{name:path}"
# What ``MethodShortcut`` does itself. A request without a query string has no unknown parameter.
_HONOURED: Final = frozenset({actor_of, only_known_parameters, identity_in_path})
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
            (_ROUTE, "a device", {}),
            (f"/modules/{{module_id}}{_ROUTE}", "a module", OF_MODULE),
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
        return _answer(result)


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    """``MethodCall`` as the shortcut reads it; what differs in the least goes the long way."""

    payload: msgspec.Raw = msgspec.Raw(b"null")
    response_timeout_s: Annotated[int, msgspec.Meta(ge=5, le=300)] = 30
    connect_timeout_s: Annotated[int, msgspec.Meta(ge=0, le=300)] = 0


class MethodShortcut:
    """Serves well-formed calls of methods past the framework, which costs more than the call itself.

    Whatever is unusual about a request is left to the route, which knows how to refuse it; and so is everything if the
    route asks for more than is known here.

    Args:
        app: The routes.
        organization_id: Whose devices.
        methods: Calls them.
        dependants: What each route of methods depends on.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        organization_id: OrganizationId,
        methods: MethodService,
        dependants: Iterable[Dependant],
    ) -> None:
        self._app = app
        self._is_whole = all(
            each.call in _HONOURED and not each.dependencies
            for dependant in dependants
            for each in dependant.dependencies
        )
        if not self._is_whole:
            log.warning("calls of methods go the long way: their routes ask for more than the short one knows")
        self._organization_id = organization_id
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        found = _usual(scope) if self._is_whole else None
        if found is None:
            await self._app(scope, receive, send)
            return
        path, call = found
        module_id = path["module_id"]
        try:
            result = await self._methods.invoke(
                self._organization_id,
                parse_device_id(path["device_id"]),
                None if module_id is None else parse_module_id(module_id),
                path["name"],
                bytes(call.payload),
                response_timeout_s=call.response_timeout_s,
                connect_timeout_s=call.connect_timeout_s,
                actor=scope["state"]["principal"].actor,
            )
        except Problem as problem:
            response = problem_response(problem)
        else:
            response = _answer(result)
        await response(scope, receive, send)


def method_dependants(routes: Iterable[APIRoute]) -> list[Dependant]:
    """Return what the routes of methods depend on, as ``MethodShortcut`` wants to know it."""
    return [route.dependant for route in routes if route.path.endswith(_ROUTE)]


def _usual(scope: Scope) -> tuple[re.Match[str], _Call] | None:
    """Return what is called, and with what, if a request is a call of a method and nothing about it is unusual."""
    if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
        return None
    path = _PATH.fullmatch(scope["path"])
    if path is None or "principal" not in scope.get("state", {}):
        return None
    if Headers(scope=scope).get("content-type", "").partition(";")[0] != "application/json":
        return None
    try:
        return path, _decode(scope["state"]["body"])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _answer(result: MethodResult) -> Response:
    # The device's JSON goes through as it is: read and written again, its numbers might change.
    body = {"status": result.status, "payload": msgspec.Raw(result.payload or b"null")}
    return Response(msgspec.json.encode(body), media_type="application/json")


_ID: Final = DEVICE_ID_PATTERN.strip("^$")
_PATH: Final = re.compile(
    rf"/v1/devices/(?P<device_id>{_ID})(/modules/(?P<module_id>{_ID}))?/methods/(?P<name>[^/]{{1,100}})"
)
_decode: Final = msgspec.json.Decoder(_Call).decode
