"""Alerts as security event systems read them: OCSF Detection Finding and the Elastic Common Schema. Pure.

Source:
    OCSF 1.8.0, class Detection Finding (2004) with the profile Incident; ECS 8.17.
"""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final

from vedette.incidents.model import RANKS, Alert, AlertState, End, Engine, Verdict
from vedette.kernel import to_rfc3339
from vedette.protocols.attack import TECHNIQUES, VERSION

OCSF_VERSION: Final = "1.8.0"
ECS_VERSION: Final = "8.17.0"
_CLASS: Final = 2004
_CREATE, _UPDATE, _CLOSE = 1, 2, 3
_ACTIVITIES: Final = {_CREATE: "Create", _UPDATE: "Update", _CLOSE: "Close"}
_NEW, _IN_PROGRESS, _SUPPRESSED, _RESOLVED = 1, 2, 3, 4
_STATUSES: Final = {_NEW: "New", _IN_PROGRESS: "In Progress", _SUPPRESSED: "Suppressed", _RESOLVED: "Resolved"}
_VERDICTS: Final = {
    Verdict.NONE: (0, "Unknown"),
    Verdict.FALSE_POSITIVE: (1, "False Positive"),
    Verdict.TRUE_POSITIVE: (2, "True Positive"),
    Verdict.BENIGN: (5, "Benign"),
    Verdict.AUTHORIZED: (6, "Test"),
}
_ECS_SEVERITIES: Final = (10, 21, 47, 73, 99)
_RULE, _BEHAVIORAL = (1, "Rule"), (2, "Behavioral")

Document = dict[str, Any]  # Any: JSON


def to_ocsf(alert: Alert) -> Document:
    """Return an alert as an OCSF Detection Finding; what the class has no attribute for stands in ``unmapped``."""
    activity = _activity(alert)
    status = _status(alert)
    verdict_id, verdict = _VERDICTS[alert.verdict]
    rank = RANKS[alert.severity]
    found: Document = {
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "activity_id": activity,
        "activity_name": _ACTIVITIES[activity],
        "type_uid": _CLASS * 100 + activity,
        "type_name": f"Detection Finding: {_ACTIVITIES[activity]}",
        "time": _millis(alert.changed_at or alert.received_at),
        "start_time": _millis(alert.first_at),
        "end_time": _millis(alert.last_at),
        "count": alert.times,
        "severity_id": rank + 1,
        "severity": alert.severity.value.capitalize(),
        "status_id": status,
        "status": _STATUSES[status],
        "verdict_id": verdict_id,
        "verdict": verdict,
        "is_alert": alert.is_loud and alert.state is not AlertState.CLOSED,
        "message": alert.title,
        "metadata": {
            "version": OCSF_VERSION,
            "profiles": ["incident"],
            "uid": alert.alert_id,
            "product": {"name": "Vedette", "vendor_name": "Vedette", "feature": {"name": alert.sensor_name}},
        },
        "finding_info": _finding_info(alert),
        "unmapped": {
            "protocol": alert.protocol,
            "key": alert.key,
            "site": alert.site,
            "sensor": alert.sensor_name,
            "raised_severity": alert.raised_severity.value,
            "exception_id": alert.exception_id,
            "merged_into": alert.merged_into,
            "detail": dict(alert.detail),
        },
    }
    ends = {"src_endpoint": _endpoint(alert.source), "dst_endpoint": _endpoint(alert.target)}
    found |= {"evidences": [{name: end for name, end in ends.items() if end}]} if any(ends.values()) else {}
    if alert.target.address:
        target = alert.target
        found["resources"] = [{"uid": target.asset_id or target.address, "name": target.name or target.address}]
    if alert.ticket_id:
        found["tickets"] = [{"uid": alert.ticket_id}]
    return found


def to_ecs(alert: Alert) -> Document:
    """Return an alert as a document of the Elastic Common Schema."""
    found: Document = {
        "@timestamp": to_rfc3339(alert.last_at),
        "ecs": {"version": ECS_VERSION},
        "message": alert.title,
        "event": {
            "kind": "alert",
            "category": ["malware"] if alert.engine is Engine.MALWARE else ["intrusion_detection"],
            "type": ["allowed"] if alert.ticket_id else ["info"],
            "id": alert.alert_id,
            "module": "vedette",
            "dataset": "vedette.alerts",
            "action": alert.rule,
            "severity": _ECS_SEVERITIES[RANKS[alert.severity]],
            "created": to_rfc3339(alert.received_at),
            "start": to_rfc3339(alert.first_at),
            "end": to_rfc3339(alert.last_at),
        },
        "rule": {"id": alert.rule, "category": alert.engine.value},
        "observer": {"type": "sensor", "vendor": "Vedette", "product": "Vedette", "name": alert.sensor_name},
        "labels": {
            "alert_state": alert.state.value,
            "alert_verdict": alert.verdict.value or "none",
            "site": alert.site,
            "times": str(alert.times),
        },
    }
    if alert.reason:
        found["event"]["reason"] = alert.reason
    if alert.protocol:
        found["network"] = {"protocol": alert.protocol.lower()}
    if alert.technique:
        known = TECHNIQUES.get(alert.technique)
        technique = {"id": [alert.technique]} | ({} if known is None else {"name": [known.name]})
        found["threat"] = {"framework": "MITRE ATT&CK", "technique": technique}
    for name, end in (("source", alert.source), ("destination", alert.target)):
        if end.address:
            found[name] = _ecs_end(end)
    return found


def _finding_info(alert: Alert) -> Document:
    type_id, kind = _BEHAVIORAL if alert.engine is Engine.ANOMALY else _RULE
    found: Document = {
        "uid": alert.alert_id,
        "uid_alt": alert.sensor_alert_id,
        "title": alert.title,
        "types": [alert.engine.value],
        "created_time": _millis(alert.received_at),
        "modified_time": _millis(alert.changed_at or alert.received_at),
        "first_seen_time": _millis(alert.first_at),
        "last_seen_time": _millis(alert.last_at),
        "analytic": {"uid": alert.rule, "name": alert.rule, "type_id": type_id, "type": kind},
    }
    if alert.technique:
        known = TECHNIQUES.get(alert.technique)
        technique = {"uid": alert.technique} | ({} if known is None else {"name": known.name})
        found["attacks"] = [{"version": VERSION, "technique": technique}]
    return found


def _activity(alert: Alert) -> int:
    if alert.state is AlertState.CLOSED:
        return _CLOSE
    return _UPDATE if alert.revision > 1 or alert.times > 1 else _CREATE


def _status(alert: Alert) -> int:
    if alert.state is AlertState.CLOSED:
        return _RESOLVED
    if not alert.is_loud:
        return _SUPPRESSED
    return _IN_PROGRESS if alert.state is AlertState.ACKNOWLEDGED else _NEW


def _endpoint(end: End) -> Document:
    if not end.address:
        return {}
    found: Document = {"ip" if is_ip(end.address) else "mac": end.address}
    if end.name:
        found["name"] = end.name
    if end.asset_id:
        found["uid"] = end.asset_id
    return found


def _ecs_end(end: End) -> Document:
    found: Document = {"address": end.address}
    if is_ip(end.address):
        found["ip"] = end.address
    else:
        found["mac"] = end.address.upper().replace(":", "-")
    return found


def is_ip(address: str) -> bool:
    """Tell whether an address is one of IP, and not of a link layer."""
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
