"""What a capture holds, in counts: protocols, who talks with whom, operations, the outside, what was odd, alerts."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final, TypeVar

import msgspec

from vedette.sensor.alerts import Alert
from vedette.sensor.assets import Assets
from vedette.sensor.flows import Flow
from vedette.sensor.identify import Identifier
from vedette.sensor.listener import Listener
from vedette.sensor.model import Anomaly, Direction, OtOp
from vedette.sensor.shards import Shards

_MAX_LINKS: Final = 200_000
_MAX_KEYS: Final = 10_000
_MAX_ALERTS: Final = 10_000
_MAX_EXAMPLES: Final = 3
_RESPONSE: Final = Direction.RESPONSE

Key = TypeVar("Key")


class Traffic(msgspec.Struct):
    """Counts of flows that have something in common."""

    first_ns: int
    last_ns: int
    flows: int = 0
    packets: int = 0
    bytes: int = 0
    certainty: str = ""

    def add(self, flow: Flow, certainty: str) -> None:
        """Count a flow."""
        client, server = flow.from_client, flow.from_server
        self.flows += 1
        self.packets += client.packets + server.packets
        self.bytes += client.bytes + server.bytes
        self.first_ns = min(self.first_ns, flow.first_ns)
        self.last_ns = max(self.last_ns, flow.last_ns)
        self.certainty = max(self.certainty, certainty, key=_RANKS.__getitem__)


_RANKS: Final = {"": 0, "guess": 1, "likely": 2, "confirmed": 3}

LinkKey = tuple[str, str, str, int, str]
"""Client, server, transport, port, protocol."""


class Odd(msgspec.Struct):
    """How often a rule of a protocol was broken, with a few examples."""

    times: int = 0
    examples: list[str] = msgspec.field(default_factory=list)


class Report(Listener):
    """Counts what it hears; every table is bounded.

    Args:
        assets: Tells inside from outside.
        identifier: Guesses the protocol of flows in which nothing was said.
    """

    __slots__ = (
        "_assets",
        "_identifier",
        "alerts",
        "broken",
        "by_service",
        "links",
        "not_counted",
        "operations_count",
        "protocols",
    )

    def __init__(self, assets: Assets, identifier: Identifier) -> None:
        self._assets: Final = assets
        self._identifier: Final = identifier
        self.protocols: Final[dict[tuple[str, str], Traffic]] = {}
        """By transport and protocol."""
        self.links: Final[Shards[LinkKey, Traffic]] = Shards()
        self.by_service: Final[dict[tuple[str, str, str], int]] = {}
        """Operations by protocol, kind and service; requests and reports, not answers."""
        self.broken: Final[dict[tuple[str, str], Odd]] = {}
        """By protocol and kind."""
        self.alerts: Final[list[Alert]] = []
        self.operations_count = 0
        self.not_counted = 0
        """What came when a table was full."""

    def operations(self, operations: list[OtOp]) -> None:
        """Count operations."""
        self.operations_count += len(operations)
        by_service = self.by_service
        for op in operations:
            if op.direction != _RESPONSE:
                key = (op.protocol, op.kind, op.service)
                if key in by_service:
                    by_service[key] += 1
                elif len(by_service) < _MAX_KEYS:
                    by_service[key] = 1
                else:
                    self.not_counted += 1

    def anomalies(self, anomalies: list[Anomaly]) -> None:
        """Count what broke a protocol's rules."""
        for anomaly in anomalies:
            key = (anomaly.protocol, str(anomaly.kind))
            odd = self.broken.get(key)
            if odd is None:
                odd = self.broken[key] = Odd()
            odd.times += 1
            if len(odd.examples) < _MAX_EXAMPLES:
                flow = anomaly.flow
                source, target = (flow.client, flow.server) if anomaly.is_from_client else (flow.server, flow.client)
                odd.examples.append(f"{source} to {target}: {anomaly.detail}")

    def flow_closed(self, flow: Flow) -> None:
        """Count a flow."""
        protocol = flow.protocol
        certainty = flow.certainty
        if not protocol and not flow.from_client.payload_bytes and not flow.from_server.payload_bytes:
            protocol, certainty = self._identifier.guess(flow), "guess"
        self._count(self.protocols, (flow.transport, protocol or "unknown"), flow, certainty, _MAX_KEYS)
        key = (flow.client, flow.server, flow.transport, flow.server_port, protocol)
        self._count(self.links, key, flow, certainty, _MAX_LINKS)

    def raise_alert(self, alert: Alert) -> None:
        """Keep an alert; given to rules."""
        if len(self.alerts) < _MAX_ALERTS:
            self.alerts.append(alert)
        else:
            self.not_counted += 1

    def external(self) -> list[tuple[LinkKey, Traffic]]:
        """Return the links that leave this network, largest first."""
        is_inside = self._assets.is_inside
        found = [
            (key, traffic)
            for key, traffic in self.links.items()
            if key[2] != "ethernet" and is_inside(key[0]) != is_inside(key[1])
        ]
        return sorted(found, key=lambda each: -each[1].bytes)

    def _count(self, table: MutableMapping[Key, Traffic], key: Key, flow: Flow, certainty: str, limit: int) -> None:
        traffic = table.get(key)
        if traffic is None:
            if len(table) >= limit:
                self.not_counted += 1
                return
            traffic = table[key] = Traffic(flow.first_ns, flow.last_ns)
        traffic.add(flow, certainty)
