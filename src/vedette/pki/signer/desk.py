"""Where certificates are signed: a request is judged, signed and recorded, in that order, before it is answered."""

from __future__ import annotations

import hashlib
import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from vedette.kernel import Clock, GenerationId, IdSource, InvalidId, OrganizationId, Problem, parse_generation_id
from vedette.pki.authorities import Authorities, IssuingAuthority, key_usage, random_serial
from vedette.pki.csr import Csr, parse_csr
from vedette.pki.errors import (
    ClockWentBack,
    ForeignNames,
    InvalidSubjectName,
    JournalUnavailable,
    RequestIdReused,
    UnknownOrganization,
)
from vedette.pki.model import (
    DEVICE_PROFILE,
    NAME_MAX_CHARS,
    REASON_FLAGS,
    SERVER_PROFILE,
    CertificateProfile,
    Purpose,
    RevocationReason,
    check_subject_name,
    choose_validity,
)
from vedette.pki.settings import SignerSettings
from vedette.pki.signer.caps import WINDOW_S, HourlyCaps
from vedette.pki.signer.contract import (
    Chains,
    GetChain,
    Issued,
    IssueDeviceCertificate,
    IssueServerCertificate,
    Refused,
    Reply,
    Request,
    SignedRevocationList,
    SignRevocationList,
    refusal,
)
from vedette.pki.signer.journal import Journal, JournalRecord
from vedette.trust import identity_uri

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
_REMEMBERED_REQUESTS: Final = 4096
_END_ENTITY: Final = x509.BasicConstraints(ca=False, path_length=None)
_DIGITAL_SIGNATURE: Final = key_usage(certificates=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """A request that was judged: what is left is to sign it."""

    request_id: str
    profile: CertificateProfile
    csr: Csr
    subject_name: str
    names: x509.SubjectAlternativeName
    lifetime: timedelta
    generation_id: str = ""


class SigningDesk:
    """Judges, signs and records. Blocking and single-threaded: the server runs it in one thread.

    The caps' scale is monotonic within one run, so that a jump of the wall clock neither frees nor blocks them.
    """

    def __init__(
        self, authorities: Authorities, journal: Journal, settings: SignerSettings, *, clock: Clock, ids: IdSource
    ) -> None:
        """Open the journal and take up where it ends.

        Raises:
            JournalUnavailable: It cannot be read.
        """
        self._authorities = authorities
        self._journal = journal
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._issuers = {purpose: _Issuer(issuing) for purpose, issuing in authorities.issuing.items()}
        self._chains = {purpose: list(authorities.chain(purpose)) for purpose in authorities.issuing}
        self._answered: OrderedDict[str, tuple[bytes, Reply]] = OrderedDict()
        now = clock.now()
        state = journal.open(since=now - timedelta(seconds=WINDOW_S))
        self._last_at = state.last_at
        self._number = state.number
        self._started_s = now.timestamp() - clock.monotonic_s()
        self._caps = HourlyCaps(
            {
                "device": settings.device_certificates_per_hour,
                "server": settings.server_certificates_per_hour,
                "crl": settings.revocation_lists_per_hour,
            }
        )
        for kind, recorded_at in state.recent:
            self._caps.restore(kind, recorded_at.timestamp())

    def process(self, requests: Sequence[Request]) -> list[Reply]:
        """Answer a batch: one write and one sync of the journal for all that is signed in it."""
        records: list[JournalRecord] = []
        answers = [self._answer(request, records) for request in requests]
        try:
            self._journal.append(records)
        except JournalUnavailable as problem:
            # Nothing signed in this batch leaves the process.
            self._answered.clear()
            return [answer if isinstance(answer, (Refused, Chains)) else refusal(problem) for answer in answers]
        if records:
            self._last_at = max(records[-1].recorded_at, self._last_at or records[-1].recorded_at)
        return answers

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _answer(self, request: Request, records: list[JournalRecord]) -> Reply:
        try:
            match request:
                case GetChain():
                    chains = {str(purpose): chain for purpose, chain in self._chains.items()}
                    return Chains(organization_id=self._authorities.organization_id, chains=chains)
                case SignRevocationList():
                    return self._sign_revocation_list(request, records)
                case IssueDeviceCertificate() | IssueServerCertificate():
                    return self._issue_once(request, records)
        except Problem as problem:
            return refusal(problem)

    def _issue_once(
        self, request: IssueDeviceCertificate | IssueServerCertificate, records: list[JournalRecord]
    ) -> Reply:
        """Issue, or return what the same request got before: a reply may have been lost on the way."""
        digest = hashlib.sha256(msgspec.msgpack.encode(request)).digest()
        earlier = self._answered.get(request.request_id)
        if earlier is not None:
            if earlier[0] != digest:
                raise RequestIdReused(
                    "the request id was used for another request", hint="take a new request id for each certificate"
                )
            return earlier[1]
        if isinstance(request, IssueDeviceCertificate):
            reply = self._issue_device(request, records)
        else:
            reply = self._issue_server(request, records)
        self._answered[request.request_id] = (digest, reply)
        if len(self._answered) > _REMEMBERED_REQUESTS:
            self._answered.popitem(last=False)
        return reply

    def _issue_device(self, request: IssueDeviceCertificate, records: list[JournalRecord]) -> Issued:
        now = self._check_whole(request.organization_id)
        name = check_subject_name(request.subject_name)
        uri = identity_uri(OrganizationId(request.organization_id), _identity(request.generation_id))
        order = _Order(
            request_id=request.request_id,
            profile=DEVICE_PROFILE,
            csr=parse_csr(request.csr, allowed_names=(name, *request.accepted_names), allowed_uris=(uri,)),
            subject_name=name,
            names=x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]),
            lifetime=timedelta(seconds=request.lifetime_s),
            generation_id=request.generation_id,
        )
        return self._issue(order, now, records)

    def _issue_server(self, request: IssueServerCertificate, records: list[JournalRecord]) -> Issued:
        now = self._check_whole(request.organization_id)
        foreign = sorted(set(request.names) - set(self._settings.server_names))
        if foreign:
            raise ForeignNames(
                f"{foreign[0]!r} is not a name of this installation's servers",
                hint="add it to server.hostname or server.alternative_hostnames in the configuration",
            )
        first = request.names[0]
        order = _Order(
            request_id=request.request_id,
            profile=SERVER_PROFILE,
            csr=parse_csr(request.csr, allowed_names=request.names),
            subject_name=first if len(first) <= NAME_MAX_CHARS else "Vedette server",
            names=x509.SubjectAlternativeName([_general_name(name) for name in request.names]),
            lifetime=SERVER_PROFILE.default_lifetime,
        )
        return self._issue(order, now, records)

    def _issue(self, order: _Order, now: datetime, records: list[JournalRecord]) -> Issued:
        profile, public_key = order.profile, order.csr.public_key
        issuer = self._issuers[profile.purpose]
        validity = choose_validity(profile, order.lifetime, now=now, issuer=issuer.certificate)
        self._caps.take(profile.name, self._cap_time_s())
        serial = random_serial(self._ids)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, order.subject_name)])
        certificate = (
            x509.CertificateBuilder(issuer.certificate.subject, subject, public_key, serial)
            .not_valid_before(validity.not_before)
            .not_valid_after(validity.not_after)
            .add_extension(_END_ENTITY, critical=True)
            .add_extension(_DIGITAL_SIGNATURE, critical=True)
            .add_extension(x509.ExtendedKeyUsage([profile.extended_key_usage]), critical=False)
            .add_extension(order.names, critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(issuer.key_id, critical=False)
            .sign(issuer.key, hashes.SHA256())
        )
        der = certificate.public_bytes(Encoding.DER)
        records.append(
            JournalRecord(
                recorded_at=now,
                kind="device" if profile is DEVICE_PROFILE else "server",
                request_id=order.request_id,
                generation_id=order.generation_id,
                subject_name=order.subject_name,
                sha256=hashlib.sha256(der).hexdigest(),
                serial=f"{serial:032x}",
                public_key_sha256=order.csr.public_key_sha256,
                not_after=validity.not_after,
            )
        )
        return Issued(chain=[der, *self._chains[profile.purpose]])

    def _sign_revocation_list(self, request: SignRevocationList, records: list[JournalRecord]) -> SignedRevocationList:
        now = self._check_whole(request.organization_id).replace(microsecond=0)
        issuer = self._issuers[Purpose(request.purpose)]
        revoked = [_revoked(entry.serial, entry.revoked_at, entry.reason) for entry in request.revocations]
        self._caps.take("crl", self._cap_time_s())
        number = self._number + 1
        crl = (
            x509.CertificateRevocationListBuilder(
                issuer.certificate.subject,
                now,
                now + timedelta(seconds=request.lifetime_s),
                revoked_certificates=revoked,
            )
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(issuer.key_id, critical=False)
            .sign(issuer.key, hashes.SHA256())
        )
        der = crl.public_bytes(Encoding.DER)
        self._number = number
        records.append(
            JournalRecord(
                recorded_at=now,
                kind="crl",
                subject_name=request.purpose,
                sha256=hashlib.sha256(der).hexdigest(),
                number=number,
            )
        )
        return SignedRevocationList(der=der, number=number)

    def _check_whole(self, organization_id: str) -> datetime:
        """Check what every act of signing needs, and return the time it happens at."""
        if organization_id != self._authorities.organization_id:
            raise UnknownOrganization(
                "the signer holds no authority of that organization", hint="ask the signer of that organization"
            )
        now = self._clock.now()
        if self._last_at is not None and now < self._last_at - CLOCK_TOLERANCE:
            raise ClockWentBack(
                f"the clock says {now:%Y-%m-%d %H:%M:%S}Z, but the signer last signed at"
                f" {self._last_at:%Y-%m-%d %H:%M:%S}Z",
                hint="set the machine's clock right, then try again",
            )
        return now

    def _cap_time_s(self) -> float:
        return self._started_s + self._clock.monotonic_s()


class _Issuer:
    """What signing needs of an issuing authority, prepared once."""

    def __init__(self, issuing: IssuingAuthority) -> None:
        self.certificate = issuing.certificate
        self.key = issuing.key
        subject_key_id = issuing.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        self.key_id = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key_id)


def _identity(text: str) -> GenerationId:
    """Check that a generation id is a device's or module's.

    Raises:
        InvalidSubjectName: It is not.
    """
    try:
        generation_id = parse_generation_id(text)
    except InvalidId as error:
        raise InvalidSubjectName(error.detail, hint=error.hint) from error
    if not text.startswith(("dev_", "mod_")):
        raise InvalidSubjectName(f"{text!r} is no device or module", hint="certificates are for devices and modules")
    return generation_id


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError as error:
        raise InvalidSubjectName(
            f"{name!r} is not a DNS name in ASCII", hint="write international names in their xn-- form"
        ) from error


def _revoked(serial: bytes, revoked_at: datetime, reason: str) -> x509.RevokedCertificate:
    """Build an entry of a revocation list.

    Raises:
        InvalidSubjectName: A field is not what it should be.
    """
    try:
        flag = REASON_FLAGS[RevocationReason(reason)]
        builder = (
            x509.RevokedCertificateBuilder()
            .serial_number(int.from_bytes(serial, "big"))
            .revocation_date(revoked_at.replace(microsecond=0))
        )
        if flag is not x509.ReasonFlags.unspecified:  # RFC 5280 §5.3.1: should be absent
            builder = builder.add_extension(x509.CRLReason(flag), critical=False)
        return builder.build()
    except ValueError as error:
        raise InvalidSubjectName(f"a revocation cannot be listed: {error}", hint="see RFC 5280 §5.3") from error
