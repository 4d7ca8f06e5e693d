"""A message's properties in MQTT 5 and in the hub's bag: the same things under other names.

| MQTT 5 | bag |
|---|---|
| user property | application property; ``$.``… is a system property, as in a topic |
| content type | ``$.ct`` |
| correlation data, if it is text | ``$.cid`` |
| payload format indicator 1 | ``$.ce`` = ``utf-8`` |
| message expiry interval | ``$.exp``, as a time |

A response topic has no counterpart: answers to a device's messages travel as commands and methods.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from vedette.kernel import to_rfc3339
from vedette.protocols.errors import RemoteProtocolError
from vedette.protocols.hub.bag import BagLimits, PropertyBag, check_message_id, put_property
from vedette.protocols.mqtt import NEVER_EXPIRES, NO_PROPERTIES, PublishProperties, ReasonCode

CONTENT_TYPE: Final = "ct"
CONTENT_ENCODING: Final = "ce"
CORRELATION_ID: Final = "cid"
EXPIRY: Final = "exp"
_UTF_8: Final = "utf-8"
_MAX_TOLD_BYTES: Final = 65_535


def add_message_properties(
    bag: PropertyBag, properties: PublishProperties | None, *, now: datetime, limits: BagLimits
) -> PropertyBag:
    """Return a device's bag with what MQTT 5 said beside the topic; where both say something, MQTT 5 wins.

    Args:
        bag: From the topic.
        properties: Of the PUBLISH; ``None`` and none leave the bag as it is.
        now: Wall clock, for the expiry.
        limits: The bag's.

    Raises:
        RemoteProtocolError: A limit is exceeded, or a user property has no name.
    """
    if properties is None or properties == NO_PROPERTIES:
        return bag
    system, application = dict(bag.system), dict(bag.application)
    for key, value in properties.user:
        put_property(system, application, key, value)
    if properties.content_type is not None:
        system[CONTENT_TYPE] = properties.content_type
    if properties.payload_format:
        system[CONTENT_ENCODING] = _UTF_8
    correlation = _text(properties.correlation_data)
    if correlation is not None:
        system[CORRELATION_ID] = correlation
    if properties.message_expiry_s is not None:
        system[EXPIRY] = to_rfc3339(now + timedelta(seconds=properties.message_expiry_s))
    if len(system) + len(application) > limits.max_properties:
        raise RemoteProtocolError(
            f"message has more than {limits.max_properties} properties", reason_code=ReasonCode.QUOTA_EXCEEDED
        )
    check_message_id(system, limits)
    return PropertyBag(MappingProxyType(system), MappingProxyType(application))


def to_message_properties(
    system: Mapping[str, str | None], application: Mapping[str, str | None], *, now: datetime
) -> PublishProperties:
    """Return what an MQTT 5 client is told of a message beside its topic, which holds the same bag for all clients.

    Args:
        system: By name without ``$.``.
        application: The sender's own; a value of ``None`` is told as empty, one that MQTT can't carry is left out.
        now: Wall clock: the expiry interval is what is left of ``$.exp``.
    """
    correlation, content_type = system.get(CORRELATION_ID), system.get(CONTENT_TYPE)
    return PublishProperties(
        payload_format=int((system.get(CONTENT_ENCODING) or "").lower() == _UTF_8),
        message_expiry_s=_seconds_left(system.get(EXPIRY), now),
        correlation_data=correlation.encode() if correlation is not None and _told(correlation) else None,
        content_type=content_type if _told(content_type) else None,
        user=tuple((key, value or "") for key, value in application.items() if _told(key) and _told(value)),
    )


def _text(raw: bytes | None) -> str | None:
    """Return bytes as text that a property can hold; ``None`` if they are none."""
    if raw is None:
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _told(value: str | None) -> bool:
    """Whether MQTT can carry a text, which a bag percent-encodes."""
    if value is None:
        return True
    try:
        return "\0" not in value and len(value.encode()) <= _MAX_TOLD_BYTES
    except UnicodeEncodeError:
        return False


def _seconds_left(expiry: str | None, now: datetime) -> int | None:
    if not expiry:
        return None
    try:
        until = datetime.fromisoformat(expiry)
    except ValueError:
        return None
    if until.tzinfo is None:
        return None
    return min(max(0, math.ceil((until - now).total_seconds())), NEVER_EXPIRES)
