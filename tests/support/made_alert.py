"""An alert as the room keeps it, for tests that need no database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from vedette.incidents import Alert, End, Engine, Severity
from vedette.kernel import DeviceId, GenerationId, OrganizationId

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORGANIZATION = OrganizationId("org_1")


def alert(**changes: Any) -> Alert:
    """Return a stopped controller, or another alert."""
    fields: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "alert_id": "alr_1",
        "sensor_id": GenerationId("dev_1"),
        "sensor_name": DeviceId("probe"),
        "site": "north",
        "sensor_alert_id": "1",
        "rule": "ot.controller_stop",
        "engine": Engine.OPERATIONAL,
        "severity": Severity.HIGH,
        "raised_severity": Severity.HIGH,
        "title": "it stopped",
        "source": End(address="10.0.0.9"),
        "target": End(address="10.0.0.2"),
        "protocol": "s7comm",
        "technique": "T0858",
        "is_learnable": True,
        "key": "stop",
        "first_at": NOW,
        "last_at": NOW,
        "received_at": NOW,
        "times": 1,
    }
    return Alert(**{**fields, **changes})
