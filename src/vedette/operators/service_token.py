"""Service tokens as values: what a program may show instead of a person, and the rules they obey."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.operators.errors import InvalidServiceToken
from vedette.operators.model import PersonId, Scopes, ServiceTokenId, check_name
from vedette.operators.role_model import Role

TOKEN_PREFIX: Final = "vds_"  # noqa: S105 - what scanners for leaked secrets look for, not a secret
TOKEN_BYTES: Final = 32
LIFETIME_MAX: Final = timedelta(days=90)
TOKENS_MAX: Final = 200
ROLES_MAX: Final = 8
SCOPES_MAX: Final = 32
NETWORKS_MAX: Final = 16
_SCOPE_MAX_CHARS: Final = 128
_TOKEN: Final = re.compile(r"vds_[A-Za-z0-9_-]{43}", re.ASCII)
# What a program may be besides: each gives one thing, as ``trust/policies/people.cedar`` says.
PROGRAM_ROLES: Final = ("enforcement-point", "signal-receiver")
_ROLES: Final = (*Role, *PROGRAM_ROLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceToken:
    """What a program may do by its token; the token itself is not among it.

    Attributes:
        owner_id: Person who answers for it: it opens nothing while they are disabled, and ends with them. None when
            the host's administrator made it.
        roles: All it has.
        scopes: Where it has them.
        networks: From where it may come, as CIDR; from everywhere if there are none.
    """

    organization_id: OrganizationId
    token_id: ServiceTokenId
    name: str
    owner_id: PersonId | None
    owner_name: str
    roles: tuple[str, ...]
    scopes: Scopes
    networks: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    last_used_address: str = ""

    @property
    def actor(self) -> Actor:
        """Who acts by it, as the ledger names them."""
        return Actor("service", self.token_id, self.name)

    def may_come_from(self, address: str) -> bool:
        """Tell whether it may be used from an address."""
        if not self.networks:
            return True
        try:
            found = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None)
        return any((mapped or found) in ip_network(each) for each in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewServiceToken:
    """What a new token is to be.

    Attributes:
        lifetime_days: 1 to 90.
    """

    name: str
    roles: tuple[str, ...]
    scopes: Scopes = field(default_factory=Scopes)
    networks: tuple[str, ...] = ()
    lifetime_days: int = LIFETIME_MAX.days


@dataclass(frozen=True, slots=True)
class IssuedServiceToken:
    """A token that was made, and its secret: it is told once."""

    token: ServiceToken
    secret: str = field(repr=False)


def is_service_token(text: str) -> bool:
    """Tell whether a text has the form of a service token; whether it is one, its digest tells."""
    return _TOKEN.fullmatch(text) is not None


def check_new_token(new: NewServiceToken) -> NewServiceToken:
    """Check what a new token is to be, and write its networks in their one form.

    Raises:
        InvalidServiceToken: Roles, scopes, networks or lifetime are outside their limits.
        InvalidName: The name is none.
    """
    if not 1 <= new.lifetime_days <= LIFETIME_MAX.days:
        raise InvalidServiceToken(f"a service token lives 1 to {LIFETIME_MAX.days} days, not {new.lifetime_days}")
    return NewServiceToken(
        name=check_name(new.name),
        roles=check_roles(new.roles),
        scopes=Scopes(_check_scope(new.scopes.sites, "site"), _check_scope(new.scopes.groups, "group")),
        networks=_check_networks(new.networks),
        lifetime_days=new.lifetime_days,
    )


def check_roles(roles: Iterable[str]) -> tuple[str, ...]:
    """Check names of roles: 1 to 8 of them.

    Raises:
        InvalidServiceToken: There are none, too many, or one that there is not.
    """
    found = tuple(sorted(set(roles)))
    if not 0 < len(found) <= ROLES_MAX:
        raise InvalidServiceToken(f"a service token has 1 to {ROLES_MAX} roles, not {len(found)}", hint="name a role")
    for role in found:
        if role not in _ROLES:
            raise InvalidServiceToken(f"{role[:64]!r} is no role", hint=f"there are {', '.join(_ROLES)}")
    return found


def _check_scope(names: Iterable[str], what: str) -> frozenset[str]:
    found = frozenset(names)
    if len(found) > SCOPES_MAX:
        raise InvalidServiceToken(f"a service token names at most {SCOPES_MAX} {what}s, not {len(found)}")
    for name in found:
        if not 0 < len(name) <= _SCOPE_MAX_CHARS or not name.isprintable():
            raise InvalidServiceToken(f"{name[:64]!r} is not the name of a {what}")
    return found


def _check_networks(networks: Sequence[str]) -> tuple[str, ...]:
    if len(networks) > NETWORKS_MAX:
        raise InvalidServiceToken(f"a service token names at most {NETWORKS_MAX} networks, not {len(networks)}")
    return tuple(dict.fromkeys(str(_network(each)) for each in networks))


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise InvalidServiceToken(
            f"{text[:64]!r} is not a network", hint="write it as 10.20.0.0/16, without bits behind the prefix"
        ) from error
