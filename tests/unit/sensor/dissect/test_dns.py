from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, Trial, dns, mdns, torture
from vedette.sensor.dissect.dns import Dns, Llmnr
from vedette.sensor.dissect.mdns import Mdns


def name(text: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".") if label) + b"\0"


def record(owner: bytes, kind: int, content: bytes, *, ttl_s: int = 60, klass: int = 1) -> bytes:
    return owner + struct.pack(">HHIH", kind, klass, ttl_s, len(content)) + content


def query(text: str, kind: int = 1, *, number: int = 7, flags: int = 0x0100) -> bytes:
    return struct.pack(">HHHHHH", number, flags, 1, 0, 0, 0) + name(text) + struct.pack(">HH", kind, 1)


def reply(text: str, kind: int, *records: bytes, number: int = 7, flags: int = 0x8180) -> bytes:
    head = struct.pack(">HHHHHH", number, flags, 1, len(records), 0, 0)
    return head + name(text) + struct.pack(">HH", kind, 1) + b"".join(records)


def announcement(*records: bytes) -> bytes:
    return struct.pack(">HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


POINTER = b"\xc0\x0c"


def test_a_query_and_its_answer_share_name_and_number() -> None:
    trial = Trial(Dns, port=53, as_datagrams=True)
    trial.say(query("PLC1.plant.example"))
    trial.answer(reply("plc1.plant.example", 1, record(POINTER, 1, socket.inet_aton("10.0.0.9"))))
    asked, answered = trial.sink.operations
    assert (asked.service, asked.area, asked.name, asked.direction) == (
        "query", "a", "plc1.plant.example", Direction.REQUEST,
    )  # fmt: skip
    assert (answered.name, answered.value, answered.result) == ("plc1.plant.example", ("10.0.0.9",), "ok")
    assert answered.latency_ns == 1_000_000
    assert answered.detail is not None
    assert answered.detail["rcode_name"] == "NOERROR"
    assert answered.detail["TTLs"] == (60.0,)
    told = {(piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence}
    assert ("10.0.0.9", Attribute.NAME, "plc1.plant.example") in told


@pytest.mark.parametrize(("rcode", "result"), [(3, "nxdomain"), (5, "refused"), (2, "servfail")])
def test_errors_have_the_standards_names(rcode: int, result: str) -> None:
    trial = Trial(Dns, as_datagrams=True)
    trial.say(query("a.example"))
    trial.answer(reply("a.example", 1, flags=0x8180 | rcode))
    assert trial.sink.operations[1].result == result


@pytest.mark.parametrize(
    ("kind", "content", "value"),
    [
        (28, socket.inet_pton(socket.AF_INET6, "fd00::1"), "fd00::1"),
        (5, name("other.example"), "other.example"),
        (33, struct.pack(">HHH", 1, 2, 8883) + name("hub.example"), "1 2 8883 hub.example"),
        (16, b"\x03a=1\x02hi", "a=1 hi"),
        (15, struct.pack(">H", 10) + name("mail.example"), "10 mail.example"),
    ],
)
def test_records_are_read(kind: int, content: bytes, value: str) -> None:
    trial = Trial(Dns, as_datagrams=True)
    trial.answer(reply("x.example", kind, record(POINTER, kind, content)))
    assert trial.sink.operations[0].value == (value,)


def test_an_answer_to_another_name_is_noted() -> None:
    trial = Trial(Dns, as_datagrams=True)
    trial.say(query("a.example"))
    trial.answer(reply("evil.example", 1))
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.UNEXPECTED_RESPONSE]


def test_transfers_and_updates_stand_out() -> None:
    trial = Trial(Dns)
    for message in (query("example", 252), query("example", 6, flags=0x2800)):
        trial.say(struct.pack(">H", len(message)) + message)
    assert [(op.service, op.kind) for op in trial.sink.operations] == [
        ("zone_transfer", OpKind.FILE),
        ("update", OpKind.WRITE),
    ]


@pytest.mark.parametrize(
    "tail", [b"\xc0\x0c", b"\xc0\xff", b"\x80x\0", b"\x3f" * 300], ids=["itself", "forward", "reserved", "too long"]
)
def test_names_that_lead_nowhere_are_malformed(tail: bytes) -> None:
    trial = Trial(Dns, as_datagrams=True)
    trial.say(struct.pack(">HHHHHH", 1, 0, 1, 0, 0, 0) + tail + b"\0\1\0\1")
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.MALFORMED]


def test_a_name_of_255_bytes_is_read_and_of_256_is_not() -> None:
    label = "a" * 62
    for extra, count in ((2, 1), (3, 0)):
        trial = Trial(Dns, as_datagrams=True)
        trial.say(query(".".join([label] * 4 + ["b" * extra])))
        assert len(trial.sink.operations) == count


def test_many_records_cost_no_more_than_a_few() -> None:
    trial = Trial(Dns, as_datagrams=True)
    trial.answer(reply("x.example", 1, *[record(POINTER, 1, b"\x0a\0\0\1")] * 4_000))
    (op,) = trial.sink.operations
    assert isinstance(op.value, tuple)
    assert len(op.value) == 32


@given(st.lists(st.integers(1, 40), max_size=6))
def test_cut_anywhere_it_reads_the_same(cuts: list[int]) -> None:
    message = query("plc1.example")
    stream = (struct.pack(">H", len(message)) + message) * 2
    trial = Trial(Dns)
    for cut in cuts:
        if stream:
            trial.say(stream[:cut])
            stream = stream[cut:]
    if stream:
        trial.say(stream)
    assert [op.name for op in trial.sink.operations] == ["plc1.example"] * 2


def test_checks_know_their_own() -> None:
    asked, answered = query("a.example"), reply("a.example", 1)
    assert dns.check(asked, True) == dns.check(answered, False) == SURE
    assert dns.check(asked, False) == NO
    assert dns.check_tcp(struct.pack(">H", len(asked)) + asked, True) == SURE
    assert mdns.check(announcement(record(name("a.local"), 1, bytes(4))), True) == SURE
    assert mdns.check(answered, True) == NO


def test_who_answers_llmnr_says_its_name() -> None:
    trial = Trial(Llmnr, as_datagrams=True)
    trial.say(query("HMI-7", flags=0))
    trial.answer(reply("HMI-7", 1, record(POINTER, 1, b"\x0a\0\0\2"), flags=0x8000))
    assert trial.sink.operations[0].protocol == "llmnr"
    assert ("10.0.0.2", "HMI-7") in {(piece.address, piece.value) for piece in trial.sink.evidence}


def test_mdns_tells_names_services_and_models() -> None:
    trial = Trial(Mdns)
    instance = name("Kitchen Lamp._hap._tcp.local")
    trial.say(
        announcement(
            record(name("_hap._tcp.local"), 12, instance, ttl_s=4500),
            record(instance, 33, struct.pack(">HHH", 0, 0, 8080) + name("lamp-12.local"), klass=0x8001),
            record(instance, 16, b"\x0amd=Bulb 9W\x08fv=1.2.3\x04sf=1", klass=0x8001),
            record(name("lamp-12.local"), 1, socket.inet_aton("10.0.0.1"), klass=0x8001),
        )
    )
    told = {(piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence}
    assert told >= {
        ("10.0.0.1", Attribute.NAME, "lamp-12"),
        ("10.0.0.1", Attribute.MODEL, "Bulb 9W"),
        ("10.0.0.1", Attribute.FIRMWARE, "1.2.3"),
        ("10.0.0.1", Attribute.SERVICE, "tcp/8080 hap"),
        ("10.0.0.1", Attribute.FINGERPRINT, "mdns:_hap._tcp"),
        ("10.0.0.1", Attribute.ROLE, "iot_device"),
    }
    (op,) = trial.sink.operations
    assert (op.service, op.direction, op.name) == ("announcement", Direction.REPORT, "_hap._tcp.local")


def test_a_goodbye_offers_nothing() -> None:
    trial = Trial(Mdns)
    trial.say(announcement(record(name("_hap._tcp.local"), 12, name("X._hap._tcp.local"), ttl_s=0)))
    assert not trial.sink.evidence


def test_mdns_questions_are_operations() -> None:
    trial = Trial(Mdns)
    trial.say(query("_googlecast._tcp.local", 12, number=0, flags=0))
    (op,) = trial.sink.operations
    assert (op.service, op.area, op.kind) == ("query", "ptr", OpKind.IDENTIFY)


@given(st.binary(max_size=200))
def test_hostile_bytes_are_survived(content: bytes) -> None:
    for start in (b"", query("a.example"), announcement(record(name("a.local"), 16, content[:255]))):
        torture(Dns, start + content)
        torture(Mdns, start + content)
        torture(Llmnr, content + start, as_datagrams=True)
