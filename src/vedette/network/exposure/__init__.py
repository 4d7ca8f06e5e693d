"""What vulnerabilities the assets on the networks have or may have, how much each matters, and who lives with one.

Terms: *proven*, *maybe* and *unknown* are three answers that are kept apart; a *priority* sorts, by factors that are
shown; an *acceptance* is a person's, has an end, and ends early when what the vulnerability rests on changes.
Invariants: nothing is told that does not name the facts and the advisory it rests on; what rests on passive traffic can
be spoofed, so of managed devices it only becomes a signal that narrows.
"""

from __future__ import annotations

from vedette.network.exposure.advice import Advice
from vedette.network.exposure.assessor import ExposureAssessor, Run
from vedette.network.exposure.devices import is_device
from vedette.network.exposure.errors import EvidenceChanged, InvalidAcceptance, VulnerabilityNotFound
from vedette.network.exposure.model import (
    Acceptance,
    Evidence,
    Exposure,
    Factor,
    Ranking,
    Summary,
    Vulnerability,
    VulnerabilitySearch,
    VulnerabilityState,
)
from vedette.network.exposure.ranking import Surroundings, rank
from vedette.network.exposure.service import ExposurePage, ExposureService, VulnerabilityPage, VulnerabilityReport
from vedette.network.exposure.signals import ExposureSignals

__all__ = [
    "Acceptance",
    "Advice",
    "Evidence",
    "EvidenceChanged",
    "Exposure",
    "ExposureAssessor",
    "ExposurePage",
    "ExposureService",
    "ExposureSignals",
    "Factor",
    "InvalidAcceptance",
    "Ranking",
    "Run",
    "Summary",
    "Surroundings",
    "Vulnerability",
    "VulnerabilityNotFound",
    "VulnerabilityPage",
    "VulnerabilityReport",
    "VulnerabilitySearch",
    "VulnerabilityState",
    "is_device",
    "rank",
]
