"""Zones, the conduits between them, and what firewalls and makers' descriptions make of both.

Terms: a *zone* holds assets that may talk to each other; a *conduit* allows services from one zone to another; a *plan*
is all of both, in numbered versions; a *violation* is traffic that the approved version does not allow; *MUD* is the
manufacturer usage description of RFC 8520. Invariants: what no conduit allows is refused between zones; a proposal
counts for nothing before a person approves it; nothing that a device or a person named reaches the text of a rule.
"""

from __future__ import annotations

from vedette.network.segmentation.applied import compare_applied
from vedette.network.segmentation.drift import DriftWatch, OnViolated
from vedette.network.segmentation.errors import (
    BadMudSigner,
    ConduitNotFound,
    InvalidMud,
    InvalidPlan,
    MudUnsigned,
    PlanChanged,
    PlanNotFound,
    PlanStateRefused,
    ZoneNotFound,
)
from vedette.network.segmentation.events import PlanApproved, ZonesViolated
from vedette.network.segmentation.inventory import OpenAlertsOf, RiskOf, SegmentInventory
from vedette.network.segmentation.membership import Membership
from vedette.network.segmentation.model import (
    EXTERNAL,
    UNASSIGNED,
    Conduit,
    Flow,
    LeftOut,
    Member,
    MemberRule,
    Plan,
    PlanStage,
    PlanState,
    PlanVersion,
    PlanVersionSummary,
    Proposal,
    Service,
    Zone,
    ZoneKind,
)
from vedette.network.segmentation.mud import Access, write_mud
from vedette.network.segmentation.mud_check import MudFile, read_mud
from vedette.network.segmentation.mud_compare import MudComparison, compare_mud
from vedette.network.segmentation.mud_signature import MEDIA_TYPE as MUD_SIGNATURE_MEDIA_TYPE
from vedette.network.segmentation.mud_signature import MudSigner, read_mud_signer, sign_mud
from vedette.network.segmentation.nftables import CompiledZone, compile_plan, compile_zone
from vedette.network.segmentation.plan_book import PlanBook, require_conduit, require_zone
from vedette.network.segmentation.plan_check import Flaw, Weight, check_plan, find_flaws
from vedette.network.segmentation.plan_difference import (
    ChangeKind,
    ConduitChange,
    MemberMove,
    PlanDifference,
    ZoneChange,
    compare_plans,
)
from vedette.network.segmentation.plan_editor import PlanEditor
from vedette.network.segmentation.plan_service import PlanService
from vedette.network.segmentation.proposal import propose
from vedette.network.segmentation.replay import FlowVerdict, Judge, Judged, Replay, Step, find_attack_paths, replay
from vedette.network.segmentation.repository import find_plan
from vedette.network.segmentation.service import AppliedOutcome, ReplayOutcome, SegmentationService
from vedette.network.segmentation.violation import Violation

__all__ = [
    "EXTERNAL",
    "MUD_SIGNATURE_MEDIA_TYPE",
    "UNASSIGNED",
    "Access",
    "AppliedOutcome",
    "BadMudSigner",
    "ChangeKind",
    "CompiledZone",
    "Conduit",
    "ConduitChange",
    "ConduitNotFound",
    "DriftWatch",
    "Flaw",
    "Flow",
    "FlowVerdict",
    "InvalidMud",
    "InvalidPlan",
    "Judge",
    "Judged",
    "LeftOut",
    "Member",
    "MemberMove",
    "MemberRule",
    "Membership",
    "MudComparison",
    "MudFile",
    "MudSigner",
    "MudUnsigned",
    "OnViolated",
    "OpenAlertsOf",
    "Plan",
    "PlanApproved",
    "PlanBook",
    "PlanChanged",
    "PlanDifference",
    "PlanEditor",
    "PlanNotFound",
    "PlanService",
    "PlanStage",
    "PlanState",
    "PlanStateRefused",
    "PlanVersion",
    "PlanVersionSummary",
    "Proposal",
    "Replay",
    "ReplayOutcome",
    "RiskOf",
    "SegmentInventory",
    "SegmentationService",
    "Service",
    "Step",
    "Violation",
    "Weight",
    "Zone",
    "ZoneChange",
    "ZoneKind",
    "ZoneNotFound",
    "ZonesViolated",
    "check_plan",
    "compare_applied",
    "compare_mud",
    "compare_plans",
    "compile_plan",
    "compile_zone",
    "find_attack_paths",
    "find_flaws",
    "find_plan",
    "propose",
    "read_mud",
    "read_mud_signer",
    "replay",
    "require_conduit",
    "require_zone",
    "sign_mud",
    "write_mud",
]
