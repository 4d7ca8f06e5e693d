"""The bus: NATS with JetStream, the one way processes of Vedette talk to each other.

Terms: a *stream* stores messages and acknowledges each; a *subject* addresses them; a *request* is answered by one
process of a queue group. Invariants: the bus carries, it never vouches (posture is signed elsewhere); acknowledged
means on disk; a process can do on the bus what its credentials list and nothing else.
"""

from __future__ import annotations

from vedette.bus.connection import BusConnection, Subscription
from vedette.bus.errors import (
    BusRefused,
    BusTimeout,
    BusUnavailable,
    InvalidNkey,
    InvalidSubject,
    JetStreamError,
    NoResponders,
    PayloadTooLarge,
    PublishRefused,
    RemoteProblem,
    RemoteProtocolError,
)
from vedette.bus.nkeys import UserKey, ensure_seed, read_seed
from vedette.bus.publisher import MAX_DEADLINE_S, PublishAck, PublishResult
from vedette.bus.service import Endpoint, Server
from vedette.bus.settings import BusConnectionSettings
from vedette.bus.wire import Message, encode_headers, parse_headers

__all__ = [
    "MAX_DEADLINE_S",
    "BusConnection",
    "BusConnectionSettings",
    "BusRefused",
    "BusTimeout",
    "BusUnavailable",
    "Endpoint",
    "InvalidNkey",
    "InvalidSubject",
    "JetStreamError",
    "Message",
    "NoResponders",
    "PayloadTooLarge",
    "PublishAck",
    "PublishRefused",
    "PublishResult",
    "RemoteProblem",
    "RemoteProtocolError",
    "Server",
    "Subscription",
    "UserKey",
    "encode_headers",
    "ensure_seed",
    "parse_headers",
    "read_seed",
]
