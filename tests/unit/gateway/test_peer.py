"""What is kept of a certificate."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from vedette.gateway import peer
from vedette.gateway.peer import CertificateFacts, Peer


def test_a_certificate_is_reduced_to_facts_and_its_text_stays_as_it_came() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pump\n\u202e7")])
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(0x1F)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    facts = CertificateFacts.of(leaf)
    assert facts.subject == "CN=pump\n\u202e7"
    assert (facts.serial, len(facts.sha256), len(facts.sha1)) == ("1f", 64, 40)
    credential = Peer(certificate=facts).credential()
    assert credential.not_after == datetime(2027, 1, 1, tzinfo=UTC)
    assert credential.sha256 == facts.sha256


def test_a_certificate_that_cannot_be_read_counts_as_unusable() -> None:
    credential = Peer(certificate=CertificateFacts.of(b"\x30\x03nonsense")).credential()
    assert credential.sha256
    assert credential.not_after is None
    assert Peer().credential().sha256 == ""


def test_what_a_stranger_made_large_is_not_remembered() -> None:
    before = peer._remembered.cache_info().currsize
    CertificateFacts.of(b"\x30" * 4_096)
    assert peer._remembered.cache_info().currsize == before + 1
    assert CertificateFacts.of(b"\x30" * 4_097).sha256
    assert peer._remembered.cache_info().currsize == before + 1
