"""Stands between ``vedette up`` and each of its processes: gives it other addresses and another time, then becomes it.

Called in place of the interpreter: ``child_launcher.py FOLDER -P -m vedette.app ROLE …``. In FOLDER, ``detours.json``
holds what to change in a process's settings, ``clock-NAME`` by how many seconds its wall clock is off, and a process
does not begin while there is ``hold-NAME``.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

OFFSET = struct.Struct("d")


def main(folder: Path, arguments: list[str]) -> int:
    own = arguments[arguments.index("vedette.app") + 1 :]
    if own[0] == "exec":
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - it becomes the process it stands for
    at = next(number for number, argument in enumerate(own) if argument.startswith("--settings="))
    settings = Path(own[at].partition("=")[2])
    own[at] = f"--settings={_detoured(folder, settings)}"
    while (folder / f"hold-{settings.stem}").exists():
        time.sleep(0.05)
    _shift_clock(folder / f"clock-{settings.stem}")
    from vedette.app.__main__ import main as serve

    return serve(own)


def _detoured(folder: Path, settings: Path) -> Path:
    """Write the settings with their changes elsewhere; return where."""
    told = json.loads(settings.read_text())
    changes = json.loads((folder / "detours.json").read_text()).get(settings.stem, {})
    for name, value in changes.items():
        section, _, key = name.rpartition(".")
        (told[section] if section else told)[key] = value
    changed = folder / f"settings-{settings.name}"
    changed.write_text(json.dumps(told))
    return changed


def _shift_clock(path: Path) -> None:
    """Let the wall clock of this process be off by what stands in a file; it may change at any time."""
    from vedette.kernel import SystemClock

    if not path.exists():
        path.write_bytes(OFFSET.pack(0.0))
    with path.open("rb") as file:
        offset = mmap.mmap(file.fileno(), OFFSET.size, access=mmap.ACCESS_READ)
    honest: Callable[[SystemClock], datetime] = SystemClock.now

    def now(self: SystemClock) -> datetime:
        return honest(self) + timedelta(seconds=OFFSET.unpack_from(offset)[0])

    SystemClock.now = now  # type: ignore[method-assign] # what this file is for


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
