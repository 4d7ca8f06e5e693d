"""The demo's plant: frames as the standards want them, a day that raises nothing, and a takeover that raises much."""

from __future__ import annotations

import asyncio
import heapq
import os
import struct
from collections.abc import Iterable
from datetime import timedelta
from itertools import takewhile

from packets import ip_checksum

from vedette.sensor import Alert, Sensor
from vedette.sensor.baseline import Settings
from vedette.sensor.capture import PcapParser
from vedette.sensor.summary import as_document
from vedette.simulation import ManualClock
from vedette.simulation.plant import Feed, Frame, habits, story
from vedette.simulation.plant.frames import S
from vedette.simulation.plant.stations import ENGINEERING, LAPTOP, PRESS

BEGIN_NS = 1_790_000_000 * S
HOUR_NS = 3_600 * S


def played(hours: float, *others: Iterable[Frame]) -> list[Frame]:
    until_ns = BEGIN_NS + int(hours * HOUR_NS)
    return list(takewhile(lambda frame: frame[0] < until_ns, heapq.merge(*habits(BEGIN_NS), *others)))


def heard(frames: list[Frame]) -> tuple[Sensor, list[Alert]]:
    sensor = Sensor(baseline=Settings())
    sensor.read((at_ns, 1, frame, len(frame)) for at_ns, frame in frames)
    alerts = list(sensor.report.alerts)
    sensor.finish()
    return sensor, alerts


def test_checksums_are_right_and_frames_come_in_order() -> None:
    frames = played(0.5, *(act.frames(BEGIN_NS + 60 * S) for act in story()))
    assert [at_ns for at_ns, _ in frames] == sorted(at_ns for at_ns, _ in frames)
    for _, frame in frames:
        if frame[12:14] != b"\x08\x00":
            continue
        size = struct.unpack(">H", frame[16:18])[0]
        packet = frame[14 : 14 + size]
        assert ip_checksum(packet[:20]) == 0
        segment = packet[20:]
        if packet[9] == 6 or segment[6:8] != b"\0\0":
            pseudo = packet[12:20] + struct.pack(">BBH", 0, packet[9], len(segment))
            assert ip_checksum(pseudo + segment) == 0


def test_a_few_hours_raise_nothing_and_are_understood() -> None:
    sensor, alerts = heard(played(3))
    assert alerts == []
    assert sensor.engine.counters.undecodable == 0
    names = {flow["protocol"] for flow in _protocols(sensor)}
    assert {"modbus", "s7comm", "enip", "bacnet", "dns", "ntp", "dhcp", "lldp", "mdns", "http", "tls", "smb"} <= names


def test_each_act_of_the_story_is_noticed() -> None:
    at_ns, acts = BEGIN_NS + HOUR_NS, []
    for act in story(7):
        acts.append(act.frames(at_ns))
        at_ns += 12 * S
    _, alerts = heard(played(1.1, *acts))
    found = {(alert.rule, alert.source, alert.target) for alert in alerts}
    assert {
        ("scan.port", LAPTOP.address, ENGINEERING.address),
        ("ot.program_upload", ENGINEERING.address, PRESS.address),
        ("ot.program_download", ENGINEERING.address, PRESS.address),
        ("ot.controller_stop", ENGINEERING.address, PRESS.address),
    } <= found
    assert not {each for each in found if each[1] == PRESS.address}, "a controller that fetches its program writes none"
    assert all({rule for rule, _, _ in found} & act.rules for act in story() if act.rules)


def test_no_two_plays_of_the_story_share_a_connection() -> None:
    first, second = ({frame for _, frame in act.frames(BEGIN_NS)} for act in (story(1)[-1], story(2)[-1]))
    assert not first & second


def test_a_feed_writes_a_capture_of_what_is_past_in_order() -> None:
    clock = ManualClock()
    frames = [(int(clock.now().timestamp()) * S + number * S, bytes((number,)) * 60) for number in range(10)]
    clock.advance(timedelta(seconds=4.5))
    content = asyncio.run(_caught_up(clock, frames[1::2], frames[::2]))
    parser = PcapParser()
    assert [(packet[0], packet[2]) for packet in parser.packets(content)] == frames[:5]
    assert not parser.damage


async def _caught_up(clock: ManualClock, *sources: list[Frame]) -> bytes:
    reading, writing = os.pipe()
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(writing, "wb"))
    pipe = asyncio.StreamWriter(transport, protocol, None, loop)
    feed = Feed(pipe, clock)
    for source in sources:
        feed.add(source)
    await feed.catch_up(0)
    transport.abort()
    with os.fdopen(reading, "rb") as said:
        return said.read(24 + 5 * 76)


def _protocols(sensor: Sensor) -> list[dict[str, str]]:
    found: list[dict[str, str]] = as_document(sensor)["protocols"]
    return found
