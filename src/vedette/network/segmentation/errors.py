"""What can go wrong around zones and conduits."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidPlan(Problem):
    """A zone or a conduit makes no sense, or goes beyond a limit."""

    code: ClassVar[str] = "network.invalid_plan"
    status: ClassVar[int] = 422


class PlanNotFound(Problem):
    """There is no such version of the plan."""

    code: ClassVar[str] = "network.plan_not_found"
    status: ClassVar[int] = 404


class PlanStateRefused(Problem):
    """The plan's state does not allow it."""

    code: ClassVar[str] = "network.plan_state"
    status: ClassVar[int] = 409


class PlanChanged(Problem):
    """Somebody changed the plan since it was read."""

    code: ClassVar[str] = "network.plan_changed"
    status: ClassVar[int] = 412


class ZoneNotFound(Problem):
    """The plan has no such zone."""

    code: ClassVar[str] = "network.zone_not_found"
    status: ClassVar[int] = 404


class ConduitNotFound(Problem):
    """The plan has no such conduit."""

    code: ClassVar[str] = "network.conduit_not_found"
    status: ClassVar[int] = 404


class MudUnsigned(Problem):
    """Nobody has told the platform a key to sign MUD files with."""

    code: ClassVar[str] = "network.mud_unsigned"
    status: ClassVar[int] = 404


class BadMudSigner(Problem):
    """The certificate or the key that MUD files are to be signed with cannot be used."""

    code: ClassVar[str] = "network.bad_mud_signer"
    status: ClassVar[int] = 500


class InvalidMud(Problem):
    """A document is no MUD file as RFC 8520 says."""

    code: ClassVar[str] = "network.invalid_mud"
    status: ClassVar[int] = 422
