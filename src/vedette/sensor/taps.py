"""Listeners that look into payloads, before or beside who reads them; the path of all others stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vedette.sensor.flows import Feed, Side
from vedette.sensor.listener import Listener

NOT_KNOWN: Final = ""


class Taps:
    """Who hears payloads of which protocols.

    Args:
        listeners: Those that read nothing are left out.
    """

    __slots__ = ("_taps", "_unknown")

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._taps: Final = tuple((each.reads, each.payload_heard) for each in listeners if each.reads)
        self._unknown: Final = tuple(hear for reads, hear in self._taps if NOT_KNOWN in reads)

    def hear_unknown(self, side: Side, payload: bytes, at_ns: int) -> None:
        """Pass on a payload of which nobody knows the protocol yet."""
        for hear in self._unknown:
            hear(side, payload, at_ns)

    def on(self, side: Side, feed: Feed, protocol: str) -> Feed:
        """Return a feed that also tells those who asked for the protocol; ``feed`` itself if nobody did."""
        taps = tuple(hear for reads, hear in self._taps if protocol in reads)
        if not taps:
            return feed

        def hear_and_read(payload: bytes, at_ns: int) -> None:
            for hear in taps:
                hear(side, payload, at_ns)
            feed(payload, at_ns)

        return hear_and_read
