"""``/v1/people``: who may operate the platform."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from vedette.api.errors import MayNotLetIn, NotYourself
from vedette.api.schema import (
    REASON_MAX_CHARS,
    After,
    Caller,
    Limit,
    Page,
    Reason,
    RequiredReason,
    Revision,
    Who,
    api_router,
    refusals,
    takes_merge_patch,
)
from vedette.api.session_views import PersonPatch, PersonView, show_person
from vedette.api.sight import Seen
from vedette.kernel import OrganizationId
from vedette.operators import Action, PeopleService, PersonSummary

Id = Annotated[str, Path(max_length=64, description="Generated id of the person.", examples=["per_06h0"])]


class PeopleRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, people: PeopleService) -> None:
        self._organization_id = organization_id
        self._people = people

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("people and sessions", "/v1/people")
        add = router.add_api_route
        add("", self.list_people, methods=["GET"], summary="List people", responses=refusals(422))
        add("/{person_id}", self.show, methods=["GET"], summary="Show a person", responses=refusals(404, 422))
        add(
            "/{person_id}",
            self.rename,
            methods=["PATCH"],
            summary="Rename yourself",
            responses=refusals(404, 409, 412, 422, is_change=True),
            openapi_extra=takes_merge_patch("PersonPatch"),
        )
        add(
            "/{person_id}/disable",
            self.disable,
            methods=["POST"],
            summary="Disable a person",
            responses=refusals(404, 409, 422, is_change=True),
        )
        add(
            "/{person_id}/enable",
            self.enable,
            methods=["POST"],
            summary="Enable a person",
            responses=refusals(404, 409, 422, is_change=True),
        )
        add(
            "/{person_id}",
            self.delete,
            methods=["DELETE"],
            status_code=204,
            summary="Delete a person",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    async def list_people(self, *, limit: Limit = 100, after: After = "") -> Page[PersonView]:
        """In the order they came. People are added by registering a passkey: see `POST /v1/passkeys`."""
        found, following = await self._people.list(self._organization_id, after=after, limit=limit)
        return Page(items=[show_person(each) for each in found], next=following)

    async def show(self, person_id: Id, caller: Caller, sight: Seen, response: Response) -> PersonView:
        """With what they could log in with. Everybody sees themselves; others are for who may audit."""
        if caller.person_id is None or caller.person_id != person_id:
            sight.require(Action.AUDIT)
        return _tagged(response, await self._people.get(self._organization_id, person_id))

    async def rename(
        self, person_id: Id, patch: PersonPatch, caller: Caller, revision: Revision, response: Response
    ) -> PersonView:
        """People name themselves; the host's token may name anybody. What is on record keeps the former name."""
        if not caller.is_host and caller.person_id != person_id:
            raise NotYourself("people name themselves", hint="ask them, or use a token")
        summary = await self._people.rename(
            self._organization_id, person_id, patch.name, actor=caller.actor, expected_revision=revision
        )
        return _tagged(response, summary)

    async def disable(self, person_id: Id, body: RequiredReason, who: Who, response: Response) -> PersonView:
        """Their sessions end at once, and neither passkeys nor recovery codes let them in until they are enabled."""
        summary = await self._people.disable(self._organization_id, person_id, actor=who, reason=body.reason)
        return _tagged(response, summary)

    async def enable(self, person_id: Id, body: Reason, caller: Caller, response: Response) -> PersonView:
        """A token may do it, and a person who logged in by passkey."""
        if not caller.may_let_in:
            raise MayNotLetIn("a session of a link or a recovery code lets nobody in", hint="log in by passkey")
        summary = await self._people.enable(self._organization_id, person_id, actor=caller.actor, reason=body.reason)
        return _tagged(response, summary)

    async def delete(
        self,
        person_id: Id,
        who: Who,
        reason: Annotated[str, Query(min_length=1, max_length=REASON_MAX_CHARS, description="Why.")],
    ) -> None:
        """With their passkeys, recovery codes and sessions; the ledger keeps what they did."""
        await self._people.delete(self._organization_id, person_id, actor=who, reason=reason)


def _tagged(response: Response, summary: PersonSummary) -> PersonView:
    response.headers["ETag"] = f'"{summary.person.revision}"'
    return show_person(summary)
