"""Each known meaning that needs learning is raised by what is new, and not by what is usual."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import packets as build
import pytest
from industrial import Frames, joined, modbus, tcp
from plant_traffic import Site, evidence, flow_of, operation

from vedette.sensor import Attribute, BaselineSettings, Makers, OpKind, Sensor
from vedette.sensor.baseline import RULES, Settings
from vedette.sensor.dissect import PROTOCOLS
from vedette.sensor.rules import MEANINGS, TECHNIQUES

MASTER, PLC = "10.0.0.10", "10.0.10.1"
READ, WRITE, IDENTIFY, SESSION, REPORT = OpKind.READ, OpKind.WRITE, OpKind.IDENTIFY, OpKind.SESSION, OpKind.REPORT
_TRANSPORTS = {each.name: (each.transport, each.ports) for each in reversed(PROTOCOLS)}


class Row(NamedTuple):
    """What is usual and what is new, as the dissector of a protocol tells it."""

    rule: str
    protocol: str
    usual: tuple[str, OpKind, str, str]
    """Service, kind, area and name."""
    new: tuple[str, OpKind, str, str]


ROWS: dict[str, Row] = {
    "New Activity Detected - CIP Class": Row(
        "baseline.new_object", "cip", ("get_attribute_single", READ, "assembly", ""),
        ("get_attribute_single", READ, "file", "")),
    "New Activity Detected - CIP Class Service": Row(
        "baseline.new_operation", "cip", ("get_attribute_single", READ, "assembly", ""),
        ("get_attributes_all", READ, "assembly", "")),
    "New Activity Detected - CIP PCCC Command": Row(
        "baseline.new_operation", "pccc", ("word_range_read", READ, "n", "N7:0"), ("echo", OpKind.DIAGNOSE, "", "")),
    "New Activity Detected - CIP Symbol": Row(
        "baseline.new_object", "cip", ("read_tag", READ, "", "Level"), ("read_tag", READ, "", "Recipe[3]")),
    "New Activity Detected - EtherNet/IP I/O Connection": Row(
        "baseline.new_operation", "cip", ("read_tag", READ, "", "Level"), ("forward_open", SESSION, "", "")),
    "New Activity Detected - EtherNet/IP Protocol Command": Row(
        "baseline.new_operation", "enip", ("register_session", SESSION, "", ""), ("list_services", IDENTIFY, "", "")),
    "New Activity Detected - Read/Write Command (AMS Index Group)": Row(
        "baseline.new_object", "ads", ("read", READ, "group_4020", ""), ("read", READ, "group_f005", "")),
    "New Activity Detected - Using AMS Protocol Command": Row(
        "baseline.new_operation", "ads", ("read", READ, "group_4020", ""), ("read_state", OpKind.DIAGNOSE, "", "")),
    "Omron FINS Unauthorized Command": Row(
        "baseline.new_operation", "fins", ("memory_area_read", READ, "dm", ""), ("clock_read", READ, "clock", "")),
    "Unauthorized Access to Siemens S7 Data Block": Row(
        "baseline.new_object", "s7comm", ("read_variable", READ, "db", "DB1.DBX0.0"),
        ("read_variable", READ, "db", "DB7.DBX2.0")),
    "Unauthorized Access to Siemens S7 Plus Object": Row(
        "baseline.new_object", "s7comm_plus", ("get_variable", READ, "object_1", ""),
        ("get_variable", READ, "object_7", "")),
    "Unauthorized Siemens S7 Plus Operation": Row(
        "baseline.new_operation", "s7comm_plus", ("get_variable", READ, "", ""), ("explore", OpKind.DIAGNOSE, "", "")),
    "Unauthorized BACNet Object Access": Row(
        "baseline.new_object", "bacnet", ("read_property", READ, "analog-input", "present-value"),
        ("read_property", READ, "file", "file-size")),
    "Unauthorized BACNet Route": Row(
        "baseline.new_operation", "bacnet", ("read_property", READ, "analog-input", "present-value"),
        ("who_is_router_to_network", IDENTIFY, "", "")),
    "Unauthorized Emerson ROC Operation": Row(
        "baseline.new_operation", "roc_plus", ("read_real_time_clock", READ, "", ""),
        ("system_configuration", IDENTIFY, "", "")),
    "Unauthorized GE SRTP Protocol Command": Row(
        "baseline.new_operation", "srtp", ("plc_short_status", OpKind.DIAGNOSE, "", ""),
        ("return_control_program_names", IDENTIFY, "", "")),
    "Unauthorized GE SRTP System Memory Operation": Row(
        "baseline.new_object", "srtp", ("read_system_memory", READ, "r", ""), ("read_system_memory", READ, "q", "")),
    "Unauthorized Mitsubishi MELSEC Command": Row(
        "baseline.new_operation", "melsec", ("batch_read", READ, "d", ""), ("random_read", READ, "", "")),
    "Unauthorized MMS Service": Row(
        "baseline.new_operation", "mms", ("read", READ, "", "LD0/MMXU1"), ("get_name_list", IDENTIFY, "", "")),
    "Unauthorized OPC UA Activity": Row(
        "baseline.new_operation", "opcua", ("read", READ, "", "ns=2;s=Level"), ("browse", IDENTIFY, "", "")),
    "Unauthorized OPC UA Request/Response": Row(
        "baseline.new_writer", "opcua", ("read", READ, "", "ns=2;s=Level"), ("write", WRITE, "", "ns=2;s=Level")),
    "Unauthorized Profinet Frame Type": Row(
        "baseline.new_operation", "profinet_rt", ("cyclic_data", REPORT, "", ""), ("alarm_high", REPORT, "", "")),
    "Unpermitted Modbus Schneider Electric Extension": Row(
        "baseline.new_operation", "umas", ("repeat", OpKind.DIAGNOSE, "", ""), ("read_plc_info", IDENTIFY, "", "")),
    "Unpermitted Usage of ASDU Types": Row(
        "baseline.new_writer", "iec104", ("c_ic_na_1", READ, "interrogation", ""),
        ("c_se_nc_1", WRITE, "setpoint_float", "")),
    "Unpermitted Usage of DNP3 Function Code": Row(
        "baseline.new_operation", "dnp3", ("read", READ, "class_1", ""), ("delay_measure", OpKind.DIAGNOSE, "", "")),
    "Unpermitted Usage of Modbus Function Code": Row(
        "baseline.new_operation", "modbus", ("read_holding_registers", READ, "holding_register", ""),
        ("diagnostics", OpKind.DIAGNOSE, "", "")),
    "Unauthorized HTTP Activity": Row(
        "baseline.new_operation", "http", ("get", READ, "uri", "/"), ("put", WRITE, "uri", "/config")),
    "Unauthorized SNMP Operation": Row(
        "baseline.new_operation", "snmp", ("get", READ, "", "1.3.6.1.2.1.1.1.0"),
        ("get_bulk", READ, "", "1.3.6.1.2.1")),
}  # fmt: skip
CARRIED_BY = {"profinet_rt": "profinet", "cip": "enip", "pccc": "enip", "umas": "modbus"}


def enforced(before: Site) -> Site:
    site = Site(Settings(is_enforced=True), now_ns=before.now_ns)
    site.baseline.restore(before.baseline.saved())
    return site


@pytest.mark.parametrize("meaning", ROWS)
def test_what_is_new_is_told_and_what_is_usual_is_not(meaning: str) -> None:
    row = ROWS[meaning]
    transport, ports = _TRANSPORTS[CARRIED_BY.get(row.protocol, row.protocol)]
    flow = flow_of(
        MASTER, PLC, ports[0] if ports else 0, CARRIED_BY.get(row.protocol, row.protocol), transport=transport
    )
    known = flow_of(MASTER, PLC, 502, "modbus")
    before = Site()
    flow.protocol = row.protocol
    said = operation(flow, before.now_ns, *row.usual[:2], area=row.usual[2], name=row.usual[3])
    before.hear(operation(known, before.now_ns, "report_server_id", IDENTIFY), said)
    after = enforced(before)
    after.hear(said)
    assert after.alerts == []
    after.hear(*[operation(flow, after.now_ns, *row.new[:2], area=row.new[2], name=row.new[3]) for _ in range(3)])
    assert [each.rule for each in after.alerts] == [row.rule]


FACTS = {
    "Beckhoff Software Changed": (Attribute.FIRMWARE, "ads read_device_info"),
    "Firmware Change Detected": (Attribute.FIRMWARE, "cip identity"),
    "Firmware Version Changed": (Attribute.FIRMWARE, "bacnet read_property"),
    "Modbus Firmware Version Changed": (Attribute.FIRMWARE, "modbus read_device_identification"),
    "S7 Plus PLC Firmware Changed": (Attribute.FIRMWARE, "s7comm_plus create_object"),
}


@pytest.mark.parametrize("meaning", FACTS)
def test_other_firmware_is_told_and_the_same_is_not(meaning: str) -> None:
    attribute, source = FACTS[meaning]
    before = Site()
    before.baseline.evidence([evidence(PLC, before.now_ns, attribute, "2.1", source)])
    site = enforced(before)
    site.baseline.evidence([evidence(PLC, site.now_ns, attribute, "2.1", source)])
    assert site.alerts == []
    site.baseline.evidence([evidence(PLC, site.now_ns, attribute, "2.2", source)])
    assert [(each.rule, each.target) for each in site.alerts] == [("baseline.firmware_changed", PLC)]


@pytest.mark.parametrize(
    ("attribute", "rule"),
    [
        (Attribute.PROJECT, "baseline.project_changed"),
        (Attribute.SERIAL, "baseline.identity_changed"),
        (Attribute.MODEL, "baseline.identity_changed"),
        (Attribute.HARDWARE, "baseline.identity_changed"),
    ],
)
def test_another_program_or_device_is_told_and_the_same_is_not(attribute: Attribute, rule: str) -> None:
    before = Site()
    before.baseline.evidence([evidence(PLC, before.now_ns, attribute, "one")])
    site = enforced(before)
    site.baseline.evidence([evidence(PLC, site.now_ns, attribute, "one")])
    assert site.alerts == []
    site.baseline.evidence([evidence(PLC, site.now_ns, attribute, "other")])
    assert [(each.rule, each.target) for each in site.alerts] == [(rule, PLC)]


def test_a_new_object_that_is_written_is_told_as_such_and_the_usual_one_is_not() -> None:
    flow = flow_of(MASTER, PLC, 102, "s7comm")
    before = Site()
    usual = operation(flow, before.now_ns, "write_variable", WRITE, area="db", name="DB1.DBX0.0")
    before.hear(usual)
    after = enforced(before)
    after.hear(usual)
    assert after.alerts == []
    after.hear(operation(flow, after.now_ns, "write_variable", WRITE, area="db", name="DB7.DBX0.0"))
    assert [each.rule for each in after.alerts] == ["baseline.new_object_write"]


def after_learning(tmp_path: Path, usual: Frames, new: Frames) -> list[str]:
    """Learn from frames, then hear the same and others with nothing left to learn; return the rules raised."""
    for is_enforced, frames in ((False, usual), (True, usual), (True, new)):
        settings = BaselineSettings(path=tmp_path / "state", is_enforced=is_enforced)
        sensor = Sensor(makers=Makers(Path("/dev/null")), has_rules=False, baseline=settings)
        sensor.read([(build.START_NS + int(at * 1e9), 1, frame, len(frame)) for at, frame in frames])
        sensor.finish()
        if frames is usual:
            assert sensor.report.alerts == []
    return [alert.rule for alert in sensor.report.alerts]


POLL = modbus("03 0064 000a")
ANSWER = (modbus("03 14" + "0001" * 10),)
USUAL = tcp(502, *(POLL, ANSWER) * 5)


def test_a_pair_that_speaks_another_protocol_is_told_though_others_speak_it(tmp_path: Path) -> None:
    said = (b"hello", (b"hello, too",), 70.0, b"bye")
    usual = joined(USUAL, tcp(9_999, *said, client="10.0.0.9"))
    assert after_learning(tmp_path, usual, tcp(9_999, *said)) == ["baseline.new_protocol"]


WIRE: dict[str, tuple[str, Frames]] = {
    "Modbus Address Range Violation": (
        "baseline.new_range", tcp(502, *(modbus("03 03e8 000a"), (modbus("03 14" + "0001" * 10),)) * 5)),
    "Field Device Discovered Unexpectedly": (
        "baseline.new_master", tcp(502, *(POLL, ANSWER) * 5, server="10.0.0.77")),
    "New Asset Detected": (
        "baseline.new_master", tcp(502, *(POLL, ANSWER) * 5, client="10.0.0.9")),
    "New Port Discovery": (
        "baseline.new_service", tcp(9_999, b"hello", (b"hello, too",), 70.0, b"bye")),
    "Illegal HTTP Communication": (
        "baseline.new_service", tcp(80, b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n",
                                    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",), client="10.0.0.9")),
}  # fmt: skip


@pytest.mark.parametrize("meaning", WIRE)
def test_on_the_wire_what_is_new_is_told(meaning: str, tmp_path: Path) -> None:
    rule, new = WIRE[meaning]
    assert rule in after_learning(tmp_path, USUAL, new)


def test_a_new_index_offset_is_told() -> None:
    meaning = "New Activity Detected - Read/Write Command (AMS Index Offset)"
    assert next(each for each in MEANINGS if each.name == meaning).rules == ("baseline.new_range",)
    flow = flow_of(MASTER, PLC, 48_898, "ads")
    before = Site()
    said = operation(flow, before.now_ns, "read", READ, area="group_4020")
    said.first, said.count = 100, 4
    before.hear(said)
    site = enforced(before)
    site.hear(said)
    assert site.alerts == []
    said.first = 200
    site.hear(said)
    assert [each.rule for each in site.alerts] == ["baseline.new_range"]


def test_new_talk_to_a_group_is_told() -> None:
    meaning = "Unauthorized Multicast/Broadcast Connection"
    assert next(each for each in MEANINGS if each.name == meaning).rules == ("baseline.new_link",)
    before = Site()
    group = "01:0c:cd:01:00:01"
    said = operation(flow_of("02:00:00:00:00:01", group, 0x88B8, "goose", transport="ethernet"), 1, "publish", REPORT)
    before.hear(said)
    site = enforced(before)
    site.hear(said)
    assert site.alerts == []
    new = operation(flow_of("02:00:00:00:00:09", group, 0x88B8, "goose", transport="ethernet"), 1, "publish", REPORT)
    site.hear(new)
    assert [each.rule for each in site.alerts] == ["baseline.new_link"]


def test_what_a_rule_has_told_is_not_told_again() -> None:
    write = modbus("06 0064 0007")
    said = [part for _ in range(16) for part in (POLL, ANSWER, 60.0)]
    frames = tcp(502, *said, write, (write,), 60.0, write, (write,))
    sensor = Sensor(makers=Makers(Path("/dev/null")), baseline=BaselineSettings(learn_for_s=720.0))
    sensor.read([(build.START_NS + int(at * 1e9), 1, frame, len(frame)) for at, frame in frames])
    sensor.finish()
    assert [alert.rule for alert in sensor.report.alerts] == ["ot.new_writer"]
    assert sensor.baseline is not None
    assert sensor.baseline.alarms.told_by_rules == 1


ELSEWHERE = {
    "Unauthorized Name Query": "baseline.new_name",  # test_quiet
    "Abnormal Periodic Behavior In Communication Channel": "baseline.period_faster",  # test_rhythm
    "Abnormal Traffic Bandwidth Between Devices": "baseline.bandwidth",  # test_rhythm
    "Inactive Communication Channel": "baseline.period_lost",  # test_rhythm
}


def test_the_table_of_meanings_names_these_rules() -> None:
    claimed = {each.name: set(each.rules) for each in MEANINGS}
    proved = {name: row.rule for name, row in ROWS.items()} | dict.fromkeys(FACTS, "baseline.firmware_changed")
    assert {name: rule for name, rule in (proved | ELSEWHERE).items() if rule not in claimed[name]} == {}
    assert {rule for rules in claimed.values() for rule in rules if rule.startswith("baseline.")} <= set(RULES)


def test_techniques_are_live_ones() -> None:
    assert {rule.technique for rule in RULES.values() if rule.technique} <= set(TECHNIQUES)
    for rule in RULES.values():
        assert rule.says.format(source="a", target="b", what="c")
