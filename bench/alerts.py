"""How fast a packet becomes an alert, and narrows the device behind it: ``python -m bench.alerts``.

A demo's platform without its plant; a real sensor process, enrolled and registered; each time an engineering station
stops another controller, and what was said of it is taken back before the next time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

from bench.section import replace
from bench.vedette_platform import describe_machine

from vedette.kernel import SystemClock
from vedette.simulation import Endpoint, Operator
from vedette.simulation.plant import Connection, Feed, Frame, PlantSettings, Stage, Station, habits
from vedette.simulation.plant import industrial as ot
from vedette.simulation.plant.frames import MS, S
from vedette.simulation.plant.people import PlantOperator
from vedette.simulation.plant.stage import ENGINEERING_DEVICE
from vedette.simulation.plant.stations import ENGINEERING

ADDRESS: Final = "127.0.204.1"
API_PORT: Final = 28_480
BUS_PORT: Final = 28_422
START_S: Final = 120
WAIT_S: Final = 30.0


def main() -> None:
    """Measure, print a table, and put it into its section of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--try", dest="is_tried", action="store_true", help="leave the page as it is")
    given = parser.parse_args()
    machine = describe_machine()
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder, _platform(Path(folder)) as (operator, scope):
        rows = asyncio.run(_measure(Path(folder), operator, scope, given.times))
    lines = ["| from the packet to | times | median | p99 | most |", "|---|---|---|---|---|"]
    for name, found in zip(("alert", "narrowed"), zip(*rows, strict=True), strict=True):
        ordered = sorted(found)
        high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        median = statistics.median(ordered)
        lines.append(f"| {name} | {len(ordered)} | {median:.0f} ms | {high:.0f} ms | {ordered[-1]:.0f} ms |")
    text = "\n".join([*lines, "", machine])
    sys.stdout.write(text + "\n")
    if not given.is_tried:
        replace("alerts", text)


@contextmanager
def _platform(folder: Path) -> Iterator[tuple[Operator, str]]:
    """Run a platform with a few devices."""
    environment = {
        **os.environ, "VEDETTE_SERVER__HOSTNAME": ADDRESS, "VEDETTE_SERVER__BIND": ADDRESS,
        "VEDETTE_API__PORT": str(API_PORT), "VEDETTE_BUS__PORT": str(BUS_PORT),
    }  # fmt: skip
    command = [sys.executable, "-m", "vedette.cli", "demo", "--no-plant", "--devices", "8", "--data", str(folder / "d")]
    shown = folder / "shown.txt"
    with shown.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process:
        try:
            until_s = time.monotonic() + START_S
            while "/login?token=" not in (told := shown.read_text()):
                if time.monotonic() > until_s or process.poll() is not None:
                    raise SystemExit(told)
                time.sleep(0.2)
            scope = next(line.split()[-1] for line in told.splitlines() if line.strip().startswith("ID scope"))
            token = (folder / "d" / "secrets" / "operator.token").read_text().strip()
            yield Operator("127.0.0.1", API_PORT, token), scope
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


async def _measure(folder: Path, operator: Operator, scope: str, times: int) -> list[tuple[float, float]]:
    people = PlantOperator(operator)
    settings = PlantSettings(
        people=people,
        endpoint=Endpoint(ADDRESS, 8883, folder / "d" / "public" / "root.pem"),
        id_scope=scope,
        factory=folder / "d" / "demo" / "maker",
        folder=folder / "plant",
        console="",
    )
    clock = SystemClock()
    stage = Stage(settings, clock, print, lambda: None)
    await stage.prepare()
    async with stage.sensor() as process, asyncio.TaskGroup() as group:
        assert process.stdin is not None
        feed = Feed(process.stdin, clock)
        for habit in habits(feed.now_ns):
            feed.add(habit)
        playing = group.create_task(feed.run(), name="feed")
        while not await asyncio.to_thread(people.match, ENGINEERING, ENGINEERING_DEVICE):
            await asyncio.sleep(0.5)
        rows = [await _once(feed, operator, people, number) for number in range(times)]
        playing.cancel()
    return rows


async def _once(feed: Feed, operator: Operator, people: PlantOperator, number: int) -> tuple[float, float]:
    """Stop one controller; return the milliseconds until the alert stood, and until the device was narrowed."""
    at_ns = feed.now_ns + 50 * MS
    address = IPv4Address("10.20.9.1") + number
    feed.add(_stop(at_ns, Station("", address.packed, bytes.fromhex("28633620") + number.to_bytes(2, "big")), number))
    stop_ns = at_ns + 40 * MS
    alert = await _until(lambda: _alert(operator, str(address)))
    narrowed_ns: int = await _until(lambda: people.narrowed_ns(ENGINEERING_DEVICE, at_ns))
    received_ns = int(datetime.fromisoformat(alert["received_at"]).timestamp() * 1_000) * MS
    back = {"verdict": "false-positive", "reason": "measured", "gives_back": True}
    await asyncio.to_thread(operator.call, "POST", f"/v1/alerts/{alert['alert_id']}/close", back)
    await _until(lambda: not people.is_narrowed(ENGINEERING_DEVICE) or None)
    return (received_ns - stop_ns) / MS, (narrowed_ns - stop_ns) / MS


def _stop(at_ns: int, controller: Station, number: int) -> list[Frame]:
    connection = Connection(ENGINEERING, controller, ot.S7_PORT, 60_000 + number)
    frames = connection.open(at_ns)
    frames += connection.ask(at_ns + 10 * MS, *ot.s7_connect(kind=1, slot=1))
    frames += connection.ask(at_ns + 20 * MS, *ot.S7_SETUP)
    return [*frames, *connection.ask(at_ns + 40 * MS, *ot.s7_stop(3)), *connection.close(at_ns + S)]


def _alert(operator: Operator, address: str) -> Any:  # Any: JSON
    found = operator.call("GET", f"/v1/alerts?rule=ot.controller_stop&address={address}")["items"]
    return found[0] if found else None


async def _until(look: Any) -> Any:  # Any: whatever is looked for
    """Look again and again until there is something."""
    async with asyncio.timeout(WAIT_S):
        while True:
            found = await asyncio.to_thread(look)
            if found is not None:
                return found
            await asyncio.sleep(0.03)


if __name__ == "__main__":
    main()
