"""What can go wrong around the vulnerabilities of assets."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class VulnerabilityNotFound(Problem):
    """The asset has no such vulnerability, as far as is known."""

    code: ClassVar[str] = "network.vulnerability_not_found"
    status: ClassVar[int] = 404


class InvalidAcceptance(Problem):
    """An acceptance without an owner, without an end, or of what has changed since."""

    code: ClassVar[str] = "network.invalid_acceptance"
    status: ClassVar[int] = 422


class EvidenceChanged(Problem):
    """What the vulnerability rests on changed since it was read."""

    code: ClassVar[str] = "network.evidence_changed"
    status: ClassVar[int] = 409
