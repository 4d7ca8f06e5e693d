"""What happens to the demo's devices, told in sentences: one line for each step that somebody would want to see."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from vedette.kernel import Clock

_SENTENCES: Final = {
    "registering": "registers with its factory certificate",
    "registered": "received an operational certificate of its own",
    "connected": "is connected and sends telemetry",
    "cut": "was cut off",
    "refused": "was refused",
    "interrupted": "lost its connection and tries again",
    "silent": "hears nothing and connects anew",
    "renewed": "renewed its certificate",
    "renewal refused": "was refused a new certificate",
    "told": "follows new desired properties",
    "called": "carries out a direct method",
    "commanded": "takes a command",
    "answered no": "was told no by the hub",
    "gave up": "gave up",
}
_REPEATS: Final = 2
_REPEATS_WITHIN_S: Final = 30.0
# What a device is told says more than our word for it.
_WITH_DETAIL: Final = frozenset(
    {"cut", "refused", "interrupted", "renewal refused", "told", "called", "commanded", "answered no"}
)


class Story:
    """Tells what devices report, and notices when all of them have arrived.

    Args:
        devices: How many there are.
        tell: Takes one line.
        on_complete: Called once, when every device is connected.
        clock: Two that displace each other would fill the screen: what repeats within seconds is told a few times only.
    """

    def __init__(
        self, devices: int, tell: Callable[[str], None], on_complete: Callable[[], None], *, clock: Clock
    ) -> None:
        self._missing = devices
        self._tell = tell
        self._on_complete = on_complete
        self._arrived: set[str] = set()
        self._last: dict[str, str] = {}
        self._clock = clock
        self._told: dict[tuple[str, str], deque[float]] = {}
        self._is_complete = False

    def report(self, device: str, state: str, detail: str) -> None:
        """Take a device's word of state; the same one again and again is told once."""
        sentence = _SENTENCES.get(state)
        if sentence is not None and self._last.get(device) != f"{state} {detail}":
            self._last[device] = f"{state} {detail}"
            if not self._is_repeating(device, state):
                self._tell(f"  {device:<15} {sentence}" + (f": {detail}" if state in _WITH_DETAIL and detail else ""))
        if state == "connected":
            self._arrived.add(device)
            if len(self._arrived) >= self._missing:
                self.stop_waiting()

    def _is_repeating(self, device: str, state: str) -> bool:
        times = self._told.setdefault((device, state), deque(maxlen=_REPEATS))
        now_s = self._clock.monotonic_s()
        is_repeating = len(times) == _REPEATS and now_s - times[0] < _REPEATS_WITHIN_S
        times.append(now_s)
        return is_repeating

    def stop_waiting(self) -> None:
        """Say that the fleet is as complete as it gets."""
        if not self._is_complete:
            self._is_complete = True
            self._on_complete()
