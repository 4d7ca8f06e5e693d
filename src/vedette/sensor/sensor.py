"""The whole sensor in one object: engine, inventory, report, and whatever else listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from vedette.sensor.alerts import RaiseAlert
from vedette.sensor.assets import Assets
from vedette.sensor.baseline import Baseline, Told
from vedette.sensor.baseline import Settings as BaselineSettings
from vedette.sensor.capture import CaptureFile, CaptureProblem, Packet
from vedette.sensor.dissect import PROTOCOLS, Protocol
from vedette.sensor.engine import Engine, Limits
from vedette.sensor.identify import Identifier
from vedette.sensor.listener import Listener
from vedette.sensor.oui import Makers
from vedette.sensor.recognize import LearnedTypes, Recognizer, TypeModel
from vedette.sensor.report import Report
from vedette.sensor.rules import Rules, Settings
from vedette.sensor.zeek import ZeekLogs

MakeListener = Callable[[Assets, RaiseAlert], Listener]
"""Makes a listener of one's own, a rule for example, that may look at the inventory and raise alerts."""


class Sensor:
    """Reads packets and keeps inventory and report.

    Args:
        listeners: Makers of further listeners: rules, baselines, exporters.
        rules: What the operator changed in the catalogue of rules.
        baseline: How what is usual is learned; None: it is not.
        has_rules: Whether the rules that hold from the first packet are heard at all.
        types: A learned model that says what type devices are, beside what is built in.
        zeek: A directory for logs in Zeek's form.
        makers: Tells makers from MAC addresses.
        protocols: The catalogue.
        limits: Bounds on memory.
    """

    def __init__(
        self,
        listeners: Iterable[MakeListener] = (),
        *,
        rules: Settings | None = None,
        baseline: BaselineSettings | None = None,
        has_rules: bool = True,
        types: TypeModel | None = None,
        zeek: Path | None = None,
        makers: Makers | None = None,
        protocols: Iterable[Protocol] = PROTOCOLS,
        limits: Limits | None = None,
    ) -> None:
        catalogue = tuple(protocols)
        limits = limits or Limits()
        self.assets: Final = Assets(makers, max_assets=limits.max_assets)
        self.report: Final = Report(self.assets, Identifier(catalogue))
        self.zeek: Final = ZeekLogs(zeek, self.assets) if zeek is not None else None
        self.recognizer: Final = Recognizer(self.assets)
        heard_by: list[Listener] = [self.assets, self.report, self.recognizer]
        self.types: Final = LearnedTypes(types, self.assets) if types is not None else None
        if self.types is not None:
            heard_by.append(self.types)
        if self.zeek is not None:
            heard_by.append(self.zeek)
        told = Told(self.report.raise_alert)
        if has_rules:
            heard_by.append(Rules(self.assets, told.raise_alert, rules))
        self.baseline: Final = (
            Baseline(self.report.raise_alert, self.assets, baseline, told) if baseline is not None else None
        )
        if self.baseline is not None:
            heard_by.append(self.baseline)
        heard_by += [make(self.assets, self.report.raise_alert) for make in listeners]
        self.engine: Final = Engine(heard_by, protocols=catalogue, limits=limits)
        self.damages: Final[dict[str, str]] = {}
        """Files that could not be read to their end → why."""
        self.not_read: Final[dict[str, int]] = {}
        """Counts of what could not be read of something else than packets, by reason."""
        self.packets_dropped = 0
        """By whoever captured, as far as that is known."""

    def read(self, packets: Iterable[Packet]) -> None:
        """Read packets; nothing that they hold raises."""
        self.engine.read(packets if self.types is None else self.types.watch(packets))

    def read_file(self, path: Path, is_over: Callable[[], bool] | None = None) -> None:
        """Read a capture file; damage ends it early and is noted.

        Args:
            path: The file.
            is_over: Asked now and then: whether to end here.

        Raises:
            CaptureProblem: The file can't be opened, or is no capture.
        """
        try:
            source = path.open("rb")
        except OSError as error:
            raise CaptureProblem(f"{path}: {error.strerror}", hint="give the path of a capture file") from None
        with source:
            capture = CaptureFile(source, is_over=is_over)
            try:
                self.read(capture)
            except CaptureProblem as problem:
                raise CaptureProblem(f"{path}: {problem.detail}", hint=problem.hint) from None
        self.packets_dropped += capture.packets_dropped
        if capture.damage:
            self.damages[str(path)] = capture.damage

    def finish(self) -> None:
        """Close every flow, and the logs; keep the baseline.

        Raises:
            BaselineProblem: It can't be written.
        """
        self.engine.finish()
        self.recognizer.conclude()
        if self.types is not None:
            self.types.conclude()
        if self.zeek is not None:
            for alert in self.report.alerts:
                self.zeek.alert(alert)
            self.zeek.close()
        if self.baseline is not None:
            self.baseline.save()
