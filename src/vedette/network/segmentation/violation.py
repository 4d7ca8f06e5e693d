"""A violation: traffic between zones that the approved plan does not allow."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

import msgspec

from vedette.network.segmentation.replay import FlowVerdict, Judged

KEPT_MAX: Final = 10_000


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """Who talked across zones, about what, since when, and how often.

    Attributes:
        number: Of the version of the plan that it breaks.
        found_at: When the platform saw it first.
    """

    violation_id: str
    number: int
    verdict: FlowVerdict
    source: str
    target: str
    client: str
    server: str
    client_address: str
    server_address: str
    transport: str
    port: int
    protocol: str
    operations: tuple[str, ...]
    reason: str
    flows: int
    first_at: datetime
    last_at: datetime
    found_at: datetime


def make_violation(judged: Judged, *, number: int, at: datetime) -> Violation:
    """Make one of a judged flow; its id is the same each time."""
    flow = judged.flow
    key = "|".join(
        (
            str(number),
            judged.verdict,
            judged.source,
            judged.target,
            flow.client_address,
            flow.server_address,
            flow.transport,
            str(flow.port),
        )
    )
    return Violation(
        violation_id=f"vio_{hashlib.sha256(key.encode()).hexdigest()[:32]}",
        number=number,
        verdict=judged.verdict,
        source=judged.source,
        target=judged.target,
        client=flow.client,
        server=flow.server,
        client_address=flow.client_address,
        server_address=flow.server_address,
        transport=flow.transport,
        port=flow.port,
        protocol=flow.protocol,
        operations=flow.operations,
        reason=judged.reason,
        flows=flow.flows,
        first_at=flow.first_at or at,
        last_at=flow.last_at or at,
        found_at=at,
    )
