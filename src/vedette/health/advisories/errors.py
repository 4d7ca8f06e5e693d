"""What can go wrong around advisories."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidAdvisory(Problem):
    """Not a CSAF 2.0 document, or outside the limits of what is read."""

    code: ClassVar[str] = "health.invalid_advisory"
    status: ClassVar[int] = 422


class InvalidFeed(Problem):
    """Not a catalog of exploited vulnerabilities, or not a file of exploit scores."""

    code: ClassVar[str] = "health.invalid_feed"
    status: ClassVar[int] = 422


class AdvisoryNotFound(Problem):
    """No such advisory was imported."""

    code: ClassVar[str] = "health.advisory_not_found"
    status: ClassVar[int] = 404
