"""Lists of addresses as files give them: ip2asn's tab-separated lines, and CSV with or without a heading. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from vedette.network.addresses.model import Told
from vedette.network.identity import clean

LINE_MAX_CHARS: Final = 1024
NAME_MAX_CHARS: Final = 256
_ASN_MAX: Final = 2**32 - 1
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_NUMBER: Final = re.compile(r"(?:AS)?(\d{1,10})", re.IGNORECASE)
_FIELDS: Final = {
    "first": {"start", "start_ip", "range_start", "ip_from", "first", "from"},
    "last": {"end", "end_ip", "range_end", "ip_to", "last", "to"},
    "network": {"network", "prefix", "cidr", "subnet", "route"},
    "asn": {"asn", "as_number", "autonomous_system_number", "number"},
    "country": {"country", "country_code", "cc", "country_iso_code", "as_country"},
    "name": {
        "name",
        "as_name",
        "description",
        "as_description",
        "organization",
        "autonomous_system_organization",
        "aso",
    },
}
"""What headings call each field."""
_WITHOUT_HEADING: Final = {
    5: ("first", "last", "asn", "country", "name"),
    3: ("first", "last", "country"),
    2: ("network", "country"),
}
"""By number of columns: ip2asn's own, and the usual ones of country lists."""
_Row = dict[str, str]


def parse_addresses(text: str, told: Told | None = None) -> Told:
    """Read the lines of a list, of which each gives a range an owner.

    A line that cannot be read is counted and passed over, as are those of addresses that nobody announces.

    Args:
        text: Tab-separated as ip2asn gives it (first, last, system, country, name), or CSV: with a heading that names
            the columns, or without one as ``first,last,asn,country,name``, ``first,last,country``, ``network,country``.
        told: What was read before; more is added to it.
    """
    told = told if told is not None else Told()
    places = {owner: place for place, owner in enumerate(told.owners)}
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    if not lines:
        return told
    delimiter = "\t" if "\t" in lines[0] else ","
    rows = csv.reader((line[: LINE_MAX_CHARS + 1] for line in lines), delimiter=delimiter, strict=True)
    name_of: Callable[[list[str]], _Row] | None = None
    for number, cells in enumerate(_readable(rows, told), 1):
        if name_of is None:
            name_of, is_heading = _columns(cells)
            if is_heading:
                continue
        try:
            _add(name_of(cells), told, places)
        except (ValueError, KeyError) as error:
            told.skipped += 1
            told.problem = told.problem or f"line {number}: {str(error)[:120]}"
    return told


def _readable(rows: Iterable[list[str]], told: Told) -> Iterable[list[str]]:
    """Yield the rows that are CSV."""
    iterator = iter(rows)
    while True:
        try:
            cells = next(iterator)
        except StopIteration:
            return
        except csv.Error as error:
            told.skipped += 1
            told.problem = told.problem or str(error)[:120]
            continue
        if cells:
            yield cells


def _columns(cells: list[str]) -> tuple[Callable[[list[str]], _Row], bool]:
    """Return what names the cells of a row, and whether this one is the heading."""
    words = [cell.strip().strip('"').lower().replace(" ", "_") for cell in cells]
    named = [next((field for field, known in _FIELDS.items() if word in known), "") for word in words]
    if "first" in named or "network" in named:
        return lambda row: {field: cell for field, cell in zip(named, row, strict=False) if field}, True

    def by_number(row: list[str]) -> _Row:
        # A name may hold commas that nobody quoted.
        fields = _WITHOUT_HEADING[min(len(row), max(_WITHOUT_HEADING))]
        return dict(zip(fields, row, strict=False))

    return by_number, False


def _add(row: _Row, told: Told, places: dict[tuple[str, int, str], int]) -> None:
    first, last = _range_of(row)
    country = row.get("country", "").strip().upper()
    number = _NUMBER.fullmatch(row.get("asn", "").strip())
    asn = int(number[1]) if number is not None else 0
    owner = (
        country if _COUNTRY.fullmatch(country) else "",
        asn if asn <= _ASN_MAX else 0,
        clean(row.get("name", "").strip())[:NAME_MAX_CHARS],
    )
    if not owner[0] and not owner[1]:
        told.skipped += 1
        return
    if type(first) is not type(last) or int(first) > int(last):
        raise ValueError(f"{first} to {last} is no range")
    place = places.get(owner)
    if place is None:
        place = places[owner] = len(told.owners)
        told.owners.append(owner)
    (told.v4 if first.version == 4 else told.v6).append((int(first), int(last), place))  # noqa: PLR2004 - IPv4


def _range_of(row: _Row) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]:
    if "network" in row:
        network = ip_network(row["network"].strip(), strict=False)
        return network.network_address, network.broadcast_address
    first, last = row["first"].strip(), row["last"].strip()
    if first.isdecimal() and last.isdecimal():
        return ip_address(int(first[:40])), ip_address(int(last[:40]))
    return ip_address(first), ip_address(last)
