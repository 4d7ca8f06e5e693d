"""Writes what was measured of the console into its section of docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- console: begin -->", "<!-- console: end -->"
PAINT_MS, FRAME_P95_MS = 1_000, 20


def write(figures: dict[str, Any]) -> None:
    """Replace what stands between the section's two marks."""
    page = PAGE.read_text()
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{render(figures)}\n{END}{tail}")


def render(figures: dict[str, Any]) -> str:
    """Return the tables, in Markdown."""
    listed, live, paint = figures["list"], figures["live"], figures["paint"]
    lines = [f"Machine: {figures['machine']}.", ""]
    lines += ["| while scrolling or drawing | by wheel | by keyboard | 200 messages/s |", "|---|---|---|---|"]
    ways = (listed["wheel"], listed["keyboard"], live)
    lines += [
        f"| {title} | " + " | ".join(form.format(way.get(key, "")) for way in ways) + " |"
        for title, key, form in (
            ("frames drawn", "frames", "{}"),
            ("frame time, p95, ms", "frame_p95_ms", "{:.1f}"),
            ("longest frame, ms", "frame_worst_ms", "{:.0f}"),
            ("frames dropped", "frames_dropped_percent", "{:.1f} %"),
            ("tasks over 50 ms", "long_tasks", "{}"),
            ("scripts' memory before, MB", "heap_mb", "{:.1f}"),
            ("scripts' memory after, MB", "heap_after_mb", "{:.1f}"),
        )
    ]
    lines.append(f"| row reached | {listed['wheel']['rows']:,} | {listed['keyboard']['rows']:,} | |")
    lines += ["", f"| filter, {figures['devices']:,} devices | first rows, ms | count, ms |", "|---|---|---|"]
    lines += [
        f"| {name.removeprefix('filter ')} | {found['first_rows_ms']:.0f} | {found['count_ms']:.0f} |"
        for name, found in listed.items()
        if name.startswith("filter ")
    ]
    lines += [
        "",
        "| page | first paint, ms | of use, empty cache, ms | again, ms | worst, ms |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {found['contentful']:.0f} | {found['cold']:.0f} | {found['warm']:.0f} | {found['worst']:.0f} |"
        for name, found in paint.items()
    ]
    lines += ["", "| file | KB | KB with gzip |", "|---|---|---|"]
    sizes = sorted(figures["sizes"].items(), key=lambda each: -each[1][0])
    lines += [f"| {name} | {raw / 1e3:.1f} | {small / 1e3:.1f} |" for name, (raw, small) in sizes if raw > 10_000]
    rest = [size for _, size in sizes if size[0] <= 10_000]
    lines.append(
        f"| {len(rest)} smaller ones | {sum(raw for raw, _ in rest) / 1e3:.1f} | {sum(s for _, s in rest) / 1e3:.1f} |"
    )
    lines += ["", "| goal | reached | |", "|---|---|---|"]
    slowest = max(paint, key=lambda name: paint[name]["cold"])
    worst = max(way["frame_p95_ms"] for way in ways[:2])
    goals = (
        (
            f"{figures['devices']:,} devices scrolled without a stutter: p95 of frames ≤ {FRAME_P95_MS} ms",
            f"{worst:.1f} ms, {sum(way['long_tasks'] for way in ways[:2])} long tasks",
            worst <= FRAME_P95_MS,
        ),
        (
            "200 messages/s: fewer than 1 % of frames dropped",
            f"{live['frames_dropped_percent']:.1f} %",
            live["frames_dropped_percent"] < 1,
        ),
        (
            "each page is of use within a second, empty cache",
            f"slowest: {slowest}, {paint[slowest]['cold']:.0f} ms",
            paint[slowest]["cold"] < PAINT_MS,
        ),
    )
    lines += [f"| {goal} | {reached} | {'met' if is_met else 'missed'} |" for goal, reached, is_met in goals]
    return "\n".join(lines)
