"""One device's session on the hub: telemetry in, answers out, decided once per kind of operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from vedette.bus.contract import TelemetrySession
from vedette.gateway.hub_answers import not_offered
from vedette.gateway.pacing import TokenBucket
from vedette.gateway.peer import Peer
from vedette.gateway.reception import Reception
from vedette.gateway.renewal import CertificateRenewal
from vedette.gateway.settings import SessionSettings
from vedette.gateway.telemetry import stored_bytes
from vedette.protocols import RemoteProtocolError
from vedette.protocols.hub import Foreign as ForeignTopic
from vedette.protocols.hub import (
    IdentityTopics,
    IssueCertificate,
    Telemetry,
    TwinGet,
    TwinPatchReported,
    UserName,
    twin_response_topic,
)
from vedette.protocols.mqtt import (
    Connect,
    Disconnect,
    Pingreq,
    Puback,
    Publish,
    ServerConnection,
    ServerEvent,
    ServerState,
    Subscribe,
    Unsubscribe,
    Will,
)
from vedette.trust import Decision, Grant, PostureRecord, Reason, decide_action, decide_session

if TYPE_CHECKING:
    from vedette.gateway.connection import MqttConnection

SEND_TELEMETRY: Final = "sendTelemetry"
RENEW_CERTIFICATE: Final = "renewCertificate"
_MAX_QOS: Final = 1
_CALM_S: Final = 10.0
_RESUME_GRACE_S: Final = 5.0
_NO_PROPERTIES: Final[tuple[dict[str, str | None], dict[str, str | None]]] = ({}, {})

Properties = tuple[dict[str, str | None], dict[str, str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What the decision to let an identity in rested on."""

    user_name: UserName
    connect: Connect
    peer: Peer
    record: PostureRecord
    decision: Decision


class DeviceRate:
    """Messages and bytes of one device: how long it has to wait, and whether it has waited too often."""

    __slots__ = ("_bytes", "_messages", "_most_s", "_throttled_at_s", "_waited_s")

    def __init__(self, settings: SessionSettings, now_s: float) -> None:
        self._messages = TokenBucket(settings.messages_per_s, settings.messages_burst, now_s)
        self._bytes = TokenBucket(settings.bytes_per_s, settings.bytes_burst, now_s)
        self._most_s = settings.throttle_most_s
        self._waited_s = 0.0
        self._throttled_at_s = 0.0

    def take(self, size: int, now_s: float) -> float:
        """Count a message and return for how many seconds reading should pause."""
        return max(self._messages.take(1, now_s), self._bytes.take(size, now_s))

    def is_exhausted(self, wait_s: float, now_s: float) -> bool:
        """Count a pause; whether the device has been slowed down for longer than is borne."""
        if now_s - self._throttled_at_s > _CALM_S:
            self._waited_s = 0.0
        self._throttled_at_s = now_s
        self._waited_s += wait_s
        return self._waited_s > self._most_s


class HubSession:
    """An open session; implements what the session table and the telemetry writer ask of one."""

    __slots__ = (
        "_bag_cache",
        "_connection",
        "_is_cut",
        "_is_waiting",
        "_mqtt",
        "_permits",
        "_policies",
        "_rate",
        "_reception",
        "_renewal",
        "_resumed_s",
        "_topics",
        "_valid_until",
        "_will",
        "generation_id",
        "inflight_bytes",
        "name",
        "opened_at_ms",
        "peer",
        "record",
        "session_id",
        "stamps",
        "valid_until_s",
    )

    def __init__(
        self, reception: Reception, connection: MqttConnection, mqtt: ServerConnection, admitted: Admitted
    ) -> None:
        record, user_name = admitted.record, admitted.user_name
        now_s = reception.clock.monotonic_s()
        self._reception = reception
        self._connection: MqttConnection | None = connection
        self._mqtt = mqtt
        self._topics = IdentityTopics(record.device_id, record.module_id)
        self._policies = admitted.decision.policies
        self._valid_until = admitted.decision.valid_until
        self._permits: dict[str, bool] = {}
        self._rate = DeviceRate(reception.settings.session, now_s)
        self._renewal: CertificateRenewal | None = None
        self._will = admitted.connect.will
        self._bag_cache: tuple[str, Properties, int] = ("", _NO_PROPERTIES, 0)
        self._is_cut = False
        self._is_waiting = False
        self._resumed_s = 0.0
        self.peer = admitted.peer
        self.record = record
        self.generation_id: str = record.generation_id
        self.name = (str(record.device_id), record.module_id and str(record.module_id))
        self.session_id = reception.ids.new("ses")
        self.opened_at_ms = _now_ms(reception)
        self.inflight_bytes = 0
        self.stamps = TelemetrySession(
            record.generation_id,
            record.device_id,
            record.module_id,
            _auth_method(record),
            user_name.model_id or None,
        )
        self.valid_until_s: float | None = None
        self.refresh_deadline()

    # --- what the device sends ----------------------------------------------------------------------------------

    def receive(self, events: list[ServerEvent], now_s: float) -> None:
        """Act on what the device sent, in order."""
        now_ms = _now_ms(self._reception)
        wait_s = 0.0
        for event in events:
            if type(event) is Publish:
                wait_s = self._take_publish(event, now_s, now_ms)
            else:
                self._take_other(event)
                wait_s = self._rate.take(0, now_s)
            if self._connection is None:
                return
        if wait_s:
            self._slow_down(wait_s, now_s)
        elif self.inflight_bytes > self._reception.settings.session.max_inflight_bytes:
            self._pause()

    def _take_publish(self, publish: Publish, now_s: float, now_ms: int) -> float:
        """Act on a message and return for how long reading should pause."""
        topic = publish.topic
        cached = self._bag_cache
        if topic != cached[0]:
            message = self._topics.parse(topic)
            if type(message) is not Telemetry:
                self._take_request(publish, message)
                return self._rate.take(len(publish.payload), now_s)
            try:
                bag = self._reception.bags.parse(message.bag)
            except RemoteProtocolError as error:
                self._break_off("protocol_error", error.reason, SEND_TELEMETRY)
                return 0
            properties = (dict(bag.system), dict(bag.application))
            cached = (topic, properties, stored_bytes(bag))
            if len(topic) <= 512:  # noqa: PLR2004 - a longer one is not worth the memory
                self._bag_cache = cached
        if not (self._permits.get(SEND_TELEMETRY) or self._is_permitted(SEND_TELEMETRY)):
            return 0
        properties, bag_bytes = cached[1], cached[2]
        body = publish.payload
        size = len(body) + bag_bytes
        if size > self._reception.settings.session.max_message_bytes and self._is_too_large(body, properties):
            return 0
        if publish.retain:
            properties = (properties[0], {**properties[1], "mqtt-retain": "true"})
        if not self._reception.telemetry.append(
            self,
            body,
            qos=publish.qos,
            packet_id=publish.packet_id,
            properties=properties,
            properties_bytes=bag_bytes,
            enqueued_at_ms=now_ms,
        ):
            self._pause()
        return self._rate.take(size, now_s)

    def _take_request(self, publish: Publish, message: object) -> None:
        mqtt = self._mqtt
        match message:
            case TwinGet(request_id) | TwinPatchReported(request_id):
                if publish.qos:
                    self._reception.telemetry.acknowledge(self, publish.packet_id)
                mqtt.publish(twin_response_topic(501, request_id), not_offered(self._reception, "device twins"))
            case IssueCertificate(request_id):
                if publish.qos:
                    self._reception.telemetry.acknowledge(self, publish.packet_id)
                if self._is_permitted(RENEW_CERTIFICATE):
                    self._renewal = self._renewal or CertificateRenewal(self._reception, self)
                    self._renewal.request(request_id, publish.payload)
            case ForeignTopic(reason):
                self._break_off("foreign_topic", reason, SEND_TELEMETRY)
            case _:  # a method response that nobody waits for
                if publish.qos:
                    self._reception.telemetry.acknowledge(self, publish.packet_id)

    def _take_other(self, event: ServerEvent) -> None:
        match event:
            case Pingreq():
                if self._mqtt.state is ServerState.CONNECTED:
                    self._mqtt.pingresp()
            case Subscribe(packet_id, filters):
                if any(self._topics.parse_filter(name) is None for name, _ in filters):
                    self._break_off("foreign_topic", "a topic filter is none of this identity's", "subscribe")
                elif self._mqtt.state is ServerState.CONNECTED:
                    self._mqtt.suback(packet_id, [min(qos, _MAX_QOS) for _, qos in filters])
            case Unsubscribe(packet_id, _):
                if self._mqtt.state is ServerState.CONNECTED:
                    self._mqtt.unsuback(packet_id)
            case Disconnect():
                self._will = None
            case Puback():
                pass

    def _is_too_large(self, body: bytes, properties: Properties) -> bool:
        """Count as the contract does: body, system values, application names and values."""
        system, application = properties
        size = len(body) + sum(len((value or "").encode()) for value in system.values())
        size += sum(len(key.encode()) + len((value or "").encode()) for key, value in application.items())
        limit = self._reception.settings.session.max_message_bytes
        if size <= limit:
            return False
        self._break_off("message_too_large", f"a message of {size} bytes exceeds the limit of {limit}", SEND_TELEMETRY)
        return True

    def _slow_down(self, wait_s: float, now_s: float) -> None:
        """Let a device that is above its rate wait; one that is for too long is disconnected."""
        if self._is_waiting:
            return
        if self._rate.is_exhausted(wait_s, now_s):
            self._break_off("message_throttled", "above its message rate for too long", SEND_TELEMETRY)
            return
        self._pause()
        self._is_waiting = True
        self._reception.loop.call_later(wait_s, self._wait_over)

    def _wait_over(self) -> None:
        self._is_waiting = False
        self.resume()

    def _pause(self) -> None:
        if self._connection is not None:
            self._connection.pause_reading()

    # --- the telemetry writer's side ----------------------------------------------------------------------------

    def stored(self, packet_id: int) -> None:
        """Note the PUBACK of a message that is on disk."""
        if self._mqtt.state is ServerState.CONNECTED:
            self._mqtt.puback(packet_id)

    def flush(self) -> None:
        """Write what was noted; go on reading if this device's messages had piled up."""
        connection = self._connection
        if connection is not None:
            connection.flush()
            if connection.is_reading_paused:
                self.resume()

    def not_stored(self) -> None:
        """Close without PUBACK: the device sends again."""
        self._break_off("not_stored", "the bus did not store a message in time", SEND_TELEMETRY)

    def resume(self) -> None:
        """Read on, unless another reason to wait stands."""
        if (
            self._connection is not None
            and not self._is_waiting
            and self.inflight_bytes * 2 <= self._reception.settings.session.max_inflight_bytes
        ):
            self._connection.resume_reading()
            self._resumed_s = self._reception.clock.monotonic_s()

    # --- decisions ----------------------------------------------------------------------------------------------

    @property
    def deadline_s(self) -> float | None:
        """When to end for silence; a device that we do not read from is not silent."""
        deadline_s = self._mqtt.deadline_s
        if deadline_s is None or self._connection is None or self._connection.is_reading_paused:
            return None
        return max(deadline_s, self._resumed_s + _RESUME_GRACE_S)

    def decide_again(self, record: PostureRecord | None, received_s: float | None) -> bool:
        """Decide by a newer record, or again by the same one; cut the session if it is not permitted any more."""
        del received_s
        self.record = record or self.record
        self._permits.clear()
        return self._decide() is not None

    def refresh_deadline(self) -> None:
        """Count the decision's remaining validity on the monotonic clock."""
        end = self._valid_until
        clock = self._reception.clock
        self.valid_until_s = None if end is None else clock.monotonic_s() + (end - clock.now()).total_seconds()

    def _decide(self) -> Grant | None:
        """Decide the whole session; cut it if it is not permitted any more."""
        reception = self._reception
        decision = decide_session(
            reception.engine, self.record, self.peer.credential(), self.peer.context(), reception.clock.now()
        )
        self._policies, self._valid_until = decision.policies, decision.valid_until
        if not decision.is_permitted or decision.grant is None:
            self.cut(decision.reason, decision.hint(self.record.device_id))
            return None
        self.refresh_deadline()
        return decision.grant

    def _is_permitted(self, action: str) -> bool:
        """Decide an operation once; a refusal is recorded and ends the session.

        The grant is made anew for each kind of operation: kept, it would cost every idle session 5 KB.
        """
        permit = self._permits.get(action)
        if permit is None:
            grant = self._decide()
            if grant is None:
                return False
            verdict = decide_action(self._reception.engine, grant, action)
            permit = self._permits[action] = verdict.is_permitted
            if not permit:
                reason = Reason.POLICY_ERROR if verdict.errors else Reason.POLICY_DENIED
                self._break_off(reason, "; ".join(verdict.errors), action, policies=verdict.policies)
        return permit

    # --- the end ------------------------------------------------------------------------------------------------

    def cut(self, reason: str, hint: str = "") -> None:
        """Drop the socket at once and put it on record; nothing is sent on the device's behalf."""
        connection = self._connection
        if connection is None:
            return
        self._is_cut = True
        self._will = None
        connection.abort()
        self._record("cut", reason, hint=hint, policies=self._policies)
        self._leave()

    def displace(self) -> None:
        """Close: another connection of the same identity took over."""
        self._close("taken_over")

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
            self._record("disconnect", reason, is_permitted=True)
            self._leave()

    def broke_off(self, reason: str, detail: str) -> None:
        """End the session: the device broke the protocol."""
        self._break_off(reason, detail, SEND_TELEMETRY)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message at QoS 0 if the session is still there."""
        if self._connection is not None and self._mqtt.state is ServerState.CONNECTED:
            self._mqtt.publish(topic, payload)
            self._connection.flush()

    def _close(self, reason: str) -> None:
        connection = self._connection
        if connection is not None:
            connection.close()
            self._record("disconnect", reason, is_permitted=True)
            self._leave()

    def _break_off(self, reason: str, detail: str, action: str, policies: tuple[str, ...] = ()) -> None:
        """End the session for what the device did; it is a refusal on record."""
        connection = self._connection
        if connection is None:
            return
        connection.close()
        self._record("refuse", reason, detail=detail, action=action, policies=policies)
        self._leave()

    def _leave(self) -> None:
        """Let go of everything that refers back to us; an abnormal end publishes the will."""
        self._connection = None
        self._renewal = None
        reception = self._reception
        reception.sessions.remove(self)
        reception.telemetry.forget(self)
        will, self._will = self._will, None
        if will is not None:
            self._publish_will(will)

    def _publish_will(self, will: Will) -> None:
        message = self._topics.parse(will.topic)
        if not isinstance(message, Telemetry):
            return
        bag = self._reception.bags.parse(message.bag)
        application = {**bag.application, "iothub-MessageType": "Will"}
        if will.retain:
            application["mqtt-retain"] = "true"
        self._reception.telemetry.append(
            self,
            will.payload,
            qos=0,
            packet_id=0,
            properties=(dict(bag.system), application),
            properties_bytes=stored_bytes(bag) + 32,
            enqueued_at_ms=_now_ms(self._reception),
        )

    def _record(
        self,
        kind: str,
        reason: str,
        *,
        is_permitted: bool = False,
        detail: str = "",
        hint: str = "",
        action: str = "connect",
        policies: tuple[str, ...] = (),
    ) -> None:
        self._reception.decisions.record(
            kind,
            reason,
            is_permitted=is_permitted,
            detail=detail,
            hint=hint,
            action=action,
            generation_id=self.generation_id,
            device_id=self.record.device_id,
            module_id=self.record.module_id,
            remote_address=self.peer.remote_address,
            certificate=self.peer.certificate,
            tls_version=self.peer.tls_version,
            policies=policies,
            bundle_sha256=self._reception.engine.sha256,
            sequence=self.record.sequence,
        )


def _now_ms(reception: Reception) -> int:
    return int(reception.clock.now().timestamp() * 1000)


def _auth_method(record: PostureRecord) -> str:
    scope = "device" if record.module_id is None else "module"
    return msgspec.json.encode({"scope": scope, "type": "x509", "issuer": "iothub"}).decode()
