"""The knowledge base at work: what is inferred of a device stands among its facts, marked as inferred, with reasons."""

from __future__ import annotations

from typing import Final

from vedette.sensor.assets import Asset, Assets
from vedette.sensor.flows import Flow
from vedette.sensor.listener import Listener
from vedette.sensor.model import POSSIBLE, AssetEvidence, Attribute
from vedette.sensor.recognize.knowledge import SOURCE, recognize
from vedette.sensor.recognize.lifecycle import support_of

_MAX_PER_TICK: Final = 32
_MAX_WAITING: Final = 65_536
_MAX_SOURCE_CHARS: Final = 120


class Recognizer(Listener):
    """Keeps ``Attribute.TYPE`` and ``Attribute.SUPPORT`` of assets up to date, a few with each tick.

    Args:
        assets: Whom to recognise.
    """

    __slots__ = ("_assets", "_known", "_waiting")

    def __init__(self, assets: Assets) -> None:
        self._assets: Final = assets
        self._waiting: Final[dict[str, None]] = {}
        self._known: Final[dict[int, int]] = {}

    def evidence(self, evidence: list[AssetEvidence]) -> None:
        """Note of whom something new is known."""
        if len(self._waiting) < _MAX_WAITING:
            for piece in evidence:
                self._waiting[piece.address] = None

    def flow_closed(self, flow: Flow) -> None:
        """Note who offered a service."""
        if flow.from_server.payload_bytes and len(self._waiting) < _MAX_WAITING:
            self._waiting[flow.server] = None

    def tick(self, now_ns: int) -> None:  # noqa: ARG002 - the interface
        """Recognise a few of those that wait."""
        for _ in range(min(_MAX_PER_TICK, len(self._waiting))):
            address = next(iter(self._waiting))
            del self._waiting[address]
            asset = self._assets.find(address)
            if asset is not None:
                self._recognize(asset)

    def conclude(self) -> None:
        """Recognise whoever was not looked at since something new was known."""
        self._waiting.clear()
        for asset in self._assets.all():
            self._recognize(asset)

    def _recognize(self, asset: Asset) -> None:
        told = sum(not fact.source.startswith(SOURCE) for facts in asset.facts.values() for fact in facts)
        if self._known.get(asset.number) == told:
            return
        self._known[asset.number] = told
        found = recognize(asset)
        _forget(asset, Attribute.TYPE)
        if found.reasons and found.type != "unknown":
            self._learn(asset, Attribute.TYPE, found.type, found.confidence, ", ".join(found.reasons))
            if found.vendor and not asset.facts.get(Attribute.VENDOR):
                self._learn(asset, Attribute.VENDOR, found.vendor, POSSIBLE, found.reasons[0])
        _forget(asset, Attribute.SUPPORT)
        for support in support_of(asset):
            self._learn(
                asset, Attribute.SUPPORT, f"{support.until} {support.system}", support.confidence, support.source
            )

    def _learn(self, asset: Asset, attribute: Attribute, value: str, confidence: int, why: str) -> None:
        asset.learn(attribute, value, confidence, f"{SOURCE}: {why}"[:_MAX_SOURCE_CHARS], asset.last_ns)


def _forget(asset: Asset, attribute: Attribute) -> None:
    """Drop what was inferred before: with more known, something else may follow."""
    kept = [fact for fact in asset.facts.get(attribute, ()) if not fact.source.startswith(SOURCE)]
    if kept:
        asset.facts[attribute] = kept
    else:
        asset.facts.pop(attribute, None)
