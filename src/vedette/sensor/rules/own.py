"""Rules that the operator wrote."""

from __future__ import annotations

import ipaddress
from fnmatch import fnmatchcase
from typing import Final

from vedette.sensor.flows import Flow
from vedette.sensor.model import Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood, ends_of, facts_of
from vedette.sensor.rules.model import OwnRule, RulesProblem

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Own(Detector):
    """Compares operations, and conversations when they are over, with the operator's rules."""

    __slots__ = ("_of_flows", "_of_operations")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        rules = [(rule, _network(rule, rule.source), _network(rule, rule.target)) for rule in desk.settings.own]
        self._of_operations: Final = tuple(each for each in rules if each[0].service or each[0].kind)
        self._of_flows: Final = tuple(each for each in rules if not (each[0].service or each[0].kind))

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:
        """Hear what a rule may be about."""
        found = tuple(
            each
            for each in self._of_operations
            if each[0].protocol in {"", protocol} and each[0].kind in {"", str(kind)}
        )
        if not found:
            return None

        def hear(op: OtOp) -> None:
            if op.direction is Direction.RESPONSE:
                return
            source, target = ends_of(op)
            for rule, sources, targets in found:
                if (
                    (not rule.service or fnmatchcase(op.service, rule.service))
                    and rule.port in {0, op.flow.server_port}
                    and _holds(sources, source)
                    and _holds(targets, target)
                ):
                    self.desk.report(
                        "own.rule", op.at_ns, source, target, rule.name, key=rule.name, protocol=op.protocol,
                        flow=op.flow, detail=facts_of(op), severity=rule.severity,
                    )  # fmt: skip

        return hear

    def flow_closed(self, flow: Flow) -> None:
        """Compare a conversation."""
        for rule, sources, targets in self._of_flows:
            if (
                rule.protocol in {"", flow.protocol}
                and rule.port in {0, flow.server_port}
                and _holds(sources, flow.client)
                and _holds(targets, flow.server)
            ):
                self.desk.report(
                    "own.rule", flow.last_ns, flow.client, flow.server, rule.name, key=rule.name,
                    protocol=flow.protocol, flow=flow, severity=rule.severity,
                )  # fmt: skip


def _network(rule: OwnRule, text: str) -> Network | None:
    if not text:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise RulesProblem(f"own rule {rule.name!r}: {text!r} is no address or network", hint="10.0.0.0/24") from None


def _holds(network: Network | None, address: str) -> bool:
    if network is None:
        return True
    try:
        return ipaddress.ip_address(address) in network
    except ValueError:
        return False
