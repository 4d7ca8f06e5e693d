"""What every enforcement point embeds: the posture record, its signature, the decision function, and staleness.

Pure: no SQL, no socket, no clock of its own. Terms: NIST SP 800-207 (policy engine PE, policy administrator PA, policy
enforcement point PEP). Invariants: an absent, expired, badly signed or older record denies; permit means Allow and no
evaluation error; unknown and bad stay apart.
"""

from __future__ import annotations

from vedette.trust.anchor import BadTrustAnchor, TrustAnchor, encode_trust_anchor, read_trust_anchor
from vedette.trust.decision import (
    HINTS,
    PERMANENT_REASONS,
    Decision,
    Grant,
    PresentedCredential,
    Reason,
    SessionContext,
    decide_action,
    decide_session,
)
from vedette.trust.errors import BadSignature, Replayed, Untrusted, WrongSchema
from vedette.trust.model import (
    SCHEMA_VERSION,
    SECTION_OWNERS,
    UNKNOWN_MEANS,
    Credentials,
    FailureMode,
    Finding,
    Head,
    Health,
    Lifecycle,
    Opening,
    PermittedCertificate,
    Placement,
    PolicyException,
    PostureRecord,
    Provenance,
    Quarantine,
    Registration,
    RiskLevel,
    Section,
)
from vedette.trust.policy import (
    BadEntity,
    BadPolicyBundle,
    PolicyBundle,
    PolicyEngine,
    Principal,
    Verdict,
    default_bundle,
)
from vedette.trust.signing import EMPTY_ROOT, RecordSigner, RecordVerifier, extend_root
from vedette.trust.view import CLOCK_SKEW_LIMIT, STALE_AFTER_S, OpeningRequest, PostureView

__all__ = [
    "CLOCK_SKEW_LIMIT",
    "EMPTY_ROOT",
    "HINTS",
    "PERMANENT_REASONS",
    "SCHEMA_VERSION",
    "SECTION_OWNERS",
    "STALE_AFTER_S",
    "UNKNOWN_MEANS",
    "BadEntity",
    "BadPolicyBundle",
    "BadSignature",
    "BadTrustAnchor",
    "Credentials",
    "Decision",
    "FailureMode",
    "Finding",
    "Grant",
    "Head",
    "Health",
    "Lifecycle",
    "Opening",
    "OpeningRequest",
    "PermittedCertificate",
    "Placement",
    "PolicyBundle",
    "PolicyEngine",
    "PolicyException",
    "PostureRecord",
    "PostureView",
    "PresentedCredential",
    "Principal",
    "Provenance",
    "Quarantine",
    "Reason",
    "RecordSigner",
    "RecordVerifier",
    "Registration",
    "Replayed",
    "RiskLevel",
    "Section",
    "SessionContext",
    "TrustAnchor",
    "Untrusted",
    "Verdict",
    "WrongSchema",
    "decide_action",
    "decide_session",
    "default_bundle",
    "encode_trust_anchor",
    "extend_root",
    "read_trust_anchor",
]
