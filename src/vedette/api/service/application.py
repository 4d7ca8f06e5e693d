"""The service API, put together: its operations, and the layers that every call passes first."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from vedette.access import EnforcementTracker
from vedette.api.command_guard import CommandGuard
from vedette.api.protection import StrictHeaders
from vedette.api.service.actions import ACTIONS
from vedette.api.service.answers import error_answer
from vedette.api.service.calls import Call, CallAuthenticator, Operation
from vedette.api.service.errors import MethodNotAllowed, NothingThere, RightMissing, ServiceFault
from vedette.api.service.identities import Identities
from vedette.api.service.registry_operations import RegistryOperations
from vedette.api.service.twin_operations import TwinOperations, not_offered
from vedette.kernel import Clock, IdSource, OrganizationId, Problem
from vedette.messaging import CommandQueue, FeedbackLog, MethodService
from vedette.operators import (
    Action,
    Asker,
    AuthorizationService,
    Holding,
    ServicePolicy,
    ServicePolicyService,
    Standing,
    Subject,
)
from vedette.registry import DeviceService, ModuleService, PresenceService, QueryService, TwinService

log = logging.getLogger(__name__)

_METHOD_NOT_ALLOWED: Final = 405


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDoorSettings:
    """Limits of the door.

    Attributes:
        requests_per_s: Of one policy in the long run; twice as many at once.
        failures_per_minute: Wrong tokens of one address that are answered as such.
        max_body_bytes: Largest request body.
    """

    requests_per_s: float = 100.0
    failures_per_minute: int = 10
    max_body_bytes: int = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRooms:
    """What the operations call."""

    organization_id: OrganizationId
    clock: Clock
    ids: IdSource
    policies: ServicePolicyService
    devices: DeviceService
    modules: ModuleService
    twins: TwinService
    presence: PresenceService
    queries: QueryService
    commands: CommandQueue
    feedback: FeedbackLog
    methods: MethodService
    enforcement: EnforcementTracker
    authorization: AuthorizationService
    guard: CommandGuard


def build_service_api(rooms: ServiceRooms, settings: ServiceDoorSettings) -> ASGIApp:
    """Return the whole door as an ASGI application."""
    identities = Identities(
        organization_id=rooms.organization_id,
        devices=rooms.devices,
        modules=rooms.modules,
        presence=rooms.presence,
        commands=rooms.commands,
        enforcement=rooms.enforcement,
    )
    twins = TwinOperations(
        identities,
        twins=rooms.twins,
        methods=rooms.methods,
        queries=rooms.queries,
        feedback=rooms.feedback,
        guard=rooms.guard,
    )
    # Fixed paths come first: a device may have any name.
    operations = [*twins.build(), *RegistryOperations(identities, rooms.twins).build(), *not_offered()]
    authenticator = CallAuthenticator(
        rooms.policies,
        rooms.organization_id,
        clock=rooms.clock,
        requests_per_s=settings.requests_per_s,
        failures_per_minute=settings.failures_per_minute,
    )
    desk = _Desk(operations, settings, rooms)
    return StrictHeaders(_Entrance(desk.build(), authenticator, desk), is_tls=True)


class _Desk:
    """Carries operations out, and answers whatever becomes of them."""

    def __init__(self, operations: Sequence[Operation], settings: ServiceDoorSettings, rooms: ServiceRooms) -> None:
        self._operations = operations
        self._settings = settings
        self._rooms = rooms

    def build(self) -> Starlette:
        """Return the routes."""
        app = Starlette(
            routes=[self._route(each) for each in self._operations],
            exception_handlers={HTTPException: self._on_http, Exception: self._on_fault},
        )
        app.router.redirect_slashes = False
        return app

    def refuse(self, problem: Problem) -> Response:
        """Return the answer to a call that is not carried out."""
        return error_answer(problem, clock=self._rooms.clock, ids=self._rooms.ids)

    async def _check_may(self, operation: Operation, call: Call) -> None:
        """Ask the policies about people and programs, as the operators' door does.

        Raises:
            RightMissing: They do not permit it.
        """
        call.check_right(operation.right)
        name = f"{operation.method} {operation.path}"
        action = ACTIONS.get(name)
        policy = call.policy
        standing = Standing(
            asker=Asker(
                organization_id=self._rooms.organization_id,
                actor=policy.actor,
                method="service-policy",
                is_program=True,
            ),
            holdings=tuple(Holding(right.value) for right in policy.rights),
        )
        authorization = self._rooms.authorization
        if action is not None and authorization.decide(standing, action, Subject()).is_permitted:
            return
        told = "" if action is None else f": it is {action.value}"
        problem = RightMissing(
            f"the service policy {policy.name} does not give this{told}", hint="see docs/people.md for what rights give"
        )
        await authorization.note_refusal(
            standing, action or Action.MANAGE_PLATFORM, f"service {name}", reason=problem.code, details={}
        )
        raise problem

    def _route(self, operation: Operation) -> Route:
        async def carry_out(request: Request) -> Response:
            policy = request.scope.get("state", {}).get("policy")
            if not isinstance(policy, ServicePolicy):
                raise TypeError("a call has come past the entrance")
            call = Call(request, policy, self._settings.max_body_bytes)
            try:
                await self._check_may(operation, call)
                return await operation.handler(call)
            except Problem as problem:
                return self.refuse(problem)

        return Route(operation.path, carry_out, methods=[operation.method])

    async def _on_http(self, request: Request, error: Exception) -> Response:
        is_method = isinstance(error, HTTPException) and error.status_code == _METHOD_NOT_ALLOWED
        path = request.url.path[:200]
        if is_method:
            return self.refuse(MethodNotAllowed(f"{request.method[:20]} is not possible at {path}"))
        return self.refuse(NothingThere(f"there is nothing at {path}"))

    async def _on_fault(self, request: Request, error: Exception) -> Response:
        log.error(
            "service call failed",
            extra={"method": request.method, "path": request.url.path[:200]},
            exc_info=error,
        )
        return self.refuse(ServiceFault("the call failed inside Vedette", hint="the log of control says why"))


class _Entrance:
    """Lets calls in with a genuine token only, whatever stands at their path."""

    def __init__(self, app: ASGIApp, authenticator: CallAuthenticator, desk: _Desk) -> None:
        self._app = app
        self._authenticator = authenticator
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        try:
            policy = await self._authenticator.authenticate(request)
        except Problem as problem:
            await self._desk.refuse(problem)(scope, receive, send)
            return
        scope.setdefault("state", {})["policy"] = policy
        await self._app(scope, receive, send)
