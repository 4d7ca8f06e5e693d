"""All rules as one listener: operations reach only who asked for their protocol and kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from vedette.sensor.alerts import RaiseAlert, Rule
from vedette.sensor.assets import Assets
from vedette.sensor.flows import Flow, Side
from vedette.sensor.model import Anomaly, AssetEvidence, OpKind, OtOp
from vedette.sensor.rules.calls import Calls
from vedette.sensor.rules.catalogue import RULES
from vedette.sensor.rules.content import Content
from vedette.sensor.rules.controllers import Controllers
from vedette.sensor.rules.desk import Desk
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood
from vedette.sensor.rules.domains import Domains
from vedette.sensor.rules.floods import Claims, Floods
from vedette.sensor.rules.indicators import Known
from vedette.sensor.rules.logins import Logins
from vedette.sensor.rules.model import Settings
from vedette.sensor.rules.outstations import Outstations
from vedette.sensor.rules.own import Own
from vedette.sensor.rules.process_bus import ProcessBus
from vedette.sensor.rules.refusals import Refusals
from vedette.sensor.rules.scans import Scans
from vedette.sensor.rules.silence import Silence
from vedette.sensor.rules.talk import Leases, Talk
from vedette.sensor.rules.violations import Violations
from vedette.sensor.rules.windows import Windows

# Controllers first: it keeps what the others look up.
DETECTORS: Final[tuple[Callable[[Desk, Neighbourhood], Detector], ...]] = (
    Controllers, Refusals, Violations, Outstations, ProcessBus, Scans, Floods, Claims, Logins, Windows, Calls,
    Domains, Talk, Leases, Content, Known, Silence, Own,
)  # fmt: skip


class Rules(Rule):
    """Raises the alerts of every rule in the catalogue that is on.

    Args:
        assets: The inventory.
        raise_alert: Where alerts go.
        settings: The catalogue as the operator wants it; as it is by default.

    Raises:
        RulesProblem: A list of indicators can't be read, or an own rule names no network.
    """

    __slots__ = (
        "_anomalies", "_closed", "_evidence", "_failures", "_payloads", "_routes", "_sides", "_silent", "_ticks",
        "detectors",
    )  # fmt: skip

    reads: ClassVar[frozenset[str]] = Content.reads

    def __init__(self, assets: Assets, raise_alert: RaiseAlert, settings: Settings | None = None) -> None:
        super().__init__(raise_alert)
        desk = Desk(raise_alert, settings or Settings(RULES))
        place = Neighbourhood(assets)
        self.detectors: Final = tuple(make(desk, place) for make in DETECTORS)
        self._routes: Final[dict[tuple[str, OpKind], tuple[Handler, ...]]] = {}
        self._sides: Final = tuple(each.side_heard for each in self._those_with("side_heard"))
        self._evidence: Final = tuple(each.evidence for each in self._those_with("evidence"))
        self._anomalies: Final = tuple(each.anomalies for each in self._those_with("anomalies"))
        self._closed: Final = tuple(each.flow_closed for each in self._those_with("flow_closed"))
        self._ticks: Final = tuple(each.tick for each in self._those_with("tick"))
        self._failures: Final = tuple(each.refused for each in self._those_with("refused"))
        self._silent: Final = tuple(each.silent for each in self._those_with("silent"))
        self._payloads: Final = tuple(each.payload_heard for each in self._those_with("payload_heard"))

    def operations(self, operations: list[OtOp]) -> None:
        """Hear of operations."""
        routes = self._routes
        for op in operations:
            handlers = routes.get((op.protocol, op.kind))
            if handlers is None:
                handlers = self._route(op)
            for handle in handlers:
                handle(op)
            result = op.result
            if result and result != "ok":
                for refused in self._failures:
                    refused(op)

    def side_heard(self, side: Side, at_ns: int) -> None:
        """Hear that an endpoint of a flow sent its first packet."""
        for hear in self._sides:
            hear(side, at_ns)

    def evidence(self, evidence: list[AssetEvidence]) -> None:
        """Hear what messages tell of assets."""
        for hear in self._evidence:
            hear(evidence)

    def anomalies(self, anomalies: list[Anomaly]) -> None:
        """Hear of messages that broke their protocol's rules."""
        for hear in self._anomalies:
            hear(anomalies)

    def flow_closed(self, flow: Flow) -> None:
        """Hear that a flow ended."""
        for hear in self._closed:
            hear(flow)

    def tick(self, now_ns: int) -> None:
        """Hear that time has passed."""
        for hear in self._ticks:
            hear(now_ns)

    def silent(self, now_ns: int, last_ns: int) -> None:
        """Hear that nothing came."""
        for hear in self._silent:
            hear(now_ns, last_ns)

    def payload_heard(self, side: Side, payload: bytes, at_ns: int) -> None:
        """Hear a payload."""
        for hear in self._payloads:
            hear(side, payload, at_ns)

    def _route(self, op: OtOp) -> tuple[Handler, ...]:
        found = (each.wants(op.protocol, op.kind) for each in self.detectors)
        handlers = self._routes[op.protocol, op.kind] = tuple(each for each in found if each is not None)
        return handlers

    def _those_with(self, method: str) -> tuple[Detector, ...]:
        """Return the detectors that hear something, so that the others cost nothing."""
        return tuple(each for each in self.detectors if getattr(type(each), method) is not getattr(Detector, method))
