"""Anomalies: each known meaning is raised at its threshold, and not below it or by what is usual."""

from __future__ import annotations

import pytest
from alert_cases import Case, alerts_of, rules_of
from industrial import (
    OTHER,
    POLL,
    Frames,
    Said,
    arp,
    dnp3_ask,
    http,
    http_answer,
    joined,
    mac_of,
    modbus,
    ping,
    polls,
    smb_2,
    tcp,
    udp,
)  # fmt: skip

from vedette.sensor.rules import MEANINGS

MAC = "02:00:00:00:00:99"
BANNER = (b"SSH-2.0-OpenSSH_9.2\r\n",)


def tries(count: int, *, every: float, port: int = 9_999, is_answered: bool = False) -> Frames:
    """Try one port of many addresses."""
    frames: Frames = []
    for turn in range(count):
        said: list[Said] = [*POLL, *POLL] if is_answered else []
        talk = tcp(port, *said, at=turn * every, server=f"10.7.{turn // 200}.{turn % 200 + 1}", client=OTHER)
        frames += talk if is_answered else talk[:1]
    return joined(frames, polls(times=1), polls(at=count * every + 20, times=1))


def ports(count: int, *, every: float = 0.5) -> Frames:
    frames = [frame for turn in range(count) for frame in tcp(turn + 1, at=turn * every, client=OTHER)[:1]]
    return joined(frames, polls(at=count * every + 5, times=1))


def controllers(count: int, *, requests: int) -> Frames:
    frames: Frames = []
    for turn in range(count):
        said = [part for _ in range(requests) for part in (*POLL, 1.0)]
        frames += tcp(502, *said, at=turn * 0.5, server=f"10.0.3.{turn + 1}", client=OTHER, is_closed=True)
    return joined(frames, polls(at=60.0, times=1))


def questions(count: int) -> Frames:
    """Ask for addresses that nobody has."""
    frames = [frame for turn in range(count) for frame in arp(1, MAC, "10.0.0.99", f"10.0.1.{turn + 1}", at=turn)]
    return joined(frames, polls(times=1))


def refusals(count: int, *, is_same: bool = False) -> Frames:
    said: list[Said] = []
    for turn in range(count):
        address = 1 if is_same else turn + 1
        said += [modbus(f"03 {address:04x} 0002", turn), (modbus("83 02", turn),), 10.0]
    return tcp(502, *said)


def commands(application: str, count: int, *, every: float) -> Frames:
    return tcp(20_000, *[part for _ in range(count) for part in (dnp3_ask(application), every)])


def logins(count: int, *, every: float = 1.0) -> Frames:
    frames: Frames = []
    for turn in range(count):
        frames += tcp(22, b"SSH-2.0-x\r\n", BANNER, at=turn * every, client_port=41_000 + turn, is_closed=True)
    return frames


def smb_logins(count: int, *, status: int = 0xC000006D) -> Frames:
    said: list[Said] = []
    for turn in range(count):
        answer = (smb_2(1, bytes(8), status=status, is_answer=True, number=turn),)
        said += [smb_2(1, bytes(24), number=turn), answer, 30.0]
    return tcp(445, *said)


def sessions(count: int, *, every: float) -> Frames:
    frames = polls(times=1)
    for turn in range(count):
        frames += tcp(502, *POLL, at=10 + turn * every, client_port=42_000 + turn, is_closed=True)
    return joined(frames)


def spoofing(*, is_back: bool) -> Frames:
    owner, thief = mac_of("10.0.0.2"), MAC
    return joined(
        arp(2, owner, "10.0.0.2", "10.0.0.1"), arp(2, thief, "10.0.0.2", "10.0.0.1", at=5),
        arp(2, owner, "10.0.0.2", "10.0.0.1", at=6) if is_back else [],
    )  # fmt: skip


def pings(count: int, *, every: float) -> Frames:
    return [frame for turn in range(count) for frame in ping(at=turn * every, number=turn)]


def web(more: bytes) -> Frames:
    return tcp(80, http(more=more), http_answer())


CASES: dict[str, Case] = {
    "Abnormal Exception Pattern in Slave": Case(
        "ot.exceptions", lambda: refusals(20), lambda: refusals(60, is_same=True)
    ),
    "Abnormal HTTP Header Length": Case(
        "http.header_length", lambda: web(b"X-A: " + b"a" * 9_000 + b"\r\n"),
        lambda: web(b"X-A: " + b"a" * 7_000 + b"\r\n"),
    ),
    "Abnormal Number of Parameters in HTTP Header": Case(
        "http.header_count", lambda: web(b"".join(b"X-%d: 1\r\n" % turn for turn in range(120))),
        lambda: web(b"".join(b"X-%d: 1\r\n" % turn for turn in range(50))),
    ),
    "Abnormal Termination of Applications": Case(
        "ot.stops", lambda: commands("12 5a 01 00 00 00", 20, every=60), lambda: commands("12 5a 01 00 00 00", 20,
                                                                                       every=600),
    ),
    "Address Scan Detected": Case(
        "scan.address", lambda: tries(50, every=1.0), lambda: tries(49, every=1.0)
    ),
    "ARP Address Scan Detected": Case("scan.arp", lambda: questions(40), lambda: questions(39)),
    "ARP Spoofing": Case("arp.spoofing", lambda: spoofing(is_back=True), lambda: spoofing(is_back=False)),
    "Excessive Login Attempts": Case("login.attempts", lambda: logins(20), lambda: logins(20, every=5.0)),
    "Excessive Number of Sessions": Case(
        "flood.sessions", lambda: sessions(50, every=1.0), lambda: sessions(50, every=2.0)
    ),
    "Excessive Restart Rate of an Outstation": Case(
        "ot.restarts", lambda: commands("0d", 10, every=300), lambda: commands("0d", 10, every=600)
    ),
    "Excessive SMB login attempts": Case(
        "login.smb", lambda: smb_logins(10), lambda: smb_logins(10, status=0)
    ),
    "ICMP Flooding": Case("flood.icmp", lambda: pings(60, every=0.1), lambda: pings(120, every=1.0)),
    "Illegal HTTP Header Content": Case(
        "http.header_content", lambda: web(b"X-A: \x01\x02\r\n"), lambda: web(b"X-A: usual\r\n")
    ),
    "Long Duration Address Scan Detected": Case(
        "scan.address_slow", lambda: tries(50, every=10.0), lambda: tries(50, every=20.0)
    ),
    "Password Guessing Attempt Detected": Case(
        "login.guessing", lambda: logins(100, every=0.2), lambda: logins(50, every=0.2)
    ),
    "PLC Scan Detected": Case(
        "scan.controllers", lambda: controllers(10, requests=1), lambda: controllers(10, requests=10)
    ),
    "Port Scan Detected": Case("scan.port", lambda: ports(25), lambda: ports(24)),
    "Unexpected message length": Case(
        "message.length", lambda: tcp(21, *[b"A" * 1_400] * 25), lambda: tcp(21, *[b"A" * 1_400 + b"\r\n"] * 25)
    ),
    "Unexpected Traffic for Standard Port": Case(
        "port.other_protocol", lambda: tcp(44_818, *POLL), lambda: tcp(502, *POLL)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_anomaly_meaning_is_raised_at_its_threshold_and_not_below(name: str) -> None:
    case = CASES[name]
    (meaning,) = [each for each in MEANINGS if each.name == name]
    assert case.rule in meaning.rules
    assert case.rule in rules_of(case.does(), case.changes)
    assert case.rule not in rules_of(case.does_not(), case.changes)


def test_a_master_that_polls_hundreds_of_controllers_scans_nothing() -> None:
    frames: Frames = []
    for turn in range(120):
        frames += polls(
            server=f"10.0.{turn // 100}.{turn % 100 + 10}", at=turn * 0.1, times=30, client_port=45_000 + turn
        )
    assert not alerts_of(joined(frames))


def test_a_scan_is_one_alert_however_long_it_is() -> None:
    found = [alert for alert in alerts_of(tries(400, every=0.2)) if alert.rule.startswith("scan.address")]
    assert [(alert.rule, alert.technique, alert.source) for alert in found] == [("scan.address", "T0846", OTHER)]


def test_a_sweep_of_pings_is_a_scan() -> None:
    frames = [frame for turn in range(60) for frame in ping(at=turn * 0.5, target=f"10.8.0.{turn + 1}")]
    assert "scan.address" in rules_of(joined(frames, polls(at=40.0, times=1)))


def test_many_who_are_asked_what_they_are_is_a_sweep() -> None:
    frames = [
        frame
        for turn in range(10)
        for frame in tcp(502, modbus("2b 0e 01 00"), at=turn * 2.0, server=f"10.0.4.{turn + 1}", client=OTHER)
    ]
    (alert,) = [alert for alert in alerts_of(frames) if alert.rule == "scan.identity"]
    assert (alert.technique, alert.source) == ("T0888", OTHER)


def test_a_flood_of_connections_is_told_once() -> None:
    frames = [
        frame
        for turn in range(3_100)
        for frame in tcp(80, at=turn * 0.01, client=f"10.1.{turn // 250}.{turn % 250 + 1}", client_port=1_024 + turn)[
            :1
        ]
    ]
    assert [alert.rule for alert in alerts_of(frames)].count("flood.connections") == 1
    assert "flood.connections" not in rules_of(frames[:2_900])
    assert not rules_of(udp(9_000, b"x"))


def test_a_master_that_connects_for_each_poll_scans_nothing() -> None:
    frames: Frames = []
    for turn in range(48):
        at, server = (turn // 12) * 2.0 + turn % 12 * 0.1, f"10.0.3.{turn % 12 + 1}"
        frames += tcp(502, *POLL, at=at, server=server, client_port=46_000 + turn, is_closed=True)
    assert "scan.controllers" not in rules_of(joined(frames, polls(at=60.0, times=1)))
