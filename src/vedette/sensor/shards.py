"""Dictionaries in parts: where one of a hundred thousand entries is built anew when it grows, the sensor stops for it.

Which part an entry belongs to is told by its hash, which nobody on the wire can choose.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, MutableMapping
from typing import Final, TypeVar, overload

SHARDS: Final = 64
MASK: Final = SHARDS - 1

Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing")
Other = TypeVar("Other")


class Shards(MutableMapping[Key, Thing]):
    """A dictionary of which no part is large; its order is of no use."""

    __slots__ = ("parts",)

    def __init__(self) -> None:
        self.parts: Final[tuple[dict[Key, Thing], ...]] = self._make()
        """For who looks up each packet: ``parts[hash(key) & MASK]``."""

    def _make(self) -> tuple[dict[Key, Thing], ...]:
        return tuple({} for _ in range(SHARDS))

    def __getitem__(self, key: Key) -> Thing:
        return self.parts[hash(key) & MASK][key]

    def __setitem__(self, key: Key, thing: Thing) -> None:
        self.parts[hash(key) & MASK][key] = thing

    def __delitem__(self, key: Key) -> None:
        del self.parts[hash(key) & MASK][key]

    def __contains__(self, key: object) -> bool:
        return key in self.parts[hash(key) & MASK]

    def __iter__(self) -> Iterator[Key]:
        for part in self.parts:
            yield from part

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @overload
    def get(self, key: Key, /) -> Thing | None: ...
    @overload
    def get(self, key: Key, default: Other, /) -> Thing | Other: ...
    def get(self, key: Key, default: Other | None = None, /) -> Thing | Other | None:
        """Return what is kept, or the default."""
        return self.parts[hash(key) & MASK].get(key, default)


class OrderedShards(Shards[Key, Thing]):
    """The same, where the oldest entry of a part is found at once however many have left.

    Of a plain dictionary, finding it takes ever longer.
    """

    __slots__ = ("_turn",)

    def __init__(self) -> None:
        super().__init__()
        self._turn = 0

    def _make(self) -> tuple[dict[Key, Thing], ...]:
        return tuple(OrderedDict() for _ in range(SHARDS))

    def take_old(self) -> tuple[Key, Thing]:
        """Remove one of the oldest entries, each time of another part, and return it.

        Raises:
            KeyError: There is none.
        """
        for _ in range(SHARDS):
            self._turn = self._turn + 1 & MASK
            part = self.parts[self._turn]
            if part:
                key = next(iter(part))
                return key, part.pop(key)
        raise KeyError("nothing is kept")
