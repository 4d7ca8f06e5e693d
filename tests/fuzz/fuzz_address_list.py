"""Fuzz lists of addresses: what is read of one can be kept, and found again."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from vedette.network.addresses import AddressTable, InvalidAddressList, pack, parse_addresses

SEEDS: Final = (
    b"1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET\n2001:200::\t2001:200:ffff::\t2500\tJP\tWIDE-BB\n",
    b'network,country_code,as_name\n10.0.0.0/8,DE,"Acme, Ltd"\n2a00::/12,CH,x\n',
    b"16777216,16777471,US\n1.1.1.1/32,AU\n# a comment\n,,\n",
    b'first,last,asn,country,name\n1.0.0.9,1.0.0.0,AS5,US,"unfinished\n1.0.0.0,::1,1,US,mixed\n',
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a list, and as a part that was kept."""
    told = parse_addresses(data.decode("utf-8", "replace"))
    assert told.skipped >= 0
    assert all(first <= last <= 0xFFFF_FFFF for first, last, _ in told.v4)
    table = AddressTable([pack(told)])
    for first, last, _ in told.v4[:8]:
        assert table.find(str(IPv4Address(first))) is not None
        table.find(str(IPv4Address(last)))
    for first, _, _ in told.v6[:8]:
        assert table.find(str(IPv6Address(first))) is not None
    table.find(data[:64].decode("latin-1"))
    try:
        AddressTable([data])
    except InvalidAddressList:
        return
