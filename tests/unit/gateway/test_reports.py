"""What a gateway asks about refused certificates, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from vedette.bus import BusTimeout
from vedette.bus.contract import CertificateReported, ReportCertificate
from vedette.gateway.peer import CertificateFacts, Peer
from vedette.gateway.reports import MAX_CERTIFICATE_BYTES, MAX_UNDER_WAY, CertificateReporter
from vedette.kernel import OrganizationId
from vedette.simulation import ManualClock

pytestmark = pytest.mark.anyio

ORGANIZATION = OrganizationId("org_0123456789abcdefghijklmnop")
OURS = f"CN=Vedette operational authority,OU={ORGANIZATION},O=Acme"


class Control:
    """Answers each question, or not."""

    def __init__(self) -> None:
        self.asked: list[ReportCertificate] = []
        self.is_gone = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def call(
        self, service: str, request: ReportCertificate, answer: type[CertificateReported], *, timeout_s: float
    ) -> CertificateReported:
        assert (service, timeout_s > 0) == ("svc.pki.report_certificate", True)
        self.asked.append(request)
        await self.may_answer.wait()
        if self.is_gone:
            raise BusTimeout("no answer")
        return answer("revoked")


class Gate:
    """A reporter, and peers to be refused."""

    def __init__(self, control: Control, clock: ManualClock, tasks: asyncio.TaskGroup) -> None:
        self.control = control
        self.clock = clock
        self.reporter = CertificateReporter(
            bus=control, organization_id=ORGANIZATION, gateway="gateway-1", clock=clock, tasks=tasks
        )

    async def refuse(
        self, sha256: str, *, issuer: str | None = OURS, source: str = "192.0.2.1", leaf: bytes = b"leaf"
    ) -> None:
        facts = CertificateFacts(sha256=sha256, sha1="", issuer=issuer)
        self.reporter.consider(leaf, Peer(remote_address=source, source=source, certificate=facts), "pump-7")
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@asynccontextmanager
async def gate() -> AsyncIterator[Gate]:
    async with asyncio.TaskGroup() as tasks:
        opened = Gate(Control(), ManualClock(), tasks)
        yield opened
        opened.control.may_answer.set()


async def test_a_refused_certificate_of_ours_is_asked_about_once() -> None:
    async with gate() as at:
        for _ in range(3):
            await at.refuse("aa")
        (asked,) = at.control.asked
        assert (asked.certificate, asked.presented_as, asked.gateway) == (b"leaf", "pump-7", "gateway-1")
        assert (asked.organization_id, asked.remote_address) == (ORGANIZATION, "192.0.2.1")


@pytest.mark.parametrize("issuer", [None, "", "CN=Acme Root", "OU=org_other,CN=x"])
async def test_a_certificate_of_somebody_else_is_not_asked_about(issuer: str | None) -> None:
    async with gate() as at:
        await at.refuse("aa", issuer=issuer)
        at.reporter.consider(b"leaf", Peer(), "pump-7")
        assert at.control.asked == []


async def test_a_certificate_is_asked_about_up_to_its_limit_and_not_beyond() -> None:
    async with gate() as at:
        await at.refuse("aa", leaf=b"x" * MAX_CERTIFICATE_BYTES)
        await at.refuse("bb", leaf=b"x" * (MAX_CERTIFICATE_BYTES + 1))
        assert len(at.control.asked) == 1


async def test_what_could_not_be_asked_is_asked_when_it_comes_back() -> None:
    async with gate() as at:
        at.control.is_gone = True
        await at.refuse("aa")
        at.control.is_gone = False
        await at.refuse("aa")
        await at.refuse("aa")
        assert len(at.control.asked) == 2


async def test_a_flood_from_one_source_is_bounded_and_hides_nobody_else() -> None:
    async with gate() as at:
        for number in range(100):
            await at.refuse(f"flood {number}")
        flood = len(at.control.asked)
        assert flood == 10
        await at.refuse("aa", source="198.51.100.1")
        assert len(at.control.asked) == flood + 1
        at.clock.advance(timedelta(seconds=5))
        await at.refuse("bb")
        assert len(at.control.asked) == flood + 2


async def test_a_flood_from_everywhere_is_bounded() -> None:
    async with gate() as at:
        for number in range(200):
            await at.refuse(f"flood {number}", source=f"198.51.100.{number}")
        assert len(at.control.asked) == 50


async def test_a_control_that_does_not_answer_holds_a_bounded_number() -> None:
    async with gate() as at:
        at.control.may_answer.clear()
        for number in range(MAX_UNDER_WAY * 2):
            await at.refuse(f"{number}", source=f"198.51.100.{number}")
        await at.refuse("0")
        assert len(at.control.asked) == MAX_UNDER_WAY
