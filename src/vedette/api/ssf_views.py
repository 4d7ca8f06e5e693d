"""Streams and transmitters of shared signals, in the words of their standards."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vedette.access import PUSH, Stream, StreamStatus, StreamWish, Transmitter
from vedette.api.schema import Timestamp, View
from vedette.trust import Provenance

_Events = Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=64)]


class SsfBody(BaseModel):
    """What a receiver sends: members that we do not know are passed over, as the standard wants it."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class DeliveryBody(SsfBody):
    """How a stream is delivered."""

    method: str = Field(max_length=128, examples=[PUSH])
    endpoint_url: str | None = Field(default=None, max_length=2048, description="Where events are pushed.")
    authorization_header: str | None = Field(
        default=None, max_length=4096, description="What we send as `Authorization` with each push."
    )


class StreamBody(SsfBody):
    """What a receiver decides of a stream."""

    stream_id: str | None = Field(default=None, max_length=64)
    delivery: DeliveryBody | None = None
    events_requested: _Events | None = None
    description: str | None = Field(default=None, max_length=1024)
    iss: str | None = Field(default=None, max_length=2048, description="Ours to say; refused if it is not that.")
    aud: str | None = Field(default=None, max_length=2048, description="The same; so are the three below.")
    events_supported: _Events | None = None
    events_delivered: _Events | None = None
    min_verification_interval: int | None = None

    def find_contradiction(self, view: StreamView) -> str:
        """Return what we say of a stream and the body says otherwise; empty: nothing.

        Source:
            Shared Signals Framework 1.0 §8.1.1.3: Transmitter-Supplied properties must match the expected value.
        """
        for name in ("iss", "aud", "min_verification_interval"):
            if getattr(self, name) not in (None, getattr(view, name)):
                return name
        for name in ("events_supported", "events_delivered"):
            told = getattr(self, name)
            if told is not None and set(told) != set(getattr(view, name)):
                return name
        return ""

    def to_wish(self) -> StreamWish:
        """Return what is asked for."""
        delivery = self.delivery
        return StreamWish(
            method=None if delivery is None else delivery.method,
            endpoint_url=None if delivery is None else delivery.endpoint_url,
            authorization=None if delivery is None else delivery.authorization_header,
            events_requested=self.events_requested,
            description=self.description,
        )


class StatusBody(SsfBody):
    """The state that a stream shall have."""

    stream_id: str = Field(max_length=64)
    status: StreamStatus
    reason: str = Field(default="", max_length=256)


class SubjectBody(SsfBody):
    """A device or module, named as `iss_sub` or `opaque` by its id."""

    stream_id: str = Field(max_length=64)
    subject: dict[str, Any] = Field(max_length=16)  # Any: JSON


class VerifyBody(SsfBody):
    """Asks for a verification event."""

    stream_id: str = Field(max_length=64)
    state: str | None = Field(default=None, max_length=1024)


class PollBody(SsfBody):
    """Acknowledges events and asks for more (RFC 8936 §2.2)."""

    max_events: int = Field(default=100, ge=0, le=10_000, alias="maxEvents")
    is_immediate: bool = Field(default=False, alias="returnImmediately")
    ack: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=1000)] = []
    set_errs: Annotated[dict[str, dict[str, Any]], Field(max_length=1000)] = Field(  # Any: JSON
        default={}, alias="setErrs"
    )


class StreamView(View):
    """A stream, as the standard shows it."""

    stream_id: str
    iss: str
    aud: str
    events_supported: list[str]
    events_requested: list[str]
    events_delivered: list[str]
    delivery: dict[str, str]
    min_verification_interval: int
    description: str
    status: StreamStatus
    last_error: str = Field(description="Why the last push failed; empty: it did not.")


class StreamStatusView(View):
    """The state of a stream."""

    stream_id: str
    status: StreamStatus
    reason: str


class NewTransmitterView(View):
    """Somebody whose signals shall be heard."""

    name: str = Field(min_length=1, max_length=256, examples=["edr of the office"])
    issuer: str = Field(max_length=2048, description="`iss` of its tokens.", examples=["https://edr.example"])
    audience: str = Field(min_length=1, max_length=256, description="`aud` that its tokens must name.")
    jwks_url: str = Field(max_length=2048, description="Where its keys are.")
    poll_url: str = Field(default="", max_length=2048, description="Where its events are fetched; empty: it pushes.")
    authorization: str = Field(default="", max_length=4096, description="What we send as `Authorization` when polling.")
    push_authorization: str = Field(
        default="", max_length=4096, description="What it must send as `Authorization` when pushing."
    )
    provenance: Literal["observed", "self-reported", "spoofable"] = Field(
        default="observed", description="How far it is trusted."
    )


class TransmitterView(View):
    """A transmitter that is heard; what it is authorized by is not shown."""

    transmitter_id: str
    name: str
    issuer: str
    audience: str
    jwks_url: str
    poll_url: str
    push_url: str = Field(description="Where it may push events (RFC 8935).")
    provenance: Provenance
    is_enabled: bool
    accepted: int
    ignored: int = Field(description="Events that tell nothing of a device here.")
    refused: int
    last_event_at: Timestamp | None
    last_error: str
    created_at: Timestamp


def show_stream(stream: Stream, *, issuer: str, events_supported: list[str], interval_s: int) -> StreamView:
    """Return a stream as it is shown; what the receiver authorizes us by is not."""
    delivery = {"method": stream.method}
    poll_url = f"{issuer}/v1/ssf/streams/{stream.stream_id}/poll"
    delivery["endpoint_url"] = stream.endpoint_url if stream.method == PUSH else poll_url
    return StreamView(
        stream_id=stream.stream_id,
        iss=issuer,
        aud=stream.audience,
        events_supported=events_supported,
        events_requested=list(stream.events_requested),
        events_delivered=list(stream.events_delivered),
        delivery=delivery,
        min_verification_interval=interval_s,
        description=stream.description,
        status=stream.status,
        last_error=stream.last_error,
    )


def show_transmitter(transmitter: Transmitter, *, issuer: str) -> TransmitterView:
    """Return a transmitter as it is shown."""
    names = TransmitterView.model_fields.keys() - {"push_url"}
    return TransmitterView(
        push_url=f"{issuer}/ssf/events/{transmitter.transmitter_id}",
        **{name: getattr(transmitter, name) for name in names},
    )
