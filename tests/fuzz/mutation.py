"""Seeded mutation of known-good inputs: no coverage feedback, but the same bytes again from the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_INTERESTING = (
    b"\x00",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00",
    b"%00",
    b"%FF",
    b"&",
    b"=",
    b"/",
    b"$",
)
_MAX_BYTES = 4_096


def mutations(seeds: Sequence[bytes], *, seed: int, runs: int) -> Iterator[bytes]:
    """Yield each seed as it is, then mutated ones, ``runs`` in all."""
    dice = random.Random(seed)
    for run in range(runs):
        if run < len(seeds):
            yield seeds[run]
            continue
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.choice((1, 1, 1, 2, 4, 8))):
            _mutate(data, seeds, dice)
        yield bytes(data[:_MAX_BYTES])


def _mutate(data: bytearray, seeds: Sequence[bytes], dice: random.Random) -> None:
    start = dice.randrange(len(data) + 1)
    stop = min(len(data), start + dice.choice((1, 1, 2, 4, 16)))
    match dice.randrange(7):
        case 0 if data:
            data[start % len(data)] ^= 1 << dice.randrange(8)
        case 1 if data:
            data[start % len(data)] = dice.randrange(256)
        case 2:
            data[start:stop] = b""
        case 3:
            data[start:start] = data[start:stop] * dice.randrange(1, 20)
        case 4:
            data[start:stop] = dice.choice(_INTERESTING)
        case 5:
            other = dice.choice(seeds)
            data[start:] = other[dice.randrange(len(other) + 1) :]
        case _:
            data += dice.choice(seeds)
