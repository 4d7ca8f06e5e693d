"""What can go wrong on the bus."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class BusUnavailable(Problem):
    """There is no connection to the bus, or a bounded buffer towards it is full."""

    code: ClassVar[str] = "bus.unavailable"
    status: ClassVar[int] = 503


class BusTimeout(Problem):
    """The bus or the process asked did not answer before the deadline."""

    code: ClassVar[str] = "bus.timeout"
    status: ClassVar[int] = 504


class NoResponders(Problem):
    """Nobody listens on the subject that was asked."""

    code: ClassVar[str] = "bus.no_responders"
    status: ClassVar[int] = 503


class PayloadTooLarge(Problem):
    """A message is larger than the server accepts."""

    code: ClassVar[str] = "bus.payload_too_large"
    status: ClassVar[int] = 413


class BusRefused(Problem):
    """The server refused the credentials, or an act that these credentials do not allow."""

    code: ClassVar[str] = "bus.refused"
    status: ClassVar[int] = 403


class InvalidSubject(Problem):
    """A text cannot be a subject, a message id or a header."""

    code: ClassVar[str] = "bus.invalid_subject"
    status: ClassVar[int] = 422


class InvalidNkey(Problem):
    """A text is not a well-formed nkey."""

    code: ClassVar[str] = "bus.invalid_nkey"
    status: ClassVar[int] = 422


class PublishRefused(Problem):
    """The stream did not take a message: no such stream, over its limits, or another stream answered."""

    code: ClassVar[str] = "bus.publish_refused"
    status: ClassVar[int] = 503


class JetStreamError(Problem):
    """JetStream's management interface answered with an error; ``context["error_code"]`` is its number."""

    code: ClassVar[str] = "bus.jetstream"
    status: ClassVar[int] = 503


class RemoteProblem(Problem):
    """The process asked over the bus answered with a problem; ``remote_code`` and ``remote_status`` are its own."""

    code: ClassVar[str] = "bus.remote_problem"
    status: ClassVar[int] = 400

    def __init__(self, remote_code: str, detail: str, *, hint: str = "", status: int = 400) -> None:
        super().__init__(detail, hint=hint, remote_code=remote_code)
        self.remote_code = remote_code
        self.remote_status = status


class RemoteProtocolError(Problem):
    """The server sent something that is not the NATS protocol, or above our limits; the connection is unusable."""

    code: ClassVar[str] = "bus.protocol_error"
    status: ClassVar[int] = 502
