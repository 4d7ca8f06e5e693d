"""People, their passkeys and their sessions, as values and pure rules."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Final, Literal, NewType

from vedette.kernel import OrganizationId, escape_terminal
from vedette.ledger import Actor
from vedette.operators.errors import InvalidName

PersonId = NewType("PersonId", str)
PasskeyId = NewType("PasskeyId", str)
SessionId = NewType("SessionId", str)
LinkId = NewType("LinkId", str)
ExternalIdentityId = NewType("ExternalIdentityId", str)
ServiceTokenId = NewType("ServiceTokenId", str)

NAME_MAX_CHARS: Final = 64
USER_AGENT_MAX_CHARS: Final = 256
ADDRESS_MAX_CHARS: Final = 64
TOKEN_MAX_CHARS: Final = 256
PEOPLE_MAX: Final = 500
PASSKEYS_MAX: Final = 20
SESSIONS_MAX: Final = 20
LINKS_MAX: Final = 100
LINK_LIFETIME: Final = timedelta(hours=1)
# A use is written down once in a while, not at each request.
USE_NOTED_EVERY: Final = timedelta(minutes=1)
# A clock set back by more than this revives no session.
CLOCK_SLACK: Final = timedelta(minutes=5)
_NETWORK_BITS: Final = {4: 24, 6: 64}

Recheck = Literal["network", "browser", "off"]


class SessionKind(StrEnum):
    """What a session was begun with."""

    LINK = "link"
    PASSKEY = "passkey"
    RECOVERY = "recovery"
    OIDC = "oidc"
    TOTP = "totp"
    CLI = "cli"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may operate the platform.

    Attributes:
        name: As they call themselves; stands in the ledger beside the id.
        revision: Counts the changes.
    """

    organization_id: OrganizationId
    person_id: PersonId
    name: str
    created_at: datetime
    is_disabled: bool = False
    last_login_at: datetime | None = None
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSummary:
    """A person, and what they could log in with."""

    person: Person
    passkeys: int
    recovery_codes_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A key pair that an authenticator keeps for a person; only its public half is here.

    Attributes:
        credential_id: The authenticator's own name for it.
        public_key: COSE key.
        sign_count: As the authenticator counted last; stays 0 for those that do not count.
        is_synced: The authenticator's maker copies it to the person's other machines.
    """

    organization_id: OrganizationId
    passkey_id: PasskeyId
    person_id: PersonId
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    name: str
    is_synced: bool
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scopes:
    """Where rights hold: at these sites, and for devices of these groups; everywhere along a line that is empty."""

    sites: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Client:
    """Where a login came from, cut to what is kept."""

    user_agent: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFacts:
    """What is known of how a session was begun; policies read it.

    Attributes:
        is_multi_factor: Two factors were shown.
        stepped_up_at: When the person last proved with both that they are there.
        acr: Class of the login, as an identity provider said (OIDC Core §2).
        amr: Its methods, as the provider said (RFC 8176).
        roles: Those that groups at the provider stand for.
        external_id: Identity at the provider that was shown.
        provider_session: The provider's own name for its session (``sid``), by which it ends ours.
        id_token: The provider's token, sealed: shown to it again at logout.
    """

    is_multi_factor: bool = False
    stepped_up_at: datetime | None = None
    acr: str = ""
    amr: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset()
    external_id: ExternalIdentityId | None = None
    provider_session: str = ""
    id_token: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser, or a command line, that is logged in.

    Attributes:
        token_sha256: All that is kept of the browser's secret.
        person_id: None for a link's session: it has the rights of the first person.
        person_name: Empty for a link's session.
        is_recheck_due: It was used from elsewhere: it opens nothing until its person proves that it was them.
    """

    organization_id: OrganizationId
    session_id: SessionId
    token_sha256: bytes = field(repr=False)
    kind: SessionKind
    person_id: PersonId | None
    person_name: str
    link_id: LinkId | None
    passkey_id: PasskeyId | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    client: Client
    facts: LoginFacts = field(default_factory=LoginFacts)
    is_recheck_due: bool = False

    @property
    def actor(self) -> Actor:
        """Who acts through it, as the ledger names them."""
        if self.person_id is not None:
            return person_actor(self.person_id, self.person_name)
        return Actor("operator", f"link:{self.link_id}", "one-time link")

    def is_alive(self, now: datetime, *, idle: timedelta) -> bool:
        """Tell whether it lasts: neither too old, nor unused for too long, nor from the future.

        A command line may rest between two commands.
        """
        rest = now - self.last_used_at
        return now < self.expires_at and rest >= -CLOCK_SLACK and (rest < idle or self.kind is SessionKind.CLI)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has begun, and the secret that its browser keeps: it is told once."""

    session: Session
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewLink:
    """A one-time link that was made, and its secret: it is told once."""

    link_id: LinkId
    expires_at: datetime
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """How long sessions last.

    Attributes:
        lifetime: From login, whatever happens.
        idle: From the last use.
        recheck: What makes a session be proved again: use by another browser, or from another network too.
    """

    lifetime: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(minutes=30)
    recheck: Recheck = "network"

    def is_elsewhere(self, session: Session, client: Client) -> bool:
        """Tell whether a session is used from elsewhere than it was begun."""
        if self.recheck == "off":
            return False
        if client.user_agent != session.client.user_agent:
            return True
        return self.recheck == "network" and network_of(client.address) != network_of(session.client.address)


def network_of(address: str) -> str:
    """Return the network that an address stands for: whoever moves within it has not moved.

    Networks are /24 in IPv4 and /64 in IPv6, where one host changes its address by itself; this host is one.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_loopback:
        return "loopback"
    return str(ip_network((found, _NETWORK_BITS[found.version]), strict=False))


def person_actor(person_id: PersonId, name: str) -> Actor:
    """Return a person as the ledger names them."""
    return Actor("operator", person_id, name)


def client_of(user_agent: str, address: str) -> Client:
    """Cut what a browser says of itself to what is kept."""
    return Client(_storable(user_agent)[:USER_AGENT_MAX_CHARS], _storable(address)[:ADDRESS_MAX_CHARS])


def digest_of(token: str) -> bytes:
    """Return what is kept of a secret that has at least 100 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def check_name(text: str) -> str:
    """Check the name of a person or a passkey: 1 to 64 visible characters.

    Raises:
        InvalidName: It is empty, too long, or holds what cannot be seen.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not 0 < len(name) <= NAME_MAX_CHARS or escape_terminal(name) != name:
        raise InvalidName(
            f"{text[:80]!r} is no name", hint=f"use 1 to {NAME_MAX_CHARS} visible characters", limit=NAME_MAX_CHARS
        )
    return name


def is_same_name(one: str, other: str) -> bool:
    """Tell whether people would take two names for the same."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
