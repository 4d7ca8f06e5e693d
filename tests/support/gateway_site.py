"""A gateway on a real bus, with a stand-in for control that a test can steer."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from mqtt_device import SERVER_UNAVAILABLE, MqttDevice, client_context
from running_bus import PATIENT_PING_S, RunningBus
from stand_in_control import Credential, StandInControl, make_certificate
from waiting import until

from vedette.bus import BusConnectionSettings, BusTimeout, BusUnavailable
from vedette.bus.contract import DecisionRecord
from vedette.gateway import GatewayPost, GatewaySettings, run_gateway, sessions
from vedette.kernel import to_rfc3339
from vedette.messaging import DecisionReader, TelemetryMessage, TelemetryReader
from vedette.trust import PostureRecord, view

DER = Encoding.DER
# A machine that does much else may stand still for seconds: that is no silence of control.
PATIENT_S = 60.0


def be_stale_after(monkeypatch: pytest.MonkeyPatch, silence_s: float) -> None:
    """Have gateways believe what they know for so long without a fresh head."""
    for module in (view, sessions):
        monkeypatch.setattr(module, "STALE_AFTER_S", silence_s)


@dataclass
class Site:
    """A bus, a control, and gateways that a test starts.

    Attributes:
        open_timeout_s: How long gateways wait for control's word about an identity, whatever the settings say.
    """

    folder: Path
    bus: RunningBus
    control: StandInControl
    credentials: dict[str, Credential] = field(default_factory=dict)
    settings: GatewaySettings = field(default_factory=GatewaySettings)
    open_timeout_s: float = 25.0
    ports: dict[str, int] = field(default_factory=dict)
    stops: dict[str, asyncio.Event] = field(default_factory=dict)
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    serving: asyncio.Task[None] | None = None

    def start_control(self) -> None:
        """Let control answer and publish heads."""
        self.serving = asyncio.create_task(self.control.run(), name="control")

    async def stop_control(self) -> None:
        """End control as a crash does: what it was asked is never answered."""
        if self.serving is not None:
            self.serving.cancel()
            await asyncio.wait({self.serving})
            with contextlib.suppress(BusUnavailable, BusTimeout):
                await self.control.bus.flush()  # from here on the bus says that nobody answers

    async def start_gateway(
        self, name: str = "gateway-1", *, within_s: float = 60, websocket_port: int | None = None
    ) -> int:
        """Run a gateway and return its port once it is open."""
        is_open: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.stops[name] = asyncio.Event()
        post = GatewayPost(
            name=name,
            directory=self.folder / name,
            trust_anchor=self.folder / "trust-anchor.json",
            bus=BusConnectionSettings(
                name=name, urls=(self.bus.url,), seed=self.bus.keys[name].seed, ping_timeout_s=PATIENT_PING_S
            ),
            port=0,
            websocket_port=websocket_port,
        )
        session = replace(self.settings.session, open_timeout_s=self.open_timeout_s)
        settings = replace(self.settings, session=session)
        serving = asyncio.create_task(
            run_gateway(settings, post, stop=self.stops[name], on_open=is_open.set_result), name=name
        )
        self.running[name] = serving
        serving.add_done_callback(lambda _: is_open.cancel())
        async with asyncio.timeout(within_s):
            await asyncio.wait([is_open])
        if is_open.cancelled():
            await serving  # raises why it did not open
        self.ports[name] = is_open.result()
        return self.ports[name]

    async def stop_gateway(self, name: str = "gateway-1") -> None:
        """Stop a gateway in order."""
        self.stops[name].set()
        await self.running.pop(name)

    def new_device(self, name: str, **options: object) -> tuple[Credential, PostureRecord]:
        """Register an active device with a certificate of its own."""
        credential = make_certificate(name, self.control.root).write(self.folder, name)
        self.credentials[name] = credential
        return credential, self.control.add_device(name, credential, **options)  # type: ignore[arg-type] # its fields

    @staticmethod
    def new_csr() -> bytes:
        """Make a certification request, DER."""
        key = ec.generate_private_key(ec.SECP256R1())
        return x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256()).public_bytes(DER)

    async def open(self, credential: Credential | None, gateway: str = "gateway-1") -> MqttDevice:
        """Complete TLS with a gateway."""
        return await MqttDevice.open(self.ports[gateway], client_context(self.folder / "root.pem", credential))

    async def decisions(self, *kinds: str) -> list[DecisionRecord]:
        """Return what is on record, newest first."""
        page = await DecisionReader(self.control.bus).list_decisions(self.control.organization_id, kinds=kinds)
        return [decision.record for decision in page.items]

    async def wait_decision(self, kind: str, reason: str) -> DecisionRecord:
        """Wait for a decision and return its newest record."""
        async with asyncio.timeout(60):
            while True:
                for record in await self.decisions(kind):
                    if record.reason == reason:
                        return record
                await asyncio.sleep(0.02)

    async def wait_denials(self, *actions: str) -> dict[str, DecisionRecord]:
        """Wait until policy has denied these kinds of operation; return the first record of each that it denied."""
        async with asyncio.timeout(60):
            while True:
                refusals = await self.decisions("refuse")
                denied = {each.action: each for each in refusals if each.reason == "policy_denied"}
                if denied.keys() >= set(actions):
                    return denied
                await asyncio.sleep(0.02)

    async def stored(self) -> list[TelemetryMessage]:
        """Return all telemetry."""
        await until(lambda: self.control.bus.is_connected)
        return (await TelemetryReader(self.control.bus).list_messages(self.control.organization_id)).items

    async def wait_stored(self, count: int = 1) -> list[TelemetryMessage]:
        """Wait until so many messages are stored, and return all telemetry."""
        async with asyncio.timeout(30):
            while len(found := await self.stored()) < count:  # noqa: ASYNC110 - another program's state
                await asyncio.sleep(0.02)
        return found

    async def wait_fresh(self) -> None:
        """Wait until a gateway whose records are stale at this moment says that they are fresh again."""
        stale_at = to_rfc3339(datetime.now(UTC))
        statuses = self.control.statuses
        await until(lambda: any(not one.is_stale and one.observed_at > stale_at for one in statuses))

    async def wait_head_heard(self) -> None:
        """Publish a head and wait until a gateway has dealt with it, and with all that was said before."""
        self.control.publish_head()
        _, record = self.new_device("said-after-the-head")
        await until(lambda: any(one.sequence >= record.sequence for one in self.control.statuses))

    async def connected(self, name: str, **options: object) -> tuple[MqttDevice, PostureRecord]:
        """Register a device and connect it."""
        credential, record = self.new_device(name, **options)
        async with asyncio.timeout(60):
            device = await self.open(credential)
            # A machine that stood still has heads come late, and nobody new is let in until the next.
            while (code := await device.connect(name)) == SERVER_UNAVAILABLE:
                device = await self.open(credential)
        assert code == 0
        return device, record
