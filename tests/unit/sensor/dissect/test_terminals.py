"""SSH, Telnet, FTP and TFTP: people and scripts that sign in and move files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, ftp, ssh, telnet, tftp, torture
from vedette.sensor.dissect.ftp import Ftp
from vedette.sensor.dissect.ssh import Ssh
from vedette.sensor.dissect.telnet import Telnet
from vedette.sensor.dissect.tftp import Tftp

BANNER = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"


def kinds(trial: Trial) -> list[AnomalyKind]:
    return [each.kind for each in trial.sink.anomalies]


def everything(trial: Trial) -> str:
    return repr((trial.sink.operations, trial.sink.evidence, trial.sink.anomalies))


@given(st.integers(1, 60))
def test_ssh_tells_software_and_system_however_it_is_cut(size: int) -> None:
    trial = Trial(Ssh)
    trial.say(b"SSH-2.0-PuTTY_Release_0.78\r\n" + bytes(range(256)))
    stream = b"Welcome\r\n" + BANNER + b"\0\1\2\3" * 50
    for start in range(0, len(stream), size):
        trial.answer(stream[start : start + size])
    assert [(op.name, op.value) for op in trial.sink.operations] == [
        ("PuTTY_Release_0.78", "2.0"),
        ("OpenSSH_9.2p1 Debian-2+deb12u3", "2.0"),
    ]
    assert ("10.0.0.2", Attribute.OPERATING_SYSTEM, "Debian Linux") in {
        (piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence
    }
    assert not trial.sink.anomalies


def test_a_retired_ssh_is_noted() -> None:
    trial = Trial(Ssh)
    trial.answer(b"SSH-1.5-Cisco-1.25\n")
    assert kinds(trial) == [AnomalyKind.ILLEGAL_VALUE]


def test_ftp_files_are_operations_and_the_password_is_masked() -> None:
    trial = Trial(Ftp, port=21)
    trial.answer(b"220-Hello\r\n220 VxWorks (5.4) FTP server ready\r\n")
    for said, answered in (
        (b"USER loader\r\n", b"331 Password required\r\n"),
        (b"PASS fwdownload\r\n", b"230 Logged in\r\n"),
        (b"STOR /FLASH0/fw/kernel.bin\r\n", b"150 Opening\r\n226 Done\r\n"),
    ):
        trial.say(said)
        trial.answer(answered)
    assert kinds(trial) == [AnomalyKind.CLEAR_TEXT_CREDENTIAL]
    assert "fwdownload" not in everything(trial)
    stored = [op for op in trial.sink.operations if op.service == "stor"]
    assert [(op.kind, op.name, op.result) for op in stored] == [
        (OpKind.FILE, "/FLASH0/fw/kernel.bin", ""),
        (OpKind.FILE, "/FLASH0/fw/kernel.bin", "ok"),
        (OpKind.FILE, "/FLASH0/fw/kernel.bin", "ok"),
    ]
    assert {(piece.attribute, piece.value) for piece in trial.sink.evidence} == {
        (Attribute.SOFTWARE, "VxWorks (5.4) FTP server ready"),
        (Attribute.USER, "loader"),
    }


def test_ftp_logins_that_fail_are_noted() -> None:
    trial = Trial(Ftp)
    trial.say(b"USER admin\r\nPASS admin\r\n")
    trial.answer(b"530 Login incorrect\r\n")
    assert kinds(trial) == [
        AnomalyKind.CLEAR_TEXT_CREDENTIAL,
        AnomalyKind.DEFAULT_CREDENTIAL,
        AnomalyKind.LOGIN_FAILED,
    ]
    assert trial.sink.operations[-1].result == "reply_530"


def test_nobody_by_name_has_no_credential() -> None:
    trial = Trial(Ftp)
    trial.say(b"USER anonymous\r\nPASS me@example\r\n")
    assert not trial.sink.anomalies


@pytest.mark.parametrize(("code", "service"), [(1, "read_request"), (2, "write_request")])
def test_tftp_requests_name_their_file(code: int, service: str) -> None:
    message = bytes((0, code)) + b"firmware.bin\0octet\0blksize\x001428\0"
    trial = Trial(Tftp)
    trial.say(message)
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.name, op.value, op.detail) == (
        service, OpKind.FILE, "firmware.bin", "octet", {"blksize": "1428"},
    )  # fmt: skip
    assert tftp.check(message, True) == SURE
    assert tftp.check(b"\0\3\0\1data", True) == tftp.check(b"\0\1a\0binary\0", True) == NO


def test_tftp_without_a_mode_is_malformed() -> None:
    trial = Trial(Tftp)
    trial.say(b"\0\1firmware.bin\0")
    trial.say(b"\0\x09")
    assert kinds(trial) == [AnomalyKind.MALFORMED, AnomalyKind.ILLEGAL_FUNCTION]


def sign_in(trial: Trial, user: bytes, password: bytes, *, step: int = 100) -> None:
    trial.answer(b"\xff\xfd\x18\xff\xfb\x01\r\nplc login: ")
    for line in (user + b"\r\0", password + b"\r\0"):
        for start in range(0, len(line), step):
            trial.say(line[start : start + step])
        trial.answer(b"\r\nPassword: " if line.startswith(user + b"\r") else b"\r\n")


@given(st.integers(1, 12))
def test_telnet_logins_are_noted_and_passwords_forgotten(step: int) -> None:
    trial = Trial(Telnet)
    sign_in(trial, b"service", b"open5esame", step=step)
    trial.say(b"show config\r\n")
    assert kinds(trial) == [AnomalyKind.CLEAR_TEXT_CREDENTIAL]
    assert [(op.service, op.name) for op in trial.sink.operations] == [("login", "service"), ("command", "")]
    assert "open5esame" not in everything(trial)
    assert "show config" not in everything(trial)


def test_telnet_refusals_and_makers_passwords_are_noted() -> None:
    trial = Trial(Telnet)
    sign_in(trial, b"root", b"xc3511")
    trial.answer(b"Login incorrect\r\nlogin: ")
    assert kinds(trial) == [
        AnomalyKind.CLEAR_TEXT_CREDENTIAL,
        AnomalyKind.DEFAULT_CREDENTIAL,
        AnomalyKind.LOGIN_FAILED,
    ]
    assert [(op.direction, op.result) for op in trial.sink.operations] == [
        (Direction.REQUEST, ""),
        (Direction.RESPONSE, "failed"),
    ]


def test_checks_know_their_own() -> None:
    assert ssh.check(BANNER, False) == telnet.check(b"\xff\xfd\x18", False) == SURE
    assert ftp.check(b"220 Ready\r\n", False) == ftp.check(b"USER a\r\n", True) == WEAK
    assert ftp.check(b"GET / HTTP/1.1\r\n", True) == telnet.check(b"\xff\x00\x00", True) == NO


@given(st.binary(max_size=200))
def test_hostile_bytes_are_survived(content: bytes) -> None:
    for dissector, start in ((Ssh, b"SSH-"), (Ftp, b"USER a\r\n220 "), (Tftp, b"\0\1"), (Telnet, b"login:\xff")):
        torture(dissector, start + content)
