"""One device's session on the hub: telemetry in, decided once per kind of operation; its life from CONNECT to the end.

What it serves beside telemetry is in ``services``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from vedette.bus.contract import DesiredChanged, InvokeMethod, TelemetrySession
from vedette.gateway.acknowledgements import HeldAcknowledgements
from vedette.gateway.denied_telemetry import DeniedTelemetry
from vedette.gateway.intake import Intake
from vedette.gateway.peer import Peer
from vedette.gateway.reception import Reception
from vedette.gateway.rights import SEND_TELEMETRY, SessionRights
from vedette.gateway.services import SessionServices
from vedette.gateway.subscriptions import Subscriptions
from vedette.gateway.wills import publish_will
from vedette.protocols import LocalProtocolError
from vedette.protocols.hub import IdentityTopics, Subscription, UserName
from vedette.protocols.mqtt import (
    Connect,
    Disconnect,
    Pingreq,
    Puback,
    Publish,
    PublishProperties,
    ServerConnection,
    ServerEvent,
    ServerState,
    Subscribe,
    Unsubscribe,
)
from vedette.trust import Decision, PostureRecord, Reason, hint_for

if TYPE_CHECKING:
    from vedette.gateway.connection import MqttConnection

log = logging.getLogger(__name__)

DISCONNECTED: Final = "disconnected"
TAKEN_OVER: Final = "taken_over"
_RESUME_GRACE_S: Final = 5.0
_MAX_HELD: Final = 8_192


class Admitted(NamedTuple):
    """What the decision to let an identity in rested on.

    Attributes:
        subscriptions: Those of the kept session that goes on; else none.
    """

    user_name: UserName
    connect: Connect
    peer: Peer
    record: PostureRecord
    decision: Decision
    subscriptions: Subscriptions


class HubSession:
    """An open session; implements what the session table and the telemetry writer ask of one.

    Attributes:
        has_left: The device ended it in order.
        is_durable: Its subscriptions outlive the connection.
        mqtt: The connection's protocol state, for answers.
    """

    __slots__ = (
        "_connection",
        "_denied",
        "_held",
        "_intake",
        "_is_waiting",
        "_reception",
        "_resumed_s",
        "_rights",
        "_services",
        "_topics",
        "_will",
        "generation_id",
        "has_left",
        "inflight_bytes",
        "is_durable",
        "mqtt",
        "name",
        "opened_at_ms",
        "session_id",
        "stamps",
        "subscriptions",
    )

    def __init__(
        self, reception: Reception, connection: MqttConnection, mqtt: ServerConnection, admitted: Admitted
    ) -> None:
        record, connect = admitted.record, admitted.connect
        self._reception = reception
        self._connection: MqttConnection | None = connection
        self._rights = SessionRights(reception, admitted.peer, record, admitted.decision)
        self._services: SessionServices | None = None
        self._intake: Intake | None = None
        self._held: HeldAcknowledgements | None = None
        self._denied: DeniedTelemetry | None = None
        self._topics = IdentityTopics(record.device_id, record.module_id)
        self._will = connect.will
        self._is_waiting = False
        self._resumed_s = 0.0
        self.has_left = False
        self.mqtt = mqtt
        self.is_durable = connect.keeps_session
        self.subscriptions = admitted.subscriptions
        self.generation_id: str = record.generation_id
        self.name = (str(record.device_id), record.module_id and str(record.module_id))
        self.session_id = reception.ids.new("ses")
        self.opened_at_ms = reception.now_ms()
        self.inflight_bytes = 0
        self.stamps = TelemetrySession(
            record.generation_id,
            record.device_id,
            record.module_id,
            admitted.peer.describe_authentication(is_module=record.module_id is not None),
            admitted.user_name.model_id or None,
        )

    def begin(self) -> None:
        """Look for commands that waited for a session that goes on; call it once CONNECT is answered."""
        if self._connection is not None:
            self.commands_ready()

    # --- what the device sends ----------------------------------------------------------------------------------

    def receive(self, events: list[ServerEvent], now_s: float) -> None:
        """Act on what the device sent, in order."""
        now_ms = self._reception.moments.at(now_s)
        wait_s = 0.0
        intake = self._intake
        if intake is None:
            intake = self._intake = Intake(self._reception, self, self._topics, self._rights, now_s)
        for event in events:
            if type(event) is Publish:
                wait_s = intake.take(event, now_s, now_ms)
            else:
                self._take_other(event)
                wait_s = intake.rate.take(0, now_s)
            if self._connection is None:
                return
        if wait_s:
            self._slow_down(intake, wait_s, now_s)
        elif self.inflight_bytes > self._reception.settings.session.max_inflight_bytes or (
            self._held is not None and self._is_full
        ):
            self.pause()

    def _take_other(self, event: ServerEvent) -> None:
        match event:
            case Pingreq():
                if self.mqtt.state is ServerState.CONNECTED:
                    self.mqtt.pingresp()
            case Puback():
                if self._services is not None:
                    self._services.acknowledged(event)
            case Subscribe():
                self.serve().subscribe(event, self._topics)
            case Unsubscribe():
                self.serve().unsubscribe(event, self._topics)
            case Disconnect():
                self.has_left = True
                if event.voids_will:
                    self._will = None
                if event.session_expiry_s == 0 and self.is_durable:
                    self.serve().forget_subscriptions()

    def serve(self) -> SessionServices:
        """Return what the session serves beside telemetry."""
        if self._services is None:
            self._services = SessionServices(self._reception, self)
        return self._services

    def _slow_down(self, intake: Intake, wait_s: float, now_s: float) -> None:
        """Let a device that is above its rate wait; one that is for too long is disconnected."""
        if self._is_waiting:
            return
        if intake.rate.is_exhausted(wait_s, now_s):
            self.break_off("message_throttled", "above its message rate for too long", SEND_TELEMETRY)
            return
        self.pause()
        self._is_waiting = True
        self._reception.loop.call_later(wait_s, self._wait_over)

    def _wait_over(self) -> None:
        self._is_waiting = False
        self.resume()

    @property
    def _is_full(self) -> bool:
        """Whether more of this device waits than it may have waiting."""
        held = self._held
        return self.inflight_bytes > self._reception.settings.session.max_inflight_bytes or (
            held is not None and len(held) > _MAX_HELD
        )

    def pause(self) -> None:
        """Take no more from the device for now."""
        if self._connection is not None:
            self._connection.pause_reading()

    # --- the telemetry writer's side, and PUBACKs ----------------------------------------------------------------

    def stored(self, packet_id: int) -> None:
        """Note the PUBACK of a message that is on disk, unless one before it is held."""
        if self._held is not None:
            self._give(self._held.stored(packet_id))
        elif self._denied is not None:
            self._give((packet_id,))
        else:
            self.mqtt.puback(packet_id)

    def deny_telemetry(self, publish: Publish) -> None:
        """Take note of a message that policy denies; it is not stored."""
        self._denied = self._denied or DeniedTelemetry(self._reception, self)
        self._denied.deny(publish, Reason.POLICY_DENIED)

    def acknowledge(self, packet_id: int) -> None:
        """Give the PUBACK of a message that is no telemetry, after those before it; 0 is none."""
        if packet_id:
            self._reception.telemetry.acknowledge(self, packet_id)

    def hold_acknowledgement(self, packet_id: int) -> None:
        """Let the PUBACK of a request wait for its answer, and those behind it with it."""
        if packet_id:
            self._held = self._held or HeldAcknowledgements()
            self._held.hold(packet_id)
            self.acknowledge(packet_id)

    def release_acknowledgement(self, packet_id: int) -> None:
        """Give the PUBACK of a request that is answered; what follows writes it."""
        held = self._held
        if packet_id and held is not None:
            self._give(held.answered(packet_id))
            if held.is_idle:
                self._held = None

    def _give(self, packet_ids: Iterable[int]) -> None:
        for packet_id in packet_ids:
            is_open = self.mqtt.state is ServerState.CONNECTED
            if is_open and (self._denied is None or not self._denied.answer(packet_id)):
                self.mqtt.puback(packet_id)

    def flush(self) -> None:
        """Write what was noted; go on reading if this device's messages had piled up."""
        connection = self._connection
        if connection is not None:
            connection.flush()
            if connection.is_reading_paused:
                self.resume()

    def not_stored(self) -> None:
        """Close without PUBACK: the device sends again."""
        self.break_off("not_stored", "the bus did not store a message in time", SEND_TELEMETRY)

    def resume(self) -> None:
        """Read on, unless another reason to wait stands."""
        if (
            self._connection is not None
            and not self._is_waiting
            and self.inflight_bytes * 2 <= self._reception.settings.session.max_inflight_bytes
            and not self._is_full
        ):
            self._connection.resume_reading()
            self._resumed_s = self._reception.clock.monotonic_s()

    # --- for services: sending ----------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether the device is still there."""
        return self._connection is not None

    @property
    def backlog_bytes(self) -> int:
        """Bytes that wait for the device to read them."""
        return self._connection.backlog_bytes if self._connection is not None else 0

    def send(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 0,
        packet_id: int = 0,
        dup: bool = False,
        properties: PublishProperties | None = None,
    ) -> bool:
        """Note a message, which ``flush`` writes; false when it is too large for the client, or the client is gone.

        Raises:
            LocalProtocolError: MQTT cannot carry it.
        """
        return self._connection is not None and self.mqtt.publish(
            topic, payload, qos=qos, packet_id=packet_id, dup=dup, properties=properties
        )

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send a message at QoS 0; false when it is too large for the client, or the client is gone."""
        try:
            is_sent = self.send(topic, payload)
        except LocalProtocolError as error:
            log.warning("a message could not be sent", extra={"session": self.session_id, "reason": str(error)})
            is_sent = False
        self.flush()
        return is_sent

    # --- what control says --------------------------------------------------------------------------------------

    def commands_ready(self) -> bool:
        """Look for commands if the device listens for them; whether it does."""
        return Subscription.DEVICEBOUND in self.subscriptions and self.serve().commands_ready()

    def invoke(self, call: InvokeMethod) -> None:
        """Call a method of the device."""
        self.serve().invoke(call)

    def desired_changed(self, change: DesiredChanged) -> None:
        """Tell the device of changed desired properties if it listens for them."""
        if Subscription.DESIRED_PROPERTIES in self.subscriptions:
            self.serve().desired_changed(change)

    def subscribed(self, subscriptions: Subscriptions) -> None:
        """Take changed subscriptions into effect."""
        former, self.subscriptions = self.subscriptions, subscriptions
        if subscriptions is not former:
            self.serve().subscribed(former)

    # --- decisions ----------------------------------------------------------------------------------------------

    @property
    def record(self) -> PostureRecord:
        """The record that the session was last decided by."""
        return self._rights.record

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        return self._rights.peer

    @property
    def valid_until_s(self) -> float | None:
        """When the decision must be made again, monotonic."""
        return self._rights.valid_until_s

    @property
    def deadline_s(self) -> float | None:
        """When to end for silence; a device that we do not read from is not silent."""
        deadline_s = self.mqtt.deadline_s
        if deadline_s is None or self._connection is None or self._connection.is_reading_paused:
            return None
        return max(deadline_s, self._resumed_s + _RESUME_GRACE_S)

    def decide_again(self, record: PostureRecord | None, received_s: float | None) -> bool:
        """Decide by a newer record, or again by the same one; cut the session if it is not permitted any more."""
        del received_s
        self._rights.replace(record)
        decision = self._decide()
        if decision is None or decision.grant is None:
            return False
        change = self._rights.decide_operations(decision.grant)
        if self._services is not None and (change.widened or change.narrowed):
            self._services.decided_again(change)
        return True

    def is_time_bound(self) -> bool:
        """Tell whether what it may do can change with the hour."""
        return self._rights.is_time_bound()

    def refresh_deadline(self) -> None:
        """Count the decision's remaining validity on the monotonic clock."""
        self._rights.refresh_deadline()

    def may(self, action: str) -> bool:
        """Decide an operation once; a refusal is recorded, and the session goes on without it."""
        return self._is_permitted(action, is_required=False)

    def require(self, action: str) -> bool:
        """Decide an operation once; a refusal is recorded and ends the session."""
        return self._is_permitted(action, is_required=True)

    def _is_permitted(self, action: str, *, is_required: bool) -> bool:
        permit = self._rights.permits.get(action)
        if permit is not None or self._connection is None:
            return bool(permit)
        decision = self._decide()
        if decision is None or decision.grant is None:
            return False
        denial = self._rights.judge(action, decision.grant)
        if denial is None:
            return True
        self._reception.traffic.refused(self.generation_id)
        if is_required:
            self.break_off(denial.reason, denial.detail, action, policies=denial.policies)
        else:
            self._rights.put_on_record(
                "refuse",
                denial.reason,
                detail=denial.detail,
                hint=hint_for(denial.reason, self.record.device_id, self.record.module_id),
                action=action,
                policies=denial.policies,
                grant=decision.grant,
            )
        return False

    def _decide(self) -> Decision | None:
        """Decide the whole session; cut it if it is not permitted any more."""
        decision = self._rights.decide()
        if decision.is_permitted and decision.grant is not None:
            return decision
        self.cut(decision.reason, decision.hint(self.record.device_id, self.record.module_id), decision)
        return None

    # --- the end ------------------------------------------------------------------------------------------------

    def cut(self, reason: str, hint: str = "", decision: Decision | None = None) -> None:
        """Drop the socket at once and put it on record; nothing is sent on the device's behalf."""
        connection = self._connection
        if connection is None:
            return
        self._will = None
        connection.abort(reason)
        self._rights.put_on_record("cut", reason, hint=hint, policies=self._rights.policies, decision=decision)
        self._leave(reason)

    def displace(self) -> None:
        """Close: another connection of the same identity took over."""
        self._close(TAKEN_OVER)

    def fall_silent(self) -> None:
        """Close: keep alive is over."""
        self._close("keep_alive_timeout")

    def stop(self) -> None:
        """Close: the gateway is stopping. That is no loss of the device's, so its will is void."""
        self._will = None
        self._close("stopping")

    def ended(self, reason: str) -> None:
        """The connection is gone."""
        if self._connection is not None:
            self._rights.put_on_record("disconnect", reason, is_permitted=True)
            self._leave(reason)

    def broke_off(self, reason: str, detail: str) -> None:
        """End the session: the device broke the protocol."""
        self.break_off(reason, detail, SEND_TELEMETRY)

    def break_off(self, reason: str, detail: str, action: str, policies: tuple[str, ...] = ()) -> None:
        """End the session for what the device did; it is a refusal on record."""
        connection = self._connection
        if connection is None:
            return
        connection.close(reason, detail)
        self._rights.put_on_record("refuse", reason, detail=detail, action=action, policies=policies)
        self._leave(reason)

    def note_refusal(self, reason: str, detail: str, action: str) -> None:
        """Put a refused operation on record; the session goes on."""
        self._rights.put_on_record("refuse", reason, detail=detail, action=action)

    def _close(self, reason: str) -> None:
        connection = self._connection
        if connection is not None:
            connection.close(reason)
            self._rights.put_on_record("disconnect", reason, is_permitted=True)
            self._leave(reason)

    def _leave(self, reason: str) -> None:
        """Let go of everything that refers back to us; an abnormal end publishes the will."""
        self._connection = None
        self._held = None
        self._intake = None
        if self._denied is not None:
            self._denied.ended()
        services, self._services = self._services, None
        reception = self._reception
        reception.sessions.remove(self)
        reception.telemetry.forget(self)
        if services is not None:
            services.ended()
        reception.uplink.session_closed(self.generation_id, self.session_id, reason)
        will, self._will = self._will, None
        if will is not None:
            publish_will(reception, self, will, self._topics)
