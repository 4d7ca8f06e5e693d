"""May they? Asked of the policies about people before any operation is carried out, and before a kept answer is told.

An operation that the table does not know is refused. What is outside somebody's places is answered as if it were not
there. Refusals are on record, once a minute for each asker and operation. Another person's approval is used up
last, when nothing else stands against the act, and given back when what comes behind refuses it.
"""

from __future__ import annotations

import binascii
import logging
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
from fastapi.routing import APIRoute
from starlette.datastructures import Headers, QueryParams
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vedette.api.authentication import Principal
from vedette.api.command_guard import CommandGuard
from vedette.api.errors import Unauthenticated
from vedette.api.operation_actions import OPERATIONS, OUTSIDE_OPERATIONS, About, Operation
from vedette.api.problems import problem_response
from vedette.api.sight import Sight, refusal_of
from vedette.api.stream_guard import StreamGuard
from vedette.kernel import Clock, GenerationId, OrganizationId, Problem, to_rfc3339
from vedette.operators import (
    Act,
    Action,
    ActRefused,
    Approval,
    ApprovalNeeded,
    ApprovalService,
    Asker,
    AuthorizationService,
    BulkReads,
    ConfirmationFailed,
    Confirmations,
    ConfirmationService,
    Ruling,
    Standing,
    Subject,
    holds_everywhere,
    reaches,
)
from vedette.registry import DeviceNotFound, DevicePlace, GroupNotFound, PlaceService

log = logging.getLogger(__name__)

ASSERTION_HEADER: Final = "vedette-act-assertion"
ASSERTION_MAX_CHARS: Final = 16_384
_PROGRAMS: Final = frozenset({"service-token"})
_NOBODY: Final = "-"
_SHAPES_MAX: Final = 256
_REFUSED: Final = range(400, 500)
_NOWHERE: Final = DevicePlace(GenerationId(""), "", None, "", frozenset())
_PLATFORM: Final = Subject()
_LIMITED: Final = Subject(is_limited=True)


class _Assertion(msgspec.Struct, frozen=True):
    """What the header holds, in base64url."""

    nonce: str
    credential: dict[str, Any]  # Any: what a browser sent


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationDesk:
    """What the layer asks.

    Attributes:
        on_bulk_read: Told once an hour of somebody who has read very much.
    """

    organization_id: OrganizationId
    authorization: AuthorizationService
    confirmations: ConfirmationService
    places: PlaceService
    reads: BulkReads
    approvals: ApprovalService
    guard: CommandGuard
    clock: Clock
    operations: Mapping[str, Operation] = field(default_factory=lambda: {**OPERATIONS, **OUTSIDE_OPERATIONS})


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, as far as it matters here."""

    name: str
    operation: Operation
    action: Action
    parameters: Mapping[str, Any]  # Any: path parameters
    query: Mapping[str, str]
    body: bytes
    act: Act
    standing: Standing


class AuthorizedRoutes:
    """Lets requests below a prefix pass only if the policies permit the operation.

    Args:
        app: What comes behind.
        routes: Of the API, in the order in which they are looked up.
        desk: Who is asked.
        prefix: Other paths are not asked about.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Callable[[], Sequence[Any]],
        desk: AuthorizationDesk,
        prefix: str | tuple[str, ...],
    ) -> None:
        self._app = app
        self._routes = routes
        self._desk = desk
        self._prefix = prefix
        self._known = -1
        self._by_shape: dict[tuple[str, int], list[APIRoute]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        try:
            send = await self._judge(scope, send)
        except Problem as problem:
            await problem_response(problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _judge(self, scope: Scope, send: Send) -> Send:
        """Judge a request; return where its answer goes.

        Raises:
            Problem: It is refused.
        """
        found = self._find(scope)
        if found is None:
            # No operation is there, as the router will say. Whatever else might think that there is one knows nobody.
            scope.setdefault("state", {}).pop("principal", None)
            if self._is_hidden(scope):
                raise ActRefused("whatever is there is in no list of operations", hint="routes stand in one flat list")
            return send
        principal = scope.get("state", {}).get("principal")
        if not isinstance(principal, Principal):
            raise Unauthenticated("no credentials")
        desk = self._desk
        standing = await desk.authorization.standing(asker_of(principal, desk.organization_id))
        name, parameters = found
        operation = desk.operations.get(name)
        if operation is None:
            problem = ActRefused(
                f"the operation {name} has no action yet, so nobody may call it",
                hint="it is missing in vedette.api.operation_actions",
            )
            await desk.authorization.note_refusal(
                standing, Action.MANAGE_PLATFORM, name, reason=problem.detail, details={}
            )
            raise problem
        headers = Headers(scope=scope)
        asked = _Asked(
            name,
            operation,
            operation.action_of(_members(scope["state"].get("body", b""))),
            parameters,
            _query(scope),
            scope["state"].get("body", b""),
            _act(scope),
            standing,
        )
        sight = await self._permit(asked, headers)
        scope["state"]["sight"] = sight
        if sight.given.is_approved:
            send = _Returning(send, desk.approvals, await self._take_approval(asked), standing).send
        send = StreamGuard(send, lambda: self._is_still_permitted(asked, sight), clock=desk.clock).send
        if not operation.is_bulk:
            return send
        if not standing.asker.is_host:
            desk.reads.check(standing.asker.actor.id)
        return _Counting(send, desk, standing).send

    async def _permit(self, asked: _Asked, headers: Headers) -> Sight:
        desk, standing = self._desk, asked.standing
        subjects = await self._subjects(asked)
        given = Confirmations()
        header = headers.get(ASSERTION_HEADER)
        if header is not None:
            assertion = _read_assertion(header)
            await desk.confirmations.verify_act(
                standing.asker.session, asked.act, assertion.nonce, assertion.credential
            )
            given = replace(given, has_assertion=True)
        ruling = Ruling(is_permitted=False, policies=())
        for subject in subjects:
            ruling = desk.authorization.decide(standing, asked.action, subject, given)
            if ruling.missing == "second-person":
                await self._check_approval(asked)
                given = replace(given, is_approved=True)
                ruling = desk.authorization.decide(standing, asked.action, subject, given)
            if not ruling.is_permitted:
                raise await self._refuse(asked, subjects[0], ruling)
        await self._check_command(asked)
        return Sight(desk.authorization, desk.places, standing, areas=ruling.areas, given=given)

    async def _is_still_permitted(self, asked: _Asked, sight: Sight) -> bool:
        """Tell whether an act would be permitted at this moment as it was, over the same places."""
        standing = await self._desk.authorization.standing(asked.standing.asker)
        now = replace(asked, standing=standing)
        rulings = [
            self._desk.authorization.decide(standing, asked.action, subject, sight.given)
            for subject in await self._subjects(now)
        ]
        return all(each.is_permitted for each in rulings) and rulings[-1].areas == sight.areas

    async def _check_command(self, asked: _Asked) -> None:
        if asked.operation.carries:
            device_id, name = (str(asked.parameters.get(each, "")) for each in ("device_id", "name"))
            await self._desk.guard.check_request(asked.operation, device_id, name, asked.body)

    async def _check_approval(self, asked: _Asked) -> None:
        """Look whether another person has approved this very act; without that, have it wait.

        Raises:
            ApprovalNeeded: It waits now.
        """
        desk, actor = self._desk, asked.standing.asker.actor
        if not await desk.approvals.is_approved(desk.organization_id, asked.act, actor=actor):
            await self._check_command(asked)  # nobody is asked to approve what is refused anyway
            raise await self._wait(asked)

    async def _take_approval(self, asked: _Asked) -> Approval:
        """Use up another person's approval.

        Raises:
            ApprovalNeeded: The same request was faster, and this one waits now.
        """
        desk, actor = self._desk, asked.standing.asker.actor
        taken = await desk.approvals.take(desk.organization_id, asked.act, actor=actor)
        if taken is None:
            raise await self._wait(asked)
        return taken

    async def _wait(self, asked: _Asked) -> ApprovalNeeded:
        desk, actor = self._desk, asked.standing.asker.actor
        device_id = str(asked.parameters.get("device_id", ""))
        waiting = await desk.approvals.ask(
            desk.organization_id, asked.act, asked.action, body=asked.body, device_id=device_id, actor=actor
        )
        return ApprovalNeeded(
            "this act waits for another person's approval",
            hint=f"they do: vedette approval approve {waiting.approval_id}; then repeat exactly this request",
            approval_id=waiting.approval_id,
            expires_at=to_rfc3339(waiting.expires_at),
            action=asked.action.value,
        )

    async def _refuse(self, asked: _Asked, subject: Subject, ruling: Ruling) -> Problem:
        desk = self._desk
        problem = refusal_of(ruling, asked.standing, asked.action)
        if subject.place is not None and not reaches(asked.standing, subject.place):
            problem = _not_there(asked)
        await desk.authorization.note_refusal(
            asked.standing,
            asked.action,
            asked.name,
            target="" if subject.place is None else subject.place.generation_id,
            reason=problem.code,
            details={"policies": list(ruling.policies), "missing": ruling.missing},
        )
        return problem

    async def _subjects(self, asked: _Asked) -> list[Subject]:
        """Return what an act is about; all of it must be permitted."""
        operation = asked.operation
        match operation.about:
            case About.DEVICE:
                return await self._device(asked, str(asked.parameters.get("device_id", "")))
            case About.QUERY if asked.query.get("device_id", _NOBODY) != _NOBODY:
                return await self._device(asked, asked.query["device_id"])
            case About.QUERY | About.LIMITED:
                return [_LIMITED]
            case About.GROUP:
                name = str(asked.parameters.get("group", ""))
                group_id = await self._desk.places.find_group(self._desk.organization_id, name)
                groups = frozenset() if group_id is None else frozenset({group_id})
                return [Subject(place=replace(_NOWHERE, groups=groups))]
            case About.NEW_DEVICE:
                return [Subject(place=replace(_NOWHERE, site=_site_in(asked.body)))]
        return [_PLATFORM]

    async def _device(self, asked: _Asked, device_id: str) -> list[Subject]:
        if holds_everywhere(asked.standing):
            return [Subject(place=_NOWHERE)]  # wherever it is
        place = await self._desk.places.find(self._desk.organization_id, device_id[:256])
        subjects = [Subject(place=place or _NOWHERE)]
        if place is not None and asked.action is Action.CHANGE_DEVICE and asked.act.method == "PATCH":
            members = _members(asked.body)
            if "site" in members and members["site"] != place.site:  # where it is moved to counts as where it is
                subjects.append(Subject(place=replace(place, site=_site_in(asked.body))))
        return subjects

    def _find(self, scope: Scope) -> tuple[str, Mapping[str, Any]] | None:
        for route in self._candidates(scope):
            match, child = route.matches(scope)
            if match is Match.FULL:
                return f"{scope['method']} {route.path_format}", child.get("path_params", {})
        return None

    def _is_hidden(self, scope: Scope) -> bool:
        """Tell whether something else than an operation would answer: a mount, or a router within a router."""
        return any(not isinstance(each, APIRoute) and each.matches(scope)[0] is Match.FULL for each in self._routes())

    def _candidates(self, scope: Scope) -> list[APIRoute]:
        """Return the routes of a method and of as many levels as a path has: to try all takes longer than an answer."""
        method, levels = scope["method"], scope["path"].count("/")
        routes = self._routes()
        if len(routes) != self._known:
            self._by_shape.clear()
            self._known = len(routes)
        found = self._by_shape.get((method, levels))
        if found is None:
            found = [
                each
                for each in routes
                if isinstance(each, APIRoute)
                and method in (each.methods or ())
                and (":path}" in each.path or each.path.count("/") == levels)
            ]
            if len(self._by_shape) < _SHAPES_MAX:
                self._by_shape[method, levels] = found
        return found


class _Returning:
    """Gives an approval back when its act was refused, before whoever asked is told so.

    What failed on our side stays used: it may have been done.
    """

    def __init__(self, send: Send, approvals: ApprovalService, taken: Approval, standing: Standing) -> None:
        self._send = send
        self._approvals = approvals
        self._taken = taken
        self._actor = standing.asker.actor

    async def send(self, message: Message) -> None:
        """Send what comes."""
        if message["type"] == "http.response.start" and message["status"] in _REFUSED:
            try:
                await self._approvals.give_back(
                    self._taken, actor=self._actor, reason=f"the act was refused with status {message['status']}"
                )
            except Problem as problem:
                log.warning("approval of a refused act stays used", extra={"code": problem.code})
        await self._send(message)


class _Counting:
    """Counts what is answered, and has it put on record when it is very much."""

    def __init__(self, send: Send, desk: AuthorizationDesk, standing: Standing) -> None:
        self._send = send
        self._desk = desk
        self._standing = standing

    async def send(self, message: Message) -> None:
        """Send what comes."""
        await self._send(message)
        size = len(message.get("body", b"")) if message["type"] == "http.response.body" else 0
        if size and self._desk.reads.count(self._standing.asker.actor.id, size):
            await self._desk.authorization.note_bulk_read(
                self._standing, self._desk.reads.read_bytes(self._standing.asker.actor.id)
            )


def asker_of(principal: Principal, organization_id: OrganizationId) -> Asker:
    """Return whoever makes a request, as the policies know them."""
    session = principal.session
    return Asker(
        organization_id=organization_id,
        actor=principal.actor,
        method=principal.method,
        is_host=principal.is_host,
        is_program=principal.method in _PROGRAMS,
        person_id=principal.person_id,
        link_id=None if session is None else session.link_id,
        session=session,
        roles=principal.roles,
        scopes=principal.scopes,
        is_multi_factor=principal.is_multi_factor,
        may_let_in=principal.may_let_in,
        stepped_up_at=principal.stepped_up_at,
        address=principal.address,
        owner_id=principal.owner_id,
    )


def _act(scope: Scope) -> Act:
    raw = scope.get("raw_path") or scope["path"].encode("utf-8")
    path = raw.partition(b"?")[0].decode("latin-1")
    return Act.of(scope["method"], path, scope.get("query_string", b""), scope["state"].get("body", b""))


def _query(scope: Scope) -> Mapping[str, str]:
    found = QueryParams(scope.get("query_string", b""))
    # Of a name that comes twice the route reads the last one, and so does this.
    return {name: found.getlist(name)[-1] for name in found}


def _read_assertion(header: str) -> _Assertion:
    if len(header) <= ASSERTION_MAX_CHARS and header.isascii():
        try:
            raw = urlsafe_b64decode(header + "=" * (-len(header) % 4))
            return msgspec.json.decode(raw, type=_Assertion)
        except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
            pass
    raise ConfirmationFailed(
        "the header Vedette-Act-Assertion cannot be read",
        hint='it is {"nonce": …, "credential": …} in base64url, at most 16 KiB',
    )


def _site_in(body: bytes) -> str | None:
    """Return the site that a body names; what is no text is refused by the route."""
    site = _members(body).get("site")
    return site if isinstance(site, str) else None


def _members(body: bytes) -> Mapping[str, Any]:  # Any: JSON
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _not_there(asked: _Asked) -> Problem:
    if asked.operation.about is About.GROUP:
        name = str(asked.parameters.get("group", ""))
        return GroupNotFound(f"there is no group {name[:160]!r}", hint="see them: vedette group list")
    if asked.operation.about is About.NEW_DEVICE:
        return ActRefused("you may not create a device there", hint="name a site that your role holds")
    name = str(asked.parameters.get("device_id") or asked.query.get("device_id", ""))
    return DeviceNotFound(f"there is no device {name[:160]!r}", hint="see them: vedette device list")
