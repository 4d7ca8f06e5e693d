"""The will: telemetry on the device's behalf when its session ends without DISCONNECT."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from vedette.gateway.telemetry import stored_bytes
from vedette.protocols import RemoteProtocolError
from vedette.protocols.hub import IdentityTopics, PropertyBag, Telemetry, add_message_properties
from vedette.protocols.mqtt import Will

if TYPE_CHECKING:
    from vedette.gateway.reception import Reception
    from vedette.gateway.session import HubSession

_MARK_BYTES: Final = 32
_MAX_DELAYED: Final = 10_000
_LONGEST_DELAY_S: Final = 86_400


class WillTable:
    """Wills whose clients asked to hold them back for a while, in case they return (MQTT 5).

    Args:
        loop: For the delays.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._delayed: dict[str, tuple[asyncio.TimerHandle, Callable[[], None]]] = {}

    def __len__(self) -> int:
        """How many are held back."""
        return len(self._delayed)

    def hold(self, generation_id: str, delay_s: int, publish: Callable[[], None]) -> None:
        """Publish after a delay, unless the identity is back before; with too many held back, publish now."""
        self.drop(generation_id)
        if len(self._delayed) >= _MAX_DELAYED:
            publish()
            return
        timer = self._loop.call_later(min(delay_s, _LONGEST_DELAY_S), self._is_due, generation_id)
        self._delayed[generation_id] = (timer, publish)

    def drop(self, generation_id: str) -> None:
        """Forget the will of an identity that is back."""
        delayed = self._delayed.pop(generation_id, None)
        if delayed is not None:
            delayed[0].cancel()

    def publish_all(self) -> None:
        """Publish what is held back: the gateway is stopping."""
        for generation_id in list(self._delayed):
            self._delayed[generation_id][0].cancel()
            self._is_due(generation_id)

    def _is_due(self, generation_id: str) -> None:
        _, publish = self._delayed.pop(generation_id)
        publish()


def find_flaw(reception: Reception, will: Will | None, topics: IdentityTopics) -> str:
    """Return what is wrong with a will: its topic must be the identity's own, its bag one that can be stored."""
    if will is None:
        return ""
    message = topics.parse(will.topic)
    if not isinstance(message, Telemetry):
        return "the will's topic is not the device's own telemetry topic"
    if will.qos > 1:
        return "QoS 2 is not served"
    try:
        _bag_of(reception, will, message)
    except RemoteProtocolError as error:
        return error.reason
    return ""


def publish_will(reception: Reception, session: HubSession, will: Will, topics: IdentityTopics) -> None:
    """Store a will that was found good when the session opened, now or after the delay it asks for."""
    message = topics.parse(will.topic)
    if not isinstance(message, Telemetry):
        return
    store = functools.partial(_store, reception, session, will, message)
    if will.delay_s and session.is_durable:
        reception.wills.hold(session.generation_id, will.delay_s, store)
    else:
        store()


def _store(reception: Reception, session: HubSession, will: Will, message: Telemetry) -> None:
    bag = _bag_of(reception, will, message)
    application = {**bag.application, "iothub-MessageType": "Will"}
    if will.retain:
        application["mqtt-retain"] = "true"
    reception.telemetry.append(
        session,
        will.payload,
        qos=0,
        packet_id=0,
        properties=(dict(bag.system), application),
        properties_bytes=stored_bytes(bag) + _MARK_BYTES,
        enqueued_at_ms=reception.now_ms(),
    )


def _bag_of(reception: Reception, will: Will, message: Telemetry) -> PropertyBag:
    bag = reception.bags.parse(message.bag)
    return add_message_properties(bag, will.properties, now=reception.clock.now(), limits=reception.bags.limits)
