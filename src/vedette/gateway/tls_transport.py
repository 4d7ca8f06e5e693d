"""What the protocol behind the TLS stage writes to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from vedette.gateway.tls_facts import TlsFacts
from vedette.gateway.tls_records import Records

if TYPE_CHECKING:
    from vedette.gateway.tls import TlsStage

SLOW_READER: Final = "slow_reader"


class TlsTransport(asyncio.Transport):
    """What the inner protocol writes to.

    ``get_extra_info`` knows ``peer_chain`` (DER, leaf first, empty without a certificate), ``tls_version`` and what the
    socket's transport knows.
    """

    __slots__ = ("_most_waiting", "_raw", "_records", "_stage")

    def __init__(self, stage: TlsStage, raw: asyncio.Transport, records: Records) -> None:
        super().__init__()
        self._stage = stage
        self._raw = raw
        self._records = records
        self._most_waiting = stage.max_write_buffer_bytes

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # asyncio's signature
        """Return a fact of the connection."""
        stage = self._stage
        facts = {"peer_chain": stage.chain, "tls_version": stage.version}
        return facts[name] if name in facts else self._raw.get_extra_info(name, default)

    @property
    def facts(self) -> TlsFacts:
        """What the handshake proved, and from where."""
        return self._stage

    def identified(self, *, keep_chain: bool) -> None:
        """Say that the peer is known: limits of strangers no longer hold for it, and its chain may be forgotten."""
        self._stage.identify()
        if not keep_chain:
            self._stage.chain = ()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        stage = self._stage
        if stage.is_closing:
            return
        raw = self._raw
        raw.write(self._records.encrypt(data if type(data) is bytes else bytes(data)))
        if raw.get_write_buffer_size() > self._most_waiting:
            stage.turn_away(SLOW_READER)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Encrypt and send, in as few records as possible."""
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        """End in order."""
        self._stage.close()

    def abort(self) -> None:
        """Drop the connection now."""
        self._stage.abort()

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._stage.is_closing

    @property
    def unread_bytes(self) -> int:
        """Bytes that were taken from the socket and wait to be read."""
        return self._stage.unread_bytes

    def can_write_eof(self) -> bool:
        """TLS 1.2 has no half-open connections."""
        return False

    def pause_reading(self) -> None:
        """Take no more from the socket."""
        self._stage.pause_reading()

    def resume_reading(self) -> None:
        """Take from the socket again."""
        self._stage.resume_reading()

    def is_reading(self) -> bool:
        """Whether bytes are taken from the socket."""
        return self._raw.is_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Put another protocol behind the stage, as an upgrade to WebSocket does."""
        if not isinstance(protocol, asyncio.Protocol):
            raise TypeError("the TLS stage feeds streaming protocols")
        self._stage.set_inner(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol behind the stage."""
        return self._stage.get_inner() or self._stage

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set when ``pause_writing`` is called, in bytes of ciphertext."""
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Return the bytes of ciphertext that wait for the peer."""
        return self._raw.get_write_buffer_size()
