"""The bus: NATS with JetStream, the one way processes of Vedette talk to each other.

Terms: a *stream* stores messages and acknowledges each; a *subject* addresses them; a *request* is answered by one
process of a queue group. Invariants: the bus carries, it never vouches (posture is signed elsewhere); acknowledged
means on disk; a process can do on the bus what its credentials list and nothing else.
"""

from __future__ import annotations

from vedette.bus.accounts import (
    CONTROL_EVENTS_USER,
    CONTROL_USER,
    MIGRATOR_EVENTS_USER,
    MIGRATOR_USER,
    BusUser,
    all_users,
    gateway_users,
)
from vedette.bus.auth_callout import (
    AUTH_CALLOUT_SUBJECT,
    CalloutRefused,
    CalloutRequest,
    permit_callout,
    read_callout,
    refuse_callout,
)
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
from vedette.bus.jetstream import JetStream, StoredMessage, StreamConfig, StreamInfo
from vedette.bus.nkeys import AccountKey, UserKey, ensure_seed, read_account_key, read_seed
from vedette.bus.publisher import MAX_DEADLINE_S, PublishAck, PublishResult
from vedette.bus.reader import DurableReader, ReadFrom, StreamReader
from vedette.bus.server import BusServerProblem, BusServerSettings, NatsServer
from vedette.bus.service import Endpoint, Server
from vedette.bus.settings import BusConnectionSettings
from vedette.bus.streams import StreamSettings, ensure_streams
from vedette.bus.wire import Message, encode_headers, parse_headers

__all__ = [
    "AUTH_CALLOUT_SUBJECT",
    "CONTROL_EVENTS_USER",
    "CONTROL_USER",
    "MAX_DEADLINE_S",
    "MIGRATOR_EVENTS_USER",
    "MIGRATOR_USER",
    "AccountKey",
    "BusConnection",
    "BusConnectionSettings",
    "BusRefused",
    "BusServerProblem",
    "BusServerSettings",
    "BusTimeout",
    "BusUnavailable",
    "BusUser",
    "CalloutRefused",
    "CalloutRequest",
    "DurableReader",
    "Endpoint",
    "InvalidNkey",
    "InvalidSubject",
    "JetStream",
    "JetStreamError",
    "Message",
    "NatsServer",
    "NoResponders",
    "PayloadTooLarge",
    "PublishAck",
    "PublishRefused",
    "PublishResult",
    "ReadFrom",
    "RemoteProblem",
    "RemoteProtocolError",
    "Server",
    "StoredMessage",
    "StreamConfig",
    "StreamInfo",
    "StreamReader",
    "StreamSettings",
    "Subscription",
    "UserKey",
    "all_users",
    "encode_headers",
    "ensure_seed",
    "ensure_streams",
    "gateway_users",
    "parse_headers",
    "permit_callout",
    "read_account_key",
    "read_callout",
    "read_seed",
    "refuse_callout",
]
