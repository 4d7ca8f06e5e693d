"""SMB with NTLM, and RDP: how Windows machines name themselves and tell their age."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, rdp, smb, torture
from vedette.sensor.dissect.ntlm import read_ntlm, windows
from vedette.sensor.dissect.rdp import Rdp
from vedette.sensor.dissect.smb import Smb


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def smb2(
    command: int, body: bytes, *, status: int = 0, is_answer: bool = False, number: int = 1, following: int = 0
) -> bytes:
    head = struct.pack("<4sHHIHHIIQ", b"\xfeSMB", 64, 0, status, command, 1, int(is_answer), following, number)
    return head + bytes(64 - len(head)) + body


def smb1(command: int, words: bytes, content: bytes, *, status: int = 0, is_answer: bool = False) -> bytes:
    head = struct.pack("<4sBIBH", b"\xffSMB", command, status, 0x80 if is_answer else 0, 0x8000)
    head = head.ljust(30, b"\0") + struct.pack("<H", 5)
    return head + bytes((len(words) // 2,)) + words + struct.pack("<H", len(content)) + content


def pair(kind: int, text: str) -> bytes:
    return struct.pack("<HH", kind, len(wide(text))) + wide(text)


def challenge(build: int = 7601, minor: int = 1, major: int = 6) -> bytes:
    info = pair(2, "PLANT") + pair(1, "HMI-3") + pair(4, "plant.example") + pair(3, "hmi-3.plant.example") + bytes(4)
    head = b"NTLMSSP\0" + struct.pack("<IHHI", 2, 0, 0, 56) + struct.pack("<I", 0x0200_0001) + bytes(16)
    return (
        head
        + struct.pack("<HHI", len(info), len(info), 56)
        + struct.pack("<BBHI", major, minor, build, 15 << 24)
        + info
    )


def authenticate(user: str = "operator", answer: int = 24) -> bytes:
    texts = [wide("PLANT"), wide(user), wide("EWS-1")]
    offset = 72
    fields = struct.pack("<HHI", 24, 24, 500) + struct.pack("<HHI", answer, answer, 600)
    for text in texts:
        fields += struct.pack("<HHI", len(text), len(text), offset)
        offset += len(text)
    fields += struct.pack("<HHI", 0, 0, 0)
    return (
        b"NTLMSSP\0"
        + struct.pack("<I", 3)
        + fields
        + struct.pack("<IBBHI", 0x0200_0001, 10, 0, 19045, 0)
        + b"".join(texts)
    )


def told(trial: Trial) -> set[tuple[str, str, str]]:
    return {(piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence}


def kinds(trial: Trial) -> list[AnomalyKind]:
    return [each.kind for each in trial.sink.anomalies]


def test_a_sign_in_names_both_ends_and_their_windows() -> None:
    trial = Trial(Smb, port=445)
    trial.answer(framed(smb2(1, bytes(8) + challenge(), status=0xC0000016, is_answer=True)))
    trial.say(framed(smb2(1, bytes(24) + authenticate(answer=300), number=2)))
    assert told(trial) == {
        ("10.0.0.2", Attribute.NAME, "HMI-3"),
        ("10.0.0.2", Attribute.DOMAIN, "plant.example"),
        ("10.0.0.2", Attribute.OPERATING_SYSTEM, "Windows 7 or Server 2008 R2 (6.1.7601)"),
        ("10.0.0.1", Attribute.NAME, "EWS-1"),
        ("10.0.0.1", Attribute.DOMAIN, "PLANT"),
        ("10.0.0.1", Attribute.USER, "operator"),
        ("10.0.0.1", Attribute.OPERATING_SYSTEM, "Windows 10 (10.0.19045)"),
    }
    assert [op.result for op in trial.sink.operations] == ["more_processing_required", ""]
    assert not trial.sink.anomalies


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ((5, 1, 2600), "Windows XP (5.1.2600)"),
        ((10, 0, 20348), "Windows Server 2022 (10.0.20348)"),
        ((10, 0, 26100), "Windows 11 or Server 2025 (10.0.26100)"),
        ((6, 1, 0), ""),
    ],
)
def test_windows_are_named_by_their_version(version: tuple[int, int, int], name: str) -> None:
    assert windows(*version) == name


def test_the_weak_ntlm_and_refused_logins_are_noted() -> None:
    trial = Trial(Smb)
    trial.say(framed(smb2(1, bytes(24) + authenticate(answer=24))))
    trial.answer(framed(smb2(1, bytes(8), status=0xC000006D, is_answer=True)))
    assert kinds(trial) == [AnomalyKind.ILLEGAL_VALUE, AnomalyKind.LOGIN_FAILED]
    assert trial.sink.operations[1].result == "logon_failure"


def tree(path: str, number: int = 3) -> bytes:
    return smb2(3, struct.pack("<HHHH", 9, 0, 72, len(wide(path))) + wide(path), number=number)


def create(path: str, number: int = 4, following: int = 0) -> bytes:
    body = bytes(44) + struct.pack("<HH", 120, len(wide(path))) + bytes(8) + wide(path)
    return smb2(5, body, number=number, following=following)


STREAM = (
    framed(tree("\\\\hist\\IPC$"))
    + framed(create("PSEXESVC.exe"))
    + framed(smb2(9, bytes(60_000), number=5))
    + framed(smb2(6, bytes(24), number=6))
)


@given(st.integers(500, 9_000))
def test_long_writes_are_passed_over_however_they_are_cut(size: int) -> None:
    trial = Trial(Smb)
    for start in range(0, len(STREAM), size):
        trial.say(STREAM[start : start + size])
    assert [(op.service, op.area, op.name) for op in trial.sink.operations] == [
        ("tree_connect", "share", "\\\\hist\\IPC$"),
        ("create", "file", "PSEXESVC.exe"),
        ("write", "", ""),
        ("close", "", ""),
    ]
    assert not trial.unparsed.lost_place


def test_an_answer_repeats_the_name() -> None:
    trial = Trial(Smb)
    trial.say(framed(create("a.cfg")))
    trial.answer(framed(smb2(5, bytes(88), status=0xC0000022, is_answer=True, number=4)))
    op = trial.sink.operations[1]
    assert (op.name, op.result, op.latency_ns, op.kind) == ("a.cfg", "access_denied", 1_000_000, OpKind.FILE)


def test_compounds_are_several_operations() -> None:
    first = create("a")
    first = create("a", following=len(first) + 6) + bytes(6)
    trial = Trial(Smb)
    trial.say(framed(first + smb2(6, bytes(24), number=7)))
    assert [op.service for op in trial.sink.operations] == ["create", "close"]


def test_version_1_is_noted_once_and_tells_an_old_windows() -> None:
    names = b"\0" + wide("Windows 5.1\0Windows 2000 LAN Manager\0PLANT\0")
    words = struct.pack("<BBHHH", 0xFF, 0, 0, 0, 0)
    trial = Trial(Smb)
    trial.answer(framed(smb1(0x73, words, names, is_answer=True)))
    path = b"\0" + wide("\\\\HIST\\C$\0") + b"?????\0"
    trial.say(framed(smb1(0x75, struct.pack("<BBHHH", 0xFF, 0, 0, 0, 1), path)))
    assert kinds(trial) == [AnomalyKind.ILLEGAL_VALUE]
    assert ("10.0.0.2", Attribute.OPERATING_SYSTEM, "Windows 5.1") in told(trial)
    assert [(op.service, op.name) for op in trial.sink.operations][1] == ("tree_connect_andx", "\\\\HIST\\C$")


def test_the_dialect_is_told() -> None:
    trial = Trial(Smb)
    trial.answer(framed(smb2(0, struct.pack("<HHH", 65, 1, 0x0311) + bytes(60), is_answer=True)))
    assert trial.sink.operations[0].value == "3.1.1"


def test_nothing_is_read_where_there_is_no_ntlm() -> None:
    assert read_ntlm(b"nothing") is None


def cotp(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBHBB", 3, 0, 11 + len(content), 6 + len(content), kind) + bytes(5) + content


def test_rdp_tells_user_and_protection() -> None:
    trial = Trial(Rdp, port=3389)
    asked = cotp(0xE0, b"Cookie: mstshash=engineer\r\n" + b"\1\0\x08\0\x0b\0\0\0")
    answered = cotp(0xD0, b"\2\0\x08\0\2\0\0\0")
    trial.say(asked)
    trial.answer(answered)
    trial.say(b"\x16\x03\x01\0\x05hello")
    first, second = trial.sink.operations
    assert (first.name, first.value) == ("engineer", ("tls", "hybrid", "hybrid_ex"))
    assert (second.value, second.result, second.direction) == ("hybrid", "ok", Direction.RESPONSE)
    assert not trial.sink.anomalies
    assert rdp.check(asked, True) == SURE
    assert rdp.check(answered, False) == WEAK
    assert rdp.check(asked, False) == NO


def test_rdp_without_tls_is_noted_and_tells_the_client() -> None:
    trial = Trial(Rdp)
    trial.answer(cotp(0xD0, b""))
    core = struct.pack("<HHIHHHHII", 0xC001, 216, 0x80004, 800, 600, 0xCA01, 0xAA03, 0x409, 2600) + wide(
        "EWS-XP"
    ).ljust(32, b"\0")
    body = b"\x02\xf0\x80" + b"\x7f\x65" + bytes(60) + b"Duca" + b"\x81\x00" + core + bytes(100)
    trial.say(struct.pack(">BBH", 3, 0, 4 + len(body)) + body)
    assert kinds(trial) == [AnomalyKind.ILLEGAL_VALUE]
    assert told(trial) >= {
        ("10.0.0.1", Attribute.NAME, "EWS-XP"),
        ("10.0.0.1", Attribute.OPERATING_SYSTEM, "Windows XP (5.1.2600)"),
    }


def test_rdp_refusals_have_names() -> None:
    trial = Trial(Rdp)
    trial.answer(cotp(0xD0, b"\3\0\x08\0\5\0\0\0"))
    assert trial.sink.operations[0].result == "hybrid_required_by_server"


def test_checks_know_their_own() -> None:
    assert smb.check(STREAM, True) == smb.check(framed(smb1(0x72, b"", b"")), True) == SURE
    assert smb.check(b"\0\0\0\x40HTTP", True) == NO


@given(st.binary(max_size=200))
def test_hostile_bytes_are_survived(content: bytes) -> None:
    torture(Smb, framed(smb2(1, content)))
    torture(Smb, framed(smb2(1, b"NTLMSSP\0\3\0\0\0" + content)))
    torture(Smb, framed(smb1(0x73, content[: len(content) & ~1][:60], content)))
    torture(Smb, b"\0\0\1\0\xfeSMB" + content)
    torture(Rdp, cotp(0xE0, content))
    torture(Rdp, content)
