"""What may be asked of the signer, and the frames it travels in.

Requests are typed; none carries bytes to be signed. A frame is four bytes of length, big-endian, and MessagePack.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from vedette.kernel import Problem
from vedette.pki import errors

HEADER: Final = struct.Struct(">I")

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
_Csr = Annotated[bytes, msgspec.Meta(min_length=1, max_length=8192)]


class IssueDeviceCertificate(msgspec.Struct, frozen=True, kw_only=True, tag="device", forbid_unknown_fields=True):
    """Issue an operational certificate to one generation of a device or module.

    Attributes:
        request_id: Repeated with the same content, it gets the same certificate for as long as the signer remembers.
        subject_name: ``device`` or ``device/module``, the common name.
        accepted_names: Other names the request may carry as its own, such as the registration id.
    """

    request_id: _Text
    organization_id: _Text
    generation_id: _Text
    subject_name: _Text
    csr: _Csr
    lifetime_s: Annotated[int, msgspec.Meta(ge=1, le=400 * 86_400)]
    profile: Literal["device"] = "device"
    accepted_names: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=4)] = ()


class IssueServerCertificate(msgspec.Struct, frozen=True, kw_only=True, tag="server", forbid_unknown_fields=True):
    """Issue a certificate to a server of this installation, for names that the signer's own configuration lists."""

    request_id: _Text
    organization_id: _Text
    names: Annotated[tuple[_Name, ...], msgspec.Meta(min_length=1, max_length=32)]
    csr: _Csr


class GetChain(msgspec.Struct, frozen=True, kw_only=True, tag="chain", forbid_unknown_fields=True):
    """Return the certificates of the authorities; public."""


class Revocation(msgspec.Struct, frozen=True, array_like=True):
    """One entry of a revocation list; ``reason`` is a ``RevocationReason``."""

    serial: Annotated[bytes, msgspec.Meta(min_length=1, max_length=20)]
    revoked_at: Annotated[datetime, msgspec.Meta(tz=True)]
    reason: Annotated[str, msgspec.Meta(max_length=32)]


class SignRevocationList(msgspec.Struct, frozen=True, kw_only=True, tag="crl", forbid_unknown_fields=True):
    """Sign a complete revocation list, for third parties; the signer numbers it."""

    organization_id: _Text
    purpose: Literal["operational", "services"]
    revocations: Annotated[list[Revocation], msgspec.Meta(max_length=100_000)]
    lifetime_s: Annotated[int, msgspec.Meta(ge=3600, le=30 * 86_400)]


Request = IssueDeviceCertificate | IssueServerCertificate | GetChain | SignRevocationList


class Issued(msgspec.Struct, frozen=True, kw_only=True, tag="issued"):
    """A certificate, recorded in the journal before this was sent.

    Attributes:
        chain: DER, leaf first, then the issuing authority and the root.
    """

    chain: list[bytes]


class Chains(msgspec.Struct, frozen=True, kw_only=True, tag="chains"):
    """The authorities: for each purpose the DER of the issuing authority and of the root."""

    organization_id: str
    chains: dict[str, list[bytes]]


class SignedRevocationList(msgspec.Struct, frozen=True, kw_only=True, tag="revocation_list"):
    """A revocation list in DER."""

    der: bytes
    number: int


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """Why the request was not granted."""

    code: str
    detail: str
    hint: str = ""


Reply = Issued | Chains | SignedRevocationList | Refused

encode: Final = msgspec.msgpack.Encoder().encode

_requests: Final = msgspec.msgpack.Decoder(Request)
_replies: Final = msgspec.msgpack.Decoder(Reply)
# Text that is not UTF-8 and nesting without end are reported by msgspec as Python's own errors.
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_PROBLEMS: Final[dict[str, type[Problem]]] = {
    kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Problem)
}


class UnreadableFrame(Exception):  # noqa: N818 - it says what it is
    """What came over the socket is too long, or not one of the messages agreed upon."""


def decode_request(payload: bytes) -> Request:
    """Read a request.

    Raises:
        UnreadableFrame: It is none.
    """
    try:
        request: Request = _requests.decode(payload)
    except _UNREADABLE as error:
        raise UnreadableFrame(str(error)[:200]) from error
    return request


def decode_reply(payload: bytes) -> Reply:
    """Read a reply.

    Raises:
        UnreadableFrame: It is none.
    """
    try:
        reply: Reply = _replies.decode(payload)
    except _UNREADABLE as error:
        raise UnreadableFrame(str(error)[:200]) from error
    return reply


def frame(payload: bytes) -> bytes:
    """Put the length before a message."""
    return HEADER.pack(len(payload)) + payload


def refusal(problem: Problem) -> Refused:
    """Write a problem down for the peer."""
    return Refused(code=problem.code, detail=problem.detail, hint=problem.hint)


def to_problem(refused: Refused) -> Problem:
    """Return the problem that the signer named, as the class it had there."""
    return _PROBLEMS.get(refused.code, errors.SignerRefused)(refused.detail, hint=refused.hint)
