"""Refused certificates that name our own authority as their issuer: control is asked whether it ever issued them.

One that our issuing key signed and no record knows means that somebody else has that key. Nothing waits for the answer,
and nothing is asked about a session that opens. The issuer's name is all that is looked at here: control verifies.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Final, Protocol

from vedette.bus.contract import REPORT_CERTIFICATE, CertificateReported, ReportCertificate
from vedette.gateway.listener import guard
from vedette.gateway.pacing import SourceRates, TokenBucket
from vedette.gateway.peer import Peer
from vedette.kernel import Clock, OrganizationId, Problem

log = logging.getLogger(__name__)

MAX_CERTIFICATE_BYTES: Final = 16_384
MAX_UNDER_WAY: Final = 8
_MAX_REMEMBERED: Final = 8_192
_MAX_SOURCES: Final = 4_096
_REPORTS_PER_S: Final = 10.0
_REPORTS_BURST: Final = 50
# A device that is refused comes back for ever, and a flood from one place must not hide what comes from another.
_REPORTS_PER_SOURCE_S: Final = 0.2
_REPORTS_BURST_PER_SOURCE: Final = 10
_TIMEOUT_S: Final = 10.0


class Control(Protocol):
    """The part of ``BusConnection`` that asks."""

    async def call(  # noqa: D102 - see BusConnection
        self, service: str, request: ReportCertificate, answer: type[CertificateReported], *, timeout_s: float
    ) -> CertificateReported: ...


class CertificateReporter:
    """Asks control about refused certificates, each once, and never faster than control can bear.

    Args:
        bus: Reaches control.
        organization_id: Stands in the name of each of our authorities.
        gateway: This gateway's name.
        clock: For rates.
        tasks: Parent of the questions.
    """

    def __init__(
        self,
        *,
        bus: Control,
        organization_id: OrganizationId,
        gateway: str,
        clock: Clock,
        tasks: asyncio.TaskGroup,
    ) -> None:
        now_s = clock.monotonic_s()
        self._bus = bus
        self._organization_id = organization_id
        self._issuer_mark = f"OU={organization_id}"
        self._gateway = gateway
        self._clock = clock
        self._tasks = tasks
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._under_way: set[str] = set()
        self._rate = TokenBucket(_REPORTS_PER_S, _REPORTS_BURST, now_s)
        self._sources = SourceRates(_REPORTS_PER_SOURCE_S, _REPORTS_BURST_PER_SOURCE, max_sources=_MAX_SOURCES)

    def consider(self, leaf: bytes, peer: Peer, presented_as: str) -> None:
        """Ask control about a refused certificate if it may be one of ours; returns at once.

        Args:
            leaf: DER, as the peer presented it.
            peer: Who presented it.
            presented_as: The identity that was asked for.
        """
        facts = peer.certificate
        if facts is None or facts.issuer is None or self._issuer_mark not in facts.issuer:
            return
        sha256 = facts.sha256
        if sha256 in self._settled:
            self._settled.move_to_end(sha256)
            return
        now_s = self._clock.monotonic_s()
        if (
            sha256 in self._under_way
            or len(leaf) > MAX_CERTIFICATE_BYTES
            or len(self._under_way) >= MAX_UNDER_WAY
            or not self._sources.try_take(peer.source, now_s)
            or not self._rate.try_take(1, now_s)
        ):
            return  # it comes back, or is none of a device's
        self._under_way.add(sha256)
        request = ReportCertificate(
            organization_id=self._organization_id,
            gateway=self._gateway,
            certificate=leaf,
            presented_as=presented_as,
            remote_address=peer.remote_address,
        )
        self._tasks.create_task(guard(self._ask(sha256, request)), name="report certificate")

    async def _ask(self, sha256: str, request: ReportCertificate) -> None:
        try:
            answer = await self._bus.call(REPORT_CERTIFICATE, request, CertificateReported, timeout_s=_TIMEOUT_S)
        except Problem as problem:
            # Not settled: it is asked again when the certificate comes back.
            log.warning("a refused certificate could not be reported", extra={"reason": problem.detail})
        else:
            if len(self._settled) >= _MAX_REMEMBERED:
                self._settled.popitem(last=False)
            self._settled[sha256] = None
            log.debug("refused certificate reported", extra={"sha256": sha256, "standing": answer.standing})
        finally:
            self._under_way.discard(sha256)
