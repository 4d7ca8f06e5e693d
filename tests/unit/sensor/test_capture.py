from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import packets as build
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.sensor import CaptureFile, CaptureProblem, read_capture
from vedette.sensor.capture import MAX_PACKET_BYTES, Packet, PcapngParser, PcapParser

FRAMES = [bytes((number,)) * (60 + number) for number in range(5)]


def read(content: bytes, max_bytes: int | None = None) -> tuple[list[Packet], CaptureFile]:
    capture = CaptureFile(io.BytesIO(content), max_bytes=max_bytes)
    return list(capture), capture


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_ns", [False, True])
def test_pcap_of_either_byte_order_and_resolution(order: str, *, is_ns: bool) -> None:
    found, capture = read(build.pcap(FRAMES, order=order, is_ns=is_ns, link=101))
    assert [packet[2] for packet in found] == FRAMES
    assert [packet[0] for packet in found] == [build.START_NS + n * 1_000_000 for n in range(5)]
    assert found[0][1] == 101
    assert not capture.damage


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("resolution", [3, 6, 9, 0x80 | 10])
def test_pcapng_of_either_byte_order_and_any_resolution(order: str, resolution: int) -> None:
    found, capture = read(build.pcapng(FRAMES, order=order, resolution=resolution, link=113))
    assert [packet[2] for packet in found] == FRAMES
    assert all(abs(packet[0] - build.START_NS - n * 1_000_000) <= 1_000_000 for n, packet in enumerate(found))
    assert found[0][1] == 113
    assert not capture.damage


def test_dropped_packets_that_the_file_tells_are_counted() -> None:
    assert read(build.pcapng(FRAMES, dropped=17))[1].packets_dropped == 17


def test_sections_may_change_the_byte_order_and_the_interfaces() -> None:
    found, capture = read(build.pcapng(FRAMES, order="<", link=1) + build.pcapng(FRAMES, order=">", link=101))
    assert [packet[1] for packet in found] == [1] * 5 + [101] * 5
    assert not capture.damage


def test_simple_and_obsolete_packet_blocks_are_read() -> None:
    content = build.pcapng([])
    content += build.block(3, struct.pack("<I", 61) + FRAMES[1])
    content += build.block(2, struct.pack("<HHIIII", 0, 0, 0, 7_000_000, 60, 60) + FRAMES[0])
    content += build.block(0x0BAD, b"unknown blocks are skipped")
    found, capture = read(content)
    assert [packet[2] for packet in found] == [FRAMES[1], FRAMES[0]]
    assert found[1][0] == 7_000_000_000
    assert not capture.damage


def test_an_offset_of_the_clock_is_added() -> None:
    content = build.block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    content += build.block(1, struct.pack("<HHI", 1, 0, 0) + build.option(14, struct.pack("<q", 100)))
    content += build.block(6, struct.pack("<IIIII", 0, 0, 5_000_000, 60, 60) + FRAMES[0])
    assert read(content)[0][0][0] == 105_000_000_000


@pytest.mark.parametrize("content", [build.pcap(FRAMES), build.pcapng(FRAMES)], ids=["pcap", "pcapng"])
def test_gzip_is_read_in_one_or_several_members(content: bytes) -> None:
    assert len(read(gzip.compress(content))[0]) == 5
    half = len(content) // 2
    assert len(read(gzip.compress(content[:half]) + gzip.compress(content[half:]))[0]) == 5


def test_a_bomb_is_read_in_pieces_up_to_the_limit() -> None:
    bomb = gzip.compress(build.pcap([]) + struct.pack("<IIII", 0, 0, 0, 0) * 2_000_000)
    found = 0
    capture = CaptureFile(io.BytesIO(bomb), max_bytes=4_000_000)
    for _ in capture:
        found += 1
    assert found < 500_000
    assert "longer than" in capture.damage


@pytest.mark.parametrize("content", [build.pcap(FRAMES), build.pcapng(FRAMES)], ids=["pcap", "pcapng"])
def test_a_file_that_is_cut_gives_what_is_whole_and_says_so(content: bytes) -> None:
    whole = len(read(content)[0])
    for stop in range(28, len(content)):
        found, capture = read(content[:stop])
        assert len(found) <= whole
        assert [packet[2] for packet in found] == FRAMES[: len(found)]
        assert capture.damage or stop in ends(content)


def ends(content: bytes) -> set[int]:
    """Where a file may end without being damaged."""
    found = set()
    position = 24
    if content[:4] == b"\x0a\x0d\x0d\x0a":
        position = 0
        while position < len(content):
            position += int.from_bytes(content[position + 4 : position + 8], "little")
            found.add(position)
        return found
    while position <= len(content):
        found.add(position)
        position += 16 + int.from_bytes(content[position + 8 : position + 12] or b"\xff\xff", "little")
    return found


def test_a_packet_at_the_limit_passes_and_one_beyond_is_damage() -> None:
    for size, is_damaged in ((100, False), (101, True)):
        parser = PcapParser(max_packet_bytes=100)
        found = list(parser.packets(build.pcap([bytes(size)])))
        assert len(found) == (not is_damaged)
        assert bool(parser.damage) is is_damaged
        blocks = PcapngParser(max_packet_bytes=100)
        assert len(list(blocks.packets(build.pcapng([bytes(size)])))) == (not is_damaged)
        assert bool(blocks.damage) is is_damaged


def test_lengths_that_lie_keep_no_memory() -> None:
    content = build.pcap([]) + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 60)
    found, capture = read(content + bytes(10_000))
    assert not found
    assert str(MAX_PACKET_BYTES) in capture.damage
    found, capture = read(build.pcapng([]) + struct.pack("<II", 6, 0xFFFFFFF0) + bytes(1_000))
    assert not found
    assert capture.damage


@pytest.mark.parametrize("content", [b"", b"\x00", b"hello, this is text", b"\xd4\xc3\xb2", b"PK\x03\x04" * 10])
def test_what_is_no_capture_is_refused(content: bytes) -> None:
    with pytest.raises(CaptureProblem):
        read(content)


def test_a_missing_file_is_a_problem_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(CaptureProblem, match="missing"):
        list(read_capture(tmp_path / "missing.pcap"))


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 300), st.sampled_from(["pcap", "pcapng"]))
def test_however_a_file_is_cut_into_chunks_the_packets_are_the_same(size: int, form: str) -> None:
    content = build.pcap(FRAMES) if form == "pcap" else build.pcapng(FRAMES)
    parser = PcapParser() if form == "pcap" else PcapngParser()
    found = []
    for start in range(0, len(content), size):
        found += [packet[2] for packet in parser.packets(content[start : start + size])]
    parser.finish()
    assert found == FRAMES
    assert not parser.damage
