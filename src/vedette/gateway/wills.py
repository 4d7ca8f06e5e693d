"""The will: telemetry on the device's behalf when its session ends without DISCONNECT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vedette.gateway.reception import Reception
from vedette.gateway.telemetry import stored_bytes
from vedette.protocols import RemoteProtocolError
from vedette.protocols.hub import IdentityTopics, Telemetry
from vedette.protocols.mqtt import Will

if TYPE_CHECKING:
    from vedette.gateway.session import HubSession

_MARK_BYTES: Final = 32


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
        reception.bags.parse(message.bag)
    except RemoteProtocolError as error:
        return error.reason
    return ""


def publish_will(reception: Reception, session: HubSession, will: Will, topics: IdentityTopics) -> None:
    """Store a will that was found good when the session opened."""
    message = topics.parse(will.topic)
    if not isinstance(message, Telemetry):
        return
    bag = reception.bags.parse(message.bag)
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
