"""The console in Chromium: a list of a million devices, 200 messages a second, first useful paint, sizes.

Everything is real: ``vedette up`` in its own processes, the built pages, a browser that draws them. Only the million
is made quickly: one device is registered through the API, and its row copied in the database of a platform at rest.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load import encode_publish, open_session
from bench.vedette_platform import HOST, Platform, clock, describe_machine, running
from cryptography.hazmat.primitives import hashes
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, StorageState, sync_playwright

from vedette.simulation import Factory

CHROMIUM = "/usr/bin/chromium"
ASSETS = Path(__file__).parents[1] / "src" / "vedette" / "console" / "assets"
LIVE, RATE, FLEET = "bench-live", 200, 8
FRAME_MS, LONG_MS = 1000 / 60, 50

# What a page shows when it is of use: its own rows, not its frame.
USEFUL = {
    "Overview": ("/", "main [aria-label='Components'] li, main .stat, main .line"),
    "Devices": ("/devices", "main [role=grid] .row"),
    "Devices, by tag": ("/devices?where=tags.line+%3D+'line-7'", "main [role=grid] .row"),
    "Device": ("/devices/pump-1", "main dl.facts dd"),
    "Twin": ("/devices/pump-1?tab=twin", "main textarea"),
    "Live": ("/devices/pump-1?tab=live", "main [role=grid] .row"),
    "Record": ("/devices/pump-1?tab=record", "main .row, main li.line, main table td"),
    "Refused": ("/refusals", "main [role=grid] .row"),
    "Clone alerts": ("/clone-alerts", "main h1"),
    "Groups": ("/groups", "main [role=grid] .row, main .empty"),
    "Queries": ("/queries?q=SELECT+deviceId+FROM+devices", "main [role=grid] .row"),
    "Ledger": ("/ledger", "main [role=grid] .row"),
    "REST API": ("/api", "main details, main section"),
    "Add a device": ("/add-device", "main [role=tabpanel]"),
    "Enrollments": ("/enrollments", "main [role=grid] .row"),
    "Authorities": ("/authorities", "main section.card section.card"),
    "People": ("/people", "main .card"),
    "Quarantine": ("/quarantine", "main .row, main .empty"),
    "Policies": ("/policies", "main .row, main .card"),
    "Decisions": ("/decisions", "main [role=grid] .row"),
    "Roles": ("/roles", "main .row, main .card"),
    "Approvals": ("/approvals", "main .row, main .empty"),
    "Your account": ("/account", "main .card"),
}

_WATCH = """() => {
    const seen = window.watched = { gaps: [], long: [], isOn: true };
    const note = (list) => seen.long.push(...list.getEntries().map((each) => each.duration));
    const observer = new PerformanceObserver(note);
    observer.observe({ type: 'longtask' });
    let last = performance.now();
    const step = (now) => {
        seen.gaps.push(now - last);
        last = now;
        if (seen.isOn) requestAnimationFrame(step);
        else observer.disconnect();
    };
    requestAnimationFrame(step);
}"""
_WATCHED = "() => { window.watched.isOn = false; return { gaps: window.watched.gaps, long: window.watched.long }; }"
_NOTE_USEFUL = """
window.useful = new Promise((resolve) => {
    const wanted = %s;
    const look = () => {
        if (document.querySelector(wanted)) requestAnimationFrame(() => resolve(performance.now()));
        else if (performance.now() < 15_000) requestAnimationFrame(look);
        else resolve(0);
    };
    look();
});
"""
_INSERT = """
INSERT INTO registry_devices ({columns})
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
SELECT {values} FROM numbers, registry_devices WHERE device_id = :template
"""
_CHANGED = {
    "generation_id": "printf('gen_bench%09d', n)",
    "device_id": "printf('sensor-%07d', n)",
    "primary_thumbprint": "printf('%064x', n)",
    "site": "printf('site-%d', n % 200)",
    "zone": "printf('zone-%d', n % 7)",
    "tags": """printf('{"line": "line-%d", "environment": "field", "floor": %d}', n % 500, n % 40)""",
    "lifecycle": "CASE n % 50 WHEN 0 THEN 'quarantined' ELSE 'active' END",
    "is_enabled": "n % 300 > 0",
}


@dataclass
class ConsolePlan:
    """How much to measure."""

    devices: int = 1_000_000
    scroll_s: float = 20.0
    live_s: float = 30.0
    repetitions: int = 5


QUICK = ConsolePlan(devices=20_000, scroll_s=3.0, live_s=4.0, repetitions=1)


def seed(folder: Path, count: int) -> float:
    """Fill a platform's database; return the seconds that it took."""
    with running(folder) as platform:
        thumbprint = "0" * 64
        authentication = {"type": "self_signed", "primary_thumbprint": thumbprint}
        platform.call("POST", "/v1/devices", json={"device_id": "template", "authentication": authentication})
    begin = time.monotonic()
    database = next((folder / "data").rglob("vedette.db"))
    with sqlite3.connect(database) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(registry_devices)")]
        values = ", ".join(_CHANGED.get(each, each) for each in columns)
        connection.execute(
            _INSERT.format(columns=", ".join(columns), values=values), {"count": count, "template": "template"}
        )
    connection.close()
    return time.monotonic() - begin


def make_live_device(platform: Platform, folder: Path) -> tuple[Path, Path]:
    """Register a device by its certificate; return where certificate and key are."""
    identity = Factory("Bench", clock()).make_device(LIVE)
    thumbprint = identity.chain[0].fingerprint(hashes.SHA256()).hex()
    authentication = {"type": "self_signed", "primary_thumbprint": thumbprint}
    platform.call("POST", "/v1/devices", json={"device_id": LIVE, "authentication": authentication})
    return identity.write(folder, "live")


@contextmanager
def sending(platform: Platform, identity: tuple[Path, Path]) -> Iterator[None]:
    """Have a device send at a steady rate, in a thread of its own."""
    stop = threading.Event()

    async def send() -> None:
        session = await open_session(platform.target, LIVE, platform.target.context(*identity))
        assert session.transport is not None
        topic = f"devices/{LIVE}/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8"
        begin, sent = time.monotonic(), 0
        while not stop.is_set():
            while sent < (time.monotonic() - begin) * RATE:
                sent += 1
                body = {"temperature": 20 + sent % 17 / 10, "pressure": sent % 113, "state": "ok", "valve": sent % 5}
                session.transport.write(encode_publish(topic, json.dumps(body).encode(), sent % 65_000 + 1))
            await asyncio.sleep(0.005)
        session.close()

    thread = threading.Thread(target=asyncio.run, args=(send(),))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def small_fleet(platform: Platform, folder: Path) -> Iterator[None]:
    """The demo's devices beside the many: so that every page has something to show."""
    with (folder / "fleet.log").open("ab") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "vedette.simulation"),
                *("--api-host", HOST, "--api-port", str(platform.ports["api"])),
                *("--token-file", str(platform.folder / "data" / "secrets" / "operator.token")),
                *("--host", HOST, "--port", str(platform.ports["gateway"])),
                *("--root", str(platform.endpoint.root), "--id-scope", platform.id_scope),
                *("--folder", str(folder / "fleet"), "--devices", str(FLEET)),
            ],
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for_fleet(platform, folder, process)
            yield
        finally:
            process.terminate()
            process.wait(20)


def _wait_for_fleet(platform: Platform, folder: Path, process: subprocess.Popen[bytes]) -> None:
    query = {"query": "SELECT COUNT() AS n FROM devices WHERE connectionState = 'Connected'"}
    end = time.monotonic() + 60
    while platform.call("POST", "/v1/query", json=query)["items"][0]["n"] < FLEET - 1:
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit((folder / "fleet.log").read_text()[-2000:])
        time.sleep(0.5)
    time.sleep(8)  # until one was refused, and one copied


def log_in(browser: Browser, platform: Platform) -> tuple[str, StorageState]:
    """Open a one-time link; return the console's address, and what the browser keeps."""
    told = subprocess.run(
        [
            *(sys.executable, "-m", "vedette.cli", "login-link"),
            *("--data", str(platform.folder / "data")),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"http\S+/login\?token=\S+", told)
    assert found, told
    context = browser.new_context()
    page = context.new_page()
    page.goto(found[0])
    page.get_by_role("button", name="Skip for now").click()
    page.get_by_role("heading", name="Overview").wait_for()
    state = context.storage_state()
    context.close()
    return found[0].partition("/login")[0], state


def percentile(values: list[float], share: float) -> float:
    """Return a percentile of unordered values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Watch:
    """Frames, long tasks and memory of a page while something goes on."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session: CDPSession = page.context.new_cdp_session(page)

    def heap_mb(self) -> float:
        """Return what scripts hold once the garbage is gone."""
        self._session.send("HeapProfiler.collectGarbage")
        return float(self._session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    def begin(self) -> None:
        """Look at every frame from now on."""
        self._page.evaluate(_WATCH)

    def end(self) -> dict[str, float]:
        """Return what was seen since the beginning."""
        seen = self._page.evaluate(_WATCHED)
        gaps: list[float] = seen["gaps"][1:]
        long: list[float] = seen["long"]
        dropped = sum(max(0, round(gap / FRAME_MS) - 1) for gap in gaps)
        return {
            "frames": len(gaps),
            "frame_p95_ms": percentile(gaps, 0.95),
            "frame_worst_ms": max(gaps),
            "frames_dropped_percent": 100 * dropped / (dropped + len(gaps)),
            "long_tasks": len(long),
            "long_task_worst_ms": max(long, default=0.0),
        }


def last_row(page: Page) -> int:
    """Return the number of the last row that is drawn."""
    found = page.evaluate(
        "() => Math.max(0, ...[...document.querySelectorAll('main [role=grid] .row')]"
        ".map((row) => Number(row.getAttribute('aria-rowindex'))))"
    )
    return int(found)


def open_list(page: Page, path: str) -> float:
    """Open a list; return the milliseconds until its first rows stand there."""
    begin = time.monotonic()
    page.goto(path)
    page.locator("main [role=grid] .row").first.wait_for()
    return (time.monotonic() - begin) * 1e3


def measure_list(page: Page, plan: ConsolePlan) -> dict[str, Any]:
    """Scroll through the list by wheel and by keyboard, and filter it."""
    found: dict[str, Any] = {}
    watch = Watch(page)
    for way in ("wheel", "keyboard"):
        open_list(page, "/devices")
        page.locator("main [role=grid]").focus()
        page.mouse.move(600, 500)
        heap = watch.heap_mb()
        watch.begin()
        end = time.monotonic() + plan.scroll_s
        while time.monotonic() < end:
            if way == "wheel":
                page.mouse.wheel(0, 2_000)
                page.wait_for_timeout(16)
            else:
                page.keyboard.press("PageDown")
        found[way] = watch.end() | {"rows": last_row(page), "heap_mb": heap, "heap_after_mb": watch.heap_mb()}
    for name, where in (
        ("tag, indexed", "tags.line = 'line-7'"),
        ("tag, not indexed", "tags.floor = 7"),
        ("prefix", "STARTSWITH(deviceId, 'sensor-07')"),
        ("site and state", "site = 'site-42' AND status = 'disabled'"),
        ("connected", "connectionState = 'Connected'"),
    ):
        page.goto("/people")
        page.goto("/devices")
        page.locator("main [role=grid] .row").first.wait_for()
        field = page.get_by_role("combobox", name="Filter")
        field.fill(where)
        page.keyboard.press("Escape")
        with page.expect_response(
            lambda answer: "/v1/query" in answer.url and answer.request.method == "POST"
        ) as counted:
            begin = time.monotonic()
            page.keyboard.press("Enter")
            with page.expect_response(lambda answer: "/v1/devices?" in answer.url and "where=" in answer.url) as listed:
                pass
            listed.value.finished()
            first_ms = (time.monotonic() - begin) * 1e3
        counted.value.finished()
        found[f"filter {name}"] = {"first_rows_ms": first_ms, "count_ms": (time.monotonic() - begin) * 1e3}
    return found


def measure_live(page: Page, platform: Platform, identity: tuple[Path, Path], plan: ConsolePlan) -> dict[str, Any]:
    """Watch a device that sends 200 messages a second."""
    watch = Watch(page)
    with sending(platform, identity):
        open_list(page, f"/devices/{LIVE}?tab=live")
        page.wait_for_timeout(12_000 if plan.live_s > 10 else 1_000)  # until as many rows are kept as ever will be
        heap = watch.heap_mb()
        watch.begin()
        page.wait_for_timeout(plan.live_s * 1_000)
        return watch.end() | {"heap_mb": heap, "heap_after_mb": watch.heap_mb()}


def measure_paint(
    browser: Browser, address: str, state: StorageState, pages: dict[str, tuple[str, str]], repetitions: int
) -> dict[str, Any]:
    """Open each page with an empty cache, then again."""
    found: dict[str, Any] = {}
    for name, (path, useful) in pages.items():
        samples: dict[str, list[float]] = {"contentful": [], "cold": [], "warm": []}
        for _ in range(repetitions):
            context = browser.new_context(base_url=address, storage_state=state)
            context.add_init_script(_NOTE_USEFUL % json.dumps(useful))
            cold, contentful = _useful_ms(context, path)
            warm, _ = _useful_ms(context, path)
            for kind, value in (("cold", cold), ("warm", warm), ("contentful", contentful)):
                samples[kind].append(value)
            context.close()
        found[name] = {kind: statistics.median(values) for kind, values in samples.items()}
        found[name]["worst"] = max(samples["cold"])
    return found


def _useful_ms(context: BrowserContext, path: str) -> tuple[float, float]:
    page = context.new_page()
    page.goto(path)
    useful = page.evaluate("window.useful")
    if not useful:
        raise SystemExit(f"{path} shows nothing of use:\n{page.locator('main').inner_html()[:2000]}")
    first = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
    page.close()
    return float(useful), float(first)


def measure_sizes() -> dict[str, tuple[int, int]]:
    """Return bytes of each file, and of the same compressed."""
    return {
        re.sub(r"-[\w-]{8}(?=\.)", "", path.name): (path.stat().st_size, len(gzip.compress(path.read_bytes(), 6)))
        for path in sorted(ASSETS.iterdir())
        if path.suffix in {".js", ".css"}
    }


def measure_all(folder: Path, plan: ConsolePlan) -> dict[str, Any]:
    """Measure everything."""
    figures: dict[str, Any] = {"machine": describe_machine(), "devices": plan.devices, "sizes": measure_sizes()}
    figures["seed_s"] = seed(folder, plan.devices)
    with running(folder) as platform, sync_playwright() as playwright:
        identity = make_live_device(platform, folder)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        address, state = log_in(browser, platform)
        context = browser.new_context(base_url=address, storage_state=state, viewport={"width": 1280, "height": 800})
        context.set_default_timeout(60_000)
        page = context.new_page()
        figures["list"] = measure_list(page, plan)
        figures["live"] = measure_live(page, platform, identity, plan)
        context.close()
        with small_fleet(platform, folder):
            figures["paint"] = measure_paint(browser, address, state, USEFUL, plan.repetitions)
        browser.close()
    return figures


def measure(*, is_quick: bool) -> dict[str, Any]:
    """Measure, and write the section of the page unless it was only tried."""
    plan = QUICK if is_quick else ConsolePlan()
    os.environ["VEDETTE_PKI__SYMMETRIC_KEYS"] = "true"  # two of the demo's devices have one
    with tempfile.TemporaryDirectory(prefix="vedette-bench-console-") as folder:
        figures = measure_all(Path(folder), plan)
    if not is_quick:
        from bench.console_report import write  # noqa: PLC0415 - only a full run is written down

        write(figures)
    return figures
