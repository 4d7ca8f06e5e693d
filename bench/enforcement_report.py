"""Writes what was measured of enforcement into its section of docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from bench import section
from bench.enforcement import HOPS, percentile

QUIET_MS, ATTACK_MS, MASS_S = 50, 250, 2
SERIES = {
    "quiet": "signal over REST, quiet",
    "quiet, CAEP": "CAEP event pushed, quiet",
    "attack": "signal over REST, under attack",
    "attack, CAEP": "CAEP event pushed, under attack",
}


def write(figures: dict[str, Any]) -> None:
    """Replace the section."""
    section.replace("enforcement", render(figures))


def render(figures: dict[str, Any]) -> str:
    """Return the tables, in Markdown."""
    lines = [
        f"Machine: {figures['machine']}.",
        "",
        (
            f"| {figures['live']} live sessions, {figures['gateways']} gateways; p50 / p99, ms | signals | answered "
            "| socket closed | refused again |"
        ),
        "|---|---|---|---|---|",
    ]
    for name, title in SERIES.items():
        found = figures[name]
        cells = " | ".join(_pair(found[each]) for each in ("answered", "cut", "refused"))
        lines.append(f"| {title} | {len(found['cut'])} | {cells} |")
    lines += [
        "",
        "| the platform's own stamps, from taking the signal on; p50 / p99, ms | " + " | ".join(HOPS) + " |",
        "|---|" + "---|" * len(HOPS),
    ]
    for name, title in SERIES.items():
        lines.append(f"| {title} | " + " | ".join(_pair(figures[name]["hops"][hop]) for hop in HOPS) + " |")
    rates, mass = figures["rates"], figures["mass"]
    let_in = sum(figures[name]["let_in"] for name in SERIES) + mass["let_in"]
    told = ", ".join(f"{rate:.0f} {name}" for name, rate in sorted(rates.items()))
    lines += [
        "",
        "| | |",
        "|---|---|",
        f"| the attack, each second | {told} |",
        (
            f"| {mass['devices']} devices cut by one act: first, last socket closed, act answered "
            f"| {mass['first_s']:.2f}, {mass['last_s']:.2f}, {mass['answered_s']:.2f} s |"
        ),
        f"| connects let in after a cut | {let_in} |",
        "",
        "| goal | reached | |",
        "|---|---|---|",
    ]
    quiet = max(percentile(figures[name]["cut"], 0.99) for name in ("quiet", "quiet, CAEP"))
    attack = max(percentile(figures[name]["cut"], 0.99) for name in ("attack", "attack, CAEP"))
    goals = (
        (f"evidence → cut, p99 ≤ {QUIET_MS} ms, quiet", f"{quiet:.1f} ms", quiet <= QUIET_MS),
        (f"the same under attack, p99 ≤ {ATTACK_MS} ms", f"{attack:.1f} ms", attack <= ATTACK_MS),
        (f"{mass['devices']} devices by one act ≤ {MASS_S} s", f"{mass['last_s']:.2f} s", mass["last_s"] <= MASS_S),
        ("nobody is let in after a cut", f"{let_in}", let_in == 0),
    )
    lines += [f"| {goal} | {reached} | {'met' if is_met else 'missed'} |" for goal, reached, is_met in goals]
    return "\n".join(lines)


def _pair(values: list[float]) -> str:
    return f"{percentile(values, 0.5):.1f} / {percentile(values, 0.99):.1f}"
