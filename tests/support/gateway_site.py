"""A gateway on a real bus, with a stand-in for control that a test can steer."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from mqtt_device import MqttDevice, client_context
from running_bus import RunningBus
from stand_in_control import Credential, StandInControl, make_certificate
from waiting import until

from vedette.bus import BusConnectionSettings, BusTimeout, BusUnavailable
from vedette.bus.contract import DecisionRecord
from vedette.gateway import GatewayPost, GatewaySettings, run_gateway
from vedette.messaging import DecisionReader, TelemetryMessage, TelemetryReader
from vedette.trust import PostureRecord

DER = Encoding.DER


@dataclass
class Site:
    """A bus, a control, and gateways that a test starts."""

    folder: Path
    bus: RunningBus
    control: StandInControl
    credentials: dict[str, Credential] = field(default_factory=dict)
    settings: GatewaySettings = field(default_factory=GatewaySettings)
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
            bus=BusConnectionSettings(name=name, urls=(self.bus.url,), seed=self.bus.keys[name].seed),
            port=0,
            websocket_port=websocket_port,
        )
        serving = asyncio.create_task(
            run_gateway(self.settings, post, stop=self.stops[name], on_open=is_open.set_result), name=name
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
        async with asyncio.timeout(30):
            while True:
                for record in await self.decisions(kind):
                    if record.reason == reason:
                        return record
                await asyncio.sleep(0.02)

    async def wait_denials(self, *actions: str) -> dict[str, DecisionRecord]:
        """Wait until policy has denied these kinds of operation; return the first record of each that it denied."""
        async with asyncio.timeout(30):
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

    async def connected(self, name: str, **options: object) -> tuple[MqttDevice, PostureRecord]:
        """Register a device and connect it."""
        credential, record = self.new_device(name, **options)
        device = await self.open(credential)
        assert await device.connect(name) == 0
        return device, record
