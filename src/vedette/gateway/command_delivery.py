"""Cloud-to-device commands: taken from the queue, published in order, completed by PUBACK."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from vedette.bus.contract import TAKE_COMMANDS, CommandsTaken, QueuedCommand, TakeCommands
from vedette.gateway.control_calls import ask_control
from vedette.gateway.reception import Reception
from vedette.gateway.rights import RECEIVE_COMMAND_ACTION
from vedette.kernel import Problem
from vedette.protocols import LocalProtocolError
from vedette.protocols.hub import Subscription, build_bag, devicebound_topic, to_message_properties
from vedette.protocols.mqtt import Puback

if TYPE_CHECKING:
    from vedette.gateway.session import HubSession

log = logging.getLogger(__name__)

_PER_TAKE: Final = 25
_FIRST_FAILURE: Final = 0x80
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_LOOK_AGAIN_S: Final = 0.1


class CommandDelivery:
    """The commands on their way to one session's device.

    Args:
        reception: What all connections share.
        session: Of the device.
    """

    __slots__ = (
        "_after_sequence",
        "_has_more",
        "_in_flight",
        "_in_flight_bytes",
        "_is_asking",
        "_is_to_look_again",
        "_pause_s",
        "_reception",
        "_session",
        "_waiting",
    )

    def __init__(self, reception: Reception, session: HubSession) -> None:
        self._reception = reception
        self._session = session
        self._after_sequence = 0
        self._waiting: list[QueuedCommand] = []  # an empty deque takes 600 bytes
        self._in_flight: dict[int, QueuedCommand] = {}
        self._in_flight_bytes = 0
        self._has_more = False
        self._is_asking = False
        self._is_to_look_again = False
        self._pause_s = _FIRST_PAUSE_S

    def wake(self) -> None:
        """Look for commands: some were queued, or the device has just subscribed."""
        self._has_more = True
        self._go_on()

    def acknowledged(self, puback: Puback) -> None:
        """Complete the command that a PUBACK is about; one that is about none is passed over.

        A client that speaks MQTT 5 may say no: that ends the matter as well, it must not be sent again (§4.4).
        """
        command = self._in_flight.pop(puback.packet_id, None)
        if command is not None:
            self._in_flight_bytes -= _size(command)
            if puback.reason_code >= _FIRST_FAILURE:
                facts = {"generation_id": self._session.generation_id, "sequence": command.sequence}
                log.warning("a device refused a command", extra={**facts, "reason_code": puback.reason_code})
            self._reception.completions.add(self._session.generation_id, command.sequence)
            self._go_on()

    def _go_on(self) -> None:
        """Publish what the window has room for, then take more if there may be some."""
        session = self._session
        is_published = False
        # Asked for each command: rights may be narrowed while they wait.
        while self._waiting and session.is_open and session.may(RECEIVE_COMMAND_ACTION):
            qos = session.subscriptions.get(Subscription.DEVICEBOUND)
            if qos is None or not self._has_room(self._waiting[0], qos):
                break
            self._publish(self._waiting.pop(0), qos)
            is_published = True
        if is_published:
            session.flush()
        if self._has_more and not self._waiting and not self._is_asking and self._room and self._is_wanted():
            self._is_asking = True
            self._reception.start(self._take(), "take commands")

    def _is_wanted(self) -> bool:
        session = self._session
        is_subscribed = Subscription.DEVICEBOUND in session.subscriptions
        return session.is_open and is_subscribed and session.may(RECEIVE_COMMAND_ACTION)

    @property
    def _room(self) -> int:
        """How many commands more may be in flight."""
        most = self._reception.settings.session.max_commands_in_flight - len(self._in_flight)
        return max(0, min(most, self._session.mqtt.send_quota))

    def _has_room(self, command: QueuedCommand, qos: int) -> bool:
        most_bytes = self._reception.settings.session.max_backlog_bytes
        if self._session.backlog_bytes > most_bytes:
            self._look_again()
            return False
        if not qos or not self._in_flight:
            return True
        return (
            self._room > 0
            and self._in_flight_bytes + _size(command) <= most_bytes
            and command.packet_id not in self._in_flight
        )

    def _look_again(self) -> None:
        if not self._is_to_look_again:
            self._is_to_look_again = True
            self._reception.loop.call_later(_LOOK_AGAIN_S, self._look)

    def _look(self) -> None:
        self._is_to_look_again = False
        self._go_on()

    def _publish(self, command: QueuedCommand, qos: int) -> None:
        session = self._session
        packet_id = command.packet_id if qos else 0
        # Where it could not be sent it stays in its queue, and leaves it when it has been tried too often.
        facts = {"generation_id": session.generation_id, "sequence": command.sequence}
        try:
            is_sent = self._send(command, qos, packet_id)
        except LocalProtocolError as error:
            log.warning("a command could not be sent", extra={**facts, "reason": str(error)})
            return
        if not is_sent:
            log.warning("a command is too large for its device", extra=facts)
        elif qos:
            self._in_flight[packet_id] = command
            self._in_flight_bytes += _size(command)
        else:
            self._reception.completions.add(session.generation_id, command.sequence)

    def _send(self, command: QueuedCommand, qos: int, packet_id: int) -> bool:
        session = self._session
        device_id = session.record.device_id
        named = {key: value for key, value in command.system.items() if key != "to"}
        head = {"mid": named.pop("mid")} if "mid" in named else {}
        system = {**head, "to": f"/devices/{device_id}/messages/devicebound", **named}
        properties = None
        if session.mqtt.is_v5:
            properties = to_message_properties(system, command.properties, now=self._reception.clock.now())
        return session.send(
            devicebound_topic(device_id, build_bag(system, command.properties)),
            command.body,
            qos=qos,
            packet_id=packet_id,
            dup=bool(qos) and command.delivery_count > 1,
            properties=properties,
        )

    async def _take(self) -> None:
        """Ask for the next commands; each asking counts as one delivery of what it brings."""
        reception, session = self._reception, self._session
        self._has_more = False
        try:
            if not self._after_sequence:
                # What a former session of this gateway has acknowledged must not be taken once more.
                limit_s = reception.settings.session.request_timeout_s
                await reception.completions.settled(session.generation_id, timeout_s=limit_s)
            taken = await self._ask()
        except Problem as problem:
            log.warning("commands not taken", extra={"reason": problem.detail})
            reception.loop.call_later(self._pause_s, self.wake)
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        else:
            self._pause_s = _FIRST_PAUSE_S
            self._waiting.extend(each for each in taken.commands if each.sequence > self._after_sequence)
            if taken.commands:
                self._after_sequence = max(self._after_sequence, taken.commands[-1].sequence)
            self._has_more = self._has_more or (taken.more and bool(taken.commands))
        finally:
            self._is_asking = False
        self._go_on()

    async def _ask(self) -> CommandsTaken:
        reception, session = self._reception, self._session
        request = TakeCommands(
            organization_id=reception.anchor.organization_id,
            gateway=reception.gateway,
            generation_id=session.generation_id,
            session_id=session.session_id,
            after_sequence=self._after_sequence,
            limit=min(_PER_TAKE, self._room),
        )
        return await ask_control(
            reception.bus,
            reception.clock,
            TAKE_COMMANDS,
            request,
            CommandsTaken,
            timeout_s=reception.settings.session.request_timeout_s,
            may_repeat=True,
            is_wanted=self._is_wanted,
        )


def _size(command: QueuedCommand) -> int:
    return len(command.body)
