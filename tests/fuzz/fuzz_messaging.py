"""Fuzz what gateways and devices send into the messaging room: mutated uplinks change nothing but the directory."""

from __future__ import annotations

import logging
from typing import Any, Final

import msgspec

from vedette.bus import Message
from vedette.bus.contract import (
    MethodAnswered,
    MethodFailed,
    PepStatus,
    SessionClosed,
    SessionOpened,
    SessionsReport,
    uplink_subject,
)
from vedette.kernel import OrganizationId, Problem
from vedette.messaging import HubDesk, InvalidMethodAnswer, InvalidMethodCall, MethodPayloadTooLarge, MethodSettings
from vedette.messaging.method_model import check_answer, check_call
from vedette.registry import ClockGuard
from vedette.simulation import ManualClock, SequentialIds

# What is unreadable is logged, which is not what we look at here.
logging.getLogger("vedette.messaging").addHandler(logging.NullHandler())
_IDS: Final = SequentialIds()
_ORGANIZATION: Final = OrganizationId(_IDS.new("org"))
_DEVICE, _SESSION, _CALL = _IDS.new("dev"), _IDS.new("ses"), _IDS.new("cal")
_OPENED: Final = SessionOpened(generation_id=_DEVICE, session_id=_SESSION, opened_at_ms=1_767_225_600_000)
_STATUS: Final = PepStatus(
    organization_id=_ORGANIZATION,
    gateway="gateway-1",
    boot_id="boot",
    epoch=1,
    sequence=1,
    sessions=1,
    observed_at="2026-01-01T00:00:00.000Z",
)
SEEDS: Final = (
    *map(
        msgspec.msgpack.encode,
        (
            _OPENED,
            _STATUS,
            SessionClosed(generation_id=_DEVICE, session_id=_SESSION, reason="bye", closed_at_ms=1),
            SessionsReport(report_id="rep", boot_id="boot", part=0, is_last=True, sessions=[(_DEVICE, _SESSION, 1)]),
            MethodAnswered(call_id=_CALL, status=200, payload=b'{"rpm": 3}'),
            MethodFailed(call_id=_CALL, reason="not_online"),
        ),
    ),
    b'{"a": [1, 2.5e3, null, true, "\\u20ac"], "b": {"c": ""}}',
)


class _Bus:
    """Remembers who listens, and takes whatever is published."""

    def __init__(self) -> None:
        self.listeners: list[Any] = []  # Any: callbacks of the bus

    def subscribe(self, _: str, listener: Any) -> None:
        self.listeners.append(listener)

    def on_state(self, _: Any) -> None:
        """Nothing ever happens to this bus."""

    def publish(self, subject: str, payload: bytes) -> None:
        """Take it."""


def fuzz_one(data: bytes) -> None:
    """Say the bytes on every subject of a gateway, and take them for the payloads of methods."""
    clock, bus = ManualClock(), _Bus()
    nothing: Any = None  # no listener reaches for store, ledger or presence
    desk = HubDesk(
        _ORGANIZATION, nothing, nothing, nothing, ClockGuard(clock), gateways=("gateway-1",), clock=clock, ids=_IDS
    )
    desk.listen(bus)  # type: ignore[arg-type] # it takes what a bus takes
    desk.on_status(_STATUS)
    desk.on_opened("gateway-1", _OPENED)
    subject = uplink_subject(_ORGANIZATION, "gateway-1")
    for listener in bus.listeners:
        listener(Message(subject, 1, "", b"", data))
    assert len(desk.sessions) <= len(data) + 1
    for generation_id in desk.sessions.connected():
        assert generation_id.isascii()
        assert len(generation_id) <= 31
    try:
        assert msgspec.json.decode(check_answer(200, data, MethodSettings()).payload) is not ...
    except InvalidMethodAnswer as problem:
        _check(problem)
    try:
        check_call(data.decode("latin-1"), data, response_timeout_s=30, connect_timeout_s=0, settings=MethodSettings())
    except (InvalidMethodCall, MethodPayloadTooLarge) as problem:
        _check(problem)


def _check(problem: Problem) -> None:
    assert problem.detail
