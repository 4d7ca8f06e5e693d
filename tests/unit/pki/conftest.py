"""A clock that stands still, authorities on disk, and requests of every kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from vedette.kernel import OrganizationId
from vedette.pki import Authorities, AuthoritySettings, SignerSettings, open_authorities
from vedette.simulation import ManualClock, SequentialIds

MakeCsr = Callable[..., bytes]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ids() -> SequentialIds:
    return SequentialIds()


@pytest.fixture
def organization_id(ids: SequentialIds) -> OrganizationId:
    return OrganizationId(ids.new("org"))


@pytest.fixture
def authority_settings(tmp_path: Path, organization_id: OrganizationId) -> AuthoritySettings:
    return AuthoritySettings(
        organization_id=organization_id, pki_directory=tmp_path / "pki", offline_directory=tmp_path / "offline"
    )


@pytest.fixture
def authorities(authority_settings: AuthoritySettings, clock: ManualClock, ids: SequentialIds) -> Authorities:
    return open_authorities(authority_settings, clock=clock, ids=ids)


@pytest.fixture
def signer_settings(authority_settings: AuthoritySettings, tmp_path: Path) -> SignerSettings:
    return SignerSettings(
        authorities=authority_settings,
        socket_path=tmp_path / "signer.sock",
        server_names=("localhost", "127.0.0.1", "hub.example"),
        device_certificates_per_hour=5,
    )


@pytest.fixture
def make_csr() -> MakeCsr:
    """Return a function that makes requests: any subject, key, hash, extensions."""

    def make(
        common_name: str | None = "pump-7",
        *,
        key: CertificateIssuerPrivateKeyTypes | None = None,
        extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
        digest: hashes.HashAlgorithm | None = hashes.SHA256(),  # noqa: B008 - frozen
        more: tuple[tuple[x509.ObjectIdentifier, str], ...] = (),
    ) -> bytes:
        attributes = [x509.NameAttribute(oid, value) for oid, value in more]
        if common_name is not None:
            attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        # Any: the key's type decides which hash type fits, and the caller gives both.
        request = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), digest)  # type: ignore[arg-type]
        return request.public_bytes(Encoding.DER)

    return make
