"""The demo's plant on stage: a sensor that is enrolled like any device, a day that it learns, and a takeover.

Nothing goes over a real network: the frames go through a pipe into ``vedette sensor run``, a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Final

from vedette.kernel import Clock, Deadline
from vedette.simulation.connection import Endpoint
from vedette.simulation.factory import Factory
from vedette.simulation.operator import MAKER, DemoFailed
from vedette.simulation.plant.day import habits
from vedette.simulation.plant.feed import Feed
from vedette.simulation.plant.frames import MS, S
from vedette.simulation.plant.people import SENSOR, Noticed, PlantOperator
from vedette.simulation.plant.stations import ENGINEERING
from vedette.simulation.plant.takeover import Act, story

log = logging.getLogger(__name__)

DAY_S: Final = 26 * 3_600
"""What is played before: a day and a little more, so that what repeats daily is learned."""
ENGINEERING_DEVICE: Final = "edge-2"
"""The demo's device that is the engineering station of the plant."""
_ENROLLING_S: Final = 60.0
_ENDING_S: Final = 6.0
_LOOK_S: Final = 0.02
_SETTLING_S: Final = 8.0
_PATIENCE_S: Final = 30.0
_LATE_S: Final = 4.0
"""How much later a scan is told than its first packet: it is looked at again when there was time to answer."""
_PAUSE_S: Final = 4.0
_FAILURES: Final = (DemoFailed, OSError, HTTPException, ValueError)

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantSettings:
    """Where everything is.

    Attributes:
        people: The operator.
        endpoint: The devices' door.
        factory: Folder of the demo's maker, which made the sensor too.
        folder: Keeps the sensor from run to run.
        console: Address of the console.
        command: What runs ``vedette`` on this platform.
        day_within_s: How fast the day is played.
        story_after_s: How long it is quiet after that.
    """

    people: PlantOperator
    endpoint: Endpoint
    id_scope: str
    factory: Path
    folder: Path
    console: str
    command: str = "vedette"
    day_within_s: float = 30.0
    story_after_s: float = 15.0


class Stage:
    """Runs the plant.

    Args:
        settings: Where everything is.
        clock: Source of time.
        tell: Takes one line for a person.
        on_ready: Called once, when the sensor listens.
    """

    def __init__(self, settings: PlantSettings, clock: Clock, tell: Tell, on_ready: Callable[[], None]) -> None:
        self._settings: Final = settings
        self._people: Final = settings.people
        self._clock: Final = clock
        self._tell: Final = tell
        self._on_ready: Final = on_ready
        self._config: Final = settings.folder / "sensor.toml"
        self._learned: Final = settings.folder / "learned"

    async def run(self) -> None:
        """Play until cancelled.

        Raises:
            DemoFailed: The API refused a step, or the sensor ended.
        """
        await self.prepare()
        async with self.sensor() as process:
            assert process.stdin is not None  # noqa: S101 - asked for below
            feed = Feed(process.stdin, self._clock)
            self._on_ready()
            try:
                await self._play(feed)
            except OSError:
                raise DemoFailed("vedette sensor run", 0, "the sensor has ended; the lines before tell why") from None

    async def _play(self, feed: Feed) -> None:
        is_new = not self._learned.exists()
        begin_ns = feed.now_ns - DAY_S * S if is_new else feed.now_ns
        for habit in habits(begin_ns):
            feed.add(habit)
        if is_new:
            within_s = self._settings.day_within_s
            self._tell(f"a quiet day of the plant, {DAY_S // 3_600} hours, is played to its sensor in {within_s:.0f} s")
            await feed.catch_up(within_s)
            self._learned.touch()
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell_story(feed, is_new=is_new), name="story")
            try:
                await feed.run()
            finally:
                telling.cancel()

    async def prepare(self) -> None:
        """Make the sensor a device of the platform; what an earlier run has made stays."""
        settings = self._settings
        settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._learned.exists():
            # A day that broke off is played from its beginning.
            (settings.folder / "sensor" / "baseline-stdin.state").unlink(missing_ok=True)
        if not (settings.folder / "enrolled").exists():
            await self._enroll()
            (settings.folder / "enrolled").touch()
        await asyncio.to_thread(self._people.register_sensor)
        await asyncio.to_thread(self._people.import_advisory)

    async def _enroll(self) -> None:
        settings = self._settings
        factory = await asyncio.to_thread(Factory.open, MAKER, self._clock, settings.factory)
        certificate, key = factory.make_device(SENSOR).write(settings.folder, "factory")
        self._config.unlink(missing_ok=True)
        arguments = (
            "enroll", SENSOR, "--config", str(self._config), "--host", settings.endpoint.host,
            "--port", str(settings.endpoint.port), "--id-scope", settings.id_scope,
            "--root", str(settings.endpoint.root), "--certificate", str(certificate), "--key", str(key),
        )  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vedette.sensor", *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with Deadline(_ENROLLING_S):
                said, _ = await process.communicate()
        finally:
            await _end(process)
        if process.returncode != 0:
            raise DemoFailed("vedette sensor enroll", 0, said.decode(errors="replace").strip())

    @asynccontextmanager
    async def sensor(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run the sensor; it ends with the pipe, and so with this process whatever happens to it."""
        with (self._settings.folder / "sensor.log").open("wb") as said:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "vedette.sensor", "run", "-i", "-", "--config", str(self._config),
                stdin=asyncio.subprocess.PIPE, stdout=said, stderr=said,
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.stdin is not None:
                process.stdin.close()
            await _end(process)

    async def _tell_story(self, feed: Feed, *, is_new: bool) -> None:
        """Wait for what the day was worth, then let it happen."""
        people, settings = self._people, self._settings
        is_matched = None
        for _ in range(int(_PATIENCE_S)):
            with contextlib.suppress(*_FAILURES):
                is_matched = await asyncio.to_thread(people.match, ENGINEERING, ENGINEERING_DEVICE)
            if is_matched is not None:
                break
            await asyncio.sleep(1)
        if is_new:
            await asyncio.sleep(_SETTLING_S)
        with contextlib.suppress(*_FAILURES):
            assets, alerts = await asyncio.to_thread(people.count_assets), await asyncio.to_thread(people.count_alerts)
            said = "its day is learned, from here on time is real" if is_new else "it goes on where it was"
            self._tell(f"{said}: {assets} assets, {alerts} alerts")
        if is_matched:
            self._tell(f"its engineering station {ENGINEERING.address} is the device {ENGINEERING_DEVICE}")
        await asyncio.sleep(settings.story_after_s)
        number = int(self._clock.now().timestamp())
        for act in story(number):
            self._tell(act.sentence)
            try:
                await self._perform(feed, act)
            except _FAILURES as failure:
                # The platform is stopping, or was busy; the story goes on.
                log.warning("an act of the story was not followed", extra={"act": act.name, "reason": str(failure)})
            await asyncio.sleep(_PAUSE_S)
        self._tell("that was the story; the plant goes on")

    async def _perform(self, feed: Feed, act: Act) -> None:
        """Play an act, and tell what was noticed of it and how fast."""
        at_ns = feed.now_ns + 5 * MS
        was_narrowed = bool(act.rules) and await asyncio.to_thread(self._people.is_narrowed, ENGINEERING_DEVICE)
        feed.add(act.frames(at_ns))
        if not act.rules:
            return
        noticed = await self._noticed(act, at_ns)
        if noticed is None:
            self._tell(f"  … and no alert came within {_PATIENCE_S:.0f} s")
            return
        seen_s = (feed.now_ns - noticed.last_ns) / S
        technique = f" ({noticed.technique})" if noticed.technique else ""
        self._tell(f"  {noticed.severity} alert{technique}, {seen_s:.2f} s after the packet: {noticed.title}")
        if act.name == "upload":
            await self._tell_narrowed(at_ns, was_narrowed=was_narrowed)
        if act.name == "stop":
            self._offer(noticed)

    async def _noticed(self, act: Act, at_ns: int) -> Noticed | None:
        """Wait for the first alert about an act."""
        until_s = self._clock.monotonic_s() + _PATIENCE_S
        while self._clock.monotonic_s() < until_s:
            for rule in sorted(act.rules):
                found = await asyncio.to_thread(self._people.noticed, rule, at_ns)
                if found is not None:
                    return found
            await asyncio.sleep(_LOOK_S)
        return None

    async def _tell_narrowed(self, at_ns: int, *, was_narrowed: bool) -> None:
        if was_narrowed:
            self._tell(f"  {ENGINEERING_DEVICE} is still in its limited zone from before")
            return
        until_s = self._clock.monotonic_s() + _LATE_S
        while self._clock.monotonic_s() < until_s:
            found_ns = await asyncio.to_thread(self._people.narrowed_ns, ENGINEERING_DEVICE, at_ns)
            if found_ns is not None:
                took_s = (found_ns - at_ns) / S
                self._tell(f"  {ENGINEERING_DEVICE} is in its limited zone {took_s:.2f} s after the packet")
                return
            await asyncio.sleep(_LOOK_S)
        self._tell(f"  {ENGINEERING_DEVICE} was not narrowed: is it connected?")

    def _offer(self, noticed: Noticed) -> None:
        """Say what an operator may do now; nothing of it happens by itself."""
        command, console = self._settings.command, self._settings.console
        self._tell(f"what was seen, with its packets: {console}/alerts/{noticed.alert_id}")
        self._tell(f"  or: {command} alert show {noticed.alert_id}")
        self._tell("the cut is yours:")
        self._tell(f"  {command} quarantine put {ENGINEERING_DEVICE} --mode cut --reason 'taken over'")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let a process say its last words; a patience that ends kills it."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with Deadline(_ENDING_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
