"""Certificates that gateways report: which of them mean that an issuing key is stolen."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from stand_in_control import make_certificate
from stolen_key import der_of, issue_unasked, rewrite_signature

from vedette.kernel import GenerationId, OrganizationId, RandomIds
from vedette.ledger import Actor, Ledger
from vedette.pki import ReportNotFound, RevocationReason, Standing
from vedette.pki.records import (
    CertificateReports,
    CertificateService,
    OnboardingAuthorityService,
    Sighting,
    Signer,
    reports,
)
from vedette.simulation import ManualClock, make_request
from vedette.store import Store
from vedette.trust import certificate_identity

pytestmark = pytest.mark.anyio
ORGANIZATION = OrganizationId("org_0123456789abcdefghijklmnop")
OPERATOR = Actor("operator", "ada")


@dataclass
class Desk:
    """The reports, and the key that was stolen."""

    reports: CertificateReports
    ledger: Ledger
    authority: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    ids: RandomIds

    def forged(self, name: str = "pump-7") -> bytes:
        generation_id = GenerationId(self.ids.new("dev"))
        return der_of(
            issue_unasked(
                self.authority, self.key, name=name, organization_id=ORGANIZATION, generation_id=generation_id
            )
        )

    async def report(self, der: bytes, *, presented_as: str = "pump-7") -> Standing | None:
        return await self.reports.report(
            Sighting(
                organization_id=ORGANIZATION,
                der=der,
                presented_as=presented_as,
                gateway="gateway-1",
                remote_address="192.0.2.7",
            )
        )

    async def entries(self) -> list[str]:
        found = await self.ledger.entries(ORGANIZATION)
        return [str(entry.details["standing"]) for entry in found if entry.action == "pki.report_certificate"]


@pytest.fixture
async def desk(
    *,
    store: Store,
    ledger: Ledger,
    clock: ManualClock,
    ids: RandomIds,
    signer: Signer,
    authorities: OnboardingAuthorityService,
    tmp_path: Path,
) -> Desk:
    await authorities.record_own(organization_id=ORGANIZATION, chains=await signer.get_chains())
    key = load_pem_private_key((tmp_path / "pki" / "operational.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    authority = x509.load_pem_x509_certificate((tmp_path / "pki" / "operational.pem").read_bytes())
    return Desk(CertificateReports(store, ledger, clock=clock), ledger, authority, key, ids)


async def issue(certificates: CertificateService, ids: RandomIds) -> bytes:
    prepared = await certificates.issue(
        organization_id=ORGANIZATION,
        generation_id=GenerationId(ids.new("dev")),
        subject_name="pump-7",
        csr=make_request("pump-7")[1],
        actor=OPERATOR,
    )
    return prepared.chain[0]


async def test_what_our_key_signed_and_nobody_had_issued_raises_the_alarm_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    forged = desk.forged()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert await desk.report(forged) is Standing.UNKNOWN
    assert await desk.entries() == ["unknown"]
    (line,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert line.__dict__["presented_as"] == "pump-7"
    alarm, count = await desk.reports.alarm(ORGANIZATION)
    assert alarm is not None
    assert (alarm.subject, alarm.remote_address, count) == ("CN=pump-7", "192.0.2.7", 1)
    assert alarm.claimed_generation_id.startswith("dev_")
    assert await desk.report(desk.forged()) is Standing.UNKNOWN
    assert (await desk.reports.alarm(ORGANIZATION))[1] == 2


async def test_the_entry_names_the_gateway_and_the_authority(desk: Desk) -> None:
    await desk.report(desk.forged(), presented_as="pump-9/camera")
    entry = (await desk.ledger.entries(ORGANIZATION))[-1]
    assert (entry.actor, entry.decision) == (Actor("service", "gateway-1"), "denied")
    assert entry.details["presented_as"] == "pump-9/camera"
    assert len(str(entry.details["authority_sha256"])) == 64


async def test_what_is_on_record_is_no_news_even_when_it_has_ended(
    desk: Desk, certificates: CertificateService, ids: RandomIds
) -> None:
    genuine = await issue(certificates, ids)
    assert await desk.report(genuine) is Standing.PERMITTED
    sha256 = (await certificates.list_of(ORGANIZATION, _generation(genuine)))[0].sha256
    await certificates.revoke(
        organization_id=ORGANIZATION, sha256=sha256, reason=RevocationReason.KEY_COMPROMISE, actor=OPERATOR
    )
    assert await desk.report(genuine) is Standing.REVOKED
    assert await desk.entries() == []


async def test_a_rewritten_signature_is_recorded_and_raises_no_alarm(
    desk: Desk, certificates: CertificateService, ids: RandomIds
) -> None:
    genuine = x509.load_der_x509_certificate(await issue(certificates, ids))
    altered = rewrite_signature(genuine).public_bytes(Encoding.DER)
    for _ in range(2):
        assert await desk.report(altered) is Standing.ALTERED
    assert await desk.entries() == ["altered"]
    assert await desk.reports.alarm(ORGANIZATION) == (None, 0)


async def test_whoever_reports_is_not_believed_the_signature_is(desk: Desk) -> None:
    namesake = make_certificate("x", is_authority=True)
    namesake.certificate = desk.authority  # the right name, another key
    foreign = {
        "another key under our name": der_of(make_certificate("pump-7", namesake)),
        "another authority": der_of(make_certificate("pump-7", make_certificate("other", is_authority=True))),
        "nonsense": b"nonsense",
        "nothing": b"",
        "more than a certificate has": desk.forged() + b"\x00" * reports.CERTIFICATE_MAX_BYTES,
    }
    for case, der in foreign.items():
        assert await desk.report(der) is None, case
    assert await desk.entries() == []


async def test_an_operator_ends_the_alarm_and_the_certificate_stays_on_record(desk: Desk) -> None:
    await desk.report(desk.forged())
    alarm, _ = await desk.reports.alarm(ORGANIZATION)
    assert alarm is not None
    for _ in range(2):
        done = await desk.reports.acknowledge(ORGANIZATION, alarm.sha256, actor=OPERATOR, reason="restored")
        assert done.acknowledged_at is not None
    assert await desk.reports.alarm(ORGANIZATION) == (None, 0)
    assert [each.sha256 for each in await desk.reports.list_all(ORGANIZATION)] == [alarm.sha256]
    entries = await desk.ledger.entries(ORGANIZATION)
    assert [each.action for each in entries].count("pki.acknowledge_certificate") == 1
    assert await desk.report(alarm.der) is Standing.UNKNOWN
    assert await desk.reports.alarm(ORGANIZATION) == (None, 0)
    with pytest.raises(ReportNotFound):
        await desk.reports.acknowledge(ORGANIZATION, "0" * 64, actor=OPERATOR, reason="x")


async def test_certificates_without_end_fill_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "REPORTS_MAX", 3)
    for _ in range(5):
        assert await desk.report(desk.forged()) is Standing.UNKNOWN
    assert len(await desk.entries()) == 3
    listed = await desk.reports.list_all(ORGANIZATION, limit=2)
    rest = await desk.reports.list_all(ORGANIZATION, after=listed[-1].sha256)
    assert len({each.sha256 for each in [*listed, *rest]}) == 3


def _generation(der: bytes) -> GenerationId:
    identity = certificate_identity(x509.load_der_x509_certificate(der))
    assert identity is not None
    return identity.generation_id
