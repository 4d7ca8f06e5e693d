"""Alerts that the platform lets a sensor hold back: they stay here, and are counted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import msgspec

from vedette.protocols.sensor import EXCEPTIONS_KEY, HeldBack, read_exceptions, write_exceptions
from vedette.sensor.alerts import Alert

FILE_NAME: Final = "exceptions.json"
_MAX_BYTES: Final = 256 * 1024
_MS: Final = 1_000_000


class HoldingBack:
    """Tells which alerts stay here; what the file says is read again when it changes.

    Args:
        path: Kept by the process that talks with the platform.
    """

    __slots__ = ("_items", "_path", "_seen")

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._items: tuple[HeldBack, ...] = ()
        self._seen: tuple[int, int] = (0, 0)

    def look(self) -> None:
        """Read the file if it is another one; without one, nothing is held back."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - Path.stat costs three times as much
            mark = found.st_mtime_ns, found.st_size
            if mark == self._seen:
                return
            content = self._path.read_bytes() if found.st_size <= _MAX_BYTES else b""
        except OSError:
            mark, content = (0, 0), b""
        self._seen = mark
        try:
            self._items = read_exceptions(msgspec.json.decode(content)) if content else ()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._items = ()

    def held_by(self, alert: Alert) -> str | None:
        """Return the name of the exception by which an alert stays here, as far as it has one; None: it goes."""
        at_ms = max(alert.at_ns, alert.last_ns) // _MS
        for each in self._items:
            if each.holds(
                rule=alert.rule,
                engine=alert.engine,
                severity=alert.severity,
                source=alert.source,
                target=alert.target,
                key=alert.key,
                at_ms=at_ms,
            ):
                return each.name
        return None


def keep_exceptions(path: Path, twin: bytes) -> bool:
    """Keep what the platform's answer to a twin request says; answer whether it is anything new.

    Raises:
        OSError: It can't be written.
    """
    try:
        read: Any = msgspec.json.decode(twin)  # Any: JSON
        told = read["desired"].get(EXCEPTIONS_KEY)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError, AttributeError):
        return False
    items = read_exceptions(told)
    content = msgspec.json.encode(write_exceptions(items))
    if (path.read_bytes() == content) if path.exists() else not items:
        return False
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)
    return True
