"""Networks: which addresses may come, and which anybody could reach."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.kernel import NetworkList, is_private_bind, parse_network

EVERYWHERE = "0.0.0.0"  # noqa: S104 - a value, nothing listens there


@pytest.mark.parametrize(
    ("address", "may_come"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.0.0.1", False),
        ("fd00::1", True),
        ("fd00::1%eth0", True),
        ("2001:db8::1", False),
        ("", False),
        ("unix", False),
    ],
)
def test_only_listed_networks_may_come(address: str, *, may_come: bool) -> None:
    assert NetworkList(("10.0.0.0/8", "fd00::/8")).holds(address) is may_come


def test_without_a_list_everybody_may_come() -> None:
    assert NetworkList(()).is_open
    assert NetworkList(()).holds("203.0.113.9")


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "nowhere", "", "fe80::1%eth0", "1" * 65])
def test_what_is_no_network_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_network(text)


def test_the_number_of_networks_is_bounded() -> None:
    NetworkList(["10.0.0.0/8"] * 256)
    with pytest.raises(ValueError, match="256"):
        NetworkList(["10.0.0.0/8"] * 257)


@pytest.mark.parametrize(
    ("address", "is_private"),
    [
        ("127.0.0.1", True),
        ("10.0.0.5", True),
        ("192.168.1.1", True),
        ("100.64.0.1", True),
        ("fd00::1", True),
        ("::1", True),
        ("fe80::1", True),
        (EVERYWHERE, False),
        ("::", False),
        ("8.8.8.8", False),
        ("2606:4700::1", False),
        ("224.0.0.1", False),
        ("::ffff:8.8.8.8", False),
        ("nowhere", False),
    ],
)
def test_an_address_that_anybody_could_reach_is_not_private(address: str, *, is_private: bool) -> None:
    assert is_private_bind(address) is is_private


@given(st.ip_addresses())
def test_an_address_lies_in_the_network_of_itself_alone(address: object) -> None:
    text = str(ip_address(str(address)))
    assert NetworkList((text,)).holds(text)
    assert not NetworkList(("192.0.2.77",)).holds(text) or text in {"192.0.2.77", "::ffff:192.0.2.77"}


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_none(text: str) -> None:
    assert NetworkList(("10.0.0.0/8",)).holds(text) in {True, False}
