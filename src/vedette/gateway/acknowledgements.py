"""PUBACKs in the order of their PUBLISHes, although some wait for an answer first (MQTT 3.1.1 §4.6)."""

from __future__ import annotations

from collections import Counter, deque


class HeldAcknowledgements:
    """The PUBACKs of one connection while requests of it are being answered.

    The bound of the queue is that of messages that a peer may have unacknowledged.
    """

    __slots__ = ("_order", "_unanswered")

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._unanswered: Counter[int] = Counter()

    def __len__(self) -> int:
        """How many PUBACKs wait."""
        return len(self._order)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or will wait."""
        return not self._unanswered and not self._order

    def hold(self, packet_id: int) -> None:
        """Let a message's PUBACK, and those behind it, wait for ``answered``."""
        self._unanswered[packet_id] += 1

    def stored(self, packet_id: int) -> list[int]:
        """Add the next PUBACK in order; return those that are due."""
        self._order.append(packet_id)
        return self._due()

    def answered(self, packet_id: int) -> list[int]:
        """Note that a held message is answered; return the PUBACKs that are due."""
        self._unanswered[packet_id] -= 1
        if self._unanswered[packet_id] <= 0:
            del self._unanswered[packet_id]
        return self._due()

    def _due(self) -> list[int]:
        order, unanswered = self._order, self._unanswered
        due = []
        while order and order[0] not in unanswered:
            due.append(order.popleft())
        return due
