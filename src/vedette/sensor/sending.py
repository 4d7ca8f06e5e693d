"""What a sensor tells its platform, and when: alerts at once, assets as they change, totals from time to time.

Totals are those of a boot: whatever is lost on the way, the next one says it all. After a loss everything is told anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from vedette.protocols.sensor import EXCEPTIONS_MAX, Record, StatusRecord
from vedette.sensor.alerts import Alert
from vedette.sensor.assets import Asset
from vedette.sensor.flows import Flow
from vedette.sensor.listener import Listener
from vedette.sensor.model import Direction, OtOp
from vedette.sensor.sending_records import (
    TEXT,
    WORD,
    alert_record,
    asset_record,
    count,
    link_record,
    millis,
    operation_record,
    text,
)
from vedette.sensor.sensor import Sensor
from vedette.sensor.summary import not_parsed

_SLICE: Final = 2_000
"""How many things are looked at before packets have their turn again: about 10 ms."""
_MAX_LINKS: Final = 200_000
_MAX_OPERATIONS: Final = 100_000
_MAX_MEMOS: Final = 200_000
_MAX_NAMES: Final = 20_000
_MAX_ALERTS: Final = 4_096
_QUIET_NS: Final = 3_600 * 1_000_000_000
"""An alert that was not repeated for so long is told no more; when it comes again, its rule raises another."""
_SEEN_AGAIN_NS: Final = 300 * 1_000_000_000
"""How old what was told of an asset's last sign of life may grow."""
_RESPONSE: Final = Direction.RESPONSE
_FINE: Final = frozenset({"", "ok"})
_RANKS: Final = {"": 0, "guess": 1, "likely": 2, "confirmed": 3}
_NOTHING_MISSED: Final = frozenset({"retransmitted_segments", "mirrored_doubles"})
"""Reasons why something was passed over that had been read before."""
_NAMES: Final = frozenset({"dns", "tls", "http"})

EvidenceOf = Callable[[Alert], bytes]
OperationKey = tuple[str, str, str, str, str, str, str]
LinkKey = tuple[str, str, str, int, str]


class _Operations:
    """How often one operation was seen between two."""

    __slots__ = ("failures", "first_ns", "is_new", "last_ns", "times")

    def __init__(self, at_ns: int) -> None:
        self.times = 0
        self.failures = 0
        self.first_ns = at_ns
        self.last_ns = at_ns
        self.is_new = True


class _Link:
    __slots__ = ("bytes", "certainty", "first_ns", "flows", "is_new", "last_ns", "packets")

    def __init__(self, at_ns: int) -> None:
        self.flows = 0
        self.packets = 0
        self.bytes = 0
        self.certainty = ""
        self.first_ns = at_ns
        self.last_ns = at_ns
        self.is_new = True


class _Told(msgspec.Struct):
    alert: Alert
    id: str
    times: int
    is_held: bool = False


class _AssetTold(msgspec.Struct):
    mark: int
    last_ns: int
    """Its last sign of life that was told."""
    looked: tuple[int, int, int]
    """Its last sign of life and numbers of addresses when it was last looked at."""


_NEVER: Final = _AssetTold(0, 0, (0, 0, 0))


class Reporter(Listener):
    """Listens with the others and writes records; one for each boot.

    Args:
        boot: This run's own; alerts are numbered under it.
        evidence_of: Returns the packets behind an alert; empty without them.
        held_by: Returns the name of the exception by which an alert stays here, which may be empty; None: it goes.
    """

    __slots__ = (
        "_alerts",
        "_alerts_told",
        "_assets_told",
        "_boot",
        "_counted",
        "_evidence_of",
        "_guess",
        "_held_by",
        "_links",
        "_memos",
        "_memos_count",
        "_names",
        "_operations",
        "_sensor",
        "held_back",
        "held_back_by",
        "not_counted",
    )

    def __init__(
        self,
        boot: str,
        evidence_of: EvidenceOf = lambda _alert: b"",
        held_by: Callable[[Alert], str | None] = lambda _alert: None,
    ) -> None:
        self._boot: Final = boot
        self._evidence_of: Final = evidence_of
        self._held_by: Final = held_by
        self._sensor: Sensor | None = None
        self._operations: Final[dict[OperationKey, _Operations]] = {}
        # What one flow's operations are counted under: the way of nearly every operation.
        self._memos: Final[dict[Flow, dict[tuple[str, str, int | str | None], _Operations]]] = {}
        self._memos_count = 0
        self._links: Final[dict[LinkKey, _Link]] = {}
        self._counted: Final[dict[Flow, tuple[LinkKey, int, int]]] = {}
        """Live flows of which a part stands in the totals → where, packets, bytes."""
        self._names: Final[dict[str, str]] = {}
        self._alerts: Final[deque[_Told]] = deque()
        self._alerts_told = 0
        self._assets_told: Final[dict[int, _AssetTold]] = {}
        """By number."""
        self.not_counted = 0
        """What came when a table was full."""
        self.held_back = 0
        """Alerts that stayed here."""
        self.held_back_by: Final[dict[str, int]] = {}
        """By the name of the exception."""

    def attach(self, sensor: Sensor) -> None:
        """Say whose findings these are; before anything is read."""
        self._sensor = sensor

    def operations(self, operations: list[OtOp]) -> None:
        """Count operations; an answer counts only if it says no."""
        memos = self._memos
        for op in operations:
            if op.direction == _RESPONSE:
                if op.protocol == "dns":
                    self._name_from_answer(op)
                if op.result in _FINE:
                    continue
            of_flow = memos.get(op.flow)
            total = of_flow.get((op.service, op.area, op.unit)) if of_flow is not None else None
            if total is None and (total := self._total_of(op)) is None:
                continue
            if op.direction == _RESPONSE:
                total.failures += 1
            else:
                total.times += 1
            total.last_ns = op.at_ns
            total.is_new = True

    def flow_closed(self, flow: Flow) -> None:
        """Count what is left of a flow."""
        self._count(flow, is_over=True)

    def raised(self) -> list[Record]:
        """Return the alerts that were raised since the last call, as records; call it often."""
        raised = self._its.report.alerts
        records: list[Record] = []
        for alert in raised:
            self._alerts_told += 1
            name = self._held_by(alert)
            told = _Told(alert, f"{self._boot}.{self._alerts_told}", alert.times, name is not None)
            if name is not None:
                self._count_held(name)
            else:
                records.append(alert_record(alert, told.id, self._evidence_of(alert)))
            self._alerts.append(told)
            if len(self._alerts) > _MAX_ALERTS:
                self._alerts.popleft()
        raised.clear()
        return records

    def _count_held(self, name: str) -> None:
        self.held_back += 1
        counts = self.held_back_by
        if name and name not in counts and len(counts) >= EXCEPTIONS_MAX:
            del counts[next(iter(counts))]  # the first that was counted ended long ago, most likely
        if name:
            counts[name] = counts.get(name, 0) + 1

    def repeated(self, now_ns: int) -> list[Record]:
        """Return alerts that went on since they were told; without their evidence, which was sent."""
        records: list[Record] = []
        for _ in range(len(self._alerts)):
            told = self._alerts.popleft()
            if told.alert.times != told.times:
                told.times = told.alert.times
                # What goes on once its exception has ended is told.
                told.is_held = told.is_held and self._held_by(told.alert) is not None
                if not told.is_held:
                    records.append(alert_record(told.alert, told.id))
            if now_ns - max(told.alert.at_ns, told.alert.last_ns) < _QUIET_NS:
                self._alerts.append(told)
        return records

    def assets(self) -> Iterator[list[Record]]:
        """Yield the assets that changed since they were told, each as a whole, a few at a time."""
        all_ = self._its.assets.all()
        if len(self._assets_told) > 2 * len(all_):  # those that merged are gone
            kept = {asset.number for asset in all_}
            for number in [each for each in self._assets_told if each not in kept]:
                del self._assets_told[number]
        for start in range(0, len(all_), _SLICE):
            records: list[Record] = []
            for asset in all_[start : start + _SLICE]:
                before = self._assets_told.get(asset.number, _NEVER)
                looked = asset.last_ns, len(asset.ips), len(asset.macs)
                if looked == before.looked:
                    continue
                now = _AssetTold(_mark(asset), before.last_ns, looked)
                if now.mark != before.mark or asset.last_ns - before.last_ns > _SEEN_AGAIN_NS:
                    now.last_ns = asset.last_ns
                    records.append(asset_record(asset))
                self._assets_told[asset.number] = now
            yield records

    def totals(self) -> Iterator[list[Record]]:
        """Yield the links and operations that grew since they were told, a few at a time."""
        flows = self._its.engine.table.flows()
        for start in range(0, len(flows), _SLICE):
            for flow in flows[start : start + _SLICE]:
                if flow.key is not None:  # it has not ended meanwhile
                    self._count(flow, is_over=False)
            yield []
        links = list(self._links.items())
        for start in range(0, len(links), _SLICE):
            yield [self._link(key, link) for key, link in links[start : start + _SLICE] if link.is_new]
        operations = list(self._operations.items())
        for start in range(0, len(operations), _SLICE):
            yield [_operation(key, total) for key, total in operations[start : start + _SLICE] if total.is_new]

    def status(self, *, at_ms: int, interface: str, version: str, resident_bytes: int, lost: int) -> StatusRecord:
        """Return how it fares; ``lost``: records that did not even reach the buffer."""
        sensor, counters = self._its, self._its.engine.counters
        return StatusRecord(
            at=at_ms,
            interface=text(interface, WORD),
            version=text(version, WORD),
            packets=count(counters.packets),
            bytes=count(counters.bytes),
            dropped=count(sensor.packets_dropped),
            not_parsed=count(
                sum(times for reason, times in not_parsed(sensor).items() if reason not in _NOTHING_MISSED)
                + self.not_counted
                + sensor.report.not_counted
            ),
            records_lost=count(lost),
            assets=len(sensor.assets),
            links=len(self._links),
            resident_bytes=count(resident_bytes),
            alerts_held_back=self.held_back,
            held_back_by=dict(self.held_back_by),
        )

    def forget_what_was_told(self) -> None:
        """Tell all assets and totals anew, since some of it was lost."""
        self._assets_told.clear()
        for link in self._links.values():
            link.is_new = True
        for total in self._operations.values():
            total.is_new = True

    @property
    def _its(self) -> Sensor:
        if self._sensor is None:
            raise RuntimeError("attach a sensor first")
        return self._sensor

    def _link(self, key: LinkKey, link: _Link) -> Record:
        link.is_new = False
        client, server, transport = key[:3]
        is_inside = self._its.assets.is_inside
        return link_record(
            key,
            certainty=link.certainty,
            is_external=transport != "ethernet" and is_inside(client) != is_inside(server),
            name=self._names.get(server, ""),
            flows=count(link.flows),
            packets=count(link.packets),
            bytes=count(link.bytes),
            first_at=millis(link.first_ns),
            last_at=millis(link.last_ns),
        )

    def _total_of(self, op: OtOp) -> _Operations | None:
        flow = op.flow
        if op.protocol in _NAMES:
            self._name_from_request(op)
        key = (
            flow.client,
            flow.server,
            op.protocol,
            op.service,
            str(op.kind),
            op.area,
            "" if op.unit is None else str(op.unit)[:WORD],
        )
        total = self._operations.get(key)
        if total is None:
            if len(self._operations) >= _MAX_OPERATIONS:
                self.not_counted += 1
                return None
            total = self._operations[key] = _Operations(op.at_ns)
        if self._memos_count >= _MAX_MEMOS:
            self._memos.clear()
            self._memos_count = 0
        self._memos_count += 1
        self._memos.setdefault(flow, {})[op.service, op.area, op.unit] = total
        return total

    def _name_from_request(self, op: OtOp) -> None:
        """Remember what a client called the server that it greeted."""
        if op.direction == Direction.REQUEST and op.protocol != "dns":
            name = op.name if op.protocol == "tls" else op.unit
            if name:
                self._remember(op.flow.server, str(name))

    def _name_from_answer(self, op: OtOp) -> None:
        if op.name and isinstance(op.value, tuple):
            for value in op.value:
                if isinstance(value, str) and value not in self._names and value[:1] in "0123456789abcdef:":
                    self._remember(value, op.name)

    def _remember(self, address: str, name: str) -> None:
        if len(self._names) >= _MAX_NAMES:
            del self._names[next(iter(self._names))]
        self._names[address] = text(name, TEXT)

    def _count(self, flow: Flow, *, is_over: bool) -> None:
        """Add to a link what a flow carried since it was last counted."""
        client, server = flow.from_client, flow.from_server
        packets, size = client.packets + server.packets, client.bytes + server.bytes
        protocol, certainty = flow.protocol, flow.certainty
        if not protocol and not client.payload_bytes and not server.payload_bytes:
            protocol, certainty = self._its.engine.identifier.guess(flow), "guess"
        key = (flow.client, flow.server, flow.transport, flow.server_port, protocol)
        counted_as, packets_before, size_before = self._counted.pop(flow, (None, 0, 0))
        if is_over:
            self._memos_count -= len(self._memos.pop(flow, ()))
        else:
            self._counted[flow] = key, packets, size
        if counted_as == key and packets == packets_before:
            return
        link = self._links.get(key)
        if link is None:
            if len(self._links) >= _MAX_LINKS:
                self.not_counted += 1
                return
            link = self._links[key] = _Link(flow.first_ns)
        link.flows += counted_as != key
        link.packets += packets - packets_before
        link.bytes += size - size_before
        link.first_ns = min(link.first_ns, flow.first_ns)
        link.last_ns = max(link.last_ns, flow.last_ns)
        if _RANKS.get(certainty, 0) > _RANKS[link.certainty]:
            link.certainty = certainty
        link.is_new = True


def _operation(key: OperationKey, total: _Operations) -> Record:
    total.is_new = False
    return operation_record(key, total.times, total.failures, total.first_ns, total.last_ns)


def _mark(asset: Asset) -> int:
    """Return a number that changes when what is known of an asset does; how often it was said changes nothing."""
    facts = ((attribute, fact.value, fact.confidence) for attribute, found in asset.facts.items() for fact in found)
    return hash((frozenset(asset.ips), frozenset(asset.macs), frozenset(facts)))
