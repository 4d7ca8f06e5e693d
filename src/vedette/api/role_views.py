"""Roles, grants and elevations as the API shows and takes them."""

from __future__ import annotations

from pydantic import Field

from vedette.api.places import Places
from vedette.api.schema import REASON_MAX_CHARS, Moment, Timestamp, View
from vedette.operators import Elevation, Grant, GrantMode, Role

_SITES = "At these sites only; empty: at all."
_GROUPS = (
    "For devices of one of these groups only; empty: of all. By id or name; kept by id, so that a name used again "
    "inherits nothing."
)


class RoleView(View):
    """A built-in role."""

    role: Role
    summary: str
    actions: list[str] = Field(description="What it gives, as `GET /v1/rights` names it.")


class RoleList(View):
    """The built-in roles; there are no others."""

    items: list[RoleView]
    policies_sha256: str = Field(description="Of the policies about people in force.")


class PlacesView(View):
    """Where a role holds."""

    sites: list[str] = Field(description=_SITES)
    groups: list[str] = Field(description="Ids of groups; empty: of all devices.")


class GrantView(View):
    """A role that somebody was given."""

    grant_id: str
    person_id: str
    role: Role
    sites: list[str] = Field(description=_SITES)
    groups: list[str] = Field(description="Ids of groups; empty: of all devices.")
    mode: GrantMode = Field(description="`eligible`: counts only while the person has elevated themselves to it.")
    reason: str
    granted_at: Timestamp
    granted_by: str = Field(description="Id of who gave it, as in the ledger.")
    expires_at: Timestamp | None = Field(description="When it ends by itself.")


class NewGrantView(View):
    """A role to be given."""

    role: Role
    sites: Places = Field(default_factory=list, description=_SITES)
    groups: Places = Field(default_factory=list, description=_GROUPS)
    mode: GrantMode = GrantMode.ACTIVE
    reason: str = Field(default="", max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")
    expires_at: Moment | None = Field(default=None, description="Ends by itself then.")


class HoldingView(View):
    """A role that counts now."""

    role: str
    sites: list[str]
    groups: list[str]


class RightsView(View):
    """What the asker may do at this moment."""

    actor_id: str
    holdings: list[HoldingView] = Field(description="Active grants, elevations that last, and what a token gives.")
    actions: list[str] = Field(description="What they may do somewhere, confirmations given.")
    has_passkey: bool
    step_up_age_s: int | None = Field(description="Since they last proved by passkey that they are there.")
    step_up_lasts_s: int = Field(description="How long such a proof counts for weighty acts.")
    is_step_up_needed: bool = Field(description="Whether weighty acts ask them for one.")
    is_signature_needed: bool = Field(description="Whether momentous acts ask them to sign: see `POST /v1/acts`.")
    second_approver: list[str] = Field(description="Actions that wait for another person's approval.")


class ElevationView(View):
    """An eligible role that its holder made count for a while."""

    elevation_id: str
    person_id: str
    grant_id: str
    role: Role
    sites: list[str]
    groups: list[str]
    reason: str
    begun_at: Timestamp
    ends_at: Timestamp = Field(description="It ends by itself then.")
    ended_at: Timestamp | None = Field(description="When somebody ended it earlier.")
    is_active: bool


class NewElevationView(View):
    """What somebody elevates themselves to."""

    grant_id: str = Field(max_length=64, description="Of a grant of one's own that is `eligible`.")
    minutes: int = Field(ge=5, le=1440, description="How long; at most what the configuration allows.", examples=[60])
    reason: str = Field(min_length=1, max_length=REASON_MAX_CHARS, description="Why, in your own words.")


def show_grant(grant: Grant) -> GrantView:
    """Return a grant as it is shown."""
    return GrantView(
        grant_id=grant.grant_id,
        person_id=grant.person_id,
        role=grant.role,
        sites=sorted(grant.scopes.sites),
        groups=sorted(grant.scopes.groups),
        mode=grant.mode,
        reason=grant.reason,
        granted_at=grant.granted_at,
        granted_by=grant.granted_by.id,
        expires_at=grant.expires_at,
    )


def show_elevation(elevation: Elevation, *, is_active: bool) -> ElevationView:
    """Return an elevation as it is shown."""
    return ElevationView(
        elevation_id=elevation.elevation_id,
        person_id=elevation.person_id,
        grant_id=elevation.grant_id,
        role=elevation.role,
        sites=sorted(elevation.scopes.sites),
        groups=sorted(elevation.scopes.groups),
        reason=elevation.reason,
        begun_at=elevation.begun_at,
        ends_at=elevation.ends_at,
        ended_at=elevation.ended_at,
        is_active=is_active,
    )
