"""From bytes in order to messages: what has no end yet is kept, what fits nothing is counted, the place is found again.

Memory is bounded: one unfinished message for each direction, never longer than its protocol allows.
"""

from __future__ import annotations

import logging
from typing import Final

from vedette.sensor.dissect.interface import BAD_BYTES, INCOMPLETE, Dissector, StreamDissector
from vedette.sensor.flows import CLIENT_FITS, SERVER_FITS
from vedette.sensor.model import AnomalyKind

MAX_MISTAKES_LOGGED: Final = 10
MAX_BAD_MESSAGES: Final = 16
"""So many bad ones in a direction without a good one, and the protocol was not recognised rightly."""


_COUNTERS: Final = ("failed", "gap_bytes", "lost_place", "malformed", "resynced", "skipped_bytes")
_OUR_MISTAKES: Final = (TypeError, AttributeError, AssertionError, NameError, NotImplementedError)
"""What no bytes should ever raise: a dissector is wrong. Its flow is given up, the sensor goes on, and tests fail."""

log: Final = logging.getLogger(__name__)


class Unparsed:
    """Counts what no dissector could read, and the bytes that wait for their message; one for the whole sensor.

    Args:
        max_held_bytes: Of all unfinished messages together; above it, the one that grows is given up.
    """

    __slots__ = (
        "failed",
        "gap_bytes",
        "held_bytes",
        "lost_place",
        "malformed",
        "max_held_bytes",
        "resynced",
        "skipped_bytes",
    )

    def __init__(self, max_held_bytes: int = 64 * 1024 * 1024) -> None:
        self.max_held_bytes: Final = max_held_bytes
        self.held_bytes = 0
        self.failed = 0
        self.malformed = 0
        self.skipped_bytes = 0
        self.gap_bytes = 0
        self.lost_place = 0
        self.resynced = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counters by name."""
        return {name: getattr(self, name) for name in _COUNTERS}


class Stream:
    """One direction of a TCP connection: feeds a dissector message by message.

    Args:
        dissector: Of the connection; both directions share it.
        is_from_client: Which direction.
        unparsed: The sensor's counters.
    """

    __slots__ = ("_dissector", "_held", "_is_from_client", "_is_in_place", "_needed", "bad", "good", "unparsed")

    def __init__(self, dissector: StreamDissector, *, is_from_client: bool, unparsed: Unparsed) -> None:
        self._dissector: Final = dissector
        self._is_from_client: Final = is_from_client
        self._held = bytearray()
        self._needed = 0
        self._is_in_place = True
        self.good = 0
        self.bad = 0
        self.unparsed: Final = unparsed

    @property
    def held_bytes(self) -> int:
        """How many bytes wait for the rest of their message."""
        return len(self._held)

    def lose(self, count: int) -> None:
        """Say that ``count`` bytes never came; what was held has no end any more."""
        self.unparsed.gap_bytes += count
        self.unparsed.skipped_bytes += len(self._held)
        self.forget()
        self._is_in_place = False

    def forget(self) -> None:
        """Drop what is held."""
        self.unparsed.held_bytes -= len(self._held)
        self._held.clear()

    def feed(self, data: bytes, at_ns: int) -> None:
        """Read the next bytes, which follow those before without a gap."""
        held = self._held
        if held:
            self.unparsed.held_bytes += len(data)
            held += data
            if len(held) < self._needed:
                return
            data = bytes(held)
            self.forget()
        dissector = self._dissector
        is_from_client = self._is_from_client
        size = len(data)
        start = 0
        most_bad = self.bad + MAX_BAD_MESSAGES
        while start < size:
            if self.bad > most_bad:  # no segment may cost more than its share
                self._is_in_place = False
                self.unparsed.skipped_bytes += size - start
                return
            try:
                length = dissector.measure(data, start, is_from_client)
            except BAD_BYTES:
                length = INCOMPLETE
            except _OUR_MISTAKES as error:
                note_mistake(dissector, self.unparsed, error)
                return
            stop = start + length
            if length <= 0 or length > dissector.max_message_bytes:
                if length == INCOMPLETE and size - start < dissector.max_message_bytes:
                    self._hold(data, start, 0)
                    return
                start = self._search(data, start)
                continue
            if stop > size:
                self._hold(data, start, length)
                return
            if not self._is_in_place:
                self._is_in_place = True
                self.unparsed.resynced += 1
            try:
                dissector.message(data if length == size else data[start:stop], is_from_client, at_ns)
                self.good += 1
            except BAD_BYTES as error:
                self.unparsed.malformed += 1
                note_malformed(dissector, is_from_client, at_ns, error)
                self._fail()
            except _OUR_MISTAKES as error:
                note_mistake(dissector, self.unparsed, error)
                return
            start = stop

    def _hold(self, data: bytes, start: int, needed: int) -> None:
        unparsed = self.unparsed
        if unparsed.held_bytes > unparsed.max_held_bytes:
            unparsed.skipped_bytes += len(data) - start
            unparsed.lost_place += 1
            self._is_in_place = False
            return
        self._held += data[start:]
        self._needed = needed
        unparsed.held_bytes += len(data) - start

    def _search(self, data: bytes, start: int) -> int:
        if self._is_in_place:
            self.unparsed.lost_place += 1
            self._is_in_place = False
            self._fail()
        found = self._dissector.find(data, start + 1, self._is_from_client)
        if found <= start:
            found = len(data)
        self.unparsed.skipped_bytes += found - start
        return found

    def _fail(self) -> None:
        self.bad += 1
        if self.bad > MAX_BAD_MESSAGES and not self.good:
            self._dissector.flow.give_up()


class StreamPair:
    """Both directions of a TCP connection with the dissector that they share.

    Args:
        dissector: Of the connection.
        unparsed: The sensor's counters.
    """

    __slots__ = ("dissector", "from_client", "from_server")

    def __init__(self, dissector: StreamDissector, unparsed: Unparsed) -> None:
        self.dissector: Final = dissector
        self.from_client: Final = Stream(dissector, is_from_client=True, unparsed=unparsed)
        self.from_server: Final = Stream(dissector, is_from_client=False, unparsed=unparsed)

    def lose(self, count: int, *, is_from_client: bool) -> None:
        """Say that bytes of a direction never came."""
        (self.from_client if is_from_client else self.from_server).lose(count)

    def forget(self) -> None:
        """Drop what is held, in both directions."""
        self.from_client.forget()
        self.from_server.forget()

    def prove(self) -> None:
        """Let the flow know in which directions messages were read."""
        proofs = (CLIENT_FITS if self.from_client.good else 0) | (SERVER_FITS if self.from_server.good else 0)
        self.dissector.flow.proofs |= proofs


class Datagrams:
    """One direction of a conversation in datagrams or layer-2 frames.

    Args:
        dissector: Of the conversation; both directions share it.
        is_from_client: Which direction.
        unparsed: The sensor's counters.
    """

    __slots__ = ("_dissector", "_is_from_client", "bad", "good", "unparsed")

    def __init__(self, dissector: Dissector, *, is_from_client: bool, unparsed: Unparsed) -> None:
        self._dissector: Final = dissector
        self._is_from_client: Final = is_from_client
        self.good = 0
        self.bad = 0
        self.unparsed: Final = unparsed

    def feed(self, payload: bytes, at_ns: int) -> None:
        """Read one."""
        try:
            self._dissector.datagram(payload, self._is_from_client, at_ns)
        except BAD_BYTES as error:
            self.bad += 1
            self.unparsed.malformed += 1
            note_malformed(self._dissector, self._is_from_client, at_ns, error)
            if self.bad > MAX_BAD_MESSAGES and not self.good:
                self._dissector.flow.give_up()
        except _OUR_MISTAKES as error:
            note_mistake(self._dissector, self.unparsed, error)
        else:
            self.good += 1


def note_malformed(dissector: Dissector, is_from_client: bool, at_ns: int, error: Exception) -> None:
    """Note a message that could not be read; only ``Malformed`` has words of ours."""
    detail = (
        str(error) if type(error).__name__ == "Malformed" else "ends too early, or its lengths contradict each other"
    )
    dissector.complain(at_ns, is_from_client, AnomalyKind.MALFORMED, detail)


def note_mistake(dissector: Dissector, unparsed: Unparsed, error: Exception) -> None:
    """Give up a flow whose dissector failed by a mistake of its own; say where, and quote nothing."""
    unparsed.failed += 1
    dissector.flow.give_up()
    if unparsed.failed > MAX_MISTAKES_LOGGED:
        return
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    log.error(
        "a dissector failed; its flow is not read any further",
        extra={
            "protocol": dissector.name,
            "error": type(error).__name__,
            "function": place.tb_frame.f_code.co_qualname if place else "",
            "line": place.tb_lineno if place else 0,
        },
    )
