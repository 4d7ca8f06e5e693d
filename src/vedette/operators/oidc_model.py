"""Sign-in through an identity provider, as values: what is configured, and what a verified token says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

SUBJECT_MAX_CHARS: Final = 255
GROUPS_MAX: Final = 2_000
GROUP_MAX_CHARS: Final = 256
WORD_MAX_CHARS: Final = 24
WORDS_MAX: Final = 8
CLOCK_SLACK: Final = timedelta(seconds=60)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a URL."""

    scheme: str
    host: str
    port: int

    @property
    def is_private(self) -> bool:
        """Whether nobody between here and there can read or change what is said."""
        return self.scheme == "https" or self.host in _LOOPBACK or self.host.startswith("127.")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """How people come in through an identity provider.

    Attributes:
        issuer: The provider, exactly as it calls itself.
        client_secret: None: the client is public, and PKCE alone binds the code to us.
        redirect_uri: Where the provider sends browsers back to.
        post_logout_uri: Where it sends them after a logout.
        label: What the button says.
        scopes: Asked for beside ``openid``.
        acr_values: Classes of login that are asked for, by preference.
        groups_claim: Holds the person's groups.
        group_roles: Roles that each group stands for.
        default_roles: Roles of whoever comes through the provider.
        creates_people: Whether somebody unknown becomes a person by their first login.
        name_claims: Hold the name of a new person, by preference.
        mfa_acr: Classes of login in which two factors were shown.
        mfa_amr: Methods that stand for two factors.
        alternative_hosts: Further hosts that the provider's documents may name, ``host`` or ``host:port``.
        max_age: Whoever logged in at the provider longer ago is asked again by it.
        ca_file: What the provider's certificate chains to; None: the authorities of the system.
    """

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    redirect_uri: str
    post_logout_uri: str
    label: str = "single sign-on"
    scopes: tuple[str, ...] = ("profile", "email")
    acr_values: tuple[str, ...] = ()
    groups_claim: str = "groups"
    group_roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    default_roles: frozenset[str] = frozenset()
    creates_people: bool = False
    name_claims: tuple[str, ...] = ("name", "preferred_username", "email")
    mfa_acr: frozenset[str] = frozenset()
    mfa_amr: frozenset[str] = frozenset({"mfa"})
    alternative_hosts: frozenset[str] = frozenset()
    ca_file: Path | None = None
    max_age: timedelta = timedelta(hours=12)

    def roles_of(self, groups: frozenset[str]) -> frozenset[str]:
        """Return the roles that groups stand for."""
        mapped = (self.group_roles[group] for group in groups if group in self.group_roles)
        return self.default_roles.union(*mapped)

    def may_fetch(self, url: str) -> bool:
        """Tell whether a URL is the provider's: at the issuer's own origin, or at a host named for it."""
        origin = origin_of(url)
        own = origin_of(self.issuer)
        if origin is None or own is None or not origin.is_private:
            return False
        named = {origin.host} if origin.port == _PORTS["https"] else set()
        named.add(f"{origin.host}:{origin.port}")
        return origin == own or (origin.scheme == "https" and bool(named & self.alternative_hosts))


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityClaims:
    """What a verified id token says, checked and cut to what is used.

    Attributes:
        claims: All of them, as the provider wrote them.
    """

    issuer: str
    subject: str
    acr: str
    amr: tuple[str, ...]
    auth_time: datetime | None
    provider_session: str
    claims: Mapping[str, Any] = field(repr=False)  # Any: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutClaims:
    """What a verified logout token says: whose sessions end."""

    issuer: str
    subject: str
    provider_session: str
    token_id: str
    expires_at: datetime


def origin_of(url: str) -> Origin | None:
    """Return the origin of an absolute http(s) URL without user, fragment or control characters; None if it is none."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or parts.fragment:
        return None
    return Origin(parts.scheme, parts.hostname.lower(), _PORTS[parts.scheme] if port is None else port)
