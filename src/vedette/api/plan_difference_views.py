"""What is answered about the difference of two versions of the plan."""

from __future__ import annotations

import msgspec
from pydantic import Field

from vedette.api.schema import View
from vedette.network.segmentation import ChangeKind, PlanDifference, PlanVersion


class ZoneChangeView(View):
    """A zone that is not as it was."""

    zone_id: str
    name: str
    kind: ChangeKind
    was: str = Field(description="Its id in the other version; empty: it is new.")
    changes: list[str]


class ConduitChangeView(View):
    """A conduit that is not as it was."""

    conduit_id: str
    source: str
    target: str
    kind: ChangeKind
    is_wider: bool = Field(description="It may allow what nothing allowed before.")
    changes: list[str]


class MemberMoveView(View):
    """An asset that another zone names than before."""

    asset_id: str
    source: str = Field(description="Name of the zone; empty: none named it.")
    target: str


class PlanDifferenceView(View):
    """What a version changes over another."""

    number: int
    base: int = Field(description="The other version; 0: none is approved, so all is new.")
    zones: list[ZoneChangeView] = Field(description="At most 1000, as the lists below.")
    conduits: list[ConduitChangeView]
    moves: list[MemberMoveView] = Field(description="Assets that zones name; what rules take is not compared.")
    zone_changes: int
    conduit_changes: int
    moved: int
    wider: int = Field(description="Conduits that may allow more than before.")


def show_difference(version: PlanVersion, base: PlanVersion | None, found: PlanDifference) -> PlanDifferenceView:
    """Return a difference as it is answered."""
    return PlanDifferenceView(
        number=version.number,
        base=0 if base is None else base.number,
        zones=[ZoneChangeView(**msgspec.to_builtins(each)) for each in found.zones],
        conduits=[ConduitChangeView(**msgspec.to_builtins(each)) for each in found.conduits],
        moves=[MemberMoveView(**msgspec.to_builtins(each)) for each in found.moves],
        zone_changes=found.zone_changes,
        conduit_changes=found.conduit_changes,
        moved=found.moved,
        wider=found.wider,
    )
