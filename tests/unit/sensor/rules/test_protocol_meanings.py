"""Protocol violations: each known meaning is raised by what breaks the rule, and not by what keeps it."""

from __future__ import annotations

import pytest
from alert_cases import Case, alerts_of, rules_of
from industrial import (
    Frames,
    Said,
    bacnet,
    cip,
    dnp3,
    dnp3_ask,
    dnp3_tell,
    h,
    http,
    iec104,
    modbus,
    polls,
    tcp,
    udp,
)  # fmt: skip

from vedette.sensor.rules import MEANINGS

LATER = 700.0
COMMAND = iec104("2d 01 06 00 0300 d20400 81")


def modbus_refusal(code: int, *, is_late: bool) -> Frames:
    good, bad = (modbus("03 04 0001 0002"),), (modbus(f"83 {code:02x}"),)
    return tcp(502, modbus("03 0001 0002"), good if is_late else bad, LATER, modbus("03 0001 0002"), bad)


def dnp3_refusal(iin: str, *, is_late: bool) -> Frames:
    first = dnp3_tell() if is_late else dnp3_tell(iin=iin)
    return tcp(20_000, dnp3_ask("01 3c 02 06"), first, LATER, dnp3_ask("01 3c 02 06"), dnp3_tell(iin=iin))


def iec_refusal(cause: int, *, is_late: bool) -> Frames:
    bad = (iec104(f"2d 01 {cause | 0x40:02x} 00 0300 d20400 81"),)
    good = (iec104("2d 01 07 00 0300 d20400 81"),)
    return tcp(2_404, COMMAND, good if is_late else bad, LATER, COMMAND, bad)


def mqtt(version: int) -> bytes:
    return b"\x10\x0d\x00\x04MQTT" + bytes((version,)) + b"\x02\x00\x3c\x00\x01a"


def dnp3_of(*frames: Said) -> Frames:
    return tcp(20_000, dnp3_ask("01 3c 02 06"), dnp3_tell(), *frames)


BROKEN = bytearray(dnp3(bytes((0xC0, 0xC0, 0x81, 0, 0, 1, 2, 0, 0, 1, 0x81)), is_master=False))
BROKEN[-1] ^= 0xFF

CASES: dict[str, Case] = {
    "Excessive Malformed Packets In a Single Session": Case(
        "protocol.malformed", lambda: tcp(502, modbus("10 0001 0002 04 0001"), 1.0, modbus("10 0001 0002 04 0001")),
        lambda: tcp(502, modbus("10 0001 0002 04 0001"), 1_000.0, modbus("10 0001 0002 04 0001")),
    ),
    "Firmware Update": Case(
        "ot.firmware_update", lambda: tcp(44_818, cip("4b 02 20a1 2401 00")),
        lambda: tcp(44_818, cip("0e 03 20a1 2401 3001")),
    ),
    "Function Code Not Supported by Outstation": Case(
        "dnp3.not_supported", lambda: dnp3_refusal("0001", is_late=True), lambda: dnp3_refusal("0001", is_late=False)
    ),
    "Illegal BACNet message": Case(
        "bacnet.illegal", lambda: udp(47_808, bacnet("00 05 01 0c 0c 00000005 19 55"), bacnet("90 00")),
        lambda: udp(47_808, bacnet("00 05 01 0c 0c 00000005 19 55"), bacnet("10 08")),
    ),
    "Illegal Connection Attempt on Port 0": Case("port.zero", lambda: tcp(0), lambda: tcp(1)),
    "Illegal DNP3 Operation": Case(
        "dnp3.illegal", lambda: dnp3_of(dnp3(bytes((0xC0, 0xC0, 0x81, 0, 0)))), lambda: dnp3_of(dnp3_ask("17"))
    ),
    "Illegal MODBUS Operation (Exception Raised by Master)": Case(
        "modbus.exception_from_master", lambda: tcp(502, modbus("83 02")), lambda: tcp(502, modbus("03 0001 0002"))
    ),
    "Illegal MODBUS Operation (Function Code Zero)": Case(
        "modbus.function_zero", lambda: tcp(502, modbus("00 01")), lambda: tcp(502, modbus("07"))
    ),
    "Illegal Protocol Version": Case(
        "protocol.version", lambda: tcp(1_883, mqtt(9)), lambda: tcp(1_883, mqtt(4))
    ),
    "Incorrect Parameter Sent to Outstation": Case(
        "dnp3.parameter_error", lambda: dnp3_refusal("0004", is_late=True), lambda: dnp3_refusal("0004", is_late=False)
    ),
    "Initiation of an Obsolete Function Code (Initialize Data)": Case(
        "dnp3.initialize_data", lambda: dnp3_of(dnp3_ask("0f")), lambda: dnp3_of(dnp3_ask("17"))
    ),
    "Initiation of an Obsolete Function Code (Save Config)": Case(
        "dnp3.save_configuration", lambda: dnp3_of(dnp3_ask("13")), lambda: dnp3_of(dnp3_ask("17"))
    ),
    "Master Requested an Application Layer Confirmation": Case(
        "dnp3.master_wants_confirmation", lambda: dnp3_of(dnp3_ask("01 3c 02 06", control=0xE1)),
        lambda: dnp3_of(dnp3_ask("01 3c 02 06", control=0xC1)),
    ),
    "Modbus Exception": Case(
        "modbus.exception", lambda: modbus_refusal(10, is_late=True), lambda: modbus_refusal(10, is_late=False)
    ),
    "Slave Device Received Illegal ASDU Type": Case(
        "iec104.type", lambda: tcp(2_404, COMMAND, iec104("f0 01 06 00 0300 010000 00")),
        lambda: tcp(2_404, COMMAND, iec104("2e 01 06 00 0300 010000 02")),
    ),
    "Slave Device Received Illegal Command Cause of Transmission": Case(
        "iec104.cause", lambda: tcp(2_404, COMMAND, iec104("2d 01 3f 00 0300 d20400 81")),
        lambda: tcp(2_404, COMMAND, iec104("2d 01 08 00 0300 d20400 81")),
    ),
    "Slave Device Received Illegal Common Address": Case(
        "iec104.common_address", lambda: iec_refusal(46, is_late=True), lambda: iec_refusal(46, is_late=False)
    ),
    "Slave Device Received Illegal Data Address Parameter": Case(
        "modbus.data_address", lambda: modbus_refusal(2, is_late=True), lambda: modbus_refusal(2, is_late=False)
    ),
    "Slave Device Received Illegal Data Value Parameter": Case(
        "modbus.data_value", lambda: modbus_refusal(3, is_late=True), lambda: modbus_refusal(3, is_late=False)
    ),
    "Slave Device Received Illegal Function Code": Case(
        "modbus.illegal_function", lambda: modbus_refusal(1, is_late=True), lambda: modbus_refusal(1, is_late=False)
    ),
    "Slave Device Received Illegal Information Object Address": Case(
        "iec104.object_address", lambda: tcp(2_404, COMMAND, iec104("2d 01 06 00 0300 000000 81")),
        lambda: tcp(2_404, COMMAND, iec104("64 01 06 00 0300 000000 14")),
    ),
    "Unknown Object Sent to Outstation": Case(
        "dnp3.unknown_object", lambda: dnp3_refusal("0002", is_late=True), lambda: dnp3_refusal("0002", is_late=False)
    ),
    "Usage of a Reserved Function Code": Case(
        "protocol.reserved_function", lambda: tcp(502, modbus("03 0001 0002"), modbus("4f 01")),
        lambda: tcp(502, modbus("03 0001 0002"), modbus("42 01")),
    ),
    "Usage of Improper Formatting by Outstation": Case(
        "dnp3.formatting", lambda: dnp3_of(dnp3_ask("01 3c 02 06"), (bytes(BROKEN),)),
        lambda: dnp3_of(dnp3_ask("01 3c 02 06"), dnp3_tell("01 02 00 00 01 81 01")),
    ),
    "Usage of Reserved Status Flags (IIN)": Case(
        "dnp3.reserved_iin", lambda: dnp3_of(dnp3_ask("01 3c 02 06"), dnp3_tell(iin="0040")),
        lambda: dnp3_of(dnp3_ask("01 3c 02 06"), dnp3_tell(iin="1000")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_protocol_meaning_is_raised_by_what_breaks_the_rule_and_by_nothing_else(name: str) -> None:
    case = CASES[name]
    (meaning,) = [each for each in MEANINGS if each.name == name]
    assert case.rule in meaning.rules
    assert case.rule in rules_of(case.does(), case.changes)
    assert case.rule not in rules_of(case.does_not(), case.changes)


def test_polls_that_are_answered_raise_nothing() -> None:
    assert not rules_of(polls(times=200))
    assert h("00") == b"\0"


@pytest.mark.parametrize(
    ("port", "said"),
    [
        (80, http(more=b"Authorization: Basic b3BlcmF0b3I6czNjcmV0LXdvcmQ=\r\n")),
        (21, b"USER operator\r\nPASS s3cret-word\r\n"),
    ],
    ids=["http", "ftp"],
)
def test_a_password_in_clear_text_is_told_and_never_repeated(port: int, said: bytes) -> None:
    alerts = alerts_of(tcp(port, said))
    (alert,) = [each for each in alerts if each.rule == "credential.clear_text"]
    assert not any("s3cret-word" in str(each) for each in alerts)
    assert alert.title.endswith("in clear text")


def test_a_page_without_a_password_tells_nothing_of_one() -> None:
    assert "credential.clear_text" not in rules_of(tcp(80, http()))
