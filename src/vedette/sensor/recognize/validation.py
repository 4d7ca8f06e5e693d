"""Tests of a model on what it did not learn from: by folds for types that it knows, by leaving types out for others.

Windows of one device in one capture stay together, or the test would ask for what was learned by heart.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from statistics import fmean, pstdev
from typing import Final

import msgspec

from vedette.sensor.recognize.forest import TREES
from vedette.sensor.recognize.model import UNKNOWN, Example, TypeModel, Verdict, learn

FOLDS: Final = 10
_REFUSED_SHARE: Final = 0.03
"""Of devices of known types that may be called unknown: what the threshold is set to."""
_LEAST_DEVICES: Final = 5
_LEAST_THRESHOLD: Final = 0.15
_DEVIATIONS: Final = 3
_SLACK: Final = 0.95
_OPEN_ROUNDS: Final = 5
_OPEN_TREES: Final = 40


class Tested(msgspec.Struct, frozen=True):
    """One device of a test: what it is, and what it was taken for."""

    type: str
    verdict: Verdict


class Result(msgspec.Struct, frozen=True):
    """Outcome of a test."""

    tested: list[Tested]
    auroc: float | None
    """How well confidence tells known types from types that were left out; None with fewer than three types."""
    threshold: float
    thresholds: dict[str, float]
    """Of types with enough devices to have one of their own."""

    def is_unknown(self, verdict: Verdict) -> bool:
        """Tell whether a device would be called unknown."""
        return verdict.confidence < self.thresholds.get(verdict.nearest, self.threshold)

    @property
    def accuracy(self) -> float:
        """Share of devices whose nearest type is theirs, before any is called unknown."""
        return sum(each.verdict.nearest == each.type for each in self.tested) / max(len(self.tested), 1)


def cross_validate(
    examples: Sequence[Example],
    *,
    window_s: int,
    max_windows: int,
    folds: int = FOLDS,
    trees: int = TREES,
    seed: int = 1,
) -> Result:
    """Test what can be learned from examples."""
    tested: list[Tested] = []
    for held in _folds(examples, folds, seed):
        rest = [example for example in examples if example.group not in held]
        if rest:
            model = learn(rest, window_s=window_s, max_windows=max_windows, trees=trees, seed=seed)
            tested += _judged(model, (example for example in examples if example.group in held))
    known = sorted(each.verdict.confidence for each in tested if each.verdict.nearest == each.type)
    threshold = known[int(len(known) * _REFUSED_SHARE)] if known else 0.0
    left_out = _left_out(examples, window_s, max_windows, min(trees, _OPEN_TREES), seed)
    auroc = auroc_of([each.verdict.confidence for each in tested], left_out)
    return Result(tested, auroc, round(threshold, 4), thresholds_of(tested))


def thresholds_of(tested: Sequence[Tested]) -> dict[str, float]:
    """Return below which confidence a device is unknown, for each type that was recognised often enough to tell.

    Devices of most types are recognised with about the same confidence each time, and one of a foreign type falls short
    of that. Where types are twins, confidence is low and wide, and so is what must be accepted.
    """
    by_type: dict[str, list[float]] = {}
    for each in tested:
        if each.verdict.nearest == each.type:
            by_type.setdefault(each.type, []).append(each.verdict.confidence)
    return {
        type_: round(max(_LEAST_THRESHOLD, _SLACK * (fmean(found) - _DEVIATIONS * pstdev(found))), 4)
        for type_, found in sorted(by_type.items())
        if len(found) >= _LEAST_DEVICES
    }


def report_of(result: Result) -> str:
    """Return what a test said, for people: figures by type, what was taken for what, and how sure."""
    tested = result.tested
    lines = [f"Tested on {len(tested)} devices that were set aside: {result.accuracy:.1%} recognised."]
    if result.auroc is not None:
        lines.append(f"Types that were left out are told from known ones with an AUROC of {result.auroc:.3f}.")
    unknown = sum(result.is_unknown(each.verdict) for each in tested)
    lines.append(f"Unknown below a threshold of each type's own, which {unknown} of these devices are.")
    types = sorted({each.type for each in tested})
    width = max([len(type_) for type_ in types] + [4])
    lines += ["", f"{'type'.ljust(width)}  devices  recall  precision  confidence  unknown below  taken for"]
    for type_ in types:
        own = [each for each in tested if each.type == type_]
        right = sum(each.verdict.nearest == type_ for each in own)
        claimed = sum(each.verdict.nearest == type_ for each in tested)
        sure = sum(each.verdict.confidence for each in own) / len(own)
        wrong: dict[str, int] = {}
        for each in own:
            if each.verdict.nearest != type_:
                wrong[each.verdict.nearest] = wrong.get(each.verdict.nearest, 0) + 1
        others = ", ".join(f"{name} {count}" for name, count in sorted(wrong.items(), key=lambda pair: -pair[1]))
        below = result.thresholds.get(type_, result.threshold)
        precision = f"{right / claimed:.2f}" if claimed else "-"
        figures = f"{len(own):7d}  {right / len(own):6.2f}  {precision:>9}  {sure:10.2f}  {below:13.2f}"
        lines.append(f"{type_.ljust(width)}  {figures}  {others}".rstrip())
    return "\n".join(lines) + "\n"


def auroc_of(known: Sequence[float], foreign: Sequence[float]) -> float | None:
    """Return the chance that a random known device has more confidence than a random foreign one; ties count half."""
    if not known or not foreign:
        return None
    ordered = sorted([(score, True) for score in known] + [(score, False) for score in foreign])
    wins, below, at = 0.0, 0, 0
    while at < len(ordered):
        score, knowns, foreigns = ordered[at][0], 0, 0
        while at < len(ordered) and ordered[at][0] == score:
            knowns += ordered[at][1]
            foreigns += not ordered[at][1]
            at += 1
        wins += knowns * (below + foreigns / 2)
        below += foreigns
    return wins / (len(known) * len(foreign))


def _folds(examples: Sequence[Example], folds: int, seed: int) -> list[set[str]]:
    """Return the groups of each fold; each type is spread over all of them."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose; guards nothing
    found: list[set[str]] = [set() for _ in range(folds)]
    by_type: dict[str, list[str]] = {}
    for example in examples:
        groups = by_type.setdefault(example.type, [])
        if example.group not in groups:
            groups.append(example.group)
    turn = 0
    for type_ in sorted(by_type):
        groups = sorted(by_type[type_])
        chance.shuffle(groups)
        for group in groups:
            found[turn % folds].add(group)
            turn += 1
    return [each for each in found if each]


def _judged(model: TypeModel, examples: Iterable[Example]) -> list[Tested]:
    by_group: dict[str, list[Example]] = {}
    for example in examples:
        by_group.setdefault(example.group, []).append(example)
    return [Tested(each[0].type, model.judge([one.words for one in each])) for each in by_group.values()]


def _left_out(examples: Sequence[Example], window_s: int, max_windows: int, trees: int, seed: int) -> list[float]:
    """Return with how much confidence devices are judged whose types were not learned."""
    types = sorted({example.type for example in examples if example.type != UNKNOWN})
    if len(types) < 3:
        return []
    found: list[float] = []
    rounds = min(_OPEN_ROUNDS, len(types) - 1)
    for turn in range(rounds):
        foreign = set(types[turn::rounds])
        rest = [example for example in examples if example.type not in foreign]
        model = learn(rest, window_s=window_s, max_windows=max_windows, trees=trees, seed=seed)
        found += [
            each.verdict.confidence
            for each in _judged(model, (example for example in examples if example.type in foreign))
        ]
    return found
