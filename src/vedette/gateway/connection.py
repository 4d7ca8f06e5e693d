"""One MQTT connection: from its first bytes to the session behind it, hub or provisioning."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol, cast

from vedette.gateway.dps import ProvisioningSession, make_room
from vedette.gateway.mqtt5_reasons import answer_to, reason_string
from vedette.gateway.opening import open_hub_session
from vedette.gateway.peer import NOBODY, CertificateFacts, Peer
from vedette.gateway.reception import MQTT_LIMITS, Reception
from vedette.gateway.tls_facts import TlsFacts
from vedette.protocols import RemoteProtocolError
from vedette.protocols.dps import check_provisioning_client_id, is_provisioning, parse_provisioning_user_name
from vedette.protocols.hub import UserName, check_client_id, parse_client_id, parse_user_name
from vedette.protocols.mqtt import (
    IDENTIFIER_REJECTED,
    NOT_AUTHORIZED,
    SERVER_UNAVAILABLE,
    Connect,
    ReasonCode,
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

    def resume(self) -> None:
        """The peer reads its answers again: read on, unless another reason to wait stands."""
        ...


class DeviceTransport(Protocol):
    """What carries MQTT: TLS, or a WebSocket in TLS."""

    @property
    def facts(self) -> TlsFacts:
        """What the TLS handshake proved, and from where."""
        ...

    def get_extra_info(self, name: str, default: str) -> str:
        """Return a fact of the connection, such as ``protocol`` where it is not bare MQTT."""
        ...

    def identified(self, *, keep_chain: bool) -> None:
        """Say that the peer is known."""
        ...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        ...

    def close(self) -> None:
        """End in order."""
        ...

    def abort(self) -> None:
        """Drop the connection now."""
        ...

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        ...

    def pause_reading(self) -> None:
        """Take no more from the peer."""
        ...

    def resume_reading(self) -> None:
        """Take from the peer again."""
        ...

    def get_write_buffer_size(self) -> int:
        """Return the bytes that wait for the peer."""
        ...

    @property
    def unread_bytes(self) -> int:
        """Bytes that were taken from the peer and wait to be read."""
        ...


class MqttConnection(asyncio.Protocol):
    """The protocol behind the TLS stage, or behind the WebSocket in it."""

    __slots__ = (
        "_assigned_client_id",
        "_is_orderly",
        "_is_stalled",
        "_mqtt",
        "_reception",
        "_role",
        "_transport",
        "is_reading_paused",
        "peer",
    )

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._mqtt = ServerConnection(MQTT_LIMITS)
        self._transport: DeviceTransport | None = None
        self._role: Role | None = None
        self._is_orderly = False
        self._is_stalled = False
        self._assigned_client_id: str | None = None
        self.is_reading_paused = False
        self.peer = NOBODY

    # --- the transport's side -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note what TLS proved."""
        carrier = cast("DeviceTransport", transport)  # asyncio types the callback for every transport
        self._transport = carrier
        facts = carrier.facts
        self.peer = Peer(
            remote_address=facts.remote_address,
            source=facts.source,
            tls_version=facts.version,
            cipher=facts.cipher,
            protocol=carrier.get_extra_info("protocol", "mqtt"),
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
            self._hold_back()
        self.flush()

    def _hold_back(self) -> None:
        """Leave what a hasty client sends before CONNACK in the kernel's buffer; more than that is too much."""
        self.pause_reading()
        most = MQTT_LIMITS.max_packet_bytes_before_accept
        if self._transport is not None and self._transport.unread_bytes > most:
            fault = f"more than {most} bytes sent without waiting for CONNACK"
            if self._mqtt.is_v5:
                self._mqtt.refuse(SERVER_UNAVAILABLE, reason_code=ReasonCode.QUOTA_EXCEEDED, reason_string=fault)
            self._protocol_error(RemoteProtocolError(fault))

    def pause_writing(self) -> None:
        """Take nothing more from a peer that does not read its answers, whoever else wants to read on."""
        self._is_stalled = True
        self.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._is_stalled = False
        if self._role is not None:
            self._role.resume()
        elif self._mqtt.state is not ServerState.DECIDING:
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
        """Read on, as soon as the peer reads too."""
        if self._is_stalled:
            return
        if self.is_reading_paused and self._transport is not None and not self._transport.is_closing():
            self.is_reading_paused = False
            self._transport.resume_reading()

    def accept(
        self, role: Role, now_s: float, *, session_present: bool = False, session_expiry_s: int | None = None
    ) -> None:
        """Answer CONNECT with acceptance, and read what came behind it.

        Args:
            role: What this connection is from now on.
            now_s: Monotonic.
            session_present: Whether a session of before goes on.
            session_expiry_s: How long the session is kept, if not for as long as asked; MQTT 5 clients are told.
        """
        self._role = role
        mqtt = self._mqtt
        mqtt.accept(
            session_present=session_present,
            session_expiry_s=session_expiry_s,
            assigned_client_id=self._assigned_client_id,
        )
        self.flush()
        self.resume_reading()
        try:
            events = mqtt.receive(b"", now_s)
        except RemoteProtocolError as error:
            self._protocol_error(error)
            return
        if events:
            role.receive(events, now_s)
            self.flush()

    def refuse(self, code: int, reason: str = "", detail: str = "") -> None:
        """Answer CONNECT with a refusal and close.

        Args:
            code: The return code of MQTT 3.1.1.
            reason: As on record; an MQTT 5 client is told, with a reason code of its own.
            detail: As on record; told where it speaks of what the client did.
        """
        mqtt = self._mqtt
        if mqtt.state is ServerState.DECIDING:
            if mqtt.is_v5 and reason:
                answer = answer_to(reason)
                mqtt.refuse(code, reason_code=answer.connack, reason_string=reason_string(answer, detail))
            else:
                mqtt.refuse(code)
        self.flush()

    def close(self, reason: str = "", detail: str = "") -> None:
        """Write what is to be sent, tell an MQTT 5 client why, and close; arguments as of ``refuse``."""
        if self._transport is not None:
            self._say_goodbye(reason, detail)
            if data := self._mqtt.bytes_to_send():
                self._transport.write(data)
            self._transport.close()

    def abort(self, reason: str = "", detail: str = "") -> None:
        """Drop the socket now.

        An MQTT 5 client that reads is told why; nothing is waited for, and nothing more is read. Arguments as of
        ``refuse``.
        """
        transport = self._transport
        if transport is None:
            return
        if reason and self._mqtt.is_v5 and not transport.get_write_buffer_size():
            self.close(reason, detail)
        else:
            transport.abort()

    def _say_goodbye(self, reason: str, detail: str) -> None:
        mqtt = self._mqtt
        if reason and mqtt.is_v5 and mqtt.state is ServerState.CONNECTED:
            answer = answer_to(reason)
            mqtt.disconnect(answer.disconnect, reason_string=reason_string(answer, detail))

    @property
    def mqtt(self) -> ServerConnection:
        """The protocol's state."""
        return self._mqtt

    @property
    def chain(self) -> tuple[bytes, ...]:
        """What the peer presented, DER, leaf first, while it is there."""
        return self._transport.facts.chain if self._transport is not None else ()

    @property
    def backlog_bytes(self) -> int:
        """Bytes that wait for the peer to read them."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

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
                self._begin_hub(event, self._claimed_identity(event, user_name))
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
        self.accept(ProvisioningSession(reception, self, user_name, connect.password), now_s)

    def _claimed_identity(self, connect: Connect, text: str) -> UserName:
        """Return whom a CONNECT to the hub claims to be.

        A client with a certificate may leave the user name out: its client id says it. One that speaks MQTT 5 may leave
        out the client id instead: it is assigned.
        """
        if not text and self.peer.certificate is not None:
            return parse_client_id(connect.client_id)
        user_name = parse_user_name(text)
        if connect.client_id or not connect.is_v5:
            check_client_id(connect.client_id, user_name)
        else:
            self._assigned_client_id = user_name.client_id
        return user_name

    def _begin_hub(self, connect: Connect, user_name: UserName) -> None:
        reception = self._reception
        if user_name.host and not reception.is_own_host(user_name.host):
            detail = f"the user name names the host {user_name.host[:128]!r}"
            self._refuse_stranger(NOT_AUTHORIZED, "wrong_host", detail, connect, user_name)
            return
        chain = self.chain
        self._identified(keep_chain=False)
        if not reception.openings.try_enter():
            self._refuse_stranger(SERVER_UNAVAILABLE, "overloaded", "too many sessions are being opened", connect)
            return
        reception.start(open_hub_session(reception, self, connect, user_name, chain), "open session")

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
        self.refuse(code, reason, detail)

    def break_off(self, error: RemoteProtocolError) -> None:
        """End the connection: the peer broke the protocol that carries MQTT."""
        self._protocol_error(error)
        self.flush()

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
