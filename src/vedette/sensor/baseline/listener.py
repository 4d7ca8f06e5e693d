"""The listener: learns what is usual, and raises what is not."""

from __future__ import annotations

import logging
from typing import Final

from vedette.sensor.alerts import RaiseAlert, Rule
from vedette.sensor.assets import Assets
from vedette.sensor.baseline.alarms import Alarms, Told
from vedette.sensor.baseline.beacons import Beacons
from vedette.sensor.baseline.conversations import Conversations
from vedette.sensor.baseline.judge import Judge
from vedette.sensor.baseline.keeper import Keeper, carry_out
from vedette.sensor.baseline.keys import ends_of
from vedette.sensor.baseline.learned import AllowLists
from vedette.sensor.baseline.model import Settings
from vedette.sensor.baseline.names import Names
from vedette.sensor.baseline.questions import Questions
from vedette.sensor.baseline.rhythm import Channel, Rhythm
from vedette.sensor.baseline.sayings import Sayings
from vedette.sensor.baseline.state import BaselineProblem, Saved, restore, saved_from
from vedette.sensor.baseline.volume import Volume
from vedette.sensor.flows import Flow, Side
from vedette.sensor.model import Anomaly, AssetEvidence, Direction, OtOp

log = logging.getLogger(__name__)

_S: Final = 1_000_000_000
_ORDERS_EVERY_NS: Final = 5 * _S
_MAX_OF_FLOW: Final = 512
_FREED_AT_ONCE: Final = 64
_GREETINGS: Final = frozenset({"tls", "http"})
_CARRIED: Final = frozenset({"http", "snmp", "ftp", "tftp", "telnet", "smb"})
"""Ordinary protocols whose operations at industrial devices are learned; what they are about is not."""
_DNS: Final = "dns"
_RESPONSE: Final = Direction.RESPONSE

OpKey = tuple[str, object, str, int | None, int | None, str]


class Baseline(Rule):
    """Learns what is usual for each pair and device, and raises what is not.

    The same operation of the same conversation costs one look-up until the slice of time ends; then it is compared
    with the allow-lists again, which is how these know that it is still in use.

    Args:
        raise_alert: Where alerts go.
        assets: The inventory; it must hear everything before.
        settings: How long is learned, and where that is kept.
        told: What rules have said already is not said again.

    Raises:
        BaselineProblem: The state can't be read: nothing is learned anew in secret.
    """

    __slots__ = (
        "_beacons", "_conversations", "_keeper", "_known", "_orders_ns", "_questions", "_saved_ns", "_sayings",
        "_slice", "_slice_ns", "_stale", "alarms", "judge", "lists", "names", "now_ns", "rhythm", "saving_failed",
        "settings", "volume",
    )  # fmt: skip

    def __init__(
        self, raise_alert: RaiseAlert, assets: Assets, settings: Settings | None = None, told: Told | None = None
    ) -> None:
        super().__init__(raise_alert)
        self.settings: Final = settings or Settings()
        self.lists: Final = AllowLists(self.settings)
        self.alarms: Final = Alarms(raise_alert, self.settings, told)
        self.judge: Final = Judge(self.lists, self.alarms, assets)
        self.names: Final = Names()
        self.rhythm: Final = Rhythm(self.alarms, self.settings)
        self.volume: Final = Volume(self.alarms, self.settings)
        self.now_ns = 0
        self._conversations: Final = Conversations(self.lists, self.alarms, self.judge, assets, self.names)
        self._sayings: Final = Sayings(self.lists, self.alarms)
        self._questions: Final = Questions(self.lists, self.alarms, self.judge, self.settings)
        self._beacons: Final = Beacons(self.alarms, self.judge, self.names, self._conversations, self.settings)
        self._known: dict[Flow, dict[OpKey, Channel]] = {}
        self._stale: dict[Flow, dict[OpKey, Channel]] = {}
        """What was known in the last slice: freed by and by, as all at once would stop the sensor."""
        self._slice: int = -1
        self._slice_ns: Final = self.settings.slice_ns
        self._keeper: Final = Keeper(self.settings.path) if self.settings.path is not None else None
        self._saved_ns = self._orders_ns = 0
        self.saving_failed = 0
        if self._keeper is not None and (saved := self._keeper.load()) is not None:
            self.restore(saved)
            self._take_orders(self._keeper)

    def operations(self, operations: list[OtOp]) -> None:
        """Judge operations."""
        known = self._known
        if operations[-1].at_ns // self._slice_ns != self._slice:
            if len(operations) > 1:  # each in its own slice: rarely, and slow traffic is heard in long batches
                for op in operations:
                    self.operations([op])
                return
            self._slice = operations[-1].at_ns // self._slice_ns
            known = self._forget()
        for _ in range(min(_FREED_AT_ONCE, len(self._stale))):
            self._stale.popitem()
        for op in operations:
            if op.direction is _RESPONSE:
                if op.protocol == _DNS:
                    self.names.hear(op)
                continue
            asked = known.get(op.flow)
            if asked is not None:
                channel = asked.get((op.service, op.unit, op.area, op.first, op.count, op.name))
                if channel is not None:
                    at_ns = op.at_ns
                    gap_ns = at_ns - channel.last_ns
                    if gap_ns > channel.gap_ns:  # noqa: PLR1730 - a call costs five times as much
                        channel.gap_ns = gap_ns
                    channel.last_ns = at_ns
                    channel.count += 1
                    continue
            self._meet(op)
        self.rhythm.heard_ns = max(self.rhythm.heard_ns, operations[-1].at_ns)

    def _meet(self, op: OtOp) -> None:
        """Judge an operation that was not met in this slice of time."""
        flow, at_ns = op.flow, op.at_ns
        entry = flow.entry
        if entry is None or entry.family != "ot":
            if op.protocol == _DNS:
                self._questions.ask(op)
            elif op.protocol in _GREETINGS:
                self.names.hear(op)
            if op.protocol in _CARRIED:
                self.judge.carried(op)
            return
        self.judge.operation(op)
        self.volume.follow(flow)
        client, server = ends_of(op)
        channel = self.rhythm.channel(client, server, op)
        gap_ns = at_ns - channel.last_ns
        if gap_ns:
            channel.gap_ns = max(channel.gap_ns, gap_ns)
            channel.last_ns = at_ns
            channel.count += 1
        asked = self._known.setdefault(flow, {})
        if len(asked) >= _MAX_OF_FLOW:
            asked.clear()
        asked[op.service, op.unit, op.area, op.first, op.count, op.name] = channel

    def side_heard(self, side: Side, at_ns: int) -> None:
        """Judge who sends."""
        self.rhythm.heard_ns = max(self.rhythm.heard_ns, at_ns)
        self._conversations.heard(side, at_ns)
        if side.is_client and self.settings.is_beacon_on:
            self._beacons.begun(side.flow, at_ns)

    def evidence(self, evidence: list[AssetEvidence]) -> None:
        """Judge what devices say of themselves."""
        for piece in evidence:
            self._sayings.hear(piece)
        self.rhythm.heard_ns = max(self.rhythm.heard_ns, evidence[-1].at_ns)

    def anomalies(self, anomalies: list[Anomaly]) -> None:
        """Hear that somebody is alive."""
        self.rhythm.heard_ns = max(self.rhythm.heard_ns, anomalies[-1].at_ns)

    def flow_closed(self, flow: Flow) -> None:
        """Judge a conversation as a whole."""
        self._known.pop(flow, None)
        self._conversations.closed(flow)
        self.volume.closed(flow)
        if self.settings.is_beacon_on:
            self._beacons.ended(flow)

    def tick(self, now_ns: int) -> None:
        """Look at what takes time."""
        self.now_ns = now_ns
        self._conversations.tick(now_ns)
        if self.settings.is_rhythm_on:
            self.rhythm.sweep(now_ns)
            self.volume.sweep(now_ns)
        if self._keeper is not None:
            self._keep(self._keeper, now_ns)

    def restore(self, saved: Saved) -> None:
        """Fill what is still empty with what was kept."""
        restore(saved, self.lists, self.rhythm, self.judge.industrial)
        self.now_ns = saved.saved_ns

    def saved(self) -> Saved:
        """Return what is to be kept."""
        return saved_from(self.lists, self.rhythm, self.judge.industrial, self.now_ns)

    def save(self) -> None:
        """Keep the state now; call it when the sensor ends.

        Raises:
            BaselineProblem: It can't be written.
        """
        if self._keeper is not None:
            self._take_orders(self._keeper)
            self._keeper.save(self.saved())
            self._keeper.done()

    def _keep(self, keeper: Keeper, now_ns: int) -> None:
        if not 0 <= now_ns - self._orders_ns < _ORDERS_EVERY_NS:
            self._orders_ns = now_ns
            is_changed = self._take_orders(keeper)
        else:
            is_changed = False
        if not self._saved_ns:
            self._saved_ns = now_ns
        if is_changed or not 0 <= now_ns - self._saved_ns < self.settings.save_every_s * _S:
            self._saved_ns = now_ns
            try:
                keeper.save(self.saved())
                keeper.done()
            except BaselineProblem as problem:  # the disk is full, say: what is known is still in memory
                self.saving_failed += 1
                if self.saving_failed == 1:
                    log.warning("baseline not saved", extra={"path": str(keeper.path), "problem": problem.detail})

    def _forget(self) -> dict[Flow, dict[OpKey, Channel]]:
        """Begin a slice of time with nothing known."""
        self._stale, self._known = self._known, {}
        return self._known

    def _take_orders(self, keeper: Keeper) -> bool:
        orders = keeper.take()
        for order in orders:
            is_done = carry_out(order, self.lists, self.rhythm, self.now_ns)
            log.info("baseline changed by a person", extra={
                "verb": order.verb, "key_class": order.key_class, "scope": order.scope, "key": order.key,
                "is_done": is_done,
            })  # fmt: skip
        if orders:
            self._forget()
        return bool(orders)
