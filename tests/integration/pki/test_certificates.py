from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from vedette.kernel import GenerationId, OrganizationId, RandomIds
from vedette.ledger import Actor, Ledger
from vedette.pki import (
    BadCsr,
    CertificateNotCurrent,
    CertificateNotFound,
    ForeignNames,
    ForeignSubject,
    IdentityIsFrozen,
    InvalidLifetime,
    InvalidSubjectName,
    KeyAlreadyInUse,
    RenewalForked,
    RevocationReason,
    Standing,
)
from vedette.pki.records import CertificateService, PreparedCertificate, Signer
from vedette.simulation import ManualClock, make_request
from vedette.store import Store
from vedette.trust import certificate_sha256

pytestmark = pytest.mark.anyio
ORGANIZATION = OrganizationId("org_0123456789abcdefghijklmnop")
OPERATOR = Actor("operator", "ada")
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def csr(name: str = "pump-7") -> bytes:
    return make_request(name)[1]


def csr_with(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.DER)


@pytest.fixture
def generation_id(ids: RandomIds) -> GenerationId:
    return GenerationId(ids.new("dev"))


@pytest.fixture
def issue(certificates: CertificateService, generation_id: GenerationId) -> Callable[..., Any]:
    """Return a function that issues to one device, unless told otherwise."""

    async def issue_one(**changes: Any) -> PreparedCertificate:  # Any: arguments of any kind
        request: dict[str, Any] = {
            "organization_id": ORGANIZATION,
            "generation_id": generation_id,
            "subject_name": "pump-7",
            "csr": csr(),
            "actor": OPERATOR,
        }
        return await certificates.issue(**{**request, **changes})

    return issue_one


Issue = Callable[..., Any]  # Any: a coroutine of PreparedCertificate


class Records:
    """Short forms of what these tests ask again and again."""

    def __init__(
        self, store: Store, certificates: CertificateService, clock: ManualClock, generation_id: GenerationId
    ) -> None:
        self._store = store
        self._certificates = certificates
        self._clock = clock
        self._generation_id = generation_id

    async def permitted(self) -> dict[str, Any]:  # Any: an aware datetime or None
        now = self._clock.now()
        listed = await self._store.read(
            lambda c: self._certificates.permitted_certificates(c, ORGANIZATION, self._generation_id, now)
        )
        assert all(each.origin == "issued" for each in listed)
        return {each.digest: each.permitted_until for each in listed}

    async def use(self, sha256: str) -> bool:
        return await self._store.write(lambda tx: self._certificates.mark_used(tx, ORGANIZATION, sha256))

    async def renew(self, sha256: str) -> PreparedCertificate:
        device = Actor("device", self._generation_id)
        return await self._certificates.renew(
            organization_id=ORGANIZATION, current_sha256=sha256, csr=csr(), actor=device
        )

    async def standing(self, der: bytes) -> Standing:
        now = self._clock.now()
        return (await self._store.read(lambda c: self._certificates.standing_of(c, ORGANIZATION, der, now)))[0]


@pytest.fixture
def records(store: Store, certificates: CertificateService, clock: ManualClock, generation_id: GenerationId) -> Records:
    return Records(store, certificates, clock, generation_id)


def sha256_of(prepared: PreparedCertificate) -> str:
    return prepared.certificate.sha256


async def events_of(ledger: Ledger) -> list[str]:
    return [each.name for each in await ledger.events(ORGANIZATION, limit=1000)]


async def test_an_issued_certificate_is_on_record_permitted_and_told(
    issue: Issue, certificates: CertificateService, records: Records, ledger: Ledger, clock: ManualClock
) -> None:
    prepared = await issue()
    generation_id = prepared.certificate.generation_id
    stored = await certificates.get(ORGANIZATION, sha256_of(prepared))
    assert stored == prepared.certificate
    assert stored.sha256 == certificate_sha256(prepared.chain[0])
    assert stored.authority_sha256 == certificate_sha256(prepared.chain[1])
    assert len(prepared.chain) == 3
    assert await records.permitted() == {stored.sha256: clock.now() + timedelta(days=30)}
    (entry,) = await ledger.entries(ORGANIZATION)
    assert (entry.action, entry.target, entry.target_name) == ("pki.issue_certificate", generation_id, "pump-7")
    assert entry.details["sha256"] == stored.sha256
    (event,) = await ledger.events(ORGANIZATION)
    assert (event.name, event.subject) == ("pki.certificate_issued", generation_id)


async def test_a_prepared_certificate_counts_for_nothing_until_stored(
    store: Store, certificates: CertificateService, records: Records, generation_id: GenerationId
) -> None:
    prepared = await certificates.prepare_issue(
        organization_id=ORGANIZATION, generation_id=generation_id, subject_name="pump-7", csr=csr()
    )
    assert await records.permitted() == {}
    assert await records.standing(prepared.chain[0]) is Standing.UNKNOWN
    with pytest.raises(ZeroDivisionError):
        await store.write(lambda tx: (certificates.store_issued(tx, prepared, actor=OPERATOR), 1 // 0))
    assert await records.permitted() == {}
    await store.write(lambda tx: certificates.store_issued(tx, prepared, actor=OPERATOR))
    assert list(await records.permitted()) == [sha256_of(prepared)]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"csr": csr("pump-8")}, ForeignSubject),
        ({"lifetime": timedelta(minutes=59)}, InvalidLifetime),
        ({"lifetime": timedelta(days=91)}, InvalidLifetime),
        ({"subject_name": "x" * 65, "csr": csr("x" * 64)}, InvalidSubjectName),
    ],
)
async def test_a_bad_request_is_refused(
    issue: Issue, ledger: Ledger, changes: dict[str, object], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        await issue(**changes)
    assert await ledger.size(ORGANIZATION) == 0


async def test_one_key_serves_one_identity_for_ever(
    issue: Issue, certificates: CertificateService, ids: RandomIds, generation_id: GenerationId
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    await issue(csr=csr_with(key, "pump-7"))
    await issue(csr=csr_with(key, "pump-7"))
    other = GenerationId(ids.new("dev"))
    with pytest.raises(KeyAlreadyInUse):
        await issue(generation_id=other, subject_name="pump-8", csr=csr_with(key, "pump-8"))
    await certificates.revoke_all(
        organization_id=ORGANIZATION,
        generation_id=generation_id,
        reason=RevocationReason.CESSATION_OF_OPERATION,
        actor=OPERATOR,
    )
    with pytest.raises(KeyAlreadyInUse):
        await issue(generation_id=other, csr=csr_with(key, "pump-7"))


async def test_two_identities_that_race_with_one_key_do_not_both_get_it(
    store: Store, certificates: CertificateService, ids: RandomIds
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    prepared = [
        await certificates.prepare_issue(
            organization_id=ORGANIZATION,
            generation_id=GenerationId(ids.new("dev")),
            subject_name=name,
            csr=csr_with(key, name),
        )
        for name in ("pump-7", "pump-8")
    ]
    await store.write(lambda tx: certificates.store_issued(tx, prepared[0], actor=OPERATOR))
    with pytest.raises(KeyAlreadyInUse):
        await store.write(lambda tx: certificates.store_issued(tx, prepared[1], actor=OPERATOR))


async def test_a_renewal_overlaps_until_the_successor_is_used_and_for_an_hour_more(
    issue: Issue, records: Records, clock: ManualClock, ledger: Ledger
) -> None:
    old = await issue()
    clock.advance(timedelta(days=20))
    new = await records.renew(sha256_of(old))
    assert new.certificate.predecessor_sha256 is None  # as signed; the record has the link
    assert await records.permitted() == {
        sha256_of(new): clock.now() + timedelta(days=30),
        sha256_of(old): clock.now() + timedelta(days=10),
    }
    clock.advance(timedelta(days=1))
    assert await records.use(sha256_of(new))
    assert not await records.use(sha256_of(new))
    assert (await records.permitted())[sha256_of(old)] == clock.now() + timedelta(hours=1)
    clock.advance(timedelta(hours=1))
    assert list(await records.permitted()) == [sha256_of(new)]
    assert await records.standing(old.chain[0]) is Standing.SUPERSEDED
    names = ["pki.certificate_issued", "pki.certificate_renewed", "pki.certificate_first_used"]
    assert await events_of(ledger) == names


async def test_the_youngest_is_permitted_though_the_clock_was_set_back_among_many(
    issue: Issue, records: Records, clock: ManualClock
) -> None:
    newest = await issue()
    for _ in range(20):
        clock.advance(timedelta(seconds=2))
        newest = await records.renew(sha256_of(newest))
        await records.use(sha256_of(newest))
    clock.advance(timedelta(minutes=-1))
    newest = await records.renew(sha256_of(newest))
    assert sha256_of(newest) in await records.permitted()
    await records.use(sha256_of(newest))
    assert sha256_of(newest) in await records.permitted()


async def test_the_overlap_never_lengthens_a_life(issue: Issue, records: Records, clock: ManualClock) -> None:
    old = await issue(lifetime=timedelta(hours=1))
    clock.advance(timedelta(minutes=50))
    new = await records.renew(sha256_of(old))
    await records.use(sha256_of(new))
    assert (await records.permitted())[sha256_of(old)] == clock.now() + timedelta(minutes=10)


async def test_a_renewal_whose_reply_was_lost_replaces_the_unused_successor(
    issue: Issue, records: Records, certificates: CertificateService, ledger: Ledger
) -> None:
    old = await issue()
    lost = await records.renew(sha256_of(old))
    again = await records.renew(sha256_of(old))
    assert set(await records.permitted()) == {sha256_of(old), sha256_of(again)}
    revoked = await certificates.get(ORGANIZATION, sha256_of(lost))
    assert revoked.revocation_reason is RevocationReason.SUPERSEDED
    current = await certificates.get(ORGANIZATION, sha256_of(old))
    assert current.successor_sha256 == sha256_of(again)
    assert (await certificates.get(ORGANIZATION, sha256_of(again))).predecessor_sha256 == sha256_of(old)
    assert (await events_of(ledger))[-2:] == ["pki.certificate_renewed", "pki.certificate_revoked"]


async def test_a_second_renewal_after_the_successor_was_used_freezes_the_identity(
    issue: Issue, records: Records, store: Store, certificates: CertificateService, ledger: Ledger
) -> None:
    old = await issue()
    generation_id = old.certificate.generation_id
    new = await records.renew(sha256_of(old))
    await records.use(sha256_of(new))
    with pytest.raises(RenewalForked):
        await records.renew(sha256_of(old))
    assert await store.read(lambda c: certificates.is_frozen(c, ORGANIZATION, generation_id))
    assert (await events_of(ledger))[-1] == "pki.identity_frozen"
    entry = (await ledger.entries(ORGANIZATION))[-1]
    assert (entry.decision, entry.action) == ("denied", "pki.renew_certificate")
    for attempt in (records.renew(sha256_of(new)), issue()):
        with pytest.raises(IdentityIsFrozen):
            await attempt
    with pytest.raises(RenewalForked):
        await records.renew(sha256_of(old))
    assert (await events_of(ledger)).count("pki.identity_frozen") == 1


async def test_an_operator_thaws_a_frozen_identity(
    issue: Issue,
    records: Records,
    certificates: CertificateService,
    ledger: Ledger,
    generation_id: GenerationId,
) -> None:
    old = await issue()
    await records.use(sha256_of(await records.renew(sha256_of(old))))
    with pytest.raises(RenewalForked):
        await records.renew(sha256_of(old))
    thaw = {"organization_id": ORGANIZATION, "generation_id": generation_id, "actor": OPERATOR, "reason": "seen"}
    assert await certificates.thaw(**thaw)  # type: ignore[arg-type] # each is of its own type
    assert not await certificates.thaw(**thaw)  # type: ignore[arg-type] # same
    await issue()
    assert "pki.identity_thawed" in await events_of(ledger)


async def test_a_certificate_that_ended_is_not_renewed(
    issue: Issue, records: Records, certificates: CertificateService, clock: ManualClock
) -> None:
    revoked, expired = await issue(), await issue(lifetime=timedelta(hours=1))
    await certificates.revoke(
        organization_id=ORGANIZATION,
        sha256=sha256_of(revoked),
        reason=RevocationReason.KEY_COMPROMISE,
        actor=OPERATOR,
    )
    clock.advance(timedelta(hours=1))
    for ended in (revoked, expired):
        with pytest.raises(CertificateNotCurrent):
            await records.renew(sha256_of(ended))
    with pytest.raises(CertificateNotFound):
        await records.renew("0" * 64)


async def test_a_revoked_certificate_is_permitted_no_more_and_stays_revoked(
    issue: Issue, records: Records, certificates: CertificateService, clock: ManualClock, ledger: Ledger
) -> None:
    prepared = await issue()
    revoke = {"organization_id": ORGANIZATION, "sha256": sha256_of(prepared), "actor": OPERATOR, "comment": "stolen"}
    first = await certificates.revoke(reason=RevocationReason.KEY_COMPROMISE, **revoke)  # type: ignore[arg-type]
    assert await records.permitted() == {}
    assert await records.standing(prepared.chain[0]) is Standing.REVOKED
    clock.advance(timedelta(hours=1))
    again = await certificates.revoke(reason=RevocationReason.SUPERSEDED, **revoke)  # type: ignore[arg-type]
    assert again == first
    assert await ledger.size(ORGANIZATION) == 2
    assert (await ledger.entries(ORGANIZATION))[-1].reason == "stolen"


async def test_all_certificates_of_an_identity_end_together(
    issue: Issue, records: Records, certificates: CertificateService, generation_id: GenerationId, ids: RandomIds
) -> None:
    await issue()
    await issue()
    other = await issue(generation_id=GenerationId(ids.new("dev")), subject_name="pump-8", csr=csr("pump-8"))
    end = {"organization_id": ORGANIZATION, "generation_id": generation_id, "actor": OPERATOR}
    reason = RevocationReason.PRIVILEGE_WITHDRAWN
    assert await certificates.revoke_all(reason=reason, **end) == 2  # type: ignore[arg-type] # each of its own type
    assert await certificates.revoke_all(reason=reason, **end) == 0  # type: ignore[arg-type] # same
    assert await records.permitted() == {}
    assert await records.standing(other.chain[0]) is Standing.PERMITTED


async def test_another_organization_sees_nothing(issue: Issue, store: Store, certificates: CertificateService) -> None:
    prepared = await issue()
    stranger = OrganizationId("org_00000000000000000000000000")
    with pytest.raises(CertificateNotFound):
        await certificates.get(stranger, sha256_of(prepared))
    with pytest.raises(CertificateNotFound):
        await certificates.revoke(
            organization_id=stranger,
            sha256=sha256_of(prepared),
            reason=RevocationReason.UNSPECIFIED,
            actor=OPERATOR,
        )


async def test_a_rewritten_signature_is_told_from_a_stolen_issuing_key(issue: Issue, records: Records) -> None:
    prepared = await issue()
    genuine = x509.load_der_x509_certificate(prepared.chain[0])
    r, s = decode_dss_signature(genuine.signature)
    body = genuine.tbs_certificate_bytes + bytes.fromhex("300a06082a8648ce3d040302")
    signature = encode_dss_signature(r, P256_ORDER - s)
    body += bytes([0x03, len(signature) + 1, 0x00]) + signature
    rewritten = b"\x30\x82" + len(body).to_bytes(2, "big") + body
    assert await records.standing(prepared.chain[0]) is Standing.PERMITTED
    assert await records.standing(rewritten) is Standing.ALTERED
    assert await records.standing(prepared.chain[1]) is Standing.UNKNOWN
    assert await records.standing(b"nonsense") is Standing.UNKNOWN


async def test_certificates_are_listed_in_pages_youngest_first(
    issue: Issue, certificates: CertificateService, generation_id: GenerationId, clock: ManualClock
) -> None:
    issued = []
    for number in range(5):
        issued.append(sha256_of(await issue()))
        if number % 2:
            clock.advance(timedelta(seconds=1))
    seen: list[str] = []
    while page := await certificates.list_of(
        ORGANIZATION, generation_id, after_sha256=seen[-1] if seen else None, limit=2
    ):
        seen += [each.sha256 for each in page]
    assert sorted(seen) == sorted(issued)
    assert seen[0] == issued[-1]


async def test_the_revocation_list_names_what_is_revoked_and_not_expired(
    issue: Issue, certificates: CertificateService, signer: Signer, clock: ManualClock
) -> None:
    short, long, _ = await issue(lifetime=timedelta(hours=1)), await issue(), await issue()
    for prepared in (short, long):
        await certificates.revoke(
            organization_id=ORGANIZATION,
            sha256=sha256_of(prepared),
            reason=RevocationReason.KEY_COMPROMISE,
            actor=OPERATOR,
        )
    crl = x509.load_der_x509_crl(await certificates.revocation_list(ORGANIZATION))
    assert {each.serial_number for each in crl} == {int(each.certificate.serial, 16) for each in (short, long)}
    clock.advance(timedelta(hours=2))
    crl = x509.load_der_x509_crl(await certificates.revocation_list(ORGANIZATION))
    assert [each.serial_number for each in crl] == [int(long.certificate.serial, 16)]


async def test_a_server_certificate_is_issued_for_configured_names_and_recorded(
    certificates: CertificateService, ledger: Ledger
) -> None:
    chain = await certificates.issue_server_certificate(
        organization_id=ORGANIZATION, names=("hub.example",), csr=csr("hub.example"), actor=Actor("system", "gateway-1")
    )
    (entry,) = await ledger.entries(ORGANIZATION)
    assert (entry.action, entry.target) == ("pki.issue_server_certificate", certificate_sha256(chain[0]))
    with pytest.raises(ForeignNames):
        await certificates.issue_server_certificate(
            organization_id=ORGANIZATION, names=("evil.example",), csr=csr("evil.example"), actor=OPERATOR
        )
    async with asyncio.timeout(30):  # refused here: the signer cuts off whoever sends it too much
        with pytest.raises(BadCsr):
            await certificates.issue_server_certificate(
                organization_id=ORGANIZATION, names=("hub.example",), csr=bytes(100_000), actor=OPERATOR
            )


async def test_every_certificate_keeps_its_place_when_the_events_are_projected(
    issue: Issue, ledger: Ledger, certificates: CertificateService, records: Records, clock: ManualClock
) -> None:
    """A projection, as access registers one, reads the state after the change in the same transaction."""
    seen: list[set[str]] = []

    def project(tx: Any, event: Any) -> None:  # Any: every room's events pass here
        now = clock.now()
        listed = certificates.permitted_certificates(tx.connection, ORGANIZATION, event.generation_id, now)
        seen.append({each.digest for each in listed})
        assert isinstance(tx.connection, sa.Connection)

    ledger.project("posture", project)
    old = await issue()
    lost = await records.renew(sha256_of(old))
    new = await records.renew(sha256_of(old))
    assert seen[0] == {sha256_of(old)}
    assert seen[1] == {sha256_of(old), sha256_of(lost)}
    assert seen[-1] == {sha256_of(old), sha256_of(new)}
