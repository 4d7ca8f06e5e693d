"""What a plan means for the network: replay, rule sets, attack paths, MUD files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from vedette.kernel import Clock, OrganizationId
from vedette.network.segmentation.applied import LISTING_MAX_BYTES, compare_applied
from vedette.network.segmentation.errors import InvalidPlan, MudUnsigned
from vedette.network.segmentation.inventory import SegmentInventory
from vedette.network.segmentation.membership import Membership
from vedette.network.segmentation.model import EXTERNAL, Flow, Plan, PlanStage, PlanState, PlanVersion
from vedette.network.segmentation.mud import write_mud
from vedette.network.segmentation.mud_check import read_mud
from vedette.network.segmentation.mud_compare import MudComparison, compare_mud
from vedette.network.segmentation.mud_signature import MudSigner
from vedette.network.segmentation.nftables import CompiledZone, compile_zone
from vedette.network.segmentation.plan_book import require_zone
from vedette.network.segmentation.plan_check import Flaw, find_flaws
from vedette.network.segmentation.plan_difference import PlanDifference, compare_plans
from vedette.network.segmentation.plan_editor import PlanEditor
from vedette.network.segmentation.plan_service import PlanService
from vedette.network.segmentation.replay import Judge, Judged, Replay, Step, find_attack_paths, replay

ATTACKS_MAX = 1_000


class ReplayOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a version would have done with everything that was seen, and with the flows of an attack."""

    number: int
    state: PlanState
    learned: Replay
    attack: tuple[Judged, ...] = ()


class AppliedOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a firewall holds what it should; ``differences`` begin with ``-`` or ``+``."""

    zone_id: str
    number: int
    is_applied: bool
    differences: tuple[str, ...]


class SegmentationService:
    """Answers questions about plans; it changes nothing.

    Args:
        plans: Keeps them.
        editor: Changes the draft.
        inventory: Assets and links.
        clock: Source of time.
        base_url: Where MUD files are found, https, without the last slash.
        signer: Signs them; None: they have no signatures.
    """

    def __init__(
        self,
        plans: PlanService,
        editor: PlanEditor,
        inventory: SegmentInventory,
        *,
        clock: Clock,
        base_url: str,
        signer: MudSigner | None = None,
    ) -> None:
        self.plans = plans
        self.editor = editor
        self._inventory = inventory
        self._clock = clock
        self._base_url = base_url
        self._signer = signer

    async def membership(self, organization_id: OrganizationId, version: PlanVersion) -> Membership:
        """Return which asset is in which zone under a version, as of now."""
        members = await self._inventory.members(organization_id)
        return await asyncio.to_thread(Membership, version.plan, members)

    async def flaws(self, version: PlanVersion) -> list[Flaw]:
        """Return what is questionable about a version."""
        return await asyncio.to_thread(find_flaws, version.plan, at=self._clock.now())

    async def compare(self, base: PlanVersion | None, version: PlanVersion) -> PlanDifference:
        """Return what a version changes over another; None: over having no plan."""
        old = Plan() if base is None else base.plan
        return await asyncio.to_thread(compare_plans, old, version.plan)

    async def replay(
        self, organization_id: OrganizationId, which: PlanState | int, *, attack: Sequence[Flow] = ()
    ) -> ReplayOutcome:
        """Judge every link that was ever seen, and the flows of an attack, by a version.

        Raises:
            PlanNotFound: There is no such version.
            InvalidPlan: The attack has too many flows.
        """
        if len(attack) > ATTACKS_MAX:
            raise InvalidPlan(f"an attack has at most {ATTACKS_MAX} flows")
        version = await self.plans.get(organization_id, which)
        membership = await self.membership(organization_id, version)
        flows = await self._inventory.flows(organization_id)
        now = self._clock.now()
        learned = await asyncio.to_thread(replay, version.plan, membership, flows, at=now)
        judge = Judge(version.plan, membership, at=now)
        return ReplayOutcome(
            number=version.number,
            state=version.state,
            learned=learned,
            attack=tuple(judge.judge(flow) for flow in attack),
        )

    async def attack_paths(
        self, organization_id: OrganizationId, which: PlanState | int, start: str
    ) -> tuple[Step, ...]:
        """Return the zones that whoever holds one zone can reach through conduits.

        Raises:
            PlanNotFound: There is no such version.
            ZoneNotFound: It has no such zone.
        """
        version = await self.plans.get(organization_id, which)
        if start != EXTERNAL:
            require_zone(version.plan, start)
        return await asyncio.to_thread(find_attack_paths, version.plan, start, at=self._clock.now())

    async def compile(
        self, organization_id: OrganizationId, which: PlanState | int, zone_id: str, *, stage: PlanStage | None = None
    ) -> CompiledZone:
        """Write the rule set of a zone.

        Args:
            organization_id: Whose.
            which: The version.
            zone_id: The zone.
            stage: Of the rules; the version's own if left out.

        Raises:
            PlanNotFound: There is no such version.
            ZoneNotFound: It has no such zone.
        """
        version = await self.plans.get(organization_id, which)
        zone = require_zone(version.plan, zone_id)
        membership = await self.membership(organization_id, version)
        return await asyncio.to_thread(compile_zone, version.plan, membership, zone, stage=stage or version.stage)

    async def verify(self, organization_id: OrganizationId, zone_id: str, listing: str) -> AppliedOutcome:
        """Compare what a firewall holds with the rule set of the approved version.

        Args:
            organization_id: Whose.
            zone_id: The zone.
            listing: What ``TZ=UTC nft list table inet …`` printed there; empty: it has no such table.

        Raises:
            PlanNotFound: No version is approved.
            ZoneNotFound: It has no such zone.
            InvalidPlan: The listing is too large.
        """
        if len(listing) > LISTING_MAX_BYTES:
            raise InvalidPlan(f"a listing has at most {LISTING_MAX_BYTES} characters")
        version = await self.plans.get(organization_id, PlanState.APPROVED)
        compiled = await self.compile(organization_id, version.number, zone_id)
        differences = await asyncio.to_thread(compare_applied, compiled.text, listing)
        return AppliedOutcome(
            zone_id=zone_id,
            number=version.number,
            is_applied=not differences,
            differences=tuple(line[:500] for line in differences[:1_000]),
        )

    async def write_mud(self, organization_id: OrganizationId, asset_id: str) -> bytes:
        """Return the MUD file of an asset, from what it was seen to do; the same bytes as long as that is the same.

        Raises:
            AssetNotFound: There is none.
        """
        asset, member = await self._inventory.member(organization_id, asset_id)
        flows = await self._inventory.flows(organization_id, asset_id=asset_id)
        url = f"{self._base_url}/v1/mud-files/{asset_id}"
        changed_at = max([asset.first_at, *(flow.first_at for flow in flows if flow.first_at is not None)])
        return await asyncio.to_thread(
            write_mud,
            member,
            flows,
            url=url,
            at=changed_at,
            model=asset.model,
            firmware=asset.firmware,
            signature_url="" if self._signer is None else f"{url}/signature",
        )

    async def sign_mud(self, organization_id: OrganizationId, asset_id: str) -> bytes:
        """Return the detached signature of an asset's MUD file, CMS as DER.

        Raises:
            AssetNotFound: There is none.
            MudUnsigned: There is no key to sign with.
        """
        if self._signer is None:
            raise MudUnsigned(
                "MUD files are not signed here: no key is set to sign them with",
                hint="set segmentation.mud_certificate_file and segmentation.mud_key_file",
            )
        return await asyncio.to_thread(self._signer.sign, await self.write_mud(organization_id, asset_id))

    async def compare_mud(self, organization_id: OrganizationId, asset_id: str, document: bytes) -> MudComparison:
        """Compare a maker's MUD file with what an asset was seen to do.

        Raises:
            AssetNotFound: There is none.
            InvalidMud: The document is no MUD file.
        """
        file = await asyncio.to_thread(read_mud, document)
        _, member = await self._inventory.member(organization_id, asset_id)
        flows = await self._inventory.flows(organization_id, asset_id=asset_id)
        return await asyncio.to_thread(compare_mud, file, member, flows)
