"""``vedette sensor``, which also works where only the bare distribution is installed: ``python -m vedette.sensor``."""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import stat
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, Self

from vedette.kernel import Clock, Problem, SystemClock, escape_terminal, to_rfc3339
from vedette.sensor.baseline import BaselineProblem, add_baseline, add_options, run_baseline, settings_of
from vedette.sensor.baseline import Settings as BaselineSettings
from vedette.sensor.capture import CaptureProblem, open_source
from vedette.sensor.inputs import EVE, ZEEK, LogInput
from vedette.sensor.recognize import add_recognizing, open_model, recognizing
from vedette.sensor.rules import RULES, Settings, read_settings
from vedette.sensor.second_opinion import add_second_opinion, ask_again
from vedette.sensor.sensor import Sensor
from vedette.sensor.summary import as_document, as_tables, moment
from vedette.sensor.uplink_settings import Enrolling

if TYPE_CHECKING:
    from vedette.sensor.uplink_command import FileSending

DONE: Final = 0
FAILED: Final = 1
INTERRUPTED: Final = 130
_BATCH_TIMEOUT_S: Final = 0.2
_FOLLOW_PAUSE_S: Final = 0.2


def read_files(
    paths: Sequence[Path],
    *,
    is_json: bool = False,
    zeek: Path | None = None,
    send_as: Path | None = None,
    rules: Path | None = None,
    baseline: BaselineSettings | None = None,
    model: Path | None = None,
) -> int:
    """Read capture files as one, print the report; answer the exit code: 1 if a file was damaged, or not all was sent.

    An interrupt ends reading: what was read until then is reported.

    Args:
        paths: Captures.
        is_json: Whether to print JSON.
        zeek: A directory for logs.
        send_as: Settings of an enrolled sensor: its platform is told what the files hold.
        rules: A file that changes the catalogue of rules.
        baseline: How what is usual is learned; a day, in memory, by default.
        model: Types of devices that ``train`` learned.

    Raises:
        CaptureProblem: A file can't be opened, or is no capture.
        Problem: Nothing could be sent, or the file of rules says something that is not understood.
    """
    for path in paths:
        _look_at(path)
    spare_the_collector()
    sending = _file_sending(send_as) if send_as is not None else None
    sensor = Sensor(
        [sending.listener] if sending is not None else [],
        rules=_settings(rules),
        baseline=baseline or BaselineSettings(),
        types=open_model(model) if model is not None else None,
        zeek=zeek,
    )
    if sending is not None:
        sending.reporter.attach(sensor)
    with _Stop() as stop:
        for path in paths:
            if stop.is_asked:
                sensor.damages[str(path)] = "interrupted"
            else:
                sensor.read_file(path, lambda: stop.is_asked)
    code = _conclude(sensor, is_json=is_json)
    is_sent = sending is None or sending.send(_tell)
    return code if is_sent else FAILED


def _look_at(path: Path) -> None:
    """See that a file can be read, before others are read for an hour; a pipe can be opened but once."""
    try:
        if stat.S_ISREG(path.stat().st_mode) or path.is_dir():
            path.open("rb").close()
    except OSError as error:
        hint = "name the files in it" if path.is_dir() else "give the path of a capture file"
        raise CaptureProblem(f"{path}: {error.strerror}", hint=hint) from None


def _conclude(sensor: Sensor, *, is_json: bool) -> int:
    """Close and print; answer the exit code. What can't be written is told, and keeps nothing else back."""
    failures = []
    try:
        sensor.finish()
    except BaselineProblem as problem:
        failures.append(f"what was learned is not kept: {problem}")
    _print(sensor, is_json=is_json)
    if sensor.zeek is not None and sensor.zeek.failure:
        failures.append(f"the logs end early: {sensor.zeek.failure}")
    for failure in failures:
        _tell(f"vedette sensor: {failure}")
    return FAILED if sensor.damages or failures else DONE


def listen(
    interface: str,
    *,
    for_s: float | None = None,
    is_json: bool = False,
    zeek: Path | None = None,
    rules: Path | None = None,
    baseline: BaselineSettings | None = None,
    model: Path | None = None,
    clock: Clock | None = None,
) -> int:
    """Listen until interrupted, or for some time, then print the report; alerts are printed as they come.

    Args:
        interface: Its name; ``-`` for a capture that is written to standard input; the path of a named pipe.
        for_s: How long.
        is_json: One JSON document in place of tables.
        zeek: A directory for logs.
        rules: A file that changes the catalogue of rules.
        baseline: How what is usual is learned; a day, in memory, by default.
        model: Types of devices that ``train`` learned.
        clock: Source of time.

    Raises:
        CaptureProblem: No such interface, or no right to listen; or what is written is no capture.
        RulesProblem: The file of rules says something that is not understood.
        InvalidModel: The file is no model of types.
    """
    clock = clock or SystemClock()
    spare_the_collector()
    sensor = Sensor(
        rules=_settings(rules),
        baseline=baseline or BaselineSettings(),
        types=open_model(model) if model is not None else None,
        zeek=zeek,
    )
    told = 0
    stop = _Stop()
    with open_source(interface, clock) as capture, stop:
        _tell(f"Listening on {interface}; interrupt to see the report.")
        until_s = clock.monotonic_s() + for_s if for_s is not None else None
        while not (stop.is_asked or capture.is_over) and (until_s is None or clock.monotonic_s() < until_s):
            before = sensor.engine.counters.packets
            sensor.read(capture.batch(_BATCH_TIMEOUT_S))
            if sensor.engine.counters.packets == before:
                _idle(sensor, capture.now_ns(clock))
            for alert in sensor.report.alerts[told:]:
                _tell(f"{to_rfc3339(clock.now())}  {alert.severity}  {alert.title}")
            told = len(sensor.report.alerts)
        sensor.packets_dropped = capture.drops().dropped
        if capture.damage:
            sensor.damages[interface] = capture.damage
    return _conclude(sensor, is_json=is_json)


def _idle(sensor: Sensor, now_ns: int) -> None:
    if now_ns:
        sensor.engine.idle(now_ns)


def read_logs(
    paths: Sequence[Path],
    *,
    form: str = "",
    must_follow: bool = False,
    is_json: bool = False,
    zeek: Path | None = None,
    rules: Path | None = None,
) -> int:
    """Read logs of Zeek or Suricata in place of packets, print the same report; answer the exit code.

    Args:
        paths: Files, or folders of them.
        form: ``zeek`` or ``eve``; empty: the first records tell.
        must_follow: Go on with what is added, until interrupted; alerts are printed as they come.
        is_json: One JSON document in place of tables.
        zeek: A directory for logs in Zeek's form.
        rules: A file that changes the catalogue of rules.

    Raises:
        LogProblem: A path is not there, there is no log, or it is of neither form.
    """
    spare_the_collector()
    sensor = Sensor(zeek=zeek, rules=_settings(rules))
    source = LogInput(sensor, paths, form)
    if not must_follow:
        source.read()
    else:
        with _Stop() as stop:
            source.follow(lambda: _pause(sensor, stop))
    return _conclude(sensor, is_json=is_json)


def _pause(sensor: Sensor, stop: _Stop) -> bool:
    """Wait a little for more lines; tell whether to go on."""
    for alert in sensor.report.alerts[stop.told :]:
        _tell(f"{moment(alert.at_ns)}  {alert.severity}  {alert.title}")
    stop.told = len(sensor.report.alerts)
    if not stop.is_asked:
        threading.Event().wait(_FOLLOW_PAUSE_S)
    return not stop.is_asked


def _settings(rules: Path | None) -> Settings | None:
    return read_settings(rules, RULES) if rules is not None else None


def _file_sending(config: Path) -> FileSending:
    from vedette.sensor.uplink_command import FileSending  # noqa: PLC0415 - only who sends needs it

    return FileSending(config)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line without the server's dependencies; return the exit code."""
    parser = argparse.ArgumentParser(prog="vedette sensor", description="See what has no agent; sends nothing.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    read = verbs.add_parser("read", help="read capture files: pcap, pcapng, also with gzip")
    read.add_argument("files", nargs="+", type=Path)
    read.add_argument("--send-as", type=Path, metavar="FILE", help="settings of a sensor; its platform is told")
    run = verbs.add_parser("run", help="listen on an interface, or to a capture that is written to a pipe")
    run.add_argument("-i", "--interface", action="append", default=[], help="- for standard input")
    run.add_argument("--config", type=Path, metavar="FILE", help="settings of a sensor; its platform is told")
    run.add_argument("--for", dest="for_s", type=float, help="seconds; until interrupted by default")
    for verb in (read, run):
        verb.add_argument("--output", choices=("table", "json"), default="table")
        verb.add_argument("--zeek", type=Path, metavar="DIRECTORY", help="write logs there as Zeek does")
        add_options(verb)
        verb.add_argument("--model", type=Path, metavar="FILE", help="types of devices that train learned")
        verb.add_argument("--rules", type=Path, metavar="FILE", help="changes the catalogue of rules; TOML")
    _add_enroll(verbs.add_parser("enroll", help="become a device of a platform"))
    add_recognizing(verbs)
    add_baseline(verbs)
    add_second_opinion(verbs)
    logs = verbs.add_parser("read-logs", help="read logs of Zeek (JSON) or Suricata (EVE) in place of packets")
    logs.add_argument("paths", nargs="+", type=Path, help="logs, or folders of them")
    logs.add_argument("--form", choices=(ZEEK, EVE), default="", help="whose; else the first records tell")
    logs.add_argument("--follow", dest="must_follow", action="store_true", help="go on with what is added")
    logs.add_argument("--output", choices=("table", "json"), default="table")
    logs.add_argument("--zeek", type=Path, metavar="DIRECTORY", help="write logs there as Zeek does")
    logs.add_argument("--rules", type=Path, metavar="FILE", help="changes the catalogue of rules; TOML")
    chosen = parser.parse_args(arguments)
    try:
        return _act(chosen)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Problem as problem:
        _tell(f"vedette sensor: {problem}")
        return FAILED


def _add_enroll(enroll: argparse.ArgumentParser) -> None:
    enroll.add_argument("name", nargs="?", default="", help="registration id of a new sensor")
    enroll.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings; made if not there")
    enroll.add_argument("--anchor", type=Path, metavar="FILE", help="the platform's public/trust-anchor.json")
    enroll.add_argument("--host", default="")
    enroll.add_argument("--port", type=int, default=8883)
    enroll.add_argument("--id-scope", default="")
    enroll.add_argument("--root", type=Path, metavar="FILE")
    enroll.add_argument("--certificate", type=Path, metavar="FILE", help="onboarding certificate of its maker")
    enroll.add_argument("--key", type=Path, metavar="FILE")
    enroll.add_argument("--key-file", type=Path, metavar="FILE", help="the enrollment's symmetric key, base64")
    enroll.add_argument("--wait", dest="must_wait", action="store_true", help="ask until the platform lets it in")


def _act(chosen: argparse.Namespace) -> int:
    if chosen.verb == "enroll":
        return enroll(Enrolling(**{name: value for name, value in vars(chosen).items() if name != "verb"}))
    if chosen.verb in {"train", "classify"}:
        return recognizing(chosen)
    if chosen.verb == "baseline":
        return run_baseline(chosen)
    is_json = chosen.output == "json"
    if chosen.verb == "second-opinion":
        return ask_again(chosen.files, is_json=is_json)
    if chosen.verb == "read-logs":
        return read_logs(
            chosen.paths, form=chosen.form, must_follow=chosen.must_follow, is_json=is_json, zeek=chosen.zeek,
            rules=chosen.rules,
        )  # fmt: skip
    baseline = settings_of(
        chosen.baseline, learn_for_s=chosen.learn_for_s, is_enforced=chosen.enforce, exceptions=chosen.exceptions
    )
    if chosen.verb == "read":
        return read_files(
            chosen.files, is_json=is_json, zeek=chosen.zeek, send_as=chosen.send_as, rules=chosen.rules,
            baseline=baseline, model=chosen.model,
        )  # fmt: skip
    return run(
        chosen.interface, config=chosen.config, for_s=chosen.for_s, is_json=is_json, zeek=chosen.zeek,
        rules=chosen.rules, baseline=baseline, model=chosen.model,
    )  # fmt: skip


def enroll(told: Enrolling) -> int:
    """Make this sensor a device of a platform; answer the exit code.

    Raises:
        Problem: Settings are missing or wrong, or no identity can be read or kept.
    """
    from vedette.sensor.uplink_command import enroll_sensor  # noqa: PLC0415 - only who sends needs it

    return enroll_sensor(told, _tell)


def run(
    interfaces: Sequence[str],
    *,
    config: Path | None = None,
    for_s: float | None = None,
    is_json: bool = False,
    zeek: Path | None = None,
    rules: Path | None = None,
    baseline: BaselineSettings | None = None,
    model: Path | None = None,
) -> int:
    """Listen: with settings, tell the platform of it; without, print a report of the one interface in the end.

    Raises:
        Problem: Nothing can be heard, or the settings say something that can't be.
    """
    if config is not None:
        from vedette.sensor.uplink_command import run_with_platform  # noqa: PLC0415 - only who sends needs it

        if zeek is not None:
            raise CaptureProblem("--zeek is for a sensor without a platform", hint="leave out --config or --zeek")
        if rules is not None:
            raise CaptureProblem("--rules is for a sensor without a platform", hint="name the file in its settings")
        if model is not None:
            raise CaptureProblem("--model is for a sensor without a platform", hint="name the file in its settings")
        if baseline is not None and baseline.path is not None:
            raise CaptureProblem("--baseline is for a sensor without a platform", hint="set [baseline] in its settings")
        return run_with_platform(config, list(interfaces), for_s=for_s)
    if len(interfaces) != 1:
        raise CaptureProblem("give one interface with -i", hint="several need --config, a platform to tell")
    return listen(interfaces[0], for_s=for_s, is_json=is_json, zeek=zeek, rules=rules, baseline=baseline, model=model)


def spare_the_collector() -> None:
    """Leave it to the engine to look for cycles, among what is new only: flows are cut loose by hand.

    A search among all that is kept would stop the sensor for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


class _Stop:
    """Ends the loop at the next chance when the process is interrupted or terminated."""

    def __init__(self) -> None:
        self.is_asked = False
        self.told = 0
        """Alerts that were printed."""
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def __enter__(self) -> Self:
        for number in self._before:
            signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_asked:  # whoever asks twice wants no report
            raise KeyboardInterrupt
        self.is_asked = True


def _print(sensor: Sensor, *, is_json: bool) -> None:
    try:
        sys.stdout.write(json.dumps(as_document(sensor), indent=2) + "\n" if is_json else as_tables(sensor))
        sys.stdout.flush()
    except BrokenPipeError:  # `head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise CaptureProblem(f"the report can't be written: {error.strerror}", hint="is the disk full?") from None


def _tell(text: str) -> None:
    sys.stderr.write(escape_terminal(text) + "\n")
    sys.stderr.flush()
