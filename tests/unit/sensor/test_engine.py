from __future__ import annotations

import gc
import struct
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING

import packets as build
import pytest
from cpu_time import least_cpu_s
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.sensor import Anomaly, AssetEvidence, Flow, OtOp
from vedette.sensor.dissect import PROTOCOLS, SURE, Protocol, StreamDissector
from vedette.sensor.engine import Engine, Limits
from vedette.sensor.flows import Side
from vedette.sensor.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Iterable

READ = bytes.fromhex("0001 0000 0006 01 03 0001 0002")
ANSWER = bytes.fromhex("0001 0000 0007 01 03 04 0005 0006")


class Heard(Listener):
    def __init__(self) -> None:
        self.ops: list[OtOp] = []
        self.told: list[AssetEvidence] = []
        self.odd: list[Anomaly] = []
        self.flows: list[Flow] = []

    def operations(self, operations: list[OtOp]) -> None:
        self.ops += operations

    def evidence(self, evidence: list[AssetEvidence]) -> None:
        self.told += evidence

    def anomalies(self, anomalies: list[Anomaly]) -> None:
        self.odd += anomalies

    def flow_closed(self, flow: Flow) -> None:
        self.flows.append(flow)


def run(frames: Iterable[bytes], *, link: int = 1, limits: Limits | None = None) -> tuple[Heard, Engine]:
    heard = Heard()
    engine = Engine([heard], limits=limits)
    engine.read(build.packets(frames, link=link))
    engine.finish()
    return heard, engine


def polls(count: int) -> build.Talk:
    talk = build.Talk(502).open()
    for number in range(count):
        head = struct.pack(">H", number)
        talk.say(head + READ[2:]).answer(head + ANSWER[2:])
    return talk.close()


def test_a_connection_becomes_operations_and_one_confirmed_flow() -> None:
    heard, engine = run(polls(3).frames)
    assert [op.service for op in heard.ops] == ["read_holding_registers"] * 6
    assert heard.ops[1].value == (5, 6)
    (flow,) = heard.flows
    assert (flow.client, flow.server, flow.server_port) == ("10.0.0.1", "10.0.0.2", 502)
    assert (flow.protocol, flow.certainty) == ("modbus", "confirmed")
    assert flow.from_client.packets == 6
    assert flow.from_client.payload_bytes == 36
    assert engine.counters.packets == 11


def test_the_client_is_known_without_a_beginning() -> None:
    heard, _ = run(polls(2).frames[4:])  # begins with an answer
    (flow,) = heard.flows
    assert (flow.client, flow.server_port) == ("10.0.0.1", 502)
    assert [op.is_from_client for op in heard.ops] == [False, True, False]


def test_retransmissions_and_doubles_count_once() -> None:
    frames = polls(3).frames
    heard, engine = run([*frames[:4], frames[3], *frames[4:6], frames[5], frames[3], *frames[6:]])
    assert len(heard.ops) == 6
    assert engine.reassembly.retransmitted + engine.reassembly.doubles == 3


def test_segments_out_of_order_are_read_in_order() -> None:
    frames = polls(4).frames
    frames[3], frames[5] = frames[5], frames[3]
    heard, _ = run(frames)
    assert [op.transaction for op in heard.ops if op.is_from_client] == [0, 1, 2, 3]


def test_a_lost_segment_is_counted_and_reading_goes_on() -> None:
    frames = polls(40).frames
    del frames[7]
    heard, engine = run(frames)
    assert len(heard.ops) == 79
    assert heard.flows[0].from_client.missed_bytes == 12
    assert engine.reassembly.holes == 1
    assert engine.reassembly.waiting_bytes == 0


def test_messages_in_one_segment_and_one_message_in_several() -> None:
    talk = build.Talk(502).open()
    stream = READ + READ + READ
    for start in range(0, len(stream), 7):
        talk.say(stream[start : start + 7])
    talk.say(READ + READ)
    heard, _ = run(talk.frames)
    assert len(heard.ops) == 5


@pytest.mark.parametrize("vlans", [(), (7,), (7, 8), (1, 2, 3, 4)])
def test_tags_are_read(vlans: tuple[int, ...]) -> None:
    talk = build.Talk(502, vlans=vlans).open().say(READ).answer(ANSWER)
    heard, _ = run(talk.frames)
    assert len(heard.ops) == 2
    assert heard.flows[0].vlan == (vlans[0] if vlans else None)
    assert heard.flows[0].from_client.mac.hex(":") == build.CLIENT_MAC


def ip_packets() -> list[bytes]:
    return [frame[14:] for frame in polls(1).frames]


def test_raw_ip_loopback_and_cooked_captures_are_read() -> None:
    plain = ip_packets()
    assert len(run(plain, link=101)[0].ops) == 2
    assert len(run(plain, link=228)[0].ops) == 2
    assert len(run([b"\x02\0\0\0" + packet for packet in plain], link=0)[0].ops) == 2
    assert len(run([b"\0\0\0\x02" + packet for packet in plain], link=108)[0].ops) == 2
    cooked = struct.pack(">HHH", 0, 1, 6) + build.mac(build.CLIENT_MAC) + b"\0\0"
    assert len(run([cooked + b"\x08\0" + packet for packet in plain], link=113)[0].ops) == 2
    cooked2 = b"\x08\0\0\0" + struct.pack(">IHBB", 1, 1, 0, 6) + build.mac(build.CLIENT_MAC) + b"\0\0"
    assert len(run([cooked2 + packet for packet in plain], link=276)[0].ops) == 2


def test_an_unknown_link_type_is_counted() -> None:
    assert run(ip_packets(), link=147)[1].counters.unknown_link == 7


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        (0x0800, b"\0\0\x08\0"),
        (0x6558, b"\0\0\x65\x58"),
        (0x88BE, b"\x10\0\x88\xbe\0\0\0\1" + bytes(8)),
        (0x22EB, b"\x10\0\x22\xeb\0\0\0\1" + bytes(12)),
        (0x22EB, b"\x10\0\x22\xeb\0\0\0\1" + bytes(11) + b"\x01" + bytes(8)),
    ],
)
def test_mirror_tunnels_are_opened(kind: int, before: bytes) -> None:
    frames = []
    for frame in polls(1).frames:
        inner = frame[14:] if kind == 0x0800 else frame
        frames.append(build.ethernet(build.ipv4(before + inner, 47, "192.0.2.1", "192.0.2.2"), 0x0800))
    heard, _ = run(frames)
    assert len(heard.ops) == 2
    assert heard.flows[0].client == "10.0.0.1"


def test_tunnels_without_end_are_not_followed() -> None:
    packet = ip_packets()[3]
    for _ in range(40):
        packet = build.ipv4(packet, 4, "192.0.2.1", "192.0.2.2")
    heard, engine = run([build.ethernet(packet, 0x0800)])
    assert not heard.ops
    assert engine.counters.deep == 1


def test_hsr_tags_and_prp_trailers_are_no_content() -> None:
    frames = polls(1).frames
    hsr = [frame[:12] + b"\x89\x2f" + bytes(4) + frame[12:] for frame in frames]
    assert len(run(hsr)[0].ops) == 2
    arp = bytes.fromhex("0001 0800 0604 0001 020000000001 0a000001 000000000000 0a000002").ljust(46, b"\0")
    trailer = struct.pack(">HHH", 1, 0xA000 | len(arp) + 6, 0x88FB)
    frame = build.mac(build.BROADCAST) + build.mac(build.CLIENT_MAC) + b"\x08\x06" + arp
    other = struct.pack(">HHH", 1, 0xB000 | len(arp) + 6, 0x88FB)
    heard = Heard()
    engine = Engine([heard])
    engine.read([(build.START_NS, 1, frame + trailer, 66), (build.START_NS + 1_000, 1, frame + other, 66)])
    assert len(heard.ops) == 1
    assert engine.doubles.seen == 1


def test_fragments_are_put_together_in_any_order() -> None:
    segment = build.udp(READ, 40_000, 502)
    pieces = [
        build.ipv4(segment[:16], 17, "10.0.0.1", "10.0.0.2", identification=9, fragment=0x2000),
        build.ipv4(segment[16:], 17, "10.0.0.1", "10.0.0.2", identification=9, fragment=2),
    ]
    for order in (pieces, pieces[::-1]):
        heard, engine = run([build.ethernet(piece, 0x0800) for piece in order])
        assert len(heard.ops) == 1
        assert heard.flows[0].from_client.mac.hex(":") == build.CLIENT_MAC
        assert engine.fragments.held_bytes == 0


def test_overlapping_fragments_are_dropped_whole() -> None:
    segment = build.udp(READ + bytes(8), 40_000, 502)
    pieces = [
        build.ipv4(segment[:16], 17, "10.0.0.1", "10.0.0.2", identification=9, fragment=0x2000),
        build.ipv4(segment[8:24], 17, "10.0.0.1", "10.0.0.2", identification=9, fragment=0x2001),
        build.ipv4(segment[24:], 17, "10.0.0.1", "10.0.0.2", identification=9, fragment=3),
    ]
    heard, engine = run([build.ethernet(piece, 0x0800) for piece in pieces])
    assert not heard.ops
    assert engine.fragments.dropped == 1


def test_fragments_that_never_end_stay_bounded() -> None:
    frames = [
        build.ethernet(build.ipv4(bytes(1400), 17, "10.0.0.1", "10.0.0.2", identification=n, fragment=0x2000), 0x0800)
        for n in range(3_000)
    ]
    _, engine = run(frames, limits=Limits(max_fragment_bytes=100_000))
    assert engine.fragments.held_bytes <= 100_000


def test_ipv6_with_extensions_is_read() -> None:
    segment = build.udp(READ, 40_000, 502)
    packet = build.ipv6(b"\x11\0" + bytes(6) + segment, 0, "fd00::1", "fd00::2")
    heard, _ = run([build.ethernet(packet, 0x86DD)])
    assert (heard.flows[0].client, heard.ops[0].first) == ("fd00::1", 1)


def test_mirrored_datagrams_count_once_and_repeated_ones_twice() -> None:
    frame = build.datagram(READ, 502)
    heard = Heard()
    engine = Engine([heard])
    for at_ns in (0, 50_000, 2_000_000):
        engine.read([(build.START_NS + at_ns, 1, frame, len(frame))])
    assert len(heard.ops) == 2


def test_the_same_ports_again_are_another_connection() -> None:
    first = polls(1)
    second = build.Talk(502, client_seq=500_000, server_seq=700_000).open().say(READ).answer(ANSWER)
    heard, _ = run(first.frames + second.frames)
    assert len(heard.flows) == 2
    assert len(heard.ops) == 4


def test_flows_are_bounded_and_the_oldest_leaves() -> None:
    frames = [build.datagram(b"hello", 9_999, source_port=port) for port in range(1_000, 3_000)]
    heard, engine = run(frames, limits=Limits(max_flows=100))
    assert engine.table.evicted == 1_900
    assert len(heard.flows) == 2_000
    assert not engine.table.sides["udp"]


def test_a_flood_of_strangers_does_not_push_out_who_talks() -> None:
    talk = build.Talk(502).open().say(READ).answer(ANSWER)
    frames = list(talk.frames)
    for number in range(2_000):
        segment = build.tcp(b"", 1_024 + number, 502, flags=build.SYN)
        frames.append(build.ethernet(build.ipv4(segment, 6, "10.0.9.9", "10.0.0.2"), 0x0800))
        if not number % 100:
            talk.frames.clear()
            frames += talk.say(READ).answer(ANSWER).frames
    heard, engine = run(frames, limits=Limits(max_flows=100))
    assert engine.table.evicted > 1_500
    assert len([flow for flow in heard.flows if flow.protocol == "modbus"]) == 1


def test_a_mistake_in_a_dissector_costs_its_flow_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    class Wrong(StreamDissector):
        __slots__ = ()
        name = "wrong"

        def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: FBT001 - the interface
            return 4

        def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:  # noqa: FBT001 - same
            raise TypeError(data)

    wrong = Protocol("wrong", "Wrong", "ot", "tcp", (9_100,), lambda _payload, _is_from_client: SURE, Wrong)
    heard = Heard()
    engine = Engine([heard], protocols=(*PROTOCOLS, wrong))
    engine.read(build.packets(build.Talk(9_100).open().say(b"1234").say(b"5678").frames + polls(1).frames))
    engine.finish()
    assert engine.unparsed.failed == 1
    assert len(heard.ops) == 2
    assert caplog.records[0].__dict__["protocol"] == "wrong"
    assert "1234" not in caplog.text


def test_a_flood_of_openings_on_the_same_ports_stays_cheap_and_bounded() -> None:
    frames = []
    for seq in range(3_000):
        segment = build.tcp(b"", 40_000, 502, seq=seq, flags=build.SYN)
        frames.append(build.ethernet(build.ipv4(segment, 6, "10.0.0.1", "10.0.0.2"), 0x0800))
    _, engine = run(frames, limits=Limits(max_flows=100))
    assert len(engine.table) == 0
    assert engine.table.opened == 3_000


def test_unfinished_messages_of_all_flows_together_are_bounded() -> None:
    frames = []
    for port in range(1_000, 1_400):
        talk = build.Talk(502, client_port=port).open()
        talk.say(READ + READ[:7]).answer(ANSWER + ANSWER[:7])
        frames += talk.frames
    heard = Heard()
    engine = Engine([heard], limits=Limits(max_held_bytes=700))
    engine.read(build.packets(frames))
    assert engine.unparsed.held_bytes <= 700 + 7
    engine.finish()
    assert engine.unparsed.held_bytes == 0
    assert len(heard.ops) == 800


def test_no_packet_takes_ten_milliseconds_whatever_it_holds() -> None:
    segments = [READ * 5_000, READ[:8] * 7_000, b"\x00" * 60_000, b"\xff" * 60_000, bytes(range(256)) * 230]
    for payload in segments:
        talk = build.Talk(502).open().say(READ).answer(ANSWER)
        packet = build.ipv4(build.tcp(payload[:65_000], 40_000, 502, seq=talk.client_seq), 6, "10.0.0.1", "10.0.0.2")
        frame = build.ethernet(packet, 0x0800)
        engines = [Engine([Heard()]) for _ in range(5)]
        for engine in engines:
            engine.read(build.packets(talk.frames))
        late = [(build.START_NS + 1_000_000_000, 1, frame, len(frame))]
        reading = map(Engine.read, engines, repeat(late))
        # Five times the goal: the machine that tests is shared.
        assert least_cpu_s(partial(next, reading), enough_s=0.05) < 0.05


def test_another_protocol_on_the_port_is_not_called_modbus() -> None:
    talk = build.Talk(502).open()
    for _ in range(10):
        talk.say(b"GET / HTTP/1.1\r\n\r\n").answer(b"HTTP/1.1 200 OK\r\n\r\n")
    heard, _ = run(talk.frames)
    assert heard.flows[0].protocol != "modbus"
    assert "modbus" not in {op.protocol for op in heard.ops}


def test_modbus_on_another_port_is_found() -> None:
    talk = build.Talk(10_502).open().say(READ).answer(ANSWER)
    heard, _ = run(talk.frames)
    assert (heard.flows[0].protocol, heard.flows[0].certainty) == ("modbus", "confirmed")


def test_a_tcp_header_of_an_impossible_length_is_counted_and_not_read() -> None:
    frames = polls(2).frames
    broken = bytearray(frames[3])
    broken[46] = 0x10
    heard, engine = run([*frames[:3], bytes(broken), *frames[3:]])
    assert engine.counters.undecodable == 1
    assert len(heard.ops) == 4


def test_a_packet_cut_by_the_capture_is_a_gap_and_no_malformed_message() -> None:
    frames = polls(4).frames
    frames[5] = frames[5][:60]
    heard, engine = run(frames)
    assert not heard.odd
    assert engine.counters.truncated == 1
    assert len(heard.ops) == 7


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutated_frames_raise_nothing(data: st.DataObject) -> None:
    frames = [bytearray(frame) for frame in polls(3).frames]
    for _ in range(data.draw(st.integers(1, 20))):
        frame = frames[data.draw(st.integers(0, len(frames) - 1))]
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 70))
    link = data.draw(st.sampled_from([0, 1, 101, 108, 113, 228, 276]))
    _, engine = run(
        [bytes(frame[:cut] if number % 3 == 0 else frame) for number, frame in enumerate(frames)], link=link
    )
    assert engine.counters.packets == len(frames)
    assert engine.reassembly.waiting_bytes == 0


def test_a_keep_alive_before_the_first_message_does_not_hide_the_protocol() -> None:
    talk = build.Talk(502)
    talk.say(b"\0").say(READ).answer(b"\0").answer(ANSWER).say(READ).answer(ANSWER)
    heard, _ = run(talk.frames)
    assert [(flow.protocol, flow.certainty) for flow in heard.flows] == [("modbus", "confirmed")]
    assert len(heard.ops) == 4


def test_flows_that_ended_leave_nothing_for_the_collector() -> None:
    frames = [frame for port in range(1_000, 1_400) for frame in build.Talk(502, client_port=port).open().frames[:1]]
    engine = Engine(limits=Limits(max_flows=100))
    engine.read(build.packets(frames))
    engine.finish()
    gc.collect()
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        engine.read(build.packets(frames))
        engine.finish()
        assert not [thing for thing in gc.get_objects() if isinstance(thing, Flow) and thing.client == "10.0.0.1"]
    finally:
        gc.set_threshold(*before)


def test_a_flood_leaves_little_for_the_collector_to_look_at_in_one_go() -> None:
    frames = [build.Talk(502, client_port=port).open().frames[0] for port in range(1_000, 6_000)]
    engine = Engine(limits=Limits(max_flows=100))
    gc.collect()
    gc.disable()
    try:
        engine.read(build.packets(frames))
        assert len(gc.get_objects(generation=0)) < 2_000
    finally:
        gc.enable()


def test_ended_flows_are_told_soon_while_a_flood_ends_many() -> None:
    told: list[int] = []

    class Counts(Listener):
        def flow_closed(self, flow: Flow) -> None:
            told[-1] += 1

        def side_heard(self, side: Side, at_ns: int) -> None:
            told.append(0)

    frames = [build.Talk(502, client_port=port).open().frames[0] for port in range(1_000, 3_000)]
    engine = Engine([Counts()], limits=Limits(max_flows=100))
    engine.read((at_ns // 1_000, link, data, size) for at_ns, link, data, size in build.packets(frames))
    assert 0 < max(told) <= 64
