"""Every rule of the catalogue is named by a test; those that no meaning names are proved here."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from alert_cases import Case, alerts_of, rules_of
from industrial import (
    CONTROLLER,
    OTHER,
    S7_SETUP,
    S7_SETUP_DONE,
    Frames,
    Said,
    bacnet,
    cip,
    dcp,
    dcp_block,
    dhcp,
    dnp3_ask,
    dnp3_tell,
    ethernet,
    goose,
    http,
    iec104,
    joined,
    modbus,
    polls,
    s7,
    s7_service,
    tcp,
    udp,
)  # fmt: skip
from packets import START_NS

from vedette.sensor.rules import RULES

TESTS = Path(__file__).parents[3]
POLL = dnp3_ask("01 3c 02 06")
WEAK = {"weak.protocol": {"is_on": True}}


def login(user: str) -> Frames:
    secret = base64.b64encode(user.encode())
    return tcp(80, http(more=b"Authorization: Basic " + secret + b"\r\n"))


def goose_of(*sequences: int, every: float = 1.0) -> Frames:
    return [
        frame
        for turn, sequence in enumerate(sequences)
        for frame in ethernet(0x88B8, goose(sequence=sequence), at=turn * every)
    ]


def goose_holding(values: bytes) -> Frames:
    """Announce one value, and hold these."""
    whole = goose()
    one = b"\xab\x03\x83\1\1"
    raw = bytearray(whole.replace(one, bytes((0xAB, len(values))) + values))
    raw[2:4] = len(raw).to_bytes(2, "big")
    raw[9] -= len(whole) - len(raw)  # the length of the message itself, behind the header's 8 bytes and its tag
    return ethernet(0x88B8, bytes(raw))


def s7_talk(*said: Said) -> Frames:
    return tcp(102, S7_SETUP, (S7_SETUP_DONE,), *said)


def alarms(sub: int) -> bytes:
    return s7(f"00 01 12 04 11 44 {sub:02x} 00", "0a 00 00 00", rosctr=7)


def switch_at(*positions: int) -> Frames:
    """Ask an S7 controller for its key switch, again and again."""
    ask = s7("00 01 12 04 11 44 01 00", "ff 09 0004 0232 0004", rosctr=7)
    said: list[Said] = []
    for position in positions:
        entry = f"0004 0001 0001 0001 {position:04x}" + "00" * 30
        tell = s7("00 01 12 08 12 84 01 01 00 00 0000", "ff 09 0030 0232 0004 0028 0001" + entry, rosctr=7)
        said += [ask, (tell,), 10.0]
    return s7_talk(*said)


def modes(*modes_told: int) -> Frames:
    """Let an S7 controller tell in which mode it is."""
    told = [(s7(f"00 01 12 04 11 00 {mode:02x} 00", rosctr=7),) for mode in modes_told]
    return s7_talk(*told)


def profinet(service: int, content: bytes) -> Frames:
    return ethernet(0x8892, dcp(0xFEFD, service, 0, content))


def bacnet_of(service: str) -> Frames:
    return udp(47_808, bacnet("00 05 01" + service))


def broken(frame: bytes) -> bytes:
    return frame[:-1] + bytes((frame[-1] ^ 0xFF,))


def dnp3_of(times: int) -> Frames:
    return tcp(20_000, POLL, dnp3_tell(), *[broken(POLL)] * times)


def answered(times: int) -> Frames:
    """Ask for registers of one kind, and let the device answer with those of the other."""
    said: list[Said] = []
    for number in range(1, times + 1):
        said += [modbus("03 0001 0002", number), (modbus("04 04 0001 0002", number),)]
    return tcp(502, *said)


def vnc(server: str) -> Frames:
    hello = b"RFB 003.008\n"
    return joined(polls(), tcp(5_900, (hello,), hello, at=5.0, server=server, is_closed=True))


def leases(*kinds: int) -> Frames:
    """Say this to everybody, again and again, and hear nothing: the answers go another way."""
    return [
        frame
        for turn in range(8)
        for step, kind in enumerate(kinds)
        for frame in udp(67, dhcp(kind, number=turn), at=turn * 10.0 + step, client_port=68, server="255.255.255.255")
    ]


CASES: dict[str, Case] = {
    "nobody answers, and the sensor hears one direction only": Case(
        "dhcp.failed", lambda: leases(1), lambda: leases(1, 3)
    ),
    "a login that every maker has, and one of a plant": Case(
        "credential.default", lambda: login("admin:admin"), lambda: login("operator:s3cret-word")
    ),
    "three old GOOSE messages in a minute, and in three": Case(
        "goose.sequence", lambda: goose_of(10, 9, 8, 7), lambda: goose_of(10, 9, 8, 7, every=60.0)
    ),
    "three old GOOSE messages, and two": Case(
        "goose.sequence", lambda: goose_of(5, 4, 3, 2), lambda: goose_of(5, 4, 3, 4, 5)
    ),
    "alarms of an S7 controller are locked, not unlocked": Case(
        "ot.alarm_suppressed", lambda: s7_talk(alarms(7)), lambda: s7_talk(alarms(8))
    ),
    "alarms of an S7 controller are locked, not acknowledged": Case(
        "ot.alarm_suppressed", lambda: s7_talk(alarms(7)), lambda: s7_talk(alarms(11))
    ),
    "a CIP reset that forgets all, and one that only restarts": Case(
        "ot.factory_reset", lambda: tcp(44_818, cip("05 02 2001 2401 01")),
        lambda: tcp(44_818, cip("05 02 2001 2401 00")),
    ),
    "a CIP reset that keeps only addresses, and one that says nothing": Case(
        "ot.factory_reset", lambda: tcp(44_818, cip("05 02 2001 2401 02")), lambda: tcp(44_818, cip("05 02 2001 2401"))
    ),
    "a BACnet file is read, not a property": Case(
        "ot.file_read", lambda: bacnet_of("06 c4 02800001 0e 31 00 21 40 0f"),
        lambda: bacnet_of("0c 0c 02800001 19 2a"),
    ),
    "a BACnet file is written, not read": Case(
        "ot.file_write", lambda: bacnet_of("07 c4 02800001 0e 31 00 62 41 42 0f"),
        lambda: bacnet_of("06 c4 02800001 0e 31 00 21 40 0f"),
    ),
    "a key switch is turned, and is as it was": Case("ot.key_switch", lambda: switch_at(1, 3), lambda: switch_at(1, 1)),
    "a controller tells another mode, and the same": Case("ot.key_switch", lambda: modes(2, 0), lambda: modes(2, 2)),
    "a block is deleted, not linked in": Case(
        "ot.program_delete", lambda: s7_talk(s7_service("_DELE")), lambda: s7_talk(s7_service("_INSE"))
    ),
    "a Modbus device is to listen only, not to echo": Case(
        "ot.silenced", lambda: tcp(502, modbus("08 0004 0000")), lambda: tcp(502, modbus("08 0000 0000"))
    ),
    "a BACnet device is to be silent, and to speak again": Case(
        "ot.silenced", lambda: bacnet_of("11 09 05 19 01"), lambda: bacnet_of("11 09 05 19 00")
    ),
    "a BACnet device is to restart, and to begin a backup": Case(
        "ot.controller_reset", lambda: bacnet_of("14 09 01"), lambda: bacnet_of("14 09 02")
    ),
    "a BACnet device's configuration is saved elsewhere, and the device restarts": Case(
        "ot.configuration_read", lambda: bacnet_of("14 09 02"), lambda: bacnet_of("14 09 00")
    ),
    "a BACnet device's configuration is restored, and saved elsewhere": Case(
        "ot.configuration_write", lambda: bacnet_of("14 09 04"), lambda: bacnet_of("14 09 02")
    ),
    "a PROFINET device gets a name, and is asked for it": Case(
        "profinet.set", lambda: profinet(4, dcp_block(2, 2, b"\0\1plc")), lambda: profinet(3, b"\2\2")
    ),
    "three wrong checksums, and two": Case("protocol.checksum", lambda: dnp3_of(3), lambda: dnp3_of(2)),
    "no register at all is asked for, and one": Case(
        "protocol.illegal_value", lambda: tcp(502, modbus("03 0001 0000")), lambda: tcp(502, modbus("03 0001 0001"))
    ),
    "more registers than Modbus allows, and as many": Case(
        "protocol.illegal_value", lambda: tcp(502, modbus("03 0001 007e")), lambda: tcp(502, modbus("03 0001 007d"))
    ),
    "GOOSE announces a value and holds none, and holds it": Case(
        "protocol.illegal_value", lambda: goose_holding(b""), lambda: goose_holding(b"\x83\1\1")
    ),
    "twenty answers to something else, and nineteen": Case(
        "protocol.unexpected_response", lambda: answered(20), lambda: answered(19)
    ),
    "a measured value from the controlling station, and from the controlled": Case(
        "protocol.wrong_direction", lambda: tcp(2_404, iec104("01 01 03 00 0300 010000 01")),
        lambda: tcp(2_404, (iec104("01 01 03 00 0300 010000 01"),)),
    ),
    "VNC to a controller, and to a computer": Case("remote.vnc", lambda: vnc(CONTROLLER), lambda: vnc(OTHER)),
    "a version of SSH that is retired, and the one in use": Case(
        "weak.protocol", lambda: tcp(22, b"SSH-1.5-x\r\n", (b"SSH-1.5-y\r\n",)),
        lambda: tcp(22, b"SSH-2.0-x\r\n", (b"SSH-2.0-y\r\n",)), WEAK,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_rule_is_raised_by_what_it_is_about_and_not_by_what_is_like_it(name: str) -> None:
    case = CASES[name]
    assert case.rule in rules_of(case.does(), case.changes)
    assert case.rule not in rules_of(case.does_not(), case.changes)


def test_old_versions_are_told_only_to_who_asks_for_them() -> None:
    assert "weak.protocol" not in rules_of(tcp(22, b"SSH-1.5-x\r\n", (b"SSH-1.5-y\r\n",)))


def test_vnc_is_told_when_it_begins_and_not_when_it_ends() -> None:
    (alert,) = [each for each in alerts_of(vnc(CONTROLLER)) if each.rule == "remote.vnc"]
    assert alert.at_ns - START_NS < 5_100_000_000


def test_a_password_that_everybody_knows_is_not_repeated() -> None:
    assert not any("admin:admin" in str(alert) for alert in alerts_of(login("admin:admin")))


def test_every_rule_of_the_catalogue_is_named_by_a_test() -> None:
    sources = "\n".join(path.read_text() for path in sorted(TESTS.rglob("*.py")))
    unnamed = [rule.id for rule in RULES if f'"{rule.id}"' not in sources]
    assert not unnamed, f"rules that no test raises: {unnamed}"
