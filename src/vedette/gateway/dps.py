"""Device provisioning over MQTT, on the same port: registrations and polls go to control, nothing else is served.

A provisioning connection proves an onboarding identity at most; it never gets an operation of the hub.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from vedette.bus.contract import REGISTER_DEVICE, RegisterDevice, RegistrationReply
from vedette.gateway.pacing import TokenBucket
from vedette.gateway.reception import Reception
from vedette.kernel import Problem, to_rfc3339
from vedette.protocols.dps import (
    RESPONSE_FILTER,
    ErrorBody,
    ForeignRequest,
    PollRequest,
    ProvisioningUserName,
    encode_body,
    parse_request_topic,
    response_topic,
)
from vedette.protocols.mqtt import (
    Disconnect,
    Pingreq,
    Publish,
    ServerConnection,
    ServerEvent,
    ServerState,
    Subscribe,
    Unsubscribe,
)

if TYPE_CHECKING:
    from vedette.gateway.connection import MqttConnection

log = logging.getLogger(__name__)

_ERROR_STATUS: Final = 300
_MAX_QOS: Final = 1
_REQUESTS_PER_S: Final = 0.5
_PACKETS_PER_S: Final = 10.0
_PACKETS_BURST: Final = 100
_RETRY_AFTER_S: Final = 5
# The contract's error codes: HTTP status times 1000 and a number.
_TOO_LARGE, _UNAUTHORIZED, _TOO_MANY, _UNAVAILABLE = 413001, 401002, 429001, 503001
_TOKEN_PREFIX: Final = b"SharedAccessSignature "
_GAVE_WAY: Final = "gave_way"
_HINT: Final = "see the enrollment's log: vedette enrollment list"


def make_room(reception: Reception, source: str, now_s: float) -> bool:
    """Let a provisioning connection that asks for nothing give way: one idle for long, or one of a crowding source."""
    sessions = reception.provisioning
    idle = [session for session in sessions if not session.is_asking]
    if not idle:
        return False
    longest = min(idle, key=lambda session: session.last_request_s)
    if now_s - longest.last_request_s > reception.settings.dps.pressed_idle_s:
        longest.broke_off(_GAVE_WAY, "idle while others waited for a place")
        return True
    counts = Counter(session.source for session in sessions)
    crowd, most = counts.most_common(1)[0]
    of_crowd = next((session for session in idle if session.source == crowd), None)
    if of_crowd is None or most - 1 <= counts[source]:
        return False
    of_crowd.broke_off(_GAVE_WAY, "its source held more places than any other")
    return True


class ProvisioningSession:
    """One provisioning connection.

    Attributes:
        last_request_s: Monotonic; of the connect before the first one.
    """

    __slots__ = (
        "_asked",
        "_connection",
        "_mqtt",
        "_packets",
        "_rate",
        "_reception",
        "_token",
        "_user_name",
        "last_request_s",
    )

    def __init__(
        self,
        reception: Reception,
        connection: MqttConnection,
        user_name: ProvisioningUserName,
        password: bytes | None = None,
    ) -> None:
        now_s = reception.clock.monotonic_s()
        self._reception = reception
        self._connection: MqttConnection | None = connection
        self._mqtt: ServerConnection = connection.mqtt
        self._user_name = user_name
        self._token = _token_in(password)
        self._rate = TokenBucket(_REQUESTS_PER_S, reception.settings.dps.requests_per_connection, now_s)
        self._packets = TokenBucket(_PACKETS_PER_S, _PACKETS_BURST, now_s)
        self.last_request_s = now_s
        self._asked = 0
        reception.provisioning.add(self)

    def receive(self, events: list[ServerEvent], now_s: float) -> None:
        """Act on what the device sent."""
        mqtt = self._mqtt
        if not self._packets.try_take(len(events), now_s):
            self.broke_off("message_throttled", "more packets than provisioning needs")
        for event in events:
            if self._connection is None:
                return
            match event:
                case Publish():
                    self._take_request(event, now_s)
                case Subscribe(packet_id, filters):
                    if any(name != RESPONSE_FILTER for name, _ in filters):
                        self.broke_off("foreign_topic", "a topic filter is not the provisioning service's")
                    elif mqtt.state is ServerState.CONNECTED:
                        mqtt.suback(packet_id, [min(qos, _MAX_QOS) for _, qos in filters])
                case Unsubscribe(packet_id, _) if mqtt.state is ServerState.CONNECTED:
                    mqtt.unsuback(packet_id)
                case Pingreq() if mqtt.state is ServerState.CONNECTED:
                    mqtt.pingresp()
                case Disconnect():
                    self._leave()
                case _:
                    pass

    def ended(self, reason: str) -> None:
        """The connection is gone."""
        del reason
        self._leave()

    def broke_off(self, reason: str, detail: str) -> None:
        """End the connection for what the device did."""
        self._record_refusal(reason, detail)
        if self._connection is not None:
            self._connection.close(reason, detail)
        self._leave()

    def resume(self) -> None:
        """Read on."""
        if self._connection is not None:
            self._connection.resume_reading()

    def sweep(self, now_s: float) -> None:
        """Close when silent beyond the keep alive, or idle for too long."""
        deadline_s = self._mqtt.deadline_s
        is_silent = deadline_s is not None and now_s > deadline_s
        is_idle = not self._asked and now_s - self.last_request_s > self._reception.settings.dps.idle_s
        if (is_silent or is_idle) and self._connection is not None:
            self._connection.close("keep_alive_timeout" if is_silent else "idle")
            self._leave()

    def _take_request(self, publish: Publish, now_s: float) -> None:
        request = parse_request_topic(publish.topic)
        if isinstance(request, ForeignRequest):
            self.broke_off("foreign_topic", request.reason)
            return
        if publish.qos and self._mqtt.state is ServerState.CONNECTED:
            self._mqtt.puback(publish.packet_id)
        self.last_request_s = now_s
        request_id, reception = request.request_id, self._reception
        limits = reception.settings.dps
        if not self.chain and self._token is None:
            detail = "no client certificate was presented, and no token"
            self._refuse(request_id, 401, _UNAUTHORIZED, detail, "certificate_missing")
        elif len(publish.payload) > limits.max_body_bytes:
            detail = f"a body of {len(publish.payload)} bytes exceeds the limit of {limits.max_body_bytes}"
            self._refuse(request_id, 413, _TOO_LARGE, detail, "message_too_large")
        elif self._asked:
            detail = "a request of this connection is being answered"
            self._refuse(request_id, 429, _TOO_MANY, detail, "message_throttled", is_transient=True)
        elif not self._rate.try_take(1, now_s) or not reception.registrations.try_take(self.source, now_s):
            self._refuse(request_id, 429, _TOO_MANY, "too many requests", "message_throttled", is_transient=True)
        elif not reception.registering.try_enter():
            self._refuse(request_id, 429, _TOO_MANY, "too many registrations wait", "overloaded", is_transient=True)
        else:
            operation_id = request.operation_id if isinstance(request, PollRequest) else None
            self._asked += 1
            reception.start(self._ask(request_id, publish.payload, operation_id), "register device")

    async def _ask(self, request_id: str, body: bytes, operation_id: str | None) -> None:
        reception = self._reception
        connection = self._connection
        try:
            if connection is None:
                return
            request = RegisterDevice(
                organization_id=reception.anchor.organization_id,
                gateway=reception.gateway,
                id_scope=self._user_name.id_scope,
                registration_id=self._user_name.registration_id,
                certificate_chain=list(connection.chain),
                body=b"" if operation_id is not None else body,
                remote_address=connection.peer.remote_address,
                operation_id=operation_id,
                password=self._token,
                tls_version=connection.peer.tls_version,
                cipher=connection.peer.cipher,
                protocol=connection.peer.protocol,
            )
            reply = await reception.bus.call(
                REGISTER_DEVICE, request, RegistrationReply, timeout_s=reception.settings.dps.timeout_s
            )
        except Problem as problem:
            log.warning("registration not answered", extra={"reason": problem.detail})
            self._refuse(request_id, 503, _UNAVAILABLE, "try again", "overloaded", is_transient=True)
        else:
            self._answer(request_id, reply.status, reply.body, reply.retry_after_s)
            if reply.reason is not None:
                self._record_refusal(reply.reason, reply.detail, reply.hint, reply)
        finally:
            self._asked -= 1
            reception.registering.leave()
        if self._connection is not None:
            self._connection.flush()

    @property
    def chain(self) -> tuple[bytes, ...]:
        """What the device presented."""
        return self._connection.chain if self._connection is not None else ()

    @property
    def is_asking(self) -> bool:
        """Whether control is to answer it."""
        return bool(self._asked)

    @property
    def source(self) -> str:
        """Whom its address belongs to for limits."""
        return self._connection.peer.source if self._connection is not None else ""

    def _refuse(
        self, request_id: str, status: int, error_code: int, message: str, reason: str, *, is_transient: bool = False
    ) -> None:
        body = ErrorBody(
            error_code=error_code,
            tracking_id=self._reception.ids.new("op"),
            message=message,
            timestamp_utc=to_rfc3339(self._reception.clock.now()),
        )
        self._record_refusal(reason, message)
        self._answer(request_id, status, encode_body(body), _RETRY_AFTER_S if is_transient else None)

    def _answer(self, request_id: str, status: int, body: bytes, retry_after_s: int | None) -> None:
        if self._connection is not None and self._mqtt.state is ServerState.CONNECTED:
            self._mqtt.publish(response_topic(status, request_id, retry_after_s=retry_after_s), body)

    def _record_refusal(self, reason: str, detail: str, hint: str = "", reply: RegistrationReply | None = None) -> None:
        if self._connection is None:
            return
        if not hint and reason not in {"foreign_topic", _GAVE_WAY, "message_throttled", "overloaded"}:
            hint = _HINT
        peer = self._connection.peer
        self._reception.decisions.record(
            "register",
            reason,
            detail=detail,
            hint=hint,
            action="register",
            device_id=self._user_name.registration_id,
            remote_address=peer.remote_address,
            certificate=peer.certificate,
            tls_version=peer.tls_version,
            policies=() if reply is None else tuple(reply.policies),
            bundle_sha256=None if reply is None else reply.bundle_sha256,
        )

    def _leave(self) -> None:
        self._connection = None
        self._reception.provisioning.discard(self)


def _token_in(password: bytes | None) -> bytes | None:
    """Return the shared access signature of a CONNECT, which only control can verify; any other password is nothing."""
    return password if password is not None and password.startswith(_TOKEN_PREFIX) else None
