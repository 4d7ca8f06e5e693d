"""What the service API itself refuses, before any room is asked."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidArgument(Problem):
    """A part of a request is missing, malformed or outside its limits."""

    code: ClassVar[str] = "api.service_invalid_argument"
    status: ClassVar[int] = 400


class WeakerCredential(Problem):
    """A service policy turns no certificate into a shared key."""

    code: ClassVar[str] = "api.service_weaker_credential"
    status: ClassVar[int] = 400


class NoToken(Problem):
    """A call came without a token, or with one of another kind."""

    code: ClassVar[str] = "api.service_no_token"
    status: ClassVar[int] = 401


class RightMissing(Problem):
    """The service policy has not the right that the operation takes."""

    code: ClassVar[str] = "api.service_right_missing"
    status: ClassVar[int] = 401


class TooManyCalls(Problem):
    """More calls come under a service policy than are taken."""

    code: ClassVar[str] = "api.service_throttled"
    status: ClassVar[int] = 429


class NotOffered(Problem):
    """The hub's contract has it, and Vedette has not."""

    code: ClassVar[str] = "api.service_not_offered"
    status: ClassVar[int] = 501


class NothingThere(Problem):
    """There is no operation at this path."""

    code: ClassVar[str] = "api.not_found"
    status: ClassVar[int] = 404


class MethodNotAllowed(Problem):
    """The path has no such method."""

    code: ClassVar[str] = "api.method_not_allowed"
    status: ClassVar[int] = 405


class ServiceFault(Problem):
    """A fault of ours; the log says more."""

    code: ClassVar[str] = "api.fault"
    status: ClassVar[int] = 500
