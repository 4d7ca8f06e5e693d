from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from vedette.kernel import OrganizationId
from vedette.pki import Authorities, Purpose, SignerSettings, read_journal
from vedette.pki.signer.contract import (
    Chains,
    GetChain,
    Issued,
    IssueDeviceCertificate,
    IssueServerCertificate,
    Refused,
    Reply,
    Request,
    Revocation,
    SignedRevocationList,
    SignRevocationList,
)
from vedette.pki.signer.desk import SigningDesk
from vedette.pki.signer.journal import Journal
from vedette.simulation import ManualClock, SequentialIds, make_request
from vedette.trust import CertificateIdentity, certificate_identity, certificate_sha256

MakeCsr = Callable[..., bytes]
OpenDesk = Callable[..., SigningDesk]
T = TypeVar("T")


@pytest.fixture
def open_desk(
    authorities: Authorities, signer_settings: SignerSettings, clock: ManualClock, ids: SequentialIds
) -> Iterator[OpenDesk]:
    desks: list[SigningDesk] = []

    def start(settings: SignerSettings = signer_settings) -> SigningDesk:
        journal = Journal(settings.authorities.pki_directory / "journal")
        desks.append(SigningDesk(authorities, journal, settings, clock=clock, ids=ids))
        return desks[-1]

    yield start
    for desk in desks:
        desk.close()


@pytest.fixture
def desk(open_desk: OpenDesk) -> SigningDesk:
    return open_desk()


@pytest.fixture
def device(ids: SequentialIds, organization_id: OrganizationId) -> Callable[..., IssueDeviceCertificate]:
    generation_id = ids.new("dev")

    def make(**changes: Any) -> IssueDeviceCertificate:  # Any: fields of any kind
        fields: dict[str, Any] = {
            "request_id": ids.new("op"),
            "organization_id": organization_id,
            "generation_id": generation_id,
            "subject_name": "pump-7",
            "csr": make_request("pump-7")[1],
            "lifetime_s": 30 * 86_400,
        }
        return IssueDeviceCertificate(**{**fields, **changes})

    return make


@pytest.fixture
def server(ids: SequentialIds, organization_id: OrganizationId) -> Callable[..., IssueServerCertificate]:
    def make(**changes: Any) -> IssueServerCertificate:  # Any: fields of any kind
        fields: dict[str, Any] = {
            "request_id": ids.new("op"),
            "organization_id": organization_id,
            "names": ("localhost", "127.0.0.1"),
            "csr": make_request("localhost")[1],
        }
        return IssueServerCertificate(**{**fields, **changes})

    return make


def ask(desk: SigningDesk, request: Request, kind: type[T]) -> T:
    (reply,) = desk.process([request])
    assert isinstance(reply, kind), reply
    return reply


def code(reply: Reply) -> str:
    return reply.code if isinstance(reply, Refused) else type(reply).__name__


def test_a_device_certificate_is_the_one_profile(
    desk: SigningDesk,
    device: Callable[..., IssueDeviceCertificate],
    authorities: Authorities,
    clock: ManualClock,
) -> None:
    request = device()
    leaf, issuing, root = (x509.load_der_x509_certificate(der) for der in ask(desk, request, Issued).chain)
    assert leaf.subject.rfc4514_string() == "CN=pump-7"
    assert certificate_identity(leaf) == CertificateIdentity(
        OrganizationId(request.organization_id),
        request.generation_id,  # type: ignore[arg-type]
    )
    by_oid = {extension.oid: (extension.value, extension.critical) for extension in leaf.extensions}
    assert by_oid[ExtensionOID.BASIC_CONSTRAINTS] == (x509.BasicConstraints(ca=False, path_length=None), True)
    usage, is_critical = by_oid[ExtensionOID.KEY_USAGE]
    assert isinstance(usage, x509.KeyUsage)
    assert is_critical
    assert usage.digital_signature
    assert not any((usage.key_cert_sign, usage.crl_sign, usage.key_encipherment, usage.key_agreement))
    extended, _ = by_oid[ExtensionOID.EXTENDED_KEY_USAGE]
    assert isinstance(extended, x509.ExtendedKeyUsage)
    assert list(extended) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert set(by_oid) == {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    }
    assert 0 < leaf.serial_number < 1 << 128
    assert leaf.not_valid_before_utc == clock.now() - timedelta(minutes=5)
    assert leaf.not_valid_after_utc == clock.now() + timedelta(days=30)
    leaf.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(root)
    assert root == authorities.root


def test_a_server_certificate_carries_configured_names_only(
    desk: SigningDesk, server: Callable[..., IssueServerCertificate]
) -> None:
    leaf = x509.load_der_x509_certificate(ask(desk, server(), Issued).chain[0])
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert code(desk.process([server(names=("localhost", "evil.example"))])[0]) == "pki.foreign_names"
    assert code(desk.process([server(csr=make_request("evil.example")[1])])[0]) == "pki.foreign_subject"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"organization_id": "org_00000000000000000000000000"}, "pki.unknown_organization"),
        ({"generation_id": "dev_1"}, "pki.invalid_subject_name"),
        ({"generation_id": "enr_00000000000000000000000000"}, "pki.invalid_subject_name"),
        ({"subject_name": "x" * 65}, "pki.invalid_subject_name"),
        ({"subject_name": "pump 7"}, "pki.invalid_subject_name"),
        ({"subject_name": "pump-8"}, "pki.foreign_subject"),
        ({"csr": b"nonsense"}, "pki.malformed_csr"),
        ({"lifetime_s": 3599}, "pki.invalid_lifetime"),
        ({"lifetime_s": 90 * 86_400 + 1}, "pki.invalid_lifetime"),
    ],
)
def test_the_signer_judges_for_itself(
    desk: SigningDesk,
    device: Callable[..., IssueDeviceCertificate],
    signer_settings: SignerSettings,
    changes: dict[str, object],
    refusal: str,
) -> None:
    (reply,) = desk.process([device(**changes)])
    assert code(reply) == refusal
    assert list(read_journal(signer_settings.authorities.pki_directory / "journal")) == []


def test_a_request_may_carry_an_accepted_name_and_gets_its_own(
    desk: SigningDesk, device: Callable[..., IssueDeviceCertificate]
) -> None:
    request = device(subject_name="Pump-North-7", accepted_names=("pump-7",))
    leaf = x509.load_der_x509_certificate(ask(desk, request, Issued).chain[0])
    assert leaf.subject.rfc4514_string() == "CN=Pump-North-7"


def test_what_is_answered_is_in_the_journal(
    desk: SigningDesk, device: Callable[..., IssueDeviceCertificate], signer_settings: SignerSettings
) -> None:
    requests = [device(), device(csr=b"nonsense"), device()]
    replies = desk.process(requests)
    answered = [
        (r.request_id, certificate_sha256(a.chain[0]))
        for r, a in zip(requests, replies, strict=True)
        if isinstance(a, Issued)
    ]
    records = [
        each for each in read_journal(signer_settings.authorities.pki_directory / "journal") if each.kind == "device"
    ]
    assert [(each.request_id, each.sha256) for each in records] == answered
    assert len(answered) == 2
    assert records[0].generation_id == requests[0].generation_id
    assert records[0].subject_name == "pump-7"


def test_a_journal_that_cannot_be_written_lets_nothing_out(
    desk: SigningDesk,
    device: Callable[..., IssueDeviceCertificate],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = device()
    with monkeypatch.context() as patch:

        def fail(descriptor: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        patch.setattr(os, "fdatasync", fail)
        replies = desk.process([request, device(csr=b"nonsense"), GetChain()])
        assert [code(reply) for reply in replies] == ["pki.journal_unavailable", "pki.malformed_csr", "Chains"]
    assert code(desk.process([request])[0]) == "Issued"


def test_the_same_request_gets_the_same_certificate_and_another_one_none(
    desk: SigningDesk, device: Callable[..., IssueDeviceCertificate]
) -> None:
    request = device()
    first = ask(desk, request, Issued)
    assert ask(desk, request, Issued) == first
    together = desk.process([twin := device(), twin])
    assert together[0] == together[1]
    assert code(desk.process([device(request_id=request.request_id)])[0]) == "pki.request_id_reused"


def test_the_cap_holds_across_restarts_and_slides(
    open_desk: OpenDesk, device: Callable[..., IssueDeviceCertificate], clock: ManualClock
) -> None:
    desk = open_desk()
    for _ in range(4):
        ask(desk, device(), Issued)
        clock.advance(timedelta(minutes=1))
    desk = open_desk()
    ask(desk, device(), Issued)
    assert code(desk.process([device()])[0]) == "pki.cap_exceeded"
    desk = open_desk()
    assert code(desk.process([device()])[0]) == "pki.cap_exceeded"
    clock.advance(timedelta(minutes=56, seconds=1))
    ask(desk, device(), Issued)
    assert code(desk.process([device()])[0]) == "pki.cap_exceeded"


def test_a_refused_request_uses_up_nothing(desk: SigningDesk, device: Callable[..., IssueDeviceCertificate]) -> None:
    desk.process([device(csr=b"nonsense") for _ in range(10)])
    replies = desk.process([device() for _ in range(6)])
    assert [code(reply) for reply in replies] == ["Issued"] * 5 + ["pki.cap_exceeded"]


def test_a_jump_of_the_wall_clock_frees_no_cap(
    desk: SigningDesk, device: Callable[..., IssueDeviceCertificate], clock: ManualClock
) -> None:
    desk.process([device() for _ in range(5)])
    clock.jump(timedelta(hours=2))
    assert code(desk.process([device()])[0]) == "pki.cap_exceeded"


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_clock_that_went_back_signs_nothing(
    open_desk: OpenDesk,
    device: Callable[..., IssueDeviceCertificate],
    clock: ManualClock,
    is_restarted: bool,  # noqa: FBT001 - a table
) -> None:
    desk = open_desk()
    clock.advance(timedelta(days=1))
    ask(desk, device(), Issued)
    clock.jump(-timedelta(minutes=5))
    if is_restarted:
        desk = open_desk()
    ask(desk, device(), Issued)
    clock.jump(-timedelta(seconds=1))
    assert code(desk.process([device()])[0]) == "pki.clock_went_back"
    clock.jump(timedelta(seconds=1))
    ask(desk, device(), Issued)


def test_the_chains_name_each_purpose(desk: SigningDesk, authorities: Authorities) -> None:
    chains = ask(desk, GetChain(), Chains)
    assert chains.organization_id == authorities.organization_id
    assert {Purpose(purpose): tuple(chain) for purpose, chain in chains.chains.items()} == {
        purpose: authorities.chain(purpose) for purpose in (Purpose.OPERATIONAL, Purpose.SERVICES)
    }


def test_revocation_lists_are_signed_and_numbered_upwards(
    open_desk: OpenDesk, authorities: Authorities, organization_id: OrganizationId, clock: ManualClock
) -> None:
    revoked = [
        Revocation((7).to_bytes(16, "big"), datetime(2025, 12, 1, 10, 0, 0, 5, tzinfo=UTC), "key_compromise"),
        Revocation((8).to_bytes(16, "big"), datetime(2025, 12, 2, tzinfo=UTC), "unspecified"),
    ]
    request = SignRevocationList(
        organization_id=organization_id, purpose="operational", revocations=revoked, lifetime_s=86_400
    )
    numbers: list[int] = []
    for _ in range(2):
        desk = open_desk()
        numbers += [ask(desk, request, SignedRevocationList).number for _ in range(2)]
    assert numbers == [1, 2, 3, 4]
    crl = x509.load_der_x509_crl(ask(open_desk(), request, SignedRevocationList).der)
    issuing = authorities.issuing[Purpose.OPERATIONAL].certificate
    key = issuing.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert crl.is_signature_valid(key)
    assert crl.issuer == issuing.subject
    assert crl.next_update_utc == clock.now() + timedelta(days=1)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 5
    entry = crl.get_revoked_certificate_by_serial_number(7)
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    second = crl.get_revoked_certificate_by_serial_number(8)
    assert second is not None
    assert len(second.extensions) == 0


@pytest.mark.parametrize(
    "entry",
    [
        Revocation(b"\x00", datetime(2026, 1, 1, tzinfo=UTC), "unspecified"),
        Revocation(b"\x01", datetime(2026, 1, 1, tzinfo=UTC), "certificate_hold"),
        Revocation(b"\x01", datetime(1900, 1, 1, tzinfo=UTC), "superseded"),
    ],
)
def test_a_revocation_that_cannot_be_listed_is_refused(
    desk: SigningDesk, organization_id: OrganizationId, entry: Revocation
) -> None:
    request = SignRevocationList(
        organization_id=organization_id, purpose="operational", revocations=[entry], lifetime_s=86_400
    )
    assert code(desk.process([request])[0]) == "pki.invalid_subject_name"


def test_an_authority_about_to_end_issues_nothing(
    desk: SigningDesk, device: Callable[..., IssueDeviceCertificate], clock: ManualClock
) -> None:
    clock.advance(timedelta(days=1096))
    assert code(desk.process([device()])[0]) == "pki.authority_expired"


def test_a_server_name_that_is_no_dns_name_is_refused(
    open_desk: OpenDesk,
    server: Callable[..., IssueServerCertificate],
    signer_settings: SignerSettings,
    make_csr: MakeCsr,
) -> None:
    desk = open_desk(replace(signer_settings, server_names=("hüb.example",)))
    assert code(desk.process([server(names=("hüb.example",), csr=make_csr(None))])[0]) == "pki.invalid_subject_name"
