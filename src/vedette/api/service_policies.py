"""``/v1/service-policies``: which programs may use the service API, what they may do there, and their keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from vedette.api.authentication import Principal
from vedette.api.errors import MayNotLetIn, ServiceDoorOff
from vedette.api.schema import (
    REASON_MAX_CHARS,
    Caller,
    Timestamp,
    View,
    Who,
    api_router,
    holds_secret,
    refusals,
)
from vedette.kernel import OrganizationId
from vedette.operators import ServiceKey, ServicePolicy, ServicePolicyService, ServiceRight
from vedette.pki import KeySlot

Name = Annotated[str, Path(max_length=64, description="Name of the policy.", examples=["iothubowner"])]
_Days = Field(default=365, ge=1, le=730, description="How long the key lives.")


class ServiceKeyView(View):
    """One of a policy's two keys, without its value."""

    slot: KeySlot = Field(description="Which of the two: programs use one while the other is replaced.")
    created_at: Timestamp
    expires_at: Timestamp = Field(description="From then on tokens made with it are refused.")
    last_used_at: Timestamp | None = Field(description="Coarse: written at most once an hour.")


class ServicePolicyView(View):
    """A name under which programs use the service API."""

    policy_id: str = Field(description="What the ledger calls it.")
    name: str
    rights: list[ServiceRight]
    is_flagged: bool = Field(description="Always: a shared key is a weak credential; whoever reads it is the program.")
    created_at: Timestamp
    keys: list[ServiceKeyView]


class ServicePolicyList(View):
    """Every service policy, by name."""

    items: list[ServicePolicyView]


class NewServicePolicy(View):
    """A policy to be made."""

    name: str = Field(
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$",
        description="`iothubowner`, `service`, `registryRead` and `registryReadWrite` have the rights they are known "
        "for.",
    )
    rights: list[ServiceRight] = Field(
        default_factory=list, max_length=8, description="Writing implies reading; empty for a well-known name."
    )
    lifetime_days: int = _Days


class ConnectionStringRequest(View):
    """Which of a policy's keys is asked for."""

    slot: KeySlot = KeySlot.PRIMARY


class ConnectionString(View):
    """What a program is configured with."""

    connection_string: str = Field(description="Holds the key: whoever reads it may do what the policy may.")
    expires_at: Timestamp = Field(description="From then on it opens nothing.")


class ServiceKeyRotation(View):
    """Which key is replaced, and for how long."""

    slot: KeySlot
    lifetime_days: int = _Days
    reason: str = Field(default="", max_length=REASON_MAX_CHARS, description="Why, in your own words.")


class ServicePolicyRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, policies: ServicePolicyService, *, host: str) -> None:
        self._organization_id = organization_id
        self._policies = policies
        self._host = host

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("service policies", "/v1/service-policies")
        add = router.add_api_route
        change = refusals(404, 409, 422, is_change=True)
        add("", self.list_policies, methods=["GET"], summary="List service policies", responses=refusals())
        add(
            "",
            self.create,
            methods=["POST"],
            status_code=201,
            summary="Create a service policy",
            responses=refusals(409, 422, is_change=True),
        )
        add(
            "/{name}/connection-string",
            self.reveal,
            methods=["POST"],
            summary="Read a connection string",
            responses=change,
        )
        add("/{name}/rotate", self.rotate, methods=["POST"], summary="Replace a service key", responses=change)
        add(
            "/{name}",
            self.delete,
            methods=["DELETE"],
            status_code=204,
            summary="Delete a service policy",
            responses=change,
        )
        return router

    async def list_policies(self) -> ServicePolicyList:
        """Without their keys' values. Well-known ones are made when somebody first asks for their connection string."""
        return ServicePolicyList(items=[_show(each) for each in await self._policies.list(self._organization_id)])

    async def create(self, new: NewServicePolicy, caller: Caller) -> ServicePolicyView:
        """With two keys, which nobody is told: see `connection-string`."""
        _check_may_let_in(caller)
        policy = await self._policies.create(
            self._organization_id, new.name, new.rights, actor=caller.actor, lifetime_days=new.lifetime_days
        )
        return _show(policy)

    async def reveal(
        self, name: Name, asked: ConnectionStringRequest, caller: Caller, request: Request
    ) -> ConnectionString:
        """Only with the operator's token; each reading is in the ledger. The answer is kept nowhere."""
        if caller.session is not None:
            raise MayNotLetIn(
                "keys of programs are told to who has the operator's token",
                hint="on the server: vedette service-policy connection-string",
            )
        if not self._host:
            raise ServiceDoorOff("the service API is switched off", hint="set service.port, and restart")
        holds_secret(request)
        found = await self._policies.reveal(self._organization_id, name, asked.slot, actor=caller.actor)
        fields = {"HostName": self._host, "SharedAccessKeyName": name, "SharedAccessKey": found.to_base64()}
        return ConnectionString(
            connection_string=";".join(f"{field}={value}" for field, value in fields.items()),
            expires_at=found.key.expires_at,
        )

    async def rotate(self, name: Name, rotation: ServiceKeyRotation, caller: Caller) -> ServicePolicyView:
        """Programs that use the former key are refused at once; those with the other key go on."""
        _check_may_let_in(caller)
        policy = await self._policies.rotate(
            self._organization_id,
            name,
            rotation.slot,
            actor=caller.actor,
            lifetime_days=rotation.lifetime_days,
            reason=rotation.reason,
        )
        return _show(policy)

    async def delete(
        self,
        name: Name,
        who: Who,
        reason: Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")] = "",
    ) -> None:
        """Programs that come under it are refused at once."""
        await self._policies.delete(self._organization_id, name, actor=who, reason=reason)


def _check_may_let_in(caller: Principal) -> None:
    if not caller.may_let_in:
        raise MayNotLetIn("a session of a link or a recovery code lets nobody in", hint="log in by passkey")


def _show(policy: ServicePolicy) -> ServicePolicyView:
    return ServicePolicyView(
        policy_id=policy.policy_id,
        name=policy.name,
        rights=list(policy.rights),
        is_flagged=True,
        created_at=policy.created_at,
        keys=[_show_key(key) for key in policy.keys],
    )


def _show_key(key: ServiceKey) -> ServiceKeyView:
    return ServiceKeyView(**{name: getattr(key, name) for name in ServiceKeyView.model_fields})
