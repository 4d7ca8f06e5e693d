from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind, OtOp
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, s7_log, s7comm, s7comm_plus, torture
from vedette.sensor.dissect.s7comm import S7comm


def tpkt(cotp: bytes) -> bytes:
    return struct.pack(">BBH", 3, 0, len(cotp) + 4) + cotp


def cotp(content: bytes, *, is_last: bool = True) -> bytes:
    return tpkt(bytes((2, 0xF0, 0x80 if is_last else 0)) + content)


def connect(kind: int = 0xE0, called: str = "0102") -> bytes:
    selector = bytes.fromhex(called)
    body = bytes((kind, 0, 0, 0, 1, 0)) + bytes.fromhex("c0010a c1020100 c2") + bytes((len(selector),)) + selector
    return tpkt(bytes((len(body),)) + body)


def s7(rosctr: int, parameter: bytes, content: bytes = b"", *, reference: int = 1, error: str = "0000") -> bytes:
    head = struct.pack(">BBHHHH", 0x32, rosctr, 0, reference, len(parameter), len(content))
    return head + (bytes.fromhex(error) if rosctr in {2, 3} else b"") + parameter + content


def job(parameter: str, content: str = "", reference: int = 1) -> bytes:
    return cotp(s7(1, bytes.fromhex(parameter), bytes.fromhex(content), reference=reference))


def done(parameter: str, content: str = "", reference: int = 1, error: str = "0000") -> bytes:
    return cotp(s7(3, bytes.fromhex(parameter), bytes.fromhex(content), reference=reference, error=error))


def item(area: int, db: int, byte: int, *, bit: int = 0, size: int = 4, count: int = 1) -> str:
    address = (byte << 3 | bit).to_bytes(3, "big")
    return (b"\x12\x0a\x10" + struct.pack(">BHHB", size, count, db, area) + address).hex()


READ_SZL = "00 01 12 04 11 44 01 00"
SZL_DONE = "00 01 12 08 12 84 01 01 00 00 00 00"


def szl(kind: int, size: int, *entries: bytes) -> bytes:
    body = struct.pack(">HHHH", kind, 0, size, len(entries)) + b"".join(entries)
    return b"\xff\x09" + struct.pack(">H", len(body)) + body


def plus(opcode: int, function: int, rest: bytes = b"", *, version: int = 2, sequence: int = 1) -> bytes:
    body = struct.pack(">BHHHH", opcode, 0, function, 0, sequence) + rest
    if version == 3:
        body = b"\x20" + b"\x5a" * 32 + body
    return cotp(struct.pack(">BBH", 0x72, version, len(body)) + body + struct.pack(">BBH", 0x72, version, 0))


def test_reads_tell_area_address_and_value() -> None:
    trial = Trial(S7comm, port=102)
    trial.say(connect())
    trial.answer(connect(0xD0))
    trial.say(job("04 02" + item(0x84, 5, 10, count=2) + item(0x83, 0, 3, bit=1, size=1)))
    trial.answer(done("04 02", "ff04 0020 000a fff6  0a00 0000"))
    first, second, answered, missing = trial.sink.operations
    assert (first.service, first.kind, first.area, first.first, first.count) == (
        "read_variable",
        OpKind.READ,
        "db",
        10,
        2,
    )
    assert (first.name, second.name, first.unit) == ("DB5.DBX10.0", "M3.1", "0.2")
    assert (answered.value, answered.result, answered.name) == ((10, 65_526), "ok", "DB5.DBX10.0")
    assert answered.latency_ns == 1_000_000
    assert (missing.result, missing.value) == ("object_does_not_exist", None)
    told = {piece.attribute: piece.value for piece in trial.sink.evidence}
    assert (told[Attribute.RACK], told[Attribute.SLOT]) == ("0", "2")


def test_writes_tell_values_and_refusals() -> None:
    trial = Trial(S7comm)
    trial.say(job("05 02" + item(0x84, 1, 0, size=8) + item(0x82, 0, 0, size=1), "00 07 0004 41200000 00 03 0001 01"))
    trial.answer(done("05 02", "ff 03"))
    real, bit, ok, refused = trial.sink.operations
    assert (real.kind, real.value, bit.area, bit.value) == (OpKind.WRITE, 10.0, "output", 1)
    assert (ok.result, refused.result) == ("ok", "access_denied")


@pytest.mark.parametrize(
    ("parameter", "service", "kind", "area", "name"),
    [
        ("28 000000000000fd 0000 09" + b"P_PROGRAM".hex(), "pi_service", OpKind.CONTROL, "start", "P_PROGRAM"),
        (
            "28 000000000000fd 0002 4320 09" + b"P_PROGRAM".hex(),
            "pi_service",
            OpKind.CONTROL,
            "cold_start",
            "P_PROGRAM",
        ),
        ("28 000000000000fd 0000 05" + b"_INSE".hex(), "pi_service", OpKind.PROGRAM, "download", "_INSE"),
        ("28 000000000000fd 0000 05" + b"_MODU".hex(), "pi_service", OpKind.PROGRAM, "copy_ram_to_rom", "_MODU"),
        ("29 0000000000 09" + b"P_PROGRAM".hex(), "plc_stop", OpKind.CONTROL, "stop", "P_PROGRAM"),
        ("1a 00 0100 00000000 09" + b"_0800001P".hex(), "request_download", OpKind.PROGRAM, "download", "OB1"),
        ("1b 00 0000 00000000 09" + b"_0A00017P".hex(), "download_block", OpKind.PROGRAM, "download", "DB17"),
        ("1c 00 0000 00000000 09" + b"_0E00002P".hex(), "download_ended", OpKind.PROGRAM, "download", "FB2"),
        ("1d 00 0000 00000000 09" + b"_0B00000A".hex(), "start_upload", OpKind.PROGRAM, "upload", "SDB0"),
        ("1e 00 0000 00000007", "upload", OpKind.PROGRAM, "upload", ""),
        ("1f 00 0000 00000007", "end_upload", OpKind.PROGRAM, "upload", ""),
        ("f0 00 0001 0001 01e0", "setup_communication", OpKind.SESSION, "", ""),
    ],
)
def test_jobs_have_the_right_class(parameter: str, service: str, kind: OpKind, area: str, name: str) -> None:
    trial = Trial(S7comm)
    trial.say(job(parameter))
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.area, op.name) == (service, kind, area, name)
    assert not trial.sink.anomalies


def test_an_upload_keeps_the_name_of_its_block() -> None:
    trial = Trial(S7comm)
    trial.say(job("1d 00 0000 00000000 09" + b"_0800001A".hex()))
    trial.answer(done("1d 00 0000 00000007 07 30303030323634"))
    trial.say(job("1e 00 0000 00000007", reference=2))
    assert trial.sink.operations[2].name == "OB1"


def test_errors_have_names() -> None:
    trial = Trial(S7comm)
    trial.say(job("29 0000000000 09" + b"P_PROGRAM".hex()))
    trial.answer(done("29", error="8104"))
    assert trial.sink.operations[1].result == "application_relationship_04"
    assert (trial.sink.operations[1].kind, trial.sink.operations[1].area) == (OpKind.CONTROL, "stop")


def test_system_lists_tell_model_serial_and_firmware() -> None:
    modules = szl(
        0x11, 28,
        struct.pack(">H20sHHH", 1, b"6ES7 315-2EH14-0AB0 ", 0xC0, 1, 0),
        struct.pack(">H20sHHH", 7, b" " * 20, 0xC0, 0x5603, 0x0206),
    )  # fmt: skip
    components = szl(
        0x1C, 34,
        struct.pack(">H32s", 1, b"SNAP7-SERVER"), struct.pack(">H32s", 5, b"S C-C2UR28922012"),
        struct.pack(">H32s", 7, b"CPU 315-2 PN/DP"),
    )  # fmt: skip
    trial = Trial(S7comm)
    for answer in (modules, components):
        trial.say(cotp(s7(7, bytes.fromhex(READ_SZL), bytes.fromhex("ff090004") + answer[4:6] + b"\0\0")))
        trial.answer(cotp(s7(7, bytes.fromhex(SZL_DONE), answer)))
    told = {piece.attribute: piece.value for piece in trial.sink.evidence}
    assert told[Attribute.PRODUCT_CODE] == "6ES7 315-2EH14-0AB0"
    assert told[Attribute.FIRMWARE] == "V3.2.6"
    assert told[Attribute.SERIAL] == "S C-C2UR28922012"
    assert told[Attribute.MODEL] == "CPU 315-2 PN/DP"
    assert told[Attribute.VENDOR] == "Siemens"
    asked, answered = trial.sink.operations[:2]
    assert (asked.service, asked.kind, asked.first) == ("read_szl", OpKind.IDENTIFY, 0x11)
    assert (answered.direction, answered.result, answered.first) == (Direction.RESPONSE, "ok", 0x11)


def test_a_list_in_several_answers_is_read_whole() -> None:
    whole = szl(0x1C, 34, struct.pack(">H32s", 5, b"S C-C2UR28922012"))[4:]
    trial = Trial(S7comm)
    for piece, flag in ((whole[:20], "01"), (whole[20:], "00")):
        head = bytes.fromhex("00 01 12 08 12 84 01 01 07" + flag + "0000")
        trial.answer(cotp(s7(7, head, b"\xff\x09" + struct.pack(">H", len(piece)) + piece)))
    assert [piece.value for piece in trial.sink.evidence] == ["S C-C2UR28922012"]


def test_a_controller_tells_that_it_stopped() -> None:
    trial = Trial(S7comm)
    trial.answer(cotp(s7(7, bytes.fromhex("00 01 12 08 12 00 00 00 00 00 0000"), b"\x0a\0\0\0")))
    (op,) = trial.sink.operations
    assert (op.service, op.name, op.direction) == ("mode_transition", "stop", Direction.REPORT)
    assert trial.sink.evidence[0].attribute is Attribute.MODE


def test_content_in_pieces_is_put_together() -> None:
    whole = s7(1, bytes.fromhex("04 01" + item(0x84, 1, 0)))
    trial = Trial(S7comm)
    trial.say(cotp(whole[:9], is_last=False) + cotp(whole[9:]))
    assert [op.name for op in trial.sink.operations] == ["DB1.DBX0.0"]


def test_unknown_functions_and_false_lengths_are_noted() -> None:
    trial = Trial(S7comm)
    trial.say(job("77 00"))
    trial.say(cotp(struct.pack(">BBHHHH", 0x32, 1, 0, 1, 200, 0) + b"\x04"))
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.ILLEGAL_FUNCTION, AnomalyKind.MALFORMED]


@given(st.lists(st.integers(0, 2_000), min_size=1, max_size=6), st.integers(1, 17))
def test_however_a_stream_is_cut_the_operations_are_the_same(firsts: list[int], size: int) -> None:
    stream = connect() + b"".join(job("04 01" + item(0x84, 1, first)) for first in firsts)
    trial = Trial(S7comm)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.first for op in trial.sink.operations] == firsts


def test_plus_tells_functions_and_the_stop_of_a_controller() -> None:
    trial = Trial(S7comm)
    session = struct.pack(">IB", 0x3A0, 0x34)
    stop = struct.pack(">I", 52) + bytes.fromhex("01 9077 00 08 01 0000")
    trial.say(plus(0x31, 0x04F2, session + stop, version=3))
    trial.answer(plus(0x32, 0x04F2, b"\x36\0", version=3))
    trial.say(plus(0x31, 0x04BB, session + b"\0\0\0\x03"))
    trial.say(plus(0x31, 0x04CA, session + struct.pack(">I", 285)))
    trial.say(plus(0x31, 0x04CA, session + struct.pack(">I", 3)))
    stopped, answered, explored, opened, loaded = trial.sink.operations
    assert (stopped.protocol, stopped.service, stopped.kind, stopped.area) == (
        "s7comm_plus", "set_variable", OpKind.CONTROL, "stop",
    )  # fmt: skip
    assert (answered.kind, answered.area, answered.result) == (OpKind.CONTROL, "stop", "ok")
    assert explored.kind is OpKind.DIAGNOSE
    assert opened.kind is OpKind.SESSION
    assert (loaded.kind, loaded.area) == (OpKind.PROGRAM, "download")
    assert trial.flow.protocol == "s7comm_plus"


def test_plus_tells_who_the_controller_is() -> None:
    trial = Trial(S7comm)
    trial.answer(plus(0x32, 0x04CA, b"\x36\0\x15\x20" + b"1;6ES7 215-1AG40-0XB0 ;V4.2" + b"\0\0", version=1))
    told = {piece.attribute: piece.value for piece in trial.sink.evidence}
    assert (told[Attribute.PRODUCT_CODE], told[Attribute.FIRMWARE]) == ("6ES7 215-1AG40-0XB0", "V4.2")


def test_checks_tell_the_two_apart() -> None:
    read = job("04 01" + item(0x84, 1, 0))
    assert s7comm.check(read, True) == SURE
    assert s7comm.check(connect() + read, True) == SURE
    assert s7comm.check(connect(), True) == WEAK
    assert s7comm.check(connect(called="0001"), True) == NO
    assert s7comm_plus.check(connect(called=b"SIMATIC-ROOT-HMI".hex()), True) == WEAK
    assert s7comm_plus.check(plus(0x31, 0x04BB), True) == SURE
    assert s7comm_plus.check(read, True) == NO


def rows_of(op: OtOp) -> dict[str, dict[str, object]]:
    return dict(s7_log.zeek(op))


def test_zeek_rows_have_icsnpps_columns() -> None:
    trial = Trial(S7comm)
    trial.say(job("1a 00 0100 00000000 09" + b"_0800001P".hex()))
    rows = rows_of(trial.sink.operations[0])
    told, load = rows["s7comm"], rows["s7comm_upload_download"]
    assert (told["rosctr_name"], told["function_code"], told["function_name"]) == (
        "Job-Request", "0x1a", "Request Download",
    )  # fmt: skip
    assert (load["filename"], load["block"], load["block_type"]) == ("_0800001P", "OB1", "Organization Block")
    assert (load["block_number"], load["destination_filesystem"]) == ("00001", "Passive")
    assert rows["cotp"] == {"pdu_code": "0x0f", "pdu_name": "DT Data"}


def test_zeek_rows_of_an_upload_tell_session_length_and_error() -> None:
    trial = Trial(S7comm)
    trial.say(job("1d 00 0000 00000000 09" + b"_0A00001A".hex()))
    trial.answer(done("1d 00 0100 00000007 07" + b"0000216".hex()))
    trial.say(job("1e 00 0000 00000007"))
    trial.answer(done("1e 01", "0002 00fb aabb"))
    trial.say(job("1d 00 0000 00000000 09" + b"_0A00002A".hex()))
    trial.answer(done("1d", error="d209"))
    _, started, _, loaded, _, refused = [rows_of(op) for op in trial.sink.operations]
    load = started["s7comm_upload_download"]
    assert (load["rosctr"], load["session_id"], load["blocklength"]) == ("ACK-Data", 7, 216)
    assert (started["s7comm"]["error_class"], started["s7comm"]["error_code"]) == ("No error", "0x00")
    assert loaded["s7comm_upload_download"]["blocklength"] == 2
    assert (refused["s7comm"]["error_class"], refused["s7comm"]["error_code"]) == ("Error", "0x09")


def test_the_items_of_one_message_have_one_row() -> None:
    trial = Trial(S7comm)
    trial.say(job("04 02" + item(0x84, 1, 0) + item(0x84, 1, 4)))
    first, second = trial.sink.operations
    assert set(rows_of(first)) == {"s7comm", "cotp"}
    assert not s7_log.zeek(second)


@pytest.mark.parametrize(
    ("group", "sub", "service", "kind"),
    [
        (1, 0x08, "modify_variable", OpKind.WRITE),
        (1, 0x09, "force", OpKind.WRITE),
        (1, 0x0C, "memory_reset", OpKind.CONTROL),
        (4, 0x0E, "alarm_unlock_indication", OpKind.REPORT),
        (15, 0x02, "nc_download_block", OpKind.PROGRAM),
    ],
)
def test_user_data_has_its_own_functions(group: int, sub: int, service: str, kind: OpKind) -> None:
    trial = Trial(S7comm)
    trial.say(cotp(s7(7, bytes((0, 1, 18, 4, 17, 0x40 | group, sub, 0)), bytes.fromhex("ff 09 0000"))))
    (op,) = trial.sink.operations
    assert (op.service, op.kind) == (service, kind)
    assert rows_of(op)["s7comm"]["rosctr_name"] == "User-Data"


def test_a_component_identification_makes_a_known_device() -> None:
    trial = Trial(S7comm)
    names = ((1, b"SNAP7"), (2, b"CPU 315-2"), (3, b""), (5, b"S C-1"))
    entries = (struct.pack(">H32s", index, name) for index, name in names)
    trial.say(cotp(s7(7, bytes.fromhex(READ_SZL), bytes.fromhex("ff09 0004 001c 0000"))))
    trial.answer(cotp(s7(7, bytes.fromhex(SZL_DONE), szl(0x1C, 34, *entries))))
    asked, told = (rows_of(op) for op in trial.sink.operations)
    assert asked["s7comm_read_szl"]["szl_id_name"] == "Component Identification"
    assert (told["s7comm"]["function_name"], told["s7comm"]["subfunction_name"]) == (
        "Response: CPU Functions", "Read SZL",
    )  # fmt: skip
    assert told["s7comm_known_devices"] == {
        "automation_system_name": "SNAP7", "module_name": "CPU 315-2", "plant_name": "", "module_serial": "S C-1",
    }  # fmt: skip


@given(st.binary(max_size=120), st.sampled_from([1, 2, 3, 7, 8]))
def test_hostile_content_raises_nothing(data: bytes, rosctr: int) -> None:
    torture(S7comm, plus(0x31, 0x04CA, data) if rosctr == 8 else cotp(s7(rosctr, data, data)))
