"""MQTT 3.1.1 without sockets: bytes in, events out; calls in, bytes out.

``ServerConnection`` is the gateway's half, ``ClientConnection`` that of simulators; both use one codec. Invariants:
nothing behind a CONNECT is read before it is accepted, every size is bounded by ``Limits``, and malformed input raises
``RemoteProtocolError`` and nothing else.

Source:
    OASIS MQTT 3.1.1.
"""

from __future__ import annotations

from vedette.protocols.mqtt.client import ClientConnection, ClientState
from vedette.protocols.mqtt.events import (
    ClientEvent,
    Connack,
    Connect,
    Disconnect,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    ServerEvent,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from vedette.protocols.mqtt.limits import Limits
from vedette.protocols.mqtt.packets import (
    ACCEPTED,
    BAD_USER_NAME_OR_PASSWORD,
    IDENTIFIER_REJECTED,
    NOT_AUTHORIZED,
    SERVER_UNAVAILABLE,
    SUBSCRIPTION_FAILURE,
    UNACCEPTABLE_PROTOCOL_VERSION,
)
from vedette.protocols.mqtt.server import ServerConnection, ServerState

__all__ = [
    "ACCEPTED",
    "BAD_USER_NAME_OR_PASSWORD",
    "IDENTIFIER_REJECTED",
    "NOT_AUTHORIZED",
    "SERVER_UNAVAILABLE",
    "SUBSCRIPTION_FAILURE",
    "UNACCEPTABLE_PROTOCOL_VERSION",
    "ClientConnection",
    "ClientEvent",
    "ClientState",
    "Connack",
    "Connect",
    "Disconnect",
    "Limits",
    "Pingreq",
    "Pingresp",
    "Puback",
    "Publish",
    "ServerConnection",
    "ServerEvent",
    "ServerState",
    "Suback",
    "Subscribe",
    "Unsuback",
    "Unsubscribe",
    "Will",
]
