from __future__ import annotations

import random
import struct

import packets as build
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.sensor import Engine, Listener, OtOp


class Heard(Listener):
    def __init__(self) -> None:
        self.transactions: list[int | None] = []

    def operations(self, operations: list[OtOp]) -> None:
        self.transactions += [op.transaction for op in operations]


def stream(count: int) -> bytes:
    return b"".join(struct.pack(">HHHBBHH", number, 0, 6, 1, 3, number, 1) for number in range(count))


def segments(content: bytes, sizes: list[int], seq: int) -> list[bytes]:
    found: list[bytes] = []
    start = 0
    while start < len(content):
        size = sizes[len(found) % len(sizes)]
        talk = build.Talk(502, client_seq=seq + start & 0xFFFFFFFF).say(content[start : start + size])
        found += talk.frames
        start += size
    return found


def read(frames: list[bytes]) -> tuple[Heard, Engine]:
    heard = Heard()
    engine = Engine([heard])
    engine.read(build.packets(frames, step_ns=5_000_000))
    engine.finish()
    return heard, engine


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=6),
    st.integers(0, 2**32 - 1),
    st.randoms(use_true_random=False),
)
def test_disorder_and_repetition_change_nothing(sizes: list[int], seq: int, dice: random.Random) -> None:
    opening = build.Talk(502, client_seq=seq).open().frames[:1]
    frames = segments(stream(20), sizes, seq + 1 & 0xFFFFFFFF)
    muddled = []
    for start in range(0, len(frames), 6):
        some = frames[start : start + 6]
        some += [dice.choice(some) for _ in range(2)]
        dice.shuffle(some)
        muddled += some
    heard, engine = read(opening + muddled)
    assert heard.transactions == list(range(20))
    assert engine.reassembly.holes == 0
    assert engine.reassembly.waiting_bytes == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 30), st.integers(0, 2**32 - 1))
def test_a_hole_costs_the_messages_in_it_and_no_other(missing: int, seq: int) -> None:
    opening = build.Talk(502, client_seq=seq).open().frames[:1]
    frames = segments(stream(60), [12], seq + 1 & 0xFFFFFFFF)
    heard, engine = read(opening + frames[:missing] + frames[missing + 1 :])
    assert heard.transactions == [number for number in range(60) if number != missing]
    assert engine.reassembly.holes == 1


def test_overlapping_segments_are_read_once() -> None:
    content = stream(4)
    frames = build.Talk(502, client_seq=99).open().frames[:1]
    for start, stop in ((0, 20), (12, 36), (8, 30), (30, 48)):
        frames += build.Talk(502, client_seq=100 + start).say(content[start:stop]).frames
    assert read(frames)[0].transactions == [0, 1, 2, 3]


def test_what_waits_behind_a_hole_is_read_at_the_end() -> None:
    frames = segments(stream(5), [12], 100)
    opening = build.Talk(502, client_seq=99).open().frames[:1]
    heard, engine = read(opening + frames[:2] + frames[3:])
    assert heard.transactions == [0, 1, 3, 4]
    assert engine.reassembly.waiting_bytes == 0
