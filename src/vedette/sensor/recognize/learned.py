"""A learned model at work: devices are judged while a sensor reads, and the verdicts stand among their facts."""

from __future__ import annotations

from collections import deque
from typing import Final

from vedette.sensor.assets import Asset, Assets
from vedette.sensor.model import Attribute
from vedette.sensor.recognize.model import UNKNOWN, TypeModel, words_of
from vedette.sensor.recognize.observer import Observer

SOURCE: Final = "learned"
_EVERY_NS: Final = 60_000_000_000
_MAX_PER_TICK: Final = 4
_MAX_SOURCE_CHARS: Final = 120


class LearnedTypes(Observer):
    """Judges devices by a model, a few with each tick.

    Args:
        model: What was learned.
        assets: Whom to judge.
    """

    __slots__ = ("_assets", "_model", "_next_ns", "_waiting")

    def __init__(self, model: TypeModel, assets: Assets) -> None:
        super().__init__(window_s=model.window_s, max_windows=model.max_windows)
        self._model: Final = model
        self._assets: Final = assets
        self._waiting: Final[deque[Asset]] = deque()
        self._next_ns = 0

    def tick(self, now_ns: int) -> None:
        """Judge a few; each device about once a minute, later if there are many."""
        if not self._waiting and now_ns >= self._next_ns:
            self._waiting.extend(self._assets.all())
            self._next_ns = now_ns + _EVERY_NS
        for _ in range(min(_MAX_PER_TICK, len(self._waiting))):
            self._judge(self._waiting.popleft())

    def conclude(self) -> None:
        """Judge every device by all that was seen of it."""
        self._waiting.clear()
        for asset in self._assets.all():
            self._judge(asset)

    def _judge(self, asset: Asset) -> None:
        windows = [words for each in self.of(asset) if (words := words_of(each))]
        kept = [fact for fact in asset.facts.get(Attribute.TYPE, ()) if not fact.source.startswith(SOURCE)]
        if kept:
            asset.facts[Attribute.TYPE] = kept
        else:
            asset.facts.pop(Attribute.TYPE, None)
        if not windows:
            return
        verdict = self._model.judge(windows)
        if verdict.type != UNKNOWN:
            source = f"{SOURCE}: {', '.join(verdict.reasons)}"[:_MAX_SOURCE_CHARS]
            asset.learn(Attribute.TYPE, verdict.type, round(verdict.confidence * 100), source, asset.last_ns)
