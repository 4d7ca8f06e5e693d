"""The hops of each change on its way to the enforcement points: observed, ingested, decided, sent, enforced.

Wall-clock times are for people. Differences come from monotonic stamps, which are compared within one boot of one
machine only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from vedette.bus.contract import Enforced
from vedette.health import SignalStamps
from vedette.kernel import DeviceId, GenerationId, ModuleId

CHANGES_MAX: Final = 20_000
_GATEWAYS_MAX: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcedHop:
    """One enforcement point has applied a change.

    Attributes:
        boot_id: Of its machine; ``received_ns`` and ``enforced_ns`` count within that boot.
    """

    gateway: str
    boot_id: str
    sessions_cut: int
    received_ns: int
    enforced_ns: int
    told_at: datetime


@dataclass(slots=True, kw_only=True)
class Hops:
    """One change of one posture record, hop by hop.

    Attributes:
        stamps: Of the first hops: when the cause was observed, and when it came in.
        decided_at: When the record was composed and signed.
        sent_at: When it was committed and went to the enforcement points.
        enforced: By enforcement point, those that held a session of the identity.
    """

    sequence: int
    epoch: int
    generation_id: GenerationId
    device_id: DeviceId
    module_id: ModuleId | None
    stamps: SignalStamps
    decided_at: datetime
    decided_ns: int
    sent_at: datetime
    sent_ns: int
    enforced: dict[str, EnforcedHop] = field(default_factory=dict)

    def enforced_after_ns(self, boot_id: str) -> int | None:
        """Return how long it took from the signal's coming in until the last enforcement, within one boot.

        Args:
            boot_id: Of this machine.
        """
        ends = [each.enforced_ns for each in self.enforced.values() if each.boot_id == boot_id]
        return max(ends) - self.stamps.ingested_ns if ends else None


class HopLog:
    """The hops of the latest changes, by sequence; bounded, in memory: it proves latencies, not acts.

    What is new in it is remembered until ``HopKeeper`` has taken it.
    """

    def __init__(self) -> None:
        self._changed: dict[int, None] = {}
        self._over: set[int] = set()
        self._changes: OrderedDict[int, Hops] = OrderedDict()
        self._latest: dict[str, int] = {}

    def add(self, hops: Hops, *, is_over: bool = False) -> None:
        """Note a change that was sent.

        Args:
            hops: Of the change.
            is_over: It was sent before this machine's boot: what gateways tell of it now can't be compared with it.
        """
        if is_over:
            self._over.add(hops.sequence)
        self._changes[hops.sequence] = hops
        self._latest[hops.generation_id] = hops.sequence
        self._changed[hops.sequence] = None
        while len(self._changes) > CHANGES_MAX:
            _, gone = self._changes.popitem(last=False)
            self._changed.pop(gone.sequence, None)
            self._over.discard(gone.sequence)
            if self._latest.get(gone.generation_id) == gone.sequence:
                del self._latest[gone.generation_id]

    def note(self, gateway: str, boot_id: str, enforced: Enforced, now: datetime) -> None:
        """Note that an enforcement point has applied a change."""
        hops = self._changes.get(enforced.sequence)
        if hops is None or hops.generation_id != enforced.generation_id or hops.sequence in self._over:
            return
        if gateway not in hops.enforced and len(hops.enforced) >= _GATEWAYS_MAX:
            return
        known = hops.enforced.get(gateway)
        hops.enforced[gateway] = EnforcedHop(
            gateway=gateway,
            boot_id=boot_id,
            sessions_cut=enforced.sessions_cut + (0 if known is None else known.sessions_cut),
            received_ns=enforced.received_ns if known is None else known.received_ns,
            enforced_ns=enforced.enforced_ns,
            told_at=now,
        )
        self._changed[hops.sequence] = None

    def take_changed(self, limit: int) -> list[Hops]:
        """Return changes that are new or that more is known of, oldest first; they count as taken."""
        taken = list(self._changed)[:limit]
        for sequence in taken:
            del self._changed[sequence]
        return [self._changes[sequence] for sequence in sorted(taken)]

    def note_changed(self, changes: Iterable[Hops]) -> None:
        """Take changes back that could not be kept; those that are forgotten meanwhile are not."""
        self._changed.update((each.sequence, None) for each in changes if each.sequence in self._changes)

    def get(self, sequence: int) -> Hops | None:
        """Return the hops of a change, if it is remembered."""
        return self._changes.get(sequence)

    def latest_of(self, generation_id: str) -> Hops | None:
        """Return the hops of the last change of an identity, if it is remembered."""
        sequence = self._latest.get(generation_id)
        return None if sequence is None else self._changes.get(sequence)

    @property
    def changes(self) -> Mapping[int, Hops]:
        """All that are remembered, oldest first."""
        return self._changes
