"""Who a sighting is about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.network.identity import (
    Key,
    is_address_of_group,
    parse_ip,
    parse_mac,
    resolve,
    serial_key,
    sighting_of,
)

PLC, OTHER = "10.0.0.5", "10.0.0.6"
MAC, SECOND = "00:1b:1b:00:00:05", "00:1b:1b:00:00:06"


def test_somebody_new_binds_all_that_identifies() -> None:
    found = resolve(sighting_of([PLC], [MAC]), {}, {})
    assert (found.asset_id, set(found.binds)) == ("", {("ip", PLC), ("mac", MAC)})


def test_a_mac_address_decides_before_an_ip_address() -> None:
    owners = {("mac", MAC): ("ast_1", False), ("ip", PLC): ("ast_2", False)}
    found = resolve(sighting_of([PLC], [MAC]), owners, {"ast_1": True, "ast_2": True})
    assert (found.asset_id, found.binds, found.absorbs) == ("ast_1", (("ip", PLC),), ())


def test_an_asset_known_by_its_address_alone_is_absorbed_by_its_owner() -> None:
    owners = {("mac", MAC): ("ast_2", False), ("ip", PLC): ("ast_1", False)}
    found = resolve(sighting_of([PLC], [MAC]), owners, {"ast_1": False, "ast_2": True})
    assert (found.asset_id, found.absorbs) == ("ast_2", ("ast_1",))


def test_an_address_without_a_mac_address_takes_one() -> None:
    found = resolve(sighting_of([PLC], [MAC]), {("ip", PLC): ("ast_1", False)}, {"ast_1": False})
    assert (found.asset_id, found.binds) == ("ast_1", (("mac", MAC),))


def test_another_mac_address_at_an_address_is_somebody_new() -> None:
    found = resolve(sighting_of([PLC], [SECOND]), {("ip", PLC): ("ast_1", False)}, {"ast_1": True})
    assert (found.asset_id, found.absorbs) == ("", ())
    assert ("ip", PLC) in found.binds


def test_what_a_person_pinned_moves_no_more() -> None:
    owners = {("mac", MAC): ("ast_1", False), ("ip", PLC): ("ast_2", True)}
    found = resolve(sighting_of([PLC], [MAC]), owners, {"ast_1": True, "ast_2": False})
    assert (found.asset_id, found.binds, found.absorbs) == ("ast_1", (), ())


def test_of_two_known_mac_addresses_the_older_asset_counts() -> None:
    owners = {("mac", MAC): ("ast_2", False), ("mac", SECOND): ("ast_1", False)}
    found = resolve(sighting_of([], [MAC, SECOND]), owners, {"ast_1": True, "ast_2": True})
    assert (found.asset_id, found.binds) == ("ast_1", ())


def test_a_serial_number_joins_only_where_one_side_has_no_mac_address() -> None:
    key = serial_key("Siemens", "SC-1234")
    assert key is not None
    behind = sighting_of([OTHER], [], vendor="Siemens", serial="sc-1234")
    assert resolve(behind, {key: ("ast_1", False)}, {"ast_1": True}).asset_id == "ast_1"
    copied = sighting_of([OTHER], [SECOND], vendor="Siemens", serial="SC-1234")
    assert resolve(copied, {key: ("ast_1", False)}, {"ast_1": True}).asset_id == ""


@pytest.mark.parametrize("serial", ["", "0", "0000000", "none", "  ", "abc"])
def test_a_serial_number_that_many_might_carry_identifies_nobody(serial: str) -> None:
    assert serial_key("Siemens", serial) is None
    assert serial_key("", "SC-1234") is None


def test_addresses_that_routers_hand_on_identify_nobody() -> None:
    assert sighting_of([], ["00:00:5e:00:01:07"]).keys == ()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("FE80::1%eth0", "fe80::1"),
        ("0.0.0.0", ""),  # noqa: S104 - an address, not a binding
        ("224.0.0.1", ""),
        ("255.255.255.255", ""),
        ("10.0.0.5/24", ""),
        ("plc", ""),
        ("", ""),
    ],
)
def test_an_ip_address_is_one_device_or_none(text: str, address: str) -> None:
    assert parse_ip(text) == address


def test_a_mac_address_is_one_device_or_none() -> None:
    assert parse_mac("00-1B-1B-00-00-05") == MAC
    assert parse_mac("01:00:5e:00:00:01") == ""
    assert parse_mac("ff:ff:ff:ff:ff:ff") == ""
    assert parse_mac("00:1b:1b:00:00") == ""
    assert is_address_of_group("01:00:5e:00:00:01")
    assert is_address_of_group("239.1.1.1")
    assert not is_address_of_group("nobody")


ADDRESSES = st.lists(st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "x"]), max_size=3)
MACS = st.lists(st.sampled_from(["00:1b:1b:00:00:01", "00:1b:1b:00:00:02", "00:00:5e:00:01:01"]), max_size=2)
OWNERS = st.dictionaries(
    st.sampled_from([("ip", "10.0.0.1"), ("ip", "10.0.0.2"), ("mac", "00:1b:1b:00:00:01")]),
    st.tuples(st.sampled_from(["ast_1", "ast_2", "ast_3"]), st.booleans()),
)


@given(ADDRESSES, MACS, OWNERS, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_a_decision_never_takes_what_is_pinned_and_settles_in_one_step(
    ips: list[str], macs: list[str], owners: dict[Key, tuple[str, bool]], flags: tuple[bool, bool, bool]
) -> None:
    has_mac = dict(zip(("ast_1", "ast_2", "ast_3"), flags, strict=True))
    for key, (owner, _) in owners.items():
        has_mac[owner] = has_mac[owner] or key[0] == "mac"
    sighting = sighting_of(ips, macs)
    found = resolve(sighting, owners, has_mac)
    assert all(key not in owners or not owners[key][1] for key in found.binds)
    assert found.asset_id not in found.absorbs
    settled = found.asset_id or "ast_0"
    after = owners | dict.fromkeys(found.binds, (settled, False))
    with_mac = {**has_mac, settled: has_mac.get(settled, False) or any(key[0] == "mac" for key in sighting.keys)}
    again = resolve(sighting, after, with_mac)
    if sighting.keys and not found.absorbs and found.binds:
        assert again.binds == ()
