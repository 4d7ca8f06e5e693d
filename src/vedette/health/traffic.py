"""Traffic against each device's own baseline: gateways count, and what is unusual becomes a signal."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from datetime import timedelta
from typing import Final

import msgspec

from vedette.bus.contract import TrafficCount, TrafficCounts
from vedette.health import baseline_repository as repository
from vedette.health.baseline import Baseline
from vedette.health.model import NewSignal
from vedette.health.service import SignalService
from vedette.kernel import Clock, InvalidId, OrganizationId, Problem, parse_generation_id
from vedette.ledger import Actor
from vedette.store import Store
from vedette.trust import Provenance

log = logging.getLogger(__name__)

SOURCE: Final = "traffic-baseline"
LASTS: Final = timedelta(minutes=15)
IDENTITIES_MAX: Final = 200_000
_PARTS_MAX: Final = 1_000
_SAVE_EVERY_S: Final = 300.0
_SAVE_BATCH: Final = 2_000
_FORGET_AFTER: Final = timedelta(days=30)
_SIGNALS_PER_PART: Final = 200
_SLICE: Final = 200
_MINUTES_OFF_MAX: Final = 10
_ACTOR: Final = Actor("system", SOURCE)


class TrafficWatch:
    """Learns what is usual of each identity, and tells a signal of the class ``traffic-anomaly`` when it is not.

    What was learned is on disk every five minutes; what a crash takes is learned again.

    Args:
        organization_id: Whose devices.
        store: Where baselines are kept.
        signals: Takes what is unusual.
        clock: Source of time.
    """

    def __init__(self, organization_id: OrganizationId, store: Store, signals: SignalService, *, clock: Clock) -> None:
        self._organization_id = organization_id
        self._store = store
        self._signals = signals
        self._clock = clock
        self._parts: asyncio.Queue[TrafficCounts] = asyncio.Queue(maxsize=_PARTS_MAX)
        self._baselines: OrderedDict[str, Baseline] = OrderedDict()
        self._changed: set[str] = set()
        self._saved_s = clock.monotonic_s()

    def take(self, counts: TrafficCounts) -> None:
        """Take what a gateway has counted; never waits. When nobody keeps up, minutes are missing: that is no alarm."""
        try:
            self._parts.put_nowait(counts)
        except asyncio.QueueFull:
            log.warning("traffic counts are dropped", extra={"minute": counts.minute})

    async def run(self) -> None:
        """Compare and learn, until cancelled."""
        await self._load()
        while True:
            part = await self._parts.get()
            try:
                await self.compare(part)
                if self._clock.monotonic_s() - self._saved_s >= _SAVE_EVERY_S:
                    await self.save()
            except Problem as problem:
                log.warning("traffic is not compared", extra={"cause": problem.code})

    async def compare(self, part: TrafficCounts) -> int:
        """Compare one part with what is usual; return how many identities did something else."""
        now_minute = int(self._clock.now().timestamp()) // 60
        if abs(now_minute - part.minute) > _MINUTES_OFF_MAX:
            return 0
        found: list[tuple[TrafficCount, tuple[str, ...]]] = []
        for number, count in enumerate(part.counts, start=1):
            if number % _SLICE == 0:
                await asyncio.sleep(0)  # others want the event loop, too
            unusual = self._learn(part.minute, count)
            if unusual:
                found.append((count, unusual))
        for count, unusual in found[:_SIGNALS_PER_PART]:
            await self._tell(count, unusual)
        if len(found) > _SIGNALS_PER_PART:
            log.warning("more devices than can be told do something unusual", extra={"count": len(found)})
        return len(found)

    async def save(self) -> None:
        """Write what was learned since the last time."""
        self._saved_s = self._clock.monotonic_s()
        changed, self._changed = list(self._changed), set()
        now = self._clock.now()
        for start in range(0, len(changed), _SAVE_BATCH):
            names = changed[start : start + _SAVE_BATCH]
            learned = {each: msgspec.msgpack.encode(self._baselines[each]) for each in names if each in self._baselines}
            await self._store.write(
                lambda tx, learned=learned: repository.save_baselines(  # type: ignore[misc] # a bound default
                    tx.connection, self._organization_id, learned, now
                )
            )
        await self._store.write(
            lambda tx: repository.forget_baselines(tx.connection, self._organization_id, now - _FORGET_AFTER)
        )

    def _learn(self, minute: int, count: TrafficCount) -> tuple[str, ...]:
        try:
            generation_id = parse_generation_id(count.generation_id)
        except InvalidId:
            return ()
        baseline = self._baselines.get(generation_id)
        if baseline is None:
            baseline = self._baselines[generation_id] = Baseline()
            if len(self._baselines) > IDENTITIES_MAX:
                self._baselines.popitem(last=False)
        self._baselines.move_to_end(generation_id)
        self._changed.add(generation_id)
        values = {
            "messages": count.messages,
            "size_bytes": count.size_bytes,
            "requests": count.requests,
            "refused": count.refused,
        }
        return baseline.take(minute, values)

    async def _tell(self, count: TrafficCount, unusual: tuple[str, ...]) -> None:
        usual = self._baselines[count.generation_id].measures
        detail = {name: {"seen": getattr(count, name), "usual": round(usual[name].mean, 1)} for name in unusual}
        signal = NewSignal(
            generation_id=count.generation_id,
            signal_class="traffic-anomaly",
            provenance=Provenance.OBSERVED,
            source=SOURCE,
            lasts=LASTS,
            detail=detail,
        )
        try:
            await self._signals.accept(self._organization_id, signal, actor=_ACTOR)
        except Problem as problem:
            log.info("unusual traffic is not told", extra={"cause": problem.code})

    async def _load(self) -> None:
        try:
            rows = await self._store.read(lambda c: repository.read_baselines(c, self._organization_id, IDENTITIES_MAX))
        except Problem as problem:
            log.warning("baselines cannot be read; they are learned again", extra={"cause": problem.code})
            return
        for generation_id, raw in reversed(rows.items()):
            try:
                self._baselines.setdefault(generation_id, msgspec.msgpack.decode(raw, type=Baseline))
            except msgspec.MsgspecError:
                continue
