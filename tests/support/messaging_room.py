"""The messaging room over a real store and a real registry, wired as ``app`` wires it; gateways are played by tests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from identity_house import ACTOR, RunningSigner
from registry_house import RegistryHouse

from vedette.bus.contract import (
    CommandsTaken,
    CompleteCommands,
    Downlink,
    InvokeMethod,
    KeepSubscriptions,
    PepStatus,
    ReportClone,
    ReportSessions,
    SessionClosed,
    SessionOpened,
    SessionsReport,
    TakeCommands,
)
from vedette.kernel import Clock, GenerationId, IdSource, OrganizationId, RandomIds
from vedette.messaging import Command, HubDesk, MessagingSettings, NewCommand
from vedette.simulation import SequentialIds
from vedette.store import Store

# The same in every process of a test.
ORGANIZATION = OrganizationId(SequentialIds().new("org"))
GATEWAY = "gateway-1"


class RecordedBus:
    """Takes what control publishes, as the bus connection does, and keeps it."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Downlink]] = []
        self.failure: Exception | None = None

    def publish(self, subject: str, payload: bytes) -> None:
        if self.failure is not None:
            raise self.failure
        gateway = subject.rsplit(".", 1)[-1]
        self.said.append((gateway, msgspec.msgpack.decode(payload, type=Downlink)))

    def calls(self) -> list[InvokeMethod]:
        return [said for _, said in self.said if isinstance(said, InvokeMethod)]

    def reports_asked(self) -> list[ReportSessions]:
        return [said for _, said in self.said if isinstance(said, ReportSessions)]


class MessagingRoom:
    """A desk with a registry below it; ``connect`` and its like are a gateway's words."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        settings: MessagingSettings | None = None,
        gateways: tuple[str, ...] = (GATEWAY,),
    ) -> None:
        self.clock = clock
        self.ids: IdSource = RandomIds(clock)
        self.store = store
        # No certificate is issued here: the signer is never asked.
        self.house = RegistryHouse(store, RunningSigner(Path("/nonexistent"), ORGANIZATION), clock)
        self.ledger = self.house.ledger
        self.presence = self.house.presence
        self.desk = HubDesk(
            ORGANIZATION,
            store,
            self.ledger,
            self.presence,
            self.house.guard,
            gateways=gateways,
            settings=settings or MessagingSettings(),
            clock=clock,
            ids=self.ids,
        )
        self.ledger.project("messaging", self.desk.project)
        self.bus = RecordedBus()
        self.desk.downlinks.attach(self.bus)  # type: ignore[arg-type] # it publishes, and that is all
        self.boot_id = "boot-1"

    # --- the registry -------------------------------------------------------------------------------------------

    async def create(self, device_id: str, **changes: Any) -> GenerationId:
        return (await self.house.device(device_id, **changes)).generation_id

    async def create_module(self, device_id: str, module_id: str) -> GenerationId:
        return (await self.house.module(module_id, device_id)).generation_id

    async def delete(self, device_id: str) -> None:
        await self.house.devices.delete(ORGANIZATION, device_id, actor=ACTOR)

    async def acts(self, prefix: str = "messaging.") -> list[str]:
        await self.desk.methods.flush()
        return [each.action for each in await self.ledger.entries(ORGANIZATION) if each.action.startswith(prefix)]

    async def events(self, prefix: str = "messaging.") -> list[str]:
        await self.desk.methods.flush()
        return [each.name for each in await self.ledger.events(ORGANIZATION) if each.name.startswith(prefix)]

    # --- commands -----------------------------------------------------------------------------------------------

    async def send(self, device_id: str, body: bytes = b"on", **changes: Any) -> Command:
        return await self.desk.commands.send(
            ORGANIZATION, device_id, None, NewCommand(body=body, **changes), actor=ACTOR
        )

    async def ask(self, request: Any) -> Any:
        """Answer a gateway's request as the bus would have it answered."""
        handlers = {endpoint.request: endpoint.handler for endpoint in self.desk.endpoints()}
        return await handlers[type(request)](request)

    async def take(
        self, generation_id: str, session_id: str, *, after: int = 0, limit: int = 50, gateway: str = GATEWAY
    ) -> CommandsTaken:
        taken: CommandsTaken = await self.ask(
            TakeCommands(
                organization_id=ORGANIZATION,
                gateway=gateway,
                generation_id=generation_id,
                session_id=session_id,
                after_sequence=after,
                limit=limit,
            )
        )
        return taken

    async def complete(self, *completed: tuple[str, int]) -> None:
        await self.ask(CompleteCommands(organization_id=ORGANIZATION, gateway=GATEWAY, completed=list(completed)))

    async def keep(
        self, generation_id: str, subscriptions: dict[str, int], *, gateway: str = GATEWAY, session_id: str = ""
    ) -> None:
        await self.ask(
            KeepSubscriptions(
                organization_id=ORGANIZATION,
                gateway=gateway,
                generation_id=generation_id,
                session_id=session_id or self.ids.new("ses"),
                subscriptions=subscriptions,
            )
        )

    async def report_clone(self, generation_id: str, **changes: Any) -> None:
        await self.ask(
            ReportClone(
                **{
                    "organization_id": ORGANIZATION,
                    "gateway": GATEWAY,
                    "generation_id": generation_id,
                    "takeovers": 5,
                    "window_s": 60,
                    "remote_addresses": ["192.0.2.1", "192.0.2.2"],
                    "certificate_sha256": ["a" * 64],
                    **changes,
                }
            )
        )

    # --- gateways -----------------------------------------------------------------------------------------------

    def open(
        self, generation_id: str, *, gateway: str = GATEWAY, at_ms: int | None = None, session_id: str = ""
    ) -> str:
        session_id = session_id or self.ids.new("ses")
        opened_at_ms = int(self.clock.now().timestamp() * 1000) if at_ms is None else at_ms
        self.desk.on_opened(
            gateway,
            SessionOpened(
                generation_id=generation_id,
                session_id=session_id,
                opened_at_ms=opened_at_ms,
                remote_address="192.0.2.1",
                protocol="MQTT 3.1.1",
                client="paho",
            ),
        )
        return session_id

    def close(self, generation_id: str, session_id: str, *, gateway: str = GATEWAY, reason: str = "closed") -> None:
        at_ms = int(self.clock.now().timestamp() * 1000)
        closed = SessionClosed(generation_id=generation_id, session_id=session_id, reason=reason, closed_at_ms=at_ms)
        self.desk.on_uplink(gateway, closed)

    def beat(self, sessions: int, *, gateway: str = GATEWAY, boot_id: str | None = None) -> None:
        self.desk.on_status(
            PepStatus(
                organization_id=ORGANIZATION,
                gateway=gateway,
                boot_id=boot_id or self.boot_id,
                epoch=1,
                sequence=1,
                sessions=sessions,
                observed_at="2026-01-01T00:00:00.000Z",
            )
        )

    def report(self, *sessions: tuple[str, str, int], gateway: str = GATEWAY, report_id: str = "") -> None:
        asked = self.bus.reports_asked()
        self.desk.on_uplink(
            gateway,
            SessionsReport(
                report_id=report_id or asked[-1].report_id,
                boot_id=self.boot_id,
                part=0,
                is_last=True,
                sessions=list(sessions),
            ),
        )

    def settle(self, *sessions: tuple[str, str, int], gateway: str = GATEWAY) -> None:
        """Have the gateway say who it holds, so that nobody else may be connected."""
        self.beat(len(sessions), gateway=gateway)
        self.report(*sessions, gateway=gateway)


async def open_store(path: Path, clock: Clock) -> Store:
    store = await asyncio.to_thread(lambda: Store.open(f"sqlite:///{path}/vedette.db", clock=clock, reserve_bytes=0))
    await asyncio.to_thread(store.migrate)
    return store
