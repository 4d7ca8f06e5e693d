"""``/v1/captures``: captures are uploaded in parts, analyzed, and told of in a report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, BinaryIO, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import Field

from vedette.api.protection import PART_MAX_BYTES, PART_TYPE
from vedette.api.schema import After, Limit, Page, Timestamp, View, Who, api_router, refusals
from vedette.api.sight import Seen
from vedette.kernel import Clock, to_rfc3339
from vedette.network.captures import Capture, CaptureService, CaptureState, NewCapture
from vedette.operators import Action
from vedette.paper import CapturePart, Printer

_CHUNK_BYTES: Final = 256 * 1024
_MEDIA_TYPES: Final = {"csv": "text/csv; charset=utf-8; header=present", "pdf": "application/pdf"}
_CapturePath = Annotated[str, Path(max_length=64, description="Generated id of the capture.")]
_PART_BODY: Final[dict[str, Any]] = {  # Any: OpenAPI objects
    "requestBody": {
        "required": True,
        "content": {PART_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


class NewCaptureView(View):
    """A capture that is going to be uploaded."""

    name: str = Field(
        min_length=1, max_length=200, description="Of the file, for people.", examples=["press-hall.pcap"]
    )
    size_bytes: int = Field(ge=24, le=2**40, description="Of the whole file, as it is sent: compressed, if it is.")
    site: str = Field(default="", max_length=128, description="Where it was taken.")
    is_kept: bool = Field(
        default=False, description="Keep the file after the analysis, for as long as the report; it may hold secrets."
    )
    is_taken_in: bool = Field(
        default=False,
        description="Have the inventory of the site know what the capture holds, as if a sensor had seen it; asks for "
        "the right to enroll.",
    )


class CaptureView(View):
    """A capture: how far it is, and what it came to."""

    capture_id: str
    name: str
    site: str
    state: CaptureState
    size_bytes: int
    received_bytes: int = Field(description="The next part begins there.")
    part_max_bytes: int = Field(description="Largest part that is taken.")
    read_bytes: int = Field(description="How far the analysis is.")
    packets: int
    is_kept: bool
    is_taken_in: bool
    has_file: bool = Field(description="Whether the file is still there.")
    has_report: bool
    cause: str = Field(description="Why it failed, or who canceled it.")
    author: str
    created_at: Timestamp
    finished_at: Timestamp | None
    sha256: str = Field(description="Of the file; empty before it was analyzed.")
    summary: dict[str, Any] = Field(  # Any: JSON
        description="Counts of the report by section and of alerts by severity; when the capture begins and ends."
    )


class CaptureRoutes:
    """What the routes below do."""

    def __init__(self, captures: CaptureService, printer: Printer, *, clock: Clock) -> None:
        self._captures = captures
        self._printer = printer
        self._clock = clock

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("captures", "/v1/captures")
        add = router.add_api_route
        one = "/{capture_id}"
        binary = {"schema": {"type": "string", "format": "binary"}}
        add("", self.list_captures, methods=["GET"], summary="List captures", responses=refusals(422))
        add(
            "",
            self.begin,
            methods=["POST"],
            status_code=201,
            summary="Begin to upload a capture",
            responses=refusals(422, is_change=True),
        )
        add(one, self.show, methods=["GET"], summary="Show a capture", responses=refusals(404, 422))
        add(
            one,
            self.delete,
            methods=["DELETE"],
            status_code=204,
            summary="Delete a capture",
            responses=refusals(404, 422),
        )
        add(
            f"{one}/content",
            self.add_part,
            methods=["PUT"],
            summary="Upload a part of a capture",
            openapi_extra=_PART_BODY,
            responses=refusals(404, 409, 422, is_change=True),
        )
        add(
            f"{one}/content",
            self.download,
            methods=["GET"],
            summary="Download a capture that was kept",
            response_class=StreamingResponse,
            responses={200: {"content": {PART_TYPE: binary}}, **refusals(403, 404, 409, 422)},
        )
        add(
            f"{one}/cancel",
            self.cancel,
            methods=["POST"],
            summary="Cancel a capture",
            responses=refusals(404, 409, 422, is_change=True),
        )
        add(
            f"{one}/report",
            self.report,
            methods=["GET"],
            summary="Read the report of a capture",
            response_class=StreamingResponse,
            responses={
                200: {"content": {"application/json": {}, "application/pdf": binary, "text/csv": binary}},
                **refusals(404, 409, 422),
            },
        )
        return router

    async def list_captures(
        self,
        *,
        state: Annotated[CaptureState | None, Query(description="Only in this state.")] = None,
        limit: Limit = 100,
        after: After = "",
    ) -> Page[CaptureView]:
        """Youngest first."""
        found, following = await self._captures.list(state=state, after=after, limit=limit)
        return Page(items=[_show(each) for each in found], next=following)

    async def begin(self, new: NewCaptureView, who: Who, sight: Seen) -> CaptureView:
        """Its parts follow, in order, with `PUT /v1/captures/{capture_id}/content`; what breaks off goes on later."""
        if new.is_taken_in:
            sight.require(Action.ENROLL)  # as for a sensor: from now on the inventory tells what its capture says
        described = NewCapture(
            name=new.name,
            size_bytes=new.size_bytes,
            site=new.site,
            is_kept=new.is_kept,
            is_taken_in=new.is_taken_in,
        )
        return _show(await self._captures.begin(described, actor=who))

    async def add_part(
        self,
        capture_id: _CapturePath,
        request: Request,
        *,
        offset: Annotated[int, Query(ge=0, le=2**40, description="Where the part begins: `received_bytes`.")],
    ) -> CaptureView:
        """When the last one is there, the capture waits for its analysis."""
        return _show(await self._captures.add(capture_id, offset, await request.body()))

    async def show(self, capture_id: _CapturePath) -> CaptureView:
        """Ask again while it is `waiting` or `analyzing`."""
        return _show(await self._captures.get(capture_id))

    async def cancel(self, capture_id: _CapturePath, who: Who) -> CaptureView:
        """An upload or an analysis ends, and the file goes."""
        return _show(await self._captures.cancel(capture_id, actor=who))

    async def delete(self, capture_id: _CapturePath, who: Who) -> None:
        """With its file and its report."""
        await self._captures.delete(capture_id, actor=who)

    async def download(self, capture_id: _CapturePath, who: Who) -> StreamingResponse:
        """The file as it was uploaded, if it was to be kept; that it was read is in the ledger."""
        capture, file = await self._captures.open_file(capture_id, actor=who)
        headers = {"Content-Disposition": f'attachment; filename="{capture.capture_id}.capture"'}
        return StreamingResponse(_chunks(file), media_type=PART_TYPE, headers=headers)

    async def report(
        self,
        capture_id: _CapturePath,
        form: Annotated[
            Literal["json", "csv", "pdf"], Query(alias="format", description="All of it, a section, or for print.")
        ] = "json",
        section: Annotated[CapturePart, Query(description="Of the report, for CSV.")] = "assets",
    ) -> Response:
        """All that was found: assets, protocols, operations, links, alerts, vulnerabilities, what was not parsed."""
        capture = await self._captures.get(capture_id)
        file = await self._captures.open_report(capture_id)
        suffix = f"{section}.csv" if form == "csv" else form
        headers = {"Content-Disposition": f'attachment; filename="{capture_id}.{suffix}"'}
        if form == "json":
            return StreamingResponse(_chunks(file), media_type="application/json", headers=headers)
        try:
            now = to_rfc3339(self._clock.now())
            printed = await self._printer.capture(file, form=form, part=section, name=capture.name, at=now)
        finally:
            await asyncio.to_thread(file.close)
        return Response(printed, media_type=_MEDIA_TYPES[form], headers=headers)


def _show(capture: Capture) -> CaptureView:
    return CaptureView(
        capture_id=capture.capture_id,
        name=capture.name,
        site=capture.site,
        state=capture.state,
        size_bytes=capture.size_bytes,
        received_bytes=capture.received_bytes,
        part_max_bytes=PART_MAX_BYTES,
        read_bytes=capture.read_bytes,
        packets=capture.packets,
        is_kept=capture.is_kept,
        is_taken_in=capture.is_taken_in,
        has_file=capture.has_file,
        has_report=capture.report_bytes > 0,
        cause=capture.cause,
        author=capture.author,
        created_at=capture.created_at,
        finished_at=capture.finished_at,
        sha256=capture.sha256,
        summary=dict(capture.summary),
    )


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk
    finally:
        await asyncio.to_thread(file.close)
