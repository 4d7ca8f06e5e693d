"""What can go wrong around posture records."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class UnknownOrganization(Problem):
    """A request about an organization that this control does not keep."""

    code: ClassVar[str] = "access.unknown_organization"
    status: ClassVar[int] = 404


class PostureUnavailable(Problem):
    """The posture records are not ready to be handed out; nobody is let in meanwhile."""

    code: ClassVar[str] = "access.posture_unavailable"
    status: ClassVar[int] = 503
