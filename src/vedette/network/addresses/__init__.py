"""Whom addresses of the internet are assigned to, as a list says that an operator imported.

Terms: a *list* gives ranges of addresses an *owner*: a country, and the autonomous system that announces them.
Invariants: nothing is looked up outside; one list counts at a time, and one that is half imported counts for nothing;
who an address belongs to is told with the age of the list that says so.
"""

from __future__ import annotations

from vedette.network.addresses.errors import AddressListNotFound, InvalidAddressList
from vedette.network.addresses.lines import parse_addresses
from vedette.network.addresses.model import AddressList, Told
from vedette.network.addresses.service import AddressListService
from vedette.network.addresses.table import AddressTable, pack

__all__ = [
    "AddressList",
    "AddressListNotFound",
    "AddressListService",
    "AddressTable",
    "InvalidAddressList",
    "Told",
    "pack",
    "parse_addresses",
]
