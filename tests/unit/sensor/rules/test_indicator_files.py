"""Lists of known-bad things in the forms that others write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor.rules import Indicators, RulesProblem, read_indicators, texts_of

MISP = {
    "response": [
        {
            "Event": {
                "Attribute": [
                    {"type": "ip-dst", "value": "203.0.113.5"},
                    {"type": "domain|ip", "value": "bad.example|203.0.113.6"},
                    {"type": "comment", "value": "10.0.0.1"},
                ],
                "Object": [{"Attribute": [{"type": "url", "value": "http://files.example/a?b=1"}]}],
            }
        }
    ]
}
STIX = {
    "type": "bundle",
    "objects": [
        {"type": "indicator", "pattern": "[ipv4-addr:value = '203.0.113.5'] OR [domain-name:value='bad.example']"},
        {"type": "indicator", "pattern": "[url:value = 'http://files.example/a?b=1']"},
        {"type": "malware", "name": "x"},
    ],
}
PLAIN = "# a list\n203.0.113.5 # seen in May\nbad.example,first seen 2024\nhxxp://files[.]example/a?b=1\n\n"


@pytest.mark.parametrize("content", [json.dumps(MISP), json.dumps(STIX), PLAIN])
def test_the_same_indicators_are_read_from_every_form(content: str, tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text(content)
    found = read_indicators([path])
    assert (set(found.addresses), set(found.names), set(found.urls)) == (
        {"203.0.113.5"},
        {"bad.example"},
        {"files.example/a?b=1"},
    )
    assert found.of_name("WWW.Bad.Example.") == "list"
    assert found.of_url("FILES.example", "/a?b=1") == "list"
    assert not found.of_name("notbad.example")
    assert not found.of_address("203.0.113.4")


def test_networks_hold_their_addresses_and_half_the_internet_is_none() -> None:
    found = Indicators()
    for text in ("203.0.113.0/24", "2001:db8::/32", "0.0.0.0/1", "no name", "x" * 3_000, ""):
        found.add(text, "list")
    assert found.of_address("203.0.113.77") == found.of_address("2001:db8::1") == "list"
    assert (len(found), found.refused) == (2, 4)
    assert not found.of_address("02:00:00:00:00:01")


@pytest.mark.parametrize("content", [b'{"a": 1}', b"[1, 2", b"{}"])
def test_json_of_something_else_is_refused(content: bytes) -> None:
    with pytest.raises(RulesProblem):
        list(texts_of(content, "list"))


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesProblem):
        read_indicators([tmp_path / "none"])


@given(st.text(max_size=200))
def test_whatever_a_line_says_it_is_an_indicator_or_refused(text: str) -> None:
    found = Indicators()
    found.add(text, "list")
    assert len(found) + found.refused == 1


def test_json_in_no_encoding_is_refused() -> None:
    with pytest.raises(RulesProblem):
        list(texts_of(b'{"type": "\xce"}', "list"))
