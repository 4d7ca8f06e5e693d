"""The provisioning service's topics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.protocols import LocalProtocolError, RemoteProtocolError, dps

REGISTER = "$dps/registrations/PUT/iotdps-register/?"
POLL = "$dps/registrations/GET/iotdps-get-operationstatus/?"

UNDERSTOOD: dict[str, tuple[str, dps.ProvisioningRequest]] = {
    "register": (REGISTER + "$rid=7f-1", dps.RegisterRequest("7f-1")),
    "register with an id as sent": (REGISTER + "$rid=a%20b", dps.RegisterRequest("a%20b")),
    "register at the limit": (REGISTER + "$rid=" + "r" * 256, dps.RegisterRequest("r" * 256)),
    "poll": (POLL + "$rid=1&operationId=4.abc", dps.PollRequest("1", "4.abc")),
    "poll in another order": (POLL + "operationId=4.a%2Fb&$rid=1", dps.PollRequest("1", "4.a/b")),
    "poll at the limit": (POLL + "$rid=1&operationId=" + "o" * 128, dps.PollRequest("1", "o" * 128)),
}


@pytest.mark.parametrize("case", UNDERSTOOD.values(), ids=UNDERSTOOD.keys())
def test_request_topic_is_understood(case: tuple[str, dps.ProvisioningRequest]) -> None:
    topic, expected = case
    assert dps.parse_request_topic(topic) == expected


@pytest.mark.parametrize(
    "topic",
    [
        REGISTER,
        REGISTER + "$rid=",
        REGISTER + "$rid=" + "r" * 257,
        REGISTER + "rid=1",
        POLL + "$rid=1",
        POLL + "$rid=1&operationId=",
        POLL + "$rid=1&operationId=" + "o" * 129,
        POLL + "operationId=4.abc",
        POLL + "a=1&" * 8 + "$rid=1",
        "$dps/registrations/PUT/iotdps-register/$rid=1",
        "$dps/registrations/res/200/?$rid=1",
        "devices/dev1/messages/events/",
    ],
)
def test_any_other_topic_is_foreign(topic: str) -> None:
    assert isinstance(dps.parse_request_topic(topic), dps.ForeignRequest)


def test_response_topics_are_exactly_the_contracts() -> None:
    assert dps.response_topic(200, "r") == "$dps/registrations/res/200/?$rid=r"
    assert dps.response_topic(202, "r", retry_after_s=3) == "$dps/registrations/res/202/?$rid=r&retry-after=3"
    assert dps.RESPONSE_FILTER == "$dps/registrations/res/#"


@pytest.mark.parametrize(("status", "request_id"), [(99, "r"), (600, "r"), (200, ""), (200, "r" * 257), (200, "a&b")])
def test_response_that_cannot_be_said_is_our_error(status: int, request_id: str) -> None:
    with pytest.raises(LocalProtocolError):
        dps.response_topic(status, request_id)


@given(st.integers(100, 599), st.uuids().map(str), st.none() | st.integers(0, 999_999))
def test_response_topic_survives_the_round_trip(status: int, request_id: str, retry_after_s: int | None) -> None:
    topic = dps.response_topic(status, request_id, retry_after_s=retry_after_s)
    assert dps.parse_response_topic(topic) == dps.ResponseTopic(status, request_id, retry_after_s)


@given(st.uuids().map(str), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128))
def test_request_topics_survive_the_round_trip(request_id: str, operation_id: str) -> None:
    assert dps.parse_request_topic(dps.register_topic(request_id)) == dps.RegisterRequest(request_id)
    topic = dps.poll_topic(request_id, operation_id)
    assert dps.parse_request_topic(topic) == dps.PollRequest(request_id, operation_id)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "$dps/registrations/res/200/",
        "$dps/registrations/res/200/?rid=1",
        "$dps/registrations/res/2000/?$rid=1",
        "$dps/registrations/res/202/?$rid=1&retry-after=x",
        "200/?$rid=1",
    ],
)
def test_device_refuses_what_is_no_response(topic: str) -> None:
    with pytest.raises(RemoteProtocolError):
        dps.parse_response_topic(topic)
