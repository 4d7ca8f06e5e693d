"""``/twins``, ``/devices/query`` and the feedback of commands: what a solution does with devices that are there.

Source:
    Azure IoT Hub service REST API, 2021-04-12.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from starlette.responses import Response

from vedette.api.command_guard import CommandGuard
from vedette.api.service.answers import JSON, empty_answer, identity_tag, json_answer, read_tag, twin_tag
from vedette.api.service.calls import Call, Operation, check_number
from vedette.api.service.documents import Document, TwinDocument
from vedette.api.service.errors import NotOffered
from vedette.api.service.identities import DeviceDesk, Identities
from vedette.api.service.twin_desk import TwinDesk
from vedette.kernel import to_rfc3339
from vedette.messaging import Feedback, FeedbackLog, MethodService
from vedette.operators import ServiceRight
from vedette.registry import DeviceNotFound, QueryService, TwinService

_CONNECT: Final = ServiceRight.SERVICE_CONNECT
_PAGE: Final = 100
_PAGE_MAX: Final = 1000
_CURSOR_MAX_CHARS: Final = 4096
_FEEDBACK_TYPE: Final = "application/vnd.microsoft.iothub.feedback.json"


class MethodDocument(msgspec.Struct, frozen=True, rename="camel"):
    """A method to be called."""

    method_name: Annotated[str, msgspec.Meta(max_length=200)]
    payload: msgspec.Raw = msgspec.Raw(b"null")
    response_timeout_in_seconds: int | None = None
    connect_timeout_in_seconds: int | None = None


class QueryDocument(msgspec.Struct, frozen=True):
    """A question in the query language."""

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=8192)]


class TwinOperations:
    """What the operations below do."""

    def __init__(
        self,
        identities: Identities,
        *,
        twins: TwinService,
        methods: MethodService,
        queries: QueryService,
        feedback: FeedbackLog,
        guard: CommandGuard,
    ) -> None:
        self._organization_id = identities.organization_id
        self._devices = DeviceDesk(identities)
        self._twins = TwinDesk(identities.organization_id, twins)
        self._methods = methods
        self._queries = queries
        self._feedback = feedback
        self._guard = guard

    def build(self) -> list[Operation]:
        """Return the operations."""
        found = []
        for path in ("/twins/{device_id}", "/twins/{device_id}/modules/{module_id}"):
            found += [
                Operation("GET", path, _CONNECT, self.get_twin),
                Operation("PUT", path, _CONNECT, self.replace_twin),
                Operation("PATCH", path, _CONNECT, self.patch_twin),
                Operation("POST", f"{path}/methods", _CONNECT, self.invoke),
            ]
        feedback = "/messages/serviceBound/feedback"
        return [
            *found,
            Operation("POST", "/devices/query", _CONNECT, self.query),
            Operation("GET", feedback, _CONNECT, self.take_feedback),
            Operation("DELETE", f"{feedback}/{{lock}}", _CONNECT, self.complete_feedback),
            Operation("POST", f"{feedback}/{{lock}}/abandon", _CONNECT, self.abandon_feedback),
        ]

    async def get_twin(self, call: Call) -> Response:
        """Return a twin, with all that the hub knows of whose it is."""
        return json_answer(await self._twin(call))

    async def patch_twin(self, call: Call) -> Response:
        """Merge into tags and desired properties."""
        wished = await call.read(TwinDocument)
        await self._twins.patch(
            call.device_id, call.module_id, wished, actor=call.actor, if_match=read_tag(call.if_match)
        )
        return json_answer(await self._twin(call))

    async def replace_twin(self, call: Call) -> Response:
        """Set tags and desired properties as a whole; what is not sent becomes empty."""
        wished = await call.read(TwinDocument)
        await self._twins.replace(
            call.device_id, call.module_id, wished, actor=call.actor, if_match=read_tag(call.if_match)
        )
        return json_answer(await self._twin(call))

    async def invoke(self, call: Call) -> Response:
        """Call a method, and wait for the answer."""
        asked = await call.read(MethodDocument)
        timeouts = {
            "response_timeout_s": asked.response_timeout_in_seconds,
            "connect_timeout_s": asked.connect_timeout_in_seconds,
        }
        await self._guard.check(call.device_id, "method", asked.method_name, bytes(asked.payload))
        result = await self._methods.invoke(
            self._organization_id,
            call.device_id,
            call.module_id,
            asked.method_name,
            bytes(asked.payload),
            actor=call.actor,
            **{name: value for name, value in timeouts.items() if value is not None},
        )
        # The device's JSON goes through as it is: read and written again, its numbers might change.
        body = {"status": result.status, "payload": msgspec.Raw(result.payload or b"null")}
        return Response(msgspec.json.encode(body), media_type=JSON)

    async def query(self, call: Call) -> Response:
        """Answer a query, a page at a time: ``x-ms-continuation`` goes on where the page ended."""
        question = await call.read(QueryDocument)
        headers = call.request.headers
        limit = check_number(headers.get("x-ms-max-item-count"), "x-ms-max-item-count", default=_PAGE, most=_PAGE_MAX)
        page = await self._queries.run(
            self._organization_id,
            question.query,
            limit=limit,
            after=headers.get("x-ms-continuation", "")[: _CURSOR_MAX_CHARS + 1],
        )
        sent = {"x-ms-item-type": page.kind.capitalize()}
        if page.next is not None:
            sent["x-ms-continuation"] = page.next
        return json_answer([_finished(dict(item), page.kind) for item in page.items], headers=sent)

    async def take_feedback(self, _: Call) -> Response:
        """Hand out feedback that nobody holds, under a lock."""
        batch = await self._feedback.take(self._organization_id)
        if batch is None:
            return empty_answer()
        body = msgspec.json.encode([_feedback_document(each) for each in batch.items])
        headers = {"ETag": f'"{batch.lock}"', "iothub-lockeduntil": to_rfc3339(batch.locked_until)}
        return Response(body, headers=headers, media_type=_FEEDBACK_TYPE)

    async def complete_feedback(self, call: Call) -> Response:
        """Note that the holder of a lock is done."""
        await self._feedback.complete(self._organization_id, _lock(call))
        return empty_answer()

    async def abandon_feedback(self, call: Call) -> Response:
        """Give feedback back for whoever asks next."""
        await self._feedback.abandon(self._organization_id, _lock(call))
        return empty_answer()

    async def _twin(self, call: Call) -> Document:
        """Return a twin as queries see it, so that both always say the same."""
        device_id, module_id = call.device_id, call.module_id
        await self._twins.get(device_id, module_id)  # refuses what is not there, by its name
        source = "devices" if module_id is None else "devices.modules"
        text = f"SELECT * FROM {source} WHERE deviceId = {_quoted(device_id)}"  # noqa: S608 - the hub's language, not SQL
        if module_id is not None:
            text += f" AND moduleId = {_quoted(module_id)}"
        page = await self._queries.run(self._organization_id, text, limit=1)
        if not page.items:
            raise DeviceNotFound(f"{device_id} was deleted meanwhile")
        document = _finished(dict(page.items[0]), page.kind)
        waiting = 0 if module_id is not None else await self._devices.count_waiting(device_id)
        return document | {"cloudToDeviceMessageCount": waiting}


def not_offered() -> list[Operation]:
    """Return what the hub has and Vedette has not, so that programs hear so in words."""
    return [
        Operation(method, path, _CONNECT, _refuse)
        for path in (
            "/configurations",
            "/configurations/{rest:path}",
            "/jobs",
            "/jobs/{rest:path}",
            "/digitaltwins/{rest:path}",
        )
        for method in ("GET", "PUT", "POST", "DELETE", "PATCH")
    ]


async def _refuse(call: Call) -> Response:
    what = call.request.url.path.split("/")[1][:40]
    raise NotOffered(f"{what} are not offered here", hint="groups and twins: docs/hub.md")


def _finished(row: Document, kind: str) -> Document:
    """Return a row of a query with entity tags as the hub writes them."""
    if kind == "twin":
        row["etag"] = twin_tag(row["generationId"], row["tags"], row["properties"]["desired"]["$version"])
        row["deviceEtag"] = identity_tag(row)
    else:  # they cannot be told from a part of what they are the tags of
        row.pop("etag", None)
        row.pop("deviceEtag", None)
    return row


def _feedback_document(feedback: Feedback) -> dict[str, Any]:  # Any: JSON values
    return {
        "originalMessageId": feedback.message_id,
        "enqueuedTimeUtc": to_rfc3339(feedback.occurred_at),
        "statusCode": feedback.outcome.value,
        "description": feedback.description,
        "deviceId": feedback.device_id,
        "deviceGenerationId": feedback.generation_id,
    }


def _lock(call: Call) -> str:
    return str(call.request.path_params["lock"]).strip('"')


def _quoted(name: str) -> str:
    r"""Write a name as a text of the query language; of its characters only ``'`` means something there."""
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
