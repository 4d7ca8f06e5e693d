from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.cli.client import StreamEvent, _parse, path_of
from vedette.cli.problems import BadAnswer

LEGAL = "ABCabc019-.%_*?!(),=@$'"


@given(st.text(alphabet=LEGAL, min_size=1, max_size=128))
def test_every_legal_device_id_is_one_segment_of_a_path(device_id: str) -> None:
    path = path_of("/v1/devices/{}/disable", device_id)
    _, version, noun, segment, verb = path.split("/")
    assert (version, noun, verb) == ("v1", "devices", "disable")
    assert unquote(segment) == device_id
    assert segment not in {".", ".."}
    assert not set(segment) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~%")


@pytest.mark.parametrize("name", ["../../v1/login-links", "a/b", "a?b=c", "a#b", "ä", "\n"])
def test_no_name_leaves_its_segment(name: str) -> None:
    path = path_of("/v1/devices/{}", name)
    assert path.count("/") == 3
    assert "?" not in path
    assert "#" not in path


def parse(text: str) -> list[StreamEvent]:
    return list(_parse(iter(text.split("\n"))))


def test_events_carry_id_name_and_data() -> None:
    stream = 'retry: 2000\n\n: still here\n\nid: 7\nevent: message\ndata: {"a":1}\n\nid: 8\nevent: x\ndata: 2\n\n'
    assert parse(stream) == [StreamEvent("7", "message", {"a": 1}), StreamEvent("8", "x", 2)]


def test_an_event_that_is_cut_off_is_not_told() -> None:
    assert parse('id: 7\ndata: {"a":1}') == []


def test_broken_data_is_refused() -> None:
    with pytest.raises(BadAnswer):
        parse("data: {\n\n")


def test_an_endless_event_is_refused() -> None:
    lines = ["data: " + "x" * 1_048_576] * 5
    with pytest.raises(BadAnswer, match="too long"):
        list(_parse(iter(lines)))
