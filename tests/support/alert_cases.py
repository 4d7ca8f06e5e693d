"""Cases of alerts: traffic that raises a rule, and like traffic that does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import packets as build
from industrial import Frames

from vedette.sensor import Alert, Makers, Sensor
from vedette.sensor.rules import RULES, Settings

Changes = dict[str, dict[str, Any]]  # Any: TOML


class Case(NamedTuple):
    """What one alert meaning is proved with."""

    rule: str
    does: Callable[[], Frames]
    does_not: Callable[[], Frames]
    changes: Changes | None = None


def sensor_after(frames: Frames, settings: Settings | None = None, *, is_over: bool = True) -> Sensor:
    """Let a sensor hear timed frames."""
    sensor = Sensor(makers=Makers(Path("/dev/null")), rules=settings)
    sensor.read([(build.START_NS + int(at * 1e9), 1, frame, len(frame)) for at, frame in frames])
    if is_over:
        sensor.finish()
    return sensor


def alerts_of(frames: Frames, changes: Changes | None = None) -> list[Alert]:
    """Return the alerts that timed frames raise."""
    return sensor_after(frames, Settings(RULES, changes)).report.alerts


def rules_of(frames: Frames, changes: Changes | None = None) -> set[str]:
    """Return the rules that timed frames raise."""
    return {alert.rule for alert in alerts_of(frames, changes)}
