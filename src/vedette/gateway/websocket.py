"""MQTT over WebSocket: between the TLS stage and the MQTT connection, which notices no difference."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from vedette.gateway.connection import MqttConnection
from vedette.gateway.peer import CertificateFacts
from vedette.gateway.tls_facts import TlsFacts
from vedette.gateway.tls_transport import TlsTransport
from vedette.gateway.websocket_handshake import Handshake
from vedette.protocols import RemoteProtocolError
from vedette.protocols.websocket import Data, Limits, Role, WebSocketConnection

BAD_UPGRADE: Final = "bad_upgrade"
_LIMITS: Final = Limits()


class UpgradeRefusals(Protocol):
    """Hears of connections that asked for something else than MQTT over WebSocket."""

    def record(  # noqa: D102 - see DecisionLog
        self,
        kind: str,
        reason: str,
        *,
        detail: str = "",
        remote_address: str = "",
        certificate: CertificateFacts | None = None,
        tls_version: str | None = None,
    ) -> None: ...


class WebSocketStage(asyncio.Protocol):
    """One connection's WebSocket: the HTTP request first, then frames.

    Args:
        inner: Makes the MQTT connection, once the WebSocket is open.
        refusals: Hears of requests that open none.
    """

    __slots__ = ("_handshake", "_inner", "_new_inner", "_refusals", "_transport", "_web")

    def __init__(self, inner: Callable[[], MqttConnection], refusals: UpgradeRefusals) -> None:
        self._new_inner = inner
        self._refusals = refusals
        self._handshake: Handshake | None = Handshake()
        self._transport: TlsTransport | None = None
        self._inner: MqttConnection | None = None
        self._web = WebSocketConnection(Role.SERVER, _LIMITS)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the request."""
        if not isinstance(transport, TlsTransport):
            raise TypeError("WebSocket is served behind the TLS stage only")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take frames apart for MQTT, or go on with the handshake."""
        inner, transport = self._inner, self._transport
        if transport is None or transport.is_closing():
            return
        if inner is None:
            self._shake(data, transport)
            return
        web = self._web
        try:
            events = web.receive(data)
        except RemoteProtocolError as error:
            inner.break_off(error)
            return
        if answer := web.bytes_to_send():
            transport.write(answer)
        if len(events) == 1 and type(events[0]) is Data:
            inner.data_received(events[0].payload)
        elif stream := b"".join(event.payload for event in events if type(event) is Data):
            inner.data_received(stream)
        if web.is_closed:
            transport.close()

    def pause_writing(self) -> None:
        """Hand on that the peer is slow to read."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that the peer reads again."""
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        inner, self._inner = self._inner, None
        self._transport = None
        if inner is not None:
            inner.connection_lost(exc)

    def _shake(self, data: bytes, transport: TlsTransport) -> None:
        if self._handshake is None:
            return
        answer = self._handshake.receive(data)
        if answer is None:
            return
        self._handshake = None
        transport.write(answer.response)
        if not answer.is_accepted:
            self._record_refusal(answer.detail, transport.facts)
            transport.close()
            return
        self._inner = inner = self._new_inner()
        inner.connection_made(WebSocketTransport(transport, self._web))
        if answer.rest:
            self.data_received(answer.rest)

    def _record_refusal(self, detail: str, facts: TlsFacts) -> None:
        self._refusals.record(
            "refuse",
            BAD_UPGRADE,
            detail=detail,
            remote_address=facts.remote_address,
            certificate=CertificateFacts.of(facts.chain[0]) if facts.chain else None,
            tls_version=facts.version,
        )


class WebSocketTransport(asyncio.Transport):
    """What the MQTT connection writes to: each write is one binary message."""

    __slots__ = ("_tls", "_web")

    def __init__(self, tls: TlsTransport, web: WebSocketConnection) -> None:
        super().__init__()
        self._tls = tls
        self._web = web

    @property
    def facts(self) -> TlsFacts:
        """What the TLS handshake proved, and from where."""
        return self._tls.facts

    def identified(self, *, keep_chain: bool) -> None:
        """Say that the peer is known."""
        self._tls.identified(keep_chain=keep_chain)

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # asyncio's signature
        """Return a fact of the connection."""
        if name == "protocol":
            return "websocket"
        return self._tls.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a binary message."""
        self._web.send(bytes(data))
        if framed := self._web.bytes_to_send():
            self._tls.write(framed)

    def close(self) -> None:
        """Close the WebSocket and what carries it.

        The peer's Close frame is not waited for: RFC 6455 §7.1.1 lets the server go first, and a session that was cut
        gets no more time.
        """
        self._web.close()
        if farewell := self._web.bytes_to_send():
            self._tls.write(farewell)
        self._tls.close()

    def abort(self) -> None:
        """Drop the connection now."""
        self._tls.abort()

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._tls.is_closing()

    def pause_reading(self) -> None:
        """Take no more from the socket."""
        self._tls.pause_reading()

    def resume_reading(self) -> None:
        """Take from the socket again."""
        self._tls.resume_reading()

    @property
    def unread_bytes(self) -> int:
        """Bytes that were taken from the socket and wait to be read."""
        return self._tls.unread_bytes

    def is_reading(self) -> bool:
        """Whether bytes are taken from the socket."""
        return self._tls.is_reading()

    def get_write_buffer_size(self) -> int:
        """Return the bytes of ciphertext that wait for the peer."""
        return self._tls.get_write_buffer_size()
