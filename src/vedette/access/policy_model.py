"""The life of a policy bundle: what is stored, which stage it is in, and what must be true before the next one."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Literal

import msgspec

from vedette.trust import PolicyBundle, PolicyManifest

NAME_MAX_CHARS: Final = 128
BUNDLES_MAX: Final = 1000
# A simulation tells of the fleet as it was; after this long it is asked for again.
SIMULATION_LASTS: Final = timedelta(hours=24)
# How long after a promotion a jump of refusals takes it back by itself.
WATCH_LASTS: Final = timedelta(hours=1)
DENIED_SHARE: Final = 0.05
DENIED_LEAST: Final = 3


class Stage(StrEnum):
    """How far a bundle has come."""

    DRAFT = "draft"
    SHADOW = "shadow"
    CANARY = "canary"
    STABLE = "stable"
    FORMER = "former"


class Origin(StrEnum):
    """Where a bundle comes from."""

    SHIPPED = "shipped"
    WRITTEN = "written"


class StoredBundle(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle as stored; its content never changes.

    Attributes:
        number: Counts the organization's bundles, for people.
        name: What people call it.
        base_sha256: The stable bundle when it was stored.
        author: ``kind:id`` of whoever stored it.
        policy_count: How many policies it has.
        was_stable: Whether it ever decided for everyone.
    """

    organization_id: str
    sha256: str
    number: int
    name: str
    origin: Origin
    base_sha256: str
    encoded: bytes
    signature: bytes
    policy_count: int
    created_at: datetime
    author: str
    author_name: str
    was_stable: bool


class Staging(msgspec.Struct, frozen=True, kw_only=True):
    """Which bundles are in force, since when, and what takes the newest of them back.

    Attributes:
        revision: Grows with each change.
        former: The stable bundle before; what a rollback returns to.
        changed_at: When the newest stage began.
        changed_by: ``kind:id``.
        changed_by_name: Their name then; empty: they had none.
        watched: The bundle whose refusals are watched; empty: none.
        watched_until: ``None``: as long as it is in its stage.
        denied_share: Share of the devices concerned that may be refused without having been foretold.
        concerned: How many identities that is a share of.
        foretold: Simulation that tells who is refused as expected; empty: none.
        reason: Of the newest change.
    """

    organization_id: str
    stable: str
    canary: str = ""
    canary_group: str = ""
    shadow: str = ""
    revision: int = 1
    former: str = ""
    changed_at: datetime
    changed_by: str = ""
    changed_by_name: str = ""
    watched: str = ""
    watched_until: datetime | None = None
    denied_share: float = DENIED_SHARE
    concerned: int = 0
    foretold: str = ""
    reason: str = ""

    @property
    def manifest(self) -> PolicyManifest:
        """What gateways are told."""
        return PolicyManifest(
            stable=self.stable,
            canary=self.canary or None,
            canary_group=self.canary_group or None,
            shadow=self.shadow or None,
        )

    def stage_of(self, bundle: StoredBundle) -> Stage:
        """Return how far a bundle has come."""
        named = {self.shadow: Stage.SHADOW, self.canary: Stage.CANARY, self.stable: Stage.STABLE}
        return named.get(bundle.sha256, Stage.FORMER if bundle.was_stable else Stage.DRAFT)

    @property
    def denied_limit(self) -> int:
        """How many identities may be refused without having been foretold before the bundle is taken back."""
        return max(DENIED_LEAST, int(self.denied_share * self.concerned))


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that a widening change is wanted.

    Attributes:
        base_sha256: The stable bundle that it was compared with.
        actor: ``kind:id``.
        is_host: By the host's own token, which counts only for whoever is alone.
        newly_allowed: What the simulation had found when the word was given.
    """

    organization_id: str
    sha256: str
    base_sha256: str
    actor: str
    actor_name: str
    is_host: bool
    newly_allowed: int
    reason: str
    approved_at: datetime


class PolicyStaged(msgspec.Struct, frozen=True, kw_only=True):
    """Other policies are in force, or another bundle is looked at."""

    name: ClassVar[str] = "access.policy_staged"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    act: Literal["shadow", "canary", "promote", "roll_back", "withdraw"]
    sha256: str
    manifest_sha256: str
    is_automatic: bool = False
    reason: str = ""


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A stored bundle with its content, as rooms above see it."""

    stored: StoredBundle
    stage: Stage
    content: PolicyBundle
