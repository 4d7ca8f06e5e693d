"""Alerts: what rules raise about what they hear. The rules themselves are listeners, given to the sensor."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec

from vedette.sensor.flows import Flow
from vedette.sensor.listener import Listener


class Severity(StrEnum):
    """How soon somebody must look."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Engine(StrEnum):
    """What kind of detection raised an alert."""

    POLICY = "policy"
    """Something that was not learned as normal, or that a rule of the operator forbids."""
    ANOMALY = "anomaly"
    PROTOCOL = "protocol"
    """A message broke its protocol's rules."""
    MALWARE = "malware"
    OPERATIONAL = "operational"


class Alert(msgspec.Struct):
    """A detection on behavior."""

    at_ns: int
    rule: str
    """Its id: ``ot.controller_stop``."""
    severity: Severity
    title: str
    """What happened, in words."""
    source: str = ""
    """Address of who did it."""
    target: str = ""
    protocol: str = ""
    technique: str = ""
    """ATT&CK for ICS id."""
    detail: dict[str, str | int | None] = msgspec.field(default_factory=dict)
    engine: Engine = Engine.POLICY
    key: str = ""
    """What learning or suppressing it would match, beside rule, source and target: ``modbus write 40``."""
    is_learnable: bool = False
    """Whether a person may say that this is normal from now on."""
    last_ns: int = 0
    """Of its last repetition; 0: it was not repeated."""
    times: int = 1
    flow: Flow | None = None
    """Whose packets are the evidence."""


RaiseAlert = Callable[[Alert], None]


class Rule(Listener):
    """A listener that raises alerts.

    Args:
        raise_alert: Where they go.
    """

    __slots__ = ("raise_alert",)

    def __init__(self, raise_alert: RaiseAlert) -> None:
        self.raise_alert: Final = raise_alert
