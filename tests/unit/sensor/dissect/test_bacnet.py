from __future__ import annotations

import struct

import packets as build
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind, OtOp
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, bacnet, bacnet_log, torture
from vedette.sensor.dissect.bacnet import Bacnet
from vedette.sensor.engine import Engine
from vedette.sensor.listener import Listener


def bvlc(npdu: bytes, function: int = 10) -> bytes:
    return struct.pack(">BBH", 0x81, function, len(npdu) + 4) + npdu


def message(apdu: str | bytes, *, function: int = 10, network: str = "0100") -> bytes:
    raw = bytes.fromhex(apdu) if isinstance(apdu, str) else apdu
    return bvlc(bytes.fromhex(network) + raw, function)


def trial() -> Trial:
    return Trial(Bacnet, port=47_808, as_datagrams=True)


def test_read_property_tells_object_property_and_value() -> None:
    heard = trial()
    heard.say(message("00 05 01 0c 0c 00000005 19 55"))
    heard.answer(message("30 01 0c 0c 00000005 19 55 3e 44 42900000 3f"))
    asked, answered = heard.sink.operations
    assert (asked.service, asked.kind, asked.area, asked.first, asked.name) == (
        "read_property", OpKind.READ, "analog_input", 5, "present_value",
    )  # fmt: skip
    assert (answered.value, answered.result, answered.latency_ns) == (72.0, "ok", 1_000_000)


def test_write_property_tells_value_and_priority() -> None:
    heard = trial()
    heard.say(message("00 04 59 0f 0c 00800001 19 55 3e 44 43340000 3f 49 08"))
    heard.answer(message("20 59 0f"))
    written, done = heard.sink.operations
    assert (written.kind, written.area, written.first, written.value) == (OpKind.WRITE, "analog_value", 1, 180.0)
    assert written.detail == {"pdu_type": "confirmed_request", "priority": 8}
    assert (done.direction, done.result, done.name, done.value) == (Direction.RESPONSE, "ok", "present_value", None)


def test_read_property_multiple_becomes_one_operation_for_each_property() -> None:
    heard = trial()
    heard.say(message("00 04 f1 0e 0c 00000010 1e 09 55 09 67 1f 0c 00000011 1e 09 55 1f"))
    heard.answer(
        message(
            "30 f1 0e 0c 00000010 1e 29 55 4e 44 42900000 4f 29 67 5e 91 02 91 20 5f 1f"
            "0c 00000011 1e 29 55 4e 21 07 4f 1f"
        )
    )
    assert [(op.first, op.name, op.value, op.result) for op in heard.sink.operations] == [
        (16, "present_value", None, ""), (16, "reliability", None, ""), (17, "present_value", None, ""),
        (16, "present_value", 72.0, "ok"), (16, "reliability", None, "unknown_property"),
        (17, "present_value", 7, "ok"),
    ]  # fmt: skip


def test_write_property_multiple_tells_values() -> None:
    heard = trial()
    heard.say(message("00 04 01 10 0c 00800005 1e 09 55 2e 44 42860000 2f 1f 0c 00800006 1e 09 55 2e 21 07 2f 1f"))
    assert [(op.first, op.name, op.value) for op in heard.sink.operations] == [
        (5, "present_value", 67.0), (6, "present_value", 7),
    ]  # fmt: skip


def test_who_is_and_i_am() -> None:
    heard = trial()
    heard.say(message("10 08 09 03 19 03", function=11))
    heard.answer(message("10 00 c4 020004d2 22 01e0 91 00 21 08", function=11))
    asked, told = heard.sink.operations
    assert (asked.service, asked.kind, asked.value) == ("who_is", OpKind.IDENTIFY, (3, 3))
    assert (told.service, told.direction, told.area, told.first) == ("i_am", Direction.REPORT, "device", 1_234)
    evidence = {piece.attribute: piece.value for piece in heard.sink.evidence}
    assert (evidence[Attribute.UNIT], evidence[Attribute.VENDOR]) == ("device,1234", "Delta Controls")


def test_what_comes_from_behind_a_router_is_not_said_of_the_router() -> None:
    heard = trial()
    heard.answer(message("10 00 c4 020004d2 22 01e0 91 00 21 08", network="0108 0007 01 15"))
    assert heard.sink.operations[0].unit == 7
    assert not heard.sink.evidence


def test_device_properties_become_evidence() -> None:
    heard = trial()
    heard.say(message("00 05 02 0c 0c 020004d2 19 46"))
    heard.answer(message(bytes.fromhex("30 02 0c 0c 020004d2 19 46 3e 75 07 00") + b"DSC-12" + b"\x3f"))
    assert heard.sink.operations[0].kind is OpKind.IDENTIFY
    assert [(piece.attribute, piece.value) for piece in heard.sink.evidence] == [(Attribute.MODEL, "DSC-12")]


@pytest.mark.parametrize(
    ("apdu", "service", "kind", "area"),
    [
        ("00 05 03 14 09 00 1d 09 00 66696c6970626f6f", "reinitialize_device", OpKind.CONTROL, "coldstart"),
        ("00 05 03 14 09 01", "reinitialize_device", OpKind.CONTROL, "warmstart"),
        ("00 05 03 11 09 05 19 01", "device_communication_control", OpKind.CONTROL, "disable"),
        ("00 05 03 07 c4 02800001 0e 31 00 61 0a 0f", "atomic_write_file", OpKind.FILE, "download"),
        ("00 05 03 0b c4 00c00001", "delete_object", OpKind.PROGRAM, "binary_input"),
        ("00 05 03 05 09 01 1c 00000001 29 01 39 00", "subscribe_cov", OpKind.SESSION, "analog_input"),
        ("10 06 a4 7c0a0103 b4 0a0b0c00", "time_synchronization", OpKind.WRITE, "clock"),
    ],
)
def test_services_have_the_right_class(apdu: str, service: str, kind: OpKind, area: str) -> None:
    heard = trial()
    heard.say(message(apdu))
    (op,) = heard.sink.operations
    assert (op.service, op.kind, op.area) == (service, kind, area)
    assert not heard.sink.anomalies


def test_error_reject_and_abort_name_the_reason() -> None:
    heard = trial()
    for answer in ("50 01 0c 91 01 91 1f", "60 01 09", "71 01 04"):
        heard.say(message("00 05 01 0c 0c 00000005 19 55"))
        heard.answer(message(answer))
    assert [op.result for op in heard.sink.operations[1::2]] == [
        "unknown_object", "reject_unrecognized_service", "abort_segmentation_not_supported",
    ]  # fmt: skip
    assert {op.service for op in heard.sink.operations} == {"read_property"}


def test_tables_of_the_virtual_link() -> None:
    heard = trial()
    heard.say(bvlc(b"", 2))
    heard.say(bvlc(b"\0\x3c", 5))
    heard.answer(bvlc(b"\0\x30", 0))
    assert [(op.service, op.result) for op in heard.sink.operations] == [
        ("read_broadcast_distribution_table", ""), ("register_foreign_device", ""), ("bvlc_result", "nak_0030"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (message("00 05 01 7f"), AnomalyKind.ILLEGAL_FUNCTION),
        (message("10 7f"), AnomalyKind.ILLEGAL_FUNCTION),
        (message("00 05 01 0c 0c 0000"), AnomalyKind.MALFORMED),
        (message("00 05 01 0c 0c 00000005 19 55")[:-1], AnomalyKind.MALFORMED),
        (message("90"), AnomalyKind.ILLEGAL_VALUE),
    ],
)
def test_what_the_standard_forbids_is_noted(payload: bytes, kind: AnomalyKind) -> None:
    heard = trial()
    heard.say(payload)
    assert [each.kind for each in heard.sink.anomalies] == [kind]


def test_checks() -> None:
    assert bacnet.check(message("10 08", function=11), True) == SURE
    assert bacnet.check(message("10 08")[:-1], True) == WEAK
    assert bacnet.check(b"\x81\x0b\x00\x08\x02\x00\x10\x08", True) == NO
    assert bacnet.check_npdu(bytes.fromhex("0100 10 08"), True) == SURE
    assert bacnet.check_npdu(bytes.fromhex("0200 10 08"), True) == NO


def test_a_wrong_length_is_noted_and_the_message_read_all_the_same() -> None:
    heard = trial()
    heard.say(message("00 05 01 14 09 00 1d 05 00 7365 7372"[:-5]) + b"et")
    (op,) = heard.sink.operations
    assert (op.service, op.kind, op.area) == ("reinitialize_device", OpKind.CONTROL, "coldstart")
    assert [each.kind for each in heard.sink.anomalies] == [AnomalyKind.MALFORMED]


def test_bacnet_over_ethernet_has_no_virtual_link() -> None:
    frame = build.ethernet(bytes.fromhex("82 82 03") + bytes.fromhex("01 20 ffff 00 ff 10 08"), 11)
    found: list[OtOp] = []

    class Heard(Listener):
        def operations(self, operations: list[OtOp]) -> None:
            found.extend(operations)

    engine = Engine([Heard()])
    engine.read(build.packets([frame]))
    engine.finish()
    assert [(op.protocol, op.service, op.unit) for op in found] == [("bacnet", "who_is", 65_535)]


def test_zeek_rows() -> None:
    heard = trial()
    heard.say(message("00 05 01 0c 0c 00000005 19 55"))
    (_, row), (log, column) = bacnet_log.zeek(heard.sink.operations[0])
    assert (row["pdu_service"], row["invoke_id"]) == ("read_property", 1)
    assert (log, column["object_type"], column["property"]) == ("bacnet_property", "analog-input", "present-value")


def read_with_value(kind_and_instance: str, prop: str, value: str) -> OtOp:
    heard = trial()
    heard.say(message(f"00 05 01 0c 0c {kind_and_instance} 19 {prop}"))
    heard.answer(message(f"30 01 0c 0c {kind_and_instance} 19 {prop} 3e {value} 3f"))
    return heard.sink.operations[1]


@pytest.mark.parametrize(
    ("prop", "tagged", "value", "written"),
    [
        ("6f", "82 04 40", "FTFF", "FTFF"),
        ("38", "a4 69 05 14 05", "2005-05-20", "2005-05-20"),
        ("38", "a4 ff ff 01 ff", "*-*-01", "*-*-01"),
        ("39", "b4 08 1b 0e 00", "08:27:14.00", "08:27:14.00"),
        ("75", "91 62", 98, "percent"),
        ("24", "91 01", 1, "fault"),
        ("67", "91 06", 6, "no-output"),
        ("4f", "91 03", 3, "binary-input"),
        ("4b", "c4 00000005", "analog_input,5", "analog-input: 5"),
        ("51", "10", False, "false"),
        ("77", "32 fe20", -480, "-480"),
        ("55", "44 42900000", 72.0, "72.000000"),
        ("55", "55 08 4052000000000000", 72.0, "72.000000"),
        ("55", "65 03 010203", b"\x01\x02\x03", "010203"),
    ],
)
def test_values_of_every_type(prop: str, tagged: str, value: object, written: str) -> None:
    answered = read_with_value("00000005", prop, tagged)
    assert answered.value == value
    assert bacnet_log.zeek(answered)[1][1]["value"] == written


def test_a_list_has_a_row_for_each_value_and_one_of_the_message() -> None:
    answered = read_with_value("01000001", "57", "00 44 42900000 00")
    assert answered.value == (None, 72.0, None)
    rows = bacnet_log.zeek(answered)
    assert [log for log, _ in rows] == ["bacnet", "bacnet_property", "bacnet_property", "bacnet_property"]
    assert [columns.get("value") for _, columns in rows[1:]] == [None, "72.000000", None]
    assert rows[0][1]["bvlc_function"] == "Original_Unicast_NPDU"


def test_an_answer_in_segments_is_joined() -> None:
    heard = trial()
    heard.say(message("02 75 5e 0c 0c 020000fe 19 4c"))
    heard.answer(message("3c 5e 00 04 0c 0c 020000fe 19 4c 3e c4 02 00 00"))
    heard.say(message("40 5e 00 04"))
    heard.answer(message("3c 5e 00 04 0c 0c 020000fe 19 4c 3e c4 02 00 00"))  # comes again
    heard.answer(message("38 5e 01 04 0c fe c4 00000007 3f"))
    asked, part, taken, _, last = heard.sink.operations
    assert (part.service, part.name, part.value, taken.service) == ("read_property", "", None, "segment_ack")
    assert (last.name, last.value, last.area) == ("object_list", ("device,254", "analog_input,7"), "device")
    assert last.latency_ns == last.at_ns - asked.at_ns
    assert not heard.sink.anomalies


def test_an_answer_that_lacks_a_segment_has_no_value() -> None:
    heard = trial()
    heard.say(message("02 75 5e 0c 0c 020000fe 19 4c"))
    heard.answer(message("3c 5e 00 04 0c 0c 020000fe 19 4c 3e c4 02 00 00"))
    heard.answer(message("38 5e 02 04 0c fe 3f"))
    assert [op.value for op in heard.sink.operations] == [None, None, None]


@pytest.mark.parametrize("head", ["00 05 01 01", "10 02"])
def test_notifications_of_changed_values_tell_object_and_values(head: str) -> None:
    heard = trial()
    values = "09 55 2e 44 42900000 2f 09 6f 2e 82 04 40 2f"
    heard.say(message(f"{head} 09 01 1c 02004ad2 2c 00400001 3a 0258 4e {values} 4f"))
    present, flags = heard.sink.operations
    assert (present.kind, present.area, present.first) == (OpKind.REPORT, "analog_output", 1)
    assert (present.name, present.value, flags.name, flags.value) == ("present_value", 72.0, "status_flags", "FTFF")


@pytest.mark.parametrize(
    ("apdu", "area", "instance"),
    [
        ("00 05 0f 1b 09 12 1c 004d444c 29 04 3c 05400001", "life_safety_point", 1),
        ("00 05 0f 02 09 01 1c 02000001 2c 00c00007", "binary_input", 7),
        ("10 03 09 01 1c 02000001 2c 00c00007", "binary_input", 7),
        ("00 05 0f 12 09 07 1a 01ff 2e 00000000 7f000000 38000004 2f", "", None),
    ],
)
def test_each_service_names_its_own_object(apdu: str, area: str, instance: int | None) -> None:
    heard = trial()
    heard.say(message(apdu))
    (op,) = heard.sink.operations
    assert (op.area, op.first) == (area, instance)
    assert not heard.sink.anomalies


def test_searches_name_range_object_and_vendor() -> None:
    heard = trial()
    for apdu in (
        "10 08",
        "10 08 0a 006c 1a 006c",
        "10 07 3d 05 00 53594e31",
        "10 01 c4 0200003d c4 00000002 74 00 616263",
    ):
        heard.say(message(apdu, function=11))
    heard.say(message("10 00 c4 0200007e 22 01e0 91 03 21 2a"))
    rows = [bacnet_log.zeek(op)[1] for op in heard.sink.operations]
    assert {log for log, _ in rows} == {"bacnet_discovery"}
    assert [columns.get("range") for _, columns in rows] == ["All", "108-108", "All", None, None]
    assert (rows[2][1]["object_name"], rows[3][1]["object_name"]) == ("SYN1", "abc")
    assert (rows[3][1]["device_id_number"], rows[3][1]["object_type"]) == (61, "analog-input")
    assert (rows[4][1]["vendor"], rows[4][1]["instance_number"]) == ("Acuity Brands Lighting, Inc.", 126)


def test_the_password_of_an_order_is_not_kept() -> None:
    heard = trial()
    heard.say(message("00 05 03 11 09 01 19 01 2d 09 00 66696c6973746572"))
    heard.answer(message("50 03 11 91 04 91 1a"))
    asked, refused = heard.sink.operations
    assert asked.value == (1, "***")
    (_, order), (_, outcome) = bacnet_log.zeek(asked)[1], bacnet_log.zeek(refused)[1]
    assert (order["device_state"], order["time_duration"], order["password"]) == ("disable", 1, "***")
    assert (outcome["result"], outcome["result_code"]) == ("ERROR", "password-failure")
    assert "filister" not in repr(heard.sink.operations)


@given(
    st.binary(max_size=200),
    st.sampled_from(["00 05 01 0e", "30 01 0e", "30 01 0c", "10 00", "50 01 0c", "3c 01 00 04 0e", "38 01 01 04 0e"]),
)
def test_hostile_content_raises_nothing(data: bytes, head: str) -> None:
    torture(Bacnet, message(bytes.fromhex(head) + data), as_datagrams=True)
