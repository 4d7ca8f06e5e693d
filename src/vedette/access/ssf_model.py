"""Streams that receivers read from us, and transmitters that we hear. Pure.

Source:
    OpenID Shared Signals Framework 1.0 §8.1 (stream configuration); RFC 8935 (push); RFC 8936 (poll).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from vedette.access.ssf_events import EVENT_TYPES
from vedette.trust import Provenance

PUSH: Final = "urn:ietf:rfc:8935"
POLL: Final = "urn:ietf:rfc:8936"
URL_MAX_CHARS: Final = 2_048
SECRET_MAX_CHARS: Final = 4_096
TEXT_MAX_CHARS: Final = 256
STREAMS_MAX: Final = 32
TRANSMITTERS_MAX: Final = 32
PENDING_MAX: Final = 10_000


class StreamStatus(StrEnum):
    """The states of a stream: what is not enabled delivers nothing; what is paused goes on collecting."""

    ENABLED = "enabled"
    PAUSED = "paused"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream of ours, as a receiver asked for it.

    Attributes:
        owner: Who created it, ``kind:id``; nobody else reads or changes it.
        endpoint_url: Where events are pushed; empty for a polled stream.
        sealed_authorization: What the receiver wants as ``Authorization``; sealed, empty: nothing.
        events_requested: As the receiver named them, those that we do not have included.
        last_error: Why the last push failed; empty: it did not.
    """

    stream_id: str
    owner: str
    audience: str
    method: str
    endpoint_url: str
    sealed_authorization: bytes
    events_requested: tuple[str, ...]
    description: str
    status: StreamStatus
    status_reason: str
    created_at: datetime
    verified_at: datetime | None
    last_error: str

    @property
    def events_delivered(self) -> tuple[str, ...]:
        """What we have of it."""
        return tuple(each for each in EVENT_TYPES if each in self.events_requested)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSet:
    """An event that waits in a stream."""

    jti: str
    claims: dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmitter:
    """Somebody whose signals we hear.

    Attributes:
        audience: What its tokens must name.
        jwks_url: Where its keys are.
        poll_url: Where its events are fetched; empty: it pushes.
        sealed_authorization: What we send as ``Authorization`` when polling.
        push_sha256: Of the ``Authorization`` that it must send when pushing; empty: the signature is enough.
        provenance: How far it is trusted.
        last_error: Why the last event was refused, or the last poll failed; empty: it was not.
    """

    transmitter_id: str
    name: str
    issuer: str
    audience: str
    jwks_url: str
    poll_url: str
    sealed_authorization: bytes
    push_sha256: bytes
    provenance: Provenance
    is_enabled: bool
    accepted: int
    ignored: int
    refused: int
    last_event_at: datetime | None
    last_error: str
    created_at: datetime


def is_safe_url(url: str) -> bool:
    """Tell whether a URL may be called: https, or plain http to this very machine.

    Events tell of the state of a fleet, and keys decide who is believed: neither goes over the network in the clear.
    """
    if len(url) > URL_MAX_CHARS or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
