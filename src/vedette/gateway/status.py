"""What the gateway tells control: a heartbeat each second, and each enforcement at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from vedette.bus import BusConnection
from vedette.bus.contract import Enforced, PepStatus, pep_status_subject
from vedette.kernel import Clock, Problem, to_rfc3339
from vedette.trust import PostureView

log = logging.getLogger(__name__)

_MAX_ENFORCED: Final = 500


class StatusReport:
    """Sends ``PepStatus``; what is lost with the bus is told again by the next heartbeat's sequence.

    Args:
        bus: Where to.
        view: Epoch, sequence and staleness.
        count_sessions: How many are live.
        organization_id: Of the subject.
        gateway: This gateway's name.
        boot_id: Of this machine's boot.
        clock: Wall clock.
    """

    def __init__(
        self,
        *,
        bus: BusConnection,
        view: PostureView,
        count_sessions: Callable[[], int],
        organization_id: str,
        gateway: str,
        boot_id: str,
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._view = view
        self._count_sessions = count_sessions
        self._organization_id = organization_id
        self._subject = pep_status_subject(organization_id, gateway)
        self._gateway = gateway
        self._boot_id = boot_id
        self._clock = clock
        self._enforced: list[Enforced] = []
        self._is_due = False

    def enforced(self, enforced: Enforced) -> None:
        """Tell it at the end of this turn of the event loop, with whatever else was enforced in it."""
        self._enforced.append(enforced)
        if len(self._enforced) >= _MAX_ENFORCED:
            self.send()
        elif not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self.send)

    def send(self) -> None:
        """Send the status now."""
        self._is_due = False
        enforced, self._enforced = self._enforced, []
        view = self._view
        status = PepStatus(
            organization_id=self._organization_id,
            gateway=self._gateway,
            boot_id=self._boot_id,
            epoch=view.head.epoch if view.head is not None else 0,
            sequence=view.sequence,
            sessions=self._count_sessions(),
            observed_at=to_rfc3339(self._clock.now()),
            is_stale=view.is_stale(),
            enforced=enforced,
        )
        try:
            self._bus.publish(self._subject, msgspec.msgpack.encode(status))
        except Problem as problem:
            log.debug("status not sent", extra={"reason": problem.detail})
