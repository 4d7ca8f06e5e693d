"""Logs as Zeek, ICSNPP and Suricata write them, and lines that nobody should have written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import Attribute, Listener, Makers, OtOp, Sensor
from vedette.sensor.inputs import LINE_BYTES_MAX, LogInput, LogProblem, Row, form_of, log_files, log_name, read_row

ENDS = {"id.orig_h": "10.0.0.1", "id.orig_p": 40000, "id.resp_h": "10.0.0.2", "id.resp_p": 502}
CONN = {
    "ts": 1700000000.5, "uid": "CAbc", **ENDS, "proto": "tcp", "service": "modbus", "duration": 3.25,
    "orig_bytes": 24, "resp_bytes": 26, "conn_state": "SF", "orig_pkts": 6, "orig_ip_bytes": 300, "resp_pkts": 5,
    "resp_ip_bytes": 280, "orig_l2_addr": "02:00:00:00:00:01", "resp_l2_addr": "02:00:00:00:00:02",
}  # fmt: skip
SURICATA = {
    "flow_id": 7, "src_ip": "10.0.0.1", "src_port": 40000, "dest_ip": "10.0.0.2", "dest_port": 502, "proto": "TCP",
}  # fmt: skip
STARTED = "2023-11-14T22:13:20.500000+0000"

Record = dict[str, Any]  # Any: JSON


class Heard(Listener):
    """Keeps the operations."""

    def __init__(self) -> None:
        self.found: list[OtOp] = []

    def operations(self, operations: list[OtOp]) -> None:
        self.found += operations


def write(folder: Path, **logs: list[Record]) -> Path:
    for name, records in logs.items():
        (folder / f"{name}.log").write_text("".join(json.dumps(each) + "\n" for each in records))
    return folder


def read(*paths: Path, form: str = "") -> tuple[Sensor, list[OtOp]]:
    heard = Heard()
    sensor = Sensor([lambda _assets, _raise: heard], makers=Makers(Path("/dev/null")))
    LogInput(sensor, paths, form).read()
    sensor.finish()
    return sensor, heard.found


def row(ts: float, **fields: object) -> Record:
    return {"ts": ts, "uid": "CAbc", **ENDS, **fields}


def test_connections_become_links_assets_and_services(tmp_path: Path) -> None:
    sensor, _ = read(write(tmp_path, conn=[CONN]))
    ((key, traffic),) = sensor.report.links.items()
    assert key == ("10.0.0.1", "10.0.0.2", "tcp", 502, "modbus")
    assert (traffic.flows, traffic.packets, traffic.bytes, traffic.certainty) == (1, 11, 580, "confirmed")
    assert traffic.last_ns - traffic.first_ns == 3_250_000_000
    server = sensor.assets.find("10.0.0.2")
    assert server is not None
    assert server.macs == {"02:00:00:00:00:02"}
    assert server.best(Attribute.SERVICE) == "tcp/502 modbus"


@pytest.mark.parametrize(
    ("log", "fields", "expected"),
    [
        ("modbus_detailed", {"func": "WRITE_MULTIPLE_REGISTERS", "request_response": "REQUEST", "unit": 3,
                             "address": 40, "quantity": 2, "values": "1,2"},
         [("modbus", "write_multiple_registers", "write", True, 40)]),
        ("modbus_detailed", {"func": "WRITE_SINGLE_REGISTER", "matched": True, "unit": 3, "address": 7, "quantity": 1,
                             "request_values": [5], "response_values": [5], "tid": 1},
         [("modbus", "write_single_register", "write", True, 7),
          ("modbus", "write_single_register", "write", False, 7)]),
        ("modbus", {"func": "READ_COILS_EXCEPTION", "exception": "ILLEGAL_DATA_ADDRESS"},
         [("modbus", "read_coils", "read", False, None)]),
        ("dnp3", {"fc_request": "COLD_RESTART", "fc_reply": "RESPONSE", "iin": 4096},
         [("dnp3", "cold_restart", "control", True, None), ("dnp3", "cold_restart", "control", False, None)]),
        ("s7comm", {"rosctr_name": "Job", "function_code": "0x29", "function_name": "PLC Stop", "is_orig": True},
         [("s7comm", "plc_stop", "control", True, None)]),
        ("s7comm", {"rosctr_name": "Ack_Data", "function_code": "0x04", "is_orig": False},
         [("s7comm", "read_variable", "read", False, None)]),
        ("enip", {"is_orig": True, "enip_command_code": "0x63", "enip_command": "List Identity"},
         [("enip", "list_identity", "identify", True, None)]),
        ("cip", {"is_orig": True, "direction": "request", "cip_service_code": "0x05", "cip_service": "Reset"},
         [("cip", "reset", "control", True, None)]),
        ("bacnet", {"is_orig": True, "pdu_type": "CONFIRMED_REQUEST", "pdu_service": "write_property", "invoke_id": 1},
         [("bacnet", "write_property", "write", True, None)]),
        ("opcua_binary", {"is_orig": True, "identifier": 673, "identifier_str": "WriteRequest"},
         [("opcua", "write", "write", True, None)]),
        ("dns", {"query": "Plant.Example", "qtype_name": "A", "rcode": 0, "rcode_name": "NOERROR",
                 "answers": ["10.0.0.9"], "proto": "udp"},
         [("dns", "query", "other", True, None), ("dns", "query", "other", False, None)]),
        ("http", {"method": "POST", "host": "h", "uri": "/a?token=1", "status_code": 404, "user_agent": "x"},
         [("http", "post", "write", True, None), ("http", "post", "write", False, None)]),
        ("ssl", {"version": "TLSv12", "cipher": "c", "server_name": "s.example"},
         [("tls", "client_hello", "session", True, None), ("tls", "server_hello", "session", False, None)]),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)  # fmt: skip
def test_rows_become_operations(tmp_path: Path, log: str, fields: Record, expected: list[tuple[object, ...]]) -> None:
    _, found = read(write(tmp_path, **{log: [row(1700000001.0, **fields)]}))
    assert [(op.protocol, op.service, str(op.kind), op.is_from_client, op.first) for op in found] == expected
    assert all("token" not in op.name for op in found)


def test_one_message_in_two_logs_is_one_operation(tmp_path: Path) -> None:
    plain = row(1700000001.0, func="READ_COILS", pdu_type="REQ")
    detailed = row(1700000001.0, func="READ_COILS", request_response="REQUEST", address=1, quantity=8)
    _, found = read(write(tmp_path, modbus=[plain], modbus_detailed=[detailed]))
    assert [(op.first, op.count) for op in found] == [(1, 8)]


def test_what_logs_tell_of_devices_is_in_the_inventory(tmp_path: Path) -> None:
    write(
        tmp_path,
        conn=[CONN],
        dhcp=[row(1700000000.0, mac="02:00:00:00:00:01", host_name="hmi-1", assigned_addr="10.0.0.1",
                  msg_types=["DISCOVER", "OFFER", "REQUEST", "ACK"])],
        cip_identity=[row(1700000002.0, vendor_name="Rockwell", product_name="1756-L61/B LOGIX5561",
                          serial_number="0x00c0ffee", revision="20.11")],
        s7comm=[row(1700000003.0, rosctr_name="Job", function_code="0x04", is_orig=True)],
    )  # fmt: skip
    sensor, _ = read(tmp_path)
    client, server = sensor.assets.find("10.0.0.1"), sensor.assets.find("10.0.0.2")
    assert client is not None
    assert server is not None
    assert client.best(Attribute.NAME) == "hmi-1"
    assert server.best(Attribute.SERIAL) == "00c0ffee"
    assert server.best(Attribute.TYPE) == "controller"


def test_notices_and_weird_become_alerts_and_broken_rules(tmp_path: Path) -> None:
    notice = {"ts": 1700000001.0, "note": "Scan::Port_Scan", "msg": "scanned", "src": "10.0.0.1", "dst": "10.0.0.2"}
    weird = row(1700000001.0, name="dnp3_header_truncated", source="DNP3")
    sensor, _ = read(write(tmp_path, conn=[CONN], notice=[notice], weird=[weird]))
    assert ("zeek.scan_port_scan", "10.0.0.1") in {(alert.rule, alert.source) for alert in sensor.report.alerts}
    assert ("dnp3", "malformed") in sensor.report.broken


def test_rotated_and_compressed_logs_are_one(tmp_path: Path) -> None:
    (tmp_path / "2023-11-14").mkdir()
    for hour, opener in ((22, gzip.open), (23, open)):
        name = f"conn.{hour}:00:00-{hour + 1}:00:00.log" + (".gz" if hour == 22 else "")
        with opener(tmp_path / "2023-11-14" / name, "wb") as file:
            file.write(json.dumps({**CONN, "uid": f"C{hour}"}).encode() + b"\n")
    sensor, _ = read(tmp_path)
    assert [traffic.flows for traffic in sensor.report.links.values()] == [2]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conn.log", "conn"), ("conn.12:00:00-13:00:00.log.gz", "conn"), ("eve.json", "eve"), ("eve.json.1.gz", "eve"),
        ("eve-2026-01-01-12:00.json", "eve"), ("modbus_detailed.log", "modbus_detailed"), ("notes.txt", ""),
    ],
)  # fmt: skip
def test_names_of_logs_are_known(name: str, expected: str) -> None:
    assert log_name(Path(name)) == expected


def eve(tmp_path: Path, *records: Record) -> Path:
    path = tmp_path / "eve.json"
    path.write_text("".join(json.dumps({"timestamp": STARTED, **SURICATA, **each}) + "\n" for each in records))
    return path


def test_suricatas_flows_and_transactions_are_read(tmp_path: Path) -> None:
    path = eve(
        tmp_path,
        {"event_type": "modbus", "app_proto": "modbus",
         "modbus": {"id": 1, "request": {"transaction_id": 1, "unit_id": 1, "function_raw": 16,
                                         "function_code": "WrMultRegs", "write": {"address": 40, "quantity": 2}},
                    "response": {"transaction_id": 1, "unit_id": 1, "function_raw": 16}}},
        {"event_type": "dnp3", "dnp3": {"request": {"type": "request", "src": 1, "dst": 2,
                                                    "application": {"function_code": 13}}}},
        {"event_type": "flow", "app_proto": "modbus", "tcp": {"tcp_flags_ts": "1b", "tcp_flags_tc": "1b"},
         "ether": {"src_macs": ["02:00:00:00:00:01"], "dest_macs": ["02:00:00:00:00:02"]},
         "flow": {"pkts_toserver": 6, "pkts_toclient": 5, "bytes_toserver": 400, "bytes_toclient": 350,
                  "start": STARTED, "end": "2023-11-14T22:13:30.500000+0000", "state": "closed"}},
        {"event_type": "alert", "alert": {"gid": 1, "signature_id": 2029, "signature": "ET SCADA stop", "severity": 1,
                                          "category": "Attempted Denial of Service"}},
        {"event_type": "anomaly", "anomaly": {"type": "applayer", "event": "INVALID_PROTOCOL_ID",
                                              "app_proto": "modbus"}},
        {"event_type": "stats", "stats": {}},
    )  # fmt: skip
    sensor, found = read(path)
    assert [(op.protocol, op.service, str(op.kind), op.is_from_client) for op in found] == [
        ("modbus", "write_multiple_registers", "write", True),
        ("modbus", "write_multiple_registers", "write", False),
        ("dnp3", "cold_restart", "control", True),
    ]
    assert (found[0].first, found[0].count) == (40, 2)
    ((key, traffic),) = sensor.report.links.items()
    assert key == ("10.0.0.1", "10.0.0.2", "tcp", 502, "modbus")
    assert (traffic.packets, traffic.bytes) == (11, 750)
    assert "suricata.1:2029" in {alert.rule for alert in sensor.report.alerts}
    assert ("modbus", "malformed") in sensor.report.broken
    assert sensor.not_read["log_rows_skipped"] == 1


@pytest.mark.parametrize(
    ("kind", "about", "expected"),
    [
        ("dns", {"type": "query", "id": 5, "rrname": "A.Example", "rrtype": "A"}, [("query", "a.example", True)]),
        ("dns", {"type": "response", "queries": [{"rrname": "b.example", "rrtype": "A"}], "rcode": "NXDOMAIN"},
         [("query", "b.example", False)]),
        ("http", {"hostname": "h", "url": "/x?key=1", "http_method": "GET", "status": 200},
         [("get", "/x", True), ("get", "/x", False)]),
        ("tls", {"sni": "s.example", "version": "TLS 1.2", "ja4": "t12d"},
         [("client_hello", "s.example", True), ("server_hello", "s.example", False)]),
        ("mqtt", {"publish": {"topic": "plant/1"}}, [("publish", "plant/1", True)]),
        ("dhcp", {"type": "request", "dhcp_type": "discover", "client_mac": "02:00:00:00:00:01", "hostname": "cam"},
         [("discover", "cam", True)]),
    ],
    ids=["query", "response", "http", "tls", "mqtt", "dhcp"],
)  # fmt: skip
def test_suricatas_other_records_are_read(
    tmp_path: Path, kind: str, about: Record, expected: list[tuple[str, str, bool]]
) -> None:
    _, found = read(eve(tmp_path, {"event_type": kind, kind: about}))
    assert [(op.service, op.name, op.is_from_client) for op in found] == expected


def test_hostile_lines_are_counted_and_nothing_else(tmp_path: Path) -> None:
    lines = [
        b"not json", b"[1]", b'{"ts": "never"}', b'{"ts": NaN}', b'{"ts": 1e400}', b"\xff\xfe", b"[" * 5000,
        b'{"ts": 1, "a": "' + b"x" * LINE_BYTES_MAX + b'"}',
    ]  # fmt: skip
    good = json.dumps(CONN).encode()
    (tmp_path / "conn.log").write_bytes(b"\n".join([good, *lines, good]) + b"\n")
    sensor, _ = read(tmp_path)
    assert sensor.not_read["log_lines"] == len(lines) + 2
    assert sensor.not_read["log_lines_not_understood"] == len(lines)
    assert len(sensor.report.links) == 1


def test_a_truncated_archive_is_damage_and_what_was_read_stays(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(json.dumps({**CONN, "uid": f"C{n}"}).encode() + b"\n" for n in range(200)))
    (tmp_path / "conn.log.gz").write_bytes(packed[:-20])
    sensor, _ = read(tmp_path, form="zeek")
    assert list(sensor.damages) == [str(tmp_path / "conn.log.gz")]


def test_what_is_no_log_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LogProblem):
        log_files([tmp_path])
    with pytest.raises(LogProblem):
        log_files([tmp_path / "missing"])
    (tmp_path / "conn.log").write_text("#separator \\x09\n#set_separator\t,\n")
    with pytest.raises(LogProblem, match="tabs"):
        form_of(log_files([tmp_path]))
    (tmp_path / "conn.log").write_text("hello\n")
    with pytest.raises(LogProblem, match="neither"):
        form_of(log_files([tmp_path]))


def test_logs_that_grow_and_are_rotated_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text(json.dumps({**CONN, "uid": "C1"}) + "\n" + json.dumps({**CONN, "uid": "C2"})[:50])
    sensor = Sensor(makers=Makers(Path("/dev/null")))
    source = LogInput(sensor, [tmp_path], "zeek")
    rounds = iter(range(4))

    def goes_on() -> bool:
        turn = next(rounds)
        if turn == 0:
            with path.open("a") as file:
                file.write(json.dumps({**CONN, "uid": "C2"})[50:] + "\n")
        elif turn == 1:
            path.rename(tmp_path / "old")
            path.write_text(json.dumps({**CONN, "uid": "C3"}) + "\n")
        return turn < 3

    source.follow(goes_on)
    sensor.finish()
    assert [traffic.flows for traffic in sensor.report.links.values()] == [3]
    assert sensor.not_read["log_lines_not_understood"] == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=12), JSON, max_size=6), st.text(max_size=12))
def test_fields_are_of_the_type_that_was_asked_for(fields: dict[str, object], name: str) -> None:
    found = Row(fields)
    for each in (*fields, name):
        assert isinstance(found.text(each), str)
        assert found.number(each) is None or isinstance(found.number(each), int)
        assert 0 <= found.port(each) <= 0x1FFFF
        assert found.count(each) >= 0
        at_ns = found.time_ns(each)
        assert at_ns is None or 0 <= at_ns < 2**62
        assert found.duration_ns(each) >= 0
        assert len(found.mac(each)) in {0, 6}
        found.texts(each), found.address(each), found.inner(each), found.flag(each)


@given(st.binary(max_size=200))
def test_any_line_is_a_record_or_not(line: bytes) -> None:
    found = read_row(line)
    assert found is None or isinstance(found.fields, dict)
