"""NATS' auth callout as values: what a server asks about a connection, and the signed answer it believes.

Source:
    NATS ADR-26 (authorization callouts); github.com/nats-io/jwt, version 2 of the claims.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature

from vedette.bus.errors import InvalidNkey
from vedette.bus.nkeys import AccountKey, decode_public, decode_server

AUTH_CALLOUT_SUBJECT: Final = "$SYS.REQ.USER.AUTH"
REQUEST_MAX_BYTES: Final = 65_536
_AUDIENCE: Final = "nats-authorization-request"
_ALGORITHM: Final = "ed25519-nkey"
_PARTS: Final = 3
_CERTIFICATES_MAX: Final = 16
_SKEW_S: Final = 60
_VERSION: Final = 2


class CalloutRefused(ValueError):  # noqa: N818 - it is an answer, not a fault
    """A request is not what a server signs: nothing is answered to it, and the server lets nobody in."""


class Tls(msgspec.Struct, frozen=True):
    """What a server says of a connection's TLS.

    Attributes:
        version: ``1.2`` or ``1.3``.
        certs: Presented certificates that the server has not verified, PEM.
        verified_chains: Those that it has, leaf first, PEM.
    """

    version: str = ""
    cipher: str = ""
    certs: list[str] = []
    verified_chains: list[list[str]] = []

    @property
    def leaf(self) -> str:
        """The certificate that the server has verified, PEM; empty: none."""
        chain = self.verified_chains[0] if self.verified_chains else []
        return chain[0] if chain and len(self.verified_chains) <= _CERTIFICATES_MAX else ""


class Client(msgspec.Struct, frozen=True):
    """What a server says of a connection."""

    host: str = ""
    name: str = ""
    kind: str = ""
    type: str = ""


class ConnectOptions(msgspec.Struct, frozen=True):
    """What a client says of itself; the password is a secret."""

    user: str = ""
    password: str = msgspec.field(default="", name="pass")
    auth_token: str = ""

    def __repr__(self) -> str:
        """Return a text without the secrets."""
        return f"ConnectOptions(user={self.user!r})"


class _Server(msgspec.Struct, frozen=True):
    id: str = ""
    name: str = ""


class _Question(msgspec.Struct, frozen=True):
    server_id: _Server
    user_nkey: str
    client_info: Client = Client()
    connect_opts: ConnectOptions = ConnectOptions()
    client_tls: Tls | None = None


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    aud: str
    nats: _Question
    iat: int = 0
    exp: int = 0


class CalloutRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A verified question: may this connection come in?

    Attributes:
        server_id: Public key of the server, which signed it.
        user_nkey: The key that the answer must be about.
        tls: None over a plain connection.
    """

    server_id: str
    server_name: str
    user_nkey: str
    client: Client
    options: ConnectOptions
    tls: Tls | None


def read_callout(token: bytes, *, now_s: int, servers: Sequence[str] = ()) -> CalloutRequest:
    """Verify a server's request.

    Args:
        token: A JWT as NATS writes it.
        now_s: Unix time; a request that has ended, or is from the future, is refused.
        servers: Public keys of servers that may ask; none: any that the account's own permissions let through.

    Raises:
        CalloutRefused: Malformed, badly signed, ended, or of another server.
    """
    if len(token) > REQUEST_MAX_BYTES:
        raise CalloutRefused("it is too large")
    parts = token.split(b".")
    if len(parts) != _PARTS:
        raise CalloutRefused("it is no token; requests that are encrypted are not read")
    try:
        header = msgspec.json.decode(_decode(parts[0]), type=dict[str, Any])  # Any: JSON
        claims = msgspec.json.decode(_decode(parts[1]), type=_Claims)
        if header.get("alg") != _ALGORITHM:
            raise CalloutRefused("it is signed by another algorithm")
        decode_server(claims.iss).verify(_decode(parts[2]), parts[0] + b"." + parts[1])
        decode_public(claims.nats.user_nkey)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise CalloutRefused("it cannot be read") from error
    except (InvalidNkey, InvalidSignature) as error:
        raise CalloutRefused("its signature or a key in it is not valid") from error
    question = claims.nats
    if claims.aud != _AUDIENCE or question.server_id.id != claims.iss or (servers and claims.iss not in servers):
        raise CalloutRefused("it is of another server, or for another audience")
    if (claims.exp and now_s > claims.exp + _SKEW_S) or claims.iat > now_s + _SKEW_S:
        raise CalloutRefused("it has ended, or is of another time")
    return CalloutRequest(
        server_id=claims.iss,
        server_name=question.server_id.name,
        user_nkey=question.user_nkey,
        client=question.client_info,
        options=question.connect_opts,
        tls=question.client_tls,
    )


def permit_callout(
    key: AccountKey,
    request: CalloutRequest,
    *,
    name: str,
    account: str,
    publish: Sequence[str],
    subscribe: Sequence[str],
    now_s: int,
    expires_s: int,
) -> bytes:
    """Return the answer that lets a connection in.

    Args:
        key: The issuer that the server is set up to believe.
        request: What was asked.
        name: Of the identity, shown by the server.
        account: The server's account that it lands in.
        publish: Subject patterns; none: nothing.
        subscribe: Subject patterns; none: nothing.
        now_s: Unix time.
        expires_s: Then the server ends the connection and asks anew.
    """
    user: dict[str, Any] = {  # Any: JSON
        "pub": _permission(publish),
        "sub": _permission(subscribe),
        "subs": -1,
        "data": -1,
        "payload": -1,
        "type": "user",
        "version": _VERSION,
    }
    inner = _sign(
        key, {"sub": request.user_nkey, "aud": account, "name": name, "iat": now_s, "exp": expires_s, "nats": user}
    )
    return _answer(key, request, now_s, {"jwt": inner.decode("ascii")})


def refuse_callout(key: AccountKey, request: CalloutRequest, *, reason: str, now_s: int) -> bytes:
    """Return the answer that keeps a connection out; the reason stands in the server's log."""
    return _answer(key, request, now_s, {"error": reason})


def _answer(key: AccountKey, request: CalloutRequest, now_s: int, verdict: dict[str, Any]) -> bytes:  # Any: JSON
    nats = {**verdict, "type": "authorization_response", "version": _VERSION}
    return _sign(key, {"sub": request.user_nkey, "aud": request.server_id, "iat": now_s, "nats": nats})


def _permission(subjects: Sequence[str]) -> dict[str, list[str]]:
    # An empty list would allow everything.
    return {"allow": list(subjects)} if subjects else {"deny": [">"]}


def _sign(key: AccountKey, claims: dict[str, Any]) -> bytes:  # Any: JSON
    body = {"iss": key.public, **claims}
    body["jti"] = _jti(body)
    header = _encode(msgspec.json.encode({"typ": "JWT", "alg": _ALGORITHM}))
    signed = header + b"." + _encode(msgspec.json.encode(body))
    return signed + b"." + _encode(key.sign(signed))


def _jti(body: dict[str, Any]) -> str:  # Any: JSON
    """Return the id that the claims hash to, as NATS makes it."""
    digest = hashlib.sha512(msgspec.json.encode(body)).digest()[:32]
    return base64.b32encode(digest).rstrip(b"=").decode("ascii")


def _encode(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise CalloutRefused("it is not base64url") from None
