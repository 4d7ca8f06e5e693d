"""Who has enforced what: the living are waited for, the silent are pending without, liars are passed over."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from posture import GENERATION, ORGANIZATION

from vedette.access import EnforcementTracker
from vedette.access.enforcement import ALIVE_S, FORGOTTEN_S, GATEWAYS_MAX, WAIT_S
from vedette.bus import Message
from vedette.bus.contract import Enforced, PepStatus, pep_status_subject
from vedette.simulation import ManualClock


class Sequences:
    """Knows the sequence of each identity's last change."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {GENERATION: 5}

    def sequence_of(self, generation_id: str) -> int:
        return self.known.get(generation_id, 0)


class Ticking(ManualClock):
    """A clock that moves on whenever it is asked, so that waiting comes to its end."""

    def monotonic_s(self) -> float:
        self.advance(timedelta(milliseconds=1))
        return super().monotonic_s()


@pytest.fixture
def tracker() -> EnforcementTracker:
    return EnforcementTracker(ORGANIZATION, Sequences(), clock=Ticking())  # type: ignore[arg-type] # all it asks of it


def status(gateway: str, sequence: int, **changes: Any) -> Message:
    fields = {
        "organization_id": ORGANIZATION,
        "gateway": gateway,
        "boot_id": "b",
        "epoch": 1,
        "sequence": sequence,
        "sessions": 0,
        "observed_at": "2026-01-01T00:00:00.000Z",
        **changes,
    }
    return message(pep_status_subject(ORGANIZATION, gateway), msgspec.msgpack.encode(PepStatus(**fields)))


def message(subject: str, payload: bytes) -> Message:
    return Message(subject=subject, sid=1, reply="", headers=b"", payload=payload)


def cut(sequence: int, sessions: int) -> list[Enforced]:
    return [Enforced(generation_id=GENERATION, sequence=sequence, sessions_cut=sessions, received_ns=1, enforced_ns=2)]


@pytest.mark.anyio
async def test_without_enforcement_points_nothing_is_pending(tracker: EnforcementTracker) -> None:
    assert (await tracker.wait([GENERATION])).pending == ()


@pytest.mark.anyio
async def test_an_act_waits_for_the_last_enforcement_point_and_counts_what_was_cut(
    tracker: EnforcementTracker,
) -> None:
    tracker.receive(status("gateway-1", 5, enforced=cut(5, 2)))
    tracker.receive(status("gateway-2", 4))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(tracker.wait([GENERATION], timeout_s=1.0), name="act")
        await asyncio.sleep(0)
        tracker.receive(status("gateway-2", 6, enforced=cut(5, 1)))
    enforcement = waiting.result()
    assert enforcement.enforced_at is not None
    assert (enforcement.pending, enforcement.sessions_cut) == ((), 3)


@pytest.mark.anyio
async def test_an_enforcement_point_that_lags_is_named_as_pending(tracker: EnforcementTracker) -> None:
    tracker.receive(status("gateway-1", 4))
    enforcement = await tracker.wait([GENERATION], timeout_s=0.01)
    assert (enforcement.enforced_at, enforcement.pending) == (None, ("gateway-1",))


@pytest.mark.anyio
async def test_one_that_went_silent_is_pending_and_not_waited_for() -> None:
    clock = Ticking()
    tracker = EnforcementTracker(ORGANIZATION, Sequences(), clock=clock)  # type: ignore[arg-type] # all it asks of it
    tracker.receive(status("gateway-1", 9))
    tracker.receive(status("gateway-2", 9))
    clock.advance(timedelta(seconds=ALIVE_S))
    tracker.receive(status("gateway-2", 9))
    assert [each.gateway for each in tracker.alive()] == ["gateway-2"]
    began_s = clock.monotonic_s()
    enforcement = await tracker.wait([GENERATION])
    assert (enforcement.enforced_at, enforcement.pending) == (None, ("gateway-1",))
    assert clock.monotonic_s() - began_s < WAIT_S
    clock.advance(timedelta(seconds=FORGOTTEN_S))
    tracker.receive(status("gateway-2", 9))
    assert (await tracker.wait([GENERATION])).pending == ()


@pytest.mark.anyio
async def test_one_that_is_expected_is_pending_until_it_is_heard_of() -> None:
    tracker = EnforcementTracker(ORGANIZATION, Sequences(), clock=Ticking(), expected=("gateway-1",))  # type: ignore[arg-type] # all it asks of it
    enforcement = await tracker.wait([GENERATION])
    assert (enforcement.enforced_at, enforcement.pending) == (None, ("gateway-1",))
    tracker.receive(status("gateway-1", 5))
    assert (await tracker.wait([GENERATION])).pending == ()


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("noise", message(pep_status_subject(ORGANIZATION, "gateway-1"), b"\xc1")),
        (
            "under another's name",
            message(pep_status_subject(ORGANIZATION, "gateway-2"), status("gateway-1", 9).payload),
        ),
        ("of another organization", status("gateway-1", 9, organization_id="org_else")),
    ],
)
def test_a_status_that_is_not_the_senders_own_is_passed_over(
    tracker: EnforcementTracker, case: str, told: Message
) -> None:
    tracker.receive(told)
    assert tracker.alive() == []


def test_how_many_enforcement_points_are_remembered_is_bounded(tracker: EnforcementTracker) -> None:
    for number in range(GATEWAYS_MAX + 1):
        tracker.receive(status(f"gateway-{number}", 1))
    assert len(tracker._peps) == GATEWAYS_MAX
