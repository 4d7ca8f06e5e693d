from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Direction, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, genisys, torture
from vedette.sensor.dissect.genisys import Genisys
from vedette.sensor.dissect.modbus_rtu import crc16


def message(header: int, station: int = 1, pairs: bytes = b"") -> bytes:
    content = bytes((header, station)) + pairs
    content += crc16(content, 0).to_bytes(2, "little")
    escaped = b"".join(bytes((0xF0, byte & 0x0F)) if byte >= 0xF0 else bytes((byte,)) for byte in content[1:])
    return content[:1] + escaped + b"\xf6"


def test_a_poll_is_answered_with_indications() -> None:
    trial = Trial(Genisys, port=10_001)
    trial.say(message(0xFB))
    trial.answer(message(0xF2, pairs=bytes((0, 0xF5, 1, 3))))
    asked, told = trial.sink.operations
    assert (asked.service, asked.kind, asked.unit) == ("poll", OpKind.READ, 1)
    assert (told.direction, told.kind, told.first, told.count) == (Direction.RESPONSE, OpKind.REPORT, 0, 2)
    assert (told.value, told.latency_ns, told.detail) == ((0xF5, 3), 1_000_000, {"addresses": (0, 1)})
    assert trial.sink.evidence[0].value == "master"


def test_checksums_may_begin_with_all_ones_and_need_no_escape() -> None:
    content = bytes((0xF2, 1, 9, 5, 10, 6, 12, 5, 15, 5))
    checksum = crc16(content, 0xFFFF).to_bytes(2, "little")
    assert max(checksum) > 0xF0
    trial = Trial(Genisys)
    trial.answer(content + checksum + b"\xf6")
    (told,) = trial.sink.operations
    assert (told.value, told.first) == ((5, 6, 5, 5), 9)
    assert not trial.sink.anomalies


def test_zeek_rows_have_icsnpps_columns() -> None:
    trial = Trial(Genisys)
    trial.say(message(0xFD))
    trial.answer(message(0xF2, pairs=b"\1\5\7\6"))
    ((log, asked),), ((_, told),) = (genisys.zeek(op) for op in trial.sink.operations)
    assert (log, asked["header"], asked["direction"], asked["server"]) == ("genisys", "Recall Header", "request", 1)
    assert (told["header"], told["direction"], told["payload"]) == ("Indication Data", "response", "1=5,7=6")


@pytest.mark.parametrize(
    ("header", "kind"), [(0xFC, OpKind.WRITE), (0xF9, OpKind.WRITE), (0xFE, OpKind.CONTROL), (0xFD, OpKind.READ)]
)
def test_what_moves_signals_is_told_apart(header: int, kind: OpKind) -> None:
    trial = Trial(Genisys)
    trial.say(message(header, pairs=b"" if header in {0xFE, 0xFD} else b"\2\1"))
    (op,) = trial.sink.operations
    assert (op.kind, op.direction) == (kind, Direction.REQUEST)


def test_short_messages_need_no_checksum_and_others_do() -> None:
    trial = Trial(Genisys)
    trial.say(b"\xfb\x01\xf6")
    trial.say(b"\xfc\x01\x02\x01\x00\x00\xf6")
    assert [op.service for op in trial.sink.operations] == ["poll"]
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.BAD_CHECKSUM]


@pytest.mark.parametrize("raw", [b"\xfb\xf6", b"\xfb\xf0\xf6", b"\xfb\x01\xfb\xf6"])
def test_what_contradicts_itself_is_malformed(raw: bytes) -> None:
    trial = Trial(Genisys)
    trial.say(raw)
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.MALFORMED]


def test_checks() -> None:
    assert genisys.check(message(0xFC, pairs=b"\1\2"), True) == SURE
    assert genisys.check(b"\xfb\x01\xf6", True) == WEAK
    assert genisys.check(b"\xfc\x01\x02\x03\xf6", True) == NO
    assert genisys.check(b"hello", True) == NO


@given(st.lists(st.integers(0, 255), min_size=1, max_size=6), st.integers(1, 7))
def test_however_a_stream_is_cut_the_operations_are_the_same(stations: list[int], size: int) -> None:
    stream = b"".join(message(0xFC, station, b"\1\2") for station in stations)
    trial = Trial(Genisys)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.unit for op in trial.sink.operations] == stations


@given(st.binary(max_size=120), st.sampled_from([0xF1, 0xF2, 0xF9, 0xFC, 0xFE]))
def test_hostile_content_raises_nothing(data: bytes, header: int) -> None:
    torture(Genisys, bytes((header,)) + data.replace(b"\xf6", b"") + b"\xf6")
    torture(Genisys, message(header, 1, data))
