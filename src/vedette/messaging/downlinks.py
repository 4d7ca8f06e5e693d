"""What control says to gateways: at most once, and nothing waits for it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

import msgspec

from vedette.bus import BusConnection
from vedette.bus.contract import Downlink, downlink_subject
from vedette.kernel import Clock, OrganizationId, Problem

log = logging.getLogger(__name__)

_LOG_EVERY_S: Final = 10.0
_encode: Final = msgspec.msgpack.Encoder().encode


class Downlinks:
    """Publishes to gateways; what the bus does not take is dropped and counted, and the log says so now and then.

    Args:
        organization_id: Of the subjects.
        clock: For how often the log says so.
    """

    def __init__(self, organization_id: OrganizationId, *, clock: Clock) -> None:
        self._organization_id = organization_id
        self._clock = clock
        self._bus: BusConnection | None = None
        self._told_s: float | None = None
        self._untold = 0
        self.dropped = 0

    def attach(self, bus: BusConnection) -> None:
        """Publish through this connection from now on."""
        self._bus = bus

    def send(self, gateway: str, message: Downlink) -> bool:
        """Say something to one gateway; ``False`` when the bus did not take it."""
        return self._publish(gateway, _encode(message))

    def broadcast(self, gateways: Iterable[str], message: Downlink) -> None:
        """Say something to several gateways, of which the one that holds the identity acts."""
        encoded = _encode(message)
        for gateway in gateways:
            self._publish(gateway, encoded)

    def _publish(self, gateway: str, encoded: bytes) -> bool:
        if self._bus is None:
            self._drop(gateway, "not_attached")
            return False
        try:
            self._bus.publish(downlink_subject(self._organization_id, gateway), encoded)
        except Problem as problem:
            self._drop(gateway, problem.code)
            return False
        return True

    def _drop(self, gateway: str, cause: str) -> None:
        self.dropped += 1
        self._untold += 1
        now_s = self._clock.monotonic_s()
        if self._told_s is None or now_s - self._told_s >= _LOG_EVERY_S:
            log.warning("not said to gateways", extra={"count": self._untold, "gateway": gateway, "cause": cause})
            self._told_s, self._untold = now_s, 0
