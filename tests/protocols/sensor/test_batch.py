from __future__ import annotations

import msgspec
import pytest

from vedette.protocols.sensor import (
    BATCH_BYTES_MAX,
    AlertRecord,
    AssetRecord,
    Batch,
    InvalidBatch,
    LinkRecord,
    OperationRecord,
    Record,
    StatusRecord,
    read_batch,
    write_batch,
)

RECORDS: tuple[Record, ...] = (
    AssetRecord(number=1, ips=("10.0.0.1",), first_at=1, last_at=2),
    LinkRecord(client="10.0.0.2", server="10.0.0.1", transport="tcp", port=502, first_at=1, last_at=2),
    OperationRecord(
        client="10.0.0.2", server="10.0.0.1", protocol="modbus", service="read", kind="read", first_at=1, last_at=2
    ),
    AlertRecord(id="a", rule="ot.stop", engine="policy", severity="high", title="stopped", first_at=1, last_at=2),
    StatusRecord(at=3),
)


def test_what_was_written_is_read() -> None:
    batch = Batch(boot="b", sequence=7, records=RECORDS)
    assert read_batch(write_batch(batch)) == batch


def test_a_batch_of_another_version_is_refused_by_name() -> None:
    with pytest.raises(InvalidBatch, match="version 2"):
        read_batch(write_batch(Batch(version=2, boot="b", sequence=1, records=())))


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode({"version": 1, "boot": "", "sequence": 1, "records": []}),
        msgspec.msgpack.encode({"version": 1, "boot": "b", "sequence": 0, "records": []}),
        msgspec.msgpack.encode({"version": 1, "boot": "b", "sequence": 1, "records": [{"type": "other"}]}),
        msgspec.msgpack.encode(
            {"version": 1, "boot": "b", "sequence": 1, "records": [{"type": "status", "at": 1}] * 4097}
        ),
    ],
)
def test_what_is_no_batch_is_refused(wrong: bytes) -> None:
    with pytest.raises(InvalidBatch):
        read_batch(wrong)


def test_a_batch_that_is_too_large_is_neither_written_nor_read() -> None:
    large = AlertRecord(
        id="a", rule="r", engine="policy", severity="low", title="t", first_at=1, last_at=1, evidence=b"x" * 131_072
    )
    with pytest.raises(InvalidBatch):
        write_batch(Batch(boot="b", sequence=1, records=(large, large)))
    with pytest.raises(InvalidBatch):
        read_batch(b"x" * (BATCH_BYTES_MAX + 1))
