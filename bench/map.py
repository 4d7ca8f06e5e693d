"""A network of 10,000 assets and 200,000 links: the lists, the map, and the frames of a map of 5,000 nodes in Chromium.

The platform is real and runs in its own processes; only the inventory is written straight into its database while it
rests, for a sensor would take minutes. Run it alone: ``.venv/bin/python -m bench.map`` (``--quick``: a tenth of it).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from bench import section
from bench.console import CHROMIUM, Watch, log_in, measure_paint
from bench.vedette_platform import Platform, clock, describe_machine, running
from playwright.sync_api import Page, sync_playwright

from vedette.network.asset_repository import assets, identifiers
from vedette.network.link_repository import links, operations

HALL = "hall"
ROLES = ("controller", "io_device", "hmi", "engineering_station", "historian", "workstation", "switch", "")
LEVELS = {"controller": "1", "io_device": "0", "hmi": "2", "engineering_station": "2", "historian": "3"}
PROTOCOLS = ("modbus", "s7comm", "opcua", "http", "tls", "dns", "smb", "enip")
_AT_ONCE = 5_000
# What a page shows when it is of use: its own rows, not its frame.
USEFUL = {
    "Network map, groups closed": ("/map", "main .map-canvas"),
    "Assets": ("/assets", "main [role=grid] .row"),
    "Assets, of a site and level": (f"/assets?site={HALL}&level=1", "main [role=grid] .row"),
    "Asset": ("/assets/ast_00000000000000000000000000", "main dl.facts dd, main .card dd"),
    "Links": ("/network-links", "main [role=grid] .row"),
    "Links, of a protocol": ("/network-links?protocol=modbus", "main [role=grid] .row"),
    "Protocols": ("/protocols", "main [role=grid] .row, main table td"),
    "Zones": ("/zones", "main .row, main .empty, main .card"),
    "Alerts": ("/alerts", "main .row, main .empty"),
    "Vulnerabilities": ("/vulnerabilities", "main .row, main .empty"),
    "Sensors": ("/sensors", "main .row, main .empty"),
    "What changed": ("/inventory-changes", "main .row, main .empty, main .card"),
}
FRAMES_PER_S, LIST_MS, PAGE_MS = 30, 250, 1_000
_MOVE = """(ms) => new Promise((resolve) => {
    const map = document.querySelector('[role=application]');
    const keys = ['ArrowLeft', 'ArrowUp', 'ArrowRight', 'ArrowDown'];
    const begin = performance.now();
    let frames = 0;
    const step = (now) => {
        const key = keys[Math.floor(frames / 8) % 4];
        map.dispatchEvent(new KeyboardEvent('keydown', { key, shiftKey: true, bubbles: true, cancelable: true }));
        frames += 1;
        if (now - begin < ms) requestAnimationFrame(step);
        else resolve(frames);
    };
    requestAnimationFrame(step);
})"""


@dataclass(frozen=True)
class MapPlan:
    """How much there is: ``hall`` is the site whose map is drawn node by node."""

    assets: int = 10_000
    links: int = 200_000
    hall_assets: int = 5_000
    hall_pairs: int = 7_400
    other_sites: int = 5
    repetitions: int = 9
    page_repetitions: int = 3
    pan_s: float = 8.0


QUICK = MapPlan(
    assets=1_000, links=20_000, hall_assets=500, hall_pairs=740, repetitions=3, page_repetitions=1, pan_s=2.0
)


def seed(database: Path, plan: MapPlan) -> None:
    """Write the inventory of a platform at rest."""
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        organization_id = connection.execute(
            sa.text("SELECT organization_id FROM registry_devices LIMIT 1")
        ).scalar_one()
        base = {"organization_id": organization_id}
        _insert(connection, assets, (base | each for each in _assets(plan)))
        _insert(connection, identifiers, (base | each for each in _identifiers(plan)))
        _insert(connection, links, (base | each for each in _links(plan)))
        _insert(connection, operations, (base | each for each in _operations(plan)))
    engine.dispose()


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterator[dict[str, Any]]) -> None:
    waiting: list[dict[str, Any]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == _AT_ONCE:
            connection.execute(table.insert(), waiting)
            waiting = []
    if waiting:
        connection.execute(table.insert(), waiting)


def _site(number: int, plan: MapPlan) -> str:
    return HALL if number < plan.hall_assets else f"plant-{number % plan.other_sites}"


def _address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def _assets(plan: MapPlan) -> Iterator[dict[str, Any]]:
    now = clock().now()
    texts = dict.fromkeys(
        (
            "merged_into",
            "product_code",
            "firmware",
            "serial",
            "operating_system",
            "device_type",
            "role_because",
            "note",
        ),
        "",
    )
    for number in range(plan.assets):
        role = ROLES[number % len(ROLES)]
        yield texts | {
            "asset_id": f"ast_{number:026d}",
            "site": _site(number, plan),
            "state": "new" if number % 20 == 0 else "acknowledged",
            "name": f"{role or 'thing'}-{number}",
            "vendor": f"Maker {number % 40}",
            "model": f"Model {number % 300}",
            "role": role,
            "level": LEVELS.get(role, ""),
            "level_because": [],
            "is_role_set": False,
            "is_level_set": False,
            "is_name_set": False,
            "support": "",
            "owner": "",
            "criticality": "normal",
            "ips": [_address(number)],
            "macs": [],
            "merged": [],
            "sensors": [],
            "first_at": now - timedelta(days=30),
            "last_at": now,
            "created_at": now - timedelta(days=30),
            "revision": 0,
        }


def _identifiers(plan: MapPlan) -> Iterator[dict[str, Any]]:
    now = clock().now()
    for number in range(plan.assets):
        yield {
            "site": _site(number, plan),
            "kind": "ip",
            "value": _address(number),
            "asset_id": f"ast_{number:026d}",
            "is_pinned": False,
            "last_at": now,
        }


def _pairs(plan: MapPlan) -> Iterator[tuple[int, int]]:
    """Yield clients and servers: first the pairs of the hall, then those of the other sites, several links each."""
    chance = random.Random(7)
    seen: set[tuple[int, int]] = set()
    while len(seen) < plan.hall_pairs:
        client = chance.randrange(plan.hall_assets)
        server = (client + 1 + int(chance.paretovariate(1.2))) % plan.hall_assets
        if client != server and (client, server) not in seen:
            seen.add((client, server))
            yield client, server
    count, left = plan.assets - plan.hall_assets, plan.links - plan.hall_pairs
    while left > 0:
        client = plan.hall_assets + chance.randrange(count)
        step = plan.other_sites * (1 + int(chance.paretovariate(0.8)) % (count // plan.other_sites))
        server = plan.hall_assets + (client - plan.hall_assets + step) % count
        for _ in range(min(left, 3)):
            left -= 1
            yield client, server


def _ends(number: int, client: int, server: int, plan: MapPlan) -> dict[str, Any]:
    now = clock().now()
    return {
        "site": _site(client, plan),
        "pair": f"{number:032d}",
        "client_id": f"ast_{client:026d}",
        "server_id": f"ast_{server:026d}",
        "client": _address(client),
        "server": _address(server),
        "protocol": PROTOCOLS[number % len(PROTOCOLS)],
        "tallies": {},
        "first_at": now - timedelta(hours=number % 700),
        "last_at": now,
        "created_at": now - timedelta(hours=number % 700),
    }


def _links(plan: MapPlan) -> Iterator[dict[str, Any]]:
    for number, (client, server) in enumerate(_pairs(plan)):
        yield _ends(number, client, server, plan) | {
            "link_id": f"{number * 2_654_435_761 % 2**32:032x}",
            "transport": "tcp",
            "port": 502 + number % 9,
            "certainty": "confirmed",
            "is_external": False,
            "name": "",
            "flows": 1 + number % 50,
            "packets": 100 + number % 5_000,
            "bytes": 10_000 + number % 900_000,
        }


def _operations(plan: MapPlan) -> Iterator[dict[str, Any]]:
    for number, (client, server) in enumerate(_pairs(plan)):
        if number % 4 == 0:
            yield _ends(number, client, server, plan) | {
                "operation_id": f"{number:032d}",
                "service": "write_single_register",
                "kind": "write" if number % 40 == 0 else "read",
                "area": "",
                "unit": "",
                "times": 10,
                "failures": 0,
            }


def measure_api(platform: Platform, plan: MapPlan) -> dict[str, dict[str, float]]:
    """Ask for lists and maps; return milliseconds of the first answer and of later ones."""
    asset_id = f"ast_{plan.assets - 1:026d}"
    asked = {
        "assets, 100": "/v1/assets?limit=100",
        "assets, 1,000": "/v1/assets?limit=1000",
        "assets, search": "/v1/assets?text=controller-99",
        "assets, of a site and level": f"/v1/assets?site={HALL}&level=1",
        "links, 100": "/v1/network-links?limit=100",
        "links, 1,000": "/v1/network-links?limit=1000",
        "links, of an asset": f"/v1/network-links?asset_id={asset_id}",
        "links, of a protocol": "/v1/network-links?protocol=modbus",
        "links, of a site": f"/v1/network-links?site={HALL}",
        "links, external": "/v1/network-links?is_external=true",
        "operations, writes": "/v1/network-operations?kind=write",
        "asset": f"/v1/assets/{asset_id}",
        "map, all, groups closed": "/v1/network-map",
        "map, by subnet": "/v1/network-map?grouping=subnet",
        "map, hall, node by node": f"/v1/network-map?site={HALL}&limit=5000",
        "map, one protocol": "/v1/network-map?protocol=modbus",
        "map, around an asset": f"/v1/network-map?focus={asset_id}&hops=2",
    }
    found: dict[str, dict[str, float]] = {}
    for name, path in asked.items():
        samples = []
        for _ in range(plan.repetitions + 1):
            begin = time.perf_counter()
            answer = platform.api.get(path)
            samples.append((time.perf_counter() - begin) * 1e3)
            if not answer.is_success:
                raise SystemExit(f"{path}: {answer.status_code} {answer.text[:500]}")
        found[name] = {
            "first_ms": samples[0],
            "median_ms": statistics.median(samples[1:]),
            "worst_ms": max(samples[1:]),
            "bytes": len(answer.content),
        }
    return found


def measure_frames(page: Page, plan: MapPlan) -> dict[str, Any]:
    """Draw the hall node by node, move it and zoom it."""
    begin = time.monotonic()
    page.goto(f"/map?site={HALL}&limit=5000&by=level")
    canvas = page.get_by_role("application", name="Network map")
    canvas.wait_for()
    page.locator(".page-head").get_by_text(f"{plan.hall_assets:,} assets").wait_for()
    found: dict[str, Any] = {"shown_after_s": time.monotonic() - begin}
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    watch = Watch(page)
    for name, wheel in (("everything", 0.0), ("nearer", -600.0), ("near, with words", -700.0)):
        page.mouse.move(x, y)
        if wheel:
            page.mouse.wheel(0, wheel)
        page.wait_for_timeout(300)
        found[name] = _pan(page, watch, plan.pan_s / 3)
    return found


def _pan(page: Page, watch: Watch, seconds: float) -> dict[str, float]:
    """Move the map before every picture of the screen, so that every one is drawn anew."""
    watch.begin()
    begin = time.monotonic()
    page.evaluate(_MOVE, seconds * 1e3)
    took = time.monotonic() - begin
    seen = watch.end()
    return {"frames_per_s": seen["frames"] / took, **seen}


def measure(plan: MapPlan) -> dict[str, Any]:
    """Measure everything."""
    with tempfile.TemporaryDirectory(prefix="vedette-bench-map-") as name:
        folder = Path(name)
        with running(folder) as platform:
            authentication = {"type": "self_signed", "primary_thumbprint": "0" * 64}
            platform.call("POST", "/v1/devices", json={"device_id": "template", "authentication": authentication})
        begin = time.monotonic()
        seed(next((folder / "data").rglob("vedette.db")), plan)
        figures: dict[str, Any] = {"machine": describe_machine(), "seed_s": time.monotonic() - begin}
        with running(folder) as platform, sync_playwright() as playwright:
            figures["api"] = measure_api(platform, plan)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            address, state = log_in(browser, platform)
            context = browser.new_context(
                base_url=address, storage_state=state, viewport={"width": 1280, "height": 800}
            )
            context.set_default_timeout(60_000)
            figures["frames"] = measure_frames(context.new_page(), plan)
            context.close()
            figures["paint"] = measure_paint(browser, address, state, USEFUL, plan.page_repetitions)
            browser.close()
    return figures


def render(figures: dict[str, Any], plan: MapPlan) -> str:
    """Return the tables, in Markdown."""
    api, frames, paint = figures["api"], figures["frames"], figures["paint"]
    lines = ["| request | first, ms | median, ms | worst, ms |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {found['first_ms']:.0f} | {found['median_ms']:.0f} | {found['worst_ms']:.0f} |"
        for name, found in api.items()
    ]
    lines += ["", "| map while it is moved | frames/s | p95 of frames, ms | longest, ms |", "|---|---|---|---|"]
    views = {name: found for name, found in frames.items() if isinstance(found, dict)}
    lines += [
        f"| {name} | {found['frames_per_s']:.0f} | {found['frame_p95_ms']:.0f} | {found['frame_worst_ms']:.0f} |"
        for name, found in views.items()
    ]
    lines += ["", "| page | of use, empty cache, ms | again, ms | worst, ms |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {found['cold']:.0f} | {found['warm']:.0f} | {found['worst']:.0f} |"
        for name, found in paint.items()
    ]
    slowest_view = min(views, key=lambda name: views[name]["frames_per_s"])
    slowest_list = max(api, key=lambda name: api[name]["median_ms"])
    slowest_page = max(paint, key=lambda name: paint[name]["cold"])
    goals = (
        (
            f"{plan.hall_assets:,} nodes and {plan.hall_pairs:,} edges at {FRAMES_PER_S} frames/s or better",
            f"{views[slowest_view]['frames_per_s']:.0f}, {slowest_view}",
            views[slowest_view]["frames_per_s"] >= FRAMES_PER_S,
        ),
        (
            f"no list, page of a list or map over {LIST_MS} ms",
            f"{api[slowest_list]['median_ms']:.0f} ms, {slowest_list}",
            api[slowest_list]["median_ms"] <= LIST_MS,
        ),
        (
            "each page is of use within a second, empty cache",
            f"{paint[slowest_page]['cold']:.0f} ms, {slowest_page}",
            paint[slowest_page]["cold"] < PAGE_MS,
        ),
    )
    lines += ["", "| goal | reached | |", "|---|---|---|"]
    lines += [f"| {goal} | {reached} | {'met' if is_met else 'missed'} |" for goal, reached, is_met in goals]
    lines += ["", figures["machine"]]
    return "\n".join(lines)


def main() -> None:
    """Measure, print what was found as JSON, and write the section of the page unless it was only tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it, to try")
    is_quick = parser.parse_args().quick
    plan = QUICK if is_quick else MapPlan()
    found = measure(plan)
    print(json.dumps(found, indent=2))
    if not is_quick:
        section.replace("map", render(found, plan))


if __name__ == "__main__":
    main()
