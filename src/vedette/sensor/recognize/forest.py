"""Extremely randomised trees over words that are there or not, in pure Python: sets of samples are integers' bits.

A split asks for one word; counting a class on one side of it is one AND and one population count, so hundreds of
samples with thousands of words grow a hundred trees in seconds, without a compiled library.

Source:
    P. Geurts, D. Ernst, L. Wehenkel, "Extremely randomized trees" (Machine Learning 63, 2006). Instead of a
    threshold at random, which words do not have, words are drawn at random from those that tell two random samples
    apart.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import msgspec

TREES: Final = 200
_PAIRS: Final = 4
_MIN_CANDIDATES: Final = 12


class Tree(msgspec.Struct, frozen=True, array_like=True):
    """One tree as parallel lists; node 0 is the root, and both ways lead to nodes with higher numbers."""

    words: list[int]
    """Which word a node asks for; -1: it is a leaf."""
    absent: list[int]
    """Where samples without the word go; of a leaf, its place in ``leaves``."""
    present: list[int]
    leaves: list[dict[int, float]]
    """Class → its share."""

    def find(self, sample: frozenset[int]) -> dict[int, float]:
        """Return the shares of the classes at the leaf that a sample falls into."""
        node = 0
        while (word := self.words[node]) >= 0:
            node = self.present[node] if word in sample else self.absent[node]
        return self.leaves[self.absent[node]]

    def is_sound(self, words: int, classes: int) -> bool:
        """Tell whether following it ends, and within its lists: what comes from a file may be anything."""
        size = len(self.words)
        if not size or len(self.absent) != size or len(self.present) != size:
            return False
        for node, word in enumerate(self.words):
            left, right = self.absent[node], self.present[node]
            if word < 0:
                if not 0 <= left < len(self.leaves):
                    return False
            elif word >= words or not (node < left < size and node < right < size):
                return False
        return all(0 <= class_ < classes and 0 <= share <= 1 for leaf in self.leaves for class_, share in leaf.items())


def grow_forest(
    samples: Sequence[frozenset[int]], classes: Sequence[int], class_count: int, *, trees: int = TREES, seed: int = 1
) -> list[Tree]:
    """Grow trees on samples, sets of words, of known classes; the same seed gives the same trees."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose; guards nothing
    having: dict[int, int] = {}
    for number, sample in enumerate(samples):
        for word in sample:
            having[word] = having.get(word, 0) | 1 << number
    members = [0] * class_count
    for number, class_ in enumerate(classes):
        members[class_] |= 1 << number
    return [_Grower(samples, classes, having, members, chance).grow() for _ in range(trees)]


def vote(trees: Sequence[Tree], sample: frozenset[int], class_count: int) -> list[float]:
    """Return the mean share of each class."""
    totals = [0.0] * class_count
    for tree in trees:
        for class_, share in tree.find(sample).items():
            totals[class_] += share
    return [total / len(trees) for total in totals]


class _Grower:
    """Grows one tree on all samples."""

    def __init__(
        self,
        samples: Sequence[frozenset[int]],
        classes: Sequence[int],
        having: dict[int, int],
        members: list[int],
        chance: random.Random,
    ) -> None:
        self._samples: Final = samples
        self._classes: Final = classes
        self._having: Final = having
        self._members: Final = members
        self._chance: Final = chance
        self._candidates: Final = max(_MIN_CANDIDATES, int(len(having) ** 0.5))

    def grow(self) -> Tree:
        tree = Tree([], [], [], [])
        waiting = [((1 << len(self._samples)) - 1, -1, False)]
        while waiting:
            node, parent, is_present = waiting.pop()
            number = len(tree.words)
            if parent >= 0:
                (tree.present if is_present else tree.absent)[parent] = number
            word = self._split(node)
            tree.words.append(word)
            tree.absent.append(0)
            tree.present.append(0)
            if word < 0:
                tree.absent[number] = len(tree.leaves)
                tree.leaves.append(self._shares(node))
            else:
                has = self._having[word]
                waiting += [(node & has, number, True), (node & ~has, number, False)]
        return tree

    def _split(self, node: int) -> int:
        """Return the best of some words, drawn from those that tell samples apart; -1 if none does."""
        present = [members & node for members in self._members if members & node]
        if len(present) < 2:
            return -1
        best, best_score = -1, -1.0
        for word in self._drawn(present):
            score = _purity(self._having[word], node, present)
            if score > best_score:
                best, best_score = word, score
        return best

    def _drawn(self, present: list[int]) -> list[int]:
        found: list[int] = []
        share = -(-self._candidates // _PAIRS)
        for _ in range(_PAIRS):
            first, second = self._chance.sample(present, 2)
            different = self._samples[self._one_of(first)] ^ self._samples[self._one_of(second)]
            if len(different) > share:
                found += self._chance.sample(sorted(different), share)
            else:
                found += sorted(different)
        return found

    def _one_of(self, members: int) -> int:
        """Return a random bit that is set."""
        skipped = self._chance.randrange(members.bit_count())
        for _ in range(skipped):
            members &= members - 1
        return (members & -members).bit_length() - 1

    def _shares(self, node: int) -> dict[int, float]:
        size = node.bit_count()
        counts = ((class_, (members & node).bit_count()) for class_, members in enumerate(self._members))
        return {class_: round(count / size, 4) for class_, count in counts if count}


def _purity(has: int, node: int, present: list[int]) -> float:
    """Return the sum of squared class counts over the size, of both sides: Gini's measure, larger is purer."""
    inside = (has & node).bit_count()
    outside = node.bit_count() - inside
    if not inside or not outside:
        return 0.0
    with_, without = 0, 0
    for members in present:
        count = (members & has).bit_count()
        with_ += count * count
        rest = members.bit_count() - count
        without += rest * rest
    return with_ / inside + without / outside
