"""What policies cost a gateway: CPU of a connect and of a message under one permit, the shipped policies, 20 and 200.

The same platform, the same devices and the same load for each; the bundles take turns, so that what the machine does
beside falls on all of them. ``bench/run --only policy`` rewrites its part of docs/benchmarks.md.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from bench import section
from bench.enforcement import put_into_force
from bench.hub import Operator, register_many
from bench.load import Fleet
from bench.policy import make_bundle
from bench.vedette_platform import Platform, clock, describe_machine, running

from vedette.simulation import Factory
from vedette.trust import PolicyBundle, default_bundle

ONE_PERMIT = """
@id("whoever-is-enabled")
@owner("bench")
@why("What a gateway costs without policies worth the name.")
@guidance("none")
permit (principal, action, resource) when { principal.isEnabled };
"""
BASE = "one permit"


@dataclass
class Plan:
    """How much to measure."""

    devices: int = 1_000
    seconds: float = 6.0
    repetitions: int = 3


QUICK = Plan(devices=40, seconds=1.0, repetitions=1)


def bundles() -> dict[str, PolicyBundle]:
    """The bundles to compare, by the name they have in the table."""
    shipped = default_bundle()
    return {
        BASE: PolicyBundle(shipped.schema_text, ONE_PERMIT),
        "shipped policies": shipped,
        "20 policies": make_bundle(20),
        "200 policies": make_bundle(200),
    }


async def measure_bundle(
    platform: Platform, identities: list[tuple[str, ssl.SSLContext]], plan: Plan, found: dict[str, list[float]]
) -> None:
    """Connect all to a gateway that has decided nothing yet, again to one that has, and send."""
    await platform.restart_gateway()
    gateway = platform.server("gateway", "gateway")
    fleet = Fleet(platform.target, identities)
    for kind in ("first", "again"):
        before = gateway.cpu_s()
        await fleet.connect(parallel=8)
        await asyncio.sleep(0.3)
        found[kind].append((gateway.cpu_s() - before) / len(identities) * 1e6)
        if kind == "first":
            await fleet.close()
            await asyncio.sleep(1)
    await fleet.publish(0.5)
    before = gateway.cpu_s()
    count, _ = await fleet.publish(plan.seconds)
    found["message"].append((gateway.cpu_s() - before) / max(count, 1) * 1e6)
    await fleet.close()


async def measure_all(platform: Platform, folder: Path, plan: Plan) -> dict[str, dict[str, float]]:
    operator = Operator(platform, 8)
    await operator.open()
    names, certificate, key = await register_many(operator, Factory("Bench", clock()), folder, plan.devices)
    operator.close()
    context = platform.target.context(certificate, key)
    identities = [(name, context) for name in names]
    # First uses are noted once in a device's life; they are not what a connect costs.
    warm = Fleet(platform.target, identities)
    await warm.connect(parallel=8)
    await warm.close()
    samples: dict[str, dict[str, list[float]]] = {}
    for _ in range(plan.repetitions):
        for name, bundle in bundles().items():
            sites = {
                each: {
                    "latitude": site.latitude,
                    "longitude": site.longitude,
                    "radius_m": site.radius_m,
                    "networks": list(site.networks),
                }
                for each, site in bundle.sites.items()
            }
            await asyncio.to_thread(put_into_force, platform, bundle.policies_text, sites)
            found = samples.setdefault(name, {"first": [], "again": [], "message": []})
            await measure_bundle(platform, identities, plan, found)
    return {name: {kind: statistics.median(each) for kind, each in kinds.items()} for name, kinds in samples.items()}


def measure(*, is_quick: bool) -> dict[str, Any]:
    """Measure; microseconds of a gateway's CPU by bundle."""
    plan, machine = (QUICK if is_quick else Plan()), describe_machine()
    folder = Path(tempfile.mkdtemp(prefix="vedette-bench-"))
    try:
        with running(folder, gateway_settings="messages_per_s = 100000\nmessages_burst = 100000\n") as platform:
            found = uvloop.run(measure_all(platform, folder, plan))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"machine": machine, "devices": plan.devices, "repetitions": plan.repetitions, "bundles": found}


def write(figures: dict[str, Any]) -> None:
    """Replace the section."""
    section.replace("policy", render(figures))


def render(figures: dict[str, Any]) -> str:
    """Return the table, in Markdown."""
    lines = [
        f"Machine: {figures['machine']}. Medians of {figures['repetitions']} turns with {figures['devices']} devices.",
        "",
        (
            "| CPU of the gateway, µs | first connect | against one permit | connect again | against it | message "
            "| against it |"
        ),
        "|---|---|---|---|---|---|---|",
    ]
    base = figures["bundles"][BASE]
    for name, found in figures["bundles"].items():
        cells = " | ".join(
            f"{found[kind]:.{digits}f} | {found[kind] - base[kind]:+.{digits}f}"
            for kind, digits in (("first", 0), ("again", 0), ("message", 1))
        )
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)
