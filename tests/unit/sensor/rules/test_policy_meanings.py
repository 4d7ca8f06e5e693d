"""Policy: each known meaning that needs no learning is raised by what it is about, and not by what is usual."""

from __future__ import annotations

from pathlib import Path

import pytest
from alert_cases import Case, alerts_of, rules_of, sensor_after
from industrial import (
    CONTROLLER,
    ENGINEER,
    OTHER,
    POLL,
    S7_READ,
    S7_SETUP,
    S7_SETUP_DONE,
    Frames,
    arp,
    ber,
    dnp3_ask,
    dnp3_tell,
    ethernet,
    goose,
    h,
    http,
    joined,
    mac_of,
    mms_ask,
    modbus,
    polls,
    s7,
    s7_download,
    s7_service,
    sampled,
    smb_2_create,
    tcp,
    udp,
)  # fmt: skip

from vedette.sensor.rules import MEANINGS, RULES, read_settings

PUBLIC = "198.51.100.20"
"""Not an address of the Internet; see ``INTERNET``."""
INTERNET = "8.8.4.4"
LATER = 700.0
BANNER = (b"SSH-2.0-OpenSSH_9.2\r\n",)
INTEGRITY = dnp3_ask("01 3c 02 06 3c 03 06 3c 04 06 3c 01 06")


def s7_talk(*said: bytes) -> Frames:
    return tcp(102, S7_SETUP, (S7_SETUP_DONE,), *said)


def lldp(name: bytes) -> bytes:
    def field(kind: int, content: bytes) -> bytes:
        return ((kind << 9) | len(content)).to_bytes(2, "big") + content

    return field(1, b"\4" + bytes(6)) + field(2, b"\7port1") + field(3, b"\0\x78") + field(5, name) + b"\0\0"


def lldp_of(*names: bytes) -> Frames:
    frames: Frames = []
    for turn, name in enumerate(names):
        frames += ethernet(0x88CC, lldp(name), at=turn * 30.0, target="01:80:c2:00:00:0e")
    return frames


def published(kind: int, *messages: bytes) -> Frames:
    return [frame for at, each in enumerate(messages) for frame in ethernet(kind, each, at=at)]


def ftp(answer: bytes) -> Frames:
    return tcp(21, (b"220 VxWorks FTP\r\n",), b"USER a\r\n", (b"331 ?\r\n",), b"PASS b\r\n", (answer,))


def integrity(*, is_new: bool) -> Frames:
    return joined(
        tcp(20_000, INTEGRITY, dnp3_tell(), LATER, INTEGRITY, dnp3_tell()),
        tcp(20_000, INTEGRITY, dnp3_tell(), at=LATER + 5 if is_new else 20.0, client=OTHER),
    )


def refused_later(*, is_late: bool) -> Frames:
    good, bad = (
        (s7("04 01", "ff04 0010 0001", rosctr=3, error="0000"),),
        (s7("04 01", "0a00 0000", rosctr=3, error="0000"),),
    )
    return tcp(102, S7_SETUP, (S7_SETUP_DONE,), S7_READ, good if is_late else bad, LATER, S7_READ, bad)


def with_public_inside(server: str) -> Frames:
    """Use a public address in this network, as ARP shows, and talk with somebody."""
    return joined(
        arp(2, mac_of("9.9.9.9"), "9.9.9.9", ENGINEER), tcp(443, b"x", at=1.0, client="9.9.9.9", server=server),
    )  # fmt: skip


CASES: dict[str, Case] = {
    "External address within the network communicated with Internet": Case(
        "internet.public_inside", lambda: with_public_inside(INTERNET), lambda: with_public_inside(CONTROLLER)
    ),
    "FTP Login Failed": Case(
        "login.ftp_failed", lambda: ftp(b"530 no\r\n"), lambda: ftp(b"230 yes\r\n")
    ),
    "Function Code Raised Unauthorized Exception": Case(
        "ot.exception", lambda: refused_later(is_late=True), lambda: refused_later(is_late=False)
    ),
    "GOOSE Message Type Settings": Case(
        "goose.settings", lambda: published(0x88B8, goose(), goose(revision=4)),
        lambda: published(0x88B8, goose(), goose(2)),
    ),
    "Internet Access Detected": Case(
        "internet.access", lambda: joined(polls(), tcp(443, b"x", at=5.0, client="10.0.0.50", server=INTERNET)),
        lambda: tcp(443, b"x", at=5.0, client="10.0.0.50", server=INTERNET),
    ),
    "New LLDP Device Configuration": Case(
        "lldp.configuration", lambda: lldp_of(b"switch-1", b"switch-2"), lambda: lldp_of(b"switch-1", b"switch-1")
    ),
    "Sampled Values Message Type Settings": Case(
        "sv.settings", lambda: published(0x88BA, sampled(1), sampled(2, revision=2)),
        lambda: published(0x88BA, sampled(1), sampled(2)),
    ),
    "Suspicion of Illegal Integrity Scan": Case(
        "dnp3.integrity_scan", lambda: integrity(is_new=True), lambda: integrity(is_new=False)
    ),
    "Unauthorized Internet Connectivity Detected": Case(
        "internet.industrial", lambda: joined(polls(), tcp(443, b"x", at=5.0, client=CONTROLLER, server=INTERNET)),
        lambda: joined(polls(), tcp(443, b"x", at=5.0, client=CONTROLLER, server="192.168.7.7")),
    ),
    "Unauthorized MMS Program Access": Case(
        "mms.program_access", lambda: tcp(102, mms_ask(ber(0xBF26, ber(0x80, b"main")))),
        lambda: tcp(102, mms_ask(ber(0x82, b""))),
    ),
    "Unauthorized PLC Configuration Read": Case(
        "ot.configuration_read", lambda: udp(9_600, h("80 00 02 00 02 00 00 01 00 07 02 01 8010 0000 0010")),
        lambda: udp(9_600, h("80 00 02 00 02 00 00 01 00 07 01 01 82 0000 00 0010")),
    ),
    "Unauthorized PLC Configuration Write": Case(
        "ot.configuration_write", lambda: udp(9_600, h("80 00 02 00 02 00 00 01 00 07 02 02 8010 0000 0001 0000")),
        lambda: udp(9_600, h("80 00 02 00 02 00 00 01 00 07 01 01 82 0000 00 0010")),
    ),
    "Unauthorized PLC Program Upload": Case(
        "ot.program_upload", lambda: tcp(502, modbus("5a 00 33 00 01")), lambda: tcp(502, modbus("5a 00 02 00"))
    ),
    "Unauthorized PLC Programming": Case(
        "ot.program_download", lambda: s7_talk(s7_download("0800001P")), lambda: s7_talk(S7_READ)
    ),
    "Unauthorized Siemens S7 Execution of Control Function": Case(
        "s7.control_function", lambda: s7_talk(s7_service("_N_F_X")), lambda: s7_talk(S7_READ)
    ),
    "Unauthorized SMB Login": Case(
        "remote.smb", lambda: joined(polls(), tcp(445, smb_2_create("x"), at=5.0)),
        lambda: joined(polls(), tcp(445, smb_2_create("x"), at=5.0, server=OTHER)),
    ),
    "Unauthorized SSH Access": Case(
        "remote.ssh", lambda: joined(polls(), tcp(22, b"SSH-2.0-x\r\n", BANNER, at=5.0)),
        lambda: joined(polls(), tcp(22, b"SSH-2.0-x\r\n", BANNER, at=5.0, server=OTHER)),
    ),
    "Unauthorized Windows Service": Case(
        "windows.service_made", lambda: tcp(445, smb_2_create("x\\a.exe"), smb_2_create("svcctl")),
        lambda: tcp(445, smb_2_create("x\\a.txt"), smb_2_create("svcctl")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_policy_meaning_is_raised_by_what_it_is_about_and_not_by_what_is_usual(name: str) -> None:
    case = CASES[name]
    (meaning,) = [each for each in MEANINGS if each.name == name]
    assert case.rule in meaning.rules
    assert case.rule in rules_of(case.does(), case.changes)
    assert case.rule not in rules_of(case.does_not(), case.changes)


OWN = "Unauthorized Operation was detected by a User Defined Rule"


def test_the_operators_own_rules_are_kept(tmp_path: Path) -> None:
    assert [each.rules for each in MEANINGS if each.name == OWN] == [("own.rule",)]
    path = tmp_path / "rules.toml"
    path.write_text(
        '[[own]]\nname = "nobody writes at night"\nkind = "write"\nsource = "10.0.0.0/24"\nservice = "write_*"\n'
        '[[own]]\nname = "no web on controllers"\nport = 80\ntarget = "10.0.0.2"\nseverity = "low"\n'
    )
    settings = read_settings(path, RULES)
    found = sensor_after(joined(tcp(502, *POLL, modbus("06 0001 0007")), tcp(80, http(), at=1.0)), settings)
    assert [
        (alert.title.partition(":")[0], str(alert.severity))
        for alert in found.report.alerts
        if alert.rule == "own.rule"
    ] == [("nobody writes at night", "high"), ("no web on controllers", "low")]
    quiet = sensor_after(joined(tcp(502, *POLL), tcp(80, http(), at=1.0, server=OTHER)), settings)
    assert not [alert for alert in quiet.report.alerts if alert.rule == "own.rule"]


def test_a_source_that_never_wrote_is_told_once_the_device_is_known() -> None:
    write = modbus("06 0001 0007")
    settled = joined(polls(), tcp(502, write, at=5.0, client_port=44_000))
    assert "ot.new_writer" not in rules_of(settled)
    late = joined(
        settled, tcp(502, write, write, at=LATER, client=OTHER), tcp(502, write, at=LATER, client_port=44_001)
    )
    (alert,) = [alert for alert in alerts_of(late) if alert.rule == "ot.new_writer"]
    assert (alert.source, alert.technique, alert.is_learnable) == (OTHER, "T0855", True)


def test_a_publisher_that_is_another_device_is_told() -> None:
    frames = joined(ethernet(0x88B8, goose(5)), ethernet(0x88B8, goose(900), at=1.0, source=OTHER))
    assert {"goose.other_source", "goose.state_jump"} <= rules_of(frames)
    assert not rules_of(published(0x88B8, goose(5), goose(6), goose(7)))
    sampled_twice = joined(ethernet(0x88BA, sampled(1)), ethernet(0x88BA, sampled(2), at=1.0, source=OTHER))
    assert "sv.other_source" in rules_of(sampled_twice)


def test_files_moved_to_a_controller_and_forced_values_are_told() -> None:
    tftp = joined(polls(), udp(69, b"\0\2fw.bin\0octet\0", at=5.0))
    assert "file.transfer" in rules_of(tftp)
    assert "ot.forced_value" in rules_of(udp(9_600, h("80 00 02 00 02 00 00 01 00 07 23 01 0001 0001 30 0000 00")))
    assert "remote.rdp" in rules_of(joined(polls(), tcp(3_389, h("030000130ee000000000000100080003000000"), at=5.0)))
