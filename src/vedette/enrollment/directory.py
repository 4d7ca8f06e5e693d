"""Which group a chain leads to: the groups and their authorities, kept in memory by version. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from vedette.enrollment.decision import Refusal, RegistrationReason
from vedette.enrollment.model import Attestation, Enrollment
from vedette.kernel import EnrollmentId
from vedette.pki import Authority, AuthorityScope
from vedette.trust import ChainVerifier


@dataclass(frozen=True, slots=True)
class GroupMatch:
    """The group that a chain led to, and the authority that vouches there."""

    enrollment: Enrollment
    authority: Authority


class GroupDirectory:
    """The group enrollments of an organization at one version.

    The nearest authority with a group decides, from the leaf upwards: a disabled group or authority there blocks, the
    one above is not asked.
    """

    def __init__(self, version: str, groups: Iterable[Enrollment], authorities: Iterable[Authority]) -> None:
        self.version = version
        known, listed = list(authorities), list(groups)
        by_authority = {group.authority_id: group for group in listed if group.authority_id is not None}
        self._keyed = [group for group in listed if group.attestation is Attestation.SYMMETRIC_KEY]
        self._groups = {
            authority.sha256: GroupMatch(by_authority[authority.authority_id], authority)
            for authority in known
            if authority.authority_id in by_authority
        }
        # By key: the certificate of a disabled authority can be sent under another digest.
        self._disabled = {authority.public_key_sha256 for authority in known if not authority.vouches_at_enrollment}
        self._verifier = ChainVerifier(
            (match.authority.der for match in self._groups.values()),
            intermediates=(authority.der for authority in known if authority.sha256 not in self._groups),
        )

    def group(self, enrollment_id: EnrollmentId) -> Enrollment | None:
        """Return a group by id."""
        return next((m.enrollment for m in self._groups.values() if m.enrollment.enrollment_id == enrollment_id), None)

    def keyed_groups(self, registration_id: str) -> list[Enrollment]:
        """Return the groups by symmetric key that a registration id may come from, disabled ones included."""
        return [
            group
            for group in self._keyed
            if AuthorityScope(device_id_pattern=group.id_pattern).covers(
                registration_id, enrollment_group=group.enrollment_id
            )
        ]

    def match(self, chain: Sequence[bytes], registration_id: str, now: datetime) -> GroupMatch | Refusal:
        """Find the group that a chain leads to, and check that its authority may vouch for this name.

        Args:
            chain: DER, leaf first; the TLS handshake has proved possession of the leaf's key.
            registration_id: The common name of the leaf.
            now: Aware UTC.
        """
        verdict = self._verifier.verify(chain, now)
        if not verdict.is_trusted or verdict.anchor_sha256 is None:
            if verdict.failure is None:
                return Refusal(RegistrationReason.NO_ENROLLMENT, "no enrollment knows this certificate")
            return Refusal(RegistrationReason.CHAIN_NOT_TRUSTED, verdict.failure.detail, verdict.failure.hint)
        if self._disabled.intersection(verdict.keys):
            return Refusal(
                RegistrationReason.AUTHORITY_DISABLED,
                "an authority of the certificate's chain is disabled, not verified, or kept for the hub",
                "see: vedette authority list",
            )
        match = self._groups[verdict.anchor_sha256]
        scope = match.authority.scope
        own = AuthorityScope(device_id_pattern=match.enrollment.id_pattern)
        group = match.enrollment.enrollment_id
        if not all(each.covers(registration_id, enrollment_group=group) for each in (scope, own)):
            return Refusal(
                RegistrationReason.OUT_OF_SCOPE,
                f"{registration_id} is outside the scope of {match.authority.name!r} or of {match.enrollment.name!r}",
                "compare the id with the patterns of the authority and of the enrollment",
            )
        return match
