"""OpenSSL as the judge: what we issue is what a stock TLS stack takes it for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from vedette.kernel import GenerationId, OrganizationId, RandomIds, SystemClock
from vedette.pki import AuthoritySettings, SignerSettings, decode_csr_text, open_authorities, parse_csr
from vedette.pki.signer.contract import Issued, IssueDeviceCertificate, IssueServerCertificate
from vedette.pki.signer.desk import SigningDesk
from vedette.pki.signer.journal import Journal
from vedette.simulation import make_request

ORGANIZATION = OrganizationId("org_0123456789abcdefghijklmnop")
DEVICE = GenerationId("dev_0123456789abcdefghijklmnop")


def openssl(*arguments: str | Path, fails: bool = False) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def desk(tmp_path: Path) -> SigningDesk:
    clock = SystemClock()
    settings = SignerSettings(
        authorities=AuthoritySettings(
            organization_id=ORGANIZATION, pki_directory=tmp_path / "pki", offline_directory=tmp_path / "offline"
        ),
        socket_path=tmp_path / "signer.sock",
        server_names=("hub.example", "127.0.0.1"),
    )
    ids = RandomIds(clock)
    authorities = open_authorities(settings.authorities, clock=clock, ids=ids)
    return SigningDesk(authorities, Journal(tmp_path / "pki" / "journal"), settings, clock=clock, ids=ids)


def write_chain(folder: Path, desk: SigningDesk, request: IssueDeviceCertificate | IssueServerCertificate) -> Path:
    (reply,) = desk.process([request])
    assert isinstance(reply, Issued), reply
    for name, certificate in zip(("leaf", "issuing", "root"), reply.chain, strict=True):
        pem = x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
        (folder / f"{name}.pem").write_bytes(pem)
    return folder / "leaf.pem"


def device(csr: bytes, name: str = "pump.7") -> IssueDeviceCertificate:
    return IssueDeviceCertificate(
        request_id="op_1",
        organization_id=ORGANIZATION,
        generation_id=DEVICE,
        subject_name=name,
        csr=csr,
        lifetime_s=86_400,
    )


def server() -> IssueServerCertificate:
    return IssueServerCertificate(
        request_id="op_2",
        organization_id=ORGANIZATION,
        names=("hub.example", "127.0.0.1"),
        csr=make_request("hub.example")[1],
    )


def verify(folder: Path, *options: str, fails: bool = False) -> None:
    chain = ("-CAfile", folder / "root.pem", "-untrusted", folder / "issuing.pem", folder / "leaf.pem")
    openssl("verify", "-x509_strict", "-check_ss_sig", "-auth_level", "2", *options, *chain, fails=fails)


def test_a_device_certificate_is_a_client_and_nothing_else(desk: SigningDesk, tmp_path: Path) -> None:
    write_chain(tmp_path, desk, device(make_request("pump.7")[1]))
    verify(tmp_path, "-purpose", "sslclient")
    verify(tmp_path, "-purpose", "sslserver", fails=True)


def test_a_server_certificate_is_a_server_for_its_names_and_nothing_else(desk: SigningDesk, tmp_path: Path) -> None:
    write_chain(tmp_path, desk, server())
    verify(tmp_path, "-purpose", "sslserver", "-verify_hostname", "hub.example")
    verify(tmp_path, "-purpose", "sslserver", "-verify_ip", "127.0.0.1")
    verify(tmp_path, "-purpose", "sslserver", "-verify_hostname", "evil.example", fails=True)
    verify(tmp_path, "-purpose", "sslclient", fails=True)


def test_openssl_reads_the_profile_as_meant(desk: SigningDesk, tmp_path: Path) -> None:
    leaf = write_chain(tmp_path, desk, device(make_request("pump.7")[1]))
    text = openssl("x509", "-in", leaf, "-noout", "-text")
    for line in (
        "Subject: CN = pump.7",
        "X509v3 Basic Constraints: critical",
        "CA:FALSE",
        "X509v3 Key Usage: critical",
        "Digital Signature",
        "TLS Web Client Authentication",
        f"URI:urn:vedette:{ORGANIZATION}:{DEVICE}",
        "Signature Algorithm: ecdsa-with-SHA256",
    ):
        assert line in text
    issuing = openssl("x509", "-in", tmp_path / "issuing.pem", "-noout", "-text")
    assert "CA:TRUE, pathlen:0" in issuing
    assert "Certificate Sign, CRL Sign" in issuing


def test_the_web_verifier_agrees(desk: SigningDesk, tmp_path: Path) -> None:
    write_chain(tmp_path, desk, server())
    leaf, issuing, root = (
        x509.load_pem_x509_certificate((tmp_path / f"{name}.pem").read_bytes()) for name in ("leaf", "issuing", "root")
    )
    builder = PolicyBuilder().store(Store([root])).time(SystemClock().now())
    chain = builder.build_server_verifier(x509.DNSName("hub.example")).verify(leaf, [issuing])
    assert [each.subject for each in chain] == [leaf.subject, issuing.subject, root.subject]
    with pytest.raises(VerificationError):
        builder.build_server_verifier(x509.DNSName("evil.example")).verify(leaf, [issuing])


@pytest.mark.parametrize(
    "options",
    [
        ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"),
        ("-newkey", "rsa:2048"),
        ("-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss"),
        ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-addext", "subjectAltName=DNS:pump-7"),
        ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-addext", "basicConstraints=critical,CA:FALSE"),
    ],
    ids=lambda options: " ".join(options[1:]),
)
@pytest.mark.parametrize("form", ["DER", "PEM"])
def test_requests_made_with_openssl_are_accepted(
    desk: SigningDesk, tmp_path: Path, options: tuple[str, ...], form: str
) -> None:
    path = tmp_path / "csr"
    openssl(
        *("req", "-new", "-nodes", "-keyout", tmp_path / "key", "-subj", "/CN=pump-7", "-outform", form, "-out", path),
        *options,
    )
    content = path.read_bytes()
    der = content if form == "DER" else decode_csr_text(content)
    assert parse_csr(der, allowed_names=("pump-7",)).common_name == "pump-7"
    write_chain(tmp_path, desk, device(der, "pump-7"))
    verify(tmp_path, "-purpose", "sslclient")
