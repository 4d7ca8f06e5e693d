"""How a process reaches the bus, and how the embedded server is run."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from vedette.bus.errors import InvalidSubject

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
DEFAULT_PORT: Final = 4222


def check_name(name: str) -> str:
    """Return a process name that may stand in subjects and file names.

    Raises:
        InvalidSubject: Not lower-case letters, digits and dashes, beginning with a letter, at most 63.
    """
    if not _NAME.fullmatch(name):
        raise InvalidSubject(f"{name[:80]!r} is not a process name", hint="a-z, 0-9 and dashes, at most 63")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class BusConnectionSettings:
    """How one process connects.

    Attributes:
        name: The process, which is also its user: ``control``, ``gateway-1``. Its inbox is ``_INBOX_<name>``.
        urls: ``nats://host:port`` or ``tls://host:port``; each is tried in turn.
        seed: The user's nkey seed (``read_seed``); ``None`` only for a server without users, as in tests.
        tls_ca_file: Trust this CA alone; by default the system's.
        connect_timeout_s: For one attempt, handshake included.
        first_connect_s: How long ``connect`` keeps trying before it gives up.
        ping_interval_s: How often the connection is probed.
        ping_timeout_s: A connection that leaves a probe unanswered for so long is dropped and made anew.
        reconnect_first_s: First pause between attempts; doubles, with jitter.
        reconnect_most_s: Longest pause between attempts.
        max_pending_bytes: Bytes that may wait to be written before ``publish`` refuses.
        max_requests: Requests that may wait for an answer.
        max_unacknowledged: JetStream messages that may wait for their acknowledgement.
        max_unacknowledged_bytes: Their size.
        max_message_bytes: Largest message accepted from the server.
        hears_itself: Whether its own messages come back to it where it subscribes to their subject.
    """

    name: str
    urls: tuple[str, ...] = ("nats://127.0.0.1:8422",)
    seed: str | None = field(default=None, repr=False)
    tls_ca_file: Path | None = None
    connect_timeout_s: float = 5.0
    first_connect_s: float = 10.0
    ping_interval_s: float = 2.0
    ping_timeout_s: float = 2.0
    reconnect_first_s: float = 0.02
    reconnect_most_s: float = 0.5
    max_pending_bytes: int = 8_388_608
    max_requests: int = 16_384
    max_unacknowledged: int = 65_536
    max_unacknowledged_bytes: int = 67_108_864
    max_message_bytes: int = 8_388_608
    hears_itself: bool = True

    def __post_init__(self) -> None:
        check_name(self.name)
        if not self.urls:
            raise ValueError("at least one bus url is needed")
        for url in self.urls:
            Address.parse(url)

    def tls_context(self) -> ssl.SSLContext:
        """Make the TLS client context; reads files, so call it off the event loop."""
        context = ssl.create_default_context(cafile=str(self.tls_ca_file) if self.tls_ca_file else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


@dataclass(frozen=True, slots=True)
class Address:
    """One server address."""

    host: str
    port: int
    is_tls: bool

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read ``nats://host:port`` or ``tls://host:port``.

        Raises:
            ValueError: Another scheme, no host, or credentials in the URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"nats", "tls"} or not parts.hostname or parts.username is not None or parts.path:
            raise ValueError("a bus url is nats://host:port or tls://host:port, without credentials")
        return cls(parts.hostname, parts.port or DEFAULT_PORT, parts.scheme == "tls")
