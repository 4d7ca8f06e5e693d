"""The policy administrator: posture records written, signed, numbered and handed to enforcement points.

Terms: NIST SP 800-207 (policy administrator, policy enforcement point); *opening*, the answer about one identity,
signed over the asker's nonce; *head*, the signed state of all records. Invariants: a record is written in the same
transaction as the facts it tells; sequences follow the order of commit without gaps; the head never covers what was
not published; only this room signs.
"""

from __future__ import annotations

from vedette.access.administrator import PolicyAdministrator
from vedette.access.enforcement import Enforcement, EnforcementTracker
from vedette.access.errors import PostureUnavailable, UnknownOrganization
from vedette.access.facts import FactReader, IdentityFacts, RoomFacts, compose_record
from vedette.access.first_use import FirstUses
from vedette.access.policy_form import FormItem, NotAForm, PolicyForm, read_form, write_form
from vedette.access.policy_text import BundleDifference, PolicyChange, PolicyText, compare_bundles, read_policies
from vedette.access.projection import PostureProjection
from vedette.access.repository import State
from vedette.access.service import AccessService, SubscriptionsFor
from vedette.access.upkeep import RecordUpkeep
from vedette.access.vouching import CertificateVouching

__all__ = [
    "AccessService",
    "BundleDifference",
    "CertificateVouching",
    "Enforcement",
    "EnforcementTracker",
    "FactReader",
    "FirstUses",
    "FormItem",
    "IdentityFacts",
    "NotAForm",
    "PolicyAdministrator",
    "PolicyChange",
    "PolicyForm",
    "PolicyText",
    "PostureProjection",
    "PostureUnavailable",
    "RecordUpkeep",
    "RoomFacts",
    "State",
    "SubscriptionsFor",
    "UnknownOrganization",
    "compare_bundles",
    "compose_record",
    "read_form",
    "read_policies",
    "write_form",
]
