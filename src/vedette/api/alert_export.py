"""Alerts as files: for spreadsheets, programs and security event systems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from vedette.api.alert_views import AlertView, show_alert
from vedette.incidents import Alert, to_ecs, to_ocsf, to_stix
from vedette.kernel import escape_csv, to_rfc3339

Format = Literal["csv", "json", "ocsf", "ecs", "stix"]

_COLUMNS: Final[dict[str, Callable[[Alert], object]]] = {
    "alert_id": lambda alert: alert.alert_id,
    "severity": lambda alert: alert.severity.value,
    "state": lambda alert: alert.state.value,
    "verdict": lambda alert: alert.verdict.value,
    "title": lambda alert: alert.title,
    "rule": lambda alert: alert.rule,
    "engine": lambda alert: alert.engine.value,
    "technique": lambda alert: alert.technique,
    "source": lambda alert: alert.source.address,
    "source_name": lambda alert: alert.source.name,
    "source_device": lambda alert: alert.source.device_id,
    "target": lambda alert: alert.target.address,
    "target_name": lambda alert: alert.target.name,
    "target_device": lambda alert: alert.target.device_id,
    "protocol": lambda alert: alert.protocol,
    "site": lambda alert: alert.site,
    "sensor": lambda alert: alert.sensor_name,
    "first_at": lambda alert: to_rfc3339(alert.first_at),
    "last_at": lambda alert: to_rfc3339(alert.last_at),
    "times": lambda alert: alert.times,
    "exception_id": lambda alert: alert.exception_id,
    "ticket_id": lambda alert: alert.ticket_id,
    "merged_into": lambda alert: alert.merged_into,
    "changed_by": lambda alert: alert.changed_by,
    "reason": lambda alert: alert.reason,
}
MEDIA_TYPES: Final = {
    "csv": "text/csv; charset=utf-8; header=present",
    "json": "application/json",
    "ocsf": "application/x-ndjson",
    "ecs": "application/x-ndjson",
    "stix": "application/stix+json;version=2.1",
}
SUFFIXES: Final = {"csv": "csv", "json": "json", "ocsf": "ocsf.ndjson", "ecs": "ecs.ndjson", "stix": "stix.json"}


def write_alerts(alerts: Sequence[Alert], form: Format) -> bytes:
    """Return alerts as a file; takes long for many, so it runs in a thread."""
    match form:
        case "csv":
            lines = [
                ",".join(_COLUMNS),
                *(",".join(escape_csv(str(cell(each))) for cell in _COLUMNS.values()) for each in alerts),
            ]
            return ("\r\n".join(lines) + "\r\n").encode()
        case "json":
            return msgspec.json.encode([_plain(show_alert(each)) for each in alerts])
        case "ocsf":
            return b"".join(msgspec.json.encode(to_ocsf(each)) + b"\n" for each in alerts)
        case "ecs":
            return b"".join(msgspec.json.encode(to_ecs(each)) + b"\n" for each in alerts)
        case "stix":
            return msgspec.json.encode(to_stix(alerts))


def _plain(view: AlertView) -> object:
    return view.model_dump(mode="json")
