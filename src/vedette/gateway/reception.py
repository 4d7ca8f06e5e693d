"""What all connections of one gateway share, and what is known of one peer before it says who it is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from cryptography import x509

from vedette.bus import BusConnection
from vedette.gateway.listener import guard
from vedette.gateway.pacing import SourceRates
from vedette.gateway.posture import PostureWatch
from vedette.gateway.refusals import DecisionLog
from vedette.gateway.sessions import SessionTable
from vedette.gateway.settings import GatewaySettings
from vedette.gateway.telemetry import TelemetryWriter
from vedette.kernel import Clock, IdSource
from vedette.protocols.hub import BagReader, normalize_host
from vedette.protocols.mqtt import Limits
from vedette.trust import (
    PolicyEngine,
    PostureView,
    PresentedCredential,
    SessionContext,
    TrustAnchor,
    certificate_sha1,
    certificate_sha256,
)

if TYPE_CHECKING:
    from vedette.gateway.dps import ProvisioningSession

MQTT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What the TLS handshake proved, and from where.

    Attributes:
        source: Whom the address belongs to for limits.
        chain: DER, leaf first; empty without a certificate.
    """

    remote_address: str
    source: str
    tls_version: str
    chain: tuple[bytes, ...]

    @property
    def leaf(self) -> bytes | None:
        """The certificate whose key was proved, DER."""
        return self.chain[0] if self.chain else None

    def credential(self) -> PresentedCredential:
        """Return what the decision function judges; a certificate that can't be read counts as none."""
        if not self.chain:
            return PresentedCredential(sha256="", sha1="", not_before=None, not_after=None)
        leaf = self.chain[0]
        not_before, not_after = _validity(leaf)
        return PresentedCredential(
            sha256=certificate_sha256(leaf), sha1=certificate_sha1(leaf), not_before=not_before, not_after=not_after
        )

    def context(self) -> SessionContext:
        """Return what policies may read of the session."""
        return SessionContext(tls_version=self.tls_version, remote_address=self.remote_address)


def _validity(leaf: bytes) -> tuple[datetime | None, datetime | None]:
    try:
        certificate = x509.load_der_x509_certificate(leaf)
    except (ValueError, TypeError, x509.InvalidVersion):
        return None, None
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


class Places:
    """A bounded number of questions to control that may wait at once."""

    __slots__ = ("_most", "taken")

    def __init__(self, most: int) -> None:
        self._most = most
        self.taken = 0

    def try_enter(self) -> bool:
        """Take a place if one is free; ``leave`` gives it back."""
        if self.taken >= self._most:
            return False
        self.taken += 1
        return True

    def leave(self) -> None:
        """Give a place back."""
        self.taken -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """The parts that connections use.

    Attributes:
        openings: Sessions being opened.
        registering: Registrations that wait for control.
        registrations: Provisioning requests per source.
        provisioning: Open provisioning connections.
        tasks: Parent of every task a connection needs; it ends with the gateway.
    """

    gateway: str
    settings: GatewaySettings
    anchor: TrustAnchor
    clock: Clock
    ids: IdSource
    bus: BusConnection
    view: PostureView
    engine: PolicyEngine
    watch: PostureWatch
    sessions: SessionTable
    telemetry: TelemetryWriter
    decisions: DecisionLog
    bags: BagReader
    openings: Places
    registering: Places
    registrations: SourceRates
    provisioning: set[ProvisioningSession]
    tasks: asyncio.TaskGroup
    loop: asyncio.AbstractEventLoop

    def is_own_host(self, host: str) -> bool:
        """Tell whether a host, in lower case and without port, is one of this platform's names."""
        return any(host == normalize_host(name) for name in self.anchor.hostnames)

    def publish(self, subject: str, message: msgspec.Struct) -> None:
        """Tell other processes something, at most once.

        Raises:
            Problem: The bus is not there.
        """
        self.bus.publish(subject, msgspec.msgpack.encode(message))

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run work that a connection waits for; what goes wrong in it ends that connection's business only."""
        self.tasks.create_task(guard(work), name=name)
