"""A gateway process: device connections and the posture records it was sent; no SQL, no keys but its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from vedette.app.bus_access import bus_settings
from vedette.app.roles import GatewayRole
from vedette.bus import BusConnectionSettings
from vedette.gateway import GatewayPost, GatewaySettings, run_gateway
from vedette.kernel import Clock, IdSource


def gateway_settings(role: GatewayRole) -> GatewaySettings:
    """Return the gateway's limits as configured; the rest keeps its safe defaults."""
    default = GatewaySettings()
    return replace(
        default,
        count=role.processes,
        tls=replace(
            default.tls,
            max_connections=role.max_connections,
            max_connections_per_source=role.max_connections_per_source,
            allowed_networks=role.allowed_networks,
        ),
        session=replace(default.session, messages_per_s=role.messages_per_s, messages_burst=role.messages_burst),
    )


def gateway_post(role: GatewayRole, bus: BusConnectionSettings) -> GatewayPost:
    """Return where the gateway stands."""
    return GatewayPost(
        name=role.name,
        directory=role.directory,
        trust_anchor=role.trust_anchor,
        bus=bus,
        bind=(role.bind,),
        port=role.port,
        websocket_port=role.websocket_port or None,
        shares_port=role.shares_port,
    )


async def serve_gateway(role: GatewayRole, *, clock: Clock, ids: IdSource, ready: Callable[[], None]) -> None:  # noqa: ARG001 - every role is served alike
    """Run one gateway until cancelled; ready once devices can connect.

    Raises:
        Problem: The trust anchor or its own seed cannot be used, or the bus does not answer.
    """
    bus = await asyncio.to_thread(bus_settings, role.bus)
    bus = replace(bus, hears_itself=False)  # what it tells the other gateways of its sessions
    await run_gateway(gateway_settings(role), gateway_post(role, bus), on_open=lambda _: ready())
