"""Who broke the rules: our own caller, or the peer."""

from __future__ import annotations

from typing import ClassVar, Final

from vedette.kernel import Problem


class LocalProtocolError(Problem):
    """Our caller asked for something that the protocol or the connection's state does not allow."""

    code: ClassVar[str] = "protocols.local_error"
    status: ClassVar[int] = 500


class RemoteProtocolError(Problem):
    """The peer broke the protocol or exceeded a limit; its connection is to be closed.

    ``reason`` is fit for logs and the list of refused connections: it never quotes the peer's bytes.
    ``connack_code`` is the CONNACK return code that tells the peer why, or ``None`` where the standard wants silence.
    ``reason_code`` says the same in MQTT 5, where it is needed beside ``connack_code``; ``None``: a malformed packet.
    """

    code: ClassVar[str] = "protocols.remote_error"
    status: ClassVar[int] = 400

    def __init__(self, reason: str, connack_code: int | None = None, *, reason_code: int | None = None) -> None:
        super().__init__(reason)
        self.reason: Final = reason
        self.connack_code: Final = connack_code
        self.reason_code: Final = reason_code
