"""Fairness: work done in slices, and how much of it one source may ask for.

A burst of handshakes must not keep the event loop from a revocation: work that costs CPU is done for a few
milliseconds, then the loop looks at its sockets again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from vedette.gateway.settings import SessionSettings
from vedette.kernel import Clock

log = logging.getLogger(__name__)

_IPV6_SITE_BITS: Final = 64
# Slowed down again within it, a device has not calmed down.
_CALM_S: Final = 10.0


class PacedQueue:
    """Runs pieces of work in order, for at most ``slice_s`` in one turn of the event loop.

    The bound of the queue is its callers': each connection has at most one piece of work in it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock, slice_s: float) -> None:
        self._loop = loop
        self._clock = clock
        self._slice_s = slice_s
        self._work: deque[Callable[[], None]] = deque()
        self._spent_s = 0.0
        self._is_turn_due = False

    def __len__(self) -> int:
        """How many pieces wait."""
        return len(self._work)

    def run(self, work: Callable[[], None]) -> bool:
        """Do the work now if this turn has time left and nothing waits, else queue it.

        Returns:
            Whether it was done now.
        """
        if self._work or self._spent_s >= self._slice_s:
            self._work.append(work)
            self._end_turn_later()
            return False
        self._do(work)
        self._end_turn_later()
        return True

    def _do(self, work: Callable[[], None]) -> None:
        started_s = self._clock.monotonic_s()
        work()
        self._spent_s += self._clock.monotonic_s() - started_s

    def _end_turn_later(self) -> None:
        if not self._is_turn_due:
            self._is_turn_due = True
            self._loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._is_turn_due = False
        self._spent_s = 0.0
        while self._work and self._spent_s < self._slice_s:
            self._do(self._work.popleft())
        if self._work:
            self._end_turn_later()


class TokenBucket:
    """A rate with a burst. Taking may go into debt, which is how long the taker has to wait."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated_s")

    def __init__(self, rate_per_s: float, burst: float, now_s: float) -> None:
        self._rate = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._updated_s = now_s

    def take(self, count: float, now_s: float) -> float:
        """Take tokens, into debt if need be, and return for how many seconds the debt lasts; 0 for none."""
        tokens = self._tokens + (now_s - self._updated_s) * self._rate
        tokens = min(tokens, self._burst) - count
        self._tokens = tokens
        self._updated_s = now_s
        return 0.0 if tokens >= 0 else -tokens / self._rate

    def try_take(self, count: float, now_s: float) -> bool:
        """Take tokens if there are enough."""
        tokens = min(self._burst, self._tokens + (now_s - self._updated_s) * self._rate)
        self._updated_s = now_s
        self._tokens = tokens
        if tokens < count:
            return False
        self._tokens = tokens - count
        return True


class DeviceRate:
    """Messages and bytes of one device: how long it has to wait, and whether it has waited too often."""

    __slots__ = ("_bytes", "_messages", "_settings", "_throttled_at_s", "_updated_s", "_waited_s")

    def __init__(self, settings: SessionSettings, now_s: float) -> None:
        self._settings = settings
        self._messages: float = settings.messages_burst
        self._bytes: float = settings.bytes_burst
        self._updated_s = now_s
        self._waited_s = 0.0
        self._throttled_at_s = 0.0

    def take(self, size: int, now_s: float) -> float:
        """Count a message and return for how many seconds reading should pause.

        Both buckets in one call, which every message makes.
        """
        settings = self._settings
        elapsed_s = now_s - self._updated_s
        self._updated_s = now_s
        messages = self._messages + elapsed_s * settings.messages_per_s
        if messages > settings.messages_burst:  # noqa: PLR1730 - a call less for every message
            messages = settings.messages_burst
        size_bytes = self._bytes + elapsed_s * settings.bytes_per_s
        if size_bytes > settings.bytes_burst:  # noqa: PLR1730 - same
            size_bytes = settings.bytes_burst
        self._messages = messages = messages - 1
        self._bytes = size_bytes = size_bytes - size
        if messages >= 0 and size_bytes >= 0:
            return 0.0
        return max(-messages / settings.messages_per_s, -size_bytes / settings.bytes_per_s)

    def is_exhausted(self, wait_s: float, now_s: float) -> bool:
        """Count a pause; whether the device has been slowed down for longer than is borne."""
        if now_s - self._throttled_at_s > _CALM_S:
            self._waited_s = 0.0
        self._throttled_at_s = now_s
        self._waited_s += wait_s
        return self._waited_s > self._settings.throttle_most_s


class SourceRates:
    """A token bucket per source, for a bounded number of sources; the one unused for longest is forgotten first."""

    def __init__(self, rate_per_s: float, burst: float, *, max_sources: int = 16_384) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._max_sources = max_sources
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        """How many sources are remembered."""
        return len(self._buckets)

    def try_take(self, source: str, now_s: float) -> bool:
        """Take one token of a source if it has one."""
        bucket = self._buckets.get(source)
        if bucket is None:
            if len(self._buckets) >= self._max_sources:
                self._buckets.popitem(last=False)
            bucket = self._buckets[source] = TokenBucket(self._rate_per_s, self._burst, now_s)
        else:
            self._buckets.move_to_end(source)
        return bucket.try_take(1, now_s)


def source_of(address: str) -> str:
    """Return whom an address belongs to for limits: itself for IPv4, its /64 network for IPv6."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, _IPV6_SITE_BITS), strict=False))
