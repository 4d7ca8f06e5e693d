"""What a device is, by what it announces: hints are weighed, contradictions cost, and too little is ``unknown``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from vedette.sensor.assets import Asset, Fact
from vedette.sensor.model import PROBABLE, Attribute, Role
from vedette.sensor.recognize.hints import Hint, Told
from vedette.sensor.recognize.known_building import BUILDING
from vedette.sensor.recognize.known_clouds import CLOUDS, OF
from vedette.sensor.recognize.known_consumer import CONSUMER
from vedette.sensor.recognize.known_paths import PATHS

SOURCE: Final = "recognized"
"""Begins the source of every fact that is inferred; those are never evidence for another."""
LEAST_CONFIDENCE: Final = 50
_MAX_CONFIDENCE: Final = 97
_CONTRADICTION: Final = 0.6
_MAX_TEXT_CHARS: Final = 256
_MAX_REASONS: Final = 6
_NAME_SERVICE: Final = ("udp/53 ", "tcp/53 ")
_FROM_MAC: Final = frozenset({"MAC address", "IPv6 address"})
_MODEL_NAME: Final = re.compile(r"[a-z]{2,4}-?[a-z]{0,2}\d{2,4}[a-z]{0,3}(?:\([a-z]{2}\))?")
_MOST_CLOUDS: Final = 2
"""Of several makers; who looks up more is somebody's phone or computer, or asks for others."""

_PLACES: Final[tuple[tuple[Attribute, Told], ...]] = (
    (Attribute.MODEL, Told.MODEL),
    (Attribute.PRODUCT_CODE, Told.MODEL),
    (Attribute.NAME, Told.NAME),
    (Attribute.SOFTWARE, Told.SOFTWARE),
    (Attribute.OPERATING_SYSTEM, Told.SYSTEM),
    (Attribute.DESCRIPTION, Told.DESCRIPTION),
    (Attribute.DEVICE_TYPE, Told.DEVICE_TYPE),
    (Attribute.ROLE, Told.ROLE),
    (Attribute.SERVICE, Told.SERVICE),
)
_FINGERPRINTS: Final = {
    "mdns": Told.MDNS,
    "ssdp": Told.SSDP,
    "wsd": Told.SSDP,
    "ssdp_server": Told.SSDP_SERVER,
    "dhcp_vendor": Told.DHCP_CLASS,
    "dhcp": Told.DHCP_OPTIONS,
    "ssh": Told.SOFTWARE,
    "cloud": Told.CLOUD,
    "path": Told.PATH,
    "mac": Told.MAC,
}
# What only says that something is small and connected gives way to what says what it is.
_GENERAL: Final = frozenset({"iot_device"})
# Pairs of which one word is true of the other too: no contradiction.
_KIN: Final = (
    frozenset({"media_player", "television", "smart_speaker"}),
    frozenset({"smart_plug", "switch_relay", "light"}),
    frozenset({"router", "access_point", "network_switch"}),
    frozenset({"computer", "server", "engineering_station", "virtual_machine", "scada_master", "hmi"}),
    frozenset({"phone", "tablet"}),
    frozenset({"camera", "doorbell", "intercom"}),
    frozenset({"controller", "remote_io", "outstation", "building_controller", "protocol_gateway"}),
    frozenset({"thermostat", "sensor", "weather_station", "climate_unit"}),
)


class Recognition(msgspec.Struct, frozen=True):
    """What a device is taken for."""

    type: str
    """``unknown`` if too little is known."""
    vendor: str
    model: str
    confidence: int
    """0 to 100."""
    reasons: tuple[str, ...]
    """What speaks for it, the strongest first."""


def recognize(asset: Asset) -> Recognition:
    """Weigh what an asset is known to have announced."""
    found = _without_foreign_clouds(asset, list(_matches(_texts(asset))))
    scores: dict[str, float] = {}
    best: dict[tuple[str, Told], int] = {}
    for hint, _ in found:  # several words in the same place are one hint, not many
        if hint.type and best.get((hint.type, hint.told), 0) < hint.weight:
            best[hint.type, hint.told] = hint.weight
    for (type_, _), weight in best.items():
        scores[type_] = scores.get(type_, 1.0) * (1 - weight / 100)
    ranked = sorted(((1 - rest, type_) for type_, rest in scores.items()), key=lambda each: (-each[0], each[1]))
    ranked = _specific_first(ranked)
    type_, confidence = _decided(ranked)
    reasons = _reasons(found, type_ or (ranked[0][1] if ranked else ""))
    model = asset.best(Attribute.MODEL) or _model(found)
    return Recognition(type_ or "unknown", _vendor(asset, found, type_), model, confidence, reasons)


def _texts(asset: Asset) -> Iterable[tuple[Told, str]]:
    for fact in _facts(asset, Attribute.VENDOR):
        yield (Told.MAKER if fact.source in _FROM_MAC else Told.VENDOR), _plain(fact.value)
    for attribute, told in _PLACES:
        for fact in _facts(asset, attribute):
            yield told, _plain(fact.value)
    for fact in _facts(asset, Attribute.FINGERPRINT):
        kind, _, content = fact.value.partition(":")
        if (told_ := _FINGERPRINTS.get(kind)) is not None:
            yield told_, _plain(content)


def _facts(asset: Asset, attribute: Attribute) -> list[Fact]:
    return [fact for fact in asset.facts.get(attribute, ()) if not fact.source.startswith(SOURCE)]


def _plain(text: str) -> str:
    return text[:_MAX_TEXT_CHARS].lower()


def _by_place() -> dict[Told, list[Hint]]:
    places: dict[Told, list[Hint]] = {}
    for hint in (*CONSUMER, *BUILDING, *CLOUDS, *PATHS):
        places.setdefault(hint.told, []).append(hint)
        if hint.told is Told.MAKER:  # who says itself who made it says at least as much as its MAC address
            places.setdefault(Told.VENDOR, []).append(hint._replace(told=Told.VENDOR))
    return places


_HINTS: Final = _by_place()


def _matches(texts: Iterable[tuple[Told, str]]) -> Iterable[tuple[Hint, str]]:
    for told, text in texts:
        for hint in _HINTS.get(told, ()):
            word = hint.word
            if text.startswith(word[1:]) if word[0] == "^" else word in text:
                yield hint, text


def _without_foreign_clouds(asset: Asset, found: list[tuple[Hint, str]]) -> list[tuple[Hint, str]]:
    """Leave out clouds of many makers, and of a device that asks for others since it routes or serves names."""
    makers = {hint.vendor or text for hint, text in found if hint.told is Told.CLOUD and OF not in text}
    asks_for_others = Role.ROUTER in asset.values(Attribute.ROLE) or any(
        service.startswith(_NAME_SERVICE) for service in asset.values(Attribute.SERVICE)
    )
    if len(makers) <= _MOST_CLOUDS and not asks_for_others:
        return found
    return [pair for pair in found if pair[0].told is not Told.CLOUD]


def _specific_first(ranked: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Put general types last where a specific one is likely too."""
    if ranked and ranked[0][1] in _GENERAL and len(ranked) > 1 and ranked[1][0] * 100 >= LEAST_CONFIDENCE:
        return [*ranked[1:], ranked[0]]
    return ranked


def _decided(ranked: list[tuple[float, str]]) -> tuple[str, int]:
    if not ranked:
        return "", 0
    top, type_ = ranked[0]
    against = [score for score, other in ranked[1:] if other not in _GENERAL and not _are_kin(type_, other)]
    confidence = min(int(100 * top * (1 - _CONTRADICTION * max(against, default=0.0))), _MAX_CONFIDENCE)
    return (type_ if confidence >= LEAST_CONFIDENCE else "", confidence)


def _are_kin(one: str, other: str) -> bool:
    return any(one in kin and other in kin for kin in _KIN)


def _vendor(asset: Asset, found: list[tuple[Hint, str]], type_: str) -> str:
    said = [
        fact for fact in _facts(asset, Attribute.VENDOR) if fact.source not in _FROM_MAC and fact.confidence >= PROBABLE
    ]
    if said:
        return max(said, key=lambda fact: fact.confidence).value
    named = [hint for hint, _ in found if hint.vendor and (not type_ or hint.type in {type_, "", *_GENERAL})]
    if named:
        return max(named, key=lambda hint: (hint.type == type_, hint.weight)).vendor
    return asset.best(Attribute.VENDOR)


def _model(found: list[tuple[Hint, str]]) -> str:
    """Return the name of a device whose maker names devices by their model: ``hs110``, ``dcs-932l``."""
    names = (text for hint, text in found if hint.told is Told.NAME and hint.vendor)
    return next((text.upper() for text in names if _MODEL_NAME.fullmatch(text)), "")


def _reasons(found: list[tuple[Hint, str]], type_: str) -> tuple[str, ...]:
    own = sorted((pair for pair in found if pair[0].type == type_), key=lambda pair: -pair[0].weight)
    reasons = [f"{str(hint.told).replace('_', ' ')} {text[:60]}" for hint, text in own]
    return tuple(dict.fromkeys(reasons))[:_MAX_REASONS]
