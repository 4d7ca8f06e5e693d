"""The service door in control's process: the hub's own REST interface, on a port and with a certificate of its own."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from vedette.api import CommandGuard, ServiceDoorSettings, ServiceRooms, build_service_api
from vedette.app.http_server import Gate, serve_http, tls_context
from vedette.app.roles import ControlRole
from vedette.app.rooms import Rooms
from vedette.app.server_certificate import ServerCertificate
from vedette.kernel import NetworkList, Problem

log = logging.getLogger(__name__)

_RETRY_S: Final = 5.0


async def serve_services(role: ControlRole, rooms: Rooms, *, ready: asyncio.Event) -> None:
    """Serve the service API until cancelled.

    Args:
        role: What control is told.
        rooms: What the operations call.
        ready: Set once the door is listening, or nobody should wait for that.

    Raises:
        OSError: The address cannot be listened on.
    """
    app = build_service_api(
        ServiceRooms(
            organization_id=rooms.anchor.organization_id,
            clock=rooms.clock,
            ids=rooms.ids,
            policies=rooms.service_policies,
            devices=rooms.devices,
            modules=rooms.modules,
            twins=rooms.twins,
            presence=rooms.presence,
            queries=rooms.queries,
            commands=rooms.commands,
            feedback=rooms.feedback,
            methods=rooms.methods,
            enforcement=rooms.enforcement,
            authorization=rooms.rights.authorization,
            guard=CommandGuard(rooms.anchor.organization_id, rooms.rights.command_schemas, rooms.places),
        ),
        ServiceDoorSettings(
            requests_per_s=role.service.requests_per_s,
            failures_per_minute=role.service.failed_tokens_per_minute,
            max_body_bytes=role.api.max_body_bytes,
        ),
    )
    context = tls_context()
    certificate = ServerCertificate(
        rooms.anchor.organization_id,
        rooms.certificates,
        directory=role.service.directory,
        names=tuple(dict.fromkeys((*role.service.names, *rooms.anchor.hostnames))),
        context=context,
        clock=rooms.clock,
    )
    while True:
        try:
            await certificate.ensure()
            break
        except Problem as problem:
            # The operators' door need not wait for it.
            log.warning("the service door is not open yet", extra={"cause": problem.code})
            ready.set()
            await asyncio.sleep(_RETRY_S)
    async with asyncio.TaskGroup() as group:
        group.create_task(certificate.keep(), name="service certificate")
        group.create_task(
            serve_http(
                app,
                host=role.service.bind,
                port=role.service.port,
                tls=context,
                on_listening=ready.set,
                gate=Gate(
                    allowed=NetworkList(role.service.allowed_networks),
                    on_refused=lambda address: rooms.outside.decisions.note_address("service", address),
                ),
            ),
            name="service API",
        )
