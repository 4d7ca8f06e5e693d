"""From captures to devices with their windows; each capture by itself, since addresses change from one to the next."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from vedette.kernel import escape_terminal
from vedette.sensor.assets import Asset, Assets
from vedette.sensor.capture import CaptureProblem, read_capture
from vedette.sensor.engine import Engine
from vedette.sensor.model import Attribute, Role
from vedette.sensor.oui import Makers
from vedette.sensor.recognize.observer import MAX_WINDOWS, WINDOW_S, Observer, Window
from vedette.sensor.recognize.recognizer import Recognizer

CAPTURES_MAX: Final = 100_000
_SUFFIXES: Final = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".cap.gz")
_PROGRESS_FROM: Final = 20
_LEAST_SHARE: Final = 0.5
"""Of the packets of the busiest; whoever has fewer is not what a capture is about."""


class Device(msgspec.Struct, frozen=True):
    """One device in one capture."""

    capture: Path
    asset: Asset
    windows: list[Window]
    is_subject: bool
    """Whether the capture is about it."""

    @property
    def address(self) -> str:
        """How to call it: its MAC address, or the first of its IP addresses."""
        return min(self.asset.macs or self.asset.ips or {""})


def captures_in(paths: Sequence[Path]) -> list[Path]:
    """Return files, and the captures in folders and their subfolders, in order of their names."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(each for each in path.rglob("*") if each.is_file() and _is_capture(each.name))
        else:
            found.append(path)
    return found[:CAPTURES_MAX]


def _is_capture(name: str) -> bool:
    """Tell a capture by its name; what begins with a dot is some system's own."""
    return not name.startswith(".") and name.lower().endswith(_SUFFIXES)


def devices_of(
    captures: Sequence[Path], *, window_s: int = WINDOW_S, max_windows: int = MAX_WINDOWS
) -> Iterator[tuple[int, Device]]:
    """Yield the devices of many captures, with the number of their capture; say on standard error how far it is.

    What can't be read is named and left out.

    Raises:
        CaptureProblem: None of them can be read.
    """
    makers = Makers()
    failed = 0
    for number, capture in enumerate(captures):
        try:
            devices = list(devices_in(capture, makers=makers, window_s=window_s, max_windows=max_windows))
        except CaptureProblem as problem:
            failed += 1
            if failed == len(captures):
                raise
            sys.stderr.write(escape_terminal(f"{capture} is left out: {problem.detail}") + "\n")
            continue
        for device in devices:
            yield number, device
        if len(captures) >= _PROGRESS_FROM and (number + 1) % max(len(captures) // 10, 1) == 0:
            sys.stderr.write(f"{number + 1} of {len(captures)} captures read\n")


def devices_in(
    capture: Path, *, makers: Makers | None = None, window_s: int = WINDOW_S, max_windows: int = MAX_WINDOWS
) -> Iterator[Device]:
    """Yield the devices of a capture that sent anything.

    Raises:
        CaptureProblem: The file can't be opened, or is no capture.
    """
    assets = Assets(makers)
    observer = Observer(window_s=window_s, max_windows=max_windows)
    engine = Engine([assets, observer, Recognizer(assets)])
    engine.read(observer.watch(read_capture(capture)))
    engine.finish()
    found = [(asset, windows) for asset, windows in observer.windows(assets) if any(each.sent for each in windows)]
    subject = _subject(found)
    for asset, windows in found:
        yield Device(capture, asset, windows, asset is subject)


def _subject(found: list[tuple[Asset, list[Window]]]) -> Asset | None:
    """Return whom a capture is about: who takes part in most packets, and rather no router or server."""
    if not found:
        return None
    parts = {asset.number: sum(each.sent + each.received for each in windows) for asset, windows in found}
    most = max(parts.values())
    near = [(asset, windows) for asset, windows in found if parts[asset.number] >= most * _LEAST_SHARE]

    def rank(pair: tuple[Asset, list[Window]]) -> tuple[int, int]:
        asset, windows = pair
        roles = set(asset.values(Attribute.ROLE))
        asks = any("dhcp" in word.partition("=")[0] for each in windows for word in each.words)
        serves = bool(roles & {Role.ROUTER, Role.SERVER})
        return (int(asks) * 2 - int(serves) * 2, parts[asset.number])

    return max(near, key=rank)[0]
