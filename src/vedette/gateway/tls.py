"""The TLS stage: accepts any client certificate, proves possession of its key, and leaves the judgement to its user.

Devices registered by thumbprint present certificates that nobody can chain, and a resumed session would outlive a
revocation. So no CA is loaded, the verify callback defers, resumption and renegotiation are off, and whoever sits
behind the stage finds the peer's full chain in ``get_extra_info("peer_chain")``. MQTT, WebSocket and HTTPS all use it.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from collections.abc import Callable
from typing import Final, Protocol, cast

from OpenSSL import SSL

from vedette.gateway.admission import Admission
from vedette.gateway.pacing import PacedQueue, source_of
from vedette.gateway.settings import TlsSettings
from vedette.gateway.tls_context import TlsContextHolder
from vedette.gateway.tls_facts import chain_bytes
from vedette.gateway.tls_records import Records, TlsFailure, begins_with_whole_record, new_records
from vedette.gateway.tls_transport import SLOW_READER, TlsTransport
from vedette.kernel import Clock

log = logging.getLogger(__name__)

_LOW_WATER_BYTES: Final = 16_384
_HIGH_WATER_BYTES: Final = 65_536
# A socket is read 250 KB at a time: 128,000 PINGREQs, which keep the loop from all other connections for 300 ms.
_SLICE_BYTES: Final = 4_096

HANDSHAKE_FAILED: Final = "tls_handshake_failed"
HANDSHAKE_TOO_LARGE: Final = "tls_handshake_too_large"
CHAIN_TOO_LARGE: Final = "certificate_chain_too_large"


class TlsRefusals(Protocol):
    """Hears of connections that the stage turned away; nobody was identified."""

    def tls_refused(self, reason: str, detail: str, remote_address: str, chain: tuple[bytes, ...]) -> None:
        """Record a refusal; ``chain`` is what the peer had sent, leaf first, often nothing."""
        ...


class TlsFront:
    """What all connections of a gateway share, whatever they speak.

    Args:
        holder: The server's certificate.
        settings: Limits.
        clock: Monotonic time.
        loop: For pacing.
        refusals: Hears of connections turned away.
    """

    def __init__(
        self,
        *,
        holder: TlsContextHolder,
        settings: TlsSettings,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        refusals: TlsRefusals,
    ) -> None:
        self.holder = holder
        self.settings = settings
        self.clock = clock
        self.loop = loop
        self.refusals = refusals
        self.admission = Admission(settings)
        self.handshakes = PacedQueue(loop, clock, settings.slice_s)
        self._stages: set[TlsStage] = set()
        self._stalled: dict[TlsStage, float] = {}
        self.is_reading = True

    def stages(self, inner: Callable[[], asyncio.Protocol]) -> Callable[[], TlsStage]:
        """Return what makes the stage of a new connection; ``inner`` makes the protocol behind it once TLS stands."""
        return functools.partial(TlsStage, self, inner)

    def sweep(self) -> None:
        """Close whoever is over time; call it a few times each second."""
        now_s = self.clock.monotonic_s()
        self.admission.sweep(now_s)
        for stage, since_s in list(self._stalled.items()):
            if now_s - since_s > self.settings.write_stall_s:
                stage.turn_away(SLOW_READER)

    def stalled(self, stage: TlsStage, *, is_stalled: bool) -> None:
        """Note that a peer does not read, or reads again."""
        if is_stalled:
            self._stalled[stage] = self.clock.monotonic_s()
        else:
            self._stalled.pop(stage, None)

    def opened(self, stage: TlsStage) -> None:
        """Keep a connection, to close it when the listener ends."""
        self._stages.add(stage)

    def closed(self, stage: TlsStage) -> None:
        """Let a connection go."""
        self._stages.discard(stage)
        self._stalled.pop(stage, None)

    def stop_reading(self) -> None:
        """Take no more from any peer, for good: what was taken can be finished."""
        self.is_reading = False
        for stage in self._stages:
            stage.pause_reading()

    def close_all(self) -> None:
        """Close every connection."""
        for stage in list(self._stages):
            stage.abort()


class TlsStage(asyncio.Protocol):
    """One connection's TLS, between the socket and the inner protocol.

    Attributes:
        is_closing: Nothing more can be written.
    """

    __slots__ = (
        "_early",
        "_front",
        "_handshake_bytes",
        "_has_asked",
        "_inner",
        "_is_due",
        "_is_paused",
        "_is_queued",
        "_new_inner",
        "_records",
        "_transport",
        "_unread",
        "_was_let_in",
        "chain",
        "cipher",
        "is_closing",
        "remote_address",
        "source",
        "version",
    )

    def __init__(self, front: TlsFront, inner: Callable[[], asyncio.Protocol]) -> None:
        self._front = front
        self._new_inner = inner
        self._transport: asyncio.Transport | None = None
        self._records: Records | None = None
        self._inner: asyncio.Protocol | None = None
        self._early = b""
        self._handshake_bytes = 0
        self._has_asked = False
        self._is_queued = False
        self._is_paused = False
        self.is_closing = False
        self._is_due = False
        self._unread = b""
        self._was_let_in = False
        self.remote_address = ""
        self.source = ""
        self.chain: tuple[bytes, ...] = ()
        self.version = ""
        self.cipher = ""

    # --- the socket's side --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask admission for a place."""
        raw = cast("asyncio.Transport", transport)  # asyncio types the callback for every transport
        self._transport = raw
        peer = transport.get_extra_info("peername")
        self.remote_address = str(peer[0]) if peer else ""
        self.source = source_of(self.remote_address)
        reason = self._front.admission.enter(self, self._front.clock.monotonic_s())
        if reason is not None:
            self.turn_away(reason)
            return
        self._was_let_in = True
        self._front.opened(self)
        raw.set_write_buffer_limits(high=_HIGH_WATER_BYTES, low=_LOW_WATER_BYTES)

    def data_received(self, data: bytes) -> None:
        """Decrypt for the inner protocol, or go on with the handshake."""
        if self._inner is None:
            self._shake(data)
            return
        records = self._records
        if records is None or self.is_closing:
            return
        plain = records.decrypt(data)
        if self._unread:
            self._unread += plain
        elif len(plain) > _SLICE_BYTES or self._is_paused:
            self._unread = plain
            self._hand_on_soon()
        else:
            self._give(plain, records)

    def _hand_on_soon(self) -> None:
        if not self._is_due and self._transport is not None:
            self._is_due = True
            self._transport.pause_reading()
            self._front.loop.call_soon(self._hand_on)

    def _hand_on(self) -> None:
        """Give the inner protocol a part of what it has not read; the rest waits its turn with other connections."""
        self._is_due = False
        records, transport = self._records, self._transport
        if records is None or transport is None or self._is_paused or self.is_closing:
            return
        part, self._unread = self._unread[:_SLICE_BYTES], self._unread[_SLICE_BYTES:]
        if self._unread:
            self._hand_on_soon()
        elif not transport.is_closing():
            transport.resume_reading()
        self._give(part, records)

    def _give(self, plain: bytes, records: Records) -> None:
        if plain and self._inner is not None:
            try:
                self._inner.data_received(plain)
            except Exception:  # one connection's fault must not reach the listener
                log.exception("a connection's handler failed", extra={"remote": self.remote_address})
                self.abort()
                return
        if records.is_ended and not self._unread:
            self.close()
        elif records.may_owe and (answer := records.drain()) and self._transport is not None:
            self._transport.write(answer)

    def eof_received(self) -> bool:
        """Close: half-open connections serve nobody."""
        return False

    def pause_writing(self) -> None:
        """Hand on that the peer is slow to read."""
        self._front.stalled(self, is_stalled=True)
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that the peer reads again; one whose connection is ending has no more time for that."""
        if not self.is_closing:
            self._front.stalled(self, is_stalled=False)
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        self.is_closing = True
        front = self._front
        if self._was_let_in:
            self._was_let_in = False
            front.closed(self)
            front.admission.leave(self, front.clock.monotonic_s())
        inner, self._inner = self._inner, None
        self._records = self._transport = None
        self._early = b""
        if inner is not None:
            try:
                inner.connection_lost(exc)
            except Exception:  # same
                log.exception("a connection's end failed", extra={"remote": self.remote_address})

    # --- the handshake ------------------------------------------------------------------------------------------

    def _shake(self, data: bytes) -> None:
        if self.is_closing or self._transport is None:
            return
        self._early = self._early + data if self._early else data
        if not self._has_asked:
            if len(self._early) > self._front.settings.max_client_hello_bytes:
                self.turn_away(HANDSHAKE_TOO_LARGE)
                return
            if not begins_with_whole_record(self._early):
                return  # bytes that trickle in take no slot from those who come with a whole hello
            self._has_asked = True
            reason = self._front.admission.request_handshake(self, self._front.clock.monotonic_s())
            if reason is not None:
                self.turn_away(reason)
            elif self._records is None:
                self.pause_reading()
        elif self._records is not None and not self._is_queued:
            self._queue_step()

    def start_handshake(self) -> None:
        """A slot is free: make the TLS object and take the first bytes."""
        if self.is_closing:
            return
        connection = SSL.Connection(self._front.holder.context, None)
        connection.set_accept_state()
        self._records = new_records(connection)
        self._queue_step()

    def _queue_step(self) -> None:
        self._is_queued = True
        if not self._front.handshakes.run(self._step):
            self.pause_reading()

    def pause_reading(self) -> None:
        """Take no more from the socket, such as a stranger's bytes before those we have are dealt with."""
        if not self._is_paused and not self.is_closing and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take from the socket again."""
        if self._is_paused and not self.is_closing and self._transport is not None and self._front.is_reading:
            self._is_paused = False
            if self._unread:
                self._hand_on_soon()
            else:
                self._transport.resume_reading()

    def _step(self) -> None:
        self._is_queued = False
        records, transport = self._records, self._transport
        if self.is_closing or records is None or transport is None:
            return
        room = self._front.settings.max_handshake_bytes - self._handshake_bytes
        data, self._early = self._early[:room], self._early[room:]
        self._handshake_bytes += len(data)
        try:
            is_complete = records.shake_hands(data)
        except TlsFailure as failure:
            self._fail(failure.reason)
            return
        answer = records.drain()
        if answer:
            transport.write(answer)
        if is_complete:
            self._complete()
        elif len(data) == room or self._early:
            self.turn_away(HANDSHAKE_TOO_LARGE)
        else:
            self.resume_reading()

    def _complete(self) -> None:
        front, records, transport = self._front, self._records, self._transport
        if records is None or transport is None:
            return
        connection = records.connection
        self.chain = records.peer_chain()
        self.version = sys.intern(connection.get_protocol_version_name())
        self.cipher = sys.intern(connection.get_cipher_name() or "")
        settings = front.settings
        if len(self.chain) > settings.max_chain_certificates or chain_bytes(self.chain) > settings.max_chain_bytes:
            self.chain = self.chain[:1]
            self.turn_away(CHAIN_TOO_LARGE)
            return
        front.admission.end_handshake(self, front.clock.monotonic_s())
        self._inner = inner = self._new_inner()
        early, self._early = self._early, b""
        inner.connection_made(TlsTransport(self, transport, records))
        if not self.is_closing and not transport.is_closing():
            self.resume_reading()
            self.data_received(early)

    def _fail(self, reason: str) -> None:
        if self._transport is not None and self._records is not None and (alert := self._records.drain()):
            self._transport.write(alert)
        self._refuse(HANDSHAKE_FAILED, reason)
        self._close_when_written()

    # --- the end ------------------------------------------------------------------------------------------------

    def turn_away(self, reason: str) -> None:
        """Record why and drop the socket at once, even one that was closing in order already."""
        if not self.is_closing:
            self._refuse(reason, "")
        self.abort()

    def identify(self) -> None:
        """The peer has said who it is: limits of strangers no longer hold."""
        self._front.admission.identify(self)

    def close(self) -> None:
        """End TLS in order, write what waits, close."""
        if self.is_closing or self._transport is None:
            return
        if self._records is not None and (farewell := self._records.end()):
            self._transport.write(farewell)
        self._close_when_written()

    def abort(self) -> None:
        """Drop the socket now, whatever waits to be written."""
        self.is_closing = True
        if self._transport is not None:
            self._transport.abort()

    def _close_when_written(self) -> None:
        """Close as soon as the peer has taken what waits; it has no longer for that than any slow reader."""
        self.is_closing = True
        transport = self._transport
        if transport is not None:
            self._front.stalled(self, is_stalled=True)
            transport.close()

    def set_inner(self, protocol: asyncio.Protocol) -> None:
        """Put another protocol behind the stage."""
        self._inner = protocol

    def get_inner(self) -> asyncio.Protocol | None:
        """Return the protocol behind the stage; ``None`` before the handshake and after the end."""
        return self._inner

    def _refuse(self, reason: str, detail: str) -> None:
        self._front.refusals.tls_refused(reason, detail, self.remote_address, self.chain)

    @property
    def unread_bytes(self) -> int:
        """Bytes that wait for the inner protocol."""
        return len(self._unread)

    @property
    def max_write_buffer_bytes(self) -> int:
        """Bytes that may wait for this peer."""
        return self._front.settings.max_write_buffer_bytes
