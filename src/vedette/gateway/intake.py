"""What one device publishes: telemetry is checked and handed to the writer, everything else to the services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vedette.gateway.pacing import DeviceRate
from vedette.gateway.reception import Reception
from vedette.gateway.rights import SEND_TELEMETRY, SessionRights
from vedette.gateway.telemetry import stored_bytes
from vedette.gateway.traffic import NO_TALLY
from vedette.protocols import RemoteProtocolError
from vedette.protocols.hub import IdentityTopics, PropertyBag, Telemetry, add_message_properties
from vedette.protocols.mqtt import NO_PROPERTIES, Publish, PublishProperties

if TYPE_CHECKING:
    from vedette.gateway.session import HubSession

Properties = tuple[dict[str, str | None], dict[str, str | None]]
# A topic, its properties, and what they take up in a batch.
_Bag = tuple[str, Properties, int]

_NO_PROPERTIES: Final[Properties] = ({}, {})
# A longer topic is not worth the memory.
_MAX_REMEMBERED_CHARS: Final = 512


class Intake:
    """Takes the messages of one session; made with the first one.

    Args:
        reception: What all connections share.
        session: Whose messages they are.
        topics: The identity's own.
        rights: What it may do.
        now_s: Monotonic time.
    """

    __slots__ = ("_bag_cache", "_reception", "_rights", "_session", "_tally", "_topics", "rate")

    def __init__(
        self, reception: Reception, session: HubSession, topics: IdentityTopics, rights: SessionRights, now_s: float
    ) -> None:
        self._reception = reception
        self._session = session
        self._topics = topics
        self._rights = rights
        self._bag_cache: _Bag = ("", _NO_PROPERTIES, 0)
        self._tally = NO_TALLY
        self.rate = DeviceRate(reception.settings.session, now_s)

    def take(self, publish: Publish, now_s: float, now_ms: int) -> float:
        """Act on a message and return for how long reading should pause."""
        topic = publish.topic
        session = self._session
        cached = self._bag_cache
        if topic != cached[0]:
            read = self._read_topic(publish)
            if read is None:
                return self.rate.take(len(publish.payload), now_s)
            cached = read
        if not (self._rights.permits.get(SEND_TELEMETRY) or session.may(SEND_TELEMETRY)):
            if session.is_open:
                session.deny_telemetry(publish)
            return self.rate.take(len(publish.payload), now_s)
        properties, bag_bytes = cached[1], cached[2]
        if publish.properties is not None and publish.properties is not NO_PROPERTIES:
            joined = self._join(properties, publish.properties)
            if joined is None:
                return 0
            properties, bag_bytes = joined
        body = publish.payload
        size = len(body) + bag_bytes
        if size > self._reception.settings.session.max_message_bytes and self._is_too_large(body, properties):
            return 0
        if publish.retain:
            properties = (properties[0], {**properties[1], "mqtt-retain": "true"})
        if not self._reception.telemetry.append(
            session,
            body,
            qos=publish.qos,
            packet_id=publish.packet_id,
            properties=properties,
            properties_bytes=bag_bytes,
            enqueued_at_ms=now_ms,
        ):
            session.pause()
        tally = self._tally
        if tally.is_over:
            tally = self._tally = self._reception.traffic.tally(session.generation_id)
        tally.messages += 1
        tally.size_bytes += len(body)
        return self.rate.take(size, now_s)

    def _read_topic(self, publish: Publish) -> _Bag | None:
        """Return a telemetry topic and its properties; ``None``: it is none, and was served or ended the session."""
        topic, session = publish.topic, self._session
        message = self._topics.parse(topic)
        if type(message) is not Telemetry:
            self._reception.traffic.request(session.generation_id)
            session.serve().take(publish, message)
            return None
        try:
            bag = self._reception.bags.parse(message.bag)
        except RemoteProtocolError as error:
            session.break_off("protocol_error", error.reason, SEND_TELEMETRY)
            return None
        read = (topic, (dict(bag.system), dict(bag.application)), stored_bytes(bag))
        if len(topic) <= _MAX_REMEMBERED_CHARS:
            self._bag_cache = read
        return read

    def _join(self, bag: Properties, properties: PublishProperties) -> tuple[Properties, int] | None:
        """Add what MQTT 5 says of a message beside its topic; ``None``: it broke a limit, and the session is over."""
        try:
            limits = self._reception.bags.limits
            joined = add_message_properties(
                PropertyBag(*bag), properties, now=self._reception.clock.now(), limits=limits
            )
        except RemoteProtocolError as error:
            self._session.break_off("protocol_error", error.reason, SEND_TELEMETRY)
            return None
        return (dict(joined.system), dict(joined.application)), stored_bytes(joined)

    def _is_too_large(self, body: bytes, properties: Properties) -> bool:
        """Count as the contract does: body, system values, application names and values."""
        system, application = properties
        size = len(body) + sum(len((value or "").encode()) for value in system.values())
        size += sum(len(key.encode()) + len((value or "").encode()) for key, value in application.items())
        limit = self._reception.settings.session.max_message_bytes
        if size <= limit:
            return False
        detail = f"a message of {size} bytes exceeds the limit of {limit}"
        self._session.break_off("message_too_large", detail, SEND_TELEMETRY)
        return True
