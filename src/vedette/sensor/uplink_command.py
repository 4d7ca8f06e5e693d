"""The verbs of ``vedette sensor`` that speak with a platform: enroll, run with settings, send what a capture holds."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from vedette.kernel import Clock, RandomIds, SystemClock, escape_terminal
from vedette.protocols.sensor import Record
from vedette.sensor.alerts import RaiseAlert
from vedette.sensor.assets import Assets
from vedette.sensor.capture import source_name
from vedette.sensor.enrolling import (
    ONBOARDING,
    OPERATIONAL,
    EnrollmentFailed,
    IdentityFiles,
    make_onboarding,
    register,
    take_onboarding,
)
from vedette.sensor.sending import Reporter
from vedette.sensor.sending_capture import resident_bytes, version
from vedette.sensor.sending_frames import split
from vedette.sensor.spool import Spool
from vedette.sensor.uplink_connection import Cut, Refused
from vedette.sensor.uplink_run import Keeper, only_one, run_sensor, send_what_waits
from vedette.sensor.uplink_settings import (
    Enrolling,
    PlatformSettings,
    SensorSettings,
    SettingsProblem,
    is_interface,
    read_settings,
    write_settings,
)
from vedette.trust import read_trust_anchor

DONE: Final = 0
FAILED: Final = 1
_ASK_AGAIN_S: Final = 15.0
_SENDING_S: Final = 300.0
_TOO_LITTLE: Final = "give --anchor, the platform's public/trust-anchor.json, or --host, --id-scope and --root"


def enroll_sensor(told: Enrolling, tell: Callable[[str], None], clock: Clock | None = None) -> int:
    """Make the sensor a device of its platform; answer the exit code.

    Raises:
        SettingsProblem: Settings are missing or wrong.
        EnrollmentFailed: An identity can't be read or kept.
        SensorBusy: The sensor runs.
    """
    clock = clock or SystemClock()
    if not told.config.exists():
        write_settings(told.config, _first_settings(told))
        tell(f"wrote {told.config}")
    settings = read_settings(told.config)
    files = IdentityFiles(settings.state)
    with only_one(settings.state):
        symmetric_key = _read_key(told.key_file) if told.key_file is not None else None
        if told.certificate is not None or told.key is not None:
            if told.certificate is None or told.key is None:
                raise SettingsProblem("--certificate and --key belong together")
            take_onboarding(files, told.certificate, told.key)
        if symmetric_key is None and not files.has(ONBOARDING):
            _show_onboarding(make_onboarding(files, settings.name, clock), settings, tell)
        return asyncio.run(_register(settings, files, clock, symmetric_key, tell, must_wait=told.must_wait))


def run_with_platform(
    config: Path, interfaces: list[str], *, for_s: float | None = None, clock: Clock | None = None
) -> int:
    """Listen and send until interrupted; answer the exit code.

    Raises:
        SettingsProblem: Settings are missing or wrong, or name no interface.
        CaptureFailed: An interface can't be listened to.
        EnrollmentFailed: The sensor has not enrolled.
        SensorBusy: Another one runs.
        SpoolProblem: The buffer can't be used.
    """
    settings = read_settings(config)
    chosen = tuple(dict.fromkeys(interfaces or settings.interfaces))
    if not chosen:
        raise SettingsProblem(f"{config}: no interface to listen on", hint="set interfaces, or give -i")
    if wrong := [name for name in chosen if not is_interface(name)]:
        raise SettingsProblem(f"{wrong[0]!r} is no interface's name", hint="ip link shows the interfaces")
    if len(set(map(source_name, chosen))) < len(chosen):
        raise SettingsProblem("two sources have the same name", hint="what is learned at each is kept under its name")
    log_to_stderr()
    with only_one(settings.state):
        asyncio.run(run_sensor(settings, config.absolute(), chosen, clock or SystemClock(), for_s=for_s))
    return DONE


class FileSending:
    """Sends what capture files held, once they were read.

    Args:
        config: The sensor's settings.

    Raises:
        SettingsProblem: They are missing or wrong.
    """

    def __init__(self, config: Path, clock: Clock | None = None) -> None:
        self._settings: Final = read_settings(config)
        self._clock: Final = clock or SystemClock()
        self._boot: Final = RandomIds(self._clock).new("boot")
        self.reporter: Final = Reporter(self._boot)

    def listener(self, _assets: Assets, _raise_alert: RaiseAlert) -> Reporter:
        """Return the reporter, as a sensor asks for its listeners."""
        return self.reporter

    def send(self, tell: Callable[[str], None]) -> bool:
        """Keep everything on disk and send it; answer whether all of it was taken. What was not goes out next time.

        Raises:
            SensorBusy: The sensor runs.
            EnrollmentFailed: It has not enrolled.
            SpoolProblem: The buffer can't be used.
        """
        log_to_stderr()
        settings = self._settings
        IdentityFiles(settings.state).leaf(OPERATIONAL)
        with only_one(settings.state):
            spool = Spool(settings.state / "spool", max_bytes=settings.buffer_bytes)
            keeper = Keeper(spool, self._boot)
            for group, _ in split(self._records()):
                keeper.keep([group])
            count = spool.waiting
            is_sent = asyncio.run(send_what_waits(settings, spool, self._clock, within_s=_SENDING_S))
            spool.close()
        if keeper.lost:
            tell(f"{keeper.lost} records did not fit into the buffer: set buffer_mib higher")
        tell(f"{count - spool.waiting} records sent" + ("" if is_sent else f", {spool.waiting} wait for the next time"))
        return is_sent and not keeper.lost

    def _records(self) -> Iterator[Record]:
        reporter = self.reporter
        yield from reporter.raised()
        yield from chain.from_iterable(reporter.assets())
        yield from chain.from_iterable(reporter.totals())
        yield reporter.status(
            at_ms=int(self._clock.now().timestamp() * 1_000),
            interface="files",
            version=version(),
            resident_bytes=resident_bytes(),
            lost=0,
        )


def log_to_stderr() -> None:
    """Show what happens on standard error, with its facts, for a terminal or a journal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger("vedette")
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)


class _Lines(logging.Formatter):
    """One line for an event: its message, then what the code said of it."""

    _USUAL: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}

    def format(self, record: logging.LogRecord) -> str:
        facts = {name: value for name, value in record.__dict__.items() if name not in self._USUAL and value != ""}
        told = "".join(f", {name}: {value}" for name, value in facts.items())
        return escape_terminal(f"vedette sensor: {record.getMessage()}{told}")


async def _register(
    settings: SensorSettings,
    files: IdentityFiles,
    clock: Clock,
    symmetric_key: str | None,
    tell: Callable[[str], None],
    *,
    must_wait: bool,
) -> int:
    said = ""
    while True:
        try:
            device_id = await register(settings, files, clock, symmetric_key=symmetric_key)
        except (Refused, Cut, EnrollmentFailed) as problem:
            if str(problem) != said:
                said = str(problem)
                tell(f"not enrolled: {said}")
            if not must_wait:
                return FAILED
            await asyncio.sleep(_ASK_AGAIN_S)
        else:
            tell(f"enrolled as {device_id}; its certificate is in {files.path(OPERATIONAL)}")
            tell(f"on the platform: vedette sensor register {device_id}")
            return DONE


def _first_settings(told: Enrolling) -> SensorSettings:
    if not told.name:
        raise SettingsProblem("a new sensor needs a name", hint="vedette sensor enroll NAME --config FILE")
    folder = told.config.absolute().parent
    if told.anchor is not None:
        anchor = read_trust_anchor(told.anchor)
        root = folder / f"{told.config.stem}-root.pem"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            root.write_text(anchor.root_certificate, encoding="utf-8")
        except OSError as error:
            raise SettingsProblem(f"{root}: {error.strerror}") from None
        platform = PlatformSettings(
            host=told.host or anchor.hostnames[0], id_scope=anchor.id_scope, root=Path(root.name), port=told.port
        )
    elif told.host and told.id_scope and told.root is not None:
        platform = PlatformSettings(host=told.host, id_scope=told.id_scope, root=told.root.absolute(), port=told.port)
    else:
        raise SettingsProblem("the platform is not known", hint=_TOO_LITTLE)
    return SensorSettings(name=told.name, platform=platform, state=Path(told.config.stem))


def _show_onboarding(certificate: Path, settings: SensorSettings, tell: Callable[[str], None]) -> None:
    tell(f"made an onboarding identity; its certificate is {certificate}")
    tell("let it in on the platform, then run this again:")
    tell(f"  vedette enrollment create-individual {settings.name} --certificate {certificate.name}")


def _read_key(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsProblem(f"{path}: {getattr(error, 'strerror', None) or 'holds no key'}") from None
