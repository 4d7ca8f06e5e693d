"""How a sensor becomes a device of the platform: an onboarding identity, provisioning with a CSR, and renewal.

The onboarding identity was given to it, or is made here, self-signed: then an operator pins its certificate in an
individual enrollment. The operational key is made here as well and never leaves; its certificate is short-lived.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vedette.kernel import Clock, InvalidId, Problem, parse_device_id
from vedette.protocols import LocalProtocolError, RemoteProtocolError, dps
from vedette.protocols.hub import build_sas_token, decode_symmetric_key
from vedette.sensor.uplink_connection import Login, UplinkConnection, client_context
from vedette.sensor.uplink_settings import SensorSettings

ONBOARDING: Final = "onboarding"
OPERATIONAL: Final = "operational"
_API_VERSION: Final = "2021-06-01"
_MAX_POLLS: Final = 30
_POLL_S: Final = 2.0
_MAX_POLL_S: Final = 30.0
_MAX_CHAIN: Final = 8
_TOKEN_LIFETIME: Final = timedelta(minutes=15)
# IEEE 802.1AR asks that an initial identity never expires: RFC 5280 §4.1.2.5 writes that as this moment.
_FOREVER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_ASSIGNED: Final = 200
_UNDER_WAY: Final = 202
_RENEWAL_SHARE: Final = 2 / 3
_LATEST_SHARE: Final = 0.9
_CREDENTIAL_RESPONSE: Final = "$iothub/credentials/res/"
_CREDENTIAL_FILTER: Final = _CREDENTIAL_RESPONSE + "#"
_RENEW: Final = "$iothub/credentials/POST/issueCertificate/"
_MAX_TOLD: Final = 300
_HINT: Final = "on the platform, vedette refusal list tells why and what to do"


class _Renewed(msgspec.Struct):
    certificates: list[str]


class EnrollmentFailed(Problem):
    """The platform did not let the sensor in, or answered what can't be used."""

    code: ClassVar[str] = "sensor.enrollment_failed"


@dataclass(frozen=True, slots=True)
class IdentityFiles:
    """Where a sensor's identities are: each one file, a private key and its chain, so that no crash parts the two.

    Attributes:
        folder: Readable by nobody else.
    """

    folder: Path

    def path(self, name: str) -> Path:
        """Return the path of an identity: PEM, the key, the certificate, its issuers."""
        return self.folder / f"{name}.pem"

    def has(self, name: str) -> bool:
        """Tell whether it is there."""
        return self.path(name).exists()

    def leaf(self, name: str) -> x509.Certificate:
        """Read the certificate itself.

        Raises:
            EnrollmentFailed: It is not there, or is no certificate.
        """
        path = self.path(name)
        try:
            return x509.load_pem_x509_certificate(path.read_bytes())
        except OSError as error:
            raise EnrollmentFailed(f"{path}: {error.strerror}", hint="run vedette sensor enroll") from None
        except ValueError:
            raise EnrollmentFailed(f"{path} holds no certificate", hint="run vedette sensor enroll") from None

    def keep(self, name: str, key_pem: bytes, chain_pem: bytes) -> None:
        """Put an identity in the place of the one before.

        Raises:
            EnrollmentFailed: The folder can't be written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(self.path(name), key_pem + chain_pem)
        except OSError as error:
            raise EnrollmentFailed(f"{self.folder}: {error.strerror}", hint="the sensor must own it") from None


def _replace(path: Path, content: bytes) -> None:
    """Write a file, readable by its owner only, in one step."""
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.unlink(missing_ok=True)
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
        os.fsync(file)
    finally:
        os.close(file)
    fresh.replace(path)


def make_onboarding(files: IdentityFiles, name: str, clock: Clock) -> Path:
    """Make an onboarding identity and return the path of its certificate, for an operator to pin.

    Raises:
        EnrollmentFailed: The folder can't be written to.
    """
    key, subject = ec.generate_private_key(ec.SECP256R1()), _name(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(_FOREVER)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    files.keep(ONBOARDING, _key_pem(key), pem)
    shown = files.folder / "onboarding-certificate.pem"
    try:
        shown.write_bytes(pem)
    except OSError as error:
        raise EnrollmentFailed(f"{shown}: {error.strerror}", hint="the sensor must own it") from None
    return shown


def take_onboarding(files: IdentityFiles, certificate: Path, key: Path) -> None:
    """Keep the onboarding identity that its maker gave the sensor.

    Raises:
        EnrollmentFailed: A file can't be read, is not what it should be, or the two do not belong together.
    """
    try:
        chain_pem, key_pem = certificate.read_bytes(), key.read_bytes()
        leaf = x509.load_pem_x509_certificate(chain_pem)
        private = serialization.load_pem_private_key(key_pem, None)
    except OSError as error:
        raise EnrollmentFailed(f"{error.filename}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EnrollmentFailed(
            f"{certificate} and {key} are no certificate and key", hint="give both in PEM, the key without a passphrase"
        ) from None
    if private.public_key() != leaf.public_key():
        raise EnrollmentFailed(f"{key} is not the key of {certificate}")
    key_pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files.keep(ONBOARDING, key_pem, chain_pem)


async def register(
    settings: SensorSettings, files: IdentityFiles, clock: Clock, *, symmetric_key: str | None = None
) -> str:
    """Ask the platform for an operational certificate, keep it, and return the device id.

    Args:
        settings: Where and as whom.
        files: Hold the onboarding identity, unless there is a symmetric key.
        clock: For the life of a token.
        symmetric_key: The enrollment's own, base64, where no certificate can be had.

    Raises:
        EnrollmentFailed: The platform did not let it in.
        Refused: It did not even let it ask.
        Cut: The connection did not come about, or ended.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(settings.name)).sign(key, hashes.SHA256())
    body = dps.encode_registration(settings.name, csr=request.public_bytes(serialization.Encoding.DER))
    platform = settings.platform
    password: bytes | None = None
    if symmetric_key is None:
        context = client_context(platform.root, files.path(ONBOARDING))
    else:
        context = client_context(platform.root, None)
        resource = f"{platform.id_scope}/registrations/{settings.name}"
        until_s = int((clock.now() + _TOKEN_LIFETIME).timestamp())
        token = build_sas_token(resource, _decoded_key(symmetric_key), until_s, policy_name="registration")
        password = token.encode()
    user_name = f"{platform.id_scope}/registrations/{settings.name}/api-version={_API_VERSION}&ClientVersion=sensor"
    connection = await UplinkConnection.open(
        platform.host, platform.port, context, Login(settings.name, user_name, password)
    )
    async with connection.reading():
        await connection.subscribe(dps.RESPONSE_FILTER)
        await connection.ask(dps.register_topic("1"), body)
        state = await _final_state(connection)
    chain = _read_chain(state.issued_certificate_chain or ())
    if not chain or chain[0].public_key() != key.public_key():
        raise EnrollmentFailed("the platform issued no certificate for the request", hint="see its enrollment")
    device_id = device_id_of(chain[0])
    await asyncio.to_thread(files.keep, OPERATIONAL, _key_pem(key), _chain_pem(chain))
    return device_id


async def renew(connection: UplinkConnection, device_id: str, files: IdentityFiles) -> None:
    """Ask over a live connection for the next certificate, and keep it; the next connection uses it.

    Raises:
        EnrollmentFailed: The platform said no.
        Cut: The connection ended, or no answer came.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(device_id)).sign(key, hashes.SHA256())
    csr = base64.b64encode(request.public_bytes(serialization.Encoding.DER)).decode()
    await connection.subscribe(_CREDENTIAL_FILTER)
    await connection.ask(f"{_RENEW}?$rid=renew", msgspec.json.encode({"id": device_id, "csr": csr, "replace": "*"}))
    for _ in range(_MAX_POLLS):
        message = await connection.next_message()
        status = _status_of(message.topic) if message.topic.startswith(_CREDENTIAL_FILTER.rstrip("#")) else 0
        if status == _ASSIGNED:
            try:
                chain = _read_chain(msgspec.json.decode(message.payload, type=_Renewed).certificates)
            except msgspec.MsgspecError:
                chain = []
            if not chain or chain[0].public_key() != key.public_key():
                raise EnrollmentFailed("the answer to a renewal holds no certificate for the request")
            await asyncio.to_thread(files.keep, OPERATIONAL, _key_pem(key), _chain_pem(chain))
            return
        if status not in {0, _UNDER_WAY}:
            told = message.payload[:_MAX_TOLD].decode(errors="replace")
            raise EnrollmentFailed(f"renewal was answered with {status}: {told}")
    raise EnrollmentFailed("no final answer to a renewal")


def device_id_of(leaf: x509.Certificate) -> str:
    """Return the device id that a certificate of ours names.

    Raises:
        EnrollmentFailed: It names none.
    """
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    try:
        return parse_device_id(str(names[0].value))
    except (IndexError, InvalidId):
        raise EnrollmentFailed("the operational certificate names no device") from None


def renewal_at(leaf: x509.Certificate, jitter: float = 1.0) -> datetime:
    """Return when to renew: after two thirds of a certificate's life; ``jitter`` keeps many from doing it at once."""
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return begin + (end - begin) * min(_RENEWAL_SHARE * jitter, _LATEST_SHARE)


async def _final_state(connection: UplinkConnection) -> dps.RegistrationState:
    """Wait for the outcome; ask again as often as the platform wants, an operator may have to look."""
    for turn in range(_MAX_POLLS):
        message = await connection.next_message()
        try:
            topic = dps.parse_response_topic(message.topic)
            if topic.status not in {_ASSIGNED, _UNDER_WAY}:
                error = dps.decode_error(message.payload)
                raise EnrollmentFailed(f"{topic.status}: {error.message}", hint=_HINT)
            operation = dps.decode_operation(message.payload)
        except RemoteProtocolError as error:
            raise EnrollmentFailed(f"an answer that can't be read: {error}") from None
        state = operation.registration_state
        if operation.status is dps.RegistrationStatus.ASSIGNED and state is not None:
            return state
        if operation.status not in {dps.RegistrationStatus.ASSIGNING, dps.RegistrationStatus.UNASSIGNED}:
            told = (state.error_message if state is not None else None) or operation.status.value
            raise EnrollmentFailed(told, hint=_HINT)
        await asyncio.sleep(min(topic.retry_after_s or _POLL_S, _MAX_POLL_S))
        await connection.ask(dps.poll_topic(str(turn + 2), operation.operation_id), b" ")
    raise EnrollmentFailed("the platform has not decided yet", hint="an operator may have to approve it; run it again")


def _read_chain(chain: Sequence[str]) -> list[x509.Certificate]:
    if len(chain) > _MAX_CHAIN:
        raise EnrollmentFailed(f"a chain of {len(chain)} certificates; {_MAX_CHAIN} are the most")
    try:
        return [x509.load_der_x509_certificate(base64.b64decode(each, validate=True)) for each in chain]
    except (ValueError, binascii.Error):
        raise EnrollmentFailed("the platform's chain can't be read") from None


def _status_of(topic: str) -> int:
    """Return the status of an answer about credentials; 0 for another topic."""
    rest = topic.removeprefix(_CREDENTIAL_RESPONSE)
    status = rest.partition("/")[0]
    return int(status) if rest != topic and status.isascii() and status.isdigit() and len(status) == 3 else 0


def _decoded_key(symmetric_key: str) -> bytes:
    try:
        return decode_symmetric_key(symmetric_key)
    except LocalProtocolError as error:
        raise EnrollmentFailed(str(error)) from None


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _chain_pem(chain: Sequence[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
