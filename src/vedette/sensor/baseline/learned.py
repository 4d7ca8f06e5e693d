"""Allow-lists that know when they are ready: one for each class of keys of each scope."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from vedette.sensor.baseline.model import READINESS, KeyClass, Settings, State
from vedette.sensor.baseline.ranges import Ranges
from vedette.sensor.shards import OrderedShards

_EVICTION_LOOKS: Final = 16
_S: Final = 1_000_000_000
_MAX_KEY_CHARS: Final = 160

ScopeKey = tuple[KeyClass, str]


class Verdict(IntEnum):
    """What a key is to an allow-list."""

    KNOWN = 0
    LEARNED = 1
    NEW = 2
    NOT_KEPT = 3
    """Nothing can be said: there is no room, or it changes too much."""


class Learned:
    """What is usual in one class of one scope."""

    __slots__ = ("first_ns", "is_full", "keys", "last_ns", "last_slice", "newest_ns", "ranges", "slices", "state")

    def __init__(self, at_ns: int, *, is_range: bool = False) -> None:
        self.first_ns = at_ns
        self.last_ns = at_ns
        self.newest_ns = at_ns
        """When the newest key was learned."""
        self.slices = 0
        self.last_slice = -1
        self.keys: dict[str, int] = {}
        """Key → in which slice it was last seen."""
        self.ranges: Ranges | None = Ranges() if is_range else None
        self.state = State.LEARNING
        self.is_full = False

    @property
    def size(self) -> int:
        """How many keys and intervals it holds."""
        return len(self.keys) + (len(self.ranges) if self.ranges is not None else 0)

    def touch(self, at_ns: int, slice_ns: int) -> None:
        """Note that it is in use."""
        self.last_ns = max(self.last_ns, at_ns)
        number = at_ns // slice_ns
        if number != self.last_slice:
            self.last_slice = number
            self.slices += 1

    def settle(self, key_class: KeyClass, settings: Settings, at_ns: int = 0) -> State:
        """Move on to the next state if enough was seen; no state is ever left for an earlier one."""
        state = self.state
        if state is State.ENFORCED or self.is_full:
            return state
        needs = READINESS[key_class]
        last_ns = self.last_ns if needs.enforced_slices > 1 else max(self.last_ns, at_ns)
        quiet_ns, growing_ns = last_ns - self.newest_ns, self.newest_ns - self.first_ns
        is_used = self.slices >= needs.dynamic_slices
        # As long without anything new as it took to see all that is known.
        if state is State.LEARNING and is_used and quiet_ns >= max(needs.dynamic_share * settings.learn_ns, growing_ns):
            state = State.DYNAMIC
        if (
            self.slices >= needs.enforced_slices
            and last_ns - self.first_ns >= needs.enforced_share * settings.learn_ns
            and quiet_ns >= max(settings.settled_ns * needs.enforced_share, growing_ns / 2)
        ):
            state = State.ENFORCED
        self.state = state
        return state

    def reason(self, key_class: KeyClass, settings: Settings) -> str:
        """Say why it is in its state."""
        needs = READINESS[key_class]
        if self.is_full:
            return f"more than {needs.max_keys} different: nothing is usual"
        seen = (
            f"in use in {self.slices} slices of {settings.slice_ns // _S} s over {_span(self.last_ns - self.first_ns)}"
        )
        quiet = f"nothing new for {_span(self.last_ns - self.newest_ns)}"
        if self.state is State.ENFORCED:
            return f"{seen}, {quiet}"
        if self.state is State.DYNAMIC:
            wants = f"{needs.enforced_slices} slices over {_span(int(needs.enforced_share * settings.learn_ns))}"
            return f"{seen}, {quiet}; needs {wants} to be enforced"
        waits = _span(int(needs.dynamic_share * settings.learn_ns))
        return f"{seen}, {quiet}; needs {needs.dynamic_slices} slices and {waits} without anything new"


class AllowLists:
    """All allow-lists; bounded.

    Args:
        settings: How is learned.
    """

    __slots__ = ("_count", "_settings", "evicted", "is_enforced", "known", "not_kept", "slice_ns")

    def __init__(self, settings: Settings) -> None:
        self._settings: Final = settings
        self.slice_ns: Final = settings.slice_ns
        self.is_enforced: Final = settings.is_enforced
        """Nothing is learned any more."""
        self.known: Final[OrderedShards[ScopeKey, Learned]] = OrderedShards()
        self.evicted = 0
        """Scopes that were still learning and had to leave."""
        self.not_kept = 0
        self._count = 0
        """Keys and intervals of all."""

    def judge(
        self, key_class: KeyClass, scope: str, key: str, at_ns: int, *, is_grave: bool, may_learn: bool = True
    ) -> Verdict:
        """Look a key up, and learn it if that is still allowed.

        Args:
            key_class: What kind of key.
            scope: Whose.
            key: What was seen.
            at_ns: When.
            is_grave: It changes something, so that only ``LEARNING`` takes it.
            may_learn: False for what is never learned by itself: the state is only looked at.
        """
        learned = self.known.get((key_class, scope))
        if learned is None:
            if self._settings.is_enforced:
                return Verdict.NEW
            learned = self._open(key_class, scope, at_ns) if may_learn else None
            if learned is None:
                return Verdict.NOT_KEPT
        key = key[:_MAX_KEY_CHARS]
        if key in learned.keys:
            learned.touch(at_ns, self.slice_ns)
            learned.keys[key] = learned.last_slice
            return Verdict.KNOWN
        verdict = self._unknown(key_class, learned, at_ns, is_grave=is_grave, may_learn=may_learn)
        if verdict is Verdict.LEARNED:
            if len(learned.keys) >= READINESS[key_class].max_keys or not self._has_room():
                learned.is_full = True
                self.not_kept += 1
                return Verdict.NOT_KEPT
            learned.touch(at_ns, self.slice_ns)
            learned.keys[key] = learned.last_slice
            self._count += 1
            learned.newest_ns = max(learned.newest_ns, at_ns)
        return verdict

    def judge_range(self, scope: str, first: int, last: int, at_ns: int, *, is_grave: bool) -> Verdict:
        """Look addresses up, and widen what is known if that is still allowed."""
        learned = self.known.get((KeyClass.RANGE, scope))
        if learned is None:
            if self._settings.is_enforced:
                return Verdict.NEW
            learned = self._open(KeyClass.RANGE, scope, at_ns)
            if learned is None:
                return Verdict.NOT_KEPT
        ranges = learned.ranges
        if ranges is None:
            return Verdict.NOT_KEPT
        if ranges.covers(first, last):
            learned.touch(at_ns, self.slice_ns)
            return Verdict.KNOWN
        verdict = self._unknown(KeyClass.RANGE, learned, at_ns, is_grave=is_grave, may_learn=True)
        if verdict is Verdict.LEARNED:
            if not self._has_room():
                learned.is_full = True
                self.not_kept += 1
                return Verdict.NOT_KEPT
            learned.touch(at_ns, self.slice_ns)
            before = len(ranges)
            ranges.add(first, last)
            self._count += len(ranges) - before
            learned.newest_ns = max(learned.newest_ns, at_ns)
        return verdict

    def find(self, key_class: KeyClass, scope: str) -> Learned | None:
        """Return an allow-list."""
        return self.known.get((key_class, scope))

    def teach(self, key_class: KeyClass, scope: str, key: str, at_ns: int) -> bool:
        """Learn a key because a person said so; its state stays. Tell whether there was room."""
        learned = self.known.get((key_class, scope)) or self._open(key_class, scope, at_ns)
        if learned is None:
            return False
        if learned.ranges is not None:
            first, _, last = key.rpartition(" ")[2].partition("-")
            if not (first.isdecimal() and last.isdecimal() and len(first) <= 20 and len(last) <= 20):
                return False
            self._count -= len(learned.ranges)
            learned.ranges.add(int(first), int(last))
            self._count += len(learned.ranges)
        elif key[:_MAX_KEY_CHARS] in learned.keys:
            return True
        elif len(learned.keys) < READINESS[key_class].max_keys:
            learned.keys[key[:_MAX_KEY_CHARS]] = learned.last_slice
            self._count += 1
        else:
            return False
        return True

    def forget(self, key_class: KeyClass | None, scope: str, key: str = "") -> int:
        """Forget a key, or all of a scope, which then learns anew; return how many were forgotten."""
        found = [each for each in self.known if each[1] == scope and key_class in {None, each[0]}]
        if not key:
            for each in found:
                self._count -= self.known.pop(each).size
            return len(found)
        gone = sum(self.known[each].keys.pop(key, None) is not None for each in found)
        self._count -= gone
        return gone

    def put(self, key_class: KeyClass, scope: str, learned: Learned) -> None:
        """Take an allow-list in as it was kept."""
        self.known[key_class, scope] = learned
        self._count += learned.size

    def all(self) -> Iterator[tuple[ScopeKey, Learned]]:
        """Yield every allow-list."""
        yield from self.known.items()

    def _unknown(
        self, key_class: KeyClass, learned: Learned, at_ns: int, *, is_grave: bool, may_learn: bool
    ) -> Verdict:
        if self._settings.is_enforced:
            return Verdict.NEW
        if learned.is_full:
            return Verdict.NOT_KEPT
        state = learned.settle(key_class, self._settings, at_ns)
        if state is State.ENFORCED or (is_grave and state is State.DYNAMIC):
            return Verdict.NEW
        return Verdict.LEARNED if may_learn else Verdict.NOT_KEPT

    def _has_room(self) -> bool:
        return self._count < self._settings.max_keys or self._make_room()

    def _open(self, key_class: KeyClass, scope: str, at_ns: int) -> Learned | None:
        known = self.known
        if len(known) >= self._settings.max_scopes and not self._make_room():
            self.not_kept += 1
            return None
        learned = known[key_class, scope] = Learned(at_ns, is_range=key_class is KeyClass.RANGE)
        return learned

    def _make_room(self) -> bool:
        """Let one leave that is old and not ready: what is learned stays, however many strangers come."""
        for _ in range(min(_EVICTION_LOOKS, len(self.known))):
            each, learned = self.known.take_old()
            if learned.settle(each[0], self._settings) is State.LEARNING:
                self.evicted += 1
                self._count -= learned.size
                return True
            self.known[each] = learned  # those that stay stand last
        return False


def _span(span_ns: int) -> str:
    seconds = span_ns // _S
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
