"""Whatever comes over the wire: rules raise alerts and nothing else, and keep their bounds."""

from __future__ import annotations

import random

from alert_cases import alerts_of
from hypothesis import given, settings
from hypothesis import strategies as st
from industrial import (
    CONTROLLER,
    POLL,
    S7_SETUP,
    S7_SETUP_DONE,
    S7_STOP,
    Frames,
    arp,
    bacnet,
    cip,
    dhcp,
    dnp3_ask,
    dnp3_tell,
    dns,
    ethernet,
    goose,
    http,
    http_answer,
    iec104,
    joined,
    ping,
    polls,
    s7_download,
    sampled,
    smb_1,
    smb_2_create,
    tcp,
    udp,
)  # fmt: skip

from vedette.sensor.rules.catalogue import RULES
from vedette.sensor.rules.desk import Desk, Distinct, Memory, Rate, Recent, Wide
from vedette.sensor.rules.model import Settings
from vedette.sensor.shards import SHARDS

SEEN: Frames = joined(
    polls(), tcp(102, S7_SETUP, (S7_SETUP_DONE,), S7_STOP, s7_download("0A00890P")),
    tcp(44_818, cip("05 02 2001 2401")),
    tcp(20_000, dnp3_ask("0d"), dnp3_tell(iin="80ff")), tcp(2_404, iec104("2d 01 06 00 0300 d20400 81")),
    udp(47_808, bacnet("00 05 01 0c 0c 00000005 19 55")), ethernet(0x88B8, goose()), ethernet(0x88BA, sampled(1)),
    tcp(445, smb_1(0xA0), smb_1(0x33), smb_2_create("svcctl")), udp(53, dns("a.example"), (dns("a.example", code=3),)),
    udp(67, dhcp(1), client="0.0.0.0", server="255.255.255.255", client_port=68),  # noqa: S104 - on the wire
    tcp(80, http(), http_answer(404)), ping(), arp(2, "02:00:00:00:00:99", CONTROLLER, "10.0.0.1"),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_broken_packets_raise_alerts_and_nothing_else(seed: int, flips: int) -> None:
    chance = random.Random(seed)
    frames = [(at, bytearray(frame)) for at, frame in SEEN]
    for _ in range(flips):
        _, frame = chance.choice(frames)
        frame[chance.randrange(12, len(frame))] = chance.randrange(256)
    chance.shuffle(frames)
    found = alerts_of([(at, bytes(frame)) for at, frame in frames])
    assert len(found) < 200
    assert all(alert.title.isprintable() and len(alert.title) < 400 for alert in found)


def test_a_quiet_day_of_polls_raises_nothing() -> None:
    frames = joined(*(polls(server=f"10.0.0.{unit + 10}", times=144, every=600.0, client_port=41_000 + unit)
                      for unit in range(12)))  # fmt: skip
    assert not alerts_of(frames)
    assert len(POLL) == 2


def test_memories_have_bounds_and_forget_the_oldest() -> None:
    memory: Memory[int, int] = Memory(3)
    for number in range(5):
        memory.put(number, number)
    assert list(memory.known) == [2, 3, 4]
    rate: Rate[str] = Rate(3, 10)
    assert [rate.hit("a", at) for at in (0, 5, 11, 12, 13)] == [False, False, False, True, True]
    distinct: Distinct[str, int] = Distinct(3, 10)
    assert [distinct.hit("a", number, number) for number in range(3)] == [0, 0, 3]
    assert distinct.hit("a", 50, 50) == 0
    assert distinct.items("a") == [50]


def test_the_desk_has_a_bound_too() -> None:
    raised: list[object] = []
    desk = Desk(raised.append, Settings(RULES))
    for number in range(25_000):
        desk.report("port.zero", number, str(number), "b")
    assert len(raised) == 25_000
    assert desk.ongoing("port.zero", "0", "b") is None
    assert desk.ongoing("port.zero", "24999", "b") is not None


def test_what_is_recent_is_bounded_and_the_older_half_leaves() -> None:
    recent: Recent[int, int] = Recent(8 * SHARDS)
    for number in range(100 * SHARDS):  # a number is its own hash: each part gets a hundred
        recent.put(number, number + 1)
    assert {number // SHARDS for number in range(100 * SHARDS) if recent.get(number)} == {96, 97, 98, 99}
    recent.put(100 * SHARDS, 1)
    assert recent.get(99 * SHARDS) == 99 * SHARDS + 1


def test_a_wide_memory_is_bounded_and_the_oldest_of_a_part_leaves() -> None:
    wide: Wide[int, int] = Wide(4 * SHARDS)
    for number in range(10 * SHARDS):
        wide.put(number, number)
    assert len(wide) == 4 * SHARDS
    assert {number // SHARDS for number, _ in wide.items()} == {6, 7, 8, 9}
    wide.drop(9 * SHARDS)
    assert 9 * SHARDS not in wide
    wide.clear()
    assert not wide.items()


def test_many_forged_senders_from_the_internet_are_one_alert() -> None:
    floods = [tcp(502, b"x", at=5.0 + number / 100, client=f"8.8.4.{number}") for number in range(1, 101)]
    alerts = [each for each in alerts_of(joined(polls(), *floods)) if each.rule == "internet.industrial"]
    assert 15 <= len(alerts) <= 16
    assert sum(each.times for each in alerts) == 100
    assert "many public addresses" in alerts[-1].title
