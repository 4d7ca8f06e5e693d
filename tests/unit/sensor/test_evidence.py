"""The packets behind an alert: which ones, how much of them, and within which bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from packets import CLIENT_MAC, SERVER_MAC, START_NS, ethernet, ipv4, ipv6, packets, tcp, udp

from vedette.sensor import link as links
from vedette.sensor.alerts import Alert, Severity
from vedette.sensor.capture import PcapngParser
from vedette.sensor.evidence import PacketRing, header_bytes, write_slice
from vedette.sensor.flows import Flow

SECRET = b"password=hunter2"


def segment(source: str, target: str, ports: tuple[int, int], payload: bytes = SECRET) -> bytes:
    return ethernet(ipv4(tcp(payload, *ports), 6, source, target), 0x0800)


def alert(flow: Flow | None = None, **changes: object) -> Alert:
    found = Alert(at_ns=START_NS, rule="ot.controller_stop", severity=Severity.HIGH, title="it stopped", flow=flow)
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def frames_of(capture: bytes) -> list[tuple[int, int, bytes, int]]:
    parser = PcapngParser()
    found = list(parser.packets(capture))
    parser.finish()
    assert not parser.damage
    return found


def test_a_slice_holds_the_frames_of_the_flow_in_both_directions_and_no_others() -> None:
    ring = PacketRing()
    ours = [
        segment("10.0.0.9", "10.0.0.2", (50_000, 102)),
        segment("10.0.0.2", "10.0.0.9", (102, 50_000), b"answer"),
    ]
    others = [segment("10.0.0.9", "10.0.0.2", (50_001, 80)), segment("10.0.0.66", "10.0.0.2", (50_000, 102))]
    heard = packets([ours[0], others[0], ours[1], others[1]])
    assert list(ring.watch(heard)) == heard, "what is watched passes unchanged"
    flow = Flow(None, "tcp", "10.0.0.9", 50_000, "10.0.0.2", 102)
    capture = ring.slice_of(alert(flow))
    found = frames_of(capture)
    assert [(at, original) for at, _, _, original in found] == [(heard[n][0], heard[n][3]) for n in (0, 2)]
    assert b"payload left out" in capture


def test_payload_stays_on_the_sensor_unless_it_is_asked_for() -> None:
    flow = Flow(None, "tcp", "10.0.0.9", 50_000, "10.0.0.2", 102)
    frame = segment("10.0.0.9", "10.0.0.2", (50_000, 102))
    captures = []
    for has_payload in (False, True):
        ring = PacketRing(has_payload=has_payload)
        list(ring.watch(packets([frame])))
        captures.append(ring.slice_of(alert(flow)))
    assert SECRET not in captures[0]
    assert SECRET in captures[1]
    [(_, _, data, original)] = frames_of(captures[0])
    assert (len(data), original) == (14 + 20 + 20, len(frame))


def test_headers_end_where_payload_begins() -> None:
    cases = {
        "udp": (datagram_of(udp(SECRET, 1, 2), 17), 42),
        "icmp": (datagram_of(b"\x08\0\0\0\0\0\0\0" + SECRET, 1), 42),
        "another protocol": (datagram_of(SECRET, 99), 34),
        "a later fragment": (ethernet(ipv4(SECRET, 17, "10.0.0.1", "10.0.0.2", fragment=3), 0x0800), 34),
        "options": (ethernet(ipv4(udp(SECRET, 1, 2), 17, "10.0.0.1", "10.0.0.2", options=bytes(8)), 0x0800), 50),
        "vlan": (ethernet(ipv4(udp(SECRET, 1, 2), 17, "10.0.0.1", "10.0.0.2"), 0x0800, vlans=(7,)), 46),
        "ipv6": (ethernet(ipv6(udp(SECRET, 1, 2), 17, "fe80::1", "fe80::2"), 0x86DD), 62),
        "a fragment of ipv6": (ethernet(ipv6(b"\x11\0\0\0\0\0\0\1" + SECRET, 44, "fe80::1", "fe80::2"), 0x86DD), 62),
        "goose": (ethernet(SECRET, 0x88B8), 14),
        "arp": (ethernet(bytes(28) + SECRET, 0x0806), 42),
        "cut short": (b"\x02" * 12 + b"\x08\x00\x45\x00", 14),
        "empty": (b"", 0),
    }
    for name, (frame, expected) in cases.items():
        assert header_bytes(links.ETHERNET, frame) == expected, name
    assert header_bytes(9999, SECRET) == 0, "of an unknown link nothing is known to be a header"


def datagram_of(payload: bytes, protocol: int) -> bytes:
    return ethernet(ipv4(payload, protocol, "10.0.0.1", "10.0.0.2"), 0x0800)


def test_without_a_flow_the_addresses_of_the_alert_tell() -> None:
    ring = PacketRing()
    list(ring.watch(packets([segment("10.0.0.9", "10.0.0.2", (1, 2)), ethernet(bytes(28), 0x88B8)])))
    assert len(frames_of(ring.slice_of(alert(source="10.0.0.9", target="10.0.0.2")))) == 1
    assert len(frames_of(ring.slice_of(alert(source="10.0.0.9", target="10.0.0.77")))) == 1
    assert len(frames_of(ring.slice_of(alert(source=CLIENT_MAC, target=SERVER_MAC)))) == 2
    assert ring.slice_of(alert(source="10.9.9.9")) == b""
    assert ring.slice_of(alert()) == b""


def test_memory_and_slices_are_bounded_and_the_latest_frames_stay() -> None:
    ring = PacketRing(max_bytes=200_000, max_slice_bytes=8_192)
    heard = packets([segment("10.0.0.9", "10.0.0.2", (1, 2), bytes([n % 256]) * 400) for n in range(5_000)])
    list(ring.watch(heard))
    flow = Flow(None, "tcp", "10.0.0.9", 1, "10.0.0.2", 2)
    capture = ring.slice_of(alert(flow))
    assert len(capture) <= 8_192
    found = frames_of(capture)
    assert found[-1][0] == heard[-1][0]
    assert len(found) > 50


def test_a_flood_of_alerts_cuts_few_slices_at_a_time() -> None:
    ring = PacketRing()
    list(ring.watch(packets([segment("10.0.0.9", "10.0.0.2", (1, 2))])))
    flow = Flow(None, "tcp", "10.0.0.9", 1, "10.0.0.2", 2)
    cut = [bool(ring.slice_of(alert(flow, at_ns=START_NS + n))) for n in range(100)]
    assert sum(cut) == 20
    assert ring.slice_of(alert(flow, at_ns=START_NS + 11_000_000_000))


@given(st.sampled_from([*sorted(links.LINKS), 9999]), st.binary(max_size=200))
def test_no_bytes_from_the_wire_break_a_slice(link: int, data: bytes) -> None:
    kept = header_bytes(link, data)
    assert 0 <= kept <= len(data)
    [frame] = frames_of(write_slice([(START_NS, link, data[:kept], len(data))], comment="\ud800" + "x" * 2_000))
    assert frame == (START_NS, link, data[:kept], len(data))
