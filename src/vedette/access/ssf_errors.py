"""What can go wrong between transmitters and receivers of shared signals."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidStream(Problem):
    """What is asked of a stream is outside its limits."""

    code: ClassVar[str] = "access.invalid_stream"
    status: ClassVar[int] = 400


class StreamNotFound(Problem):
    """There is no such stream, or it is another receiver's."""

    code: ClassVar[str] = "access.stream_not_found"
    status: ClassVar[int] = 404


class TooManyStreams(Problem):
    """A receiver has all the streams it may have, or asks for verification too often."""

    code: ClassVar[str] = "access.too_many_streams"
    status: ClassVar[int] = 429


class TransmitterNotFound(Problem):
    """There is no transmitter of that id."""

    code: ClassVar[str] = "access.transmitter_not_found"
    status: ClassVar[int] = 404


class InvalidTransmitter(Problem):
    """What is told of a transmitter is outside its limits."""

    code: ClassVar[str] = "access.invalid_transmitter"
    status: ClassVar[int] = 422


class SetRefused(Problem):
    """A security event token that is not believed.

    Args:
        detail: Why.
        error: The error code of RFC 8935 §2.4.
    """

    code: ClassVar[str] = "access.set_refused"
    status: ClassVar[int] = 400

    def __init__(self, detail: str, *, error: str = "invalid_request") -> None:
        super().__init__(detail)
        self.error = error
