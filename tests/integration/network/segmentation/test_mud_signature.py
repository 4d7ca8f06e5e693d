"""Signatures of MUD files, checked by OpenSSL as RFC 8520 §13.2 says."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import NameOID
from network_house import NetworkHouse, asset, link

from vedette.app.segmentation_room import build_segmentation_room
from vedette.network.segmentation import BadMudSigner, MudSigner, read_mud, read_mud_signer
from vedette.simulation import ManualClock

DOCUMENT = b'{"ietf-mud:mud": {}}\r\nwhatever its line ends are\n'


Signing = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


@pytest.fixture
def signing() -> Signing:
    """Return the certificate and the key of a signer that is its own root."""
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
    return certificate, key


def _write(folder: Path, signing: Signing, key: PrivateKeyTypes | None = None) -> tuple[Path, Path]:
    certificate, own = signing
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes((key or own).private_bytes(serialization.Encoding.PEM, *form))
    return folder / "ca.pem", folder / "key.pem"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies_the_signature_and_sees_a_changed_file(tmp_path: Path, signing: Signing) -> None:
    signer = read_mud_signer(*_write(tmp_path, signing))
    (tmp_path / "file.p7s").write_bytes(signer.sign(DOCUMENT))
    for content, is_good in ((DOCUMENT, True), (DOCUMENT + b" ", False)):
        (tmp_path / "file.json").write_bytes(content)
        verify = "cms -verify -binary -inform DER -purpose any -in file.p7s -content file.json -CAfile ca.pem -out out"
        done = subprocess.run(["openssl", *verify.split()], cwd=tmp_path, capture_output=True, check=False)
        assert (done.returncode == 0) is is_good, done.stderr


def test_a_key_that_cannot_sign_is_refused_without_a_word_of_it(tmp_path: Path, signing: Signing) -> None:
    certificate, key = _write(tmp_path, signing)
    with pytest.raises(BadMudSigner, match="not the one of the first certificate"):
        read_mud_signer(*_write(tmp_path, signing, ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(BadMudSigner, match="ECDSA or RSA"):
        read_mud_signer(*_write(tmp_path, signing, ed25519.Ed25519PrivateKey.generate()))
    with pytest.raises(BadMudSigner, match="fewer than 2048 bits"):
        read_mud_signer(*_write(tmp_path, signing, rsa.generate_private_key(public_exponent=65537, key_size=1024)))  # noqa: S505 - it is refused
    for broken in (b"", b"SECRET-KEY-MATERIAL"):
        key.write_bytes(broken)
        with pytest.raises(BadMudSigner) as refused:
            read_mud_signer(certificate, key)
        assert "SECRET" not in str(refused.value) + str(refused.value.__cause__)
    with pytest.raises(BadMudSigner, match="cannot be read"):
        read_mud_signer(certificate, tmp_path / "nowhere.pem")


@pytest.mark.anyio
async def test_the_signature_is_over_the_file_as_it_is_served(
    house: NetworkHouse, clock: ManualClock, signing: Signing
) -> None:
    sensor = await house.sensor()
    await house.tell(sensor, asset("10.0.1.5"), asset("10.0.2.9", number=1), link("10.0.2.9", "10.0.1.5", port=502))
    room = build_segmentation_room(
        house.organization_id,
        house.store,
        house.ledger,
        house.reader,
        guard=house.guard,
        url="http://localhost:8480/",
        on_violated=_hear,
        clock=clock,
        ids=house.ids,
        signer=MudSigner(*signing),
    )
    plc = await house.only(address="10.0.1.5")
    file = await room.segments.write_mud(house.organization_id, plc.asset_id)
    signature = await room.segments.sign_mud(house.organization_id, plc.asset_id)
    clock.advance(timedelta(hours=3))
    assert await room.segments.write_mud(house.organization_id, plc.asset_id) == file
    told = msgspec.json.decode(file)["ietf-mud:mud"]
    assert told["mud-signature"] == told["mud-url"] + "/signature"
    read_mud(file)
    assert hashlib.sha256(file).digest() in signature


def _hear(*_: object) -> None:
    """Nothing is violated here."""
