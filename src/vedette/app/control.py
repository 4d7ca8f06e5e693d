"""Control: all rooms, the operators' API, the policy administrator; the only holder of SQL."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from vedette.app.auth_callout import serve_auth_callout
from vedette.app.bus_access import bus_settings
from vedette.app.operators_door import Connections, serve_operators
from vedette.app.roles import BusRole, ControlRole
from vedette.app.rooms import Rooms, build_rooms, open_store
from vedette.app.service_door import serve_services
from vedette.app.services import gateway_endpoints
from vedette.bus import BusConnection
from vedette.kernel import Clock, IdSource, Problem

log = logging.getLogger(__name__)

_RETRY_S: Final = 2.0


async def serve_control(role: ControlRole, *, clock: Clock, ids: IdSource, ready: Callable[..., None]) -> None:
    """Run control until cancelled.

    Args:
        role: What control is told.
        clock: Source of time.
        ids: Source of ids.
        ready: Called once gateways and operators are answered.

    Raises:
        Problem: A key, the store or the bus cannot be used.
    """
    async with AsyncExitStack() as stack:
        store = await open_store(role, clock=clock)
        stack.push_async_callback(store.close)
        devices = await _connect(role.devices_bus, stack, clock)
        events = await _connect(role.events_bus, stack, clock)
        rooms = await build_rooms(role, store, devices, events, clock=clock, ids=ids)
        rooms.enforcement.listen(devices)
        rooms.desk.listen(devices)
        await rooms.access_lists.resume()
        async with asyncio.TaskGroup() as group:
            group.create_task(rooms.run(), name="rooms")
            group.create_task(_record_own_authorities(rooms), name="own authorities")
            group.create_task(devices.serve(gateway_endpoints(rooms, role.server_names)), name="gateway services")
            if role.auth_callout is not None:
                outside = rooms.outside
                group.create_task(
                    serve_auth_callout(role.auth_callout, outside.point, outside.decisions, clock=clock),
                    name="auth callout",
                )
            if role.service.port:
                is_open = asyncio.Event()
                group.create_task(serve_services(role, rooms, ready=is_open), name="service door")
                await is_open.wait()
            group.create_task(
                serve_operators(role, rooms, Connections(devices, events), ready=ready), name="operators' door"
            )


async def _record_own_authorities(rooms: Rooms) -> None:
    """Put our own authorities on record once the signer answers, so that none is ever taken for an outside one."""
    while True:
        try:
            chains = await rooms.signer.get_chains()
            await rooms.onboarding.record_own(organization_id=rooms.anchor.organization_id, chains=chains)
        except Problem as problem:
            log.warning("own authorities are not on record yet", extra={"cause": problem.code})
            await asyncio.sleep(_RETRY_S)
        else:
            return


async def _connect(role: BusRole, stack: AsyncExitStack, clock: Clock) -> BusConnection:
    connection = await BusConnection.connect(await asyncio.to_thread(bus_settings, role), clock=clock)
    stack.push_async_callback(connection.close)
    return connection
