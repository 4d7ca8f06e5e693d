"""MQTT 3.1.1 and 5 without sockets: bytes in, events out; calls in, bytes out.

``ServerConnection`` is the gateway's half, ``ClientConnection`` that of simulators; both use one codec for each
version, and the same events and calls for both, so that whoever sits above need not care. What only MQTT 5 can say
(reason strings, properties) is left out in 3.1.1; ``ServerConnection.is_v5`` tells. Invariants: nothing behind a
CONNECT is read before it is accepted, every size is bounded by ``Limits``, and malformed input raises
``RemoteProtocolError`` and nothing else.

Source:
    OASIS MQTT 3.1.1; OASIS MQTT 5.0.
"""

from __future__ import annotations

from vedette.protocols.mqtt.client import ClientConnection, ClientState
from vedette.protocols.mqtt.events import (
    MQTT_3_1_1,
    MQTT_5,
    NEVER_EXPIRES,
    NO_PROPERTIES,
    ClientEvent,
    Connack,
    Connect,
    Disconnect,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    PublishProperties,
    ServerEvent,
    ServerOffer,
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
from vedette.protocols.mqtt.reasons import (
    CONNACK_CODES,
    PUBACK_CODES,
    SERVER_DISCONNECT_CODES,
    SUBACK_CODES,
    ReasonCode,
)
from vedette.protocols.mqtt.server import ServerConnection, ServerState

__all__ = [
    "ACCEPTED",
    "BAD_USER_NAME_OR_PASSWORD",
    "CONNACK_CODES",
    "IDENTIFIER_REJECTED",
    "MQTT_3_1_1",
    "MQTT_5",
    "NEVER_EXPIRES",
    "NOT_AUTHORIZED",
    "NO_PROPERTIES",
    "PUBACK_CODES",
    "SERVER_DISCONNECT_CODES",
    "SERVER_UNAVAILABLE",
    "SUBACK_CODES",
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
    "PublishProperties",
    "ReasonCode",
    "ServerConnection",
    "ServerEvent",
    "ServerOffer",
    "ServerState",
    "Suback",
    "Subscribe",
    "Unsuback",
    "Unsubscribe",
    "Will",
]
