"""WebSocket frames without sockets: a byte stream for MQTT, in binary messages.

The opening handshake is HTTP and stands elsewhere; only ``accept_token`` of it is here. No extension is spoken. A frame
is handed on as its bytes arrive, so its length costs nothing; ``RemoteProtocolError`` is all that hostile input raises.

Source:
    RFC 6455.
"""

from __future__ import annotations

from vedette.protocols.websocket.connection import Role, WebSocketConnection
from vedette.protocols.websocket.events import Close, CloseCode, Data, Event, Ping, Pong
from vedette.protocols.websocket.frames import Limits, accept_token

__all__ = [
    "Close",
    "CloseCode",
    "Data",
    "Event",
    "Limits",
    "Ping",
    "Pong",
    "Role",
    "WebSocketConnection",
    "accept_token",
]
