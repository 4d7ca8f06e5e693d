"""Who says how much to whom in which protocol: every link in few bytes, so that filters read them all. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterable, Mapping
from typing import Final, NamedTuple

_PROTOCOLS_MAX: Final = 1_024


class Strand(NamedTuple):
    """One protocol of one client with one server.

    Attributes:
        client: Place of its node among all nodes.
        server: As ``client``.
        first_at: Seconds of the Unix epoch.
        last_at: As ``first_at``.
    """

    client: int
    server: int
    protocol: str
    packets: int
    bytes: int
    first_at: int
    last_at: int
    is_external: bool


class Summary(NamedTuple):
    """How many pairs speak each protocol; the earliest and the latest moment, zeros if there is none."""

    speakers: Mapping[str, int]
    first_at: int
    last_at: int


class Weight:
    """All that a pair of nodes says to each other; ``forward`` counts the packets that the first of both asked for."""

    __slots__ = ("bytes", "controls", "first_at", "forward", "is_external", "last_at", "packets", "pairs", "said")

    def __init__(self) -> None:
        self.packets = 0
        self.bytes = 0
        self.forward = 0
        self.first_at = 0
        self.last_at = 0
        self.controls = 0
        self.pairs = 0
        self.is_external = False
        self.said: dict[int, int] = {}

    def add(self, other: Weight, *, is_turned: bool) -> None:
        """Add what another pair says; ``is_turned``: its first is the second here."""
        self.first_at = min(self.first_at, other.first_at) if self.pairs else other.first_at
        self.last_at = max(self.last_at, other.last_at)
        self.packets += other.packets
        self.bytes += other.bytes
        self.forward += other.packets - other.forward if is_turned else other.forward
        self.controls += other.controls
        self.pairs += other.pairs
        self.is_external = self.is_external or other.is_external
        for protocol, packets in other.said.items():
            self.said[protocol] = self.said.get(protocol, 0) + packets


Pair = tuple[int, int]


class Strands:
    """Every strand, in columns.

    Args:
        told: All of them.
        controls: How many operations that change something were asked for, by client and server.
    """

    def __init__(self, told: Iterable[Strand], controls: Mapping[Pair, int]) -> None:
        self.protocols: list[str] = []
        self._numbers: dict[str, int] = {}
        self._controls = dict(controls)
        self._clients = array("I")
        self._servers = array("I")
        self._protocol = array("H")
        self._packets = array("q")
        self._bytes = array("q")
        self._first = array("q")
        self._last = array("q")
        self._external = array("B")
        for strand in told:
            self._clients.append(strand.client)
            self._servers.append(strand.server)
            self._protocol.append(self._number(strand.protocol))
            self._packets.append(strand.packets)
            self._bytes.append(strand.bytes)
            self._first.append(strand.first_at)
            self._last.append(strand.last_at)
            self._external.append(strand.is_external)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._clients)

    def summarize(self, seen: Container[int] | None = None) -> Summary:
        """Return what there is to filter by, of those strands whose both ends are seen."""
        pairs: dict[int, set[Pair]] = {}
        earliest = latest = 0
        for client, server, protocol, first, last in zip(
            self._clients, self._servers, self._protocol, self._first, self._last, strict=True
        ):
            if seen is None or (client in seen and server in seen):
                pairs.setdefault(protocol, set()).add((client, server) if client < server else (server, client))
                earliest = min(earliest, first) if latest else first
                latest = max(latest, last)
        return Summary({self.protocols[number]: len(found) for number, found in pairs.items()}, earliest, latest)

    def gather(self, *, protocol: str = "", since: int = 0, until: int = 0) -> dict[Pair, Weight]:
        """Return what fits, by pair; the lower place comes first in it.

        Args:
            protocol: Only what is said in it.
            since: Only what was last said then or later.
            until: Only what was first said before; 0: whenever.
        """
        wanted = self._numbers.get(protocol, -1) if protocol else None
        found: dict[Pair, Weight] = {}
        for client, server, number, packets, size, first, last, external in zip(
            self._clients,
            self._servers,
            self._protocol,
            self._packets,
            self._bytes,
            self._first,
            self._last,
            self._external,
            strict=True,
        ):
            if (wanted is not None and number != wanted) or last < since or (until and first >= until):
                continue
            pair = (client, server) if client <= server else (server, client)
            weight = found.get(pair)
            if weight is None:
                weight = found[pair] = Weight()
                weight.first_at, weight.pairs = first, 1
            elif first < weight.first_at:
                weight.first_at = first
            if last > weight.last_at:  # noqa: PLR1730 - a call for each of a million strands
                weight.last_at = last
            weight.packets += packets
            weight.bytes += size
            if client <= server:
                weight.forward += packets
            if external:
                weight.is_external = True
            weight.said[number] = weight.said.get(number, 0) + packets
        for (client, server), times in self._controls.items():
            weight = found.get((client, server) if client <= server else (server, client))
            if weight is not None:
                weight.controls += times
        return found

    def _number(self, protocol: str) -> int:
        number = self._numbers.get(protocol)
        if number is None:
            if len(self.protocols) >= _PROTOCOLS_MAX:
                return self._numbers.setdefault("", self._add(""))
            number = self._add(protocol)
        return number

    def _add(self, protocol: str) -> int:
        number = self._numbers.get(protocol)
        if number is None:
            number = self._numbers[protocol] = len(self.protocols)
            self.protocols.append(protocol)
        return number
