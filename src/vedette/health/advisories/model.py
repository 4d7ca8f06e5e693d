"""Advisories, what they say of products, and what is known of how weaknesses are exploited. Pure."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import msgspec


class ProductStatus(StrEnum):
    """What an advisory says of a product and a weakness.

    Source:
        CSAF 2.0 §3.2.3.9.
    """

    AFFECTED = "affected"
    FIXED = "fixed"
    NOT_AFFECTED = "not_affected"
    INVESTIGATED = "under_investigation"


class AdvisoryProduct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A product as an advisory names it: what, of whom, in which versions."""

    product_id: str
    vendor: str
    name: str
    versions: str = ""
    """As it is written; empty: it names none."""
    codes: tuple[str, ...] = ()
    """Order numbers, without blanks and dashes; ``?`` and ``*`` are wildcards."""
    platform: str = ""
    """What it must be installed on."""
    platform_codes: tuple[str, ...] = ()


class Remedy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an advisory says to do; no products: it is for all."""

    category: str
    details: str
    url: str = ""
    product_ids: tuple[str, ...] = ()


class Weakness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One vulnerability of an advisory.

    ``name`` is the CVE id, or the advisory's key and the number of the vulnerability within it.
    """

    name: str
    title: str = ""
    description: str = ""
    weakness_class: str = ""
    score: float | None = None
    vector: str = ""
    statuses: dict[ProductStatus, tuple[str, ...]] = msgspec.field(default_factory=dict)
    remedies: tuple[Remedy, ...] = ()


class Advisory(msgspec.Struct, frozen=True, kw_only=True):
    """An advisory that was read."""

    advisory_id: str
    publisher: str
    title: str
    version: str
    status: str
    released_at: datetime
    first_released_at: datetime
    url: str
    sha256: str
    products: tuple[AdvisoryProduct, ...]
    weaknesses: tuple[Weakness, ...]

    @property
    def key(self) -> str:
        """What tells it from those of other publishers; made here, since publishers choose their own ids freely."""
        return advisory_key(self.publisher, self.advisory_id)


def advisory_key(publisher: str, advisory_id: str) -> str:
    """Return the key under which an advisory is kept."""
    digest = hashlib.sha256(f"{publisher}\n{advisory_id}".encode()).digest()
    return "adv_" + base64.b32encode(digest[:15]).decode().lower()


class KnownExploited(msgspec.Struct, frozen=True, kw_only=True):
    """A vulnerability that is known to be exploited, as CISA's catalog says."""

    cve: str
    name: str
    added_on: date
    due_on: date | None
    is_ransomware: bool
    action: str


class ExploitScore(msgspec.Struct, frozen=True):
    """How likely a vulnerability is to be exploited within 30 days, 0 to 1, by FIRST's model."""

    cve: str
    probability: float
    percentile: float


class ExploitScores(msgspec.Struct, frozen=True, kw_only=True):
    """A file of such scores, or a part of one."""

    scored_on: date
    model: str
    scores: tuple[ExploitScore, ...]


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """A catalog of vulnerabilities that are known to be exploited."""

    version: str
    released_on: date | None
    entries: tuple[KnownExploited, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What was imported of one source, and how old it is.

    Attributes:
        name: ``kev``, ``epss`` or ``csaf:`` and its publisher.
        data_at: The time that the data itself names; the youngest advisory's.
        count: Entries that are known of it.
    """

    name: str
    data_at: datetime | None
    imported_at: datetime
    imported_by: str
    version: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisoryLine:
    """An advisory as lists show it.

    Attributes:
        score: The highest base score of its vulnerabilities.
        names: Its vulnerabilities, at most 50.
    """

    key: str
    advisory_id: str
    publisher: str
    title: str
    version: str
    status: str
    released_at: datetime
    first_released_at: datetime
    url: str
    sha256: str
    score: float | None
    products: int
    weaknesses: int
    vendors: tuple[str, ...]
    imported_at: datetime
    imported_by: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploitation:
    """What is known of how a vulnerability is exploited; ``None``: nothing."""

    known: KnownExploited | None = None
    score: ExploitScore | None = None
    scored_on: date | None = None


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file of an import that was not taken, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of an import.

    Attributes:
        unchanged: Known already, in these very bytes.
        older: Known in a later release.
        refused: Not read; the others were taken all the same.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    older: int = 0
    refused: tuple[RefusedFile, ...] = ()
