"""Writes docs/benchmarks.md from what was measured."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.figures import Figures

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
    split = other["enrollment_cpu_ms"]
    in_words = ", ".join(f"{role} {cpu:.1f}" for role, cpu in split.items())
    lines += ["", "| Vedette alone | figure |", "|---|---|"]
    lines += [
        (
            f"| disable → session cut, {other['live_sessions']} live sessions, p50 / p99 "
            f"| {other['cut_p50_ms']:.1f} / {other['cut_p99_ms']:.1f} ms |"
        ),
        f"| disable answered, p50 | {other['disable_answer_p50_ms']:.1f} ms |",
        f"| {other['mass']} devices disabled at once → last session cut | {other['mass_cut_s']:.2f} s |",
        f"| refused when they came back | {other['refused_after_cut']} |",
        (
            f"| DPS with CSR → operational certificate, {other['enrollments']} devices | "
            f"{other['enrollments_per_s']:.0f}/s with this load generator |"
        ),
        f"| CPU of one enrollment | {sum(split.values()):.1f} ms: {in_words} |",
        *_hub(figures.hub),
        "",
        "| goal | reached | |",
        "|---|---|---|",
    ]
    lines += [f"| {goal} | {reached} | {'met' if is_met else 'missed'} |" for goal, reached, is_met in _goals(figures)]
    return "\n".join(lines)


def _hub(hub: dict[str, Any]) -> list[str]:
    """What the hub did at a steady rate; latencies count from the moment a request was due."""

    def pair(name: str) -> str:
        split = hub[f"{name}_cpu_ms"]
        cost = ", ".join(f"{role} {cpu:.1f}" for role, cpu in split.items())
        return f"{hub[f'{name}_p50_ms']:.1f} / {hub[f'{name}_p99_ms']:.1f} ms; CPU {sum(split.values()):.1f} ms: {cost}"

    rate = f"{hub['rate']:.0f}/s"
    return [
        f"| twin read at {rate}, p50 / p99 | {pair('twin_read')} |",
        f"| reported properties at {rate}, p50 / p99 | {pair('twin_report')} |",
        f"| desired properties at {rate}, REST to REST, p50 / p99 | {pair('twin_patch')} |",
        f"| direct method at {rate}, REST to REST, p50 / p99 | {pair('method')} |",
        f"| a command to each of {hub['commands']} devices, REST → device, p50 / p99 | {pair('command')} |",
        f"| the same, first request → last device | {hub['commands_s']:.2f} s |",
        f"| {hub['idle_many']} idle sessions: connected within | {hub['idle_many_connect_s']:.1f} s |",
        f"| the same: memory per session | {hub['idle_many_kb']:.0f} KB |",
        f"| the same: CPU of the gateway | {hub['idle_many_cpu_percent']:.1f} % of a core |",
        (
            f"| {hub['storm']} devices come back at once after a gateway restart | all within {hub['storm_s']:.1f} s, "
            f"{hub['storm_failures']} attempts turned away |"
        ),
    ]


def _goals(figures: Figures) -> list[tuple[str, str, bool]]:
    """Hold the figures against the goals of the design."""
    other, hub = figures.other, figures.hub
    message = _median(figures.message_us.get("vedette"))
    listener = _median(figures.message_us.get("nats-server mqtt"))
    connect = _median(figures.connect_ms.get("vedette gateway")) / _median(figures.connect_ms.get("mosquitto"))
    idle = _median(figures.idle_kb.get("vedette")) / _median(figures.idle_kb.get("mosquitto"))
    rate = _median(figures.message_rate.get("vedette"))
    enrollments = 1e3 / sum(other["enrollment_cpu_ms"].values())
    return [
        (
            "twin round trip at 200/s, p99 < 50 ms",
            f"{hub['twin_report_p99_ms']:.1f} ms",
            hub["twin_report_p99_ms"] < 50,
        ),
        ("method round trip at 200/s, p99 < 50 ms", f"{hub['method_p99_ms']:.1f} ms", hub["method_p99_ms"] < 50),
        ("signal → cut, p99 ≤ 50 ms, 2,000 live", f"{other['cut_p99_ms']:.1f} ms", other["cut_p99_ms"] <= 50),
        ("1,000 devices at once ≤ 2 s", f"{other['mass_cut_s']:.2f} s", other["mass_cut_s"] <= 2),
        (
            "CPU of a durable message ≤ nats-server's MQTT listener at equal durability",
            f"{message:.1f} µs against {listener:.1f}",
            message <= listener,
        ),
        ("≥ 10,000 durable messages/s, fsynced", f"{rate:.0f}/s", rate >= 10_000),
        (
            "CPU of a connect with its decision ≤ 1.0 times Mosquitto without one",
            f"{connect:.2f} times",
            connect <= 1.0,
        ),
        ("memory of an idle session ≤ 2 times Mosquitto", f"{idle:.2f} times", idle <= 2.0),
        ("≥ 300 enrollments/s per core", f"{enrollments:.0f}/s per core", enrollments >= 300),
    ]


def _median(values: list[float] | None) -> float:
    return statistics.median(values) if values else float("nan")
