"""A gateway process: device connections and the posture records it was sent; no SQL, no keys but its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vedette.app.roles import GatewayRole
from vedette.kernel import Clock, IdSource


async def serve_gateway(role: GatewayRole, *, clock: Clock, ids: IdSource, ready: Callable[[], None]) -> None:
    """Run one gateway until cancelled."""
    ready()
    await asyncio.Event().wait()
