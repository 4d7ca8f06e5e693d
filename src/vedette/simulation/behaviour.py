"""What a simulated device does when the hub asks: it follows desired properties and answers a few direct methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from vedette.kernel import Clock

FIRMWARE: Final = "2.4.1"
INTERVAL_MIN_S: Final = 0.1
INTERVAL_MAX_S: Final = 3600.0
_DONE: Final = 200
_BAD: Final = 400
_UNKNOWN: Final = 404


class Machine:
    """A made-up machine: how often it measures, whether it runs, and how long already.

    Args:
        interval_s: Between two measurements, until desired otherwise.
        clock: For the uptime.
        report: Called with a word of state and details.
    """

    def __init__(self, interval_s: float, clock: Clock, report: Callable[[str, str], None]) -> None:
        self.interval_s = interval_s
        self.is_running = True
        self._usual_s = interval_s
        self._clock = clock
        self._since_s = clock.monotonic_s()
        self._report = report

    def status(self) -> dict[str, Any]:  # Any: JSON
        """Return what it reports of itself."""
        return {"firmware": {"version": FIRMWARE}, "running": self.is_running, "intervalSeconds": self.interval_s}

    def desired(self, patch: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON
        """Take ``intervalSeconds`` and ``running``; everything else is somebody else's business."""
        if "intervalSeconds" in patch:
            wanted = patch["intervalSeconds"]
            if wanted is None:
                self.interval_s = self._usual_s
            elif isinstance(wanted, int | float) and INTERVAL_MIN_S <= wanted <= INTERVAL_MAX_S:
                self.interval_s = float(wanted)
        if isinstance(patch.get("running"), bool):
            self.is_running = patch["running"]
        if patch:
            self._report("told", ", ".join(sorted(patch))[:200])
        return self.status()

    def method(self, name: str, payload: Any) -> tuple[int, Any]:  # Any: JSON
        """Answer ``ping``, ``status``, ``start`` and ``stop``."""
        self._report("called", name[:80])
        match name:
            case "ping":
                return _DONE, {"uptimeSeconds": round(self._clock.monotonic_s() - self._since_s, 1), "echo": payload}
            case "status":
                return _DONE, self.status()
            case "start" | "stop":
                if payload not in (None, {}):
                    return _BAD, {"message": f"{name} takes no payload"}
                self.is_running = name == "start"
                return _DONE, self.status()
        return _UNKNOWN, {"message": "there is no such method", "methods": ["ping", "start", "status", "stop"]}

    def command(self, body: bytes, bag: str, *, is_again: bool) -> None:
        """Take note of a command."""
        del bag
        self._report("commanded", body.decode(errors="replace")[:80] + (" (again)" if is_again else ""))
