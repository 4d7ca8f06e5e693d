"""Lists of addresses: what files say, and whom an address belongs to."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.network import NetworkOwner
from vedette.network.addresses import AddressTable, InvalidAddressList, Told, pack, parse_addresses

IP2ASN = (
    "1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET\n"
    "1.0.1.0\t1.0.3.255\t0\tNone\tNot routed\n"
    "1.0.4.0\t1.0.5.255\t38803\tAU\tWPL-AS-AP Wirefreebroadband, Pty Ltd\n"
    "2001:200::\t2001:200:ffff:ffff:ffff:ffff:ffff:ffff\t2500\tJP\tWIDE-BB\n"
)


def table(text: str) -> AddressTable:
    return AddressTable([pack(parse_addresses(text))])


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("1.0.0.0", NetworkOwner("US", 13335, "CLOUDFLARENET")),
        ("1.0.0.255", NetworkOwner("US", 13335, "CLOUDFLARENET")),
        ("1.0.4.7", NetworkOwner("AU", 38803, "WPL-AS-AP Wirefreebroadband, Pty Ltd")),
        ("2001:200::1", NetworkOwner("JP", 2500, "WIDE-BB")),
        ("1.0.1.0", None),
        ("0.255.255.255", None),
        ("9.9.9.9", None),
        ("2001:201::", None),
        ("no address", None),
    ],
)
def test_both_ends_of_a_range_belong_to_it_and_nothing_else(address: str, owner: NetworkOwner | None) -> None:
    assert table(IP2ASN).find(address) == owner


@pytest.mark.parametrize(
    "text",
    [
        "16777216,16777471,US\n",
        '"1.0.0.0","1.0.0.255","US"\n',
        "1.0.0.0/24,US\n",
        "network,country_code,asn,as_name\n1.0.0.0/24,us,AS13335,Name\n",
        "Start_IP,End_IP,Country\n1.0.0.0,1.0.0.255,US\n",
        "# of today\n1.0.0.0,1.0.0.255,13335,US,A, B\n",
    ],
    ids=["numbers", "quoted", "prefixes", "heading with prefixes", "heading", "name with commas"],
)
def test_usual_forms_are_read(text: str) -> None:
    found = table(text).find("1.0.0.9")
    assert found is not None
    assert found.country == "US"


def test_what_cannot_be_read_is_counted_and_the_rest_is_taken() -> None:
    told = parse_addresses("1.0.0.9\t1.0.0.1\t1\tUS\tturned\nnobody\tno\t1\tUS\tx\n" + IP2ASN)
    assert (len(told.v4), len(told.v6), told.skipped) == (2, 1, 3)
    assert told.problem.startswith("line 1: ")


def test_parts_count_together_whatever_their_order() -> None:
    lines = IP2ASN.splitlines()
    parts = [pack(parse_addresses(line)) for line in reversed(lines)]
    found = AddressTable(parts)
    assert len(found) == 3
    assert found.find("1.0.4.7") == NetworkOwner("AU", 38803, "WPL-AS-AP Wirefreebroadband, Pty Ltd")
    assert found.find("2001:200::1") == NetworkOwner("JP", 2500, "WIDE-BB")


def test_names_are_storable_and_short() -> None:
    (owner,) = parse_addresses(f"1.0.0.0\t1.0.0.1\t1\tUS\tA\0B{'x' * 400}\n").owners
    assert "\0" not in owner[2]
    assert len(owner[2]) <= 256


def test_damaged_part_is_refused() -> None:
    with pytest.raises(InvalidAddressList):
        AddressTable([b"nothing"])


@given(st.lists(st.tuples(st.integers(0, 2**32 - 257), st.integers(0, 256)), max_size=30), st.integers(0, 2**32 - 1))
def test_an_address_is_found_in_the_range_that_begins_last(ranges: list[tuple[int, int]], address: int) -> None:
    owners = [("US", number + 1, "") for number in range(len(ranges))]
    told = Told(owners, [(first, first + more, place) for place, (first, more) in enumerate(ranges)])
    found = AddressTable([pack(told)]).find(str(IPv4Address(address)))
    before = [each for each in sorted(told.v4) if each[0] <= address]
    expected = [first for first, last, _ in before if first == before[-1][0] and last >= address] if before else []
    assert (found is None) == (not before or before[-1][1] < address)
    assert found is None or expected


@given(st.text(max_size=400))
def test_any_text_is_read_without_harm(text: str) -> None:
    told = parse_addresses(text)
    assert len(AddressTable([pack(told)])) == len(told.v4) + len(told.v6)
