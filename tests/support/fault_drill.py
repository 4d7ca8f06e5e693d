"""One fault, played and judged: nobody comes in who may not, restricting bites, it is told, and it heals by itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

import httpx
from fault_doors import ALLOW, FaultDoors, LiveSession, until
from fault_matrix import WORDS, Fault, read_matrix

_GOES_ON, _WAITS, _EITHER = WORDS
# What is asked of a machine that is busy elsewhere; an alarm of once a minute may have been raised before.
_CUT_WITHIN_S = 60.0
_TOLD_WITHIN_S = 150.0
_JUDGED_WITHIN_S = 180.0


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
        victim = doors.new_session()
        # What was raised by a fault before, or by a process that stood still for a moment, is over.
        doors.platform.listen_anew()
        until(lambda: not is_told(), "no alarm is raised before anything happens")
        with ThreadPoolExecutor(1) as restricting:
            with fault:
                # Some alarms are told once a minute, and may have been told of the drill before.
                until(is_told, f"told: {row.alarm}", _TOLD_WITHIN_S)
                self._judge(row)
                self._judge_forbidden()
                assert also_forbidden() != ALLOW
                asked = restricting.submit(doors.disable, victim.device)
            self._see_it_bite(victim, asked)
        self._wait_well("everything is well again")
        self._judge_forbidden()
        assert doors.connect(victim.device) != ALLOW
        victim.close()

    def _judge(self, row: Fault) -> None:
        """See who comes in: at no try where it waits; where it goes on soon, though a busy machine costs a try."""
        kept_out: dict[str, str] = {}

        def goes_on() -> bool:
            found = self.doors.permitted()
            let_in = [door for door, outcome in found.items() if row.doors[door] == _WAITS and outcome == ALLOW]
            assert not let_in, f"{row.component} {row.kind}: {let_in} let in, but they wait"
            kept_out.clear()
            kept_out.update(
                (door, outcome) for door, outcome in found.items() if row.doors[door] == _GOES_ON and outcome != ALLOW
            )
            return not kept_out

        try:
            until(goes_on, "what goes on lets in", _JUDGED_WITHIN_S, pause_s=1.0)
        except AssertionError as error:
            raise AssertionError(f"{row.component} {row.kind}: {error}: {kept_out}") from None

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
            answer = asked.result(120)
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
            until(is_well, what, 120, pause_s=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}") from None
