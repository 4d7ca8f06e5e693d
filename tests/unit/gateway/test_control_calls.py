"""Questions that are asked again while nobody is there to answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import pytest

from vedette.bus import BusTimeout, BusUnavailable, NoResponders
from vedette.bus.contract import ReadTwin, TwinDocument
from vedette.gateway import control_calls
from vedette.gateway.control_calls import ask_control
from vedette.kernel import Problem
from vedette.simulation import ManualClock

pytestmark = pytest.mark.anyio

T = TypeVar("T")


class Control:
    """Fails as told, then answers."""

    def __init__(self, *failures: Problem, is_connected: bool = True) -> None:
        self.failures = list(failures)
        self.is_connected = is_connected
        self.asked = 0

    async def call(self, service: str, request: msgspec.Struct, answer: type[T], *, timeout_s: float) -> T:
        self.asked += 1
        assert timeout_s > 0
        if self.failures:
            raise self.failures.pop(0)
        return msgspec.convert({"payload": b"{}"}, answer)


async def ask(control: Control, *, may_repeat: bool = False, is_wanted: bool = True, timeout_s: float = 5) -> bytes:
    request = ReadTwin(organization_id="org_1", gateway="gateway-1", generation_id="dev_1")
    answer = await ask_control(
        control,
        ManualClock(datetime(2026, 1, 1, tzinfo=UTC)),
        "svc.registry.read_twin",
        request,
        TwinDocument,
        timeout_s=timeout_s,
        may_repeat=may_repeat,
        is_wanted=lambda: is_wanted,
    )
    return answer.payload


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_calls, "_PAUSE_S", 0)


async def test_where_nobody_listens_it_is_asked_again() -> None:
    control = Control(NoResponders("nobody"), NoResponders("nobody"))
    assert await ask(control) == b"{}"
    assert control.asked == 3


async def test_what_may_have_arrived_is_repeated_only_where_that_does_no_harm() -> None:
    control = Control(BusUnavailable("lost"))
    with pytest.raises(BusUnavailable):
        await ask(control)
    assert await ask(Control(BusUnavailable("lost")), may_repeat=True) == b"{}"


async def test_what_cannot_have_arrived_is_repeated() -> None:
    assert await ask(Control(BusUnavailable("away"), is_connected=False)) == b"{}"


async def test_a_silent_control_is_not_asked_twice() -> None:
    control = Control(BusTimeout("silent"))
    with pytest.raises(BusTimeout):
        await ask(control, may_repeat=True)
    assert control.asked == 1


async def test_nothing_is_asked_again_for_nobody_or_beyond_its_time() -> None:
    for options in ({"is_wanted": False}, {"timeout_s": 0}):
        control = Control(NoResponders("nobody"))
        with pytest.raises(NoResponders):
            await ask(control, **options)
        assert control.asked == 1
