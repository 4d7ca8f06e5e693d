"""What of the inventory is compared with advisories, and where each piece comes from. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import msgspec

from vedette.health.advisories import Assessment, Certainty, SeenFact
from vedette.network.exposure.ranking import Surroundings
from vedette.network.model import AssetFact, ManagedBy, NetworkAsset
from vedette.trust import Provenance

ATTRIBUTES: Final = frozenset({"vendor", "model", "product_code", "firmware", "software"})
TWIN: Final = "twin"
_TOLD: Final = (("manufacturer", "vendor"), ("model", "model"), ("swVersion", "firmware"))
_TOLD_SURE: Final = 80
_TOLD_CHARS_MAX: Final = 256


def seen_facts(facts: Iterable[AssetFact]) -> tuple[SeenFact, ...]:
    """Return those facts that advisories speak of."""
    return tuple(
        SeenFact(
            attribute=fact.attribute,
            value=fact.value,
            confidence=fact.confidence,
            source=fact.source,
            last_at=fact.last_at,
        )
        for fact in facts
        if fact.attribute in ATTRIBUTES
    )


def told_facts(reported: Mapping[str, Any], updated_at: datetime) -> tuple[SeenFact, ...]:  # Any: JSON values
    """Return what a device says of itself in its twin.

    Source:
        The interface ``dtmi:azure:DeviceManagement:DeviceInformation;1`` of IoT Plug and Play.
    """
    component = reported.get("deviceInformation")
    if not isinstance(component, dict):
        return ()
    told = ((attribute, component.get(name)) for name, attribute in _TOLD)
    return tuple(
        SeenFact(attribute=attribute, value=value, confidence=_TOLD_SURE, source=TWIN, last_at=updated_at)
        for attribute, value in told
        if isinstance(value, str) and 0 < len(value) <= _TOLD_CHARS_MAX and value.isprintable()
    )


def merge_assessments(seen: Assessment, told: Assessment) -> Assessment:
    """Return what both come to: what a device itself proves counts before what sensors saw."""
    found = {match.name: match for match in seen.matches}
    for match in told.matches:
        if match.name not in found or match.certainty is Certainty.PROVEN:
            found[match.name] = match
    matches = tuple(found[name] for name in sorted(found))
    if seen.unknown_reason and told.unknown_reason:
        return replace(seen, matches=matches)
    return Assessment(matches=matches)


def fingerprint(asset: NetworkAsset, facts: Iterable[SeenFact], around: Surroundings) -> str:
    """Return what changes when anything does that its vulnerabilities or their order depend on."""
    seen = sorted((fact.attribute, fact.value, fact.confidence, fact.source == TWIN) for fact in facts)
    managed = None if asset.management is None else (asset.management.device_id, asset.management.by.value)
    told = (seen, asset.criticality.value, asset.level, asset.site, name_of(asset), managed, around.key)
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32]


def name_of(asset: NetworkAsset) -> str:
    """Return what people know an asset by."""
    return asset.name or next(iter(asset.addresses), asset.asset_id)


def provenance_of(asset: NetworkAsset, sources: Iterable[str]) -> Provenance:
    """Return how far to trust that a managed device has a vulnerability: as far as the weakest of its evidence.

    What sensors saw anybody on that network can have sent; so can an address be taken. What the device's own twin says
    it said itself, over a session that proves who it is.
    """
    management = asset.management
    is_sure = management is not None and management.by is ManagedBy.PERSON
    if is_sure and all(source == TWIN for source in sources):
        return Provenance.SELF_REPORTED
    return Provenance.SPOOFABLE
