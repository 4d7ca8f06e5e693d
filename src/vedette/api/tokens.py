"""``/v1/service-tokens``: what programs show instead of a person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from vedette.api.errors import MayNotLetIn
from vedette.api.schema import (
    REASON_MAX_CHARS,
    After,
    Caller,
    Limit,
    Page,
    Timestamp,
    View,
    Who,
    api_router,
    holds_secret,
    refusals,
)
from vedette.kernel import OrganizationId
from vedette.operators import (
    NAME_MAX_CHARS,
    NewServiceToken,
    Scopes,
    ServiceToken,
    ServiceTokenService,
)

Id = Annotated[str, Path(max_length=64, description="Generated id of the token.", examples=["stk_06h0"])]
_Text = Annotated[str, Field(max_length=128)]
_SITES = "Where it has them, by site; everywhere if empty."
_GROUPS = "For which devices it has them, by group; for all if empty."
_NETWORKS = "From where it may come, as CIDR such as `10.20.0.0/16`; from everywhere if empty."


class NewServiceTokenView(View):
    """What a new token is to be."""

    name: str = Field(min_length=1, max_length=NAME_MAX_CHARS, description="What it is for.", examples=["siem export"])
    roles: list[_Text] = Field(min_length=1, max_length=8, description="All it may do.", examples=[["auditor"]])
    sites: list[_Text] = Field(default_factory=list, max_length=32, description=_SITES)
    groups: list[_Text] = Field(default_factory=list, max_length=32, description=_GROUPS)
    networks: list[_Text] = Field(default_factory=list, max_length=16, description=_NETWORKS)
    lifetime_days: int = Field(default=90, ge=1, le=90, description="Then it ends by itself.")


class ServiceTokenView(View):
    """A service token; its secret is shown when it is made, and never again."""

    token_id: str
    name: str
    owner_id: str | None = Field(description="Who answers for it; null when the host's administrator made it.")
    owner_name: str
    roles: list[str]
    sites: list[str] = Field(description=_SITES)
    groups: list[str] = Field(description=_GROUPS)
    networks: list[str] = Field(description=_NETWORKS)
    created_at: Timestamp
    expires_at: Timestamp
    last_used_at: Timestamp | None = Field(description="Noted once a minute; null while nobody has.")
    last_used_address: str


class IssuedServiceTokenView(View):
    """A service token that was made."""

    service_token: ServiceTokenView
    secret: str = Field(description="Sent as `Authorization: Bearer`; shown once.", examples=["vds_Jx1..."])


class ServiceTokenRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, tokens: ServiceTokenService) -> None:
        self._organization_id = organization_id
        self._tokens = tokens

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("people and sessions", "/v1/service-tokens")
        add = router.add_api_route
        add("", self.list_tokens, methods=["GET"], summary="List service tokens", responses=refusals(422))
        add(
            "",
            self.create,
            methods=["POST"],
            status_code=201,
            summary="Make a service token",
            responses=refusals(409, 422, is_change=True),
            dependencies=[Depends(holds_secret)],
        )
        add("/{token_id}", self.show, methods=["GET"], summary="Show a service token", responses=refusals(404, 422))
        add(
            "/{token_id}",
            self.revoke,
            methods=["DELETE"],
            status_code=204,
            summary="Revoke a service token",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    async def list_tokens(
        self,
        *,
        limit: Limit = 100,
        after: After = "",
        owner_id: Annotated[str | None, Query(max_length=64, description="Only this person's.")] = None,
    ) -> Page[ServiceTokenView]:
        """In the order they were made; those that ended stay for 30 days."""
        found, following = await self._tokens.list(self._organization_id, owner_id=owner_id, after=after, limit=limit)
        return Page(items=[show_token(each) for each in found], next=following)

    async def create(self, body: NewServiceTokenView, caller: Caller, response: Response) -> IssuedServiceTokenView:
        """The secret is in this answer alone: only its digest is kept. A person who makes one answers for it."""
        if not caller.is_host and caller.person_id is None:
            raise MayNotLetIn("a link or a program makes no service tokens", hint="log in by passkey")
        issued = await self._tokens.create(
            self._organization_id,
            NewServiceToken(
                name=body.name,
                roles=tuple(body.roles),
                scopes=Scopes(frozenset(body.sites), frozenset(body.groups)),
                networks=tuple(body.networks),
                lifetime_days=body.lifetime_days,
            ),
            owner_id=caller.person_id,
            actor=caller.actor,
        )
        response.headers["Location"] = f"/v1/service-tokens/{issued.token.token_id}"
        return IssuedServiceTokenView(service_token=show_token(issued.token), secret=issued.secret)

    async def show(self, token_id: Id) -> ServiceTokenView:
        """Without its secret, which nobody has but its program."""
        return show_token(await self._tokens.get(self._organization_id, token_id))

    async def revoke(
        self,
        token_id: Id,
        who: Who,
        reason: Annotated[str, Query(min_length=1, max_length=REASON_MAX_CHARS, description="Why.")],
    ) -> None:
        """The next request with it is refused."""
        await self._tokens.revoke(self._organization_id, token_id, actor=who, reason=reason)


def show_token(token: ServiceToken) -> ServiceTokenView:
    """Return a token as it is shown."""
    return ServiceTokenView(
        token_id=token.token_id,
        name=token.name,
        owner_id=token.owner_id,
        owner_name=token.owner_name,
        roles=list(token.roles),
        sites=sorted(token.scopes.sites),
        groups=sorted(token.scopes.groups),
        networks=list(token.networks),
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        last_used_address=token.last_used_address,
    )
