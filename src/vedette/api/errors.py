"""What the door itself refuses, before any room is asked."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class Unauthenticated(Problem):
    """No token, or one that is not valid."""

    code: ClassVar[str] = "api.unauthenticated"
    status: ClassVar[int] = 401


class RecheckNeeded(Problem):
    """The session is used from elsewhere than it was begun: its person has to prove that it is them."""

    code: ClassVar[str] = "api.recheck_needed"
    status: ClassVar[int] = 401


class UnsupportedMediaType(Problem):
    """The body is not said to be JSON."""

    code: ClassVar[str] = "api.unsupported_media_type"
    status: ClassVar[int] = 415


class TooManyFailures(Problem):
    """Too many wrong credentials came from one address; right ones are still taken."""

    code: ClassVar[str] = "api.too_many_failures"
    status: ClassVar[int] = 429


class CrossSiteRequest(Problem):
    """A browser's request does not come from a page of ours, or nobody says that it does."""

    code: ClassVar[str] = "api.cross_site_request"
    status: ClassVar[int] = 403


class MayNotLetIn(Problem):
    """This session may not let others in."""

    code: ClassVar[str] = "api.may_not_let_in"
    status: ClassVar[int] = 403


class NotYourself(Problem):
    """Only the person concerned may do this."""

    code: ClassVar[str] = "api.not_yourself"
    status: ClassVar[int] = 403


class MisdirectedRequest(Problem):
    """The request names a host that is not ours."""

    code: ClassVar[str] = "api.misdirected_request"
    status: ClassVar[int] = 421


class BodyTooLarge(Problem):
    """A request body is over its limit."""

    code: ClassVar[str] = "api.body_too_large"
    status: ClassVar[int] = 413


class BodyTooSlow(Problem):
    """A request body did not come in time."""

    code: ClassVar[str] = "api.body_too_slow"
    status: ClassVar[int] = 408


class WrongCode(Problem):
    """A code of an app is not the one that it shows now."""

    code: ClassVar[str] = "api.wrong_code"
    status: ClassVar[int] = 422


class InvalidBody(Problem):
    """A request body is not the JSON that it says it is."""

    code: ClassVar[str] = "api.invalid_body"
    status: ClassVar[int] = 400


class InvalidRequest(Problem):
    """A parameter or a member of the body is missing or outside its limits."""

    code: ClassVar[str] = "api.invalid_request"
    status: ClassVar[int] = 422


class NotFound(Problem):
    """There is nothing at this path."""

    code: ClassVar[str] = "api.not_found"
    status: ClassVar[int] = 404


class InvalidIdempotencyKey(Problem):
    """The key is malformed, or was used for another request."""

    code: ClassVar[str] = "api.invalid_idempotency_key"
    status: ClassVar[int] = 422


class IdempotentRequestInProgress(Problem):
    """The same request is being worked on."""

    code: ClassVar[str] = "api.request_in_progress"
    status: ClassVar[int] = 409


class TooManyStreams(Problem):
    """Too many event streams are open."""

    code: ClassVar[str] = "api.too_many_streams"
    status: ClassVar[int] = 503


class ServiceDoorOff(Problem):
    """The service API is not served: its keys would open nothing."""

    code: ClassVar[str] = "api.service_door_off"
    status: ClassVar[int] = 409


class InvalidCertificate(Problem):
    """A text is not a certificate or a certification request in PEM or DER."""

    code: ClassVar[str] = "api.invalid_certificate"
    status: ClassVar[int] = 422
