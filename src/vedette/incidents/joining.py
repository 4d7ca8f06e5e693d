"""A new alert takes its place: further evidence of one that is there, part of an incident, or the first of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.incidents import alert_repository, group_repository
from vedette.incidents.correlation import INCIDENT_PAUSE, belong_together, tell_of_one_event
from vedette.incidents.model import RANKS, Alert, AlertState, Step, noted, severity_of, stepped
from vedette.kernel import IdSource

SYSTEM: Final = "system:incidents"
_ONE_EVENT: Final = "two rules told of the same event"


def correlate(connection: sa.Connection, alert: Alert, ids: IdSource) -> tuple[Alert, Alert | None]:
    """Return a loud alert with its incident, and the alert of the same event, if there is one."""
    near = [
        each
        for each in group_repository.find_near(connection, alert, within=INCIDENT_PAUSE)
        if each.alert_id != alert.alert_id
    ]
    for each in near:
        if tell_of_one_event(alert, each):
            parent = _spokesman(connection, each)
            if parent is not None and parent.alert_id != alert.alert_id:
                return replace(alert, incident_id=parent.incident_id), parent
    found = next((each.incident_id for each in near if each.incident_id and belong_together(alert, each)), "")
    return replace(alert, incident_id=found or ids.new("inc")), None


def joined(alert: Alert, parent: Alert, *, now: datetime) -> Alert:
    """Return an alert as further evidence of another one."""
    merged = replace(alert, is_loud=False, merged_into=parent.alert_id)
    return stepped(merged, Step("join", now, SYSTEM, _ONE_EVENT, other_id=parent.alert_id))


def grown(parent: Alert, child: Alert, *, now: datetime) -> Alert:
    """Return an alert that another one is further evidence of; it counts no more than one of them saw."""
    raised = max(parent.raised_severity, child.raised_severity, key=RANKS.__getitem__)
    taller = replace(
        parent,
        times=max(parent.times, child.times),
        first_at=min(parent.first_at, child.first_at),
        last_at=max(parent.last_at, child.last_at),
        technique=parent.technique or child.technique,
        raised_severity=raised,
        severity=severity_of(raised, parent.engine, parent.source, parent.target),
    )
    return noted(taller, Step("join", now, SYSTEM, child.rule, other_id=child.alert_id))


def _spokesman(connection: sa.Connection, alert: Alert) -> Alert | None:
    """Return the alert that speaks for another one, if somebody is to look at it."""
    found: Alert | None = alert
    if alert.merged_into:
        found = alert_repository.find(connection, alert.organization_id, alert.merged_into)
    return found if found is not None and found.is_loud and found.state is not AlertState.CLOSED else None
