"""Slices of work, token buckets, and who counts as one source."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.gateway.pacing import DeviceRate, PacedQueue, SourceRates, TokenBucket, source_of
from vedette.gateway.settings import SessionSettings
from vedette.simulation import ManualClock


@pytest.mark.anyio
async def test_work_beyond_a_slice_waits_for_the_next_turn_in_order() -> None:
    clock, done = ManualClock(), list[int]()
    queue = PacedQueue(asyncio.get_running_loop(), clock, slice_s=0.004)

    def work(number: int) -> None:
        clock.advance(timedelta(milliseconds=2.5))
        done.append(number)

    ran_now = [queue.run(lambda number=number: work(number)) for number in range(7)]  # type: ignore[misc] # a default
    assert ran_now == [True, True, False, False, False, False, False]
    assert (done, len(queue)) == ([0, 1], 5)
    turns = 0
    while len(queue):
        turns += 1
        await asyncio.sleep(0)
    assert done == list(range(7))
    assert turns >= 2
    await asyncio.sleep(0)
    assert queue.run(lambda: work(7))


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    bucket = TokenBucket(10, 5, now_s=0)
    assert [bucket.try_take(1, 0) for _ in range(6)] == [True] * 5 + [False]
    assert bucket.try_take(1, 0.1)
    assert not bucket.try_take(1, 0.1)
    assert [bucket.try_take(1, 100) for _ in range(6)] == [True] * 5 + [False]


def test_taking_into_debt_says_how_long_it_lasts() -> None:
    bucket = TokenBucket(10, 5, now_s=0)
    assert bucket.take(5, 0) == 0
    assert bucket.take(2, 0) == pytest.approx(0.2)
    assert bucket.take(1, 0.2) == pytest.approx(0.1)
    assert bucket.take(1, 10) == 0


@given(
    steps=st.lists(st.tuples(st.integers(0, 5_000), st.floats(0, 3)), max_size=60),
    messages_per_s=st.floats(0.5, 50),
    bytes_per_s=st.floats(10, 10_000),
)
def test_a_device_waits_for_the_slower_of_its_two_rates(
    steps: list[tuple[int, float]], messages_per_s: float, bytes_per_s: float
) -> None:
    settings = SessionSettings(
        messages_per_s=messages_per_s, messages_burst=5, bytes_per_s=bytes_per_s, bytes_burst=2_000
    )
    rate, now_s = DeviceRate(settings, 0.0), 0.0
    messages, size_bytes = TokenBucket(messages_per_s, 5, 0.0), TokenBucket(bytes_per_s, 2_000, 0.0)
    for size, pause_s in steps:
        now_s += pause_s
        expected = max(messages.take(1, now_s), size_bytes.take(size, now_s))
        assert rate.take(size, now_s) == pytest.approx(expected)


def test_sources_are_limited_apart_and_their_number_is_bounded() -> None:
    rates = SourceRates(1, 2, max_sources=3)
    assert [rates.try_take("a", 0) for _ in range(3)] == [True, True, False]
    assert rates.try_take("b", 0)
    for number in range(100):
        rates.try_take(f"s{number}", 0)
    assert len(rates) == 3


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("no:address", "no:address"),
        ("", ""),
    ],
)
def test_a_source_is_an_address_or_a_network_of_64_bits(address: str, source: str) -> None:
    assert source_of(address) == source
