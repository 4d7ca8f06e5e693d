"""``/v1/devices/{device_id}/commands`` and ``/v1/command-feedback``: messages to devices, and what became of them."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from vedette.api.errors import InvalidRequest
from vedette.api.schema import (
    REASON_MAX_CHARS,
    After,
    DevicePath,
    Limit,
    Page,
    Timestamp,
    View,
    Who,
    api_router,
    refusals,
)
from vedette.api.sight import Seen
from vedette.kernel import OrganizationId
from vedette.messaging import Ack, Command, CommandQueue, Feedback, FeedbackLog, NewCommand, Outcome

_NAME_MAX_CHARS = 128
# 64 KiB in base64, and a little for its end.
_BODY_MAX_CHARS = 87_384
_SECONDS_MAX = 172_800
_CURSOR_MAX_CHARS = 18


class NewCommandView(View):
    """A message to a device."""

    body: str = Field(default="", max_length=_BODY_MAX_CHARS, description="At most 64 KiB with its properties.")
    encoding: Literal["text", "base64"] = Field(default="text", description="How `body` is written.")
    message_id: str | None = Field(
        default=None, min_length=1, max_length=_NAME_MAX_CHARS, description="Feedback names it; made up if absent."
    )
    correlation_id: str | None = Field(default=None, max_length=_NAME_MAX_CHARS)
    user_id: str | None = Field(default=None, max_length=_NAME_MAX_CHARS)
    content_type: str | None = Field(default=None, max_length=_NAME_MAX_CHARS, examples=["application/json"])
    content_encoding: str | None = Field(default=None, max_length=_NAME_MAX_CHARS, examples=["utf-8"])
    properties: dict[str, str] = Field(default_factory=dict, description="Application properties.", max_length=64)
    ack: Ack = Field(default=Ack.NONE, description="Which outcomes give feedback.")
    time_to_live_s: int | None = Field(
        default=None, ge=1, le=_SECONDS_MAX, description="How long it waits for the device; null: an hour."
    )


class CommandView(View):
    """A message that waits for a device; its body is for the device only."""

    command_id: str
    sequence: int = Field(description="Its place in the device's queue; never used twice.")
    device_id: str
    message_id: str
    state: Literal["queued", "delivered"] = Field(
        description="`delivered`: handed to the device, which has not acknowledged it yet."
    )
    delivery_count: int = Field(description="How often it was handed to the device.")
    correlation_id: str | None
    user_id: str | None
    content_type: str | None
    content_encoding: str | None
    properties: dict[str, str]
    ack: Ack
    size_bytes: int
    enqueued_at: Timestamp
    expires_at: Timestamp


class PurgedCommands(View):
    """How much was thrown away."""

    purged: int


class FeedbackView(View):
    """What became of a message that asked for feedback."""

    cursor: str = Field(description="Reads on behind this record.")
    device_id: str
    generation_id: str
    message_id: str
    command_id: str
    outcome: Outcome
    description: str
    occurred_at: Timestamp


class CommandRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, commands: CommandQueue, feedback: FeedbackLog) -> None:
        self._organization_id = organization_id
        self._commands = commands
        self._feedback = feedback

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("commands", "")
        path = "/v1/devices/{device_id}/commands"
        router.add_api_route(
            path,
            self.send,
            methods=["POST"],
            status_code=201,
            summary="Send a message to a device",
            responses=refusals(404, 409, 422, is_change=True),
        )
        router.add_api_route(
            path,
            self.list_commands,
            methods=["GET"],
            summary="List what waits for a device",
            responses=refusals(404, 422),
        )
        router.add_api_route(
            path,
            self.purge,
            methods=["DELETE"],
            summary="Throw away what waits for a device",
            responses=refusals(404, 422, is_change=True),
        )
        router.add_api_route(
            "/v1/command-feedback",
            self.list_feedback,
            methods=["GET"],
            summary="List what became of messages",
            responses=refusals(400, 422),
        )
        return router

    async def send(self, device_id: DevicePath, new: NewCommandView, who: Who) -> CommandView:
        """It waits in the device's queue, 50 deep, and is delivered in order.

        Again, marked as such, until the device acknowledges it. A full queue is refused: 403 `messaging.queue_full`.
        """
        ttl = new.time_to_live_s
        command = NewCommand(
            body=_read(new),
            message_id=new.message_id,
            correlation_id=new.correlation_id,
            user_id=new.user_id,
            content_type=new.content_type,
            content_encoding=new.content_encoding,
            properties=new.properties,
            ack=new.ack,
            time_to_live=None if ttl is None else timedelta(seconds=ttl),
        )
        return _show(await self._commands.send(self._organization_id, device_id, None, command, actor=who))

    async def list_commands(self, device_id: DevicePath, *, limit: Limit = 100, after: After = "") -> Page[CommandView]:
        """In the order in which the device gets them."""
        last = _position(after)
        waiting = await self._commands.list(self._organization_id, device_id)
        found = [command for command in waiting if command.sequence > last]
        page = found[:limit]
        return Page(
            items=[_show(command) for command in page],
            next=str(page[-1].sequence) if len(found) > limit else None,
        )

    async def purge(
        self,
        device_id: DevicePath,
        who: Who,
        reason: Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")] = "",
    ) -> PurgedCommands:
        """Those that the device has in hand may still reach it. Senders who asked for it get feedback."""
        count = await self._commands.purge(self._organization_id, device_id, actor=who, reason=reason)
        return PurgedCommands(purged=count)

    async def list_feedback(self, sight: Seen, *, limit: Limit = 100, after: After = "") -> Page[FeedbackView]:
        """Oldest first; records are kept for two days. Reading changes nothing."""
        page = await self._feedback.list(self._organization_id, after=_position(after), limit=limit)
        seen = await sight.keep(page.items, lambda each: each.generation_id)
        return Page(items=[_show_feedback(each) for each in seen], next=None if page.next is None else str(page.next))


def _position(cursor: str) -> int:
    """Return the number behind a cursor.

    Raises:
        InvalidRequest: It is not one of ours.
    """
    if not cursor:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > _CURSOR_MAX_CHARS:
        raise InvalidRequest("after is not `next` of a page before")
    return int(cursor)


def _read(new: NewCommandView) -> bytes:
    if new.encoding == "text":
        return new.body.encode("utf-8")
    try:
        return base64.b64decode(new.body, validate=True)
    except ValueError as error:
        raise InvalidRequest(f"body is not base64: {error}", hint="or send it as text") from error


def _show(command: Command) -> CommandView:
    system = command.system
    return CommandView(
        state="delivered" if command.delivery_count else "queued",
        correlation_id=system.get("cid"),
        user_id=system.get("uid"),
        content_type=system.get("ct"),
        content_encoding=system.get("ce"),
        properties=dict(command.properties),
        **{
            name: getattr(command, name)
            for name in (
                "command_id",
                "sequence",
                "device_id",
                "message_id",
                "delivery_count",
                "ack",
                "size_bytes",
                "enqueued_at",
                "expires_at",
            )
        },
    )


def _show_feedback(feedback: Feedback) -> FeedbackView:
    names = FeedbackView.model_fields.keys() - {"cursor"}
    return FeedbackView(cursor=str(feedback.position), **{name: getattr(feedback, name) for name in names})
