"""One asset from what was observed at it: for each attribute the surest value. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from vedette.network.identity import Key
from vedette.network.level import judge_level, judge_role
from vedette.network.model import AssetFact, NetworkAsset

FACTS_MAX: Final = 32
SERVICES_MAX: Final = 128
_SERVICE: Final = "service"
_SINGLE: Final = (
    "name",
    "vendor",
    "model",
    "product_code",
    "firmware",
    "serial",
    "operating_system",
    "support",
)
_ADDRESSES_MAX: Final = 64


def best_of(facts: Iterable[AssetFact], attribute: str) -> str:
    """Return the surest value of an attribute, the latest among equals; empty if nothing is known."""
    told = [fact for fact in facts if fact.attribute == attribute]
    return max(told, key=lambda fact: (fact.confidence, fact.last_at, fact.value)).value if told else ""


def merge_fact(known: AssetFact | None, told: AssetFact) -> AssetFact:
    """Join what was known with what is told of the same value; telling it twice changes nothing."""
    if known is None:
        return told
    surer = told if told.confidence > known.confidence else known
    return replace(
        surer,
        first_at=min(known.first_at, told.first_at),
        last_at=max(known.last_at, told.last_at),
        times=max(known.times, told.times),
        sensor=told.sensor,
    )


def superfluous(facts: Mapping[str, AssetFact]) -> list[str]:
    """Return the ids of facts beyond what is kept of an attribute: the least sure, the oldest among equals."""
    by_attribute: dict[str, list[str]] = {}
    for fact_id, fact in facts.items():
        by_attribute.setdefault(fact.attribute, []).append(fact_id)
    found: list[str] = []
    for attribute, fact_ids in by_attribute.items():
        limit = SERVICES_MAX if attribute == _SERVICE else FACTS_MAX
        if len(fact_ids) > limit:
            fact_ids.sort(key=lambda each: (-facts[each].confidence, -facts[each].last_at.timestamp(), each))
            found += fact_ids[limit:]
    return found


def summarize(
    asset: NetworkAsset,
    facts: Sequence[AssetFact],
    keys: Collection[Key],
    *,
    has_outside: bool,
    registered_level: str = "",
) -> NetworkAsset:
    """Return an asset with what its facts and identifiers come to; what people said of it stays.

    Args:
        asset: As it was.
        facts: Of it and of all that was merged into it.
        keys: What identifies it.
        has_outside: Whether it talks with the outside.
        registered_level: Of the registered device that it is.
    """
    values: dict[str, Any] = {name: best_of(facts, name) for name in _SINGLE}  # Any: fields of an asset
    # What it was recognized as is one word; what a protocol calls it may be anything.
    values["device_type"] = best_of(facts, "type") or best_of(facts, "device_type")
    if asset.is_name_set:
        values["name"] = asset.name
    values["ips"] = tuple(sorted(value for kind, value in keys if kind == "ip"))[:_ADDRESSES_MAX]
    values["macs"] = tuple(sorted(value for kind, value in keys if kind == "mac"))[:_ADDRESSES_MAX]
    role, because = (asset.role, asset.role_because) if asset.is_role_set else judge_role(facts)
    values |= {"role": role, "role_because": because}
    if not asset.is_level_set:
        if registered_level and asset.management is not None:
            reasons: tuple[str, ...] = (f"the registered device {asset.management.device_id} stands at it",)
            values |= {"level": registered_level, "level_because": reasons}
        else:
            level, reasons = judge_level(role, because, has_outside=has_outside)
            values |= {"level": level, "level_because": reasons}
    return replace(asset, **values)
