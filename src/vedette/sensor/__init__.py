"""The passive sensor: reads captures and live interfaces, sends nothing, and tells what it saw.

A guest: it runs at a site without the server. Terms: a *flow* is one conversation, an *operation* (``OtOp``) what one
message asks, answers or reports, *evidence* one thing that a message tells of an asset, an *anomaly* a message that
broke its protocol's rules. Invariants: nothing is ever sent on the interface that it listens to; every buffer, table
and list has a bound; what could not be parsed is counted; bytes from the wire raise nothing.
"""

from __future__ import annotations

from vedette.sensor.alerts import Alert, RaiseAlert, Rule, Severity
from vedette.sensor.alerts import Engine as AlertEngine
from vedette.sensor.assets import Asset, Assets, Fact, is_public
from vedette.sensor.baseline import Asked as BaselineAsked
from vedette.sensor.baseline import Settings as BaselineSettings
from vedette.sensor.baseline import baseline as manage_baseline
from vedette.sensor.baseline import settings_of as baseline_settings
from vedette.sensor.capture import CaptureFile, CaptureProblem, LiveCapture, Packet, read_capture
from vedette.sensor.command import enroll, listen, main, read_files, read_logs, run
from vedette.sensor.community_id import community_id, community_id_of
from vedette.sensor.engine import Counters, Engine, Limits
from vedette.sensor.flows import Flow, Side
from vedette.sensor.listener import Listener
from vedette.sensor.model import (
    CERTAIN,
    POSSIBLE,
    PROBABLE,
    Anomaly,
    AnomalyKind,
    AssetEvidence,
    Attribute,
    Certainty,
    Direction,
    OpKind,
    OtOp,
    Role,
    Sink,
)
from vedette.sensor.oui import Makers
from vedette.sensor.recognize import classify, train
from vedette.sensor.report import Report, Traffic
from vedette.sensor.second_opinion import ask_again
from vedette.sensor.sensor import MakeListener, Sensor
from vedette.sensor.summary import as_document, as_tables, asset_document
from vedette.sensor.uplink_settings import Enrolling
from vedette.sensor.zeek import ZeekLogs, connection_state, uid_of

__all__ = [
    "CERTAIN",
    "POSSIBLE",
    "PROBABLE",
    "Alert",
    "AlertEngine",
    "Anomaly",
    "AnomalyKind",
    "Asset",
    "AssetEvidence",
    "Assets",
    "Attribute",
    "BaselineAsked",
    "BaselineSettings",
    "CaptureFile",
    "CaptureProblem",
    "Certainty",
    "Counters",
    "Direction",
    "Engine",
    "Enrolling",
    "Fact",
    "Flow",
    "Limits",
    "Listener",
    "LiveCapture",
    "MakeListener",
    "Makers",
    "OpKind",
    "OtOp",
    "Packet",
    "RaiseAlert",
    "Report",
    "Role",
    "Rule",
    "Sensor",
    "Severity",
    "Side",
    "Sink",
    "Traffic",
    "ZeekLogs",
    "as_document",
    "as_tables",
    "ask_again",
    "asset_document",
    "baseline_settings",
    "classify",
    "community_id",
    "community_id_of",
    "connection_state",
    "enroll",
    "is_public",
    "listen",
    "main",
    "manage_baseline",
    "read_capture",
    "read_files",
    "read_logs",
    "run",
    "train",
    "uid_of",
]
