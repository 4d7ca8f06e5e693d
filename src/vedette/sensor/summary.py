"""The report as tables and as a document; text from the wire is escaped where it reaches a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from vedette.kernel import escape_terminal, to_rfc3339
from vedette.sensor.assets import Asset
from vedette.sensor.model import Attribute
from vedette.sensor.sensor import Sensor

_MAX_ROWS: Final = 200
_NAMES: Final = {"malformed": "messages_malformed", "failed": "readers_failed"}
_MAX_CELL_CHARS: Final = 60
_MAX_SENTENCE_CHARS: Final = 160
_SHOWN: Final = (
    ("type", Attribute.TYPE),
    ("role", Attribute.ROLE),
    ("vendor", Attribute.VENDOR),
    ("model", Attribute.MODEL),
    ("firmware", Attribute.FIRMWARE),
    ("serial", Attribute.SERIAL),
    ("name", Attribute.NAME),
)


def moment(at_ns: int) -> str:
    """Write a packet's time as RFC 3339; empty for one that no calendar has."""
    try:
        return to_rfc3339(datetime.fromtimestamp(at_ns / 1e9, UTC))
    except (ValueError, OverflowError, OSError):
        return ""


def as_document(sensor: Sensor) -> dict[str, Any]:  # Any: JSON
    """Return everything as one JSON document."""
    report, counters = sensor.report, sensor.engine.counters
    return {
        "capture": {
            "packets": counters.packets,
            "bytes": counters.bytes,
            "first_at": moment(counters.first_ns),
            "last_at": moment(counters.last_ns),
            "packets_dropped": sensor.packets_dropped,
            "damaged_files": sensor.damages,
        },
        "not_parsed": not_parsed(sensor),
        "assets": [asset_document(asset) for asset in sensor.assets.all()],
        "protocols": [
            {"transport": transport, "protocol": name, "certainty": traffic.certainty or "unknown",
             "flows": traffic.flows, "packets": traffic.packets, "bytes": traffic.bytes}
            for (transport, name), traffic in sorted(report.protocols.items(), key=lambda each: -each[1].packets)
        ],
        "operations": [
            {"protocol": protocol, "kind": str(kind), "service": service, "times": times}
            for (protocol, kind, service), times in sorted(report.by_service.items())
        ],
        "links": [_link(key, traffic) for key, traffic in report.links.items()],
        "external_connections": [_link(key, traffic) for key, traffic in report.external()],
        "anomalies": [
            {"protocol": protocol, "kind": kind, "times": odd.times, "examples": odd.examples}
            for (protocol, kind), odd in sorted(report.broken.items())
        ],
        "alerts": [
            {"at": moment(alert.at_ns), "rule": alert.rule, "severity": str(alert.severity), "title": alert.title,
             "source": alert.source, "target": alert.target, "technique": alert.technique, "detail": alert.detail,
             "engine": str(alert.engine), "protocol": alert.protocol, "key": alert.key, "times": alert.times,
             "last_at": moment(alert.last_ns or alert.at_ns), "is_learnable": alert.is_learnable}
            for alert in report.alerts
        ],
    }  # fmt: skip


def asset_document(asset: Asset) -> dict[str, Any]:  # Any: JSON
    """Return an asset with every attribute, its source, confidence and times."""
    return {
        "number": asset.number,
        "ip_addresses": sorted(asset.ips),
        "mac_addresses": sorted(asset.macs),
        "first_at": moment(asset.first_ns),
        "last_at": moment(asset.last_ns),
        "attributes": {
            str(attribute): [
                {"value": fact.value, "confidence": fact.confidence, "source": fact.source,
                 "first_at": moment(fact.first_ns), "last_at": moment(fact.last_ns)}
                for fact in sorted(facts, key=lambda fact: -fact.confidence)
            ]
            for attribute, facts in asset.facts.items()
        },
    }  # fmt: skip


def not_parsed(sensor: Sensor) -> dict[str, int]:
    """Return what could not be read, by reason; nothing is lost silently."""
    engine = sensor.engine
    return {
        "undecodable_packets": engine.counters.undecodable,
        "unknown_link_type": engine.counters.unknown_link,
        "truncated_packets": engine.counters.truncated,
        "too_deep": engine.counters.deep,
        "fragments_dropped": engine.fragments.dropped,
        "stream_holes": engine.reassembly.holes,
        "retransmitted_segments": engine.reassembly.retransmitted,
        "mirrored_doubles": engine.doubles.seen + engine.reassembly.doubles,
        "flows_evicted": engine.table.evicted,
        "assets_refused": sensor.assets.refused,
        **{_NAMES.get(name, name): count for name, count in engine.unparsed.as_dict().items()},
        **sensor.not_read,
    }


def as_tables(sensor: Sensor) -> str:
    """Return the report for people."""
    counters = sensor.engine.counters
    span = f", {moment(counters.first_ns)} to {moment(counters.last_ns)}" if counters.packets else ""
    parts = [f"{counters.packets} packets, {counters.bytes} bytes{span}\n"]
    parts += [f"{path}: damaged or cut short, read up to there: {why}\n" for path, why in sensor.damages.items()]
    parts += [_assets(sensor), *_talk(sensor), *_findings(sensor)]
    missed = ", ".join(f"{name} {count}" for name, count in not_parsed(sensor).items() if count)
    parts.append(f"Not parsed: {missed or 'nothing'}\n")
    return "\n".join(part for part in parts if part)


def _assets(sensor: Sensor) -> str:
    rows = (
        (
            ", ".join(sorted(asset.ips)) or "-",
            ", ".join(sorted(asset.macs)),
            *(asset.best(attribute) for _, attribute in _SHOWN),
            ", ".join(asset.values(Attribute.SERVICE)[:3]),
        )
        for asset in sensor.assets.all()
    )
    return table("Assets", ("address", "mac", *(name for name, _ in _SHOWN), "services"), rows)


def _talk(sensor: Sensor) -> list[str]:
    report = sensor.report
    protocols = sorted(report.protocols.items(), key=lambda each: -each[1].packets)
    operations = sorted(report.by_service.items(), key=lambda each: -each[1])
    return [
        table(
            "Protocols",
            ("protocol", "over", "certainty", "flows", "packets", "bytes"),
            ((name, over, t.certainty, t.flows, t.packets, t.bytes) for (over, name), t in protocols),
        ),
        table("Operations", ("protocol", "kind", "service", "times"), ((*key, times) for key, times in operations)),
        table(
            "External connections",
            ("from", "to", "service", "protocol", "flows", "bytes"),
            (
                (client, server, f"{over}/{port}", protocol, traffic.flows, traffic.bytes)
                for (client, server, over, port, protocol), traffic in report.external()
            ),
        ),
    ]


def _findings(sensor: Sensor) -> list[str]:
    report = sensor.report
    return [
        table(
            "Broken rules",
            ("protocol", "what", "times", "example"),
            ((*key, odd.times, odd.examples[0]) for key, odd in sorted(report.broken.items())),
        ),
        table(
            "Alerts",
            ("at", "severity", "what", "technique", "times"),
            (
                (moment(alert.at_ns), alert.severity, alert.title, alert.technique, alert.times)
                for alert in report.alerts
            ),
            max_chars=_MAX_SENTENCE_CHARS,
        ),
    ]


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, max_chars: int = _MAX_CELL_CHARS
) -> str:
    """Write a table in plain text, its cells escaped; nothing if it has no rows."""
    cells = [[escape_terminal(str(cell), max_chars=max_chars) for cell in row] for row in rows]
    if not cells:
        return ""
    shown = cells[:_MAX_ROWS]
    widths = [max(len(row[number]) for row in [list(columns), *shown]) for number in range(len(columns))]
    lines = [title]
    lines += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [list(columns), *shown]
    ]
    if len(cells) > _MAX_ROWS:
        lines.append(f"… and {len(cells) - _MAX_ROWS} more; --output json has them all")
    return "\n".join(lines) + "\n"


def _link(key: tuple[str, str, str, int, str], traffic: Any) -> dict[str, Any]:  # Any: JSON
    client, server, transport, port, protocol = key
    return {
        "client": client, "server": server, "transport": transport, "port": port, "protocol": protocol or "unknown",
        "certainty": traffic.certainty, "flows": traffic.flows, "packets": traffic.packets, "bytes": traffic.bytes,
        "first_at": moment(traffic.first_ns), "last_at": moment(traffic.last_ns),
    }  # fmt: skip
