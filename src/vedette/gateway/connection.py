"""One MQTT connection: from its first bytes to the session behind it, hub or provisioning."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from vedette.gateway.dps import ProvisioningSession, make_room
from vedette.gateway.opening import open_hub_session
from vedette.gateway.peer import CertificateFacts, Peer
from vedette.gateway.reception import MQTT_LIMITS, Reception
from vedette.gateway.tls import TlsTransport
from vedette.protocols import RemoteProtocolError
from vedette.protocols.dps import check_provisioning_client_id, is_provisioning, parse_provisioning_user_name
from vedette.protocols.hub import UserName, check_client_id, parse_user_name
from vedette.protocols.mqtt import (
    IDENTIFIER_REJECTED,
    NOT_AUTHORIZED,
    SERVER_UNAVAILABLE,
    Connect,
    ServerConnection,
    ServerEvent,
    ServerState,
)

log = logging.getLogger(__name__)

_QOS_2: Final = "QoS 2"


class Role(Protocol):
    """What a connection became: a hub session or a provisioning session."""

    def receive(self, events: list[ServerEvent], now_s: float) -> None:
        """Act on what the peer sent."""
        ...

    def ended(self, reason: str) -> None:
        """The connection is gone; ``reason`` is for the records."""
        ...

    def broke_off(self, reason: str, detail: str) -> None:
        """The peer broke the protocol: record it; the connection closes."""
        ...


class MqttConnection(asyncio.Protocol):
    """The protocol behind the TLS stage."""

    __slots__ = ("_is_orderly", "_mqtt", "_reception", "_role", "_transport", "is_reading_paused", "peer")

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._mqtt = ServerConnection(MQTT_LIMITS)
        self._transport: TlsTransport | None = None
        self._role: Role | None = None
        self._is_orderly = False
        self.is_reading_paused = False
        self.peer = Peer()

    # --- the transport's side -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note what TLS proved."""
        if not isinstance(transport, TlsTransport):
            raise TypeError("MQTT is served behind the TLS stage only")
        self._transport = transport
        facts = transport.facts
        self.peer = Peer(
            remote_address=facts.remote_address,
            source=facts.source,
            tls_version=facts.version,
            certificate=CertificateFacts.of(facts.chain[0]) if facts.chain else None,
        )

    def data_received(self, data: bytes) -> None:
        """Read packets and hand them to whatever this connection is."""
        now_s = self._reception.clock.monotonic_s()
        mqtt = self._mqtt
        try:
            events = mqtt.receive(data, now_s)
        except RemoteProtocolError as error:
            self._protocol_error(error)
            return
        role = self._role
        if role is not None:
            role.receive(events, now_s)
        elif events:
            self._begin(events[0])
        elif mqtt.state is ServerState.DECIDING:
            self.pause_reading()  # what a hasty client sends before CONNACK stays in the kernel's buffer
        self.flush()

    def pause_writing(self) -> None:
        """Take nothing more from a peer that does not read its answers."""
        self.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the session."""
        del exc
        role, self._role = self._role, None
        self._transport = None
        if role is not None:
            role.ended("disconnected" if self._is_orderly else "connection_lost")

    # --- for the session ----------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what is to be sent, and close if the MQTT connection is over."""
        transport = self._transport
        if transport is None:
            return
        mqtt = self._mqtt
        data = mqtt.bytes_to_send()
        if data:
            transport.write(data)
        if mqtt.is_closed and not transport.is_closing():
            self._is_orderly = True
            transport.close()

    def pause_reading(self) -> None:
        """Let the peer wait."""
        if not self.is_reading_paused and self._transport is not None and not self._transport.is_closing():
            self.is_reading_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self.is_reading_paused and self._transport is not None and not self._transport.is_closing():
            self.is_reading_paused = False
            self._transport.resume_reading()

    def accept(self, role: Role, now_s: float) -> None:
        """Answer CONNECT with acceptance, and read what came behind it."""
        self._role = role
        self._mqtt.accept(session_present=False)
        self.flush()
        self.resume_reading()
        try:
            events = self._mqtt.receive(b"", now_s)
        except RemoteProtocolError as error:
            self._protocol_error(error)
            return
        if events:
            role.receive(events, now_s)
            self.flush()

    def refuse(self, code: int) -> None:
        """Answer CONNECT with a return code and close."""
        if self._mqtt.state is ServerState.DECIDING:
            self._mqtt.refuse(code)
        self.flush()

    def close(self) -> None:
        """Write what is to be sent and close."""
        if self._transport is not None:
            if data := self._mqtt.bytes_to_send():
                self._transport.write(data)
            self._transport.close()

    def abort(self) -> None:
        """Drop the socket now."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def mqtt(self) -> ServerConnection:
        """The protocol's state."""
        return self._mqtt

    @property
    def chain(self) -> tuple[bytes, ...]:
        """What the peer presented, DER, leaf first, while it is there."""
        return self._transport.facts.chain if self._transport is not None else ()

    @property
    def is_open(self) -> bool:
        """Whether the peer is still there."""
        return self._transport is not None and not self._transport.is_closing()

    # --- CONNECT ------------------------------------------------------------------------------------------------

    def _begin(self, event: ServerEvent) -> None:
        if not isinstance(event, Connect) or self._transport is None:
            return
        user_name = event.user_name or ""
        try:
            if is_provisioning(user_name):
                self._begin_provisioning(event, user_name)
            else:
                self._begin_hub(event, user_name)
        except RemoteProtocolError as error:
            is_client_id = error.connack_code == IDENTIFIER_REJECTED
            reason = "wrong_client_id" if is_client_id else "bad_user_name"
            self._refuse_stranger(error.connack_code or NOT_AUTHORIZED, reason, error.reason, event)

    def _begin_provisioning(self, connect: Connect, text: str) -> None:
        user_name = parse_provisioning_user_name(text)
        check_provisioning_client_id(connect.client_id, user_name)
        if user_name.id_scope != self._reception.anchor.id_scope:
            self._refuse_stranger(NOT_AUTHORIZED, "wrong_id_scope", "the id scope is not this platform's", connect)
            return
        reception, now_s = self._reception, self._reception.clock.monotonic_s()
        is_full = len(reception.provisioning) >= reception.settings.dps.max_connections
        if is_full and not make_room(reception, self.peer.source, now_s):
            self._refuse_stranger(SERVER_UNAVAILABLE, "overloaded", "too many devices are provisioning", connect)
            return
        self._identified(keep_chain=True)
        self.accept(ProvisioningSession(reception, self, user_name), now_s)

    def _begin_hub(self, connect: Connect, text: str) -> None:
        user_name = parse_user_name(text)
        check_client_id(connect.client_id, user_name)
        reception = self._reception
        if not reception.is_own_host(user_name.host):
            detail = f"the user name names the host {user_name.host[:128]!r}"
            self._refuse_stranger(NOT_AUTHORIZED, "wrong_host", detail, connect, user_name)
            return
        chain = self.chain
        self._identified(keep_chain=False)
        if not reception.openings.try_enter():
            self._refuse_stranger(SERVER_UNAVAILABLE, "overloaded", "too many sessions are being opened", connect)
            return
        reception.start(open_hub_session(reception, self, connect, user_name, chain[:1]), "open session")

    def _identified(self, *, keep_chain: bool) -> None:
        if self._transport is not None:
            self._transport.identified(keep_chain=keep_chain)

    def _refuse_stranger(
        self, code: int, reason: str, detail: str, connect: Connect, user_name: UserName | None = None
    ) -> None:
        """Refuse before anybody is identified."""
        self._reception.decisions.record(
            "refuse",
            reason,
            detail=detail,
            device_id=user_name.device_id if user_name is not None else connect.client_id,
            module_id=user_name.module_id if user_name is not None else None,
            remote_address=self.peer.remote_address,
            certificate=self.peer.certificate,
            tls_version=self.peer.tls_version,
        )
        self.refuse(code)

    def _protocol_error(self, error: RemoteProtocolError) -> None:
        reason = "qos_2" if _QOS_2 in error.reason else "protocol_error"
        if error.connack_code == IDENTIFIER_REJECTED:
            reason = "wrong_client_id"
        role, self._role = self._role, None
        if role is not None:
            role.broke_off(reason, error.reason)
        else:
            self._reception.decisions.record(
                "refuse",
                reason,
                detail=error.reason,
                remote_address=self.peer.remote_address,
                certificate=self.peer.certificate,
                tls_version=self.peer.tls_version,
            )
        self.close()
