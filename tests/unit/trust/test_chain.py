from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vedette.trust import (
    ChainCheck,
    ChainLimits,
    ChainVerdict,
    ChainVerifier,
    certificate_sha256,
    chain,
    check_authority,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
Extensions = Sequence[tuple[x509.ExtensionType, bool]]


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_usage(*, key_cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass
class Issued:
    """A certificate and what made it, so that it can issue others."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def sha256(self) -> str:
        return certificate_sha256(self.der)


@dataclass
class Maker:
    """Makes certificates; every field can be bent for a test."""

    name: str
    issuer: Issued | None = None
    key: CertificateIssuerPrivateKeyTypes = field(default_factory=new_key)
    is_authority: bool | None = True
    path_length: int | None = None
    usage: x509.KeyUsage | None = None
    not_before: datetime = NOW - DAY
    not_after: datetime = NOW + DAY
    extensions: Extensions = ()
    with_key_ids: bool = True
    digest: hashes.HashAlgorithm | None = field(default_factory=hashes.SHA256)
    signing_key: CertificateIssuerPrivateKeyTypes | None = None

    def make(self) -> Issued:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        issuer_name = self.issuer.certificate.subject if self.issuer else subject
        issuer_key = self.signing_key or (self.issuer.key if self.issuer else self.key)
        builder = x509.CertificateBuilder(
            issuer_name,
            subject,
            self.key.public_key(),
            x509.random_serial_number(),
            self.not_before,
            self.not_after,
        )
        if self.is_authority is not None:
            basic = x509.BasicConstraints(ca=self.is_authority, path_length=self.path_length)
            builder = builder.add_extension(basic, critical=True)
        if self.usage is not None:
            builder = builder.add_extension(self.usage, critical=True)
        if self.with_key_ids:
            own = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
            issuers = (self.issuer.key if self.issuer else self.key).public_key()
            builder = builder.add_extension(own, critical=False).add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers), critical=False
            )
        for extension, critical in self.extensions:
            builder = builder.add_extension(extension, critical)
        return Issued(builder.sign(issuer_key, self.digest), self.key)  # type: ignore[arg-type] # the caller pairs them


def leaf(issuer: Issued, **changes: object) -> Issued:
    fields: dict[str, object] = {"is_authority": False, **changes}
    return Maker("pump-7", issuer, **fields).make()  # type: ignore[arg-type] # fields of a test's choice


ROOT = Maker("Root").make()
LINE = Maker("Line 1", ROOT, path_length=0).make()
DEVICE = leaf(LINE)


def judge(presented: Sequence[Issued], *anchors: Issued, now: datetime = NOW) -> ChainVerdict:
    return ChainVerifier(anchor.der for anchor in anchors).verify([one.der for one in presented], now)


def failed(verdict: ChainVerdict) -> tuple[ChainCheck, int | None]:
    assert not verdict.is_trusted
    assert verdict.failure is not None
    assert verdict.failure.hint
    assert verdict.failure.detail
    return verdict.failure.check, verdict.failure.position


def test_a_chain_leads_through_its_intermediates_to_the_root() -> None:
    verdict = judge([DEVICE, LINE], ROOT)
    assert verdict.is_trusted
    assert verdict.anchor_sha256 == ROOT.sha256
    assert verdict.path == (DEVICE.sha256, LINE.sha256, ROOT.sha256)


def test_the_nearest_registered_authority_wins() -> None:
    assert judge([DEVICE, LINE, ROOT], ROOT, LINE).path == (DEVICE.sha256, LINE.sha256)
    assert judge([DEVICE], LINE).anchor_sha256 == LINE.sha256


def test_intermediates_are_found_in_any_order_and_others_do_no_harm() -> None:
    middle = Maker("Middle", ROOT).make()
    line = Maker("Line 2", middle).make()
    stranger = Maker("Stranger").make()
    device = leaf(line)
    assert judge([device, middle, stranger, line], ROOT).is_trusted


def test_known_intermediates_need_not_be_sent_and_vouch_for_nothing_by_themselves() -> None:
    verifier = ChainVerifier([ROOT.der], intermediates=[LINE.der])
    assert verifier.verify([DEVICE.der], NOW).is_trusted
    assert not ChainVerifier([], intermediates=[LINE.der]).verify([DEVICE.der], NOW).is_trusted


def test_an_unknown_issuer_is_named() -> None:
    stranger = Maker("Stranger").make()
    assert failed(judge([DEVICE, LINE], stranger)) == (ChainCheck.TRUSTED_ISSUER, 1)
    assert failed(judge([DEVICE], ROOT)) == (ChainCheck.TRUSTED_ISSUER, 0)
    assert failed(judge([DEVICE])) == (ChainCheck.TRUSTED_ISSUER, 0)


def test_a_self_signed_leaf_is_vouched_for_by_nobody() -> None:
    alone = Maker("pump-7", is_authority=False).make()
    assert failed(judge([alone], ROOT)) == (ChainCheck.TRUSTED_ISSUER, 0)
    assert failed(judge([alone], alone)) == (ChainCheck.TRUSTED_ISSUER, 0)


@pytest.mark.parametrize(
    "extensions",
    [
        pytest.param([(x509.ExtendedKeyUsage([x509.ObjectIdentifier("2.23.133.8.1")]), False)], id="TPM EK usage"),
        pytest.param([(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), True)], id="critical odd usage"),
        pytest.param(
            [
                (
                    x509.SubjectAlternativeName(
                        [x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, "x")]))]
                    ),
                    True,
                )
            ],
            id="critical SAN with a directory name",
        ),
        pytest.param(
            [
                (
                    x509.SubjectAlternativeName(
                        [x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4"), b"\x30\x00")]
                    ),
                    False,
                )
            ],
            id="hardware module name",
        ),
        pytest.param(
            [(x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), None)]), True)],
            id="critical policies",
        ),
        pytest.param(
            [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False)], id="unknown"
        ),
    ],
)
def test_the_oddities_of_onboarding_identities_are_tolerated(extensions: Extensions) -> None:
    assert judge([leaf(LINE, extensions=extensions, not_after=NEVER), LINE], ROOT).is_trusted


def test_a_leaf_without_basic_constraints_or_key_identifiers_is_accepted() -> None:
    assert judge([leaf(LINE, is_authority=None, with_key_ids=False), LINE], ROOT).is_trusted


def test_a_critical_extension_nobody_knows_is_refused() -> None:
    odd = [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]
    assert failed(judge([leaf(LINE, extensions=odd), LINE], ROOT)) == (ChainCheck.CRITICAL_EXTENSION, 0)
    line = Maker("Line 2", ROOT, extensions=odd).make()
    assert failed(judge([leaf(line), line], ROOT)) == (ChainCheck.CRITICAL_EXTENSION, 1)


@pytest.mark.parametrize("critical", [True, False])
def test_name_constraints_are_refused_rather_than_ignored(critical: bool) -> None:  # noqa: FBT001 - a table
    constraints = [(x509.NameConstraints([x509.DNSName("example")], None), critical)]
    line = Maker("Line 2", ROOT, extensions=constraints).make()
    assert failed(judge([leaf(line), line], ROOT)) == (ChainCheck.NAME_CONSTRAINTS, 1)
    root = Maker("Root 2", extensions=constraints).make()
    assert failed(judge([leaf(root)], root)) == (ChainCheck.NAME_CONSTRAINTS, None)


def test_validity_is_checked_on_every_certificate() -> None:
    late = leaf(LINE, not_after=NOW - timedelta(seconds=1))
    early = leaf(LINE, not_before=NOW + timedelta(seconds=1))
    assert failed(judge([late, LINE], ROOT)) == (ChainCheck.VALIDITY, 0)
    assert failed(judge([early, LINE], ROOT)) == (ChainCheck.VALIDITY, 0)
    assert judge([leaf(LINE, not_before=NOW, not_after=NOW), LINE], ROOT).is_trusted
    line = Maker("Line 2", ROOT, not_after=NOW - DAY, not_before=NOW - 2 * DAY).make()
    assert failed(judge([leaf(line), line], ROOT)) == (ChainCheck.VALIDITY, 1)
    assert failed(judge([leaf(LINE, not_after=NEVER)], LINE, now=NOW + 2 * DAY)) == (ChainCheck.VALIDITY, None)


def test_times_are_checked_again_on_every_call() -> None:
    verifier = ChainVerifier([ROOT.der])
    assert verifier.verify([DEVICE.der, LINE.der], NOW).is_trusted
    assert not verifier.verify([DEVICE.der, LINE.der], NOW + 2 * DAY).is_trusted


def test_a_leaf_that_is_an_authority_is_refused() -> None:
    assert failed(judge([LINE], ROOT)) == (ChainCheck.IS_AUTHORITY, 0)
    assert failed(judge([ROOT], ROOT)) == (ChainCheck.IS_AUTHORITY, 0)


def test_an_issuer_that_is_no_authority_is_refused() -> None:
    device = Maker("pump-8", DEVICE, is_authority=False).make()
    assert failed(judge([device, DEVICE, LINE], ROOT)) == (ChainCheck.IS_AUTHORITY, 1)
    old = Maker("Line of version 1", ROOT, is_authority=None).make()
    assert failed(judge([leaf(old), old], ROOT)) == (ChainCheck.IS_AUTHORITY, 1)


def test_an_issuer_without_the_right_to_sign_is_refused() -> None:
    line = Maker("Line 2", ROOT, usage=key_usage(key_cert_sign=False)).make()
    assert failed(judge([leaf(line), line], ROOT)) == (ChainCheck.KEY_USAGE, 1)
    line = Maker("Line 3", ROOT, usage=key_usage(key_cert_sign=True)).make()
    assert judge([leaf(line), line], ROOT).is_trusted


def test_the_path_length_is_kept() -> None:
    below = Maker("Below", LINE).make()
    assert failed(judge([leaf(below), below, LINE], ROOT)) == (ChainCheck.PATH_LENGTH, 2)
    root = Maker("Root 2", path_length=1).make()
    middle = Maker("Middle", root).make()
    line = Maker("Line 2", middle).make()
    assert judge([leaf(middle), middle], root).is_trusted
    assert failed(judge([leaf(line), line, middle], root)) == (ChainCheck.PATH_LENGTH, None)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(rsa.generate_private_key(65537, 1024), id="RSA 1024"),  # noqa: S505 - refused
        pytest.param(ec.generate_private_key(ec.SECP192R1()), id="P-192"),
    ],
)
def test_a_weak_key_is_refused_anywhere(key: CertificateIssuerPrivateKeyTypes) -> None:
    assert failed(judge([leaf(LINE, key=key), LINE], ROOT)) == (ChainCheck.KEY_STRENGTH, 0)
    line = Maker("Line 2", ROOT, key=key).make()
    assert failed(judge([leaf(line), line], ROOT)) == (ChainCheck.KEY_STRENGTH, 1)


def test_algorithms_outside_the_stock_ones_are_refused() -> None:
    line = Maker("Line 2", key=ed25519.Ed25519PrivateKey.generate(), digest=None).make()
    signed = leaf(line, digest=None)
    assert failed(judge([signed, line], ROOT)) == (ChainCheck.SIGNATURE_ALGORITHM, 0)


def test_a_forged_signature_is_named() -> None:
    forged = leaf(LINE, signing_key=new_key())
    assert failed(judge([forged, LINE], ROOT)) == (ChainCheck.SIGNATURE, 0)
    line = Maker("Line 1", ROOT, key=LINE.key, signing_key=new_key()).make()
    assert failed(judge([DEVICE, line], ROOT)) == (ChainCheck.SIGNATURE, 1)


def test_a_namesake_beside_the_genuine_issuer_does_no_harm() -> None:
    namesake = Maker("Line 1", ROOT, with_key_ids=False).make()
    device = leaf(LINE, with_key_ids=False)
    assert judge([device, namesake, LINE], ROOT).is_trusted


def test_a_remembered_signature_covers_the_same_two_certificates_only() -> None:
    verifier = ChainVerifier([ROOT.der])
    assert verifier.verify([DEVICE.der, LINE.der], NOW).is_trusted
    assert verifier.verify([DEVICE.der, LINE.der], NOW).is_trusted
    forged = Maker("Line 1", ROOT, key=LINE.key, signing_key=new_key()).make()
    assert failed(verifier.verify([DEVICE.der, forged.der], NOW)) == (ChainCheck.SIGNATURE, 1)
    forged_leaf = leaf(LINE, signing_key=new_key())
    assert failed(verifier.verify([forged_leaf.der, LINE.der], NOW)) == (ChainCheck.SIGNATURE, 0)


def test_certificates_of_one_name_cannot_make_us_check_signatures_without_end() -> None:
    namesakes = [Maker("Line 1", with_key_ids=False).make() for _ in range(4)]
    device = leaf(LINE, with_key_ids=False)
    verifier = ChainVerifier([ROOT.der], limits=ChainLimits(max_signature_checks=3))
    verdict = verifier.verify([device.der, *(each.der for each in namesakes)], NOW)
    assert not verdict.is_trusted
    assert ChainVerifier([ROOT.der]).verify([device.der, namesakes[0].der, namesakes[1].der, LINE.der], NOW).is_trusted


def test_who_has_nothing_that_an_authority_signed_costs_one_check_for_each_certificate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks: list[x509.Certificate] = []
    genuine = chain._verify_signature

    def count(child: Any, issuer: Any) -> Any:  # Any: private to the module
        checks.append(child.certificate)
        return genuine(child, issuer)

    monkeypatch.setattr(chain, "_verify_signature", count)
    own = Maker("Root", with_key_ids=False).make()
    namesakes = [Maker("Root", own, key=own.key, with_key_ids=False).make() for _ in range(3)]
    device = leaf(own, with_key_ids=False)
    assert failed(judge([device, own, *namesakes], ROOT))[0] is ChainCheck.SIGNATURE
    assert len(checks) == 5
    stranger = Maker("Stranger").make()
    checks.clear()
    assert not judge([leaf(stranger), stranger], ROOT).is_trusted
    assert checks == []


def test_a_signature_that_fails_below_the_anchor_is_what_is_told() -> None:
    middle = Maker("Middle", ROOT).make()
    line = Maker("Line 2", middle).make()
    forged = leaf(line, signing_key=new_key())
    assert failed(judge([forged, line, middle], ROOT)) == (ChainCheck.SIGNATURE, 0)


def test_a_loop_of_issuers_ends() -> None:
    one, other = Maker("One"), Maker("Other")
    one.issuer, other.issuer = Issued(other.make().certificate, other.key), Issued(one.make().certificate, one.key)
    first, second = one.make(), other.make()
    assert not judge([leaf(first), first, second], ROOT).is_trusted


def test_the_number_of_certificates_is_accepted_up_to_the_limit() -> None:
    assert judge([DEVICE, LINE, ROOT, ROOT, ROOT], ROOT).is_trusted
    assert failed(judge([DEVICE, LINE, ROOT, ROOT, ROOT, ROOT], ROOT)) == (ChainCheck.CERTIFICATE_COUNT, None)
    assert failed(judge([], ROOT)) == (ChainCheck.CERTIFICATE_COUNT, None)


def test_the_size_of_a_certificate_is_accepted_up_to_the_limit() -> None:
    at_limit = ChainVerifier([ROOT.der], limits=ChainLimits(max_certificate_bytes=max(len(DEVICE.der), len(LINE.der))))
    assert at_limit.verify([DEVICE.der, LINE.der], NOW).is_trusted
    below = ChainVerifier([ROOT.der], limits=ChainLimits(max_certificate_bytes=len(DEVICE.der) - 1))
    assert failed(below.verify([DEVICE.der, LINE.der], NOW)) == (ChainCheck.CERTIFICATE_SIZE, 0)


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"\x00" * 100, DEVICE.der + b"\x00", DEVICE.der[:-1]])
def test_what_is_no_certificate_is_refused(der: bytes) -> None:
    check, position = failed(ChainVerifier([ROOT.der]).verify([DEVICE.der, der], NOW))
    assert (check, position) == (ChainCheck.WELL_FORMED, 1)


def test_unused_bits_cannot_give_a_certificate_a_second_digest() -> None:
    signature = DEVICE.certificate.signature
    head, tail = DEVICE.der[: -len(signature) - 1], DEVICE.der[-len(signature) :]
    if signature[-1] & 1 == 0:  # else strict DER itself refuses
        assert failed(ChainVerifier([LINE.der]).verify([head + b"\x01" + tail], NOW)) == (ChainCheck.WELL_FORMED, 0)


def test_a_rewritten_signature_stays_valid_which_is_why_refusals_go_by_the_key() -> None:
    r, s = decode_dss_signature(DEVICE.certificate.signature)
    rewritten = encode_dss_signature(r, P256_ORDER - s)
    body = DEVICE.certificate.tbs_certificate_bytes + bytes.fromhex("300a06082a8648ce3d040302")
    body += bytes([0x03, len(rewritten) + 1, 0x00]) + rewritten
    der = b"\x30\x82" + len(body).to_bytes(2, "big") + body
    assert certificate_sha256(der) != DEVICE.sha256
    assert ChainVerifier([LINE.der]).verify([der], NOW).is_trusted


def test_our_own_anchors_must_be_well_formed() -> None:
    with pytest.raises(ValueError, match="parsing"):
        ChainVerifier([b"nonsense"])


def test_an_authority_is_checked_before_it_is_registered() -> None:
    assert check_authority(ROOT.der, NOW) is None
    assert check_authority(LINE.der, NOW) is None
    cases = {
        ChainCheck.IS_AUTHORITY: DEVICE.der,
        ChainCheck.VALIDITY: Maker("Old", not_before=NOW - 2 * DAY, not_after=NOW - DAY).make().der,
        ChainCheck.KEY_USAGE: Maker("Mute", usage=key_usage(key_cert_sign=False)).make().der,
        ChainCheck.WELL_FORMED: b"nonsense",
        ChainCheck.CERTIFICATE_SIZE: b"x" * 16_385,
    }
    for check, der in cases.items():
        failure = check_authority(der, NOW)
        assert failure is not None
        assert failure.check is check
