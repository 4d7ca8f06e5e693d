"""The streams, and the step that makes them: run by the migrator before any other process connects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vedette.bus.connection import BusConnection
from vedette.bus.contract import DECISIONS_STREAM, EVENTS_STREAM, TELEMETRY_STREAM
from vedette.bus.jetstream import NANOSECONDS, JetStream, StreamConfig

GIBIBYTE: Final = 1_073_741_824


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """How long and how much is kept.

    Attributes:
        telemetry_age: Telemetry older than this is removed.
        telemetry_bytes: The oldest telemetry goes when the stream is larger.
        decisions_age: Access decisions older than this are removed.
        decisions_bytes: The oldest decisions go when the stream is larger.
        events_age: Domain events older than this are removed; the ledger keeps them for good.
        events_bytes: The oldest events go when the stream is larger.
        posture_bytes: Bound of the posture bucket; a full bucket refuses new records.
        replicas: Copies in a cluster; 1 for a single server.
    """

    telemetry_age: timedelta = timedelta(days=7)
    telemetry_bytes: int = 10 * GIBIBYTE
    decisions_age: timedelta = timedelta(days=30)
    decisions_bytes: int = 2 * GIBIBYTE
    events_age: timedelta = timedelta(days=30)
    events_bytes: int = 2 * GIBIBYTE
    posture_bytes: int = 8 * GIBIBYTE
    replicas: int = 1


async def ensure_streams(devices: BusConnection, control: BusConnection, settings: StreamSettings) -> None:
    """Make every stream, or bring existing ones to these settings; idempotent.

    Args:
        devices: Connected as ``migrator``, in the account ``DEVICES``.
        control: Connected as ``migrator-events``, in the account ``CONTROL``.
        settings: What to keep.

    Raises:
        JetStreamError: The server refused.
    """
    await JetStream(devices).ensure_stream(
        StreamConfig(
            name=TELEMETRY_STREAM,
            subjects=["telemetry.*.*"],
            max_age=_nanoseconds(settings.telemetry_age),
            max_bytes=settings.telemetry_bytes,
            num_replicas=settings.replicas,
        )
    )
    await JetStream(devices).ensure_stream(
        StreamConfig(
            name=DECISIONS_STREAM,
            subjects=["decision.*.*.*"],
            max_age=_nanoseconds(settings.decisions_age),
            max_bytes=settings.decisions_bytes,
            num_replicas=settings.replicas,
        )
    )
    await JetStream(control).ensure_stream(
        StreamConfig(
            name=EVENTS_STREAM,
            subjects=["event.*.*.*"],
            max_age=_nanoseconds(settings.events_age),
            max_bytes=settings.events_bytes,
            num_replicas=settings.replicas,
        )
    )
    await JetStream(control).ensure_kv_bucket("posture", max_bytes=settings.posture_bytes, replicas=settings.replicas)


def _nanoseconds(age: timedelta) -> int:
    return round(age / timedelta(microseconds=1)) * (NANOSECONDS // 1_000_000)
