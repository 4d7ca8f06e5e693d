from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, enip, enip_log, torture
from vedette.sensor.dissect.enip import Enip, EnipIo


def encapsulated(command: int, body: bytes = b"", *, session: int = 7, status: int = 0, context: int = 1) -> bytes:
    return struct.pack("<HHIIQI", command, len(body), session, status, context, 0) + body


def unconnected(message: str | bytes, context: int = 1) -> bytes:
    raw = bytes.fromhex(message) if isinstance(message, str) else message
    body = struct.pack("<IHHHHHH", 0, 0, 2, 0, 0, 0xB2, len(raw)) + raw
    return encapsulated(0x6F, body, context=context)


def connected(message: str | bytes, sequence: int = 1) -> bytes:
    raw = bytes.fromhex(message) if isinstance(message, str) else message
    body = struct.pack("<IHHHHIHHH", 0, 0, 2, 0xA1, 4, 0x1234, 0xB1, len(raw) + 2, sequence) + raw
    return encapsulated(0x70, body)


def tag(name: str) -> bytes:
    raw = name.encode()
    return bytes((0x91, len(raw))) + raw + b"\0" * (len(raw) & 1)


def request(service: int, path: bytes, content: str | bytes = b"") -> bytes:
    raw = bytes.fromhex(content) if isinstance(content, str) else content
    return bytes((service, len(path) // 2)) + path + raw


def test_list_identity_tells_who_answers() -> None:
    name = b"1756-EN2T/B"
    item = struct.pack("<H", 1) + struct.pack(">HH4s8x", 2, 44_818, bytes((10, 0, 0, 2)))
    item += struct.pack("<HHHBBHI", 1, 12, 166, 5, 28, 0x30, 0xDEADBEEF) + bytes((len(name),)) + name + b"\x03"
    trial = Trial(Enip, port=44_818, as_datagrams=True)
    trial.say(encapsulated(0x63))
    trial.answer(encapsulated(0x63, struct.pack("<HHH", 1, 0x0C, len(item)) + item))
    told = {piece.attribute: piece.value for piece in trial.sink.evidence}
    assert told[Attribute.VENDOR] == "Rockwell Automation/Allen-Bradley"
    assert (told[Attribute.MODEL], told[Attribute.FIRMWARE], told[Attribute.SERIAL]) == (
        "1756-EN2T/B",
        "5.028",
        "deadbeef",
    )
    asked, answered = trial.sink.operations
    assert (asked.service, asked.kind, answered.result) == ("list_identity", OpKind.IDENTIFY, "ok")


def test_tags_are_read_and_written_by_name() -> None:
    trial = Trial(Enip)
    trial.say(connected(request(0x4C, tag("Line1") + tag("Speed"), "0200")))
    trial.answer(connected("cc 00 00 00 c400 0a000000 ffffffff"))
    trial.say(connected(request(0x4D, tag("Valve"), "ca00 0100 00002041"), 2))
    trial.answer(connected("cd 00 ff 01 0521", 2))
    asked, answered, written, refused = trial.sink.operations
    assert (asked.service, asked.kind, asked.area, asked.name, asked.count) == (
        "read_tag", OpKind.READ, "tag", "Line1.Speed", 2,
    )  # fmt: skip
    assert (answered.value, answered.name, answered.latency_ns) == ((10, -1), "Line1.Speed", 1_000_000)
    assert (written.kind, written.name, written.value) == (OpKind.WRITE, "Valve", 10.0)
    assert refused.result == "general_error"
    assert refused.detail is not None
    assert refused.detail["extended_status"] == 0x2105


@pytest.mark.parametrize(
    ("message", "service", "kind", "area"),
    [
        ("05 02 2001 2401", "reset", OpKind.CONTROL, "identity"),
        ("05 02 2001 2401 01", "reset", OpKind.CONTROL, "factory_reset"),
        ("07 02 208e 2401", "stop", OpKind.CONTROL, "execution_mode"),
        ("06 02 208e 2401", "start", OpKind.CONTROL, "execution_mode"),
        ("0e 03 2001 2401 3007", "get_attribute_single", OpKind.IDENTIFY, "identity"),
        ("10 03 20f5 2401 3005 01020304", "set_attribute_single", OpKind.WRITE, "tcp_ip_interface"),
        ("0e 04 2004 2500 6500 3003", "get_attribute_single", OpKind.READ, "assembly"),
        ("4c 02 2037 24c8 00000000", "initiate_download", OpKind.PROGRAM, "download"),
        ("4f 02 2037 24c8 00", "upload_transfer", OpKind.PROGRAM, "upload"),
        ("4b 02 20a1 2401 00", "nv_storage_update", OpKind.FIRMWARE, "nonvolatile_storage"),
        ("4e 02 2006 2401 0000", "forward_close", OpKind.SESSION, "connection_manager"),
    ],
)
def test_services_have_the_right_class(message: str, service: str, kind: OpKind, area: str) -> None:
    trial = Trial(Enip)
    trial.say(unconnected(message))
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.area) == (service, kind, area)


def test_class_instance_and_attribute_are_told() -> None:
    trial = Trial(Enip)
    trial.say(unconnected("0e 04 2004 2500 6500 3003"))
    (op,) = trial.sink.operations
    assert op.first == 0x65
    assert op.detail is not None
    path = {name: op.detail[name] for name in ("class_id", "instance_id", "attribute_id")}
    assert path == {"class_id": 4, "instance_id": 0x65, "attribute_id": 3}


def test_unconnected_send_is_opened_and_tells_the_slot() -> None:
    inner = request(0x4C, tag("Speed"), "0100")
    outer = request(0x52, bytes.fromhex("2006 2401"), bytes((7, 0xE9)) + struct.pack("<H", len(inner)) + inner)
    trial = Trial(Enip)
    trial.say(unconnected(outer + bytes.fromhex("01 00 01 03")))
    trial.answer(unconnected("cc 00 00 00 c300 0700"))
    asked, answered = trial.sink.operations
    assert (asked.service, asked.unit, asked.name) == ("read_tag", "1.3", "Speed")
    assert (answered.value, answered.unit) == (7, "1.3")


def test_several_services_in_a_packet_become_several_operations() -> None:
    parts = [request(0x4C, tag("AB"), "0100"), request(0x4D, tag("CD"), "c300 0100 0500")]
    offsets = [6, 6 + len(parts[0])]
    trial = Trial(Enip)
    trial.say(unconnected(request(0x0A, bytes.fromhex("2002 2401"), struct.pack("<3H", 2, *offsets) + b"".join(parts))))
    answers = [bytes.fromhex("cc000000 c300 0900"), bytes.fromhex("cd000400")]
    trial.answer(unconnected(bytes.fromhex("8a000000") + struct.pack("<3H", 2, 6, 14) + b"".join(answers)))
    assert [(op.name, op.value, op.result) for op in trial.sink.operations] == [
        ("", None, ""), ("AB", None, ""), ("CD", 5, ""),
        ("", None, "ok"), ("AB", 9, "ok"), ("CD", None, "path_segment_error"),
    ]  # fmt: skip
    envelopes = [op for op in trial.sink.operations if op.service == "multiple_service_packet"]
    assert [(op.direction, op.area) for op in envelopes] == [
        (Direction.REQUEST, "message_router"), (Direction.RESPONSE, "message_router"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("service", "path", "name", "kind"),
    [
        (0x4B, "208e 2401", "lock_controller", OpKind.CONTROL),
        (0x4C, "208e 2401", "unlock_controller", OpKind.CONTROL),
        (0x4D, "20a1 2401", "nv_storage_transfer", OpKind.FIRMWARE),
        (0x08, "20b2 2400", "create_tag_list", OpKind.SESSION),
        (0x08, "206a 2400", "create", OpKind.PROGRAM),
    ],
)
def test_services_of_rockwell_have_their_names(service: int, path: str, name: str, kind: OpKind) -> None:
    trial = Trial(Enip)
    trial.say(unconnected(request(service, bytes.fromhex(path))))
    (op,) = trial.sink.operations
    assert (op.service, op.kind) == (name, kind)


def test_a_connection_that_begins_with_rockwells_old_commands_is_known() -> None:
    assert enip.check(struct.pack("<HH20x", 1, 0), True) == WEAK
    assert enip.check(struct.pack("<HH20x", 2, 0), True) == NO


def test_forward_open_tells_who_connects() -> None:
    content = struct.pack("<BBIIHHIB3xIHIHBB", 7, 0xE9, 0, 0x11, 3, 1, 0xABCD, 0, 1, 2, 3, 4, 0xA3, 0)
    trial = Trial(Enip)
    trial.say(unconnected(request(0x54, bytes.fromhex("2006 2401"), content)))
    (op,) = trial.sink.operations
    assert (op.service, op.kind) == ("forward_open", OpKind.SESSION)
    assert op.detail is not None
    assert (op.detail["connection_serial"], op.detail["originator_serial"]) == (3, 0xABCD)


def test_identity_by_attributes() -> None:
    trial = Trial(Enip)
    trial.say(unconnected("01 02 2001 2401"))
    body = struct.pack("<HHHBBHI", 1, 14, 55, 20, 11, 0, 0xC0FFEE) + b"\x09" + b"1756-L61/"
    trial.answer(unconnected(b"\x81\0\0\0" + body))
    told = {piece.attribute: piece.value for piece in trial.sink.evidence}
    assert (told[Attribute.ROLE], told[Attribute.FIRMWARE], told[Attribute.MODEL]) == (
        "controller",
        "20.011",
        "1756-L61/",
    )


PCCC = "4b 02 2067 2401 07 0100 12345678 "


@pytest.mark.parametrize(
    ("command", "service", "kind", "area", "name"),
    [
        ("0f 00 0100 a2 04 07 89 05 00", "read_with_three", OpKind.READ, "data_file", "N7:5"),
        ("0f 00 0100 aa 02 07 89 05 00 3412", "write_with_three", OpKind.WRITE, "data_file", "N7:5"),
        ("0f 00 0100 80 01", "change_mode", OpKind.CONTROL, "program", ""),
        ("0f 00 0100 80 06", "change_mode", OpKind.CONTROL, "run", ""),
        ("0f 00 0100 50", "download_all_request", OpKind.PROGRAM, "download", ""),
        ("0f 00 0100 53", "upload_all_request", OpKind.PROGRAM, "upload", ""),
    ],
)
def test_pccc_within_cip(command: str, service: str, kind: OpKind, area: str, name: str) -> None:
    trial = Trial(Enip)
    trial.say(unconnected(PCCC + command))
    (op,) = trial.sink.operations
    assert op.protocol == "pccc"
    assert service in op.service
    assert (op.kind, op.area, op.name) == (kind, area, name)


def test_pccc_answers_repeat_the_object() -> None:
    trial = Trial(Enip)
    trial.say(unconnected(PCCC + "0f 00 0100 a2 02 07 89 05 00"))
    trial.answer(unconnected("cb 00 00 00 07 0100 12345678 4f 00 0100 3412"))
    trial.say(unconnected(PCCC + "06 00 0200 03"))
    trial.answer(unconnected(bytes.fromhex("cb000000 07 0100 12345678 46 00 0200 00 00 00 00 00") + b"1766-L32BWA"))
    answered = trial.sink.operations[1]
    assert (answered.name, answered.value, answered.result) == ("N7:5", b"\x34\x12", "ok")
    assert ("model", "1766-L32BWA") in [(piece.attribute, piece.value) for piece in trial.sink.evidence]


def test_cyclic_data_is_a_report() -> None:
    trial = Trial(EnipIo, as_datagrams=True)
    trial.say(struct.pack("<HHHIIHH", 2, 0x8002, 8, 0xAA55, 9, 0xB1, 4) + b"\1\0\2\0")
    (op,) = trial.sink.operations
    assert (op.kind, op.direction, op.first, op.transaction) == (OpKind.REPORT, Direction.REPORT, 0xAA55, 9)


def test_false_lengths_are_malformed() -> None:
    trial = Trial(Enip)
    trial.say(unconnected("0e 20 2001"))
    trial.say(unconnected("0a 02 2002 2401 0200 0600 0300"))
    trial.say(encapsulated(0x6F, struct.pack("<IHHHH", 0, 0, 1, 0xB2, 500)))
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.MALFORMED] * 3


@given(st.lists(st.integers(0, 255), min_size=1, max_size=6), st.integers(1, 29))
def test_however_a_stream_is_cut_the_operations_are_the_same(instances: list[int], size: int) -> None:
    stream = b"".join(unconnected(bytes((0x0E, 3, 0x20, 4, 0x24, each, 0x30, 3))) for each in instances)
    trial = Trial(Enip)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.first for op in trial.sink.operations] == instances


def test_checks() -> None:
    assert enip.check(encapsulated(0x65, b"\1\0\0\0"), True) == SURE
    assert enip.check(unconnected("0e 03 2001 2401 3007"), True) == SURE
    assert enip.check(encapsulated(0x63), True) == WEAK
    assert enip.check(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True) == NO


def test_zeek_rows_have_icsnpps_columns() -> None:
    trial = Trial(Enip)
    trial.say(unconnected("0e 03 2001 2401 3007"))
    (_, envelope), (log, row) = enip_log.zeek(trial.sink.operations[0])
    assert (envelope["enip_command_code"], envelope["enip_command"], envelope["enip_status"]) == (
        "0x6f", "Send RR Data", "Success",
    )  # fmt: skip
    assert (log, row["cip_service_code"], row["class_id"], row["attribute_id"]) == ("cip", "0x0e", "0x01", "0x07")
    assert (row["cip_service"], row["class_name"]) == ("Get Attribute Single", "Identity")
    trial.answer(unconnected("8e 00 16 00"))
    _, (_, refused) = enip_log.zeek(trial.sink.operations[1])
    assert (refused["cip_status_code"], refused["cip_status"]) == ("0x16", "Object Does Not Exist")
    assert "class_id" not in refused


def test_the_envelope_is_told_once_for_all_that_it_carries() -> None:
    trial = Trial(Enip)
    part = bytes.fromhex("0e 03 2001 2401 3007")
    several = b"\x0a\x02\x20\x02\x24\x01" + struct.pack("<HHH", 2, 6, 6 + len(part)) + part + part
    trial.say(unconnected(several))
    logs = [[log for log, _ in enip_log.zeek(op)] for op in trial.sink.operations]
    assert logs == [["enip", "cip"], ["cip"], ["cip"]]


def test_an_answer_to_several_services_is_read_without_its_question() -> None:
    trial = Trial(Enip)
    part = bytes.fromhex("8e 00 00 00 0100")
    trial.answer(unconnected(b"\x8a\0\0\0" + struct.pack("<HHH", 2, 6, 6 + len(part)) + part + part))
    assert [op.service for op in trial.sink.operations] == [
        "multiple_service_packet", "get_attribute_single", "get_attribute_single",
    ]  # fmt: skip


def test_an_identity_has_a_log_with_numbers_and_names() -> None:
    attributes = struct.pack("<HHHBBHI", 1, 12, 58, 4, 3, 0x30, 0x00524D8E) + b"\x0b1756-ENBT/A\x03"
    item = struct.pack("<H", 1) + struct.pack(">HH4s8x", 2, 44818, bytes((10, 0, 0, 2))) + attributes
    trial = Trial(Enip)
    trial.answer(encapsulated(0x63, struct.pack("<HHH", 1, 0x0C, len(item)) + item))
    _, (log, row) = enip_log.zeek(trial.sink.operations[0])
    assert log == "cip_identity"
    assert (row["vendor_name"], row["device_type_name"], row["product_name"]) == (
        "Rockwell Automation/Allen-Bradley", "Communications Adapter", "1756-ENBT/A",
    )  # fmt: skip
    assert (row["revision"], row["serial_number"], row["device_status"], row["socket_port"]) == (
        "4.3", "0x00524d8e", "0x0030", 44818,
    )  # fmt: skip


def test_cyclic_data_is_told_with_connection_and_sequence() -> None:
    trial = Trial(enip.EnipIo, port=2222, as_datagrams=True)
    trial.say(struct.pack("<HHHIIHH", 2, 0x8002, 8, 0x4B0603, 4_166_875, 0xB1, 6) + bytes.fromhex("a587e80f0300"))
    ((log, row),) = enip_log.zeek(trial.sink.operations[0])
    assert (log, row["connection_id"], row["sequence_number"]) == ("cip_io", "0x004b0603", 4_166_875)
    assert (row["data_length"], row["io_data"]) == (6, "a587e80f0300")


@given(st.binary(max_size=150))
def test_hostile_content_raises_nothing(data: bytes) -> None:
    torture(Enip, unconnected(data) + connected(data))
    torture(Enip, unconnected(bytes.fromhex(PCCC) + data))
