"""Advisories about vulnerabilities: which there are, which products they name, and how they are exploited.

Terms: an *advisory* is a CSAF 2.0 document; a *weakness* one vulnerability of it; the *catalogue* all of them, ready to
be compared with what was seen of a device. Invariants: all that operators hand over may be hostile, so that every size
and count has a limit; to import a file twice changes nothing; proven, maybe and unknown are never added up.
"""

from __future__ import annotations

from vedette.health.advisories.cvss import Attack, read_vector
from vedette.health.advisories.errors import AdvisoryNotFound, InvalidAdvisory, InvalidFeed
from vedette.health.advisories.matching import Assessment, Catalogue, Certainty, Match, SeenFact
from vedette.health.advisories.model import (
    Advisory,
    AdvisoryLine,
    AdvisoryProduct,
    Exploitation,
    ExploitScore,
    Feed,
    ImportReport,
    KnownExploited,
    ProductStatus,
    RefusedFile,
    Remedy,
    Weakness,
)
from vedette.health.advisories.repository import CatalogueState, find_exploitation
from vedette.health.advisories.service import AdvisoryService, CurrentCatalogue

__all__ = [
    "Advisory",
    "AdvisoryLine",
    "AdvisoryNotFound",
    "AdvisoryProduct",
    "AdvisoryService",
    "Assessment",
    "Attack",
    "Catalogue",
    "CatalogueState",
    "Certainty",
    "CurrentCatalogue",
    "ExploitScore",
    "Exploitation",
    "Feed",
    "ImportReport",
    "InvalidAdvisory",
    "InvalidFeed",
    "KnownExploited",
    "Match",
    "ProductStatus",
    "RefusedFile",
    "Remedy",
    "SeenFact",
    "Weakness",
    "find_exploitation",
    "read_vector",
]
