"""What a session serves beside telemetry: subscriptions, twin, methods, commands, certificates.

Each part is made when it is first needed: most of a fleet's sessions are idle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vedette.bus.contract import DesiredChanged, InvokeMethod, MethodFailed
from vedette.gateway.command_delivery import CommandDelivery
from vedette.gateway.method_calls import MethodCalls
from vedette.gateway.mqtt5_reasons import filter_refusal
from vedette.gateway.reception import Reception
from vedette.gateway.renewal import CertificateRenewal
from vedette.gateway.rights import (
    READ_TWIN_ACTION,
    RECEIVE_COMMAND_ACTION,
    RECEIVE_METHOD_ACTION,
    RENEW_CERTIFICATE_ACTION,
    Change,
)
from vedette.gateway.subscriptions import MAX_QOS, SUBSCRIBE, SubscriptionKeeper, Subscriptions
from vedette.gateway.twin_requests import TwinRequests
from vedette.protocols.hub import (
    DeviceMessage,
    Foreign,
    IdentityTopics,
    IssueCertificate,
    MethodResponse,
    Subscription,
    TwinGet,
    TwinPatchReported,
    desired_properties_topic,
)
from vedette.protocols.mqtt import Puback, Publish, ReasonCode, Subscribe, Unsubscribe

if TYPE_CHECKING:
    from vedette.gateway.session import HubSession

FOREIGN_TOPIC: Final = "foreign_topic"
_SUCCESS: Final = ReasonCode.SUCCESS
_NOT_SUBSCRIBED: Final = ReasonCode.NO_SUBSCRIPTION_EXISTED
_FOREIGN_FILTER: Final = "a topic filter is none of this identity's"


class SessionServices:
    """The services of one session.

    Args:
        reception: What all connections share.
        session: Whom they serve.
    """

    __slots__ = (
        "_commands",
        "_desired_version",
        "_keeper",
        "_methods",
        "_reception",
        "_renewal",
        "_session",
        "_twin",
    )

    def __init__(self, reception: Reception, session: HubSession) -> None:
        self._reception = reception
        self._session = session
        self._commands: CommandDelivery | None = None
        self._keeper: SubscriptionKeeper | None = None
        self._methods: MethodCalls | None = None
        self._renewal: CertificateRenewal | None = None
        self._twin: TwinRequests | None = None
        self._desired_version = 0

    # --- what the device asks -----------------------------------------------------------------------------------

    def take(self, publish: Publish, message: DeviceMessage) -> None:
        """Act on a message that is not telemetry."""
        session = self._session
        match message:
            case TwinGet() | TwinPatchReported():
                self._twin = self._twin or TwinRequests(self._reception, session)
                self._twin.take(message, publish)
            case MethodResponse(status, request_id):
                session.acknowledge(publish.packet_id)
                self._take_method_response(status, request_id, publish.payload)
            case IssueCertificate(request_id):
                session.acknowledge(publish.packet_id)
                if session.require(RENEW_CERTIFICATE_ACTION):
                    self._renewal = self._renewal or CertificateRenewal(self._reception, session)
                    self._renewal.request(request_id, publish.payload)
            case Foreign(reason):
                session.break_off(FOREIGN_TOPIC, reason, "publish")
            case _:
                session.acknowledge(publish.packet_id)

    def subscribe(self, subscribe: Subscribe, topics: IdentityTopics) -> None:
        """Subscribe; SUBACK follows once the subscriptions are kept, in the order asked."""
        session = self._session
        added: dict[Subscription, int] = {}
        codes: list[int] = []
        for name, qos in subscribe.filters:
            subscription = topics.parse_filter(name)
            if subscription is not None:
                added[subscription] = min(qos, MAX_QOS)
                codes.append(min(qos, MAX_QOS))
            elif session.mqtt.is_v5:
                codes.append(filter_refusal(name))
            else:  # 3.1.1 can say no too, but the SDKs take that for a yes
                session.break_off(FOREIGN_TOPIC, _FOREIGN_FILTER, SUBSCRIBE)
                return
        if len(added) < len(subscribe.filters) and max(codes) > MAX_QOS:
            session.note_refusal(FOREIGN_TOPIC, _FOREIGN_FILTER, SUBSCRIBE)
        self._keeper = self._keeper or SubscriptionKeeper(self._reception, session)
        self._keeper.subscribe(added, lambda: session.mqtt.suback(subscribe.packet_id, codes))

    def unsubscribe(self, unsubscribe: Unsubscribe, topics: IdentityTopics) -> None:
        """Unsubscribe; what was never subscribed to is acknowledged as well."""
        session = self._session
        self._keeper = self._keeper or SubscriptionKeeper(self._reception, session)
        known = self._keeper.latest
        found = [topics.parse_filter(name) for name in unsubscribe.filters]
        codes = [_SUCCESS if each in known else _NOT_SUBSCRIBED for each in found]
        removed = frozenset(each for each in found if each is not None)
        self._keeper.unsubscribe(removed, lambda: session.mqtt.unsuback(unsubscribe.packet_id, codes))

    def forget_subscriptions(self) -> None:
        """Keep none: the device ends its session with its connection."""
        keeper = self._keeper or SubscriptionKeeper(self._reception, self._session)
        keeper.forget()

    def acknowledged(self, puback: Puback) -> None:
        """Take a PUBACK."""
        if self._commands is not None:
            self._commands.acknowledged(puback)

    # --- what control asks --------------------------------------------------------------------------------------

    def commands_ready(self) -> bool:
        """Look for commands, if they may be delivered; whether that is so."""
        session = self._session
        if Subscription.DEVICEBOUND not in session.subscriptions or not session.may(RECEIVE_COMMAND_ACTION):
            return False
        self._commands = self._commands or CommandDelivery(self._reception, session)
        self._commands.wake()
        return True

    def invoke(self, call: InvokeMethod) -> None:
        """Call a method of the device."""
        session = self._session
        if Subscription.METHODS not in session.subscriptions:
            self._fail(call, "not_subscribed")
        elif not session.may(RECEIVE_METHOD_ACTION):
            self._fail(call, "not_permitted")
        else:
            self._methods = self._methods or MethodCalls(self._reception, session)
            self._methods.invoke(call)

    def desired_changed(self, change: DesiredChanged) -> None:
        """Pass changed desired properties on to a device that listens; older ones than it was sent are dropped."""
        session = self._session
        if (
            Subscription.DESIRED_PROPERTIES in session.subscriptions
            and change.version > self._desired_version
            and session.may(READ_TWIN_ACTION)
        ):
            self._desired_version = change.version
            session.publish(desired_properties_topic(change.version), change.patch)

    # --- the session's side -------------------------------------------------------------------------------------

    def subscribed(self, former: Subscriptions) -> None:
        """Act on what was newly subscribed to."""
        if Subscription.DEVICEBOUND in self._session.subscriptions and Subscription.DEVICEBOUND not in former:
            self.commands_ready()

    def decided_again(self, change: Change) -> None:
        """Look for commands again when they were denied until now."""
        if RECEIVE_COMMAND_ACTION in change.widened:
            self.commands_ready()

    def ended(self) -> None:
        """Fail what waits for the device."""
        if self._methods is not None:
            self._methods.ended()

    def _take_method_response(self, status: int, call_id: str, payload: bytes) -> None:
        methods = self._methods
        if methods is None or not methods.is_awaited(call_id):
            return
        most = self._reception.settings.session.max_method_bytes
        if len(payload) > most:
            detail = f"a method response of {len(payload)} bytes exceeds the limit of {most}"
            self._session.break_off("message_too_large", detail, RECEIVE_METHOD_ACTION)
            return
        methods.answer(call_id, status, payload)

    def _fail(self, call: InvokeMethod, reason: str) -> None:
        self._reception.uplink.send(MethodFailed(call_id=call.call_id, reason=reason))
