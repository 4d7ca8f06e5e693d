"""The operators' door on the rooms of identity, with a clock that is moved by hand; served to the CLI on request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from door_desk import desk_of
from fastapi import APIRouter
from identity_house import HOSTNAME, ID_SCOPE, IdentityHouse

from vedette.access import EnforcementTracker
from vedette.api import (
    ApiSettings,
    Authenticator,
    Component,
    Platform,
    build_api,
    build_router,
)
from vedette.api.clock import ClockRoutes
from vedette.api.reported_certificates import ReportedCertificateRoutes
from vedette.api.status import StatusReader, StatusRoutes
from vedette.cli.program import run
from vedette.kernel import RandomIds
from vedette.ledger import CheckpointService, CheckpointSigner
from vedette.operators import (
    Logins,
    SessionService,
    SessionSettings,
    digest_of,
)
from vedette.pki.records import CertificateReports

TOKEN = "vedette_operator_secret"


class OperatorsDoor:
    """The routes whose answers depend on time or on the keys of the house, behind the layers of the real door."""

    def __init__(self, house: IdentityHouse) -> None:
        self.house = house
        clock, store, organization_id = house.clock, house.store, house.organization_id
        self.reports = CertificateReports(store, house.ledger, clock=clock)
        ids = RandomIds(clock)
        logins = Logins(house.ledger, clock=clock, ids=ids, settings=SessionSettings())
        self.authenticator = Authenticator(
            digest_of(TOKEN),
            SessionService(store, house.ledger, logins, clock=clock, ids=ids),
            organization_id,
            clock=clock,
            failures_per_minute=3,
            is_tls=False,
        )
        self.status = StatusReader(
            Platform(
                organization_id=organization_id,
                version="1",
                hostname=HOSTNAME,
                id_scope=ID_SCOPE,
                started_at=clock.now(),
            ),
            components=_no_processes,
            devices=house.devices,
            enforcement=EnforcementTracker(organization_id, house.administrator, clock=clock),
            ledger=house.ledger,
            checkpoints=CheckpointService(
                store,
                CheckpointSigner(Ed25519PrivateKey.generate()),
                clock=clock,
                directories=(),
                interval=timedelta(minutes=1),
            ),
            signer=house.signer,
            reports=self.reports,
            guard=house.guard,
            clock=clock,
        )
        self.app = build_api(
            ApiSettings(url="http://localhost", hostnames=("localhost",), is_tls=False),
            build_router("1", self._routers()),
            authenticator=self.authenticator,
            desk=desk_of(organization_id, store, house.ledger, clock),
            store=store,
            organization_id=organization_id,
            clock=clock,
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )

    def _routers(self) -> list[APIRouter]:
        house = self.house
        return [
            StatusRoutes(self.status).build(),
            ReportedCertificateRoutes(house.organization_id, self.reports).build(),
            ClockRoutes(house.organization_id, house.guard, house.store, house.ledger).build(),
        ]

    async def components(self) -> dict[str, dict[str, str]]:
        """Return the components of the status, by name."""
        answer = (await self.client.get("/v1/status")).json()
        return {each["name"]: each for each in answer["components"]}

    @asynccontextmanager
    async def served(self, folder: Path) -> AsyncIterator[CommandLine]:
        """Serve on a free port of loopback, for commands that run in a thread."""
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(self.app, lifespan="off", log_config=None, ws="none"))
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="door")
        token_file = folder / "operator.token"
        token_file.write_text(TOKEN)
        token_file.chmod(0o600)
        try:
            yield CommandLine(f"http://localhost:{listener.getsockname()[1]}", token_file)
        finally:
            server.should_exit = True
            await serving
            listener.close()


class CommandLine:
    """Runs commands against a served door."""

    def __init__(self, url: str, token_file: Path) -> None:
        self._options = ["--url", url, "--token-file", str(token_file)]

    async def run(self, *arguments: str) -> int:
        """Run one command; return its exit code."""
        return await asyncio.to_thread(run, [*arguments, *self._options])


async def _no_processes() -> list[Component]:
    return []
