"""What MQTT 5 says of a message, and the hub's bag: one becomes the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.kernel import to_rfc3339
from vedette.protocols import RemoteProtocolError
from vedette.protocols.hub import (
    EMPTY_BAG,
    BagLimits,
    PropertyBag,
    add_message_properties,
    parse_bag,
    to_message_properties,
)
from vedette.protocols.mqtt import NEVER_EXPIRES, NO_PROPERTIES, PublishProperties

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LIMITS = BagLimits()
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def added(properties: PublishProperties | None, bag: str = "") -> tuple[dict[str, str | None], dict[str, str | None]]:
    merged = add_message_properties(parse_bag(bag, LIMITS), properties, now=NOW, limits=LIMITS)
    return dict(merged.system), dict(merged.application)


def test_each_property_has_its_place_in_the_bag() -> None:
    properties = PublishProperties(
        payload_format=1,
        message_expiry_s=90,
        response_topic="r",
        correlation_data=b"c-1",
        content_type="text/plain",
        user=(("level", "high"), ("$.mid", "m-1"), ("level", "low")),
    )
    assert added(properties) == (
        {"mid": "m-1", "ct": "text/plain", "ce": "utf-8", "cid": "c-1", "exp": "2026-11-22T10:01:30.000Z"},
        {"level": "low"},
    )


def test_mqtt_5_wins_over_the_topic() -> None:
    properties = PublishProperties(content_type="b", user=(("k", "b"),))
    assert added(properties, "%24.ct=a&%24.uid=u&k=a&l=a") == ({"ct": "b", "uid": "u"}, {"k": "b", "l": "a"})


def test_stamps_and_senders_can_not_be_set() -> None:
    user = (("iothub-connection-device-id", "x"), ("IoTHub-x", "x"), ("dt-subject", "x"), ("$.cdid", "x"), ("k", "v"))
    assert added(PublishProperties(user=user)) == ({}, {"k": "v"})


@pytest.mark.parametrize("raw", [b"\xff", b"a\nb", b"\0"])
def test_correlation_data_that_is_no_text_stays_behind(raw: bytes) -> None:
    assert added(PublishProperties(correlation_data=raw)) == ({}, {})


@pytest.mark.parametrize("properties", [None, NO_PROPERTIES, PublishProperties()])
def test_without_properties_the_bag_is_the_same_object(properties: PublishProperties | None) -> None:
    bag = PropertyBag({"mid": "m"}, {})
    assert add_message_properties(bag, properties, now=NOW, limits=LIMITS) is bag


def test_longest_expiry_is_a_time_too() -> None:
    system, _ = added(PublishProperties(message_expiry_s=NEVER_EXPIRES))
    assert system["exp"] is not None
    assert system["exp"].startswith("2162-")


def test_limits_of_the_bag_hold_for_both_together() -> None:
    limits = BagLimits(max_properties=3, max_message_id_chars=5)
    bag = parse_bag("a=1&b=2", limits)
    add_message_properties(bag, PublishProperties(user=(("c", ""), ("a", ""))), now=NOW, limits=limits)
    with pytest.raises(RemoteProtocolError):
        add_message_properties(bag, PublishProperties(content_type="x", user=(("c", ""),)), now=NOW, limits=limits)
    add_message_properties(EMPTY_BAG, PublishProperties(user=(("$.mid", "12345"),)), now=NOW, limits=limits)
    with pytest.raises(RemoteProtocolError):
        add_message_properties(EMPTY_BAG, PublishProperties(user=(("$.mid", "123456"),)), now=NOW, limits=limits)


def test_user_property_without_a_name_is_the_devices_error() -> None:
    with pytest.raises(RemoteProtocolError):
        added(PublishProperties(user=(("", "v"),)))


def test_bag_of_a_command_becomes_properties() -> None:
    system = {
        "mid": "m",
        "ct": "text/plain",
        "ce": "UTF-8",
        "cid": "c",
        "exp": to_rfc3339(NOW + timedelta(seconds=1.5)),
    }
    assert to_message_properties(system, {"k": "v", "l": None}, now=NOW) == PublishProperties(
        payload_format=1,
        message_expiry_s=2,
        correlation_data=b"c",
        content_type="text/plain",
        user=(("k", "v"), ("l", "")),
    )


@pytest.mark.parametrize(
    ("expiry", "seconds"),
    [
        ("2026-11-22T09:00:00.000Z", 0),
        ("9999-12-31T23:59:59Z", NEVER_EXPIRES),
        ("2026-11-22T10:00:10", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_expiry_is_told_as_what_is_left_of_it(expiry: str | None, seconds: int | None) -> None:
    assert to_message_properties({"exp": expiry}, {}, now=NOW).message_expiry_s == seconds


def test_what_mqtt_can_not_carry_is_left_out() -> None:
    application: dict[str, str | None] = {"a\0": "x", "b": "x\0", "c": "\ud800", "d": "x" * 65_536, "e": "x" * 65_535}
    properties = to_message_properties({"ct": "\0", "cid": "\ud800"}, application, now=NOW)
    assert properties == PublishProperties(user=(("e", "x" * 65_535),))


@given(st.none() | TEXT, st.none() | TEXT.filter(str.isprintable), st.dictionaries(TEXT.filter(bool), TEXT, max_size=5))
def test_what_the_hub_tells_it_would_understand(
    content_type: str | None, correlation: str | None, application: dict[str, str]
) -> None:
    told = {key: value for key, value in application.items() if not key.startswith("$.")}
    system: dict[str, str | None] = {}
    if content_type is not None:
        system["ct"] = content_type
    if correlation is not None:
        system["cid"] = correlation
    properties = to_message_properties(system, told, now=NOW)
    assert added(properties) == (system, told)
