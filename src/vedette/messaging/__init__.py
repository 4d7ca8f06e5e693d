"""Messages from and to devices: stored telemetry, queued commands, direct methods, and who is connected to get them.

Terms: a *cursor* names a place in a stream and reads on behind it; a *stamp* is a property that the hub sets and a
device cannot; a *command* is a cloud-to-device message; *feedback* tells its sender what became of it; a *holding* is
a session and the gateway that holds it; a *nudge* tells a gateway that commands wait.

Invariants: pages and tails are bounded, whatever they search for. A command is on disk before its sender is answered,
and stays there until the device acknowledged it, its time to live or its deliveries are over, or it is purged; it goes
to the generation it was sent to and no other. Bodies and payloads never enter the ledger. Who is connected is what
gateways say; what is not known is not called offline.
"""

from __future__ import annotations

from vedette.messaging.clone_alerts import CloneAlerts
from vedette.messaging.clone_model import CloneAlert, CloneAlertPage
from vedette.messaging.command_model import (
    Ack,
    Command,
    Feedback,
    FeedbackBatch,
    FeedbackPage,
    NewCommand,
    Outcome,
)
from vedette.messaging.command_queue import CommandQueue
from vedette.messaging.decisions import KINDS, DecisionReader, DecisionSearch, decided_at
from vedette.messaging.desk import HubDesk
from vedette.messaging.downlinks import Downlinks
from vedette.messaging.errors import (
    CloneAlertNotFound,
    CommandQueueFull,
    CommandTooLarge,
    DecisionNotFound,
    DeviceConnectionClosed,
    DeviceIsRetired,
    DeviceNotOnline,
    FeedbackLockLost,
    GatewayUnreachable,
    HubProblem,
    IdentityNotFound,
    InvalidCommand,
    InvalidCursor,
    InvalidMethodAnswer,
    InvalidMethodCall,
    InvalidRequest,
    MethodNotPermitted,
    MethodPayloadTooLarge,
    MethodTimedOut,
    ModuleHasNoQueue,
    SessionIsElsewhere,
    TooManyCalls,
    UnknownOrganization,
)
from vedette.messaging.events import (
    CloneAlertAcknowledged,
    CloneSuspected,
    CommandQueued,
    CommandsPurged,
    MethodFinished,
)
from vedette.messaging.feedback import FeedbackLog
from vedette.messaging.method_model import MethodResult
from vedette.messaging.method_service import MethodService
from vedette.messaging.model import Decision, DecisionPage, TelemetryMessage, TelemetryPage
from vedette.messaging.session_directory import Holding, SessionDirectory
from vedette.messaging.settings import CommandSettings, DirectorySettings, MessagingSettings, MethodSettings
from vedette.messaging.subscription_store import SubscriptionStore
from vedette.messaging.telemetry import LIMIT_MAX, TelemetryReader

__all__ = [
    "KINDS",
    "LIMIT_MAX",
    "Ack",
    "CloneAlert",
    "CloneAlertAcknowledged",
    "CloneAlertNotFound",
    "CloneAlertPage",
    "CloneAlerts",
    "CloneSuspected",
    "Command",
    "CommandQueue",
    "CommandQueueFull",
    "CommandQueued",
    "CommandSettings",
    "CommandTooLarge",
    "CommandsPurged",
    "Decision",
    "DecisionNotFound",
    "DecisionPage",
    "DecisionReader",
    "DecisionSearch",
    "DeviceConnectionClosed",
    "DeviceIsRetired",
    "DeviceNotOnline",
    "DirectorySettings",
    "Downlinks",
    "Feedback",
    "FeedbackBatch",
    "FeedbackLockLost",
    "FeedbackLog",
    "FeedbackPage",
    "GatewayUnreachable",
    "Holding",
    "HubDesk",
    "HubProblem",
    "IdentityNotFound",
    "InvalidCommand",
    "InvalidCursor",
    "InvalidMethodAnswer",
    "InvalidMethodCall",
    "InvalidRequest",
    "MessagingSettings",
    "MethodFinished",
    "MethodNotPermitted",
    "MethodPayloadTooLarge",
    "MethodResult",
    "MethodService",
    "MethodSettings",
    "MethodTimedOut",
    "ModuleHasNoQueue",
    "NewCommand",
    "Outcome",
    "SessionDirectory",
    "SessionIsElsewhere",
    "SubscriptionStore",
    "TelemetryMessage",
    "TelemetryPage",
    "TelemetryReader",
    "TooManyCalls",
    "UnknownOrganization",
    "decided_at",
]
