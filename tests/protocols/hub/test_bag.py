"""Property bags: both spellings of system keys, null and empty, stamps that devices can't forge."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.protocols import LocalProtocolError, RemoteProtocolError, hub

LIMITS = hub.BagLimits()

PARSED: dict[str, tuple[str, dict[str, str | None], dict[str, str | None]]] = {
    "empty": ("", {}, {}),
    "Python": (
        "%24.mid=id%201&%24.cid=c%2F1&%24.ct=application%2Fjson&%24.ce=utf-8&a%20b=x%26y&z=1",
        {"mid": "id 1", "cid": "c/1", "ct": "application/json", "ce": "utf-8"},
        {"a b": "x&y", "z": "1"},
    ),
    "Node": (
        "%24.mid=id%201&%24.uid=u&%24.to=somewhere&a%20b=x%26y&%24.sub=comp1",
        {"mid": "id 1", "uid": "u", "to": "somewhere", "sub": "comp1"},
        {"a b": "x&y"},
    ),
    "documentation's spelling": ("$.mid=1&$.ct=text", {"mid": "1", "ct": "text"}, {}),
    "a bare key is null": ("a&b=1", {}, {"a": None, "b": "1"}),
    "an empty value is empty": ("a=", {}, {"a": ""}),
    "an equals sign in a value": ("a=b=c", {}, {"a": "b=c"}),
    "a plus sign is a plus sign": ("a=b%2Bc", {}, {"a": "b+c"}),
    "UTF-8": ("gr%C3%B6%C3%9Fe=%E2%82%AC", {}, {"größe": "€"}),
    "the last of equal keys wins": ("a=1&%24.mid=x&a=2&$.mid=y", {"mid": "y"}, {"a": "2"}),
    "hub stamps are dropped": (
        "iothub-connection-device-id=other&IoTHub-Enqueuedtime=0&dt-dataschema=x&dt-subject=y&iothub%2Dack=full&a=1",
        {},
        {"a": "1"},
    ),
    "edge senders are dropped": ("%24.cdid=other&$.cmid=m&a=1", {}, {"a": "1"}),
    "an unknown system key": ("%24.new=1", {"new": "1"}, {}),
    "an escape that is none": ("a=%zz", {}, {"a": "%zz"}),
}


@pytest.mark.parametrize("case", PARSED.values(), ids=PARSED.keys())
def test_bag_is_split_into_system_and_application(
    case: tuple[str, dict[str, str | None], dict[str, str | None]],
) -> None:
    text, system, application = case
    bag = hub.parse_bag(text, LIMITS)
    assert dict(bag.system) == system
    assert dict(bag.application) == application


@pytest.mark.parametrize("text", ["&", "a=1&", "=1", "a=%FF", "%C3=1", "a=%00", "%24.mid=" + "m" * 129])
def test_malformed_bag_is_the_peers_error(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        hub.parse_bag(text, LIMITS)


BAG_LIMITS: dict[str, tuple[str, Callable[[int], str]]] = {
    "characters": ("max_chars", lambda n: "a=" + "x" * (n - 2)),
    "properties": ("max_properties", lambda n: "&".join(f"k{i}" for i in range(n))),
    "properties that are dropped": ("max_properties", lambda n: "&".join("iothub-x" for _ in range(n))),
    "message id": ("max_message_id_chars", lambda n: "%24.mid=" + "m" * n),
    "message id that is encoded": ("max_message_id_chars", lambda n: "%24.mid=" + "%20" * n),
}


@pytest.mark.parametrize("case", BAG_LIMITS.values(), ids=BAG_LIMITS.keys())
def test_bag_at_a_limit_passes_and_beyond_is_refused(case: tuple[str, Callable[[int], str]]) -> None:
    limit, build = case
    limits = hub.BagLimits(**{limit: 20})
    hub.parse_bag(build(20), limits)
    with pytest.raises(RemoteProtocolError, match="20"):
        hub.parse_bag(build(21), limits)


def test_bag_to_devices_is_the_contracts() -> None:
    bag = hub.build_bag(
        {"mid": "m1", "to": "/devices/dev1/messages/devicebound", "ct": "text/plain"},
        {"iothub-ack": "full", "p1": "a b"},
    )
    assert hub.devicebound_topic("dev1", bag) == (
        "devices/dev1/messages/devicebound/%24.mid=m1&%24.to=%2Fdevices%2Fdev1%2Fmessages%2Fdevicebound"
        "&%24.ct=text%2Fplain&iothub-ack=full&p1=a%20b"
    )


def test_null_and_empty_are_written_apart() -> None:
    assert hub.build_bag({}, {"a": None, "b": ""}) == "a&b="


def test_surrogate_in_a_property_is_our_error() -> None:
    with pytest.raises(LocalProtocolError):
        hub.build_bag({}, {"a": "\ud800"})


KEY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12).filter(
    lambda key: not key.startswith("$.") and not key.lower().startswith(("iothub-", "dt-"))
)
NAME = st.sampled_from(["mid", "cid", "uid", "to", "ct", "ce", "exp", "on", "ifid", "sub", "ctime"])
VALUE = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.dictionaries(NAME, VALUE), st.dictionaries(KEY, VALUE, max_size=10))
def test_bag_survives_the_round_trip(system: dict[str, str | None], application: dict[str, str | None]) -> None:
    text = hub.build_bag(system, application)
    assert text.isascii()
    assert not set(text) & set("/+# ")
    bag = hub.parse_bag(text, LIMITS)
    assert dict(bag.system) == system
    assert list(bag.application.items()) == list(application.items())


def test_reader_remembers_a_bounded_number_of_bags() -> None:
    reader = hub.BagReader(LIMITS, max_cached=3)
    assert reader.parse("a=1") is reader.parse("a=1")
    long = "a=" + "x" * 255
    assert reader.parse(long) is not reader.parse(long)
    for number in range(10):
        assert dict(reader.parse(f"n={number}").application) == {"n": str(number)}
        assert len(reader._parsed) <= 3
    with pytest.raises(RemoteProtocolError):
        reader.parse("&")


def test_parsed_bag_cannot_be_changed_by_one_reader_for_the_next() -> None:
    bag = hub.parse_bag("a=1", LIMITS)
    with pytest.raises(TypeError):
        bag.application["a"] = "2"  # type: ignore[index] # that it fails is the point


@given(st.text(max_size=100))
def test_any_text_is_a_bag_or_the_peers_error(text: str) -> None:
    with contextlib.suppress(RemoteProtocolError):
        hub.parse_bag(text, LIMITS)
