"""Writes docs/benchmarks.md from what was measured."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.main import Figures

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN = "<!-- figures: begin -->"
END = "<!-- figures: end -->"


def write(figures: Figures) -> None:
    """Replace the part of the page between the two marks; the words around it are kept."""
    page = PAGE.read_text()
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{render(figures)}\n{END}{tail}")


def render(figures: Figures) -> str:
    """The tables, in Markdown."""
    servers = ["mosquitto", "nats-server mqtt", "vedette"]
    lines = [f"Machine: {figures.machine}.", ""]
    lines += ["| per mutual TLS connect | CPU, ms | ratio to Mosquitto |", "|---|---|---|"]
    base = _median(figures.connect_ms.get("mosquitto"))
    for server, values in figures.connect_ms.items():
        lines.append(f"| {server} | {_median(values):.2f} | {_median(values) / base:.2f} |")
    lines += ["", "| closed loop, QoS 1, 200 bytes | " + " | ".join(servers) + " |", "|---|" + "---|" * len(servers)]
    rows = (
        ("CPU per message, µs", figures.message_us, 1),
        ("messages/s", figures.message_rate, 0),
        ("acknowledged after, p50, ms", figures.message_p50_ms, 1),
        ("acknowledged after, p99, ms", figures.message_p99_ms, 1),
        ("memory per idle session, KB", figures.idle_kb, 0),
    )
    for title, table, digits in rows:
        lines.append(
            f"| {title} | " + " | ".join(f"{_median(table.get(server)):.{digits}f}" for server in servers) + " |"
        )
    other = figures.other
    lines += ["", "| Vedette alone | figure |", "|---|---|"]
    lines += [
        (
            f"| disable → session cut, {other['live_sessions']} live sessions, p50 / p99 | "
            f"{other['cut_p50_ms']:.1f} / {other['cut_p99_ms']:.1f} ms |"
        ),
        f"| disable answered, p50 | {other['disable_answer_p50_ms']:.1f} ms |",
        f"| {other['mass']} devices disabled at once → last session cut | {other['mass_cut_s']:.2f} s |",
        f"| refused when they came back | {other['refused_after_cut']} |",
        (
            f"| DPS with CSR → operational certificate, {other['enrollments']} devices | "
            f"{other['enrollments_per_s']:.0f}/s, {other['enrollment_cpu_ms']:.2f} ms CPU each in all processes |"
        ),
    ]
    return "\n".join(lines)


def _median(values: list[float] | None) -> float:
    return statistics.median(values) if values else float("nan")
