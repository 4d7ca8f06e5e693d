"""The operators' door in control's process: what it is built from, and how it is served."""

from __future__ import annotations

import asyncio
import ssl
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from vedette.api import (
    ApiSettings,
    Authenticator,
    AuthorizationDesk,
    CommandGuard,
    Component,
    NetworkServices,
    Platform,
    Services,
    build_api,
    build_routes,
)
from vedette.app.http_server import Gate, serve_http, tls_context
from vedette.app.roles import ControlRole
from vedette.app.rooms import BOOT_ID, Rooms
from vedette.app.server_certificate import ServerCertificate
from vedette.app.state import STATE_MAX_BYTES, RunState
from vedette.bus import BusConnection
from vedette.console import build_console, read_console_files
from vedette.kernel import NetworkList, Problem
from vedette.ledger import Actor
from vedette.messaging import DecisionReader, TelemetryReader
from vedette.operators import digest_of

_NONCE_BYTES: Final = 16
_STARTED: Final = Actor("system", "start")


class DoorProblem(Problem):
    """The operators' door cannot be opened: its token or its certificate cannot be used."""

    code: ClassVar[str] = "app.operators_door"
    status: ClassVar[int] = 500


@dataclass(frozen=True, slots=True)
class Connections:
    """Control's two connections to the bus."""

    devices: BusConnection
    events: BusConnection


async def serve_operators(
    role: ControlRole, rooms: Rooms, connections: Connections, *, ready: Callable[..., None]
) -> None:
    """Serve the API until cancelled.

    Args:
        role: What control is told.
        rooms: What the routes call.
        connections: For the health of the bus, and to read streams.
        ready: Called once the API is listening, with a one-time token that logs a browser in.

    Raises:
        Problem: The token, a certificate or the address cannot be used.
    """
    authenticator = Authenticator(
        await asyncio.to_thread(_token_digest, role.operator_token),
        rooms.sessions,
        rooms.anchor.organization_id,
        clock=rooms.clock,
        failures_per_minute=role.api.failed_logins_per_minute,
        is_tls=role.api.tls != "off",
        service_tokens=rooms.sign_in.service_tokens,
    )
    boot_id = (await asyncio.to_thread(BOOT_ID.read_text)).strip()
    console = await asyncio.to_thread(read_console_files)
    services = _services(role, rooms, connections, authenticator, boot_id, has_console=console.is_built)
    routes = build_routes(services)
    routes.include_router(build_console(console, new_nonce=_nonce_maker(rooms)))
    app = build_api(
        ApiSettings(
            url=role.api.url,
            hostnames=role.api.hostnames,
            is_tls=role.api.tls != "off",
            max_body_bytes=role.api.max_body_bytes,
        ),
        routes,
        authenticator=authenticator,
        desk=AuthorizationDesk(
            organization_id=rooms.anchor.organization_id,
            authorization=rooms.rights.authorization,
            confirmations=rooms.rights.confirmations,
            places=rooms.places,
            reads=rooms.rights.reads,
            approvals=rooms.rights.approvals,
            guard=CommandGuard(rooms.anchor.organization_id, rooms.rights.command_schemas, rooms.places),
            clock=rooms.clock,
        ),
        store=rooms.store,
        organization_id=rooms.anchor.organization_id,
        clock=rooms.clock,
    )
    link = await rooms.sessions.make_link(rooms.anchor.organization_id, actor=_STARTED)
    async with asyncio.TaskGroup() as group:
        tls = await _open_tls(role, rooms, group)
        group.create_task(
            serve_http(
                app,
                host=role.api.bind,
                port=role.api.port,
                tls=tls,
                on_listening=lambda: ready(login_token=link.token),
                gate=_gate(role, rooms),
            ),
            name="API",
        )


def _gate(role: ControlRole, rooms: Rooms) -> Gate:
    """Return who may connect: whoever is on this machine may, so that a list cannot lock its administrator out."""
    networks = role.api.allowed_networks
    return Gate(
        allowed=NetworkList((*networks, "127.0.0.0/8", "::1/128") if networks else ()),
        on_refused=lambda address: rooms.outside.decisions.note_address("api", address),
    )


def _services(
    role: ControlRole,
    rooms: Rooms,
    connections: Connections,
    authenticator: Authenticator,
    boot_id: str,
    *,
    has_console: bool,
) -> Services:
    return Services(
        platform=Platform(
            organization_id=rooms.anchor.organization_id,
            version=role.version,
            hostname=rooms.anchor.hostnames[0],
            id_scope=rooms.anchor.id_scope,
            started_at=rooms.clock.now(),
            is_demo=role.api.is_demo,
            mqtt_port=role.mqtt_port,
            websocket_port=role.websocket_port,
            service_port=role.service.port,
        ),
        url=role.api.url,
        has_console=has_console,
        clock=rooms.clock,
        ids=rooms.ids,
        guard=rooms.guard,
        store=rooms.store,
        authenticator=authenticator,
        people=rooms.people,
        sessions=rooms.sessions,
        passkeys=rooms.passkeys,
        service_policies=rooms.service_policies,
        sign_in=rooms.sign_in,
        rights=rooms.rights,
        places=rooms.places,
        service_host=role.service.host if role.service.port else "",
        ledger=rooms.ledger,
        checkpoints=rooms.checkpoints,
        devices=rooms.devices,
        modules=rooms.modules,
        twins=rooms.twins,
        presence=rooms.presence,
        queries=rooms.queries,
        groups=rooms.groups,
        commands=rooms.commands,
        feedback=rooms.feedback,
        methods=rooms.methods,
        clone_alerts=rooms.clone_alerts,
        alerts=rooms.response.incidents.alerts,
        alert_exceptions=rooms.response.incidents.exceptions,
        tickets=rooms.response.incidents.tickets,
        slices=rooms.response.incidents.slices,
        network=NetworkServices(
            sensors=rooms.network.sensors,
            reader=rooms.network.reader,
            assets=rooms.network.assets,
            asset_alerts=rooms.response.incidents.asset_alerts,
            externals=rooms.network.externals,
            snapshots=rooms.network.snapshots,
            advisories=rooms.network.advisories,
            assessor=rooms.network.assessor,
            exposure=rooms.network.exposure,
            captures=rooms.network.captures,
            maps=rooms.network.maps,
            addresses=rooms.network.addresses,
            clock=rooms.clock,
        ),
        symmetric_keys=rooms.symmetric_keys,
        access_lists=rooms.access_lists,
        certificates=rooms.certificates,
        authorities=rooms.onboarding,
        reports=rooms.reports,
        signer=rooms.signer,
        enrollments=rooms.enrollments,
        locks=rooms.locks,
        approvals=rooms.approvals,
        enforcement=rooms.enforcement,
        signals=rooms.response.signals,
        quarantines=rooms.response.quarantines,
        hops=rooms.administrator.hops,
        segments=rooms.segmentation.segments,
        drift=rooms.segmentation.drift,
        streams=rooms.response.streams,
        receiver=rooms.response.receiver,
        boot_id=boot_id,
        policies=rooms.policies.bundles,
        policy_life=rooms.policies.life,
        simulations=rooms.policies.simulations,
        policy_watch=rooms.policies.watch,
        explainer=rooms.policies.explainer,
        point=rooms.outside.point,
        people_point=rooms.outside.people,
        applications=rooms.outside.applications,
        outside_decisions=rooms.outside.decisions,
        telemetry=TelemetryReader(connections.devices),
        decisions=DecisionReader(connections.devices),
        components=ProcessHealth(role.state_file, connections).read,
    )


def _nonce_maker(rooms: Rooms) -> Callable[[], str]:
    return lambda: urlsafe_b64encode(rooms.ids.random_bytes(_NONCE_BYTES)).rstrip(b"=").decode("ascii")


class ProcessHealth:
    """How the processes and the bus are, as the supervisor's state file and our connections tell."""

    def __init__(self, state_file: Path, connections: Connections) -> None:
        self._state_file = state_file
        self._connections = connections

    async def read(self) -> list[Component]:
        """Return a component for each process, and one for the bus."""
        found = await asyncio.to_thread(self._processes)
        if self._connections.devices.is_connected and self._connections.events.is_connected:
            found.append(Component("bus", "ok"))
        else:
            found.append(
                Component("bus", "failed", "not connected", "it reconnects by itself; is nats-server running?")
            )
        return found

    def _processes(self) -> list[Component]:
        try:
            state = msgspec.json.decode(self._state_file.read_bytes()[:STATE_MAX_BYTES], type=RunState)
        except (OSError, msgspec.DecodeError):
            return []  # started without a supervisor, by a service manager
        found = []
        for process in state.processes:
            detail = f"started again {process.restarts} times; last {process.last_exit}" if process.restarts else ""
            if process.is_crash_loop:
                hint = "it dies again and again: read the log"
                found.append(Component(process.name, "failed", detail, hint))
            elif process.phase != "ready":
                found.append(
                    Component(process.name, "warning", f"{process.phase}; {detail}".rstrip("; "), "wait a moment")
                )
            else:
                found.append(Component(process.name, "ok", detail))
        return found


def _token_digest(path: Path) -> bytes:
    try:
        return digest_of(path.read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DoorProblem(f"{path} cannot be read", hint="start with: vedette up, which makes it") from error


async def _open_tls(role: ControlRole, rooms: Rooms, group: asyncio.TaskGroup) -> ssl.SSLContext | None:
    if role.api.tls == "off":
        return None
    context = tls_context()
    if role.api.tls == "files":
        try:
            await asyncio.to_thread(context.load_cert_chain, role.api.certificate_file or "", role.api.key_file)
        except (OSError, ssl.SSLError) as error:
            raise DoorProblem(f"the API's certificate or key cannot be used: {error}") from error
        return context
    certificate = ServerCertificate(
        rooms.anchor.organization_id,
        rooms.certificates,
        directory=role.api.directory,
        names=role.api.own_names,
        context=context,
        clock=rooms.clock,
    )
    await certificate.ensure()
    group.create_task(certificate.keep(), name="API certificate")
    return context
