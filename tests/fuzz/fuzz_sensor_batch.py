"""The batches that sensors send to the platform."""

from __future__ import annotations

import contextlib

from vedette.protocols.sensor import AssetRecord, Batch, FactRecord, InvalidBatch, StatusRecord, read_batch, write_batch

_FACT = FactRecord(attribute="vendor", value="Maker", confidence=95, source="modbus", first_at=1, last_at=2)
_ASSET = AssetRecord(number=1, ips=("10.0.0.1",), macs=("00:80:f4:00:00:01",), first_at=1, last_at=2, facts=(_FACT,))

SEEDS = [write_batch(Batch(boot="b", sequence=1, records=(_ASSET, StatusRecord(at=5, packets=9))))]


def fuzz_one(data: bytes) -> None:
    """Read a batch; what is read can be written and read again."""
    with contextlib.suppress(InvalidBatch):
        batch = read_batch(data)
        assert read_batch(write_batch(batch)) == batch
