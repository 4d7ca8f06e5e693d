"""``/access/v1``: the decision point for other systems, in the words of OpenID AuthZEN.

Source:
    OpenID AuthZEN Authorization API 1.0: evaluation, evaluations, searches, metadata, and the transport's status codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vedette.access import (
    IDENTITY_TYPES,
    PEOPLE_TYPES,
    UNKNOWN_SUBJECT,
    Answer,
    Applications,
    Asked,
    DecisionPoint,
    OutsideDecisions,
    PeopleDecisionPoint,
    subject_name,
)
from vedette.api.authzen_request import (
    Batch,
    Item,
    Kind,
    Wanted,
    check_type,
    read_batch,
    read_evaluation,
    read_page,
    read_search,
)
from vedette.api.schema import Who
from vedette.api.sight import Seen, Sight
from vedette.operators import Action

AUTHZEN_PREFIX: Final = "/access/v1/"
REQUEST_ID: Final = "x-request-id"
_REQUEST_ID: Final = re.compile(r"[!-~][ -~]{0,1023}", re.ASCII)
_PLAIN: Final = frozenset({"permitted", "policy_denied"})
_STOPS_AT: Final = {"deny_on_first_deny": False, "permit_on_first_permit": True}


async def _body_of(request: Request) -> object:
    """Return the JSON of a request.

    Raises:
        InvalidBody: It is none, or not said to be.
    """
    return check_type(request.headers.get("content-type", ""), await request.body())


_Body = Annotated[Any, Depends(_body_of)]  # Any: JSON, read member by member


class AuthZenRoutes:
    """What the routes below do, for one organization.

    Args:
        point: Decides about devices and modules.
        people: Decides about people and programs.
        applications: Decide about what is theirs.
        decisions: Where answers go on record.
        url: Where other systems reach us.
    """

    def __init__(
        self,
        point: DecisionPoint,
        people: PeopleDecisionPoint,
        applications: Applications,
        decisions: OutsideDecisions,
        *,
        url: str,
    ) -> None:
        self._point = point
        self._people = people
        self._applications = applications
        self._decisions = decisions
        self._url = url.rstrip("/")

    def build(self) -> list[APIRouter]:
        """Return the routes of the decision point, and its metadata, which anybody may read."""
        router = APIRouter(prefix="/access/v1", include_in_schema=False)
        router.add_api_route("/evaluation", self.evaluate, methods=["POST"])
        router.add_api_route("/evaluations", self.evaluate_many, methods=["POST"])
        router.add_api_route("/search/subject", self.search_subjects, methods=["POST"])
        router.add_api_route("/search/resource", self.search_resources, methods=["POST"])
        router.add_api_route("/search/action", self.search_actions, methods=["POST"])
        openly = APIRouter(include_in_schema=False)
        openly.add_api_route("/.well-known/authzen-configuration", self.configuration, methods=["GET"])
        return [router, openly]

    async def configuration(self) -> JSONResponse:
        """Where everything is."""
        base = f"{self._url}/access/v1"
        return JSONResponse(
            {
                "policy_decision_point": self._url,
                "access_evaluation_endpoint": f"{base}/evaluation",
                "access_evaluations_endpoint": f"{base}/evaluations",
                "search_subject_endpoint": f"{base}/search/subject",
                "search_resource_endpoint": f"{base}/search/resource",
                "search_action_endpoint": f"{base}/search/action",
            }
        )

    async def evaluate(self, body: _Body, who: Who, sight: Seen) -> JSONResponse:
        """One decision."""
        asked = read_evaluation(body).asked(caller=who.id)
        return JSONResponse(await self._tell(asked, sight))

    async def evaluate_many(self, body: _Body, who: Who, sight: Seen) -> JSONResponse:
        """Several decisions, in their order; without a list it is one."""
        batch = read_batch(body)
        if isinstance(batch, Item):
            return JSONResponse(await self._tell(batch.asked(caller=who.id), sight))
        return JSONResponse({"evaluations": await self._each(batch, who.id, sight)})

    async def _each(self, batch: Batch, caller: str, sight: Sight) -> list[dict[str, Any]]:  # Any: JSON
        answers: list[dict[str, Any]] = []
        stop = _STOPS_AT.get(batch.semantic)
        for item in batch.items:
            if isinstance(item, Item):
                shown = await self._tell(item.asked(caller=caller), sight)
            else:
                shown = {"decision": False, "context": {"error": {"status": 400, "message": item}}}
            answers.append(shown)
            if shown["decision"] is stop:
                break
        return answers

    async def search_subjects(self, body: _Body, who: Who, sight: Seen) -> JSONResponse:
        """Who may do something: devices and modules, a bounded part of the fleet at a time, or an application's own."""
        item = read_search(body, Kind.SUBJECT)
        asked, wanted = item.asked(caller=who.id), read_page(body, item)
        if self._is_of_application(asked, sight):
            page = await self._applications.search_subjects(asked, after=wanted.after, most=wanted.most)
            return _results(_entities(asked.subject_type, page.ids), wanted.token(page.next_after))
        if asked.subject_type not in IDENTITY_TYPES:
            return _results([])
        found = await self._point.search_subjects(asked, after=wanted.after, most=wanted.most)
        seen = await sight.keep(found.records, lambda record: record.generation_id)
        results = _entities(asked.subject_type, [subject_name(record) for record in seen])
        return _results(results, wanted.token(found.next_after))

    async def search_resources(self, body: _Body, who: Who, sight: Seen) -> JSONResponse:
        """The hub for an identity, devices for people and programs, or what is an application's own."""
        item = read_search(body, Kind.RESOURCE)
        asked, wanted = item.asked(caller=who.id), read_page(body, item)
        if self._is_of_application(asked, sight):
            page = await self._applications.search_resources(asked, after=wanted.after, most=wanted.most)
            return _results(_entities(asked.resource_type, page.ids), wanted.token(page.next_after))
        if asked.subject_type in PEOPLE_TYPES and asked.resource_type == "device":
            return await self._search_devices(asked, wanted, sight)
        own = asked.subject_id if asked.resource_type in IDENTITY_TYPES else asked.resource_type
        answer = await self._decide(replace(asked, resource_id=own), sight)
        return _results(_entities(asked.resource_type, [own] if answer.is_permitted else [])[: wanted.most])

    async def _search_devices(self, asked: Asked, wanted: Wanted, sight: Sight) -> JSONResponse:
        page = await self._point.list_devices(after=wanted.after)
        names: list[str] = []
        last = wanted.after
        for record in await sight.keep(page.records, lambda record: record.generation_id):
            if len(names) >= wanted.most:
                return _results(_entities("device", names), wanted.token(last))
            last = record.sequence
            answer = await self._answer(replace(asked, resource_id=record.device_id), sight)
            if answer.is_permitted:
                names.append(record.device_id)
        return _results(_entities("device", names), wanted.token(page.next_after))

    async def search_actions(self, body: _Body, who: Who, sight: Seen) -> JSONResponse:
        """All that a subject may do with a resource."""
        item = read_search(body, Kind.ACTION)
        asked, wanted = item.asked(caller=who.id), read_page(body, item)
        if self._is_of_application(asked, sight):
            names = await self._applications.search_actions(asked)
        elif await self._may_ask(asked, sight):
            point = self._point if asked.subject_type in IDENTITY_TYPES else self._people
            names = await point.search_actions(asked)
        else:
            names = []
        rest = names[wanted.after : wanted.after + wanted.most]
        behind = wanted.after + len(rest)
        return _results([{"name": name} for name in rest], wanted.token(behind if behind < len(names) else None))

    def _is_of_application(self, asked: Asked, sight: Sight) -> bool:
        """Tell whether an application decides; its entities are in no place, so who is limited to some is told none."""
        return sight.areas is None and self._applications.find(asked) is not None

    async def _tell(self, asked: Asked, sight: Sight) -> dict[str, Any]:  # Any: JSON
        answer = await self._decide(asked, sight)
        if self._is_of_application(asked, sight) and answer.reason in _PLAIN:
            # Its policies are for the log: peers compare answers member by member, and its users need no more.
            return {"decision": answer.is_permitted}
        return _show(answer)

    async def _decide(self, asked: Asked, sight: Sight) -> Answer:
        answer = await self._answer(asked, sight)
        address = asked.context.get("address")
        self._decisions.note(asked, answer, remote_address=address if isinstance(address, str) else "")
        return answer

    async def _answer(self, asked: Asked, sight: Sight) -> Answer:
        application = self._applications.find(asked) if sight.areas is None else None
        if application is not None:
            return application.decide(asked)
        if not await self._may_ask(asked, sight):
            return _UNKNOWN
        if asked.subject_type in IDENTITY_TYPES:
            return await self._point.decide(asked)
        return await self._people.decide(asked)

    async def _may_ask(self, asked: Asked, sight: Sight) -> bool:
        """Tell whether the asker may see a subject: others are as if there were none."""
        if asked.subject_type in PEOPLE_TYPES:
            return sight.areas is None and sight.may(Action.AUDIT)
        if asked.subject_type not in IDENTITY_TYPES:
            return False
        return bool(await sight.keep_names([asked.subject_id.partition("/")[0]]))


class RequestIdEcho:
    """Answers with the ``X-Request-ID`` that a request to the decision point came with, whatever the answer is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        name = Headers(scope=scope).get(REQUEST_ID, "") if scope["type"] == "http" else ""
        if not (name and scope["path"].startswith(AUTHZEN_PREFIX) and _REQUEST_ID.fullmatch(name)):
            await self._app(scope, receive, send)
            return

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                headers[REQUEST_ID] = name
                message["headers"] = headers.raw
            await send(message)

        await self._app(scope, receive, send_named)


_UNKNOWN: Final = Answer(
    is_permitted=False,
    reason=UNKNOWN_SUBJECT,
    detail=f"a subject is one of {', '.join((*IDENTITY_TYPES, *PEOPLE_TYPES))} that there is, and that you may see",
)


def _show(answer: Answer) -> dict[str, Any]:  # Any: JSON
    context: dict[str, Any] = {"reason": answer.reason}
    context |= {name: text for name, text in (("detail", answer.detail), ("hint", answer.hint)) if text}
    if answer.policies:
        context["policies"] = list(answer.policies)
    if answer.bundle_sha256 is not None:
        context["bundle"] = answer.bundle_sha256
    return {"decision": answer.is_permitted, "context": context}


def _entities(kind: str, names: Iterable[str]) -> list[dict[str, str]]:
    return [{"type": kind, "id": name} for name in names]


def _results(results: list[dict[str, str]], token: str = "") -> JSONResponse:
    return JSONResponse({"page": {"next_token": token, "count": len(results)}, "results": results})
