"""A model of types of devices: learned from captures that somebody labelled, and honest about what it does not know.

Two things must speak for a type: its lead in the trees' votes, and that the device resembles one that was learned as
much as those of its type resemble each other. A device of a type that was never learned falls short of one of them: it
lies between several types, or far from the one that it is nearest to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec

from vedette.kernel import Problem
from vedette.sensor.recognize.forest import TREES, Tree, grow_forest, vote
from vedette.sensor.recognize.observer import Window

UNKNOWN: Final = "unknown"
MODEL_BYTES_MAX: Final = 64 * 1024 * 1024
TYPES_MAX: Final = 500
WORDS_MAX: Final = 30_000
EXAMPLES_MAX: Final = 6_000
MIN_PACKETS: Final = 4
"""Of one window; fewer say nothing."""

_FORMAT: Final = "vedette-types-1"
_STEPS: Final = (3, 10, 30, 100)
_LEAST_WEIGHT: Final = 0.05
_MAX_EXAMPLES_OF_TYPE: Final = 60
_NEVER_SEEN_WEIGHT: Final = 1.0

Text = Annotated[str, msgspec.Meta(max_length=256)]


class Example(msgspec.Struct, frozen=True):
    """One window of a device whose type is known."""

    type: str
    words: frozenset[str]
    group: str
    """What belongs together: windows of one device in one capture never stand on both sides of a test."""


class Verdict(msgspec.Struct, frozen=True):
    """What a device is taken for."""

    type: str
    """``unknown`` if too little speaks for any."""
    confidence: float
    """0 to 1: how familiar it is as that type."""
    nearest: str
    """The type that it is most like, even if unknown."""
    reasons: tuple[str, ...] = ()


class InvalidModel(Problem):
    """A file that is no model of types, or one that was damaged."""

    code = "sensor.invalid_model"


class _Stored(msgspec.Struct, frozen=True):
    """A model as a file holds it."""

    format: Text
    types: Annotated[list[Text], msgspec.Meta(min_length=1, max_length=TYPES_MAX)]
    words: Annotated[list[Text], msgspec.Meta(max_length=WORDS_MAX)]
    trees: Annotated[list[Tree], msgspec.Meta(min_length=1, max_length=2_000)]
    examples: Annotated[list[list[int]], msgspec.Meta(max_length=EXAMPLES_MAX)]
    example_types: Annotated[list[int], msgspec.Meta(max_length=EXAMPLES_MAX)]
    usual: Annotated[list[float], msgspec.Meta(max_length=TYPES_MAX)]
    threshold: float
    window_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)]
    max_windows: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    report: str
    thresholds: Annotated[list[float], msgspec.Meta(max_length=TYPES_MAX)] = []
    """Of each type its own; empty: the same for all."""


class TypeModel:
    """Judges what type a device is.

    Args:
        stored: What was learned, or read from a file.
    """

    def __init__(self, stored: _Stored) -> None:
        self._stored: Final = stored
        self._number: Final = {word: number for number, word in enumerate(stored.words)}
        self._examples: Final = [frozenset(example) for example in stored.examples]
        self._weights: Final = _weights(self._examples, len(stored.words))
        self._sizes: Final = [self._weigh(example) for example in self._examples]
        self._of_type: Final[dict[int, list[int]]] = {}
        for number, type_ in enumerate(stored.example_types):
            self._of_type.setdefault(type_, []).append(number)

    @property
    def types(self) -> list[str]:
        """The types that it knows."""
        return list(self._stored.types)

    @property
    def threshold(self) -> float:
        """Below it a device is unknown, if its type has no threshold of its own."""
        return self._stored.threshold

    def threshold_of(self, type_: str) -> float:
        """Return below which confidence a device that is most like a type is unknown.

        Raises:
            ValueError: It knows no such type.
        """
        own = self._stored.thresholds
        return own[self._stored.types.index(type_)] if own else self._stored.threshold

    @property
    def window_s(self) -> int:
        """Length of the windows that it was learned from; a device must be looked at through the same."""
        return self._stored.window_s

    @property
    def max_windows(self) -> int:
        """How many of them, counted from when a device was first seen."""
        return self._stored.max_windows

    @property
    def report(self) -> str:
        """What its test on examples that were set aside said, when it was learned."""
        return self._stored.report

    def judge(self, windows: Sequence[frozenset[str]]) -> Verdict:
        """Judge a device by its windows: each votes, and their mean decides."""
        if not windows:
            return Verdict(UNKNOWN, 0.0, "", ("too little was seen",))
        types = self._stored.types
        shares = [0.0] * len(types)
        samples = [self._sample(words) for words in windows]
        for known, _ in samples:
            for number, share in enumerate(vote(self._stored.trees, known, len(types))):
                shares[number] += share / len(samples)
        top = max(range(len(types)), key=shares.__getitem__)
        familiar = sum(self._familiarity(one, other, top) for one, other in samples) / len(samples)
        next_share = max((share for number, share in enumerate(shares) if number != top), default=0.0)
        lead = 1 - next_share / shares[top] if shares[top] > 0 else 0.0
        confidence = math.sqrt(max(lead, 0.0)) * familiar
        reasons = (
            f"{shares[top]:.0%} of the trees' votes, the next type {next_share:.0%}",
            f"{familiar:.0%} as alike as others of its type",
        )
        is_known = confidence >= self.threshold_of(types[top])
        return Verdict(types[top] if is_known else UNKNOWN, round(confidence, 3), types[top], reasons)

    def write(self) -> bytes:
        """Return the model as a file's content."""
        return msgspec.msgpack.encode(self._stored)

    def with_test(self, threshold: float, report: str, thresholds: Mapping[str, float] | None = None) -> TypeModel:
        """Return it with the thresholds and the words of a test.

        Args:
            threshold: For types that have none of their own.
            report: What the test said.
            thresholds: Of types; each knows best how sure its own devices are.
        """
        own = [(thresholds or {}).get(type_, threshold) for type_ in self._stored.types]
        return TypeModel(msgspec.structs.replace(self._stored, threshold=threshold, report=report, thresholds=own))

    def _sample(self, words: frozenset[str]) -> tuple[frozenset[int], int]:
        """Return the words that it knows, by number, and how many it never met."""
        known = frozenset(number for word in words if (number := self._number.get(word)) is not None)
        return known, len(words) - len(known)

    def _weigh(self, sample: frozenset[int]) -> float:
        weights = self._weights
        return sum(weights[number] for number in sample)

    def _familiarity(self, sample: frozenset[int], foreign: int, type_: int) -> float:
        """Return how much it resembles the nearest example of a type, compared with what is usual within it."""
        nearest = self._nearest(sample, foreign, self._of_type.get(type_, ()))
        return min(nearest / max(self._stored.usual[type_], 1e-6), 1.0)

    def _nearest(self, sample: frozenset[int], foreign: int, among: Sequence[int], *, but: int = -1) -> float:
        size = self._weigh(sample) + foreign * _NEVER_SEEN_WEIGHT
        best = 0.0
        for number in among:
            if number == but:
                continue
            common = self._weigh(sample & self._examples[number])
            whole = size + self._sizes[number] - common
            if whole > 0:
                best = max(best, common / whole)
        return best

    def usual_likeness(self, foreign: Sequence[int]) -> list[float]:
        """Return, for each type, how alike its examples are: the median of each one's likeness to its nearest.

        Args:
            foreign: For each example, how many words nothing else has.
        """
        found = []
        for type_ in range(len(self._stored.types)):
            among = self._of_type.get(type_, [])
            near = sorted(self._nearest(self._examples[each], foreign[each], among, but=each) for each in among)
            found.append(round(near[len(near) // 2], 4) if len(near) > 1 else 0.5)
        return found


def words_of(window: Window) -> frozenset[str]:
    """Return the words of a window: each, and how often in steps; from a window that says too little, none."""
    if window.sent < MIN_PACKETS:
        return frozenset()
    found = set(window.words)
    for word, times in window.words.items():
        found.update(f"{word}*{step}" for step in _STEPS if times >= step)
    return frozenset(found)


def learn(
    examples: Sequence[Example], *, window_s: int, max_windows: int, trees: int = TREES, seed: int = 1
) -> TypeModel:
    """Learn types from examples; words that only one of them has are left out.

    Raises:
        InvalidModel: No examples, or more types than a model can hold.
    """
    types = sorted({example.type for example in examples})
    if not types or len(types) > TYPES_MAX or UNKNOWN in types:
        raise InvalidModel(
            f"{len(types)} types to learn from, {UNKNOWN!r} among them: {UNKNOWN in types}",
            hint=f"label devices of 1 to {TYPES_MAX} types, none of them called {UNKNOWN!r}",
        )
    examples = _thinned(examples)
    words = _vocabulary(examples)
    number = {word: at for at, word in enumerate(words)}
    samples = [frozenset(number[word] for word in example.words if word in number) for example in examples]
    classes = [types.index(example.type) for example in examples]
    stored = _Stored(
        _FORMAT, types, words, grow_forest(samples, classes, len(types), trees=trees, seed=seed),
        [sorted(sample) for sample in samples], classes, [0.5] * len(types), 0.3, window_s, max_windows, "",
    )  # fmt: skip
    foreign = [len(example.words) - len(sample) for example, sample in zip(examples, samples, strict=True)]
    return TypeModel(msgspec.structs.replace(stored, usual=TypeModel(stored).usual_likeness(foreign)))


def read_model(content: bytes) -> TypeModel:
    """Read a model from a file's content; whatever the bytes are, they are read or refused.

    Raises:
        InvalidModel: Too long, not of this form, or its numbers lead nowhere.
    """
    hint = "make it anew: vedette sensor train"
    if len(content) > MODEL_BYTES_MAX:
        raise InvalidModel(f"a model of {len(content)} bytes, at most {MODEL_BYTES_MAX}", hint=hint)
    try:
        stored = msgspec.msgpack.decode(content, type=_Stored)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise InvalidModel("this is no model of types of devices", hint=hint) from None
    if stored.format != _FORMAT:
        raise InvalidModel("a model of another version", hint=hint)
    types, words = len(stored.types), len(stored.words)
    is_sound = (
        len(stored.usual) == types
        and len(stored.thresholds) in {0, types}
        and len(stored.example_types) == len(stored.examples)
        and all(0 <= type_ < types for type_ in stored.example_types)
        and all(0 <= word < words for example in stored.examples for word in example)
        and all(map(math.isfinite, [*stored.usual, *stored.thresholds, stored.threshold]))
        and all(tree.is_sound(words, types) for tree in stored.trees)
    )
    if not is_sound:
        raise InvalidModel("a damaged model: its numbers contradict each other", hint=hint)
    return TypeModel(stored)


def _thinned(examples: Sequence[Example]) -> list[Example]:
    """Return at most so many examples of each type, spread over its groups."""
    kept: list[Example] = []
    by_type: dict[str, list[Example]] = {}
    for example in examples:
        by_type.setdefault(example.type, []).append(example)
    limit = max(2, min(_MAX_EXAMPLES_OF_TYPE, EXAMPLES_MAX // len(by_type)))
    for type_ in sorted(by_type):
        found = by_type[type_]
        step = max(len(found) / limit, 1.0)
        kept += [found[int(at * step)] for at in range(min(limit, len(found)))]
    return kept


def _vocabulary(examples: Sequence[Example]) -> list[str]:
    counts: dict[str, int] = {}
    for example in examples:
        for word in example.words:
            counts[word] = counts.get(word, 0) + 1
    useful = [word for word, count in counts.items() if count >= 2 and len(word) <= 256]
    useful.sort(key=lambda word: (-counts[word], word))
    return sorted(useful[:WORDS_MAX])


def _weights(examples: Sequence[frozenset[int]], words: int) -> list[float]:
    """Return how much each word says: the fewer have it, the more."""
    counts = [0] * words
    for example in examples:
        for word in example:
            counts[word] += 1
    total = len(examples) + 1
    return [math.log(total / (count + 0.5)) + _LEAST_WEIGHT for count in counts]
