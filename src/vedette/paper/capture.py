"""The report of a capture: on paper, and each of its sections as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, get_args

from vedette.kernel import escape_csv
from vedette.paper.model import Column, Paper, Section, Table

Part = Literal[
    "assets",
    "alerts",
    "vulnerabilities",
    "protocols",
    "operations",
    "links",
    "external_connections",
    "anomalies",
]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
# What of an asset stands on paper: column → attribute.
_ATTRIBUTES: Final = ("type", "role", "vendor", "model", "firmware", "serial", "name")
_WORDS: Final = frozenset({2, 3})
_COLUMNS: Final[dict[Part, tuple[tuple[str, float], ...]]] = {
    "assets": (
        ("addresses", 2.2), ("mac", 1.6), ("type", 1.2), ("role", 1.1), ("vendor", 1.6), ("model", 1.6),
        ("firmware", 1.1), ("serial", 1.1), ("name", 1.5),
    ),
    "alerts": (
        ("at", 1.5), ("severity", 0.9), ("what", 4.5), ("source", 1.4), ("target", 1.4), ("technique", 0.9),
        ("times", 0.6),
    ),
    "vulnerabilities": (
        ("asset", 1.5), ("name", 1.4), ("certainty", 0.8), ("score", 0.5), ("title", 3), ("product", 2.2),
        ("versions", 1.3),
    ),
    "protocols": (
        ("protocol", 2), ("transport", 1), ("certainty", 1), ("flows", 1), ("packets", 1), ("bytes", 1),
    ),
    "operations": (("protocol", 1), ("kind", 1), ("service", 3), ("times", 1)),
    "links": (
        ("client", 2), ("server", 2), ("transport", 0.8), ("port", 0.6), ("protocol", 1.2), ("certainty", 0.9),
        ("flows", 0.7), ("packets", 0.8), ("bytes", 1), ("first_at", 1.8), ("last_at", 1.8),
    ),
    "external_connections": (
        ("client", 2), ("server", 2), ("transport", 0.8), ("port", 0.6), ("protocol", 1.2), ("flows", 0.7),
        ("bytes", 1), ("first_at", 1.8), ("last_at", 1.8),
    ),
    "anomalies": (("protocol", 1), ("kind", 1.2), ("times", 0.6), ("examples", 6)),
}  # fmt: skip
_HEADINGS: Final[dict[Part, str]] = {
    "alerts": "Alerts",
    "vulnerabilities": "Vulnerabilities",
    "assets": "Assets",
    "external_connections": "External connections",
    "protocols": "Protocols",
    "operations": "Operations",
    "anomalies": "Broken rules of protocols",
}
_EMPTY: Final[dict[Part, str]] = {
    "alerts": "No alert was raised.",
    "vulnerabilities": "No advisory that was imported speaks of what is known of these assets.",
    "external_connections": "Nothing talked with the outside.",
    "anomalies": "No message broke the rules of its protocol.",
}
_HINT: Final = "All of it: vedette capture report --format json"


def capture_paper(report: dict[str, Any], *, name: str, at: str) -> Paper:  # Any: JSON
    """Return the report of a capture as it is printed."""
    told = report["capture"]
    facts = [
        ("File", name),
        ("SHA-256", str(told["sha256"])),
        ("Packets", f"{told['packets']} ({told['bytes']} bytes on the wire)"),
        ("From", str(told["first_at"]) or "-"),
        ("Until", str(told["last_at"]) or "-"),
    ]
    if told["damage"]:
        facts.append(("Damage", f"read up to there: {told['damage']}"))
    if told["packets_dropped"]:
        facts.append(("Lost", f"{told['packets_dropped']} packets were lost by whoever captured"))
    sections = [
        Section(
            heading,
            table=Table(
                [Column(head.replace("_", " "), width) for head, width in _COLUMNS[part]],
                [_in_words(part, row) for row in rows_of(report, part)],
                left_out=int(report["left_out"].get(part, 0)),
                empty=_EMPTY.get(part, "None."),
            ),
        )
        for part, heading in _HEADINGS.items()
    ]
    missed = [f"{reason.replace('_', ' ')}: {count}" for reason, count in report["not_parsed"].items() if count]
    sections.append(Section("What could not be read", lines=missed or ["Nothing."]))
    return Paper(f"Capture report: {name}", at, facts, sections, hint=_HINT)


def capture_csv(report: dict[str, Any], part: Part) -> Iterator[str]:  # Any: JSON
    """Yield the lines of one section as CSV."""
    yield ",".join(head for head, _ in _COLUMNS[part]) + "\r\n"
    for row in rows_of(report, part):
        yield ",".join(map(escape_csv, row)) + "\r\n"


def rows_of(report: dict[str, Any], part: Part) -> Iterator[Sequence[str]]:  # Any: JSON
    """Yield the rows of one section."""
    for each in report[part]:
        if part == "assets":
            yield _asset(each)
        elif part == "alerts":
            yield [_cell(each[name]) for name in ("at", "severity", "title", "source", "target", "technique", "times")]
        elif part == "vulnerabilities":
            yield [each["address"], *(_cell(each[name]) for name, _ in _COLUMNS[part][1:])]
        else:
            yield [_cell(each[name]) for name, _ in _COLUMNS[part]]


def _in_words(part: Part, row: Sequence[str]) -> list[str]:
    """Return a row as people read it: of an asset, type and role without underscores."""
    return [
        cell.replace("_", " ") if part == "assets" and number in _WORDS else cell for number, cell in enumerate(row)
    ]


def _asset(asset: dict[str, Any]) -> list[str]:  # Any: JSON
    told = asset["attributes"]
    best = ((told.get(name) or [{"value": ""}])[0]["value"] for name in _ATTRIBUTES)
    return ["; ".join(asset["ip_addresses"]), "; ".join(asset["mac_addresses"]), *map(_cell, best)]


def _cell(value: Any) -> str:  # Any: JSON
    if value is None:
        return ""
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)
