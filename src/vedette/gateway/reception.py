"""What all connections of one gateway share."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from vedette.bus import BusConnection
from vedette.gateway.clones import CloneWatch
from vedette.gateway.completions import Completions
from vedette.gateway.listener import start_guarded
from vedette.gateway.opening_keys import OpeningKeyRing
from vedette.gateway.pacing import SourceRates
from vedette.gateway.policies import PolicyDesk
from vedette.gateway.posture import PostureWatch
from vedette.gateway.refusals import DecisionLog
from vedette.gateway.reports import CertificateReporter
from vedette.gateway.sessions import SessionTable
from vedette.gateway.settings import GatewaySettings
from vedette.gateway.telemetry import TelemetryWriter
from vedette.gateway.traffic import TrafficMeter
from vedette.gateway.uplink import UplinkSender
from vedette.gateway.wills import WillTable
from vedette.kernel import Clock, IdSource
from vedette.protocols.hub import BagReader, normalize_host
from vedette.protocols.mqtt import Limits
from vedette.trust import PostureView, TrustAnchor

if TYPE_CHECKING:
    from vedette.gateway.dps import ProvisioningSession

MQTT_LIMITS: Final = Limits()
_MILLISECOND_S: Final = 0.001


class Moments:
    """The wall clock in Unix milliseconds, read once for all that arrives within one.

    Args:
        clock: Both times.
    """

    __slots__ = ("_clock", "_now_ms", "_read_s")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now_ms = 0
        self._read_s = -math.inf

    def at(self, now_s: float) -> int:
        """Return the wall clock at a monotonic time that has just been read."""
        if not 0 <= now_s - self._read_s < _MILLISECOND_S:
            self._now_ms = int(self._clock.now().timestamp() * 1000)
            self._read_s = now_s
        return self._now_ms


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
        vouching: Questions whether an authority vouches for a certificate.
        registering: Registrations that wait for control.
        registrations: Provisioning requests per source.
        provisioning: Open provisioning connections.
        policies: In force.
        traffic: What identities do, counted.
        wills: Those that wait for their delay.
        tasks: Parent of every task a connection needs; it ends with the gateway.
    """

    gateway: str
    settings: GatewaySettings
    anchor: TrustAnchor
    clock: Clock
    moments: Moments
    ids: IdSource
    bus: BusConnection
    view: PostureView
    policies: PolicyDesk
    watch: PostureWatch
    opening_keys: OpeningKeyRing
    sessions: SessionTable
    telemetry: TelemetryWriter
    decisions: DecisionLog
    reports: CertificateReporter
    bags: BagReader
    wills: WillTable
    clones: CloneWatch
    completions: Completions
    uplink: UplinkSender
    traffic: TrafficMeter
    openings: Places
    vouching: Places
    registering: Places
    registrations: SourceRates
    provisioning: set[ProvisioningSession]
    tasks: asyncio.TaskGroup
    loop: asyncio.AbstractEventLoop

    def is_own_host(self, host: str) -> bool:
        """Tell whether a host, in lower case and without port, is one of this platform's names."""
        return any(host == normalize_host(name) for name in self.anchor.hostnames)

    def now_ms(self) -> int:
        """Return the wall clock in Unix milliseconds."""
        return int(self.clock.now().timestamp() * 1000)

    def publish(self, subject: str, message: msgspec.Struct) -> None:
        """Tell other processes something, at most once.

        Raises:
            Problem: The bus is not there.
        """
        self.bus.publish(subject, msgspec.msgpack.encode(message), may_wait=True)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run work that a connection waits for; what goes wrong in it ends that connection's business only."""
        start_guarded(self.tasks, work, name)
