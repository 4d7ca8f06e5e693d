"""TCP segments in order: retransmissions dropped, holes waited for a little, then given up and counted.

The way of a segment that comes when it is expected stands in ``engine``; here is what happens to the others.

Source:
    RFC 9293 §3.4 (sequence numbers), §3.10.7.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.flows import Side

MAX_WAITING_SEGMENTS: Final = 16
MAX_WAITING_BYTES: Final = 262_144
MAX_WAIT_NS: Final = 1_000_000_000
DOUBLE_NS: Final = 2_000_000

_MASK: Final = 0xFFFF_FFFF
_HALF: Final = 0x8000_0000


class Reassembly:
    """What becomes of segments out of order, for all connections; counts it.

    Args:
        max_waiting_bytes: Held for all connections together; above, holes are given up at once.
    """

    __slots__ = ("_max_waiting_bytes", "doubles", "holes", "retransmitted", "waiting_bytes")

    def __init__(self, max_waiting_bytes: int = 32 * 1024 * 1024) -> None:
        self._max_waiting_bytes: Final = max_waiting_bytes
        self.waiting_bytes = 0
        self.retransmitted = 0
        self.doubles = 0
        self.holes = 0

    def take(self, side: Side, seq: int, payload: bytes, at_ns: int, before_ns: int) -> list[tuple[bytes, int, int]]:
        """Return what can be read now, as (payload, when, bytes missing before it).

        Args:
            side: Whose segment it is.
            seq: Its first sequence number.
            payload: Not empty.
            at_ns: When it came.
            before_ns: When the packet before it came, to tell mirrored doubles from retransmissions.
        """
        if side.next_seq < 0:
            side.next_seq = seq + len(payload) & _MASK
            return [(payload, at_ns, 0)]
        ahead = seq - side.next_seq & _MASK
        if ahead >= _HALF:
            known = _MASK + 1 - ahead
            if known >= len(payload):
                if at_ns - before_ns < DOUBLE_NS:
                    self.doubles += 1
                else:
                    self.retransmitted += 1
                return []
            side.next_seq = seq + len(payload) & _MASK
            return [(payload[known:], at_ns, 0), *self.ready(side)]
        if ahead == 0:
            side.next_seq = seq + len(payload) & _MASK
            return [(payload, at_ns, 0), *self.ready(side)]
        return self._wait(side, seq, payload, at_ns)

    def ready(self, side: Side) -> list[tuple[bytes, int, int]]:
        """Return the segments that waited and now follow without a hole."""
        found = []
        waiting = side.waiting
        while waiting:
            seq = min(waiting, key=lambda each: each - side.next_seq + _HALF & _MASK)
            ahead = seq - side.next_seq & _MASK
            if 0 < ahead < _HALF:
                break
            payload, at_ns = waiting.pop(seq)
            self.waiting_bytes -= len(payload)
            known = side.next_seq - seq & _MASK
            if known < len(payload):
                side.next_seq = seq + len(payload) & _MASK
                found.append((payload[known:], at_ns, 0))
        return found

    def flush(self, side: Side) -> list[tuple[bytes, int, int]]:
        """Return all that waits, holes and all."""
        found = []
        waiting = side.waiting
        while waiting:
            found += self._skip(side, waiting)
        return found

    def forget(self, side: Side) -> None:
        """Drop what waits."""
        if side.waiting:
            self.waiting_bytes -= sum(len(payload) for payload, _ in side.waiting.values())
        side.waiting = None

    def _wait(self, side: Side, seq: int, payload: bytes, at_ns: int) -> list[tuple[bytes, int, int]]:
        waiting = side.waiting
        if waiting is None:
            waiting = side.waiting = {}
        kept = waiting.get(seq)
        if kept is None or len(kept[0]) < len(payload):
            self.waiting_bytes += len(payload) - (len(kept[0]) if kept else 0)
            waiting[seq] = (payload, at_ns)
        else:
            self.doubles += 1
        first_ns = next(iter(waiting.values()))[1]
        if (
            len(waiting) > MAX_WAITING_SEGMENTS
            or at_ns - first_ns > MAX_WAIT_NS
            or self.waiting_bytes > self._max_waiting_bytes
            or sum(len(each) for each, _ in waiting.values()) > MAX_WAITING_BYTES
        ):
            return self._skip(side, waiting)
        return []

    def _skip(self, side: Side, waiting: dict[int, tuple[bytes, int]]) -> list[tuple[bytes, int, int]]:
        """Give up the first hole."""
        seq = min(waiting, key=lambda each: each - side.next_seq & _MASK)
        missing = seq - side.next_seq & _MASK
        payload, at_ns = waiting.pop(seq)
        self.waiting_bytes -= len(payload)
        self.holes += 1
        side.missed_bytes += missing
        side.next_seq = seq + len(payload) & _MASK
        return [(payload, at_ns, missing), *self.ready(side)]
