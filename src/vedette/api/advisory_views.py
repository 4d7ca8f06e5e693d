"""Advisories, and what is known of exploitation, as the API shows and takes them."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from pydantic import Field

from vedette.api.errors import InvalidRequest
from vedette.api.schema import Timestamp, View
from vedette.health.advisories import Advisory, AdvisoryLine, Feed, ImportReport, Weakness

CONTENT_MAX_CHARS: Final = 1_000_000
_PRODUCTS_SHOWN: Final = 1_000


class HandedFile(View):
    """A file that an operator hands over."""

    name: str = Field(default="", max_length=256, description="What it is called, for the report.")
    content: str = Field(
        min_length=1,
        max_length=CONTENT_MAX_CHARS,
        description="Its bytes in base64: plain or gzip; for advisories also a zip of many, with their digests beside "
        "them (`x.json.sha256`, `x.json.sha512`). Hand larger ones over in parts.",
    )
    sha256: str = Field(
        default="", pattern="^([0-9a-fA-F]{64})?$", description="Digest of those bytes; another one is refused."
    )


class RefusedFileView(View):
    """A file that was not taken."""

    name: str
    reason: str


class ImportReportView(View):
    """What became of the files."""

    added: int
    updated: int
    unchanged: int = Field(description="Known already, in these very bytes.")
    older: int = Field(description="Known in a later release.")
    refused: list[RefusedFileView] = Field(description="Not read; the others were taken. At most 100 are named.")


class FeedView(View):
    """What was imported of a source, and how old it is."""

    name: str = Field(description="`kev`, `epss`, or `csaf:` and the publisher.", examples=["kev"])
    data_at: Timestamp | None = Field(description="The time that the data itself names.")
    imported_at: Timestamp
    imported_by: str
    version: str
    count: int


class AdvisoryView(View):
    """An advisory."""

    advisory_key: str = Field(description="Generated: publishers choose their ids freely.", examples=["adv_a1b2"])
    advisory_id: str
    publisher: str
    title: str
    version: str
    status: str
    released_at: Timestamp
    first_released_at: Timestamp
    url: str
    sha256: str
    score: float | None = Field(description="The highest base score in it.")
    products: int
    vulnerabilities: int
    vendors: list[str] = Field(description="Makers, in the form in which they are compared.")
    names: list[str] = Field(description="Its vulnerabilities, at most 50.")
    imported_at: Timestamp
    imported_by: str


class ProductView(View):
    """A product that an advisory names."""

    product_id: str
    vendor: str
    name: str
    versions: str
    codes: list[str]
    platform: str


class RemedyView(View):
    """What an advisory says to do."""

    category: str
    details: str
    url: str
    product_ids: list[str] = Field(description="For these products; empty: for all.")


class WeaknessView(View):
    """A vulnerability of an advisory."""

    name: str
    title: str
    description: str
    weakness_class: str
    score: float | None
    vector: str
    affected: int = Field(description="Products that it says are affected.")
    remedies: list[RemedyView]


class AdvisoryDetails(View):
    """An advisory, whole."""

    advisory: AdvisoryView
    products: list[ProductView] = Field(description="At most 1,000.")
    vulnerabilities: list[WeaknessView]


def read_content(handed: HandedFile) -> bytes:
    """Return the bytes of a file.

    Raises:
        InvalidRequest: They are not base64.
    """
    try:
        return base64.b64decode(handed.content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("content is not base64") from error


def show_report(report: ImportReport) -> ImportReportView:
    """Return what became of files as it is shown."""
    refused = [RefusedFileView(name=each.name, reason=each.reason) for each in report.refused]
    return ImportReportView(
        added=report.added, updated=report.updated, unchanged=report.unchanged, older=report.older, refused=refused
    )


def show_feed(feed: Feed) -> FeedView:
    """Return a source as it is shown."""
    return FeedView(**{name: getattr(feed, name) for name in FeedView.model_fields})


def show_advisory(line: AdvisoryLine) -> AdvisoryView:
    """Return an advisory as lists show it."""
    names = AdvisoryView.model_fields.keys() - {"advisory_key", "vulnerabilities", "vendors", "names"}
    return AdvisoryView(
        advisory_key=line.key,
        vulnerabilities=line.weaknesses,
        vendors=list(line.vendors),
        names=list(line.names),
        **{name: getattr(line, name) for name in names},
    )


def show_details(line: AdvisoryLine, advisory: Advisory) -> AdvisoryDetails:
    """Return an advisory, whole."""
    products = [
        ProductView(
            product_id=each.product_id,
            vendor=each.vendor,
            name=each.name,
            versions=each.versions,
            codes=list(each.codes),
            platform=each.platform,
        )
        for each in advisory.products[:_PRODUCTS_SHOWN]
    ]
    return AdvisoryDetails(
        advisory=show_advisory(line),
        products=products,
        vulnerabilities=[_show_weakness(each) for each in advisory.weaknesses],
    )


def _show_weakness(weakness: Weakness) -> WeaknessView:
    return WeaknessView(
        name=weakness.name,
        title=weakness.title,
        description=weakness.description,
        weakness_class=weakness.weakness_class,
        score=weakness.score,
        vector=weakness.vector,
        affected=sum(len(ids) for status, ids in weakness.statuses.items() if status == "affected"),
        remedies=[
            RemedyView(
                category=each.category, details=each.details, url=each.url, product_ids=list(each.product_ids[:100])
            )
            for each in weakness.remedies
        ],
    )
