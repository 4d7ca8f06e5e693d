"""What a WebSocket connection reports."""

from __future__ import annotations

import enum

import msgspec


class CloseCode(enum.IntEnum):
    """Why a connection is closed (RFC 6455 §7.4.1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS = 1005
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009


class Data(msgspec.Struct, frozen=True, gc=False):
    """The next bytes of the stream; where messages and frames begin and end says nothing."""

    payload: bytes


class Ping(msgspec.Struct, frozen=True, gc=False):
    """The peer asks whether we are there; the answer is queued already."""

    payload: bytes


class Pong(msgspec.Struct, frozen=True, gc=False):
    """The peer is there."""

    payload: bytes


class Close(msgspec.Struct, frozen=True, gc=False):
    """The peer closes; the answer, if one is due, is queued already.

    Attributes:
        code: ``CloseCode.NO_STATUS`` if it gave none.
        reason: Text from outside.
    """

    code: int
    reason: str


Event = Data | Ping | Pong | Close
