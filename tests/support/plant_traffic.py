"""A plant's traffic as the sensor's listeners hear it, for days: operations made directly, seeded."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vedette.sensor import Alert, AssetEvidence, Assets, Attribute, Direction, Flow, OpKind, OtOp
from vedette.sensor.baseline import Baseline, Settings
from vedette.sensor.dissect import PROTOCOLS

S = 1_000_000_000
START_NS = 1_700_000_000 * S
_ENTRIES = {(each.name, each.transport): each for each in reversed(PROTOCOLS)}


def flow_of(
    client: str, server: str, port: int, protocol: str, *, transport: str = "tcp", client_port: int = 40_000
) -> Flow:
    flow = Flow(b"key", transport, client, client_port, server, port, at_ns=START_NS)
    flow.entry = _ENTRIES.get((protocol, transport))
    flow.protocol = protocol
    return flow


def modbus(flow: Flow, at_ns: int, *, first: int = 100, count: int = 10, is_write: bool = False, unit: int = 1) -> OtOp:
    service, code, kind = (
        ("write_multiple_registers", 16, OpKind.WRITE) if is_write else ("read_holding_registers", 3, OpKind.READ)
    )
    return OtOp(
        at_ns, flow, True, "modbus", service, code, kind, Direction.REQUEST, unit, "holding_register", first, count
    )


def operation(
    flow: Flow, at_ns: int, service: str, kind: OpKind, *, code: int = 1, area: str = "", name: str = ""
) -> OtOp:
    return OtOp(at_ns, flow, True, flow.protocol, service, code, kind, Direction.REQUEST, None, area, name=name)


def evidence(address: str, at_ns: int, attribute: Attribute, value: str, source: str = "modbus") -> AssetEvidence:
    return AssetEvidence(at_ns, address, attribute, value, 95, source)


Do = Callable[[int], None]


@dataclass
class Site:
    """Feeds a baseline with what happens, in order of time."""

    settings: Settings = field(default_factory=Settings)
    seed: int = 7
    alerts: list[Alert] = field(default_factory=list)
    now_ns: int = START_NS
    tick_s: float = 10.0

    def __post_init__(self) -> None:
        self.assets = Assets()
        self.baseline = Baseline(self.alerts.append, self.assets, self.settings)
        self.random = random.Random(self.seed)
        self._queue: list[tuple[int, int, Iterator[int], Do]] = []
        self._next_tick_ns = START_NS

    def every(
        self, period_s: float, do: Do, *, jitter: float = 0.02, after_s: float = 0.0, until_s: float = 1e9
    ) -> None:
        """Do something regularly; ``jitter`` is a share of the period."""

        def times() -> Iterator[int]:
            at_s = after_s
            begin_ns = self.now_ns
            while at_s < until_s:
                yield begin_ns + int((at_s + self.random.uniform(0, jitter) * period_s) * S)
                at_s += period_s

        self._push(times(), do)

    def hear(self, *operations: OtOp) -> None:
        self.baseline.operations(list(operations))

    def poll(
        self, client: str, server: str, *, period_s: float = 10.0, first: int = 100, is_write: bool = False,
        until_s: float = 1e9, after_s: float = 0.0,
    ) -> Flow:  # fmt: skip
        """Poll registers of a controller for ever."""
        flow = flow_of(client, server, 502, "modbus")
        self.every(
            period_s,
            lambda at_ns: self.hear(modbus(flow, at_ns, first=first, is_write=is_write)),
            until_s=until_s,
            after_s=after_s,
        )
        return flow

    def run(self, for_s: float) -> list[Alert]:
        """Let time pass; return the alerts of it."""
        told = len(self.alerts)
        end_ns = self.now_ns + int(for_s * S)
        while self._queue and self._queue[0][0] < end_ns:
            at_ns, _, times, do = heapq.heappop(self._queue)
            self._tick_until(at_ns)
            self.now_ns = max(self.now_ns, at_ns)
            do(at_ns)
            self._push(times, do)
        self._tick_until(end_ns)
        self.now_ns = end_ns
        return self.alerts[told:]

    def _push(self, times: Iterator[int], do: Do) -> None:
        at_ns = next(times, None)
        if at_ns is not None:
            heapq.heappush(self._queue, (at_ns, self.random.getrandbits(62), times, do))

    def _tick_until(self, at_ns: int) -> None:
        while self._next_tick_ns <= at_ns:
            self.baseline.tick(self._next_tick_ns)
            self._next_tick_ns += int(self.tick_s * S)


def quiet_plant(site: Site, *, day_s: float) -> None:
    """Fill a site with usual traffic: polls, setpoints of shifts, a daily look of an engineer, reports, names."""
    for number in range(3):
        plc, share = f"10.0.10.{number + 1}", day_s / 86_400
        site.poll("10.0.0.10", plc, period_s=(5 + number * 2) * max(share, 0.2))
        site.poll("10.0.0.11", plc, period_s=20 * max(share, 0.2), first=200)
        flow = flow_of("10.0.0.10", plc, 502, "modbus")

        def setpoint(at_ns: int, flow: Flow = flow) -> None:
            site.hear(modbus(flow, at_ns, first=40 + site.random.randrange(4), count=1, is_write=True))

        site.every(1_200 * share, setpoint, jitter=0.9)
    engineer = flow_of("10.0.0.20", "10.0.10.1", 502, "modbus", client_port=41_000)

    def look(at_ns: int) -> None:
        for step in range(60):
            site.hear(modbus(engineer, at_ns + step * 100_000_000, first=step * 10, count=10))

    site.every(day_s, look, after_s=0.4 * day_s, jitter=0.02)
    rtu = flow_of("10.0.0.12", "10.0.20.1", 2404, "iec104")

    def report(at_ns: int) -> None:
        point = 1_000 + site.random.randrange(40)
        site.hear(
            OtOp(at_ns, rtu, False, "iec104", "m_me_nc_1", 13, OpKind.REPORT, Direction.REPORT, 1, "measured", point, 1)
        )

    site.every(30 * day_s / 86_400, report, jitter=0.8)
    names = flow_of("10.0.0.10", "10.0.0.1", 53, "dns", transport="udp")
    site.every(
        600 * day_s / 86_400,
        lambda at_ns: site.hear(operation(names, at_ns, "query", OpKind.OTHER, name="time.vendor.example")),
    )
