"""``/v1/telemetry``: what devices sent, page by page or as it arrives."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from vedette.api.errors import InvalidRequest
from vedette.api.schema import After, Limit, Moment, Page, Timestamp, View, api_router, refusals
from vedette.api.sight import Seen, Sight
from vedette.api.streams import EVENT_STREAM, StreamLimit, encode_event
from vedette.kernel import OrganizationId
from vedette.messaging import TelemetryMessage, TelemetryReader
from vedette.registry import DeviceService, ModuleService

DeviceQuery = Annotated[
    str | None, Query(max_length=128, description="Only messages of this device and of its modules as they are now.")
]
ModuleQuery = Annotated[
    str | None, Query(max_length=128, description="With `device_id`: only messages of this module of it.")
]


class MessageView(View):
    """One device-to-cloud message."""

    cursor: str = Field(description="Reads on behind this message.")
    device_id: str
    module_id: str | None
    generation_id: str
    enqueued_at: Timestamp
    gateway: str
    qos: int
    system: dict[str, str | None] = Field(description="System properties of the property bag, without `$.`.")
    properties: dict[str, str | None] = Field(description="What the device set itself.")
    stamps: dict[str, str] = Field(description="What the hub set; a device cannot.")
    encoding: Literal["text", "base64"] = Field(description="How `body` is written: text if it is UTF-8.")
    body: str


class TelemetryRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        reader: TelemetryReader,
        devices: DeviceService,
        modules: ModuleService,
        limit: StreamLimit,
    ) -> None:
        self._organization_id = organization_id
        self._reader = reader
        self._devices = devices
        self._modules = modules
        self._limit = limit

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("telemetry", "/v1/telemetry")
        router.add_api_route(
            "", self.list_messages, methods=["GET"], summary="List messages", responses=refusals(400, 404, 422, 504)
        )
        router.add_api_route(
            "/stream",
            self.stream,
            methods=["GET"],
            summary="Follow messages",
            response_class=StreamingResponse,
            responses={200: EVENT_STREAM, **refusals(400, 404, 422)},
        )
        return router

    async def list_messages(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        device_id: DeviceQuery = None,
        module_id: ModuleQuery = None,
        since: Annotated[Moment | None, Query(description="Enqueued then or later.")] = None,
        until: Annotated[Moment | None, Query(description="Enqueued before.")] = None,
    ) -> Page[MessageView]:
        """Oldest first. A page may hold fewer than `limit` and still have a `next`: its work is bounded."""
        page = await self._reader.list_messages(
            self._organization_id,
            generation_ids=await self._generations(device_id, module_id),
            after=after or None,
            since=since,
            until=until,
            limit=limit,
        )
        seen = await sight.keep(page.items, lambda message: message.generation_id)
        return Page(items=[show_message(message) for message in seen], next=page.next)

    async def stream(
        self,
        sight: Seen,
        *,
        device_id: DeviceQuery = None,
        module_id: ModuleQuery = None,
        after: After = "",
        last_event_id: Annotated[
            str | None, Header(max_length=64, description="As browsers send it; wins over `after`.")
        ] = None,
    ) -> StreamingResponse:
        """Server-sent events named `message`; the id is the message's cursor."""
        messages = self._reader.tail(
            self._organization_id,
            generation_ids=await self._generations(device_id, module_id),
            after=last_event_id or after or None,
        )
        return self._limit.respond(_encoded(messages, sight))

    async def _generations(self, device_id: str | None, module_id: str | None) -> frozenset[str] | None:
        """Return the generations that are asked for; ``None`` for all."""
        if device_id is None:
            if module_id is not None:
                raise InvalidRequest("module_id needs device_id", hint="say of which device")
            return None
        if module_id is not None:
            return frozenset({(await self._modules.get(self._organization_id, device_id, module_id)).generation_id})
        device = await self._devices.get(self._organization_id, device_id)
        modules = await self._modules.list(self._organization_id, device_id)
        return frozenset({device.generation_id, *(module.generation_id for module in modules)})


async def _encoded(messages: AsyncIterator[TelemetryMessage | None], sight: Sight) -> AsyncIterator[bytes | None]:
    async for message in messages:
        if message is None:
            yield None
        elif await sight.sees(message.generation_id):
            yield encode_event("message", show_message(message).model_dump(mode="json"), event_id=message.cursor)


def show_message(message: TelemetryMessage) -> MessageView:
    """Return a message as it is shown."""
    encoding, body = _written(message.body)
    names = MessageView.model_fields.keys() - {"encoding", "body"}
    return MessageView(encoding=encoding, body=body, **{name: getattr(message, name) for name in names})


def _written(body: bytes) -> tuple[Literal["text", "base64"], str]:
    try:
        return "text", body.decode("utf-8")
    except UnicodeDecodeError:
        return "base64", base64.b64encode(body).decode("ascii")
