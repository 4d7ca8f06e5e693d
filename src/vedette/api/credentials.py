"""``/v1/devices/{device_id}/certificates`` and ``/history``: what a device may present, and all it ever was given."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Response
from pydantic import Field

from vedette.access import EnforcementTracker
from vedette.api.certificate_text import write_chain
from vedette.api.device_views import (
    CertificateView,
    DeviceView,
    IssuedCertificate,
    IssueRequest,
    RevokedCertificate,
    RevokedDevice,
    RevokeRequest,
    show_certificate,
    show_device,
    show_enforcement,
)
from vedette.api.ledger_views import EntryView, show_entry
from vedette.api.schema import PAGE_MAX, After, DevicePath, Limit, Page, View, Who, api_router, refusals
from vedette.kernel import Clock, DeviceId, OrganizationId
from vedette.pki import Certificate, CertificateNotFound, decode_csr_text
from vedette.pki.records import CertificateService
from vedette.registry import Device, DeviceService, PresenceService, TransitionNotAllowed
from vedette.trust import Lifecycle

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the certificate's DER, lower-case hex.")]


class History(View):
    """Every certificate that a device was issued, and every act on record that touched it."""

    device: DeviceView
    certificates: list[CertificateView] = Field(description="Youngest first.")
    acts: list[EntryView] = Field(description="Oldest first, from the ledger.")


class CredentialRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        devices: DeviceService,
        presence: PresenceService,
        certificates: CertificateService,
        enforcement: EnforcementTracker,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._devices = devices
        self._presence = presence
        self._certificates = certificates
        self._enforcement = enforcement
        self._clock = clock

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("credentials", "/v1/devices/{device_id}")
        change = refusals(404, 409, 422, is_change=True)
        add = router.add_api_route
        add(
            "/certificates",
            self.list_certificates,
            methods=["GET"],
            summary="List the certificates of a device",
            responses=refusals(404, 422),
        )
        add(
            "/certificates",
            self.issue,
            methods=["POST"],
            status_code=201,
            summary="Issue a certificate",
            responses=change,
        )
        add(
            "/certificates/{sha256}",
            self.show,
            methods=["GET"],
            summary="Show a certificate",
            responses=refusals(404, 422),
        )
        add(
            "/certificates/{sha256}/revoke",
            self.revoke,
            methods=["POST"],
            summary="Revoke a certificate",
            responses=change,
        )
        add("/revoke", self.revoke_device, methods=["POST"], summary="Revoke a device", responses=change)
        add(
            "/history",
            self.history,
            methods=["GET"],
            summary="Show the credential history of a device",
            responses=refusals(404, 422),
        )
        return router

    async def list_certificates(
        self, device_id: DevicePath, *, limit: Limit = 100, after: After = ""
    ) -> Page[CertificateView]:
        """Certificates that we issued, youngest first."""
        device = await self._devices.get(self._organization_id, device_id)
        limit = min(limit, PAGE_MAX - 1)
        found = await self._certificates.list_of(
            self._organization_id, device.generation_id, after_sha256=after or None, limit=limit + 1
        )
        page = found[:limit]
        return Page(
            items=[self._shown(certificate) for certificate in page],
            next=page[-1].sha256 if len(found) > limit else None,
        )

    async def show(self, device_id: DevicePath, sha256: Sha256) -> CertificateView:
        """One certificate, by its digest."""
        return self._shown(await self._find(device_id, sha256))

    async def issue(
        self, device_id: DevicePath, asked: IssueRequest, who: Who, response: Response
    ) -> IssuedCertificate:
        """Sign a certification request; the device may present the certificate at once."""
        device = await self._devices.get(self._organization_id, device_id)
        if device.lifecycle in {Lifecycle.RETIRED, Lifecycle.QUARANTINED}:
            raise TransitionNotAllowed(
                f"a device that is {device.lifecycle} is given no certificate", hint="create it anew, or release it"
            )
        prepared = await self._certificates.issue(
            organization_id=self._organization_id,
            generation_id=device.generation_id,
            subject_name=device.device_id,
            csr=decode_csr_text(asked.csr),
            actor=who,
            lifetime=None if asked.lifetime_s is None else timedelta(seconds=asked.lifetime_s),
            reason=asked.reason,
        )
        if device.lifecycle in {Lifecycle.MADE, Lifecycle.SHIPPED}:
            await self._devices.move(
                self._organization_id, device_id, Lifecycle.ONBOARDED, actor=who, reason="certificate issued"
            )
        await self._enforcement.wait([device.generation_id])
        certificate = prepared.certificate
        response.headers["Location"] = f"/v1/devices/{quote(device_id, safe='')}/certificates/{certificate.sha256}"
        return IssuedCertificate(certificate=self._shown(certificate), chain_pem=write_chain(prepared.chain))

    async def revoke(self, device_id: DevicePath, sha256: Sha256, why: RevokeRequest, who: Who) -> RevokedCertificate:
        """End a certificate now, everywhere; one that is revoked already stays as it is."""
        found = await self._find(device_id, sha256)
        certificate = await self._certificates.revoke(
            organization_id=self._organization_id, sha256=sha256, reason=why.reason, actor=who, comment=why.comment
        )
        done = await self._enforcement.wait([found.generation_id])
        return RevokedCertificate(certificate=self._shown(certificate), enforcement=show_enforcement(done))

    async def revoke_device(self, device_id: DevicePath, why: RevokeRequest, who: Who) -> RevokedDevice:
        """End all its certificates and symmetric keys now; to register again it needs an operator's permission.

        A device that presents a pinned certificate, or one of an outside authority, is disabled.
        """
        revoked = await self._devices.revoke(
            self._organization_id, device_id, reason=why.reason, actor=who, comment=why.comment
        )
        done = await self._enforcement.wait([revoked.device.generation_id])
        return RevokedDevice(
            device=await self._shown_device(revoked.device),
            certificates_revoked=revoked.certificates,
            symmetric_keys_revoked=revoked.symmetric_keys,
            enforcement=show_enforcement(done),
        )

    async def history(self, device_id: DevicePath) -> History:
        """The last 1,000 certificates and the first 1,000 acts."""
        found = await self._devices.credential_history(self._organization_id, device_id)
        return History(
            device=await self._shown_device(found.device),
            certificates=[self._shown(certificate) for certificate in found.certificates],
            acts=[show_entry(record) for record in found.acts],
        )

    async def _find(self, device_id: DeviceId, sha256: str) -> Certificate:
        device: Device = await self._devices.get(self._organization_id, device_id)
        certificate = await self._certificates.get(self._organization_id, sha256)
        if certificate.generation_id != device.generation_id:
            raise CertificateNotFound(
                f"the device {device_id!r} was issued no certificate {sha256}",
                hint="see them: vedette device certificates",
            )
        return certificate

    async def _shown_device(self, device: Device) -> DeviceView:
        return show_device(device, await self._presence.get(self._organization_id, device.generation_id))

    def _shown(self, certificate: Certificate) -> CertificateView:
        return show_certificate(certificate, certificate.standing(self._clock.now()))
