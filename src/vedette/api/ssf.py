"""``/v1/ssf``: shared signals in the words of CAEP, told to receivers and heard from transmitters.

Source:
    OpenID Shared Signals Framework 1.0 §7 (discovery), §8 (management); RFC 8935; RFC 8936.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from vedette.access import (
    EVENT_TYPES,
    POLL,
    PUSH,
    VERIFY_EVERY,
    InvalidStream,
    NewTransmitter,
    ReceiverService,
    SetRefused,
    Stream,
    StreamService,
)
from vedette.api.schema import REASON_MAX_CHARS, Page, Who, api_router, refusals
from vedette.api.ssf_views import (
    NewTransmitterView,
    PollBody,
    StatusBody,
    StreamBody,
    StreamStatusView,
    StreamView,
    SubjectBody,
    TransmitterView,
    VerifyBody,
    show_stream,
    show_transmitter,
)
from vedette.kernel import Problem
from vedette.ledger import Actor
from vedette.trust import Provenance

_StreamInQuery = Annotated[str, Query(max_length=64, description="Which stream.")]
_StreamInPath = Annotated[str, Path(max_length=64, description="Generated id of the stream.", examples=["sst_06h0"])]
_TransmitterInPath = Annotated[
    str, Path(max_length=64, description="Generated id of the transmitter.", examples=["tra_06h0"])
]
_UNAVAILABLE: Final = 503


class SsfRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, streams: StreamService, receiver: ReceiverService) -> None:
        self._streams = streams
        self._receiver = receiver

    def build(self) -> list[APIRouter]:
        """Return the routes of streams and transmitters, and those that anybody may call."""
        router = api_router("shared signals", "/v1/ssf")
        add = router.add_api_route
        change = refusals(400, 404, 422, is_change=True)
        add("/streams", self.read_streams, methods=["GET"], summary="Read streams", responses=refusals(400, 404, 422))
        add("/streams", self.create, methods=["POST"], status_code=201, summary="Create a stream", responses=change)
        add("/streams", self.update, methods=["PATCH"], summary="Change a stream", responses=change)
        add("/streams", self.replace, methods=["PUT"], summary="Replace a stream", responses=change)
        add("/streams", self.delete, methods=["DELETE"], status_code=204, summary="Delete a stream", responses=change)
        add("/streams/{stream_id}/poll", self.poll, methods=["POST"], summary="Poll a stream", responses=change)
        add(
            "/status",
            self.read_status,
            methods=["GET"],
            summary="Read a stream's status",
            responses=refusals(400, 404, 422),
        )
        add("/status", self.set_status, methods=["POST"], summary="Set a stream's status", responses=change)
        add("/subjects/add", self.add_subject, methods=["POST"], summary="Add a subject", responses=change)
        add(
            "/subjects/remove",
            self.remove_subject,
            methods=["POST"],
            status_code=204,
            summary="Remove a subject",
            responses=change,
        )
        add("/verify", self.verify, methods=["POST"], status_code=204, summary="Verify a stream", responses=change)
        self._add_transmitters(router)
        return [router, self._build_open()]

    def _add_transmitters(self, router: APIRouter) -> None:
        add = router.add_api_route
        change = refusals(404, 422, is_change=True)
        where = "/transmitters/{transmitter_id}"
        add(
            "/transmitters",
            self.list_transmitters,
            methods=["GET"],
            summary="List transmitters",
            responses=refusals(422),
        )
        add(
            "/transmitters",
            self.add_transmitter,
            methods=["POST"],
            status_code=201,
            summary="Hear a transmitter",
            responses=change,
        )
        add(where, self.show_transmitter, methods=["GET"], summary="Show a transmitter", responses=refusals(404, 422))
        add(
            where,
            self.remove_transmitter,
            methods=["DELETE"],
            status_code=204,
            summary="Hear a transmitter no more",
            responses=change,
        )

    def _build_open(self) -> APIRouter:
        """Return what needs no credentials: discovery, public keys, and tokens that speak for themselves."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/.well-known/ssf-configuration", self.configuration, methods=["GET"])
        router.add_api_route("/ssf/jwks.json", self.jwks, methods=["GET"])
        router.add_api_route("/ssf/events/{transmitter_id}", self.receive, methods=["POST"])
        return router

    # --- streams of ours --------------------------------------------------------------------------------------------

    async def read_streams(
        self, who: Who, stream_id: Annotated[str, Query(max_length=64, description="Only this one.")] = ""
    ) -> list[StreamView] | StreamView:
        """One stream, or all that the caller may read."""
        if stream_id:
            return self._show(await self._streams.get(stream_id, actor=who))
        return [self._show(each) for each in await self._streams.list(actor=who)]

    async def create(self, body: StreamBody, who: Who) -> StreamView:
        """A stream of events from now on; polled unless `delivery` says otherwise."""
        return self._show(await self._streams.create(body.to_wish(), actor=who))

    async def update(self, body: StreamBody, who: Who) -> StreamView:
        """Change what is named; the rest stays."""
        return await self._update(body, who, is_whole=False)

    async def replace(self, body: StreamBody, who: Who) -> StreamView:
        """Replace all that the receiver decides."""
        return await self._update(body, who, is_whole=True)

    async def _update(self, body: StreamBody, who: Actor, *, is_whole: bool) -> StreamView:
        if body.stream_id is None:
            raise InvalidStream("stream_id is missing")
        if foreign := body.find_contradiction(self._show(await self._streams.get(body.stream_id, actor=who))):
            raise InvalidStream(f"{foreign} is not the stream's", hint="leave it out, or send it as it was read")
        return self._show(await self._streams.update(body.stream_id, body.to_wish(), actor=who, is_whole=is_whole))

    async def delete(self, stream_id: _StreamInQuery, who: Who) -> None:
        """What waits in it goes with it."""
        await self._streams.delete(stream_id, actor=who)

    async def poll(self, stream_id: _StreamInPath, body: PollBody, who: Who) -> dict[str, Any]:
        """Tokens by id (RFC 8936); one that is not acknowledged comes again."""
        sets, has_more = await self._streams.poll(
            stream_id,
            actor=who,
            most=body.max_events,
            acks=body.ack,
            errors={
                jti: str(error.get("description", error.get("err", "")))[:256] for jti, error in body.set_errs.items()
            },
            is_immediate=body.is_immediate,
        )
        return {"sets": sets, "moreAvailable": has_more}

    async def read_status(self, stream_id: _StreamInQuery, who: Who) -> StreamStatusView:
        """Whether events are delivered, and if not, why."""
        stream = await self._streams.get(stream_id, actor=who)
        return StreamStatusView(stream_id=stream.stream_id, status=stream.status, reason=stream.status_reason)

    async def set_status(self, body: StatusBody, who: Who) -> StreamStatusView:
        """A paused stream keeps up to 10,000 events; a disabled one keeps none."""
        stream = await self._streams.set_status(body.stream_id, body.status, body.reason, actor=who)
        return StreamStatusView(stream_id=stream.stream_id, status=stream.status, reason=stream.status_reason)

    async def add_subject(self, body: SubjectBody, who: Who) -> dict[str, Any]:
        """All devices are in a stream from the beginning; this takes one back that was removed."""
        await self._streams.set_subject(body.stream_id, body.subject, is_included=True, actor=who)
        return {}

    async def remove_subject(self, body: SubjectBody, who: Who) -> None:
        """Leave a device or module out of a stream."""
        await self._streams.set_subject(body.stream_id, body.subject, is_included=False, actor=who)

    async def verify(self, body: VerifyBody, who: Who) -> None:
        """Have a verification event sent, at most once in ten seconds."""
        await self._streams.verify(body.stream_id, body.state, actor=who)

    # --- transmitters elsewhere -------------------------------------------------------------------------------------

    async def list_transmitters(self) -> Page[TransmitterView]:
        """Whose signals are heard, and what became of them."""
        found = await self._receiver.list()
        return Page(items=[show_transmitter(each, issuer=self._streams.issuer) for each in found], next=None)

    async def add_transmitter(self, new: NewTransmitterView, who: Who) -> TransmitterView:
        """Its tokens count as signals about the devices they name, trusted as far as `provenance` says."""
        made = await self._receiver.add(
            NewTransmitter(
                name=new.name,
                issuer=new.issuer,
                audience=new.audience,
                jwks_url=new.jwks_url,
                poll_url=new.poll_url,
                authorization=new.authorization,
                push_authorization=new.push_authorization,
                provenance=Provenance(new.provenance),
            ),
            actor=who,
        )
        return show_transmitter(made, issuer=self._streams.issuer)

    async def show_transmitter(self, transmitter_id: _TransmitterInPath) -> TransmitterView:
        """One transmitter, and what became of its tokens."""
        return show_transmitter(await self._receiver.get(transmitter_id), issuer=self._streams.issuer)

    async def remove_transmitter(
        self,
        transmitter_id: _TransmitterInPath,
        who: Who,
        reason: Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")] = "",
    ) -> None:
        """The signals it gave stand until they are over or withdrawn."""
        await self._receiver.remove(transmitter_id, actor=who, reason=reason)

    # --- open to everybody ------------------------------------------------------------------------------------------

    async def configuration(self) -> JSONResponse:
        """What we transmit, and where it is asked for."""
        issuer = self._streams.issuer
        return JSONResponse(
            {
                "spec_version": "1_0",
                "issuer": issuer,
                "jwks_uri": f"{issuer}/ssf/jwks.json",
                "delivery_methods_supported": [PUSH, POLL],
                "configuration_endpoint": f"{issuer}/v1/ssf/streams",
                "status_endpoint": f"{issuer}/v1/ssf/status",
                "add_subject_endpoint": f"{issuer}/v1/ssf/subjects/add",
                "remove_subject_endpoint": f"{issuer}/v1/ssf/subjects/remove",
                "verification_endpoint": f"{issuer}/v1/ssf/verify",
                "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6750"}],
                "default_subjects": "ALL",
            }
        )

    async def jwks(self) -> JSONResponse:
        """The keys that our tokens are signed with."""
        return JSONResponse(await self._streams.keys.jwks(), media_type="application/jwk-set+json")

    async def receive(self, transmitter_id: _TransmitterInPath, request: Request) -> Response:
        """Take a token that a transmitter pushes; 202 when what it says is in force."""
        raw: bytes = getattr(request.state, "body", b"")
        try:
            token = raw.decode("ascii").strip()
            await self._receiver.push(transmitter_id, token, request.headers.get("authorization", ""))
        except UnicodeDecodeError:
            return _refuse("invalid_request", "a token is ASCII")
        except SetRefused as refusal:
            return _refuse(refusal.error, refusal.detail)
        except Problem as problem:
            # Nothing is wrong with the token: the transmitter keeps it and comes again.
            return JSONResponse({"description": problem.detail}, status_code=_UNAVAILABLE)
        return Response(status_code=202)

    def _show(self, stream: Stream) -> StreamView:
        return show_stream(
            stream,
            issuer=self._streams.issuer,
            events_supported=list(EVENT_TYPES),
            interval_s=int(VERIFY_EVERY.total_seconds()),
        )


def _refuse(error: str, description: str) -> JSONResponse:
    """Return a refusal of RFC 8935 §2.3."""
    return JSONResponse({"err": error, "description": description}, status_code=400, headers={"Content-Language": "en"})
