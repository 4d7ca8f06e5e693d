"""The live sessions of one gateway: one per identity, decided again at each change, cut when no longer permitted."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from vedette.bus.contract import Enforced, SessionOpened
from vedette.gateway.settings import SessionSettings
from vedette.kernel import Clock
from vedette.trust import HINTS, STALE_AFTER_S, FailureMode, PostureRecord, PostureView, Reason

log = logging.getLogger(__name__)

NANOSECONDS: Final = 1_000_000_000
KEEP_ALIVE_TIMEOUT: Final = "keep_alive_timeout"
_MAX_DAMPED: Final = 16_384


class LiveSession(Protocol):
    """An open session of an identity."""

    generation_id: str
    session_id: str
    opened_at_ms: int
    name: tuple[str, str | None]
    record: PostureRecord
    valid_until_s: float | None

    @property
    def deadline_s(self) -> float | None:
        """When to end for silence, monotonic."""
        ...

    def decide_again(self, record: PostureRecord | None, received_s: float | None) -> bool:
        """Decide by a newer record, or by the same one when its answer has ended; whether the session goes on."""
        ...

    def refresh_deadline(self) -> None:
        """Count the rest of the decision's validity again from the wall clock."""
        ...

    def cut(self, reason: str, hint: str = "") -> None:
        """Close at once: no longer permitted."""
        ...

    def displace(self) -> None:
        """Close: another connection took over."""
        ...

    def fall_silent(self) -> None:
        """Close: nothing was heard within the keep alive."""
        ...

    def stop(self) -> None:
        """Close: the gateway is stopping."""
        ...


class SessionTable:
    """Sessions by generation id.

    Args:
        settings: Damping of take-overs, and what a clock that jumps may do.
        view: Whether records are stale.
        clock: Both times.
        enforced: Hears of each change applied.
    """

    def __init__(
        self, settings: SessionSettings, view: PostureView, clock: Clock, enforced: Callable[[Enforced], None]
    ) -> None:
        self._settings = settings
        self._view = view
        self._clock = clock
        self._enforced = enforced
        self._sessions: dict[str, LiveSession] = {}
        self._takeovers: dict[tuple[str, str | None], deque[float]] = {}
        self._stale_since_s: float | None = None
        self._wall = clock.now()
        self._monotonic_s = clock.monotonic_s()
        self._clock_held_until_s: float | None = None

    def __len__(self) -> int:
        """How many sessions are live."""
        return len(self._sessions)

    def get(self, generation_id: str) -> LiveSession | None:
        """Return the live session of an identity."""
        return self._sessions.get(generation_id)

    # --- opening and closing ------------------------------------------------------------------------------------

    def is_damped(self, name: tuple[str, str | None]) -> bool:
        """Whether an identity was taken over too often of late: two clients share it and displace each other."""
        times = self._takeovers.get(name)
        if times is None:
            return False
        self._forget_old(times)
        return len(times) >= self._settings.takeovers

    def add(self, session: LiveSession) -> None:
        """Register a session; one of the same identity that is open here is displaced."""
        former = self._sessions.get(session.generation_id)
        self._sessions[session.generation_id] = session
        if former is not None:
            self.note_takeover(session.name)
            former.displace()

    def note_takeover(self, name: tuple[str, str | None]) -> None:
        """Count a take-over, here or by another gateway."""
        times = self._takeovers.get(name)
        if times is None:
            if len(self._takeovers) >= _MAX_DAMPED:
                self._takeovers.clear()
            times = self._takeovers[name] = deque(maxlen=self._settings.takeovers)
        times.append(self._clock.monotonic_s())

    def remove(self, session: LiveSession) -> None:
        """Forget a session that has ended."""
        if self._sessions.get(session.generation_id) is session:
            del self._sessions[session.generation_id]

    def opened_elsewhere(self, opened: SessionOpened) -> None:
        """Close our session of an identity that another gateway holds now."""
        session = self._sessions.get(opened.generation_id)
        if session is None or session.session_id == opened.session_id:
            return
        if (session.opened_at_ms, session.session_id) < (opened.opened_at_ms, opened.session_id):
            self.note_takeover(session.name)
            session.displace()

    # --- changes ------------------------------------------------------------------------------------------------

    def apply(self, record: PostureRecord, received_s: float) -> None:
        """Decide the identity's session by a changed record, cut it if need be, and say so."""
        session = self._sessions.get(record.generation_id)
        was_cut = False
        if session is not None and (record.epoch, record.sequence) > (session.record.epoch, session.record.sequence):
            was_cut = not session.decide_again(record, received_s)
        self._enforced(
            Enforced(
                generation_id=record.generation_id,
                sequence=record.sequence,
                sessions_cut=int(was_cut),
                received_ns=int(received_s * NANOSECONDS),
                enforced_ns=int(self._clock.monotonic_s() * NANOSECONDS),
            )
        )

    def sweep(self) -> None:
        """End what is silent, no longer valid, or stale beyond its failure mode; call it each second."""
        now_s = self._clock.monotonic_s()
        self._watch_clock(now_s)
        stale_s = self._stale_for_s(now_s)
        for session in list(self._sessions.values()):
            deadline_s = session.deadline_s
            if deadline_s is not None and now_s > deadline_s:
                session.fall_silent()
            elif session.valid_until_s is not None and now_s >= session.valid_until_s:
                session.decide_again(None, None)
            elif stale_s > STALE_AFTER_S and _ends_when_stale(session.record, self._clock.now(), stale_s):
                session.cut(Reason.STALE_POSTURE, HINTS[Reason.STALE_POSTURE])
        self._forget_takeovers()

    def stop(self) -> None:
        """Close every session: the gateway is stopping."""
        for session in list(self._sessions.values()):
            session.stop()

    def _stale_for_s(self, now_s: float) -> float:
        """Return for how long records have been stale for whatever reason; 0 when they are fresh."""
        if not self._view.is_stale():
            self._stale_since_s = None
            return 0.0
        if self._stale_since_s is None:
            self._stale_since_s = now_s
            log.warning("posture records are stale: no new session is opened")
        return max(now_s - self._stale_since_s, min(self._view.stale_for_s(), now_s))

    def _watch_clock(self, now_s: float) -> None:
        """Count validity by the monotonic clock; after the wall clock jumped, hold its new word back for a while."""
        wall = self._clock.now()
        drift_s = (wall - self._wall).total_seconds() - (now_s - self._monotonic_s)
        self._wall, self._monotonic_s = wall, now_s
        if abs(drift_s) > self._settings.clock_jump_s:
            log.error(
                "the wall clock has jumped: live sessions are not ended by it for now",
                extra={"by_s": round(drift_s, 1), "held_for_s": self._settings.clock_jump_hold_s},
            )
            self._clock_held_until_s = now_s + self._settings.clock_jump_hold_s
        elif self._clock_held_until_s is not None and now_s >= self._clock_held_until_s:
            self._clock_held_until_s = None
            for session in self._sessions.values():
                session.refresh_deadline()

    def _forget_takeovers(self) -> None:
        for name in [name for name, times in self._takeovers.items() if self._forget_old(times)]:
            del self._takeovers[name]

    def _forget_old(self, times: deque[float]) -> bool:
        """Drop take-overs outside the window; whether none is left."""
        begin_s = self._clock.monotonic_s() - self._settings.takeover_window_s
        while times and times[0] < begin_s:
            times.popleft()
        return not times


def _ends_when_stale(record: PostureRecord, now: datetime, stale_s: float) -> bool:
    """Decide by the device class: fail closed, hold for a time, or stay whatever happens."""
    registration = record.registration.known(now)
    if registration is None or registration.failure_mode is FailureMode.FAIL_CLOSED:
        return True
    return registration.failure_mode is FailureMode.HOLD_LAST and stale_s > registration.hold_s
