"""What control answers on the bus: the requests of ``vedette.bus.contract``, each handed to its room."""

from __future__ import annotations

from typing import Any, Final

from vedette.app.rooms import Rooms
from vedette.bus import Endpoint
from vedette.bus.contract import (
    AGREE_OPENING_KEY,
    FETCH_POLICIES,
    ISSUE_SERVER_CERTIFICATE,
    OPEN_SESSION,
    POSTURE_CHANGES,
    READ_TWIN,
    REGISTER_DEVICE,
    RENEW_CERTIFICATE,
    REPORT_CERTIFICATE,
    REPORT_PROPERTIES,
    VOUCH_CERTIFICATE,
    AgreeOpeningKey,
    CertificateReported,
    FetchPolicies,
    IssueServerCertificate,
    OpenSession,
    PostureChanges,
    PropertiesReported,
    ReadTwin,
    RegisterDevice,
    RenewCertificate,
    RenewedCertificate,
    ReportCertificate,
    ReportProperties,
    TwinDocument,
    VouchCertificate,
)
from vedette.kernel import GenerationId, OrganizationId
from vedette.ledger import Actor
from vedette.messaging import SessionIsElsewhere
from vedette.pki import CertificateNotCurrent
from vedette.pki.records import Sighting

_FOREIGN: Final = "foreign"


def gateway_endpoints(rooms: Rooms, server_names: tuple[str, ...]) -> list[Endpoint[Any]]:
    """Return what gateways may ask of control.

    Args:
        rooms: Who answers.
        server_names: What every gateway's certificate names; a gateway cannot ask for others.
    """
    # Former host names stay on the certificate, for the devices that know them.
    names = tuple(dict.fromkeys((*server_names, *rooms.anchor.hostnames)))

    async def renew(request: RenewCertificate) -> RenewedCertificate:
        organization_id = OrganizationId(request.organization_id)
        generation_id = GenerationId(request.generation_id)
        current = await rooms.certificates.get(organization_id, request.certificate_sha256)
        if current.generation_id != generation_id:
            raise CertificateNotCurrent("the certificate of another identity", hint="connect with the device's own")
        # A gateway asks only for sessions that it let in; one that was stolen may ask for any device.
        may_renew = await rooms.devices.may_renew(organization_id, generation_id)
        if not may_renew and not await rooms.response.quarantines.may_renew(organization_id, generation_id):
            name = current.subject_name
            raise CertificateNotCurrent(
                f"{name} is kept out and renews nothing",
                hint=f"see why: vedette device show {name.partition('/')[0]}",
            )
        prepared = await rooms.certificates.renew(
            organization_id=organization_id,
            current_sha256=request.certificate_sha256,
            csr=request.csr,
            actor=Actor("device", generation_id),
        )
        return RenewedCertificate(list(prepared.chain))

    async def issue_server_certificate(request: IssueServerCertificate) -> RenewedCertificate:
        chain = await rooms.certificates.issue_server_certificate(
            organization_id=OrganizationId(request.organization_id),
            names=names,
            csr=request.csr,
            actor=Actor("service", request.gateway),
        )
        return RenewedCertificate(chain)

    async def report_certificate(request: ReportCertificate) -> CertificateReported:
        standing = await rooms.reports.report(
            Sighting(
                organization_id=OrganizationId(request.organization_id),
                der=request.certificate,
                presented_as=request.presented_as,
                gateway=request.gateway,
                remote_address=request.remote_address,
            )
        )
        return CertificateReported(_FOREIGN if standing is None else standing.value)

    return [
        Endpoint(OPEN_SESSION, OpenSession, rooms.access.open_session),
        Endpoint(AGREE_OPENING_KEY, AgreeOpeningKey, rooms.access.agree_opening_key),
        Endpoint(POSTURE_CHANGES, PostureChanges, rooms.access.changes),
        Endpoint(FETCH_POLICIES, FetchPolicies, rooms.policies.bundles.fetch),
        Endpoint(REGISTER_DEVICE, RegisterDevice, rooms.registrations.register),
        Endpoint(RENEW_CERTIFICATE, RenewCertificate, renew),
        Endpoint(ISSUE_SERVER_CERTIFICATE, IssueServerCertificate, issue_server_certificate),
        Endpoint(REPORT_CERTIFICATE, ReportCertificate, report_certificate),
        Endpoint(VOUCH_CERTIFICATE, VouchCertificate, rooms.vouching.vouch),
        *_twin_endpoints(rooms),
        *rooms.desk.endpoints(),
    ]


def _twin_endpoints(rooms: Rooms) -> list[Endpoint[Any]]:
    def check(request: ReadTwin | ReportProperties) -> None:
        if rooms.directory.is_elsewhere(request.generation_id, request.gateway):
            raise SessionIsElsewhere("another gateway holds the identity now")

    async def read(request: ReadTwin) -> TwinDocument:
        check(request)
        document = await rooms.twins.read_own(
            OrganizationId(request.organization_id), GenerationId(request.generation_id)
        )
        return TwinDocument(document)

    async def report(request: ReportProperties) -> PropertiesReported:
        check(request)  # what a former session reported must not replace what the present one has
        version = await rooms.twins.report(
            OrganizationId(request.organization_id), GenerationId(request.generation_id), request.patch
        )
        return PropertiesReported(version)

    return [Endpoint(READ_TWIN, ReadTwin, read), Endpoint(REPORT_PROPERTIES, ReportProperties, report)]
