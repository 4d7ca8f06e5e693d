"""What the sensor knows, as records for the platform: texts cut to their limits, times in milliseconds."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from vedette.protocols.sensor import (
    AlertRecord,
    AssetRecord,
    FactRecord,
    LinkRecord,
    OperationRecord,
    Record,
    StatusRecord,
)
from vedette.sensor.alerts import Alert
from vedette.sensor.assets import Asset

TEXT: Final = 512
WORD: Final = 128
ADDRESS: Final = 64
_MAX_MS: Final = 2**48
_MAX_COUNT: Final = 2**62
_MAX_IPS: Final = 64
_MAX_MACS: Final = 16
_MAX_FACTS: Final = 256
_MAX_DETAILS: Final = 64
_MAX_DETAIL_INTEGER: Final = 2**63 - 1
RECORD_BYTES_MAX: Final = 150 * 1024
"""Of one record: leaves a batch room for its own fields."""
EVIDENCE_BYTES_MAX: Final = 96 * 1024

_encoder: Final = msgspec.msgpack.Encoder()


def text(value: object, limit: int = TEXT) -> str:
    """Return a text from the wire that MessagePack can carry, at most so long."""
    return str(value)[:limit].encode("utf-8", "replace").decode()


def millis(at_ns: int) -> int:
    """Return a packet's time in milliseconds, within what a record can say."""
    return min(max(at_ns // 1_000_000, 0), _MAX_MS)


def count(value: int) -> int:
    """Return a count within what a record can say."""
    return min(max(value, 0), _MAX_COUNT)


def asset_record(asset: Asset) -> AssetRecord:
    """Return the whole of what is known of an asset; of too much, the surest and latest."""
    facts = sorted(
        ((attribute, fact) for attribute, found in asset.facts.items() for fact in found),
        key=lambda each: (each[1].confidence, each[1].last_ns),
        reverse=True,
    )
    record = AssetRecord(
        number=asset.number,
        ips=tuple(text(ip, ADDRESS) for ip in sorted(asset.ips)[:_MAX_IPS]),
        macs=tuple(text(mac, ADDRESS) for mac in sorted(asset.macs)[:_MAX_MACS]),
        first_at=millis(asset.first_ns),
        last_at=millis(asset.last_ns),
        facts=tuple(
            FactRecord(
                attribute=text(attribute, WORD),
                value=text(fact.value),
                confidence=min(max(fact.confidence, 0), 100),
                source=text(fact.source, WORD),
                first_at=millis(fact.first_ns),
                last_at=millis(fact.last_ns),
                times=count(fact.times),
            )
            for attribute, fact in facts[:_MAX_FACTS]
        ),
    )
    while record.facts and len(_encoder.encode(record)) > RECORD_BYTES_MAX:
        record = msgspec.structs.replace(record, facts=record.facts[: len(record.facts) // 2])
    return record


def alert_record(alert: Alert, id_: str, evidence: bytes = b"") -> AlertRecord:
    """Return an alert; ``id_`` is its own over all boots, ``evidence`` is left out if it is too large."""
    record = AlertRecord(
        id=text(id_, WORD),
        rule=text(alert.rule, WORD),
        engine=text(alert.engine, WORD),
        severity=text(alert.severity, WORD),
        title=text(alert.title),
        source=text(alert.source, ADDRESS),
        target=text(alert.target, ADDRESS),
        protocol=text(alert.protocol, WORD),
        technique=text(alert.technique, WORD),
        is_learnable=alert.is_learnable,
        key=text(alert.key),
        detail={text(name, WORD): _detail(value) for name, value in list(alert.detail.items())[:_MAX_DETAILS]},
        first_at=millis(alert.at_ns),
        last_at=millis(max(alert.at_ns, alert.last_ns)),
        times=count(alert.times),
        evidence=evidence if len(evidence) <= EVIDENCE_BYTES_MAX else b"",
    )
    if len(_encoder.encode(record)) > RECORD_BYTES_MAX:
        record = msgspec.structs.replace(record, detail={})
    return record


def _detail(value: Any) -> str | int | None:  # Any: rules are told str, int or None; nothing else breaks a batch
    if value is None or (isinstance(value, int) and abs(value) <= _MAX_DETAIL_INTEGER):
        return value
    return text(value)


def link_record(key: tuple[str, str, str, int, str], **totals: Any) -> LinkRecord:  # Any: the record's other fields
    """Return a link from its client, server, transport, port and protocol."""
    client, server, transport, port, protocol = key
    return LinkRecord(
        client=text(client, ADDRESS),
        server=text(server, ADDRESS),
        transport=text(transport, WORD),
        port=min(max(port, 0), 65_535),
        protocol=text(protocol, WORD),
        **totals,
    )


def operation_record(
    key: tuple[str, str, str, str, str, str, str], times: int, failures: int, first_ns: int, last_ns: int
) -> OperationRecord:
    """Return an operation from its client, server, protocol, service, kind, area and unit."""
    client, server, protocol, service, kind, area, unit = key
    return OperationRecord(
        client=text(client, ADDRESS),
        server=text(server, ADDRESS),
        protocol=text(protocol, WORD),
        service=text(service, WORD),
        kind=text(kind, WORD),
        area=text(area, WORD),
        unit=text(unit, WORD),
        times=count(times),
        failures=count(failures),
        first_at=millis(first_ns),
        last_at=millis(last_ns),
    )


def size_of(record: Record) -> int:
    """Return how many bytes a record takes in a batch."""
    return len(_encoder.encode(record))


def with_buffer(record: Record, *, lost: int, waiting: int) -> Record:
    """Return a status that also tells of the buffer on disk; any other record as it is."""
    if not isinstance(record, StatusRecord):
        return record
    return msgspec.structs.replace(
        record, records_lost=count(record.records_lost + lost), records_waiting=count(waiting)
    )
