"""The knowledge base at work: what is inferred of a device stands among its facts, marked as inferred, with reasons."""

from __future__ import annotations

from typing import Final

from vedette.sensor.assets import Asset, Assets
from vedette.sensor.flows import Flow
from vedette.sensor.listener import Listener
from vedette.sensor.model import CERTAIN, POSSIBLE, AssetEvidence, Attribute, Direction, OtOp
from vedette.sensor.recognize.knowledge import SOURCE, recognize
from vedette.sensor.recognize.known_clouds import OF, cloud_of, kind_of
from vedette.sensor.recognize.known_paths import path_of
from vedette.sensor.recognize.lifecycle import support_of
from vedette.sensor.recognize.words import general

_MAX_PER_TICK: Final = 32
_MAX_WAITING: Final = 65_536
_MAX_SOURCE_CHARS: Final = 120
_INFERRED: Final = (Attribute.TYPE, Attribute.VENDOR, Attribute.MODEL, Attribute.SUPPORT)
_LOOKING_UP: Final = frozenset({"dns", "tls", "http"})
_SERVED: Final = frozenset({200, 401})
"""That the page is there, for those who may see it; what is not there says nothing of who was asked."""


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

    def operations(self, operations: list[OtOp]) -> None:
        """Note who looks up the cloud of a maker of devices, and whose web server has pages of a kind of device."""
        for op in operations:
            if op.protocol in _LOOKING_UP:
                if op.direction is Direction.REQUEST:
                    name = general(_asked(op))
                    if cloud := cloud_of(name):
                        self._hint(op, op.flow.client, f"cloud:{cloud}")
                        if kind := kind_of(name, cloud):
                            self._hint(op, op.flow.client, f"cloud:{kind}{OF}{cloud}")
                elif op.protocol == "http" and op.code in _SERVED and (path := path_of(general(op.name))):
                    self._hint(op, op.flow.server, f"path:{path}")

    def _hint(self, op: OtOp, address: str, fingerprint: str) -> None:
        asset = self._assets.find(address)
        if asset is not None:
            asset.learn(Attribute.FINGERPRINT, fingerprint, CERTAIN, op.protocol, op.at_ns)
            if len(self._waiting) < _MAX_WAITING:
                self._waiting[address] = None

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
        for attribute in _INFERRED:
            _forget(asset, attribute)
        found = recognize(asset)
        if found.reasons and found.type != "unknown":
            self._learn(asset, Attribute.TYPE, found.type, found.confidence, ", ".join(found.reasons))
            if found.vendor and not _is_named(asset, found.vendor):
                self._learn(asset, Attribute.VENDOR, found.vendor, POSSIBLE + 1, found.reasons[0])
        if found.model and not asset.facts.get(Attribute.MODEL):
            self._learn(asset, Attribute.MODEL, found.model, POSSIBLE, "its name")
        for support in support_of(asset):
            self._learn(
                asset, Attribute.SUPPORT, f"{support.until} {support.system}", support.confidence, support.source
            )

    def _learn(self, asset: Asset, attribute: Attribute, value: str, confidence: int, why: str) -> None:
        asset.learn(attribute, value, confidence, f"{SOURCE}: {why}"[:_MAX_SOURCE_CHARS], asset.last_ns)


def _is_named(asset: Asset, vendor: str) -> bool:
    """Tell whether a vendor is known already, or a better one than its MAC address tells."""
    return any(
        fact.confidence > POSSIBLE or vendor.lower() in fact.value.lower()
        for fact in asset.facts.get(Attribute.VENDOR, ())
        if not fact.source.startswith(SOURCE)
    )


def _asked(op: OtOp) -> str:
    """Return the name that a client wants to reach."""
    if op.protocol == "http":
        return str((op.detail or {}).get("host") or "").partition(":")[0]
    return op.name


def _forget(asset: Asset, attribute: Attribute) -> None:
    """Drop what was inferred before: with more known, something else may follow."""
    kept = [fact for fact in asset.facts.get(attribute, ()) if not fact.source.startswith(SOURCE)]
    if kept:
        asset.facts[attribute] = kept
    else:
        asset.facts.pop(attribute, None)
