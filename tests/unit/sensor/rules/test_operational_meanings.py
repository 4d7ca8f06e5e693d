"""Operational alerts: each known meaning is raised by what it is about, and not by what only looks like it."""

from __future__ import annotations

import struct

import pytest
from alert_cases import Case, rules_of, sensor_after
from industrial import (
    ENGINEER,
    OPCUA_HELLO,
    OPCUA_READ,
    OTHER,
    POLL,
    S7_READ,
    S7_SETUP,
    S7_SETUP_DONE,
    S7_STOP,
    Frames,
    Said,
    arp,
    bacnet,
    ber,
    cip,
    dcp,
    dcp_block,
    dhcp,
    dnp3_ask,
    dnp3_tell,
    enip,
    ethernet,
    goose,
    h,
    http,
    http_answer,
    ip,
    joined,
    mms,
    mms_ask,
    mms_tell,
    modbus,
    opcua_answer,
    polls,
    s7,
    s7_service,
    sampled,
    srtp,
    tcp,
    udp,
)  # fmt: skip

from vedette.sensor.rules import MEANINGS

LATER = 700.0
NOBODY = "0.0.0.0"  # noqa: S104 - on the wire
"""Seconds after which a device's usual refusals are known."""


def refusal(port: int, ask: bytes, good: tuple[bytes], bad: tuple[bytes], *, is_late: bool = True) -> Frames:
    """Let a device answer, and after a while refuse; or refuse from the beginning."""
    if is_late:
        return tcp(port, ask, good, LATER, ask, bad)
    return tcp(port, ask, bad, LATER, ask, bad)


def dnp3(*answers: tuple[bytes]) -> Frames:
    said = [part for answer in answers for part in (dnp3_ask("01 3c 02 06"), answer, 10.0)]
    return tcp(20_000, *said)


def goose_of(*messages: bytes) -> Frames:
    return [frame for at, each in enumerate(messages) for frame in ethernet(0x88B8, each, at=at)]


def sampled_of(*messages: bytes) -> Frames:
    return [frame for at, each in enumerate(messages) for frame in ethernet(0x88BA, each, at=at)]


MODBUS_BAD = (modbus("83 04"),)
READ_DONE = (modbus("03 04 0001 0002"),)
CIP_READ = cip("0e 03 2001 2401 3001")
RPC = bytes.fromhex("0100a0de 976c d111 8271 00a02442df7d")


def rpc(kind: int, body: bytes) -> bytes:
    head = bytes((4, kind, 0x20, 0, 0x10, 0, 0, 0)) + bytes(16) + RPC + b"\x11" * 16
    return head + struct.pack("<IIIHHHHHBB", 0, 1, 5, 2, 0xFFFF, 0xFFFF, len(body), 0, 0, 0) + body


def rpc_read() -> bytes:
    return rpc(0, struct.pack("<IIIII", 9_999, 0, 9_999, 0, 0))


def rpc_done(status: int) -> tuple[bytes]:
    return (rpc(2, struct.pack("<IIIII", status, 0, 0, 0, 0)),)


def rpc_talk(*, is_late: bool) -> Frames:
    first = rpc_done(0 if is_late else 0xDE80A000)
    return joined(
        udp(34_964, rpc_read(), first), polls(at=1.0, times=1),
        udp(34_964, rpc_read(), rpc_done(0xDE80A000), at=LATER, client_port=40_001),
    )  # fmt: skip


def bacnet_talk(*, is_late: bool) -> Frames:
    ask = bacnet("00 05 01 0c 0c 00000005 19 55")
    bad = (bacnet("50 01 0c 91 01 91 1f"),)
    good = (bacnet("30 01 0c 0c 00000005 19 55 3e 44 42900000 3f"),)
    return joined(
        udp(47_808, ask, good if is_late else bad), udp(47_808, ask, bad, at=LATER, client_port=40_001)
    )  # fmt: skip


def dcp_talk(*, is_late: bool) -> Frames:
    ask, bad = dcp(0xFEFD, 3, 0, h("0202")), dcp(0xFEFD, 3, 5, b"")
    good = dcp(0xFEFD, 3, 1, dcp_block(2, 2, b"\0\0pump"))
    both = {"source": "10.0.0.2", "target": ENGINEER}
    return joined(
        ethernet(0x8892, ask), ethernet(0x8892, good if is_late else bad, at=0.1, **both),
        ethernet(0x8892, ask, at=LATER), ethernet(0x8892, bad, at=LATER + 0.1, **both),
    )  # fmt: skip


def discovers(count: int, *, is_answered: bool) -> Frames:
    frames: Frames = []
    for turn in range(count):
        at = turn * 10.0
        frames += udp(67, dhcp(1, number=turn), at=at, client=NOBODY, server="255.255.255.255", client_port=68)
        if is_answered:
            frames += udp(
                68, dhcp(2, number=turn, is_reply=True), at=at + 1, client="10.0.0.254", server="10.0.0.77",
                client_port=67,
            )  # fmt: skip
    return frames


def unanswered(count: int, *, is_answered: bool) -> Frames:
    frames = polls(times=1)
    for turn in range(count):
        said: list[Said] = [*POLL] if is_answered else []
        talk = tcp(502, *said, at=100.0 + turn * 5, client_port=42_000 + turn, is_closed=is_answered)
        frames += talk if is_answered else talk[:1]  # the SYN alone
    return frames


def unanswered_requests(*, is_answered: bool) -> Frames:
    said: list[Said] = [*POLL, *POLL, 6.0]
    for _ in range(6):
        said += [modbus("03 0001 0002")]
        if is_answered:
            said += [READ_DONE]
        said += [6.0]
    return joined(tcp(502, *said), polls(client=OTHER, times=50, client_port=43_000))


CASES: dict[str, Case] = {
    "An S7 Stop PLC Command was Sent": Case(
        "ot.controller_stop", lambda: tcp(102, S7_SETUP, (S7_SETUP_DONE,), S7_STOP),
        lambda: tcp(102, S7_SETUP, (S7_SETUP_DONE,), S7_READ),
    ),
    "BACNet Operation Failed": Case(
        "bacnet.failed", lambda: bacnet_talk(is_late=True), lambda: bacnet_talk(is_late=False)
    ),
    "Bad MMS Device State": Case(
        "mms.device_state", lambda: tcp(102, mms_ask(ber(0x80, b"")), (mms(ber(0xA3, ber(0xA1, b"\x80\1\0"))),)),
        lambda: tcp(102, mms_ask(ber(0x80, b"")), mms_tell(ber(0xA0, b"\x80\1\0\x81\1\0"))),
    ),
    "Change of Device Configuration": Case(
        "ot.configuration_write", lambda: udp(47_808, bacnet("00 05 01 0a 0e 09 02 0f")),
        lambda: udp(47_808, bacnet("00 05 01 0c 0c 00000005 19 55")),
    ),
    "Continuous Event Buffer Overflow at Outstation": Case(
        "dnp3.overflows", lambda: dnp3(*[dnp3_tell(iin=each) for each in ("0008", "0000") * 3]),
        lambda: dnp3(*[dnp3_tell(iin=each) for each in ("0008", "0000", "0008", "0000")]),
    ),
    "Controller Reset": Case(
        "ot.controller_reset", lambda: tcp(44_818, cip("05 02 2001 2401")), lambda: tcp(44_818, CIP_READ)
    ),
    "Controller Stop": Case(
        "ot.controller_stop", lambda: tcp(502, modbus("5a 00 41 ff")), lambda: tcp(502, modbus("5a 00 50 01"))
    ),
    "Device Failed to Receive a Dynamic IP Address": Case(
        "dhcp.failed", lambda: discovers(4, is_answered=False), lambda: discovers(4, is_answered=True)
    ),
    "Device is Suspected to be Disconnected (Unresponsive)": Case(
        "device.unresponsive", lambda: unanswered(8, is_answered=False), lambda: unanswered(8, is_answered=True)
    ),
    "EtherNet/IP CIP Service Request Failed": Case(
        "cip.failed",
        lambda: refusal(44_818, CIP_READ, (cip("8e 00 00 00 0100"),), (cip("8e 00 08 00"),)),
        lambda: refusal(44_818, CIP_READ, (cip("8e 00 00 00 0100"),), (cip("8e 00 08 00"),), is_late=False),
    ),
    "EtherNet/IP Encapsulation Protocol Command Failed": Case(
        "enip.failed",
        lambda: refusal(44_818, enip(0x65, h("01000000")), (enip(0x65, h("01000000")),), (enip(0x65, status=3),)),
        lambda: refusal(
            44_818, enip(0x65, h("01000000")), (enip(0x65, h("01000000")),), (enip(0x65, status=3),), is_late=False
        ),
    ),
    "Event Buffer Overflow in Outstation": Case(
        "dnp3.overflow", lambda: dnp3(dnp3_tell(), dnp3_tell(iin="0008")), lambda: dnp3(dnp3_tell(), dnp3_tell())
    ),
    "GE SRTP Command Failure": Case(
        "srtp.failed",
        lambda: refusal(18_245, srtp(2, b"\x00"), (srtp(3, b"", sort=0xD4),), (srtp(3, b"\5\6", sort=0xD1),)),
        lambda: refusal(
            18_245, srtp(2, b"\x00"), (srtp(3, b"", sort=0xD4),), (srtp(3, b"\5\6", sort=0xD1),), is_late=False
        ),
    ),
    "GE SRTP Stop PLC Command was Sent": Case(
        "ot.controller_stop", lambda: tcp(18_245, srtp(2, b"\x23\2")), lambda: tcp(18_245, srtp(2, b"\x00"))
    ),
    "GOOSE Control Block Requires Further Configuration": Case(
        "goose.needs_commissioning", lambda: goose_of(goose(), goose(2, needs_commissioning=True)),
        lambda: goose_of(goose(), goose(2)),
    ),
    "GOOSE Dataset Configuration was Changed": Case(
        "goose.dataset", lambda: goose_of(goose(), goose(data_set=b"RELAY1LD0/LLN0$other")),
        lambda: goose_of(goose(), goose(2)),
    ),
    "HTTP Client Error": Case(
        "http.client_error", lambda: tcp(80, *[part for _ in range(10) for part in (http("/x"), http_answer(404))]),
        lambda: tcp(80, *[part for _ in range(10) for part in (http("/x"), http_answer(200))]),
    ),
    "Illegal IP Address": Case(
        "address.illegal", lambda: udp(9_000, b"x", client="127.0.0.1"), lambda: udp(9_000, b"x", client="10.0.0.1")
    ),
    "Master-Slave Authentication Error": Case(
        "dnp3.authentication",
        lambda: tcp(20_000, dnp3_ask("20 78 01 5b 01 0400 00000000"), dnp3_tell("78 07 5b 01 0400 00000000",
                                                                               function=0x83)),
        lambda: tcp(20_000, dnp3_ask("01 3c 02 06"), dnp3_tell()),
    ),
    "MMS Service Request Failed": Case(
        "mms.failed",
        lambda: refusal(102, mms_ask(ber(0x82, b"")), mms_tell(ber(0xA2, b"\x80\1a\x81\1b\x82\1c")),
                        (mms(ber(0xA2, b"\x80\1\1" + ber(0xA2, ber(0xA0, b"\x87\1\0")))),)),
        lambda: refusal(102, mms_ask(ber(0x82, b"")), mms_tell(ber(0xA2, b"\x80\1a\x81\1b\x82\1c")),
                        (mms(ber(0xA2, b"\x80\1\1" + ber(0xA2, ber(0xA0, b"\x87\1\0")))),), is_late=False),
    ),
    "OPC UA Service Request Failed": Case(
        "opcua.failed",
        lambda: tcp(4_840, OPCUA_HELLO, OPCUA_READ, opcua_answer(634, 0), LATER, OPCUA_READ,
                    opcua_answer(397, 0x80340000)),
        lambda: tcp(4_840, OPCUA_HELLO, OPCUA_READ, opcua_answer(397, 0x80340000), LATER, OPCUA_READ,
                    opcua_answer(397, 0x80340000)),
    ),
    "Outstation Restarted": Case(
        "dnp3.restarted", lambda: dnp3(dnp3_tell(), dnp3_tell(iin="8000")),
        lambda: dnp3(dnp3_tell(iin="8000"), dnp3_tell()),
    ),
    "Outstation Restarts Frequently": Case(
        "dnp3.restarts_often", lambda: dnp3(*[dnp3_tell(iin=each) for each in ("0000", "8000", "0000", "8000")]),
        lambda: dnp3(*[dnp3_tell(iin=each) for each in ("0000", "8000", "8000", "0000")]),
    ),
    "Outstation's Configuration Changed": Case(
        "dnp3.configuration_changed", lambda: tcp(20_000, dnp3_ask("1f")), lambda: tcp(20_000, dnp3_ask("17"))
    ),
    "Outstation's Corrupted Configuration Detected": Case(
        "dnp3.configuration_corrupt", lambda: dnp3(dnp3_tell(), dnp3_tell(iin="0020")),
        lambda: dnp3(dnp3_tell(), dnp3_tell(iin="0200")),
    ),
    "PLC Operating Mode Changed": Case(
        "ot.mode_change", lambda: tcp(44_818, cip("4b 02 2067 2401 07 0100 12345678 0f00 0100 80 06")),
        lambda: tcp(44_818, cip("4b 02 2067 2401 07 0100 12345678 0600 0100 03")),
    ),
    "Profinet DCP Command Failed": Case(
        "profinet.failed", lambda: dcp_talk(is_late=True), lambda: dcp_talk(is_late=False)
    ),
    "Profinet Device Factory Reset": Case(
        "profinet.factory_reset", lambda: ethernet(0x8892, dcp(0xFEFD, 4, 0, dcp_block(5, 6, b"\0\4"))),
        lambda: ethernet(0x8892, dcp(0xFEFD, 4, 0, dcp_block(5, 3, b"\0\0\1\0"))),
    ),
    "RPC Operation Failed": Case("rpc.failed", lambda: rpc_talk(is_late=True), lambda: rpc_talk(is_late=False)),
    "Sampled Values Message Dataset Configuration was Changed": Case(
        "sv.dataset", lambda: sampled_of(sampled(1), sampled(2, units=2)), lambda: sampled_of(sampled(1), sampled(2))
    ),
    "Slave Device Unrecoverable Failure": Case(
        "modbus.device_failure", lambda: refusal(502, modbus("03 0001 0002"), READ_DONE, MODBUS_BAD),
        lambda: refusal(502, modbus("03 0001 0002"), READ_DONE, MODBUS_BAD, is_late=False),
    ),
    "Suspicion of Hardware Problems in Outstation": Case(
        "dnp3.device_trouble", lambda: dnp3(dnp3_tell(), dnp3_tell(iin="4000")), lambda: dnp3(dnp3_tell(iin="1000"))
    ),
    "Suspicion of Unresponsive MODBUS Device": Case(
        "modbus.unresponsive", lambda: unanswered_requests(is_answered=False),
        lambda: unanswered_requests(is_answered=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_operational_meaning_is_raised_by_what_it_is_about_and_by_nothing_like_it(name: str) -> None:
    case = CASES[name]
    (meaning,) = [each for each in MEANINGS if each.name == name]
    assert case.rule in meaning.rules
    assert case.rule in rules_of(case.does(), case.changes)
    assert case.rule not in rules_of(case.does_not(), case.changes)


SILENCE = ("No Traffic Detected on Sensor Interface", "Traffic Detected on Sensor Interface")


@pytest.mark.parametrize("name", SILENCE)
def test_a_silent_interface_is_told_and_that_it_speaks_again(name: str) -> None:
    assert [each.rules for each in MEANINGS if each.name == name] != [()]
    sensor = sensor_after(polls(), is_over=False)
    last_ns = sensor.engine.counters.last_ns
    sensor.engine.idle(last_ns + 59_000_000_000)
    assert not sensor.report.alerts
    sensor.engine.idle(last_ns + 61_000_000_000)
    sensor.engine.idle(last_ns + 90_000_000_000)
    assert [alert.rule for alert in sensor.report.alerts] == ["sensor.silent"]
    sensor.read(
        [
            (last_ns + 100_000_000_000, 1, frame, len(frame))
            for _, frame in arp(1, "02:00:00:00:00:01", "10.0.0.1", "10.0.0.2")
        ]
    )
    assert [alert.rule for alert in sensor.report.alerts] == ["sensor.silent", "sensor.heard_again"]


def test_an_interface_that_never_spoke_raises_nothing() -> None:
    sensor = sensor_after([], is_over=False)
    sensor.engine.idle(10**18)
    assert not sensor.report.alerts


def test_a_command_and_its_repetitions_are_one_alert_with_the_outcome() -> None:
    frames = tcp(102, S7_SETUP, (S7_SETUP_DONE,), S7_STOP, (s7("29", rosctr=3, error="0000"),), 60.0, S7_STOP)
    sensor = sensor_after(frames)
    (alert,) = sensor.report.alerts
    assert (alert.times, alert.detail["result"], alert.technique) == (2, "ok", "T0858")
    assert alert.flow is not None
    assert "10.0.0.1 told 10.0.0.2 to stop" in alert.title


def test_an_s7_service_of_the_controller_is_told() -> None:
    assert "s7.control_function" in rules_of(tcp(102, S7_SETUP, (S7_SETUP_DONE,), s7_service("_N_F_X")))


def test_icmp_that_is_no_flood_is_left_alone() -> None:
    frames = [frame for turn in range(40) for frame in ip(1, h("0800 0000 0001 0001"), at=turn * 1.0)]
    assert not rules_of(frames)
