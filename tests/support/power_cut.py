"""A folder whose power can be cut: what was not synced is gone.

It is a FUSE filesystem (``cutfs.py`` beside this file), stricter than ext4: nothing reaches the disk by itself, and no
order is kept between files. Where FUSE is not to be had the tests that need it are skipped, and say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

CUTFS = Path(__file__).with_name("cutfs.py")


def missing() -> str:
    """Say what keeps us from mounting, or nothing."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "a simulated power cut needs /dev/fuse"
    return "" if shutil.which("fusermount3") else "a simulated power cut needs the package fuse3"


class PowerCutFolder:
    """A mounted folder; ``path`` is what programs use, ``cut`` tells what is left of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mounted"
        self._durable = folder / "durable"
        for each in (self.path, self._durable, folder / "volatile"):
            each.mkdir(parents=True)
        command = [sys.executable, str(CUTFS), str(folder / "volatile"), str(self._durable), str(self.path)]
        self._process: subprocess.Popen[bytes] | None = subprocess.Popen(command)
        deadline_s = time.monotonic() + 60
        while not os.path.ismount(self.path):
            if time.monotonic() > deadline_s or self._process.poll() is not None:
                self.close()
                raise RuntimeError("the filesystem could not be mounted")
            time.sleep(0.02)

    def cut(self) -> Path:
        """Return the folder as it is after the power came back; whoever wrote into ``path`` has been killed."""
        self.close()
        return self._durable

    def close(self) -> None:
        """Unmount."""
        if self._process is not None:
            subprocess.run(["fusermount3", "-u", "-z", str(self.path)], check=False)
            self._process.kill()
            self._process.wait()
            self._process = None
