"""Commands to devices and the feedback on them: what they hold, and their limits. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from vedette.kernel import DeviceId, GenerationId, OrganizationId, to_rfc3339
from vedette.messaging.errors import CommandTooLarge, InvalidCommand
from vedette.messaging.settings import CommandSettings
from vedette.protocols.hub import build_bag

MESSAGE_ID_MAX_CHARS: Final = 128
ACK_PROPERTY: Final = "iothub-ack"
_VALUE_MAX_CHARS: Final = 4096
_NAME_MAX_CHARS: Final = 128
_SHORTEST: Final = timedelta(seconds=1)
# What would be read as the hub's own: system keys, stamps.
_RESERVED: Final = ("$", "iothub-")
# Control characters and halves of surrogate pairs: no client expects them, and PostgreSQL refuses some.
_UNSTORABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Ack(StrEnum):
    """The feedback that a sender asks for."""

    NONE = "none"
    POSITIVE = "positive"
    NEGATIVE = "negative"
    FULL = "full"

    def wants(self, outcome: Outcome) -> bool:
        """Tell whether the sender asked to hear of an outcome."""
        if self is Ack.FULL:
            return True
        return self is (Ack.POSITIVE if outcome is Outcome.SUCCESS else Ack.NEGATIVE)


class Outcome(StrEnum):
    """How a command left its queue."""

    SUCCESS = "Success"
    EXPIRED = "Expired"
    DELIVERY_COUNT_EXCEEDED = "DeliveryCountExceeded"
    REJECTED = "Rejected"
    PURGED = "Purged"


DESCRIPTIONS: Final = {
    Outcome.SUCCESS: "The device acknowledged the command.",
    Outcome.EXPIRED: "The command's time to live ended before the device acknowledged it.",
    Outcome.DELIVERY_COUNT_EXCEEDED: "The command was delivered as often as allowed, and never acknowledged.",
    Outcome.REJECTED: "The device rejected the command.",
    Outcome.PURGED: "The command was purged from the queue.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommand:
    """A command as its sender gives it.

    Attributes:
        body: Opaque to the hub; may be empty.
        message_id: Comes back in the feedback; by default the command's id.
        properties: The sender's own, for the device.
        time_to_live: By default that of the settings.
    """

    body: bytes
    message_id: str | None = None
    correlation_id: str | None = None
    user_id: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    ack: Ack = Ack.NONE
    time_to_live: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command in its queue; the body is for the device only.

    Attributes:
        sequence: Grows within a device's queue and is never used twice.
        system: Property bag keys without ``$.``.
        size_bytes: What counts against the limit: body and properties.
        delivery_count: How often it was handed to a session of the device.
    """

    organization_id: OrganizationId
    generation_id: GenerationId
    device_id: DeviceId
    sequence: int
    command_id: str
    message_id: str
    ack: Ack
    system: Mapping[str, str]
    properties: Mapping[str, str]
    size_bytes: int
    enqueued_at: datetime
    expires_at: datetime
    delivery_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What became of a command whose sender asked to know.

    Attributes:
        position: Grows within an organization and is never used twice.
        occurred_at: When the command left its queue.
    """

    organization_id: OrganizationId
    position: int
    generation_id: GenerationId
    device_id: DeviceId
    command_id: str
    message_id: str
    outcome: Outcome
    description: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class FeedbackPage:
    """Feedback oldest first; ``next`` reads on, ``None`` at the end."""

    items: list[Feedback]
    next: int | None


@dataclass(frozen=True, slots=True)
class FeedbackBatch:
    """Feedback that one consumer holds until ``locked_until``."""

    lock: str
    locked_until: datetime
    items: list[Feedback]


def check_command(new: NewCommand, settings: CommandSettings) -> tuple[dict[str, str], int]:
    """Check a command and return its system properties, without message id, and its size.

    Raises:
        InvalidCommand: A text or the time to live is outside its limits.
        CommandTooLarge: Body and properties are over the limit.
    """
    given = {
        "mid": new.message_id,
        "cid": new.correlation_id,
        "uid": new.user_id,
        "ct": new.content_type,
        "ce": new.content_encoding,
    }
    system = {key: value for key, value in given.items() if value is not None}
    for key, value in system.items():
        _check_text(f"$.{key}", value, MESSAGE_ID_MAX_CHARS)
    if system.get("mid") == "":
        raise InvalidCommand("the message id is empty", hint="leave it out, and the command's id is used")
    if len(new.properties) > settings.properties:
        raise InvalidCommand(f"a command has at most {settings.properties} properties", limit=settings.properties)
    for name, value in new.properties.items():
        _check_name(name)
        _check_text(name, value, _VALUE_MAX_CHARS)
    if new.time_to_live is not None and not _SHORTEST <= new.time_to_live <= settings.longest_time_to_live:
        longest = settings.longest_time_to_live
        raise InvalidCommand(f"the time to live is 1 s to {longest / timedelta(hours=1):g} h")
    size = len(new.body) + sum(len(value.encode()) for value in system.values())
    size += sum(len(name.encode()) + len(value.encode()) for name, value in new.properties.items())
    if size > settings.size_bytes:
        raise CommandTooLarge(
            f"a command of {size} bytes is over the limit of {settings.size_bytes}", limit=settings.size_bytes
        )
    chars = len(build_bag(system, new.properties))
    if chars > settings.bag_chars:
        raise CommandTooLarge(
            f"the properties take {chars} characters in the topic, {settings.bag_chars} are allowed",
            hint="put what is long into the body",
            limit=settings.bag_chars,
        )
    system.pop("mid", None)
    return system, size


def system_properties(command: Command) -> dict[str, str | None]:
    """Return the system properties as the device gets them."""
    return {
        "mid": command.message_id,
        "to": f"/devices/{command.device_id}/messages/devicebound",
        "exp": to_rfc3339(command.expires_at),
        **command.system,
    }


def application_properties(command: Command) -> dict[str, str | None]:
    """Return the application properties as the device gets them."""
    asked = {} if command.ack is Ack.NONE else {ACK_PROPERTY: command.ack.value}
    return {**asked, **command.properties}


def _check_name(name: str) -> None:
    if not name or name.lower().startswith(_RESERVED):
        raise InvalidCommand(
            f"{name[:80]!r} cannot name a property", hint="names are not empty, nor begin with $ or iothub-"
        )
    _check_text("a property's name", name, _NAME_MAX_CHARS)


def _check_text(what: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise InvalidCommand(f"{what[:80]} has {len(text)} characters, {limit} are allowed", limit=limit)
    if not text.isprintable() and _UNSTORABLE.search(text):
        raise InvalidCommand(f"{what[:80]} holds a control character", hint="put such bytes into the body")
