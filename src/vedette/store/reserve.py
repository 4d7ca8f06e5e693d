"""Space set aside, so that a full disk still lets a device be cut off."""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)


class DiskReserve:
    """A file of allocated blocks beside the database, given back to the disk when it is full.

    While it is released, only restricting changes may be written: anything else would eat the space they live on.
    It is made again once twice its size is free, so that it never flaps at the edge.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def is_held(self) -> bool:
        """Tell whether the space is set aside now."""
        try:
            return self._path.stat().st_size >= self._size_bytes
        except FileNotFoundError:
            return False

    def hold(self) -> bool:
        """Set the space aside unless it is; return whether it is held now."""
        if self.is_held():
            return True
        filesystem = os.statvfs(self._path.parent)
        if filesystem.f_bavail * filesystem.f_frsize < 2 * self._size_bytes:
            return False
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size_bytes)
            os.fsync(descriptor)
        except OSError:
            self.release()
            return False
        finally:
            os.close(descriptor)
        return True

    def release(self) -> bool:
        """Give the space back to the disk; return whether there was any."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        log.error("disk full: reserved space released for restricting changes", extra={"size_bytes": self._size_bytes})
        return True
