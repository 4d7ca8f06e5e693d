from __future__ import annotations

import json
from pathlib import Path

import packets as build

from vedette.sensor import (
    Alert,
    Assets,
    Makers,
    OpKind,
    OtOp,
    RaiseAlert,
    Rule,
    Sensor,
    Severity,
    as_document,
    as_tables,
)

STOP = bytes.fromhex("0001 0000 0005 01 5a 00 41 ff")
READ = bytes.fromhex("0001 0000 0006 01 03 0001 0002")


class Stopped(Rule):
    """The shape of a rule: hears operations, raises alerts."""

    def operations(self, operations: list[OtOp]) -> None:
        for op in operations:
            if op.kind is OpKind.CONTROL and op.is_from_client:
                self.raise_alert(
                    Alert(
                        op.at_ns,
                        "ot.controller_control",
                        Severity.HIGH,
                        f"{op.service} was sent to a controller",
                        source=op.flow.client,
                        target=op.flow.server,
                        technique="T0858",
                    )
                )


def stopped(_assets: Assets, raise_alert: RaiseAlert) -> Rule:
    return Stopped(raise_alert)


def sensor(*frames: bytes, zeek: Path | None = None) -> Sensor:
    made = Sensor([stopped], has_rules=False, makers=Makers(Path("/dev/null")), zeek=zeek)
    made.read(build.packets(frames))
    made.finish()
    return made


def test_rules_are_listeners_and_their_alerts_are_in_every_output(tmp_path: Path) -> None:
    found = sensor(*build.Talk(502).open().say(STOP).frames, zeek=tmp_path)
    assert [alert.rule for alert in found.report.alerts] == ["ot.controller_control"]
    (alert,) = as_document(found)["alerts"]
    assert (alert["source"], alert["target"], alert["technique"]) == ("10.0.0.1", "10.0.0.2", "T0858")
    assert "stop_plc was sent to a controller" in as_tables(found)
    assert json.loads((tmp_path / "notice.log").read_text())["note"] == "ot.controller_control"


def test_text_from_the_wire_is_harmless_on_a_terminal() -> None:
    hostile = "\x1b[2J\u202eevil".encode("latin-1", "ignore")
    pdu = bytes.fromhex("2b0e01010000 01 00") + bytes((len(hostile),)) + hostile
    answer = bytes.fromhex("0001 0000") + (len(pdu) + 1).to_bytes(2, "big") + b"\x01" + pdu
    found = sensor(*build.Talk(502).open().say(bytes.fromhex("00010000000501 2b0e0100")).answer(answer).frames)
    assert "\x1b" not in as_tables(found)
    assert "evil" in as_tables(found)
    json.dumps(as_document(found))


def test_a_flow_without_a_word_is_a_guess_and_a_contradicted_one_unknown() -> None:
    talk = build.Talk(502, client_port=40_001).open()
    other = build.Talk(502, client_port=40_002).open()
    for _ in range(6):
        other.say(b"GET / HTTP/1.1\r\n\r\n")
    found = sensor(*talk.frames)
    assert found.report.protocols["tcp", "modbus"].certainty == "guess"
    found = sensor(*other.frames)
    assert ("tcp", "modbus") not in found.report.protocols


def test_questions_are_counted_by_what_they_are_for() -> None:
    found = sensor(*build.Talk(502).open().say(READ).say(READ).say(STOP).frames)
    assert found.report.by_service == {
        ("modbus", OpKind.READ, "read_holding_registers"): 2,
        ("umas", OpKind.CONTROL, "stop_plc"): 1,
    }
    assert found.report.operations_count == 3


def test_time_that_passes_without_packets_ends_quiet_flows() -> None:
    made = Sensor(makers=Makers(Path("/dev/null")))
    made.read(build.packets([build.datagram(b"x", 9_999)]))
    assert len(made.engine.table) == 1
    made.engine.idle(build.START_NS + 3_600 * 10**9)
    assert len(made.engine.table) == 0
    assert made.report.links
