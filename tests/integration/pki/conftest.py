"""Real signers: processes that tests may kill."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vedette.kernel import OrganizationId, RandomIds, SystemClock
from vedette.ledger import Ledger
from vedette.pki import AuthoritySettings, SignerClient, SignerSettings, run_signer
from vedette.pki.records import CertificateService, OnboardingAuthorityService, Signer
from vedette.simulation import ManualClock
from vedette.store import Store

ORGANIZATION = OrganizationId("org_0123456789abcdefghijklmnop")
SCRIPT = Path(__file__).with_name("signer_process.py")


class SignerProcess:
    """A signer in a process of its own, with its files in one folder."""

    def __init__(self, folder: Path, organization_id: OrganizationId, options: dict[str, Any]) -> None:
        self.folder = folder
        self.organization_id = organization_id
        self.socket = folder / "signer.sock"
        self.journal = folder / "pki" / "journal"
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        given = {"folder": str(self.folder), "organization_id": self.organization_id, **self._options}
        command = [sys.executable, str(SCRIPT), json.dumps(given)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: int) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return code

    def close(self) -> None:
        if self._process is not None:
            self.kill()


@pytest.fixture
def start_signer(tmp_path: Path) -> Iterator[Callable[..., SignerProcess]]:
    """Return a function that starts a signer; its options are those of ``signer_process.py``."""
    started: list[SignerProcess] = []

    def start(**options: Any) -> SignerProcess:  # Any: JSON values
        organization_id = OrganizationId(RandomIds(SystemClock()).new("org"))
        process = SignerProcess(tmp_path, organization_id, options)
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ids(clock: ManualClock) -> RandomIds:
    return RandomIds(clock)


@pytest.fixture
async def signer(tmp_path: Path, clock: ManualClock, ids: RandomIds) -> AsyncIterator[Signer]:
    """Run a signer in this process, on the test's own clock, and return the client of its socket."""
    settings = SignerSettings(
        authorities=AuthoritySettings(
            organization_id=ORGANIZATION, pki_directory=tmp_path / "pki", offline_directory=tmp_path / "offline"
        ),
        socket_path=tmp_path / "signer.sock",
        server_names=("localhost", "hub.example"),
    )
    ready = asyncio.Event()
    client = SignerClient(settings.socket_path, deadline_s=60)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run_signer(settings, clock=clock, ids=ids, ready=ready.set), name="signer")
        await ready.wait()
        yield client
        await client.close()
        running.cancel()


@pytest.fixture
def ledger(store: Store, clock: ManualClock, ids: RandomIds) -> Ledger:
    return Ledger(store, clock=clock, ids=ids)


@pytest.fixture
def certificates(
    store: Store, ledger: Ledger, signer: Signer, clock: ManualClock, ids: RandomIds
) -> CertificateService:
    return CertificateService(store, ledger, signer, clock=clock, ids=ids)


@pytest.fixture
def authorities(store: Store, ledger: Ledger, clock: ManualClock, ids: RandomIds) -> OnboardingAuthorityService:
    return OnboardingAuthorityService(store, ledger, clock=clock, ids=ids)
