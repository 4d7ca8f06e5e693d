"""A small plant with two cells, and what its devices were seen to talk about."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime

from vedette.network.segmentation import Flow, Member

SEEN_AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def counted_ids() -> Callable[[str], str]:
    """Return a maker of ids that look like ours, and are the same each time."""
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}_{next(numbers):026}"


def member(name: str, address: str, level: str, **values: object) -> Member:
    return Member(asset_id=f"ast_{name}", name=name, addresses=(address,), site="north", level=level, **values)  # type: ignore[arg-type] # fields by name


def flow(client: Member, server: Member, port: int, protocol: str, *operations: str, flows: int = 100) -> Flow:
    return Flow(
        client=client.asset_id,
        server=server.asset_id,
        client_address=client.addresses[0],
        server_address=server.addresses[0],
        port=port,
        protocol=protocol,
        operations=operations,
        flows=flows,
        first_at=SEEN_AT,
        last_at=NOW,
    )


def outside(client: Member, address: str, port: int, name: str = "") -> Flow:
    return Flow(
        client=client.asset_id,
        client_address=client.addresses[0],
        server_address=address,
        port=port,
        protocol="tls",
        is_external=True,
        name=name,
        flows=5,
        first_at=SEEN_AT,
        last_at=NOW,
    )


PLCS = [member(f"plc{n}", f"10.0.1.{n}", "1", vendor="Siemens") for n in range(1, 7)]
HMI_A = member("hmi_a", "10.0.2.1", "2", role="hmi")
HMI_B = member("hmi_b", "10.0.2.2", "2", role="hmi")
HISTORIAN = member("historian", "10.0.3.1", "3")
PROXY = member("proxy", "10.0.35.1", "3.5")
OFFICE = member("office", "10.0.4.1", "4")
MEMBERS = [*PLCS, HMI_A, HMI_B, HISTORIAN, PROXY, OFFICE]
FLOWS = [
    *(flow(HMI_A, plc, 502, "modbus", "read", "write", flows=2000) for plc in PLCS[:3]),
    *(flow(HMI_B, plc, 102, "s7comm", "read", flows=2000) for plc in PLCS[3:]),
    flow(HISTORIAN, HMI_A, 4840, "opcua", "read", flows=50),
    flow(HISTORIAN, HMI_B, 4840, "opcua", "read", flows=50),
    flow(PROXY, HISTORIAN, 443, "tls", flows=20),
    flow(OFFICE, PROXY, 443, "tls", flows=20),
    flow(OFFICE, PLCS[0], 502, "modbus", "write", flows=1),
    outside(PROXY, "198.51.100.7", 443, "updates.example.com"),
    outside(PLCS[1], "203.0.113.9", 443, "cloud.example.net"),
]
