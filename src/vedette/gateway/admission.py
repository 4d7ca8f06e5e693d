"""Who may be connected before anybody is identified: counts, rates, handshake slots and deadlines.

Connections that have not sent a whole hello cost a socket and no more: a TLS object is made when it is there. When
places run out, one that has been silent, or a handshake that has got nowhere, for too long gives way, and then a
connection of the source that has most of them; sources are served in turn. So one source alone keeps nobody out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, MutableMapping
from typing import Final, Protocol

from vedette.gateway.pacing import SourceRates
from vedette.gateway.settings import TlsSettings
from vedette.kernel import NetworkList

TOO_MANY_CONNECTIONS: Final = "too_many_connections"
TOO_MANY_OF_SOURCE: Final = "too_many_connections_of_source"
TOO_MANY_UNIDENTIFIED: Final = "too_many_unidentified"
TOO_FAST: Final = "connects_too_fast"
TOO_MANY_WAITING: Final = "too_many_handshakes"
HANDSHAKE_TIMEOUT: Final = "handshake_timeout"
IDENTIFY_TIMEOUT: Final = "identify_timeout"
GAVE_WAY: Final = "gave_way"
ADDRESS_NOT_ALLOWED: Final = "address_not_allowed"


class Guest(Protocol):
    """A connection that has not said who it is."""

    source: str
    remote_address: str

    def start_handshake(self) -> None:
        """A slot is free: go on."""
        ...

    def turn_away(self, reason: str) -> None:
        """Close; the reason is recorded."""
        ...


class Admission:
    """Counts of one gateway's connections.

    Every connection that ``enter`` let in must ``leave`` exactly once. The ordered dictionaries hold the time since
    when, oldest first.
    """

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._allowed = NetworkList(settings.allowed_networks)
        self._rates = SourceRates(settings.connects_per_source_s, settings.connects_burst_per_source)
        self._of_source: dict[str, int] = {}
        self._unshaken: OrderedDict[Guest, float] = OrderedDict()
        self._silent: OrderedDict[Guest, float] = OrderedDict()
        # By source, the one whose turn it is first.
        self._waiting: OrderedDict[str, OrderedDict[Guest, None]] = OrderedDict()
        self._strangers: dict[str, OrderedDict[Guest, None]] = {}
        self._handshakes: OrderedDict[Guest, float] = OrderedDict()
        self._unidentified: OrderedDict[Guest, float] = OrderedDict()
        self.connections = 0

    @property
    def handshakes(self) -> int:
        """Handshakes under way."""
        return len(self._handshakes)

    @property
    def waiting(self) -> int:
        """Connections that wait for a handshake slot."""
        return sum(map(len, self._waiting.values()))

    def enter(self, guest: Guest, now_s: float) -> str | None:
        """Let a new connection in, or say why not."""
        settings = self._settings
        source = guest.source
        if not self._allowed.holds(guest.remote_address):
            return ADDRESS_NOT_ALLOWED
        if self.connections >= settings.max_connections:
            return TOO_MANY_CONNECTIONS
        if self._of_source.get(source, 0) >= settings.max_connections_per_source:
            return TOO_MANY_OF_SOURCE
        if not self._rates.try_take(source, now_s):
            return TOO_FAST
        count = len(self._unshaken) + len(self._unidentified)
        if count >= settings.max_unidentified and not self._make_room(source, now_s):
            return TOO_MANY_UNIDENTIFIED
        self.connections += 1
        self._of_source[source] = self._of_source.get(source, 0) + 1
        self._unshaken[guest] = self._silent[guest] = now_s
        self._strangers.setdefault(source, OrderedDict())[guest] = None
        return None

    def request_handshake(self, guest: Guest, now_s: float) -> str | None:
        """Give a slot at once or in turn (``start_handshake`` is called), or say why there will be none."""
        self._silent.pop(guest, None)
        if len(self._handshakes) >= self._settings.max_handshakes:
            self._press(now_s)
        if not self._waiting and len(self._handshakes) < self._settings.max_handshakes:
            self._handshakes[guest] = now_s
            guest.start_handshake()
            return None
        if self.waiting >= self._settings.max_waiting and not self._thin_out(self._waiting, guest.source):
            return TOO_MANY_WAITING
        self._waiting.setdefault(guest.source, OrderedDict())[guest] = None
        return None

    def end_handshake(self, guest: Guest, now_s: float) -> None:
        """The handshake is complete; the guest must identify itself within its time."""
        self._unshaken.pop(guest, None)
        self._unidentified[guest] = now_s
        self._handshakes.pop(guest, None)
        self._serve_waiting(now_s)

    def identify(self, guest: Guest) -> None:
        """The guest has said who it is: its further life is no concern of admission but for the counts."""
        self._unidentified.pop(guest, None)
        _take_out(self._strangers, guest)

    def leave(self, guest: Guest, now_s: float) -> None:
        """The connection is gone."""
        self.connections -= 1
        left = self._of_source.get(guest.source, 1) - 1
        if left > 0:
            self._of_source[guest.source] = left
        else:
            self._of_source.pop(guest.source, None)
        self._forget(guest)
        self._unidentified.pop(guest, None)
        self._serve_waiting(now_s)

    def sweep(self, now_s: float) -> None:
        """Turn away whoever is over time; call it a few times each second."""
        settings = self._settings
        for guests, timeout_s, reason in (
            (self._unshaken, settings.handshake_timeout_s, HANDSHAKE_TIMEOUT),
            (self._unidentified, settings.identify_timeout_s, IDENTIFY_TIMEOUT),
        ):
            while guests and (oldest := _oldest(guests)) and now_s - oldest[1] > timeout_s:
                del guests[oldest[0]]
                self._forget(oldest[0])
                oldest[0].turn_away(reason)
        while self._waiting and self._press(now_s):
            pass
        self._serve_waiting(now_s)

    def _make_room(self, source: str, now_s: float) -> bool:
        """Let a connection that has been silent for long give way, or one of a source that crowds this one out."""
        oldest = _oldest(self._silent)
        if oldest is None or now_s - oldest[1] <= self._settings.pressed_handshake_s:
            return self._thin_out(self._strangers, source)
        self._turn_away(oldest[0])
        return True

    def _thin_out(self, guests: Mapping[str, OrderedDict[Guest, None]], source: str) -> bool:
        """Let a guest of the source that has most give way to one of a source that has fewer."""
        crowd = max(guests.values(), key=len)
        if len(crowd) - 1 <= len(guests.get(source, ())):
            return False
        self._turn_away(next(reversed(crowd)))
        return True

    def _press(self, now_s: float) -> bool:
        """Let a handshake that has got nowhere for long give way."""
        oldest = _oldest(self._handshakes)
        if oldest is None or now_s - oldest[1] <= self._settings.pressed_handshake_s:
            return False
        self._turn_away(oldest[0])
        return True

    def _turn_away(self, guest: Guest) -> None:
        self._forget(guest)
        self._unidentified.pop(guest, None)
        guest.turn_away(GAVE_WAY)

    def _forget(self, guest: Guest) -> None:
        """Take a guest out of every list of those that are not known yet."""
        self._unshaken.pop(guest, None)
        self._silent.pop(guest, None)
        self._handshakes.pop(guest, None)
        _take_out(self._waiting, guest)
        _take_out(self._strangers, guest)

    def _serve_waiting(self, now_s: float) -> None:
        while self._waiting and len(self._handshakes) < self._settings.max_handshakes:
            source, guests = self._waiting.popitem(last=False)
            guest, _ = guests.popitem(last=False)
            if guests:
                self._waiting[source] = guests
            self._handshakes[guest] = now_s
            guest.start_handshake()


def _take_out(guests: MutableMapping[str, OrderedDict[Guest, None]], guest: Guest) -> None:
    of_source = guests.get(guest.source)
    if of_source is not None and guest in of_source:
        del of_source[guest]
        if not of_source:
            del guests[guest.source]


def _oldest(guests: OrderedDict[Guest, float]) -> tuple[Guest, float] | None:
    return next(iter(guests.items()), None)
