"""Remote procedure calls: named by interface and operation, over TCP and within pipes of SMB, whole or in pieces."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from windows_talk import (
    HANDLE,
    bind,
    calls,
    fault,
    opened,
    pdu,
    read,
    request,
    response,
    text,
    transceive,
    was_read,
    write,
)

from vedette.sensor import AnomalyKind, Direction, OpKind, OtOp
from vedette.sensor.dissect import NO, SURE, Trial, it_identified, torture
from vedette.sensor.dissect.dce_rpc import DceRpc, RpcReader, is_pdu, text_in
from vedette.sensor.dissect.dce_rpc_codes import INTERFACES, OPERATIONS, PIPES
from vedette.sensor.dissect.smb import Smb


def asked(trial: Trial) -> list[tuple[str, str, str]]:
    return [
        (op.area, op.service, op.name)
        for op in trial.sink.operations
        if op.protocol == "dce_rpc" and op.direction is Direction.REQUEST
    ]


def answers(trial: Trial) -> list[OtOp]:
    return [op for op in trial.sink.operations if op.protocol == "dce_rpc" and op.direction is Direction.RESPONSE]


def say(trial: Trial, *said: object) -> None:
    for each in said:
        if isinstance(each, tuple):
            trial.answer(each[0])
        elif isinstance(each, bytes):
            trial.say(each)


def test_a_call_over_tcp_names_its_interface_operation_and_first_text() -> None:
    trial = Trial(DceRpc, port=49_152)
    stub = bytes(20) + text("evil") + text("C:\\evil.exe")
    say(trial, *calls("svcctl", request(12, stub)))
    assert asked(trial) == [("svcctl", "bind", ""), ("svcctl", "create_service", "evil")]
    (answer,) = answers(trial)
    assert (answer.service, answer.result, answer.latency_ns) == ("create_service", "ok", 1_000_000)
    assert {op.kind for op in trial.sink.operations} == {OpKind.SESSION, OpKind.WRITE}


def test_an_operation_that_nobody_named_keeps_its_number() -> None:
    trial = Trial(DceRpc)
    say(trial, *calls("samr", request(99)))
    assert asked(trial)[1] == ("samr", "operation_99", "")


def test_a_refused_call_tells_why() -> None:
    trial = Trial(DceRpc)
    say(trial, bind("winreg"), request(22), (fault(5),))
    assert answers(trial)[0].result == "fault_00000005"


def test_several_interfaces_of_one_connection_are_told_apart() -> None:
    trial = Trial(DceRpc)
    say(trial, bind("wmi_login"), bind("wmi", context=3, kind=14), request(24, context=3), request(6, context=0))
    assert [each[:2] for each in asked(trial)[2:]] == [("wmi", "run_method"), ("wmi_login", "log_in")]


def test_what_is_encrypted_still_shows_its_operation_and_no_text() -> None:
    trial = Trial(DceRpc)
    raw = bytearray(request(12, text("service") + bytes(16)))
    raw[10:12] = struct.pack("<H", 16)
    say(trial, bind("svcctl"), bytes(raw))
    assert asked(trial)[1] == ("svcctl", "create_service", "")


def test_a_big_endian_client_is_understood() -> None:
    trial = Trial(DceRpc)
    mark = bytes.fromhex("367abb8198 4435f1ad3298f038001003")
    syntax = struct.pack(">HBB", 0, 1, 0) + mark + struct.pack(">I", 2) + bytes(20)
    body = struct.pack(">HHIBBH", 4280, 4280, 0, 1, 0, 0) + syntax
    say(trial, struct.pack(">BBBBIHHI", 5, 0, 11, 3, 0, 16 + len(body), 0, 1) + body)
    call = struct.pack(">IHH", 0, 0, 19)
    say(trial, struct.pack(">BBBBIHHI", 5, 0, 0, 3, 0, 16 + len(call), 0, 2) + call)
    assert asked(trial) == [("svcctl", "bind", ""), ("svcctl", "start_service", "")]


def test_a_pipe_carries_calls_by_transaction_and_by_write_and_read() -> None:
    trial = Trial(Smb, port=445)
    say(trial, *opened("svcctl"), write(bind("svcctl")), read(), (was_read(pdu(12, bytes(40))),))
    say(trial, transceive(request(12, text("first"))), (transceive(response(), is_answer=True),))
    say(trial, write(request(19, call=5)), read(number=10), (was_read(fault(0x6F7, call=5), number=10),))
    assert asked(trial) == [
        ("svcctl", "bind", ""), ("svcctl", "create_service", "first"), ("svcctl", "start_service", ""),
    ]  # fmt: skip
    assert [op.result for op in answers(trial)] == ["ok", "fault_000006f7"]


@pytest.mark.parametrize(("pipe", "size"), [("browser", 7), ("srvsvc", 20)])
def test_a_call_in_small_pieces_is_put_together(pipe: str, size: int) -> None:
    trial = Trial(Smb)
    whole = bind("srvsvc") + request(31, text("\\..\\..\\x"))
    say(trial, *opened(pipe))
    for start in range(0, len(whole), size):
        trial.say(write(whole[start : start + size]))
    assert [each[1] for each in asked(trial)] == ["bind", "canonicalize_path"]
    assert trial.sink.operations[-1].value == "climbs"


def test_a_conversation_whose_beginning_is_missing_is_known_by_its_pipe() -> None:
    trial = Trial(Smb)
    say(trial, *opened("winreg"), write(request(22)))
    assert asked(trial) == [("winreg", "set_value", "")]


def test_file_content_is_no_call() -> None:
    trial = Trial(Smb)
    say(trial, *opened("report.doc"), write(b"MZ" + bytes(200)), write(b"\x05\x00\x0b"))
    assert asked(trial) == []
    assert not trial.sink.anomalies


@pytest.mark.parametrize(
    ("number", "stub", "value"),
    [
        (4, text("\\\\DC") + text("PLC"), None),
        (4, text("\\\\DC") + bytes(8), "zeros"),
        (26, text("\\\\DC") + bytes(8) + b"\xff\xff\x2f\x21", "zeros"),
        (26, text("\\\\DC") + b"\1" * 8 + b"\xff\xff\x2f\x21", None),
    ],
)
def test_an_empty_credential_is_told(number: int, stub: bytes, value: str | None) -> None:
    trial = Trial(DceRpc)
    say(trial, bind("netlogon"), request(number, stub))
    assert trial.sink.operations[-1].value == value


def test_a_bind_that_ends_too_early_is_malformed() -> None:
    trial = Trial(DceRpc)
    trial.say(pdu(11, struct.pack("<HHIBBH", 0, 0, 0, 4, 0, 0) + bytes(10)))
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.MALFORMED]


def test_contexts_are_bounded() -> None:
    trial = Trial(DceRpc)
    for number in range(300):
        trial.say(bind("svcctl", context=number, kind=14))
    reader = RpcReader(trial.flow, trial.sink)
    for number in range(300):
        reader.read(bind("winreg", context=number), True, 0)
    assert len(reader._contexts) <= 64


def test_every_operation_belongs_to_an_interface_and_every_pipe_to_one() -> None:
    names = set(INTERFACES.values())
    assert {interface for interface, _ in OPERATIONS} | set(PIPES.values()) <= names | {""}


def test_pdus_are_told_by_their_head() -> None:
    assert it_identified.dce_rpc(bind("svcctl"), True) == SURE
    assert it_identified.dce_rpc(b"\5\0\x0b\3" + bytes(20), True) == NO
    assert is_pdu(request(1))
    assert not is_pdu(b"\5\0\x40\3\x10\0\0\0\x18\0")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0xD7FF, categories=["L", "N"]), min_size=2, max_size=100))
def test_a_text_is_found_wherever_arguments_hold_it(words: str) -> None:
    assert text_in(bytes(12) + text(words) + bytes(16)) == words


@given(st.binary(max_size=400))
def test_no_arguments_raise(stub: bytes) -> None:
    assert len(text_in(stub)) <= 256


@given(st.lists(st.binary(max_size=120), max_size=8))
def test_no_bytes_in_a_pipe_raise_anything(pieces: list[bytes]) -> None:
    trial = Trial(Smb)
    say(trial, *opened("svcctl"))
    for piece in pieces:
        say(trial, write(piece), transceive(pdu(11, piece)), (transceive(pdu(2, piece), is_answer=True),))
    assert not trial.unparsed.failed


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything(data: bytes) -> None:
    torture(DceRpc, bind("svcctl") + pdu(0, data) + data)
    torture(Smb, transceive(pdu(14, data), handle=HANDLE) + data)
