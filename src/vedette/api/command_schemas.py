"""``/v1/command-schemas``: what devices of a class or group may be told, and nothing else."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field

from vedette.api.schema import REASON_MAX_CHARS, After, Limit, Page, Timestamp, View, Who, api_router, refusals
from vedette.kernel import OrganizationId
from vedette.operators import (
    CommandKind,
    CommandSchema,
    CommandSchemaService,
    InvalidCommandSchema,
    NewCommandSchema,
)
from vedette.registry import PlaceService

Id = Annotated[str, Path(max_length=64, description="Generated id of the schema.", examples=["csm_06h0"])]


class CommandSchemaView(View):
    """What a command must look like."""

    schema_id: str
    kind: CommandKind = Field(description="A `method`'s call, or a `command`: a message to a device.")
    command: str = Field(description="The method's name; `*`: any.")
    device_class: str = Field(description="Of the devices that it is for; empty: of any class.")
    group_id: str = Field(description="Of a group that they are in; empty: of any.")
    json_schema: dict[str, Any] = Field(description="JSON Schema.")  # Any: JSON
    description: str
    created_at: Timestamp
    created_by: str


class NewCommandSchemaView(View):
    """A schema to register; from then on the devices take nothing that no schema fits."""

    kind: CommandKind = "method"
    command: str = Field(default="*", min_length=1, max_length=100, examples=["set_speed"])
    device_class: str = Field(default="", max_length=64, examples=["pump"])
    group: str = Field(default="", max_length=128, description="By id or name; one that policies may see.")
    json_schema: dict[str, Any] = Field(  # Any: JSON
        description="JSON Schema of the payload, at most 32 KiB, without references to elsewhere.",
        examples=[{"type": "object", "properties": {"rpm": {"type": "integer", "maximum": 1500}}}],
    )
    description: str = Field(default="", max_length=REASON_MAX_CHARS)


class CommandSchemaRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, schemas: CommandSchemaService, places: PlaceService) -> None:
        self._organization_id = organization_id
        self._schemas = schemas
        self._places = places

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("commands", "/v1/command-schemas")
        add = router.add_api_route
        add("", self.list_schemas, methods=["GET"], summary="List what devices may be told", responses=refusals(422))
        add(
            "",
            self.register,
            methods=["POST"],
            status_code=201,
            summary="Restrict what devices may be told",
            responses=refusals(409, 422, is_change=True),
        )
        add(
            "/{schema_id}",
            self.remove,
            methods=["DELETE"],
            status_code=204,
            summary="Remove a command schema",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    async def list_schemas(self, *, limit: Limit = 100, after: After = "") -> Page[CommandSchemaView]:
        """In the order they were registered; there are at most 500."""
        found = [each for each in await self._schemas.list(self._organization_id) if each.schema_id > after]
        page = found[:limit]
        return Page(items=[_show(each) for each in page], next=page[-1].schema_id if len(found) > limit else None)

    async def register(self, new: NewCommandSchemaView, who: Who) -> CommandSchemaView:
        """Several for the same devices add up: a command is taken that fits one of them."""
        group_id = ""
        if new.group:
            found = await self._places.find_group(self._organization_id, new.group)
            if found is None:
                raise InvalidCommandSchema(
                    f"{new.group[:128]!r} is no group that restricts commands",
                    hint="it must exist, and its condition must not ask for what devices report",
                )
            group_id = found
        asked = NewCommandSchema(
            kind=new.kind,
            command=new.command,
            device_class=new.device_class,
            group_id=group_id,
            json_schema=new.json_schema,
            description=new.description,
        )
        return _show(await self._schemas.register(self._organization_id, asked, actor=who))

    async def remove(
        self,
        schema_id: Id,
        who: Who,
        reason: Annotated[str, Query(min_length=1, max_length=REASON_MAX_CHARS, description="Why.")],
    ) -> None:
        """Without the last one for its devices they take every command again: a reason is required."""
        await self._schemas.remove(self._organization_id, schema_id, actor=who, reason=reason)


def _show(schema: CommandSchema) -> CommandSchemaView:
    names = CommandSchemaView.model_fields.keys() - {"json_schema"}
    return CommandSchemaView(
        json_schema=json.loads(schema.json_schema), **{name: getattr(schema, name) for name in names}
    )
