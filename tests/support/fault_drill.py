"""One fault, played and judged: nobody comes in who may not, restricting bites, it is told, and it heals by itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

import httpx
from fault_doors import ALLOW, FaultDoors, LiveSession, outcome, until
from fault_matrix import WORDS, Fault, read_matrix

_GOES_ON, _WAITS, _EITHER = WORDS
_CUT_WITHIN_S = 15.0


class Drill:
    """Plays faults on the platform behind some doors."""

    def __init__(self, doors: FaultDoors) -> None:
        self.doors = doors

    def play(
        self,
        component: str,
        kind: str,
        fault: AbstractContextManager[object],
        *,
        is_told: Callable[[], object],
        also_forbidden: Callable[[], str] = lambda: "",
    ) -> None:
        """Let a fault happen and judge it by its row of the matrix.

        Args:
            fault: Lasts as long as this context.
            is_told: Whether the alarm of the row has been raised.
            also_forbidden: A further try that must not be allowed meanwhile.
        """
        doors, row = self.doors, read_matrix()[component, kind]
        self._wait_well("everything is well before")
        assert not is_told(), "the alarm is raised before anything happened"
        victim = self._new_session()
        with ThreadPoolExecutor(1) as restricting:
            with fault:
                # Some alarms are told once a minute, and may have been told of the drill before.
                until(is_told, f"told: {row.alarm}", 90)
                self._judge(row, doors.permitted())
                self._judge_forbidden()
                assert also_forbidden() != ALLOW
                asked = restricting.submit(doors.disable, victim.device)
            self._see_it_bite(victim, asked)
        self._wait_well("everything is well again")
        self._judge_forbidden()
        assert doors.connect(victim.device) != ALLOW
        victim.close()

    def _new_session(self) -> LiveSession:
        """Connect a new device; just after a change of policies it may have to try again."""
        device, made = self.doors.new_device(), list[LiveSession]()
        until(lambda: outcome(lambda: made.append(LiveSession(self.doors, device))) == ALLOW, "a new device connects")
        return made[0]

    @staticmethod
    def _judge(row: Fault, found: dict[str, str]) -> None:
        wrong = {
            door: f"{outcome}, but it {row.doors[door]}"
            for door, outcome in found.items()
            if (row.doors[door] == _GOES_ON and outcome != ALLOW) or (row.doors[door] == _WAITS and outcome == ALLOW)
        }
        assert not wrong, f"{row.component} {row.kind}: {wrong}"

    def _judge_forbidden(self) -> None:
        found = self.doors.forbidden()
        let_in = {door: outcomes for door, outcomes in found.items() if ALLOW in outcomes}
        assert not let_in, f"let in what may not: {let_in}"

    def _see_it_bite(self, victim: LiveSession, asked: Future[httpx.Response]) -> None:
        """A restriction asked for meanwhile is done now, or refused: then it is done when it is asked for again."""

        def is_done() -> bool:
            try:
                return self.doors.disable(victim.device, within_s=8.0).is_success
            except httpx.HTTPError:
                return False

        try:
            answer = asked.result(40)
        except httpx.HTTPError:
            answer = None
        if answer is None or not answer.is_success:
            until(is_done, "the device can be disabled")
        until(lambda: not victim.is_open, "the disabled device is cut", _CUT_WITHIN_S)

    def _wait_well(self, what: str) -> None:
        last: dict[str, str] = {}

        def is_well() -> bool:
            last.update(self.doors.permitted())
            return set(last.values()) == {ALLOW}

        try:
            until(is_well, what, 60, pause_s=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}") from None
