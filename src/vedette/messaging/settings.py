"""Limits of the room; what an operator may set arrives here from the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

KIBIBYTE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSettings:
    """Limits of the commands that wait for devices, and of the feedback on them.

    Attributes:
        depth: Commands that may wait for one device.
        size_bytes: Largest command: body, system values, names and values of properties.
        bag_chars: Longest property bag, percent-encoded as it stands in the topic.
        properties: Most properties of one command.
        time_to_live: Of a command that names none.
        longest_time_to_live: Most that a command may ask for.
        delivery_count: Deliveries before a command is given up.
        feedback_records: Most records of feedback kept; the oldest go first.
        feedback_age: Feedback older than this goes.
        feedback_lock: How long a consumer may take over a batch.
        feedback_batch: Most records in a batch.
    """

    depth: int = 50
    size_bytes: int = 64 * KIBIBYTE
    bag_chars: int = 15 * KIBIBYTE
    properties: int = 64
    time_to_live: timedelta = timedelta(hours=1)
    longest_time_to_live: timedelta = timedelta(hours=48)
    delivery_count: int = 10
    feedback_records: int = 100_000
    feedback_age: timedelta = timedelta(hours=48)
    feedback_lock: timedelta = timedelta(seconds=60)
    feedback_batch: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSettings:
    """Limits of direct methods.

    Attributes:
        payload_bytes: Largest payload, each way.
        name_chars: Longest method name.
        calls: Calls under way in all, those that wait for a device included.
        calls_of_identity: Calls under way to one identity.
        report_wait_s: How long a call waits to learn who is connected, when that is not known.
        grace_s: How much longer than the device may take the gateway's answer is waited for.
    """

    payload_bytes: int = 128 * KIBIBYTE
    name_chars: int = 100
    calls: int = 2_000
    calls_of_identity: int = 16
    report_wait_s: float = 2.0
    grace_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySettings:
    """How sessions at gateways are followed.

    Attributes:
        sessions: Most sessions remembered.
        gateways: Most gateways remembered.
        silence_s: A gateway whose heartbeat is missing for longer has lost its sessions.
        mismatch_s: How long counts may differ before a gateway is asked for all its sessions.
        report_timeout_s: A report that is not complete by then is asked for again.
        stall_s: A pause of this process that makes nobody else silent.
    """

    sessions: int = 1_000_000
    gateways: int = 1_024
    silence_s: float = 3.0
    mismatch_s: float = 3.0
    report_timeout_s: float = 10.0
    stall_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingSettings:
    """All limits of the room.

    Attributes:
        commands: Of queued commands and their feedback.
        methods: Of direct methods.
        directory: Of the sessions at gateways.
        subscription_cache: Identities whose kept subscriptions are remembered; 0 where several processes share the
            database.
    """

    commands: CommandSettings = CommandSettings()
    methods: MethodSettings = MethodSettings()
    directory: DirectorySettings = DirectorySettings()
    subscription_cache: int = 100_000
