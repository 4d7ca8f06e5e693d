"""``/v1/status``: is anything wrong, what changed, what should be done; the status page shows the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from cryptography import x509
from fastapi import APIRouter
from pydantic import Field

from vedette.access import EnforcementTracker
from vedette.api.schema import Timestamp, View, api_router, refusals
from vedette.api.sight import Seen
from vedette.kernel import Clock, OrganizationId, Problem, to_rfc3339
from vedette.ledger import CheckpointService, Ledger, LedgerInconsistent, parse_checkpoint
from vedette.operators import Action
from vedette.pki import SignerClient
from vedette.pki.records import CertificateReports
from vedette.registry import ClockGuard, DeviceCounts, DeviceService

PROBE_TIMEOUT_S: Final = 1.0
SLOW_STORE_S: Final = 1.0
_COUNTS_EVERY_S: Final = 5.0
_EXPIRY_WARNING_DAYS: Final = 60
_GATEWAYS_REPORT_WITHIN: Final = timedelta(seconds=15)

Health = Literal["ok", "warning", "failed"]
# Components whose words tell of what devices did.
_OF_THE_FLEET: Final = frozenset({"alerts", "identities", "issuing key", "quarantine", "symmetric keys"})
_SEVERITY: Final[dict[Health, int]] = {"ok": 0, "warning": 1, "failed": 2}


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the platform, as ``app`` sees it.

    Attributes:
        hint: What to do when something is wrong.
    """

    name: str
    health: Health
    detail: str = ""
    hint: str = ""


class ComponentView(View):
    """A part of the platform."""

    name: str
    health: Health
    detail: str
    hint: str = Field(description="What to do when something is wrong.")


class DevicesView(View):
    """Devices by state."""

    total: int
    disabled: int
    blocked: int
    by_lifecycle: dict[str, int]


class AuthorityExpiry(View):
    """When one of our authorities ends."""

    purpose: str
    not_after: Timestamp


class PortsView(View):
    """Where the platform listens, on the host name of `hostname`."""

    mqtt: int = Field(description="Devices: MQTT and provisioning (DPS) over TLS.")
    websocket: int | None = Field(description="Devices: MQTT over WebSocket; null when it is off.")
    service: int | None = Field(description="Programs written with the service SDKs; null when it is off.")


class StatusView(View):
    """The state of the platform at a moment."""

    version: str
    health: Health = Field(description="The worst of the components'.")
    at: Timestamp
    started_at: Timestamp
    hostname: str
    id_scope: str = Field(description="What devices need to register.")
    ports: PortsView
    components: list[ComponentView] = Field(description="The worst first.")
    devices: DevicesView
    sessions: int = Field(description="Devices connected now.")
    ledger_size: int
    checkpoint_size: int | None = Field(description="Entries covered by the newest signed checkpoint.")
    authorities: list[AuthorityExpiry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What does not change while this process runs.

    Attributes:
        mqtt_port: Where devices connect.
        websocket_port: The same by WebSocket; 0 when it is off.
        service_port: Of the service API; 0 when it is off.
    """

    organization_id: OrganizationId
    version: str
    hostname: str
    id_scope: str
    started_at: datetime
    is_demo: bool = False
    mqtt_port: int = 8883
    websocket_port: int = 0
    service_port: int = 0


class StatusReader:
    """Asks every part how it is; one that does not answer in time is told so, and nothing else waits for it.

    Args:
        platform: What does not change.
        components: Asked for the processes and connections that only ``app`` knows.
        concerns: Asked for what an operator should look into; reads the database.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        components: Callable[[], Awaitable[list[Component]]],
        devices: DeviceService,
        enforcement: EnforcementTracker,
        ledger: Ledger,
        checkpoints: CheckpointService,
        signer: SignerClient,
        reports: CertificateReports,
        guard: ClockGuard,
        clock: Clock,
        concerns: Callable[[], Awaitable[list[Component]]] | None = None,
    ) -> None:
        self._platform = platform
        self._components = components
        self._concerns = concerns
        self._devices = devices
        self._enforcement = enforcement
        self._ledger = ledger
        self._checkpoints = checkpoints
        self._signer = signer
        self._reports = reports
        self._guard = guard
        self._clock = clock
        self._counts: tuple[float, DeviceCounts] | None = None

    async def read(self) -> StatusView:
        """Return the state of the platform."""
        organization_id = self._platform.organization_id
        components = [*await self._components(), *self._gateways(), self._judge_clock(), self._judge_ledger()]
        authorities, signer = await self._ask_signer()
        components.append(signer)
        try:
            asked_s = self._clock.monotonic_s()
            size = await self._ledger.size(organization_id)
            took_s = self._clock.monotonic_s() - asked_s
            # Side by side: of a slow database's answers only the longest is waited for.
            counts, note, issuing_key, concerns = await asyncio.gather(
                self._count(),
                self._checkpoints.latest(organization_id),
                self._judge_issuing_key(),
                self._ask_concerns(),
            )
            components += [issuing_key, *concerns, _judge_store(took_s)]
        except Problem as problem:
            counts, size, note = DeviceCounts(), 0, None
            components.append(Component("store", "failed", problem.detail, problem.hint))
        return StatusView(
            version=self._platform.version,
            health=_worst(components),
            at=self._clock.now(),
            started_at=self._platform.started_at,
            hostname=self._platform.hostname,
            id_scope=self._platform.id_scope,
            ports=PortsView(
                mqtt=self._platform.mqtt_port,
                websocket=self._platform.websocket_port or None,
                service=self._platform.service_port or None,
            ),
            components=[
                ComponentView(name=each.name, health=each.health, detail=each.detail, hint=each.hint)
                for each in sorted(components, key=lambda each: (-_SEVERITY[each.health], each.name))
            ],
            devices=DevicesView(
                total=counts.total,
                disabled=counts.disabled,
                blocked=counts.blocked,
                by_lifecycle=dict(counts.by_lifecycle),
            ),
            sessions=sum(status.sessions for status in self._enforcement.alive()),
            ledger_size=size,
            checkpoint_size=None if note is None else parse_checkpoint(note).size,
            authorities=authorities,
        )

    def _gateways(self) -> list[Component]:
        found = []
        for status in self._enforcement.alive():
            detail = f"{status.sessions} sessions"
            if status.is_stale:
                hint = "it refuses new sessions until it hears from control again"
                found.append(Component(f"{status.gateway} records", "warning", f"stale; {detail}", hint))
            else:
                found.append(Component(f"{status.gateway} records", "ok", detail))
        if found:
            hint = "what it lets through is not known: is it running, and connected to the bus?"
            found += [Component(f"{name} records", "warning", "silent", hint) for name in self._enforcement.silent()]
        else:
            is_new = self._clock.now() - self._platform.started_at < _GATEWAYS_REPORT_WITHIN
            hint = "wait a moment" if is_new else "devices cannot connect: see the log"
            found.append(Component("gateway records", "warning" if is_new else "failed", "no gateway reports", hint))
        return found

    def _judge_ledger(self) -> Component:
        failure = self._checkpoints.failure
        if failure is None:
            return Component("ledger", "ok")
        if isinstance(failure, LedgerInconsistent):
            return Component("ledger", "failed", f"it was altered: {failure.detail}", "see what: vedette ledger verify")
        hint = "is the disk full, or a checkpoint directory away? it is tried again by itself"
        return Component("ledger", "warning", f"no checkpoint could be written: {str(failure)[:200]}", hint)

    def _judge_clock(self) -> Component:
        reading = self._guard.read()
        if not reading.is_held:
            return Component("clock", "ok")
        detail = (
            f"it reads {to_rfc3339(reading.at)} and should read {to_rfc3339(reading.expected)}:"
            " nothing that widens access is done"
        )
        return Component(
            "clock", "failed", detail, "set it right; or, if it is right: vedette clock accept --reason TEXT"
        )

    async def _judge_issuing_key(self) -> Component:
        first, count = await self._reports.alarm(self._platform.organization_id)
        if first is None:
            return Component("issuing key", "ok")
        others = f", and {count - 1} more" if count > 1 else ""
        detail = (
            f"it signed a certificate that is not on record: {first.subject[:128]}, presented as "
            f"{first.presented_as[:128]} from {first.remote_address} at {to_rfc3339(first.reported_at)}{others}"
        )
        hint = 'it may be stolen: vedette authority reports; docs/operations.md, "A stolen issuing key"'
        return Component("issuing key", "failed", detail, hint)

    async def _ask_concerns(self) -> list[Component]:
        return [] if self._concerns is None else await self._concerns()

    async def _ask_signer(self) -> tuple[list[AuthorityExpiry], Component]:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                chains = await self._signer.get_chains()
        except (Problem, TimeoutError):
            hint = "nothing can be issued until it is back; it is started again by itself"
            return [], Component("issuing", "failed", "the signer does not answer", hint)
        ends = [
            AuthorityExpiry(purpose=purpose.value, not_after=_end_of(chain[0])) for purpose, chain in chains.items()
        ]
        days = min((each.not_after - self._clock.now()).days for each in ends)
        if days < _EXPIRY_WARNING_DAYS:
            hint = "make the next issuing authorities from the offline root"
            return ends, Component("issuing", "warning", f"an authority ends in {days} days", hint)
        return ends, Component("issuing", "ok")

    async def _count(self) -> DeviceCounts:
        """Count devices, at most each five seconds: with a million of them it takes a moment."""
        now_s = self._clock.monotonic_s()
        if self._counts is None or now_s - self._counts[0] > _COUNTS_EVERY_S:
            self._counts = (now_s, await self._devices.count(self._platform.organization_id))
        return self._counts[1]


class StatusRoutes:
    """The route below."""

    def __init__(self, reader: StatusReader) -> None:
        self._reader = reader

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("status", "")
        router.add_api_route(
            "/v1/status", self.show, methods=["GET"], summary="Show the state of the platform", responses=refusals()
        )
        return router

    async def show(self, sight: Seen) -> StatusView:
        """Components, devices by state, sessions, ledger and authorities.

        What is told of single devices, addresses and alerts is for roles that see the whole fleet.
        """
        found = await self._reader.read()
        if sight.may(Action.READ):
            return found
        components = [
            each.model_copy(update={"detail": "", "hint": ""}) if each.name in _OF_THE_FLEET else each
            for each in found.components
        ]
        return found.model_copy(update={"components": components})


def _judge_store(took_s: float) -> Component:
    if took_s <= SLOW_STORE_S:
        return Component("store", "ok")
    hint = "changes and answers are late: is its disk or its network busy?"
    return Component("store", "warning", f"a plain question took {took_s:.1f} s", hint)


def _worst(components: list[Component]) -> Health:
    return max((each.health for each in components), key=_SEVERITY.__getitem__, default="ok")


def _end_of(der: bytes) -> datetime:
    return x509.load_der_x509_certificate(der).not_valid_after_utc
