"""``/v1/reported-certificates``: certificates that bear our signature and stand in no record."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from vedette.api.certificate_text import write_certificate
from vedette.api.schema import (
    PAGE_MAX,
    After,
    Limit,
    Page,
    RequiredReason,
    Timestamp,
    View,
    Who,
    api_router,
    refusals,
)
from vedette.kernel import OrganizationId
from vedette.pki import ReportedCertificate, Standing
from vedette.pki.records import CertificateReports

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the certificate's DER, lower-case hex.")]


class ReportedCertificateView(View):
    """A certificate that our operational authority signed, that was presented, and that no record vouches for."""

    sha256: str
    standing: Standing = Field(
        description="`unknown`: nobody had it issued, so the authority's key may be stolen. `altered`: one on record "
        "whose signature was rewritten."
    )
    serial: str
    subject: str = Field(description="Text from outside.")
    authority_sha256: str = Field(description="The authority whose key signed it.")
    claimed_generation_id: str = Field(description="The identity it names; empty when it names none.")
    not_before: Timestamp
    not_after: Timestamp
    presented_as: str = Field(description="The name it was presented for; text from outside.")
    gateway: str
    remote_address: str
    reported_at: Timestamp
    acknowledged_at: Timestamp | None = Field(description="When an operator took note of it.")
    certificate_pem: str


class ReportedCertificateRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, reports: CertificateReports) -> None:
        self._organization_id = organization_id
        self._reports = reports

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("authorities", "/v1/reported-certificates")
        add = router.add_api_route
        add("", self.list_reports, methods=["GET"], summary="List reported certificates", responses=refusals(422))
        add(
            "/{sha256}/acknowledge",
            self.acknowledge,
            methods=["POST"],
            summary="Acknowledge a reported certificate",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    async def list_reports(self, *, limit: Limit = 100, after: After = "") -> Page[ReportedCertificateView]:
        """In the order of their digests; the first thousand that were ever reported."""
        limit = min(limit, PAGE_MAX - 1)
        found = await self._reports.list_all(self._organization_id, after=after, limit=limit + 1)
        page = found[:limit]
        return Page(items=[_show(each) for each in page], next=page[-1].sha256 if len(found) > limit else None)

    async def acknowledge(self, sha256: Sha256, why: RequiredReason, who: Who) -> ReportedCertificateView:
        """The alarm about it ends; it stays refused, and on record."""
        return _show(await self._reports.acknowledge(self._organization_id, sha256, actor=who, reason=why.reason))


def _show(report: ReportedCertificate) -> ReportedCertificateView:
    names = ReportedCertificateView.model_fields.keys() - {"certificate_pem"}
    return ReportedCertificateView(
        certificate_pem=write_certificate(report.der), **{name: getattr(report, name) for name in names}
    )
