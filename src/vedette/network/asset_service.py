"""What people do with assets: know them, describe them, put two together or one apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.network import asset_repository as repository
from vedette.network.errors import AssetRevisionMismatch, InvalidAsset
from vedette.network.events import AssetChanged
from vedette.network.identity import clean, parse_ip, parse_mac
from vedette.network.inventory import Inventory
from vedette.network.model import AssetState, Criticality, ManagedBy, Management, NetworkAsset
from vedette.network.reader import require_asset
from vedette.registry import PURDUE_LEVELS, DeviceNotFound, check_reason, find_by_name
from vedette.store import Store, Transaction

NOTE_MAX_CHARS: Final = 1024
ROLE_MAX_CHARS: Final = 64
ACKNOWLEDGED_MAX: Final = 500
MERGED_MAX: Final = 100
SPLIT_MAX: Final = 64
NAME_MAX_CHARS: Final = 128
OWNER_MAX_CHARS: Final = 256
_FIELDS: Final = frozenset({"state", "name", "owner", "role", "level", "criticality", "note", "device_id"})
_SET_BY_HAND: Final = "as a person said"


class AssetService:
    """Changes assets as people ask; each act is in the ledger."""

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def change(
        self,
        organization_id: OrganizationId,
        asset_id: str,
        patch: Mapping[str, Any],  # Any: JSON
        *,
        actor: Actor,
        reason: str = "",
        if_match: int | None = None,
    ) -> NetworkAsset:
        """Change what a merge patch names; null leaves name, role, level or device to what is observed.

        Args:
            organization_id: Whose.
            asset_id: Which.
            patch: Of ``state``, ``name``, ``owner``, ``role``, ``level``, ``criticality``, ``note``, ``device_id``.
            actor: Who.
            reason: Why.
            if_match: The revision that the caller knows.

        Raises:
            AssetNotFound: There is none.
            AssetRevisionMismatch: Somebody changed it since.
            DeviceNotFound: There is no such device.
            InvalidAsset: A value outside its limits, or a property that cannot be changed.
        """
        checked = check_reason(reason)
        unknown = patch.keys() - _FIELDS
        if unknown:
            raise InvalidAsset(
                f"{min(unknown)[:80]!r} cannot be changed", hint=f"change one of {', '.join(sorted(_FIELDS))}"
            )

        def change(tx: Transaction) -> NetworkAsset:
            asset = require_asset(tx.connection, organization_id, asset_id)
            if if_match is not None and if_match != asset.revision:
                raise AssetRevisionMismatch(
                    f"{asset_id} is at revision {asset.revision}, not {if_match}", hint="read it again, then change it"
                )
            values = _described(patch)
            if "device_id" in patch:
                values["management"] = _management(tx, organization_id, patch["device_id"])
            inventory = Inventory(tx.connection, organization_id)
            inventory.load([asset.asset_id])
            inventory.put(replace(asset, **values, revision=asset.revision + 1))
            inventory.save()
            changed = inventory.head(asset.asset_id)
            act = "acknowledge" if patch.keys() == {"state"} else "change"
            self._record(tx, changed, act, actor, reason=checked, details={"patch": dict(patch)})
            return changed

        return await self._store.write(change)

    async def acknowledge(
        self,
        organization_id: OrganizationId,
        asset_ids: Sequence[str],
        *,
        actor: Actor,
        reason: str = "",
        state: AssetState = AssetState.ACKNOWLEDGED,
    ) -> list[str]:
        """Say of up to 500 assets that they are known, or not wanted in lists, or new again.

        New ones become known or ignored; back to new goes whatever is not.

        Returns:
            Those that were not so before.

        Raises:
            InvalidAsset: More are named.
        """
        checked = check_reason(reason)
        if len(asset_ids) > ACKNOWLEDGED_MAX:
            raise InvalidAsset(f"name at most {ACKNOWLEDGED_MAX} assets at once", limit=ACKNOWLEDGED_MAX)

        def acknowledge(tx: Transaction) -> list[str]:
            inventory = Inventory(tx.connection, organization_id)
            inventory.load(asset_ids)
            heads = {each: inventory.head(each) for each in asset_ids if each in inventory}
            others = {head.asset_id: head for head in heads.values() if _may_become(head.state, state)}
            for head in others.values():
                inventory.put(replace(head, state=state, revision=head.revision + 1))
            inventory.save()
            for asset_id in others:
                details = {"state": state.value}
                self._record(tx, inventory.head(asset_id), "acknowledge", actor, reason=checked, details=details)
            return sorted(others)

        return await self._store.write(acknowledge)

    async def merge(
        self, organization_id: OrganizationId, asset_id: str, into: str, *, actor: Actor, reason: str = ""
    ) -> NetworkAsset:
        """Say that an asset is the same device as another; ``part`` undoes it.

        Raises:
            AssetNotFound: One of them there is not.
            InvalidAsset: They are one already, or the group would be too large.
        """
        checked = check_reason(reason)

        def merge(tx: Transaction) -> NetworkAsset:
            source = require_asset(tx.connection, organization_id, asset_id)
            target = require_asset(tx.connection, organization_id, into)
            if source.asset_id == target.asset_id:
                raise InvalidAsset("they are one asset already", hint=f"see it: vedette asset show {into[:80]}")
            if len(source.merged) + len(target.merged) >= MERGED_MAX:
                raise InvalidAsset(f"at most {MERGED_MAX} assets can be one", limit=MERGED_MAX)
            inventory = Inventory(tx.connection, organization_id)
            inventory.load([source.asset_id, target.asset_id])
            inventory.merge(source.asset_id, target.asset_id)
            merged = self._raise_revision(inventory, target.asset_id)
            details = {"merged": source.asset_id, "into": target.asset_id}
            self._record(tx, merged, "merge", actor, reason=checked, details=details)
            return merged

        return await self._store.write(merge)

    async def part(
        self, organization_id: OrganizationId, asset_id: str, *, actor: Actor, reason: str = ""
    ) -> NetworkAsset:
        """Undo a merge: the asset stands for itself again, with all that was ever observed at it.

        Raises:
            AssetNotFound: There is none.
            InvalidAsset: It was not merged.
        """
        checked = check_reason(reason)

        def part(tx: Transaction) -> NetworkAsset:
            head = require_asset(tx.connection, organization_id, asset_id)
            if asset_id not in head.merged:
                raise InvalidAsset("it was not merged into another", hint=f"see it: vedette asset show {asset_id[:80]}")
            inventory = Inventory(tx.connection, organization_id)
            inventory.load([head.asset_id])
            inventory.part(asset_id)
            self._raise_revision(inventory, head.asset_id)
            parted = self._raise_revision(inventory, asset_id)
            self._record(tx, parted, "part", actor, reason=checked, details={"from": head.asset_id})
            return parted

        return await self._store.write(part)

    async def split(
        self,
        organization_id: OrganizationId,
        asset_id: str,
        addresses: Sequence[str],
        *,
        actor: Actor,
        reason: str = "",
    ) -> NetworkAsset:
        """Say that some addresses of an asset are another device's; return that one.

        They stay there whatever sensors say. What was observed before stays with the asset they were taken from, for
        nobody can tell at which address it was. Merging undoes it.

        Raises:
            AssetNotFound: There is none.
            InvalidAsset: An address is not the asset's, or it would be left without any.
        """
        checked = check_reason(reason)
        wanted = {parse_ip(each) or parse_mac(each) or each[:64] for each in addresses}

        def split(tx: Transaction) -> NetworkAsset:
            head = require_asset(tx.connection, organization_id, asset_id)
            own = set(head.addresses)
            if not wanted or len(wanted) > SPLIT_MAX or not wanted < own:
                raise InvalidAsset(
                    "name some, not all, of the asset's addresses", hint=f"they are {', '.join(sorted(own))[:200]}"
                )
            now = self._clock.now()
            inventory = Inventory(tx.connection, organization_id)
            inventory.load([head.asset_id])
            new = NetworkAsset(
                organization_id=organization_id,
                asset_id=self._ids.new("ast"),
                site=head.site,
                state=AssetState.ACKNOWLEDGED,
                sensors=head.sensors,
                first_at=head.first_at,
                last_at=head.last_at,
                created_at=now,
            )
            rows = [
                {
                    "organization_id": organization_id,
                    "site": head.site,
                    "kind": "mac" if parse_mac(address) else "ip",
                    "value": address,
                    "asset_id": new.asset_id,
                    "is_pinned": True,
                    "last_at": now,
                }
                for address in sorted(wanted)
            ]
            repository.save_identifiers(tx.connection, rows)
            inventory.add(new)
            self._raise_revision(inventory, head.asset_id)
            done = inventory.head(new.asset_id)
            details = {"from": head.asset_id, "addresses": sorted(wanted)}
            self._record(tx, done, "split", actor, reason=checked, details=details)
            return done

        return await self._store.write(split)

    def _raise_revision(self, inventory: Inventory, asset_id: str) -> NetworkAsset:
        head = inventory.head(asset_id)
        inventory.put(replace(head, revision=head.revision + 1))
        inventory.save()
        return inventory.head(asset_id)

    def _record(
        self,
        tx: Transaction,
        asset: NetworkAsset,
        act: str,
        actor: Actor,
        *,
        reason: str,
        details: dict[str, Any],  # Any: JSON
    ) -> None:
        entry = Entry(
            organization_id=asset.organization_id,
            actor=actor,
            action=f"network.{act}_asset",
            target=asset.asset_id,
            target_name=(asset.name or next(iter(asset.addresses), ""))[:256],
            reason=reason,
            details=details,
        )
        event = AssetChanged(
            organization_id=asset.organization_id,
            generation_id="" if asset.management is None else asset.management.generation_id,
            asset_id=asset.asset_id,
            act=act,
        )
        self._ledger.append(tx, entry, event=event)


def _may_become(former: AssetState, state: AssetState) -> bool:
    return former is not state and AssetState.NEW in {former, state}


def _described(patch: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON, and fields of an asset
    """Return the fields that a patch sets."""
    values: dict[str, Any] = {}  # Any: fields of an asset
    if "state" in patch:
        values["state"] = _word(AssetState, patch["state"], "state")
    if "criticality" in patch:
        values["criticality"] = _word(Criticality, patch["criticality"], "criticality")
    if "note" in patch:
        values["note"] = _text(patch["note"] or "", "note", NOTE_MAX_CHARS)
    if "owner" in patch:
        values["owner"] = _text(patch["owner"] or "", "owner", OWNER_MAX_CHARS)
    if "name" in patch:
        name = _text(patch["name"] or "", "name", NAME_MAX_CHARS)
        values |= {"name": name, "is_name_set": bool(name)}
    if "role" in patch:
        role = _text(patch["role"] or "", "role", ROLE_MAX_CHARS)
        values |= {"role": role, "is_role_set": bool(role), "role_because": _SET_BY_HAND if role else ""}
    if "level" in patch:
        level = patch["level"] or ""
        if level and level not in PURDUE_LEVELS:
            raise InvalidAsset(f"level is one of {', '.join(PURDUE_LEVELS)}")
        values |= {"level": level, "is_level_set": bool(level), "level_because": (_SET_BY_HAND,) if level else ()}
    return values


def _management(tx: Transaction, organization_id: OrganizationId, device_id: object) -> Management | None:
    if device_id is None:
        return None
    device = find_by_name(tx.connection, organization_id, str(device_id))
    if device is None:
        raise DeviceNotFound(f"there is no device {str(device_id)[:160]!r}", hint="see them: vedette device list")
    return Management(
        generation_id=device.generation_id, device_id=device.device_id, by=ManagedBy.PERSON, because=_SET_BY_HAND
    )


def _word(kind: type[AssetState | Criticality], value: object, name: str) -> AssetState | Criticality:
    try:
        return kind(str(value))
    except ValueError:
        raise InvalidAsset(f"{name} is one of {', '.join(kind)}") from None


def _text(value: object, name: str, limit: int) -> str:
    if not isinstance(value, str) or len(value) > limit or clean(value) != value:
        raise InvalidAsset(f"{name} is a text of at most {limit} characters", limit=limit)
    return value
