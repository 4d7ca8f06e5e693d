"""Sets of addresses as spans of numbers: joined, taken apart, and written as the fewest networks."""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Span = tuple[int, int]


def span_of(network: Network) -> Span:
    """Return the first and the last address of a network."""
    return int(network.network_address), int(network.broadcast_address)


def join(spans: Iterable[Span]) -> list[Span]:
    """Return the fewest spans that hold exactly these, in order."""
    joined: list[Span] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def without(span: Span, taken: list[Span]) -> list[Span]:
    """Return what of a span is in none of others, which are joined and in order."""
    first, last = span
    left: list[Span] = []
    index = max(bisect_left(taken, (first, first)) - 1, 0)
    while first <= last and index < len(taken):
        begin, end = taken[index]
        if begin > last:
            break
        if end >= first:
            if begin > first:
                left.append((first, begin - 1))
            first = end + 1
        index += 1
    if first <= last:
        left.append((first, last))
    return left


def to_networks(spans: Iterable[Span], version: int) -> list[Network]:
    """Return spans as the fewest networks, in order."""
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address  # noqa: PLR2004
    found: list[Network] = []
    for first, last in join(spans):
        found.extend(ipaddress.summarize_address_range(kind(first), kind(last)))
    return found
