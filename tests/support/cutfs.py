"""A filesystem that forgets what was not synced, to simulate a power cut.

Mounted by FUSE over two folders: ``volatile`` is what programs see, ``durable`` what would be on the platter. A write
touches only the first; ``fsync`` and ``fdatasync`` copy the file's dirty ranges, its size and its name to the second;
``fsync`` of a folder copies its names. Cutting the power means to kill everything and to look at ``durable``.

It is stricter than ext4 with its defaults: nothing reaches the disk by itself, and no order is kept between files.

Run with absolute paths: ``python cutfs.py VOLATILE DURABLE MOUNTPOINT``
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import mfusepy as fuse


class CutFilesystem(fuse.Operations):  # type: ignore[misc] # the library has no types
    """Passes everything through to ``volatile`` and remembers what is dirty."""

    use_ns = True

    def __init__(self, volatile: str, durable: str) -> None:
        self._volatile = volatile
        self._durable = durable
        self._lock = threading.RLock()
        # inode of the volatile file -> list of dirty [start, stop) ranges; the durable copy is kept per inode.
        self._dirty: dict[int, list[tuple[int, int]]] = {}
        self._store = Path(durable, ".inodes")
        self._store.mkdir(exist_ok=True)

    def _path(self, path: str) -> str:
        return self._volatile + path

    # --- what programs see -------------------------------------------------------------------------------------
    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        found = os.lstat(self._path(path))
        names = (
            "st_atime_ns",
            "st_ctime_ns",
            "st_mtime_ns",
            "st_gid",
            "st_mode",
            "st_nlink",
            "st_size",
            "st_uid",
            "st_ino",
        )
        values = {name: getattr(found, name) for name in names}
        return {name.removesuffix("_ns"): value for name, value in values.items()}

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *os.listdir(self._path(path))]

    def access(self, path: str, amode: int) -> int:
        if not os.access(self._path(path), amode):
            raise fuse.FuseOSError(errno.EACCES)
        return 0

    def chmod(self, path: str, mode: int) -> int:
        os.chmod(self._path(path), mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        os.chown(self._path(path), uid, gid)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        if times is None:
            os.utime(self._path(path))
        else:
            os.utime(self._path(path), ns=times)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        found = os.statvfs(self._path(path))
        names = (
            "f_bavail",
            "f_bfree",
            "f_blocks",
            "f_bsize",
            "f_favail",
            "f_ffree",
            "f_files",
            "f_frsize",
            "f_namemax",
        )
        return {name: getattr(found, name) for name in names}

    def mkdir(self, path: str, mode: int) -> int:
        os.mkdir(self._path(path), mode)
        # Folders are durable at once: losing them is not what is tested, and it keeps the model small.
        os.makedirs(self._durable + path, mode, exist_ok=True)
        return 0

    def rmdir(self, path: str) -> int:
        os.rmdir(self._path(path))
        return 0

    def mknod(self, path: str, mode: int, dev: int) -> int:
        os.mknod(self._path(path), mode, dev)
        return 0

    def symlink(self, target: str, source: str) -> int:
        os.symlink(source, self._path(target))
        return 0

    def readlink(self, path: str) -> str:
        return os.readlink(self._path(path))

    def link(self, target: str, source: str) -> int:
        os.link(self._path(source), self._path(target))
        return 0

    def unlink(self, path: str) -> int:
        os.unlink(self._path(path))
        return 0

    def rename(self, old: str, new: str) -> int:
        os.rename(self._path(old), self._path(new))
        return 0

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        handle = os.open(self._path(path), os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode)
        self._mark(os.fstat(handle).st_ino, 0, 0)
        return handle

    def open(self, path: str, flags: int) -> int:
        return os.open(self._path(path), flags & ~os.O_APPEND)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        with self._lock:
            written = os.pwrite(fh, data, offset)
            self._mark(os.fstat(fh).st_ino, offset, offset + written)
        return written

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        with self._lock:
            os.truncate(self._path(path), length)
            self._mark(os.stat(self._path(path)).st_ino, length, length)
        return 0

    def flush(self, path: str, fh: int) -> int:
        return 0

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0

    # --- what survives -----------------------------------------------------------------------------------------
    def fsync(self, path: str, datasync: int, fh: int) -> int:
        with self._lock:
            self._persist_data(fh)
            self._persist_name(path, os.fstat(fh).st_ino)
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        with self._lock:
            here, there = self._path(path), self._durable + path
            names = set(os.listdir(here))
            for name in names:
                found = os.lstat(os.path.join(here, name))
                if stat.S_ISREG(found.st_mode):
                    self._persist_name(os.path.join(path, name), found.st_ino)
            for name in set(os.listdir(there)) - names - {".inodes"}:
                target = os.path.join(there, name)
                if not os.path.isdir(target):
                    os.unlink(target)
        return 0

    def _mark(self, inode: int, start: int, stop: int) -> None:
        self._dirty.setdefault(inode, []).append((start, stop))

    def _persist_data(self, fh: int) -> None:
        found = os.fstat(fh)
        ranges = self._dirty.pop(found.st_ino, [])
        target = os.open(self._store / str(found.st_ino), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            for start, stop in ranges:
                length = min(stop, found.st_size) - start
                if length > 0:
                    os.pwrite(target, os.pread(fh, length, start), start)
            os.ftruncate(target, found.st_size)
            os.fchmod(target, stat.S_IMODE(found.st_mode))
        finally:
            os.close(target)

    def _persist_name(self, path: str, inode: int) -> None:
        """Give the durable content its name; a file whose data was never synced appears empty."""
        content, name = self._store / str(inode), self._durable + path
        if not content.exists():
            content.touch(mode=0o600)
        if os.path.exists(name) and os.stat(name).st_ino == content.stat().st_ino:
            return
        os.makedirs(os.path.dirname(name), exist_ok=True)
        temporary = f"{name}.cutfs"
        os.link(content, temporary)
        os.replace(temporary, name)


def main() -> None:
    volatile, durable, mountpoint = sys.argv[1:4]
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    fuse.FUSE(CutFilesystem(volatile, durable), mountpoint, foreground=True, allow_other=False, nothreads=False)


if __name__ == "__main__":
    main()
