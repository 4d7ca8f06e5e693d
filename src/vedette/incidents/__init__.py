"""Alerts: what sensors raise about behavior, what people say to it, and what follows for the devices behind it.

Terms: an *alert* is a detection on behavior; an *exception* hides alerts of a kind, and never drops any; a *ticket* is
a change that was announced, whose alerts are kept and raised to nobody; a *slice* is the packets behind an alert; a
*verdict* is what an alert turned out to be. Invariants: an alert comes once, however often it is sent; what is hidden
can be shown, and by what; malware is never authorized, and hidden only by the name of its rule; an alert narrows the
devices behind it and never cuts one off by itself; whoever reads a slice stands in the ledger before they see it.
"""

from __future__ import annotations

from vedette.incidents.acts import show_pattern
from vedette.incidents.alert_repository import AlertFilter, Counts
from vedette.incidents.alert_service import AlertPage, AlertService
from vedette.incidents.asset_alerts import AssetAlerts
from vedette.incidents.errors import (
    AlertNotFound,
    AlertStep,
    ExceptionNotFound,
    InvalidAlertAct,
    InvalidCursor,
    InvalidPattern,
    SliceNotFound,
    TicketNotFound,
    TooManyPatterns,
)
from vedette.incidents.events import (
    AlertRaised,
    AlertsJudged,
    ExceptionEnded,
    ExceptionMade,
    TicketEnded,
    TicketOpened,
)
from vedette.incidents.exception_service import ExceptionService, NewException, Preview
from vedette.incidents.group_repository import AlertGroup, GroupedBy
from vedette.incidents.intake import AlertIntake, AlertLimits, FindEnds, Taken
from vedette.incidents.model import (
    Alert,
    AlertState,
    End,
    Engine,
    SensorSight,
    Severity,
    Step,
    Verdict,
    severity_of,
)
from vedette.incidents.pattern import Matcher, Pattern, check_pattern, pattern_of
from vedette.incidents.posture import ALARM, NOTICE, PostureLoop, signal_class
from vedette.incidents.projections import to_ecs, to_ocsf
from vedette.incidents.sensor_exceptions import SensorExceptions
from vedette.incidents.slices import PacketSlice, SliceStore
from vedette.incidents.standing import AlertException, Effect, Quiet, Ticket
from vedette.incidents.stix import to_stix
from vedette.incidents.ticket_service import NewTicket, TicketService
from vedette.incidents.upkeep import AlertUpkeep, Retention
from vedette.incidents.words import why_it_matters
from vedette.incidents.zone_alarms import ZoneAlarms

__all__ = [
    "ALARM",
    "NOTICE",
    "Alert",
    "AlertException",
    "AlertFilter",
    "AlertGroup",
    "AlertIntake",
    "AlertLimits",
    "AlertNotFound",
    "AlertPage",
    "AlertRaised",
    "AlertService",
    "AlertState",
    "AlertStep",
    "AlertUpkeep",
    "AlertsJudged",
    "AssetAlerts",
    "Counts",
    "Effect",
    "End",
    "Engine",
    "ExceptionEnded",
    "ExceptionMade",
    "ExceptionNotFound",
    "ExceptionService",
    "FindEnds",
    "GroupedBy",
    "InvalidAlertAct",
    "InvalidCursor",
    "InvalidPattern",
    "Matcher",
    "NewException",
    "NewTicket",
    "PacketSlice",
    "Pattern",
    "PostureLoop",
    "Preview",
    "Quiet",
    "Retention",
    "SensorExceptions",
    "SensorSight",
    "Severity",
    "SliceNotFound",
    "SliceStore",
    "Step",
    "Taken",
    "Ticket",
    "TicketEnded",
    "TicketNotFound",
    "TicketOpened",
    "TicketService",
    "TooManyPatterns",
    "Verdict",
    "ZoneAlarms",
    "check_pattern",
    "pattern_of",
    "severity_of",
    "show_pattern",
    "signal_class",
    "to_ecs",
    "to_ocsf",
    "to_stix",
    "why_it_matters",
]
