"""The live sessions of one gateway: one per identity, decided again at each change, cut when no longer permitted."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from vedette.bus.contract import DesiredChanged, Enforced, InvokeMethod, SessionOpened
from vedette.gateway.clones import CloneWatch, Party
from vedette.gateway.peer import Peer
from vedette.gateway.settings import SessionSettings
from vedette.kernel import Clock
from vedette.trust import HINTS, STALE_AFTER_S, FailureMode, PostureRecord, PostureView, Reason

log = logging.getLogger(__name__)

NANOSECONDS: Final = 1_000_000_000


class LiveSession(Protocol):
    """An open session of an identity."""

    generation_id: str
    session_id: str
    opened_at_ms: int
    name: tuple[str, str | None]

    @property
    def record(self) -> PostureRecord:
        """The record it was last decided by."""
        ...

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        ...

    @property
    def valid_until_s(self) -> float | None:
        """When its decision must be made again, monotonic."""
        ...

    @property
    def deadline_s(self) -> float | None:
        """When to end for silence, monotonic."""
        ...

    def decide_again(self, record: PostureRecord | None, received_s: float | None) -> bool:
        """Decide by a newer record, or by the same one when its answer has ended; whether the session goes on."""
        ...

    def is_time_bound(self) -> bool:
        """Tell whether what it may do can change with the hour."""
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

    def commands_ready(self) -> bool:
        """Look for commands; whether the device may get any."""
        ...

    def invoke(self, call: InvokeMethod) -> None:
        """Call a method of the device."""
        ...

    def desired_changed(self, change: DesiredChanged) -> None:
        """Tell the device of changed desired properties."""
        ...


class SessionTable:
    """Sessions by generation id.

    Args:
        settings: What a clock that jumps may do.
        clones: Hears of take-overs.
        view: Whether records are stale.
        clock: Both times.
        enforced: Hears of each change applied.
    """

    def __init__(
        self,
        settings: SessionSettings,
        clones: CloneWatch,
        view: PostureView,
        clock: Clock,
        enforced: Callable[[Enforced], None],
    ) -> None:
        self._settings = settings
        self._clones = clones
        self._view = view
        self._clock = clock
        self._enforced = enforced
        self._sessions: dict[str, LiveSession] = {}
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

    def all(self) -> list[LiveSession]:
        """Return the live sessions as of now."""
        return list(self._sessions.values())

    # --- opening and closing ------------------------------------------------------------------------------------

    def add(self, session: LiveSession) -> None:
        """Register a session; one of the same identity that is open here is displaced."""
        former = self._sessions.get(session.generation_id)
        self._sessions[session.generation_id] = session
        if former is not None:
            self._clones.note(session.generation_id, session.name, _party(former), _party(session))
            former.displace()

    def remove(self, session: LiveSession) -> None:
        """Forget a session that has ended."""
        if self._sessions.get(session.generation_id) is session:
            del self._sessions[session.generation_id]

    def opened_elsewhere(self, opened: SessionOpened) -> None:
        """Close our session of an identity that another gateway holds now."""
        session = self._sessions.get(opened.generation_id)
        if session is None or session.session_id == opened.session_id:
            return
        now_ms = int(self._clock.now().timestamp() * 1000)
        if (session.opened_at_ms, session.session_id) < (opened.believed_at_ms(now_ms), opened.session_id):
            elsewhere = Party(opened.remote_address, None)
            self._clones.note(session.generation_id, session.name, _party(session), elsewhere)
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

    def decide_all_again(self, run: Callable[[Callable[[], None]], None], *, time_bound_only: bool) -> None:
        """Decide every live session again by the record it has.

        Args:
            run: Does each piece of work in its turn, a few milliseconds at a time.
            time_bound_only: Only those whose answers may change with the hour; none while the wall clock is not
                trusted, since it has just jumped.
        """
        if time_bound_only and self._clock_held_until_s is not None:
            return
        for session in list(self._sessions.values()):
            if not time_bound_only or session.is_time_bound():
                run(functools.partial(self._decide_again, session))

    def _decide_again(self, session: LiveSession) -> None:
        if self._sessions.get(session.generation_id) is session:
            session.decide_again(None, None)

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
        self._clones.sweep()

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


def _party(session: LiveSession) -> Party:
    certificate = session.peer.certificate
    return Party(session.peer.remote_address, certificate.sha256 if certificate is not None else None)


def _ends_when_stale(record: PostureRecord, now: datetime, stale_s: float) -> bool:
    """Decide by the device class: fail closed, hold for a time, or stay whatever happens."""
    registration = record.registration.known(now)
    if registration is None or registration.failure_mode is FailureMode.FAIL_CLOSED:
        return True
    return registration.failure_mode is FailureMode.HOLD_LAST and stale_s > registration.hold_s
