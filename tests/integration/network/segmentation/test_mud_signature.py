"""Signatures of MUD files, checked by OpenSSL as RFC 8520 §13.2 says."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vedette.network.segmentation import sign_mud

DOCUMENT = b'{"ietf-mud:mud": {}}\r\nwhatever its line ends are\n'


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies_the_signature_and_sees_a_changed_file(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mud signer")])
    at = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "file.p7s").write_bytes(sign_mud(DOCUMENT, certificate, key))
    for content, is_good in ((DOCUMENT, True), (DOCUMENT + b" ", False)):
        (tmp_path / "file.json").write_bytes(content)
        verify = "cms -verify -binary -inform DER -purpose any -in file.p7s -content file.json -CAfile ca.pem -out out"
        done = subprocess.run(["openssl", *verify.split()], cwd=tmp_path, capture_output=True, check=False)
        assert (done.returncode == 0) is is_good, done.stderr
