"""``/v1/roles``, ``/v1/grants``, ``/v1/rights`` and ``/v1/elevations``: who may do what, and until when."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from vedette.api.places import read_places
from vedette.api.role_views import (
    ElevationView,
    GrantView,
    HoldingView,
    NewElevationView,
    NewGrantView,
    RightsView,
    RoleList,
    RoleView,
    show_elevation,
    show_grant,
)
from vedette.api.schema import REASON_MAX_CHARS, After, Caller, Limit, Page, Who, api_router, refusals
from vedette.api.sight import Seen
from vedette.kernel import Clock, OrganizationId
from vedette.operators import (
    STEP_UP_LASTS,
    Action,
    Elevation,
    GrantNotFound,
    NewGrant,
    Rights,
    Role,
    is_demanded,
)
from vedette.registry import PlaceService

GrantPath = Annotated[str, Path(max_length=64, description="Generated id of the grant.", examples=["grt_06h0"])]
ElevationPath = Annotated[str, Path(max_length=64, description="Generated id.", examples=["elv_06h0"])]
PersonPath = Annotated[str, Path(max_length=64, description="Generated id of the person.", examples=["per_06h0"])]
_Why = Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")]
_OfPerson = Annotated[str | None, Query(max_length=64, description="Only this person's.")]
_SUMMARIES: Final = MappingProxyType(
    {
        Role.ADMIN: "Everything.",
        Role.OPERATOR: "Runs the fleet: changes, commands and groups devices, rolls out, keeps bad ones out.",
        Role.ANALYST: "Reads everything, hunts, responds, takes access away; gives none.",
        Role.DEVELOPER: "Connects devices with an SDK and tests policies; commands nothing.",
        Role.DEPLOYER: "Commissions sites: enrolls, places and groups devices.",
        Role.MANUFACTURER: "Hands over onboarding identities; sees nothing of the fleet.",
        Role.AUDITOR: "Sees everything, the ledger too; signs reviews; changes nothing else.",
    }
)


class RoleRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, rights: Rights, places: PlaceService, *, clock: Clock) -> None:
        self._organization_id = organization_id
        self._rights = rights
        self._places = places
        self._clock = clock

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("roles")
        add = router.add_api_route
        add("/roles", self.list_roles, methods=["GET"], summary="List the built-in roles", responses=refusals())
        add("/rights", self.show_rights, methods=["GET"], summary="Show what I may do", responses=refusals())
        add("/grants", self.list_grants, methods=["GET"], summary="List who has which role", responses=refusals(422))
        add(
            "/people/{person_id}/grants",
            self.grant,
            methods=["POST"],
            status_code=201,
            summary="Grant a role",
            responses=refusals(404, 409, 422, is_change=True),
        )
        add(
            "/grants/{grant_id}",
            self.withdraw,
            methods=["DELETE"],
            status_code=204,
            summary="Withdraw a role",
            responses=refusals(404, 409, 422, is_change=True),
        )
        add("/elevations", self.list_elevations, methods=["GET"], summary="List elevations", responses=refusals(422))
        add(
            "/elevations",
            self.elevate,
            methods=["POST"],
            status_code=201,
            summary="Elevate yourself for a while",
            responses=refusals(422, is_change=True),
        )
        add(
            "/elevations/{elevation_id}",
            self.end_elevation,
            methods=["DELETE"],
            status_code=204,
            summary="End an elevation",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    async def list_roles(self) -> RoleList:
        """Each with the actions that it gives, as the policies in force say."""
        given = await asyncio.to_thread(self._rights.authorization.actions_of_roles)
        return RoleList(
            items=[RoleView(role=role, summary=text, actions=list(given[role])) for role, text in _SUMMARIES.items()],
            policies_sha256=self._rights.authorization.policies_sha256,
        )

    async def show_rights(self, sight: Seen) -> RightsView:
        """Of a token too. What needs a confirmation is listed as if it had been given."""
        standing, authorization = sight.standing, self._rights.authorization
        age = standing.step_up_age
        actions = await asyncio.to_thread(authorization.actions_of, standing)
        return RightsView(
            actor_id=standing.asker.actor.id,
            holdings=[
                HoldingView(role=str(each.role), sites=sorted(each.scopes.sites), groups=sorted(each.scopes.groups))
                for each in standing.holdings
            ],
            actions=[action.value for action in actions],
            has_passkey=standing.has_passkey,
            step_up_age_s=None if age is None else max(0, int(age.total_seconds())),
            step_up_lasts_s=int(STEP_UP_LASTS.total_seconds()),
            is_step_up_needed=is_demanded(authorization.settings.step_up, standing),
            is_signature_needed=is_demanded(authorization.settings.signed_acts, standing),
            second_approver=sorted(each.value for each in authorization.settings.second_approver),
        )

    async def list_grants(
        self, caller: Caller, sight: Seen, *, limit: Limit = 100, after: After = "", person_id: _OfPerson = None
    ) -> Page[GrantView]:
        """In the order they were given. Everybody sees their own; those of others are for who may audit."""
        if caller.person_id is None or person_id != caller.person_id:
            sight.require(Action.AUDIT)
        found, following = await self._rights.roles.list(
            self._organization_id, person_id=person_id, after=after, limit=limit
        )
        return Page(items=[show_grant(each) for each in found], next=following)

    async def grant(self, person_id: PersonPath, new: NewGrantView, who: Who) -> GrantView:
        """It counts from the next request of theirs on."""
        scopes = await read_places(self._places, self._organization_id, sites=new.sites, groups=new.groups)
        asked = NewGrant(role=new.role, scopes=scopes, mode=new.mode, reason=new.reason, expires_at=new.expires_at)
        return show_grant(await self._rights.roles.grant(self._organization_id, person_id, asked, actor=who))

    async def withdraw(self, grant_id: GrantPath, who: Who, caller: Caller, sight: Seen, reason: _Why = "") -> None:
        """At once; what was elevated to it ends. Everybody may give up what is theirs."""
        grant = await self._rights.roles.get(self._organization_id, grant_id)
        if caller.person_id is None or grant.person_id != caller.person_id:
            if not sight.may(Action.AUDIT):
                raise GrantNotFound(f"there is no grant {grant_id[:64]!r}", hint="see yours: vedette role list --mine")
            sight.require(Action.MANAGE_PEOPLE)
        await self._rights.roles.withdraw(self._organization_id, grant_id, actor=who, reason=reason)

    async def list_elevations(
        self, caller: Caller, sight: Seen, *, limit: Limit = 100, after: After = "", person_id: _OfPerson = None
    ) -> Page[ElevationView]:
        """Youngest first, for 90 days. Everybody sees their own; those of others are for who may audit."""
        if caller.person_id is None or person_id != caller.person_id:
            sight.require(Action.AUDIT)
        found, following = await self._rights.elevations.list(
            self._organization_id, person_id=person_id, after=after, limit=limit
        )
        return Page(items=[self._show(each) for each in found], next=following)

    async def elevate(self, new: NewElevationView, who: Who, caller: Caller) -> ElevationView:
        """The role counts at once and ends by itself; both are on record."""
        begun = await self._rights.elevations.begin(
            self._organization_id,
            caller.person_id,
            new.grant_id,
            lasts=timedelta(minutes=new.minutes),
            reason=new.reason,
            actor=who,
        )
        return self._show(begun)

    async def end_elevation(self, elevation_id: ElevationPath, who: Who, caller: Caller, sight: Seen) -> None:
        """One's own, or as an administrator anybody's."""
        found = await self._rights.elevations.get(self._organization_id, elevation_id)
        if caller.person_id is None or found.person_id != caller.person_id:
            sight.require(Action.MANAGE_PEOPLE)
        await self._rights.elevations.end(self._organization_id, elevation_id, actor=who)

    def _show(self, elevation: Elevation) -> ElevationView:
        return show_elevation(elevation, is_active=elevation.counts(self._clock.now()))
