"""The hub's traffic between gateways and control: twins, commands, methods, subscriptions, presence.

A gateway asks (``svc.…``) for what it needs an answer to. What nobody waits for, or control begins, travels at most
once on ``uplink`` and ``downlink``; each loss has its remedy: a device reads its twin again, commands are taken again,
a method call times out, presence is compared each second.
"""

from __future__ import annotations

import msgspec

from vedette.bus.contract.policies import TrafficCounts


class ReadTwin(msgspec.Struct, frozen=True, kw_only=True):
    """A device asks for its own twin."""

    organization_id: str
    gateway: str
    generation_id: str


class TwinDocument(msgspec.Struct, frozen=True):
    """The JSON the device gets: ``{"desired": {…, "$version": n}, "reported": {…, "$version": n}}``."""

    payload: bytes


class ReportProperties(msgspec.Struct, frozen=True, kw_only=True):
    """A device reports properties.

    Attributes:
        patch: JSON merge patch as received.
    """

    organization_id: str
    gateway: str
    generation_id: str
    patch: bytes


class PropertiesReported(msgspec.Struct, frozen=True):
    """The reported properties are stored, with this version."""

    version: int


class KeepSubscriptions(msgspec.Struct, frozen=True, kw_only=True):
    """Keep the subscriptions of a session that outlives its connection; they replace the kept ones.

    Attributes:
        subscriptions: ``vedette.protocols.hub.Subscription`` value and granted QoS.
    """

    organization_id: str
    gateway: str
    generation_id: str
    session_id: str
    subscriptions: dict[str, int]


class SubscriptionsKept(msgspec.Struct, frozen=True):
    """They are on disk."""


class TakeCommands(msgspec.Struct, frozen=True, kw_only=True):
    """A session takes queued commands for delivery; each taking counts as one delivery.

    Attributes:
        after_sequence: The last that this session has taken; 0 in a new session, which takes anew what its predecessor
            left unacknowledged.
        limit: Most commands to return.
    """

    organization_id: str
    gateway: str
    generation_id: str
    session_id: str
    after_sequence: int
    limit: int = 50


class QueuedCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One cloud-to-device message.

    Attributes:
        sequence: Grows within an identity's queue and is never used twice.
        delivery_count: This delivery included; above 1 it is a redelivery.
        system: Property bag keys without ``$.``.
        properties: Application properties, ``iothub-ack`` included.
    """

    sequence: int
    delivery_count: int
    system: dict[str, str | None]
    properties: dict[str, str | None]
    body: bytes

    @property
    def packet_id(self) -> int:
        """The MQTT packet id: the same at each redelivery, whatever restarts in between."""
        return (self.sequence - 1) % 65_535 + 1


class CommandsTaken(msgspec.Struct, frozen=True):
    """In order of sequence; ``more``: ask again after the last."""

    commands: list[QueuedCommand]
    more: bool = False


class CompleteCommands(msgspec.Struct, frozen=True, kw_only=True):
    """Devices acknowledged commands.

    Attributes:
        completed: Generation id and sequence.
    """

    organization_id: str
    gateway: str
    completed: list[tuple[str, int]]


class CommandsCompleted(msgspec.Struct, frozen=True):
    """They have left the queues."""


class ReportClone(msgspec.Struct, frozen=True, kw_only=True):
    """Two clients displace each other under one identity: one of them may be a copy.

    Attributes:
        takeovers: Within the last ``window_s`` seconds.
        remote_addresses: Of the connections involved, at most 8.
        certificate_sha256: What they presented, at most 8 digests; the same one twice is a copied key.
    """

    organization_id: str
    gateway: str
    generation_id: str
    takeovers: int
    window_s: int
    remote_addresses: list[str]
    certificate_sha256: list[str]


class CloneReported(msgspec.Struct, frozen=True):
    """The alert is on record."""


class SessionClosed(msgspec.Struct, frozen=True, kw_only=True, tag="session_closed"):
    """A session ended; one that was displaced says nothing of the identity's presence."""

    generation_id: str
    session_id: str
    reason: str
    closed_at_ms: int


class MethodAnswered(msgspec.Struct, frozen=True, kw_only=True, tag="method_answered"):
    """A device answered a direct method.

    Attributes:
        status: The device's own.
        payload: JSON, or empty.
    """

    call_id: str
    status: int
    payload: bytes


class MethodFailed(msgspec.Struct, frozen=True, kw_only=True, tag="method_failed"):
    """A direct method got no answer.

    Attributes:
        reason: ``not_online``, ``not_subscribed``, ``not_permitted``, ``too_many``, ``not_sent`` (the client takes no
            such message), ``closed`` or ``timeout``.
    """

    call_id: str
    reason: str


class SessionsReport(msgspec.Struct, frozen=True, kw_only=True, tag="sessions_report"):
    """All sessions of a gateway, in parts of at most 2,000, as asked by ``ReportSessions``.

    Attributes:
        sessions: Generation id, session id, ``opened_at_ms``.
        addresses: Of their other ends, in the same order; empty from an older gateway.
    """

    report_id: str
    boot_id: str
    part: int
    is_last: bool
    sessions: list[tuple[str, str, int]]
    addresses: list[str] = []


Uplink = SessionClosed | MethodAnswered | MethodFailed | SessionsReport | TrafficCounts


class CommandsReady(msgspec.Struct, frozen=True, kw_only=True, tag="commands_ready"):
    """Commands wait for an identity."""

    generation_id: str


class InvokeMethod(msgspec.Struct, frozen=True, kw_only=True, tag="invoke_method"):
    """Call a direct method; the answer is a ``MethodAnswered`` or ``MethodFailed`` on ``uplink``.

    Attributes:
        call_id: Generated; also the ``$rid`` the device sees.
        payload: JSON.
        timeout_s: How long the device may take.
    """

    call_id: str
    generation_id: str
    method: str
    payload: bytes
    timeout_s: int


class DesiredChanged(msgspec.Struct, frozen=True, kw_only=True, tag="desired_changed"):
    """Desired properties changed.

    Attributes:
        patch: JSON as the device gets it, ``$version`` included.
    """

    generation_id: str
    version: int
    patch: bytes


class ReportSessions(msgspec.Struct, frozen=True, kw_only=True, tag="report_sessions"):
    """Asks a gateway for all of its sessions."""

    report_id: str


Downlink = CommandsReady | InvokeMethod | DesiredChanged | ReportSessions
