"""Control's rooms behind a device's session, in memory: twins, commands, methods, subscriptions, clone reports.

The same promises as the real ones, as far as a gateway can tell: a merge patch counts one version, a taking counts one
delivery, a command leaves its queue when it is completed, and not before.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from vedette.bus import BusConnection, Endpoint, Message
from vedette.bus.contract import (
    COMPLETE_COMMANDS,
    KEEP_SUBSCRIPTIONS,
    READ_TWIN,
    REPORT_CLONE,
    REPORT_PROPERTIES,
    TAKE_COMMANDS,
    CloneReported,
    CommandsCompleted,
    CommandsReady,
    CommandsTaken,
    CompleteCommands,
    DesiredChanged,
    Downlink,
    InvokeMethod,
    KeepSubscriptions,
    MethodAnswered,
    MethodFailed,
    PropertiesReported,
    QueuedCommand,
    ReadTwin,
    ReportClone,
    ReportProperties,
    ReportSessions,
    SessionClosed,
    SessionOpened,
    SessionsReport,
    SubscriptionsKept,
    TakeCommands,
    TwinDocument,
    Uplink,
    downlink_subject,
)
from vedette.kernel import Problem

Json = dict[str, Any]  # what JSON can be


class Refusal(Problem):
    """A problem with the status that a test wants."""

    def __init__(self, status: int, detail: str = "refused by the test") -> None:
        super().__init__(detail)
        self.status = status  # type: ignore[misc] # a class's constant elsewhere


@dataclass
class Twin:
    """Desired and reported properties, each with its version."""

    desired: Json = field(default_factory=dict)
    desired_version: int = 1
    reported: Json = field(default_factory=dict)
    reported_version: int = 1

    def document(self) -> bytes:
        desired = {**self.desired, "$version": self.desired_version}
        return json.dumps(
            {"desired": desired, "reported": {**self.reported, "$version": self.reported_version}}
        ).encode()


@dataclass
class Queued:
    """A command that has not been completed."""

    sequence: int
    body: bytes
    system: dict[str, str | None]
    properties: dict[str, str | None]
    deliveries: int = 0


@dataclass
class StandInHub:
    """What control's rooms keep of devices; ``send``, ``change_desired`` and ``invoke`` act as an operator does.

    Attributes:
        hold: While set, no answer is given.
        refuse: A status with which the next request of a service is refused.
        commands_per_take: The most that one taking brings, whatever was asked for.
        asked: How often each service was asked, what is held included.
    """

    bus: BusConnection
    organization_id: str
    gateways: tuple[str, ...] = ("gateway-1", "gateway-2")
    twins: dict[str, Twin] = field(default_factory=lambda: defaultdict(Twin))
    kept: dict[str, dict[str, int]] = field(default_factory=dict)
    keepings: int = 0
    queues: dict[str, list[Queued]] = field(default_factory=lambda: defaultdict(list))
    sequences: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    completions: list[tuple[str, int]] = field(default_factory=list)
    completing: int = 0
    takes: list[TakeCommands] = field(default_factory=list)
    clones: list[ReportClone] = field(default_factory=list)
    opened: list[SessionOpened] = field(default_factory=list)
    closed: list[SessionClosed] = field(default_factory=list)
    reports: list[SessionsReport] = field(default_factory=list)
    outcomes: dict[str, MethodAnswered | MethodFailed] = field(default_factory=dict)
    refuse: dict[str, int] = field(default_factory=dict)
    hold: asyncio.Event | None = None
    commands_per_take: int = 50
    asked: Counter[str] = field(default_factory=Counter)
    calls: int = 0

    def listen(self) -> None:
        """Hear what gateways say."""
        self.bus.subscribe("uplink.*.*", self._take_uplink)
        self.bus.subscribe("session.opened.*.*", self._take_opened)

    def endpoints(self) -> list[Endpoint[Any]]:  # each has its own request type
        """Return the services."""
        return [
            Endpoint(READ_TWIN, ReadTwin, self._read_twin),
            Endpoint(REPORT_PROPERTIES, ReportProperties, self._report_properties),
            Endpoint(KEEP_SUBSCRIPTIONS, KeepSubscriptions, self._keep_subscriptions),
            Endpoint(TAKE_COMMANDS, TakeCommands, self._take_commands),
            Endpoint(COMPLETE_COMMANDS, CompleteCommands, self._complete_commands),
            Endpoint(REPORT_CLONE, ReportClone, self._report_clone),
        ]

    # --- what an operator does ----------------------------------------------------------------------------------

    def tell(self, message: Downlink, *, gateway: str | None = None) -> None:
        """Send on the downlink of one gateway, or of all."""
        for name in self.gateways if gateway is None else (gateway,):
            self.bus.publish(downlink_subject(self.organization_id, name), msgspec.msgpack.encode(message))

    def send(self, generation_id: str, body: bytes, *, is_told: bool = True, **system: str) -> Queued:
        """Queue a command."""
        self.sequences[generation_id] += 1
        command = Queued(self.sequences[generation_id], body, dict(system), {"iothub-ack": "full"})
        self.queues[generation_id].append(command)
        if is_told:
            self.tell(CommandsReady(generation_id=generation_id))
        return command

    def change_desired(self, generation_id: str, patch: Json) -> int:
        """Merge into the desired properties; one level is enough here."""
        twin = self.twins[generation_id]
        _merge(twin.desired, patch)
        twin.desired_version += 1
        told = json.dumps({**patch, "$version": twin.desired_version}).encode()
        self.tell(DesiredChanged(generation_id=generation_id, version=twin.desired_version, patch=told))
        return twin.desired_version

    def invoke(self, generation_id: str, method: str, payload: bytes = b"null", *, timeout_s: int = 60) -> str:
        """Call a method; the outcome is in ``outcomes`` under the id returned."""
        self.calls += 1
        call_id = f"cal_{self.calls}"
        call = InvokeMethod(
            call_id=call_id, generation_id=generation_id, method=method, payload=payload, timeout_s=timeout_s
        )
        self.tell(call, gateway=self.gateways[0])
        return call_id

    def ask_for_sessions(self, report_id: str, *, gateway: str = "gateway-1") -> None:
        """Ask a gateway for its sessions."""
        self.tell(ReportSessions(report_id=report_id), gateway=gateway)

    def subscriptions_for(self, generation_id: str, *, is_clean: bool, is_kept: bool) -> dict[str, int] | None:
        """Return what a session that opens goes on with; only one that is kept and not clean leaves it."""
        kept = self.kept.get(generation_id)
        if is_clean or not is_kept:
            self.kept.pop(generation_id, None)
        return None if is_clean else kept

    # --- answers ------------------------------------------------------------------------------------------------

    async def _admit(self, service: str) -> None:
        self.asked[service] += 1
        if self.hold is not None:
            await self.hold.wait()
        status = self.refuse.pop(service, None)
        if status is not None:
            raise Refusal(status)

    async def _read_twin(self, request: ReadTwin) -> TwinDocument:
        await self._admit(READ_TWIN)
        return TwinDocument(self.twins[request.generation_id].document())

    async def _report_properties(self, request: ReportProperties) -> PropertiesReported:
        await self._admit(REPORT_PROPERTIES)
        twin = self.twins[request.generation_id]
        try:
            patch = json.loads(request.patch)
        except ValueError:
            raise Refusal(400, "the patch is not JSON") from None
        if not isinstance(patch, dict):
            raise Refusal(400, "the patch is not an object")
        _merge(twin.reported, patch)
        twin.reported_version += 1
        return PropertiesReported(twin.reported_version)

    async def _keep_subscriptions(self, request: KeepSubscriptions) -> SubscriptionsKept:
        await self._admit(KEEP_SUBSCRIPTIONS)
        self.keepings += 1
        self.kept[request.generation_id] = request.subscriptions
        return SubscriptionsKept()

    async def _take_commands(self, request: TakeCommands) -> CommandsTaken:
        await self._admit(TAKE_COMMANDS)
        self.takes.append(request)
        waiting = [each for each in self.queues[request.generation_id] if each.sequence > request.after_sequence]
        taken = waiting[: min(request.limit, self.commands_per_take)]
        for command in taken:
            command.deliveries += 1
        commands = [
            QueuedCommand(
                sequence=each.sequence,
                delivery_count=each.deliveries,
                system=each.system,
                properties=each.properties,
                body=each.body,
            )
            for each in taken
        ]
        return CommandsTaken(commands, more=len(waiting) > len(taken))

    async def _complete_commands(self, request: CompleteCommands) -> CommandsCompleted:
        await self._admit(COMPLETE_COMMANDS)
        self.completing += 1
        for generation_id, sequence in request.completed:
            self.completions.append((generation_id, sequence))
            queue = self.queues[generation_id]
            queue[:] = [each for each in queue if each.sequence != sequence]
        return CommandsCompleted()

    async def _report_clone(self, request: ReportClone) -> CloneReported:
        await self._admit(REPORT_CLONE)
        self.clones.append(request)
        return CloneReported()

    def _take_opened(self, message: Message) -> None:
        self.opened.append(msgspec.msgpack.decode(message.payload, type=SessionOpened))

    def _take_uplink(self, message: Message) -> None:
        said: Uplink = msgspec.msgpack.decode(message.payload, type=Uplink)
        match said:
            case SessionClosed():
                self.closed.append(said)
            case MethodAnswered(call_id=call_id) | MethodFailed(call_id=call_id):
                self.outcomes[call_id] = said
            case SessionsReport():
                self.reports.append(said)


def _merge(properties: Json, patch: Json) -> None:
    for key, value in patch.items():
        if value is None:
            properties.pop(key, None)
        else:
            properties[key] = value
