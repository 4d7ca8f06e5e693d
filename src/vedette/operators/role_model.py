"""Roles, where they hold, and for how long: as values and pure rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.operators.model import LinkId, PersonId, Scopes
from vedette.operators.role_errors import InvalidGrant

GrantId = NewType("GrantId", str)
ElevationId = NewType("ElevationId", str)

GRANTS_MAX: Final = 20
PLACES_MAX: Final = 50
PLACE_MAX_CHARS: Final = 128
REASON_MAX_CHARS: Final = 1024
ELEVATION_MIN: Final = timedelta(minutes=5)


class Role(StrEnum):
    """What a person may do: built in, as ``trust/policies/people.cedar`` says; whoever has none may do nothing."""

    ADMIN = "admin"
    OPERATOR = "operator"
    ANALYST = "analyst"
    DEVELOPER = "developer"
    DEPLOYER = "deployer"
    MANUFACTURER = "manufacturer"
    AUDITOR = "auditor"


class GrantMode(StrEnum):
    """Whether a role counts always, or only while its holder has elevated themselves to it."""

    ACTIVE = "active"
    ELIGIBLE = "eligible"


@dataclass(frozen=True, slots=True)
class Holding:
    """A role that counts now, and where. Also the names of service rights, which are roles of programs."""

    role: str
    scopes: Scopes = field(default_factory=Scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role that somebody was given.

    Attributes:
        granted_by: Who gave it, as the ledger names them.
        expires_at: When it ends by itself; None: never.
    """

    organization_id: OrganizationId
    grant_id: GrantId
    person_id: PersonId
    role: Role
    scopes: Scopes
    mode: GrantMode
    reason: str
    granted_at: datetime
    granted_by: Actor
    expires_at: datetime | None = None

    def counts(self, now: datetime) -> bool:
        """Tell whether it is not over."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrant:
    """A role that somebody is to be given."""

    role: Role
    scopes: Scopes = field(default_factory=Scopes)
    mode: GrantMode = GrantMode.ACTIVE
    reason: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Elevation:
    """An eligible role that its holder made count, for a while and a reason.

    Attributes:
        ended_at: When somebody ended it before its time.
    """

    organization_id: OrganizationId
    elevation_id: ElevationId
    person_id: PersonId
    grant_id: GrantId
    role: Role
    scopes: Scopes
    reason: str
    begun_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None
    ended_by: str = ""

    def counts(self, now: datetime) -> bool:
        """Tell whether it lasts; a clock set back before its beginning ends it too."""
        return self.ended_at is None and self.begun_at <= now + _CLOCK_SLACK and now < self.ends_at


_CLOCK_SLACK: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRole:
    """What whoever opens a one-time link may do, and will be granted with their first passkey."""

    organization_id: OrganizationId
    link_id: LinkId
    role: Role
    scopes: Scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSettings:
    """How roles are used.

    Attributes:
        elevation: The longest time that anybody elevates themselves for.
    """

    elevation: timedelta = timedelta(hours=8)


def check_scopes(sites: Iterable[str], groups: Iterable[str]) -> Scopes:
    """Return where a role is to hold.

    Raises:
        InvalidGrant: There are too many places, or a name is none.
    """
    found = Scopes(frozenset(sites), frozenset(groups))
    names = found.sites | found.groups
    if len(names) > PLACES_MAX:
        raise InvalidGrant(f"a role is limited to at most {PLACES_MAX} sites and groups", limit=PLACES_MAX)
    if any(not 0 < len(name) <= PLACE_MAX_CHARS or "\0" in name for name in names):
        raise InvalidGrant(
            f"a site or group has no name, or one over {PLACE_MAX_CHARS} characters", limit=PLACE_MAX_CHARS
        )
    return found


def is_within(scopes: Scopes, *, site: str | None, groups: Iterable[str]) -> bool:
    """Tell whether a device is where a role holds; the same rule stands in the policies."""
    return (not scopes.sites or site in scopes.sites) and (not scopes.groups or not scopes.groups.isdisjoint(groups))


def is_everywhere(scopes: Scopes) -> bool:
    """Tell whether a role holds for the whole platform."""
    return not scopes.sites and not scopes.groups


def narrowed(scopes: Scopes, limit: Scopes) -> Scopes | None:
    """Return what two limits leave together; None: nothing."""
    sites = _both(scopes.sites, limit.sites)
    groups = _both(scopes.groups, limit.groups)
    return None if sites is None or groups is None else Scopes(sites, groups)


def _both(one: frozenset[str], other: frozenset[str]) -> frozenset[str] | None:
    """Intersect two lines of limits, where an empty one is none.

    Of two limits by group a device must meet both, which one set cannot say unless it is the same groups: those that
    are in neither are left out, so the answer is never wider than either.
    """
    if not one or not other:
        return one | other
    return (one & other) or None
