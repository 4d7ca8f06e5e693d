"""What the room tells: facts about commands, methods and clones, past tense."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class CommandQueued(msgspec.Struct, frozen=True, kw_only=True):
    """A command waits for a device."""

    name: ClassVar[str] = "messaging.command_queued"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    command_id: str
    message_id: str
    sequence: int
    size_bytes: int
    expires_at: str


class CommandsPurged(msgspec.Struct, frozen=True, kw_only=True):
    """Commands were taken out of a device's queue; none of them is delivered any more."""

    name: ClassVar[str] = "messaging.commands_purged"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    count: int
    reason: str = ""


class MethodFinished(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a direct method is over.

    A call whose caller went away, or whose process ended, has no such end, only its ledger entry: the device may have
    done what was asked.

    Attributes:
        outcome: ``answered``, or the code of the problem the caller got.
        status: The device's own, if it answered.
        duration_ms: From the ledger entry of the call on.
    """

    name: ClassVar[str] = "messaging.method_finished"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    module_id: str | None
    call_id: str
    method: str
    outcome: str
    status: int | None
    duration_ms: int


class CloneSuspected(msgspec.Struct, frozen=True, kw_only=True):
    """Two clients use one identity: one of them may be a copy.

    Attributes:
        is_same_certificate: Only one certificate was seen: if there are two clients, its key was copied.
        is_reopened: An earlier alert was acknowledged, and here is new evidence.
    """

    name: ClassVar[str] = "messaging.clone_suspected"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    module_id: str | None
    alert_id: str
    takeovers: int
    remote_addresses: tuple[str, ...]
    certificate_sha256: tuple[str, ...]
    is_same_certificate: bool
    is_reopened: bool = False


class CloneAlertAcknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """An operator has looked into a clone alert."""

    name: ClassVar[str] = "messaging.clone_alert_acknowledged"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    alert_id: str
    reason: str
