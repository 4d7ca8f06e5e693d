"""Captures that are still being written: standard input and named pipes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import packets as build
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor.capture import CaptureProblem, StreamCapture, source_name
from vedette.simulation import ManualClock

FRAMES = [build.datagram(bytes((number,)) * number, 502) for number in range(1, 20)]
S = 1_000_000_000


@contextmanager
def written() -> Iterator[tuple[StreamCapture, int, ManualClock]]:
    """Yield a capture of standard input, the end into which somebody writes, and its clock."""
    reading, writing = os.pipe()
    clock = ManualClock()
    try:
        yield StreamCapture("-", clock, descriptor=reading), writing, clock
    finally:
        for descriptor in (reading, writing):
            try:
                os.close(descriptor)
            except OSError:
                continue


@given(st.lists(st.integers(1, 700), max_size=30))
def test_packets_come_whole_however_they_are_written(sizes: list[int]) -> None:
    content = build.pcap(FRAMES)
    with written() as (capture, writing, _):
        heard = []
        position = 0
        for size in [*sizes, len(content)]:
            os.write(writing, content[position : position + size])
            position += size
            heard += [packet[2] for packet in capture.batch(0)]
        os.close(writing)
        assert heard == FRAMES
        assert list(capture.batch(0)) == []
        assert (capture.is_over, capture.damage, capture.drops().received) == (True, "", len(FRAMES))


def test_between_packets_time_passes_from_the_last_packet_on() -> None:
    with written() as (capture, writing, clock):
        assert capture.now_ns(clock) == 0
        os.write(writing, build.pcap(FRAMES))
        last_ns = list(capture.batch(0))[-1][0]
        assert capture.now_ns(clock) == last_ns
        clock.advance(timedelta(seconds=2.5))
        assert capture.now_ns(clock) == last_ns + 5 * S // 2


def test_a_capture_that_ends_in_a_packet_says_so() -> None:
    with written() as (capture, writing, _):
        os.write(writing, build.pcap(FRAMES)[:-1])
        assert len(list(capture.batch(0))) == len(FRAMES) - 1
        os.close(writing)
        assert list(capture.batch(0)) == []
        assert (capture.is_over, capture.damage) == (True, "ends within a packet")


@pytest.mark.parametrize("content", [b"GET / HTTP/1.1\r\n", build.pcap(FRAMES)[:24] + b"\xff" * 16])
def test_what_is_no_capture_is_refused(content: bytes) -> None:
    with written() as (capture, writing, _):
        os.write(writing, content)
        with pytest.raises(CaptureProblem):
            list(capture.batch(0))


def test_a_named_pipe_takes_one_writer_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "mirror"
    os.mkfifo(path)
    with StreamCapture(str(path), ManualClock()) as capture:
        assert list(capture.batch(0)) == []
        for _ in range(2):
            with path.open("wb") as pipe:
                pipe.write(build.pcap(FRAMES))
            assert [packet[2] for packet in capture.batch(0)] == FRAMES
            assert list(capture.batch(0)) == []
            assert not capture.is_over
        assert capture.drops().received == 2 * len(FRAMES)


def test_a_file_is_no_pipe(tmp_path: Path) -> None:
    path = tmp_path / "plant.pcap"
    path.write_bytes(build.pcap(FRAMES))
    with pytest.raises(CaptureProblem, match="no named pipe"):
        StreamCapture(str(path), ManualClock())


@pytest.mark.parametrize(
    ("name", "short"), [("eth1", "eth1"), ("-", "stdin"), ("/run/mirror port", "mirror_port"), ("./..", "..")]
)
def test_a_source_has_a_short_name(name: str, short: str) -> None:
    assert source_name(name) == short
