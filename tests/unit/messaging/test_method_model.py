"""Calls and answers of direct methods: JSON comes through as it is, everything else is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.messaging import InvalidMethodAnswer, InvalidMethodCall, MethodSettings
from vedette.messaging.method_model import check_answer, check_call, is_json

LIMITS = MethodSettings(payload_bytes=1_000)


def call(method: str = "start", payload: bytes = b"{}", response: int = 30, connect: int = 0) -> bytes:
    return check_call(method, payload, response_timeout_s=response, connect_timeout_s=connect, settings=LIMITS)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5))
def test_json_comes_through_unchanged(value: object) -> None:
    payload = json.dumps(value, ensure_ascii=False).encode()
    assert call(payload=payload) == payload
    assert check_answer(200, payload, LIMITS).payload == payload


@given(st.binary(max_size=50))
def test_what_is_passed_on_can_be_put_into_json(payload: bytes) -> None:
    try:
        result = check_answer(200, payload, LIMITS)
    except InvalidMethodAnswer:
        assert payload
        return
    json.loads(b'{"status": 200, "payload": ' + result.payload + b"}")


@pytest.mark.parametrize("timeout_s", [5, 300])
def test_response_timeouts_reach_their_limits(timeout_s: int) -> None:
    assert call(response=timeout_s)


@pytest.mark.parametrize("timeout_s", [0, 300])
def test_connect_timeouts_reach_their_limits(timeout_s: int) -> None:
    assert call(connect=timeout_s)


@pytest.mark.parametrize(
    ("response", "connect"), [(4, 0), (301, 0), (30, -1), (30, 301), (2.5, 0)], ids=lambda value: f"{value}"
)
def test_timeouts_outside_their_limits_are_refused(response: int, connect: int) -> None:
    with pytest.raises(InvalidMethodCall):
        call(response=response, connect=connect)


def test_deep_nesting_is_no_json_here() -> None:
    assert not is_json(b"[" * 100_000 + b"]" * 100_000)
