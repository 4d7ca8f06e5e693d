"""What can go wrong around signals."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidSignal(Problem):
    """A signal that is outside its limits."""

    code: ClassVar[str] = "health.invalid_signal"
    status: ClassVar[int] = 422


class SignalNotFound(Problem):
    """No signal of that id stands."""

    code: ClassVar[str] = "health.signal_not_found"
    status: ClassVar[int] = 404


class TooManySignals(Problem):
    """An identity has all the signals it may have, and each of them weighs at least as much as the new one."""

    code: ClassVar[str] = "health.too_many_signals"
    status: ClassVar[int] = 409
