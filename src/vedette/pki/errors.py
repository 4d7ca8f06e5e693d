"""Why a certificate was not issued, renewed, accepted or found."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class BadCsr(Problem):
    """A certification request that is not accepted; subclasses say which rule it broke."""

    code: ClassVar[str] = "pki.bad_csr"
    status: ClassVar[int] = 400


class CsrTooLarge(BadCsr):
    """The request is longer than the limit."""

    code: ClassVar[str] = "pki.csr_too_large"
    status: ClassVar[int] = 413


class MalformedCsr(BadCsr):
    """The bytes are not one PKCS #10 request in strict DER, version 1, and nothing else."""

    code: ClassVar[str] = "pki.malformed_csr"


class ProofOfPossessionFailed(BadCsr):
    """The request's self-signature does not match its key."""

    code: ClassVar[str] = "pki.proof_of_possession_failed"


class WeakKey(BadCsr):
    """The key is outside the profile: algorithm, curve, length or exponent."""

    code: ClassVar[str] = "pki.weak_key"


class WeakSignature(BadCsr):
    """The request is signed with a hash below SHA-256."""

    code: ClassVar[str] = "pki.weak_signature"


class ForeignSubject(BadCsr):
    """The request's subject holds more than a common name, or names somebody else."""

    code: ClassVar[str] = "pki.foreign_subject"


class ForeignNames(BadCsr):
    """The request asks for alternative names that are not its holder's."""

    code: ClassVar[str] = "pki.foreign_names"


class AuthorityRequested(BadCsr):
    """The request asks for the rights of a certification authority."""

    code: ClassVar[str] = "pki.authority_requested"


class InvalidSubjectName(Problem):
    """A name cannot stand in a certificate: malformed, or longer than the 64 characters of a common name."""

    code: ClassVar[str] = "pki.invalid_subject_name"
    status: ClassVar[int] = 422


class InvalidLifetime(Problem):
    """The lifetime asked for is outside the profile."""

    code: ClassVar[str] = "pki.invalid_lifetime"
    status: ClassVar[int] = 422


class AuthorityExpired(Problem):
    """The issuing authority cannot issue any more, or not yet."""

    code: ClassVar[str] = "pki.authority_expired"
    status: ClassVar[int] = 503


class AuthorityDamaged(Problem):
    """The authorities' files do not fit together; nothing is replaced silently."""

    code: ClassVar[str] = "pki.authority_damaged"
    status: ClassVar[int] = 500


class BadPassphrase(Problem):
    """A passphrase is missing, too short, readable by others, or wrong."""

    code: ClassVar[str] = "pki.bad_passphrase"
    status: ClassVar[int] = 500


class KeyAlreadyInUse(Problem):
    """The public key belongs to another identity of the organization."""

    code: ClassVar[str] = "pki.key_already_in_use"
    status: ClassVar[int] = 409


class ReportNotFound(Problem):
    """No gateway has reported such a certificate."""

    code: ClassVar[str] = "pki.report_not_found"
    status: ClassVar[int] = 404


class CertificateNotFound(Problem):
    """No certificate of that digest was issued by this organization."""

    code: ClassVar[str] = "pki.certificate_not_found"
    status: ClassVar[int] = 404


class CertificateNotCurrent(Problem):
    """The certificate is revoked, replaced or expired and cannot be renewed."""

    code: ClassVar[str] = "pki.certificate_not_current"
    status: ClassVar[int] = 409


class RenewalForked(Problem):
    """A second renewal from a certificate whose successor was used: two holders of one key; the identity is frozen."""

    code: ClassVar[str] = "pki.renewal_forked"
    status: ClassVar[int] = 409


class IdentityIsFrozen(Problem):
    """The identity gets no certificate until an operator has looked at it."""

    code: ClassVar[str] = "pki.identity_frozen"
    status: ClassVar[int] = 409


class RevocationListTooLong(Problem):
    """More certificates are revoked than one list can hold."""

    code: ClassVar[str] = "pki.revocation_list_too_long"
    status: ClassVar[int] = 503


class InvalidAuthority(Problem):
    """A certificate cannot be registered as an onboarding authority."""

    code: ClassVar[str] = "pki.invalid_authority"
    status: ClassVar[int] = 422


class AuthorityNotFound(Problem):
    """No onboarding authority of that id."""

    code: ClassVar[str] = "pki.authority_not_found"
    status: ClassVar[int] = 404


class AuthorityAlreadyRegistered(Problem):
    """The organization has registered this authority already."""

    code: ClassVar[str] = "pki.authority_already_registered"
    status: ClassVar[int] = 409


class AuthorityProofFailed(Problem):
    """The verification certificate does not prove that the operator holds the authority's key."""

    code: ClassVar[str] = "pki.authority_proof_failed"
    status: ClassVar[int] = 422


class AuthorityStateConflict(Problem):
    """The authority's state, or its revision, does not allow the act."""

    code: ClassVar[str] = "pki.authority_state_conflict"
    status: ClassVar[int] = 409


class AuthorityChangedMeanwhile(AuthorityStateConflict):
    """The authority has changed since the revision the caller knows."""

    code: ClassVar[str] = "pki.authority_revision_mismatch"
    status: ClassVar[int] = 412


class SecretsUnreadable(Problem):
    """Secrets on record cannot be opened: their key file is missing or another one."""

    code: ClassVar[str] = "pki.secrets_unreadable"
    status: ClassVar[int] = 500


class SymmetricKeysOff(Problem):
    """Symmetric keys are not accepted by this installation."""

    code: ClassVar[str] = "pki.symmetric_keys_off"
    status: ClassVar[int] = 409


class InvalidSymmetricKey(Problem):
    """A value cannot be a symmetric key."""

    code: ClassVar[str] = "pki.invalid_symmetric_key"
    status: ClassVar[int] = 422


class SignerUnavailable(Problem):
    """The signer did not answer in time; what was asked may be asked again."""

    code: ClassVar[str] = "pki.signer_unavailable"
    status: ClassVar[int] = 503


class SignerRefused(Problem):
    """The signer answered no; subclasses say why."""

    code: ClassVar[str] = "pki.signer_refused"
    status: ClassVar[int] = 403


class UnknownOrganization(SignerRefused):
    """The signer holds no authority of that organization."""

    code: ClassVar[str] = "pki.unknown_organization"


class CapExceeded(SignerRefused):
    """More certificates were asked for within an hour than the signer's cap allows."""

    code: ClassVar[str] = "pki.cap_exceeded"
    status: ClassVar[int] = 429


class ClockWentBack(SignerRefused):
    """The wall clock stands before the signer's last issuance; nothing is signed on a clock that cannot be right."""

    code: ClassVar[str] = "pki.clock_went_back"
    status: ClassVar[int] = 503


class RequestIdReused(SignerRefused):
    """A request id came back with other content."""

    code: ClassVar[str] = "pki.request_id_reused"
    status: ClassVar[int] = 409


class JournalUnavailable(SignerRefused):
    """The signer cannot record what it issues, so it issues nothing."""

    code: ClassVar[str] = "pki.journal_unavailable"
    status: ClassVar[int] = 503


class SignerBusy(SignerRefused):
    """The signer's queue is full."""

    code: ClassVar[str] = "pki.signer_busy"
    status: ClassVar[int] = 503
