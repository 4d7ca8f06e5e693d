"""Questions to control that outlast its restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import msgspec

from vedette.bus import BusUnavailable, NoResponders
from vedette.kernel import Clock

T = TypeVar("T")

_PAUSE_S: Final = 0.2
_LEAST_S: Final = 0.05


class Control(Protocol):
    """The part of ``BusConnection`` that asks."""

    @property
    def is_connected(self) -> bool:  # noqa: D102 - see BusConnection
        ...

    async def call(  # noqa: D102 - see BusConnection
        self, service: str, request: msgspec.Struct, answer: type[T], *, timeout_s: float
    ) -> T: ...


async def ask_control(
    bus: Control,
    clock: Clock,
    service: str,
    request: msgspec.Struct,
    answer: type[T],
    *,
    timeout_s: float,
    may_repeat: bool,
    is_wanted: Callable[[], bool],
) -> T:
    """Ask, and ask again while nobody is there to answer.

    Args:
        bus: Where to.
        clock: Monotonic time.
        service: Such as ``READ_TWIN``.
        request: What is asked.
        answer: The type of the answer.
        timeout_s: How long to wait in all.
        may_repeat: Whether it may be asked again although the first time may have reached control.
        is_wanted: Whether anybody still waits for the answer; it is not asked again for nobody.

    Raises:
        Problem: What ``BusConnection.call`` raises, the last time.
    """
    deadline_s = clock.monotonic_s() + timeout_s
    while True:
        is_sent = bus.is_connected
        try:
            left_s = max(_LEAST_S, deadline_s - clock.monotonic_s())
            return await bus.call(service, request, answer, timeout_s=left_s)
        except (NoResponders, BusUnavailable) as problem:
            is_repeatable = may_repeat or not is_sent or isinstance(problem, NoResponders)
            if not is_repeatable or not is_wanted() or clock.monotonic_s() + _PAUSE_S >= deadline_s:
                raise
        await asyncio.sleep(_PAUSE_S)
        if not is_wanted():
            raise BusUnavailable("nobody waits for the answer any more")
