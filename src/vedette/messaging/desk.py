"""The hub's desk: all that gateways and the rest of control want of this room, in one place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from vedette.bus import BusConnection, Endpoint, Message
from vedette.bus.contract import (
    COMPLETE_COMMANDS,
    KEEP_SUBSCRIPTIONS,
    REPORT_CLONE,
    TAKE_COMMANDS,
    CommandsReady,
    CompleteCommands,
    DesiredChanged,
    Downlink,
    KeepSubscriptions,
    MethodAnswered,
    MethodFailed,
    PepStatus,
    ReportClone,
    SessionClosed,
    SessionOpened,
    SessionsReport,
    TakeCommands,
    TrafficCounts,
    Uplink,
    pep_status_subject,
    session_opened_subject,
    uplink_subject,
)
from vedette.kernel import Clock, GenerationId, IdSource, InvalidId, OrganizationId, parse_generation_id
from vedette.ledger import Event, Ledger
from vedette.messaging.clone_alerts import CloneAlerts
from vedette.messaging.command_delivery import CommandDelivery
from vedette.messaging.command_endings import CommandEndings
from vedette.messaging.command_queue import CommandQueue
from vedette.messaging.command_upkeep import CommandUpkeep
from vedette.messaging.downlinks import Downlinks
from vedette.messaging.errors import UnknownOrganization
from vedette.messaging.feedback import FeedbackLog
from vedette.messaging.gateway_watch import GatewayWatch
from vedette.messaging.method_service import MethodService
from vedette.messaging.presence_feed import PresenceFeed, PresenceRecords
from vedette.messaging.session_directory import SessionDirectory
from vedette.messaging.settings import MessagingSettings
from vedette.messaging.subscription_store import SubscriptionStore
from vedette.registry import ClockGuard, DeviceDeleted, ModuleDeleted
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

T = TypeVar("T")
Request = TypeVar("Request", TakeCommands, CompleteCommands, KeepSubscriptions, ReportClone)
Answer = TypeVar("Answer", bound=msgspec.Struct)

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_PRINTED_MAX_CHARS: Final = 120
_COMPLAIN_EVERY_S: Final = 10.0


class HubDesk:
    """Builds the room's services for one organization and gives each what gateways say to it.

    ``project`` must be registered with the ledger before anything is served, ``listen`` called once the bus is there,
    and ``run`` kept running.

    Attributes:
        sessions: Who is connected, and where.
        commands: Commands to devices, as senders see them.
        feedback: What became of commands.
        methods: Direct methods.
        subscriptions: What outlives a connection.
        clones: Identities that several clients use.
        downlinks: What control says to gateways.

    Args:
        organization_id: The one organization served here.
        store: Where the room keeps its records.
        ledger: Where acts are told.
        presence: Where it is kept who is connected.
        guard: Whether the clock can be believed.
        gateways: Names of gateways that there are, heard of or not.
        settings: Limits.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        ledger: Ledger,
        presence: PresenceRecords,
        guard: ClockGuard,
        *,
        gateways: Sequence[str] = (),
        settings: MessagingSettings = MessagingSettings(),  # noqa: B008 - frozen
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._organization_id = organization_id
        self._clock = clock
        self._complained_s: float | None = None
        self._unusable = 0
        self._opened: list[Callable[[str, str], None]] = []
        self._counted: list[Callable[[TrafficCounts], None]] = []
        self._feed = PresenceFeed(organization_id, presence)
        self.downlinks = Downlinks(organization_id, clock=clock)
        self.sessions = SessionDirectory(settings.directory, self._feed.note, clock=clock)
        self._watch = GatewayWatch(
            self.sessions, self.downlinks, settings.directory, expected=gateways, clock=clock, ids=ids
        )
        self.feedback = FeedbackLog(store, settings.commands, clock=clock, ids=ids)
        endings = CommandEndings(self.feedback, guard, clock=clock)
        self.commands = CommandQueue(
            store, ledger, endings, self.commands_ready, settings.commands, clock=clock, ids=ids
        )
        self._delivery = CommandDelivery(store, endings, self.sessions, settings.commands, clock=clock)
        self._upkeep = CommandUpkeep(
            organization_id,
            store,
            endings,
            feedback=self.feedback,
            sessions=self.sessions,
            nudge=self.commands_ready,
            clock=clock,
        )
        self.methods = MethodService(
            store, ledger, self.sessions, self.downlinks, settings.methods, clock=clock, ids=ids
        )
        self.subscriptions = SubscriptionStore(
            store, self.sessions, clock=clock, cache_size=settings.subscription_cache
        )
        self.clones = CloneAlerts(store, ledger, clock=clock, ids=ids)
        self._watch.on_settled(self._settled)

    # --- wiring -------------------------------------------------------------------------------------------------

    def project(self, tx: Transaction, event: Event) -> None:
        """Follow the registry in its own transaction: what is kept for an identity ends with it."""
        self.commands.project(tx, event)
        self.subscriptions.project(tx, event)
        self.clones.project(tx, event)
        match event:
            case DeviceDeleted() | ModuleDeleted():
                generation_id = GenerationId(event.generation_id)
                tx.on_commit(lambda: self._feed.forget(generation_id))
            case _:
                pass

    def on_session(self, listener: Callable[[str, str], None]) -> None:
        """Have ``listener`` called with generation and credential of each session that a gateway opened."""
        self._opened.append(listener)

    def on_traffic(self, listener: Callable[[TrafficCounts], None]) -> None:
        """Have ``listener`` called with what gateways count of their sessions; it must not block."""
        self._counted.append(listener)

    def listen(self, bus: BusConnection) -> None:
        """Hear gateways, and speak to them, through control's connection in the devices' account."""
        organization_id = self._organization_id
        self.downlinks.attach(bus)
        bus.on_state(lambda is_connected: self._watch.bus_changed(is_connected=is_connected))
        bus.subscribe(session_opened_subject(organization_id, "*"), self._decoded(SessionOpened, self.on_opened))
        bus.subscribe(uplink_subject(organization_id, "*"), self._decoded(Uplink, self.on_uplink))
        bus.subscribe(pep_status_subject(organization_id, "*"), self._decoded(PepStatus, self._take_status))

    def endpoints(self) -> list[Endpoint[Any]]:  # Any: each endpoint has its own request type
        """Return what gateways may ask of this room."""
        return [
            Endpoint(TAKE_COMMANDS, TakeCommands, self._checked(self._delivery.take)),
            Endpoint(COMPLETE_COMMANDS, CompleteCommands, self._checked(self._delivery.complete)),
            Endpoint(KEEP_SUBSCRIPTIONS, KeepSubscriptions, self._checked(self.subscriptions.keep)),
            Endpoint(REPORT_CLONE, ReportClone, self._checked(self.clones.report)),
        ]

    async def run(self) -> None:
        """Do what goes on beside requests, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._feed.run(), name="presence")
            group.create_task(self._watch.run(), name="gateways")
            group.create_task(self._upkeep.run(), name="command queues")
            group.create_task(self.methods.run(), name="outcomes of methods")

    # --- for the rest of control --------------------------------------------------------------------------------

    async def subscriptions_for(
        self, organization_id: OrganizationId, generation_id: str, *, is_clean: bool, is_kept: bool = True
    ) -> dict[str, int] | None:
        """Return what the kept session of an identity subscribed to; see ``SubscriptionStore``."""
        return await self.subscriptions.subscriptions_for(
            organization_id, generation_id, is_clean=is_clean, is_kept=is_kept
        )

    def desired_changed(self, generation_id: str, version: int, patch: bytes) -> None:
        """Tell the gateway that holds an identity of changed desired properties; call it after each commit, in order.

        A device that is not connected reads its twin when it is.
        """
        self._tell(generation_id, DesiredChanged(generation_id=generation_id, version=version, patch=patch))

    def commands_ready(self, generation_id: str) -> None:
        """Tell the gateway that holds a device that commands wait for it."""
        self._tell(generation_id, CommandsReady(generation_id=generation_id))

    # --- what gateways say --------------------------------------------------------------------------------------

    def on_opened(self, gateway: str, opened: SessionOpened) -> None:
        """Take note of a session."""
        if self._are_generated(gateway, opened.generation_id, opened.session_id):
            self._watch.touched(gateway, opened.generation_id)
            self.sessions.opened(gateway, opened)
            for listener in self._opened:
                listener(opened.generation_id, opened.credential)

    def on_uplink(self, gateway: str, said: Uplink) -> None:
        """Take what a gateway says of its sessions."""
        match said:
            case SessionClosed():
                if self._are_generated(gateway, said.generation_id):
                    self._watch.touched(gateway, said.generation_id)
                    self.sessions.closed(gateway, said)
            case MethodAnswered() | MethodFailed():
                self.methods.answered(gateway, said)
            case SessionsReport():
                if self._are_generated(gateway, *(text for each in said.sessions for text in each[:2])):
                    self._watch.reported(gateway, said)
            case TrafficCounts():
                for listener in self._counted:
                    listener(said)

    def on_status(self, status: PepStatus) -> None:
        """Take a gateway's heartbeat."""
        self._watch.heard(status)

    # --- inside -------------------------------------------------------------------------------------------------

    def _take_status(self, gateway: str, status: PepStatus) -> None:
        # The subject is the gateway's own, whatever the body says.
        if status.gateway == gateway and status.organization_id == self._organization_id:
            self.on_status(status)

    def _tell(self, generation_id: str, message: Downlink) -> None:
        holding = self.sessions.find(generation_id)
        if holding is not None:
            self.downlinks.send(holding.gateway, message)
        elif not self.sessions.is_settled:
            self.downlinks.broadcast(self._watch.names(), message)

    def _settled(self) -> None:
        log.info("all gateways have told their sessions", extra={"sessions": len(self.sessions)})
        self._feed.keep_only(self.sessions.connected())
        self._upkeep.hasten()

    def _decoded(self, kind: Any, take: Callable[[str, T], None]) -> Callable[[Message], None]:  # Any: or a union
        """Return a listener that hands on what a gateway said, with the name that the bus vouches for."""
        decode = msgspec.msgpack.Decoder(kind).decode

        def hear(message: Message) -> None:
            gateway = message.subject.rsplit(".", 1)[-1]
            try:
                said = decode(message.payload)
            except _UNREADABLE:
                self._complain(gateway, message.subject)
                return
            take(gateway, said)

        return hear

    def _are_generated(self, gateway: str, *texts: str) -> bool:
        """Tell whether a gateway speaks of ids that have the form of ours."""
        try:
            for text in texts:
                parse_generation_id(text)
        except InvalidId as problem:
            self._complain(gateway, problem.detail)
            return False
        return True

    def _complain(self, gateway: str, what: str) -> None:
        """Log that a gateway said what cannot be used, now and then: one that is broken says so all the time."""
        self._unusable += 1
        now_s = self._clock.monotonic_s()
        if self._complained_s is None or now_s - self._complained_s >= _COMPLAIN_EVERY_S:
            facts = {"gateway": gateway, "what": what[:_PRINTED_MAX_CHARS], "count": self._unusable}
            log.warning("a gateway said something that cannot be used", extra=facts)
            self._complained_s, self._unusable = now_s, 0

    def _checked(self, handler: Callable[[Request], Awaitable[Answer]]) -> Callable[[Request], Awaitable[Answer]]:
        async def answer(request: Request) -> Answer:
            if request.organization_id != self._organization_id:
                raise UnknownOrganization("this control keeps another organization")
            return await handler(request)

        return answer
