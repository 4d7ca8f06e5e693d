"""What a command holds, and who is told of its end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.messaging import Ack, Command, CommandSettings, CommandTooLarge, InvalidCommand, NewCommand, Outcome
from vedette.messaging.command_model import DESCRIPTIONS, application_properties, check_command, system_properties
from vedette.protocols.hub import BagLimits, build_bag, devicebound_topic
from vedette.simulation import ManualClock

LIMITS = CommandSettings()
NOW = ManualClock().now()


def command(**changes: object) -> Command:
    values: dict[str, object] = {
        "organization_id": OrganizationId("org"),
        "generation_id": GenerationId("dev"),
        "device_id": DeviceId("pump-7"),
        "sequence": 1,
        "command_id": "cmd",
        "message_id": "m1",
        "ack": Ack.NONE,
        "system": {},
        "properties": {},
        "size_bytes": 0,
        "enqueued_at": NOW,
        "expires_at": NOW,
    }
    return Command(**{**values, **changes})  # type: ignore[arg-type] # tables mix types


@pytest.mark.parametrize(
    ("ack", "success", "failure"),
    [
        (Ack.NONE, False, False),
        (Ack.POSITIVE, True, False),
        (Ack.NEGATIVE, False, True),
        (Ack.FULL, True, True),
    ],
)
def test_feedback_is_what_was_asked_for(ack: Ack, *, success: bool, failure: bool) -> None:
    for outcome in Outcome:
        assert ack.wants(outcome) is (success if outcome is Outcome.SUCCESS else failure)
        assert DESCRIPTIONS[outcome]


def test_the_bag_begins_as_clients_know_it() -> None:
    full = command(system={"ct": "text/plain"}, properties={"p1": "a b"}, ack=Ack.FULL)
    bag = build_bag(system_properties(full), application_properties(full))
    assert bag.startswith("%24.mid=m1&%24.to=%2Fdevices%2Fpump-7%2Fmessages%2Fdevicebound&%24.exp=2026-01-01T")
    assert bag.endswith("&%24.ct=text%2Fplain&iothub-ack=full&p1=a%20b")


def test_feedback_that_was_not_asked_for_is_not_mentioned_to_the_device() -> None:
    assert application_properties(command()) == {}


texts = st.text(max_size=300) | st.text(alphabet="a\u20ac\0\x7f\ud800", max_size=200)


@given(
    body=st.binary(max_size=200),
    message_id=st.none() | texts,
    content_type=st.none() | texts,
    properties=st.dictionaries(texts, texts, max_size=70),
)
def test_whatever_is_accepted_fits_into_a_topic(
    body: bytes, message_id: str | None, content_type: str | None, properties: dict[str, str]
) -> None:
    new = NewCommand(body=body, message_id=message_id, content_type=content_type, properties=properties)
    try:
        system, size = check_command(new, LIMITS)
    except (InvalidCommand, CommandTooLarge):
        return
    assert size <= LIMITS.size_bytes
    queued = command(
        device_id=DeviceId("%" * 128), message_id=message_id or "c" * 30, system=system, properties=properties
    )
    bag = build_bag(system_properties(queued), application_properties(queued))
    assert len(bag) <= BagLimits().max_chars
    assert len(devicebound_topic(queued.device_id, bag).encode()) < 65_535
    assert not any(name.lower().startswith(("$", "iothub-")) for name in properties)
