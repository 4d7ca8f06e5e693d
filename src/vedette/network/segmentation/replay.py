"""What a plan would have done with traffic that was seen, or with an attack."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from vedette.network.segmentation.conduits import stays_local
from vedette.network.segmentation.membership import Membership, lies_in
from vedette.network.segmentation.model import EXTERNAL, PORT_TRANSPORTS, TRANSPORTS, UNASSIGNED, Conduit, Flow, Plan
from vedette.network.segmentation.purdue import EXTERNAL_LEVEL, explain_crossing

SHOWN_MAX: Final = 1_000


class FlowVerdict(StrEnum):
    """What becomes of a flow."""

    INSIDE = "inside"
    """Both ends are in one zone."""
    LOCAL = "local"
    """It never leaves its segment: broadcast, multicast."""
    CONDUIT = "conduit"
    BLOCKED = "blocked"
    OPERATION = "operation"
    """A conduit allows the service, not the operation: a firewall lets it pass, and it is told of."""
    LAYER2 = "layer2"
    """Two zones share a segment beneath IP: only VLANs or a bridge firewall part them."""
    OUTSIDE = "outside"
    """No end is in a zone."""


STOPPED: Final = frozenset({FlowVerdict.BLOCKED})
VIOLATIONS: Final = frozenset({FlowVerdict.BLOCKED, FlowVerdict.OPERATION, FlowVerdict.LAYER2})


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A flow, and what a plan does with it.

    Attributes:
        source: Zone id of the client, ``external`` or ``unassigned``.
        conduit_id: The conduit that allows it, or its service.
        reason: In words, why not.
    """

    flow: Flow
    verdict: FlowVerdict
    source: str
    target: str
    conduit_id: str = ""
    reason: str = ""


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome over all traffic.

    Attributes:
        links: How many were judged.
        flows: Connections of these.
        blocked_links: How many a firewall would stop.
        counts: FlowVerdict → links.
        shown: The violations, those with the most flows first, at most ``SHOWN_MAX``.
        unused: Conduits that no traffic used.
    """

    links: int
    flows: int
    blocked_links: int
    blocked_flows: int
    counts: dict[str, int]
    shown: tuple[Judged, ...]
    unused: tuple[str, ...]


class Judge:
    """Says what a plan does with a flow.

    Args:
        plan: The plan.
        membership: Of the plan.
        at: Conduits that end before then allow nothing.
    """

    def __init__(self, plan: Plan, membership: Membership, *, at: datetime) -> None:
        self._membership = membership
        self._levels = {zone.zone_id: zone.level for zone in plan.zones} | {EXTERNAL: EXTERNAL_LEVEL}
        self._names = {zone.zone_id: zone.name for zone in plan.zones}
        self._between: dict[tuple[str, str], list[Conduit]] = {}
        self._outside = tuple(sorted({network for conduit in plan.conduits for network in conduit.networks}))
        self._ended: set[tuple[str, str]] = set()
        for conduit in plan.conduits:
            ends = (conduit.source, conduit.target)
            if conduit.expires_at is not None and conduit.expires_at <= at:
                self._ended.add(ends)
            else:
                self._between.setdefault(ends, []).append(conduit)

    def judge(self, flow: Flow) -> Judged:
        """Say what becomes of a flow."""
        membership = self._membership
        source = self._end(flow.client, flow.client_address, is_external=flow.is_external)
        target = self._end(flow.server, flow.server_address, is_external=flow.is_external)

        def said(verdict: FlowVerdict, conduit_id: str = "", reason: str = "") -> Judged:
            return Judged(
                flow=flow, verdict=verdict, source=source, target=target, conduit_id=conduit_id, reason=reason
            )

        if stays_local(flow):
            return said(FlowVerdict.LOCAL)
        if source == target and not membership.holds_apart(source):
            return said(FlowVerdict.OUTSIDE if source in {EXTERNAL, UNASSIGNED} else FlowVerdict.INSIDE)
        if {source, target} <= {EXTERNAL, UNASSIGNED}:
            return said(FlowVerdict.OUTSIDE)
        if flow.transport not in TRANSPORTS:
            return said(FlowVerdict.LAYER2, reason=f"{flow.protocol or flow.transport} beneath IP joins two zones")
        return self._judge_between(flow, source, target, said)

    def _end(self, asset_id: str, address: str, *, is_external: bool) -> str:
        found = self._membership.zone_of(asset_id, address, is_external=is_external and not asset_id)
        # Private addresses that a conduit names as being outside are.
        if found == UNASSIGNED and not asset_id and self._outside and lies_in(address, self._outside):
            return EXTERNAL
        return found

    def _judge_between(self, flow: Flow, source: str, target: str, said: Said) -> Judged:
        only_service = ""
        for conduit in self._between.get((source, target), ()):
            far = flow.server_address if target == EXTERNAL else flow.client_address
            if conduit.networks and not lies_in(far, conduit.networks):
                continue
            if any(service.holds(flow.transport, flow.port) for service in conduit.services):
                if not conduit.operations or set(flow.operations) <= set(conduit.operations):
                    return said(FlowVerdict.CONDUIT, conduit.conduit_id, "")
                only_service = conduit.conduit_id
        if only_service:
            return said(FlowVerdict.OPERATION, only_service, f"no conduit allows {', '.join(flow.operations)} there")
        return said(FlowVerdict.BLOCKED, "", self._why_blocked(flow, source, target))

    def _why_blocked(self, flow: Flow, source: str, target: str) -> str:
        ends = (source, target)
        service = f"{flow.transport}/{flow.port}" if flow.transport in PORT_TRANSPORTS else flow.transport
        if UNASSIGNED in ends:
            return "one end is in no zone"
        if ends in self._between:
            reason = f"no conduit from {self._name(source)} to {self._name(target)} allows {service}"
        elif ends in self._ended:
            reason = f"the conduit from {self._name(source)} to {self._name(target)} has ended"
        else:
            reason = f"no conduit leads from {self._name(source)} to {self._name(target)}"
        crossing = explain_crossing(self._levels.get(source, ""), self._levels.get(target, ""))
        return f"{reason}; {crossing}" if crossing else reason

    def _name(self, zone_id: str) -> str:
        return self._names.get(zone_id, zone_id)


class Said(Protocol):
    """Makes a judgement of the flow at hand."""

    def __call__(self, verdict: FlowVerdict, conduit_id: str = "", reason: str = "") -> Judged:
        """Return it."""
        ...


def replay(plan: Plan, membership: Membership, flows: Iterable[Flow], *, at: datetime) -> Replay:
    """Judge every flow."""
    judge = Judge(plan, membership, at=at)
    counts: dict[str, int] = {verdict.value: 0 for verdict in FlowVerdict}
    links = connections = blocked_links = blocked_flows = 0
    violations: list[Judged] = []
    used: set[str] = set()
    for flow in flows:
        judged = judge.judge(flow)
        links += 1
        connections += flow.flows
        counts[judged.verdict] += 1
        used.add(judged.conduit_id)
        if judged.verdict in STOPPED:
            blocked_links += 1
            blocked_flows += flow.flows
        if judged.verdict in VIOLATIONS:
            violations.append(judged)
    violations.sort(key=lambda each: (-each.flow.flows, each.flow.client_address, each.flow.server_address))
    return Replay(
        links=links,
        flows=connections,
        blocked_links=blocked_links,
        blocked_flows=blocked_flows,
        counts=counts,
        shown=tuple(violations[:SHOWN_MAX]),
        unused=tuple(conduit.conduit_id for conduit in plan.conduits if conduit.conduit_id not in used),
    )


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of an attack: through which conduit a zone is reached, and on which path."""

    zone_id: str
    conduit_id: str
    services: tuple[str, ...]
    path: tuple[str, ...]


def find_attack_paths(plan: Plan, start: str, *, at: datetime) -> tuple[Step, ...]:
    """Return every zone that whoever holds one zone can reach through conduits, nearest first.

    Args:
        plan: The plan.
        start: Zone id, or ``external``.
        at: Conduits that end before then lead nowhere.
    """
    leading: dict[str, list[Conduit]] = {}
    for conduit in plan.conduits:
        if conduit.expires_at is None or conduit.expires_at > at:
            leading.setdefault(conduit.source, []).append(conduit)
    paths: dict[str, tuple[str, ...]] = {start: (start,)}
    steps: list[Step] = []
    waiting = [start]
    for here in waiting:
        for conduit in sorted(leading.get(here, ()), key=lambda each: each.conduit_id):
            if conduit.target in paths or conduit.target == EXTERNAL:
                continue
            paths[conduit.target] = (*paths[here], conduit.target)
            waiting.append(conduit.target)
            services = tuple(str(service) for service in conduit.services)
            step = Step(
                zone_id=conduit.target,
                conduit_id=conduit.conduit_id,
                services=services,
                path=paths[conduit.target],
            )
            steps.append(step)
    return tuple(steps)
