"""The policy administrator: posture records written, signed, numbered and handed to enforcement points.

Terms: NIST SP 800-207 (policy administrator, policy enforcement point); *opening*, the answer about one identity,
signed over the asker's nonce; *head*, the signed state of all records. Invariants: a record is written in the same
transaction as the facts it tells; sequences follow the order of commit without gaps; the head never covers what was
not published; only this room signs.
"""

from __future__ import annotations

from vedette.access.administrator import PolicyAdministrator
from vedette.access.applications import Application, Applications, BadApplication, load_applications
from vedette.access.authzen import HUB, IDENTITY_TYPES, SEARCHED_MAX, DecisionPoint, subject_name
from vedette.access.authzen_log import OutsideDecisions
from vedette.access.authzen_model import UNKNOWN_SUBJECT, Answer, Asked
from vedette.access.authzen_people import PEOPLE_TYPES, PeopleDecisionPoint
from vedette.access.blast_radius import BlastRadius, Budget
from vedette.access.enforcement import Enforcement, EnforcementTracker
from vedette.access.enrolling import EnrollmentPoint
from vedette.access.errors import (
    InvalidQuarantine,
    NotQuarantined,
    PeopleOnly,
    PostureUnavailable,
    QuarantineStep,
    RecheckFailed,
    UnknownOrganization,
)
from vedette.access.explanation import AccessExplainer, ActionAnswer, DecisionBasis, Explanation, PolicyNote
from vedette.access.facts import FactReader, IdentityFacts, RoomFacts, compose_record
from vedette.access.first_use import FirstUses
from vedette.access.hop_keeper import HopKeeper
from vedette.access.hops import EnforcedHop, HopLog, Hops
from vedette.access.opening_keys import OpeningKeys
from vedette.access.policy_engines import EnginesInForce
from vedette.access.policy_errors import (
    ApprovalMissing,
    ApprovalRefused,
    PoliciesMovedOn,
    PolicyBundleDamaged,
    PolicyBundleFlawed,
    PolicyBundleInUse,
    PolicyBundleNotFound,
    SimulationBusy,
    SimulationEnded,
    SimulationMissing,
    SimulationNotFound,
    StageRefused,
    TooManyPolicyBundles,
)
from vedette.access.policy_form import (
    CONDITIONS,
    SELECTORS,
    FormItem,
    NotAForm,
    Piece,
    PolicyForm,
    read_form,
    write_form,
)
from vedette.access.policy_life import PolicyLife
from vedette.access.policy_model import Approval, Bundle, Origin, PolicyStaged, Stage, Staging, StoredBundle
from vedette.access.policy_repository import Simulated
from vedette.access.policy_standing import Standing
from vedette.access.policy_store import Check, PolicyStore, read_policy_hash
from vedette.access.policy_text import BundleDifference, PolicyChange, PolicyText, compare_bundles, read_policies
from vedette.access.policy_watch import BundleCounts, PolicyWatch
from vedette.access.projection import PostureProjection
from vedette.access.quarantine import QuarantinePage, QuarantineService
from vedette.access.quarantine_events import DeviceQuarantined, DeviceReleased, QuarantineEased
from vedette.access.quarantine_model import Quarantined, QuarantineMode
from vedette.access.quarantine_preview import QuarantinePreview
from vedette.access.repository import State
from vedette.access.service import AccessService, SubscriptionsFor
from vedette.access.simulation import PolicySimulations, SimulationFailed
from vedette.access.simulation_model import Sample, SimulationReport, Tally
from vedette.access.ssf_errors import (
    InvalidStream,
    InvalidTransmitter,
    SetRefused,
    StreamNotFound,
    TooManyStreams,
    TransmitterNotFound,
)
from vedette.access.ssf_events import EVENT_TYPES
from vedette.access.ssf_feed import StreamFeed
from vedette.access.ssf_model import POLL, PUSH, Stream, StreamStatus, Transmitter
from vedette.access.ssf_receiver import NewTransmitter, ReceiverService
from vedette.access.ssf_streams import VERIFY_EVERY, SigningKeys, StreamService, StreamWish
from vedette.access.upkeep import RecordUpkeep
from vedette.access.vouching import CertificateVouching
from vedette.access.whereabouts import Whereabouts

__all__ = [
    "CONDITIONS",
    "EVENT_TYPES",
    "HUB",
    "IDENTITY_TYPES",
    "PEOPLE_TYPES",
    "POLL",
    "PUSH",
    "SEARCHED_MAX",
    "SELECTORS",
    "UNKNOWN_SUBJECT",
    "VERIFY_EVERY",
    "AccessExplainer",
    "AccessService",
    "ActionAnswer",
    "Answer",
    "Application",
    "Applications",
    "Approval",
    "ApprovalMissing",
    "ApprovalRefused",
    "Asked",
    "BadApplication",
    "BlastRadius",
    "Budget",
    "Bundle",
    "BundleCounts",
    "BundleDifference",
    "CertificateVouching",
    "Check",
    "DecisionBasis",
    "DecisionPoint",
    "DeviceQuarantined",
    "DeviceReleased",
    "EnforcedHop",
    "Enforcement",
    "EnforcementTracker",
    "EnginesInForce",
    "EnrollmentPoint",
    "Explanation",
    "FactReader",
    "FirstUses",
    "FormItem",
    "HopKeeper",
    "HopLog",
    "Hops",
    "IdentityFacts",
    "InvalidQuarantine",
    "InvalidStream",
    "InvalidTransmitter",
    "NewTransmitter",
    "NotAForm",
    "NotQuarantined",
    "OpeningKeys",
    "Origin",
    "OutsideDecisions",
    "PeopleDecisionPoint",
    "PeopleOnly",
    "Piece",
    "PoliciesMovedOn",
    "PolicyAdministrator",
    "PolicyBundleDamaged",
    "PolicyBundleFlawed",
    "PolicyBundleInUse",
    "PolicyBundleNotFound",
    "PolicyChange",
    "PolicyForm",
    "PolicyLife",
    "PolicyNote",
    "PolicySimulations",
    "PolicyStaged",
    "PolicyStore",
    "PolicyText",
    "PolicyWatch",
    "PostureProjection",
    "PostureUnavailable",
    "QuarantineEased",
    "QuarantineMode",
    "QuarantinePage",
    "QuarantinePreview",
    "QuarantineService",
    "QuarantineStep",
    "Quarantined",
    "ReceiverService",
    "RecheckFailed",
    "RecordUpkeep",
    "RoomFacts",
    "Sample",
    "SetRefused",
    "SigningKeys",
    "Simulated",
    "SimulationBusy",
    "SimulationEnded",
    "SimulationFailed",
    "SimulationMissing",
    "SimulationNotFound",
    "SimulationReport",
    "Stage",
    "StageRefused",
    "Staging",
    "Standing",
    "State",
    "StoredBundle",
    "Stream",
    "StreamFeed",
    "StreamNotFound",
    "StreamService",
    "StreamStatus",
    "StreamWish",
    "SubscriptionsFor",
    "Tally",
    "TooManyPolicyBundles",
    "TooManyStreams",
    "Transmitter",
    "TransmitterNotFound",
    "UnknownOrganization",
    "Whereabouts",
    "compare_bundles",
    "compose_record",
    "load_applications",
    "read_form",
    "read_policies",
    "read_policy_hash",
    "subject_name",
    "write_form",
]
