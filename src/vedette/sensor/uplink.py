"""From the buffer on disk to the platform: connect, send in order, let go of what was acknowledged, renew, be patient.

A message is let go of when the platform says that it is on disk there. Until then it is sent again after every
interruption; the platform knows it by boot and sequence. A platform that refuses the sensor, because it is in
quarantine for example, is asked again from time to time, and the buffer grows meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from vedette.kernel import Clock, Deadline
from vedette.protocols.hub import IdentityTopics, build_bag
from vedette.protocols.mqtt import ReasonCode
from vedette.protocols.sensor import CONTENT_TYPE
from vedette.sensor.enrolling import (
    ONBOARDING,
    OPERATIONAL,
    EnrollmentFailed,
    IdentityFiles,
    device_id_of,
    register,
    renew,
    renewal_at,
)
from vedette.sensor.held_back import FILE_NAME, keep_exceptions
from vedette.sensor.spool import Kept, Spool
from vedette.sensor.uplink_connection import DEADLINE_S, Cut, Login, Refused, UplinkConnection, client_context
from vedette.sensor.uplink_settings import SensorSettings

log = logging.getLogger(__name__)

_WINDOW: Final = 16
"""Batches on their way at once."""
_API_VERSION: Final = "2021-04-12"
_FIRST_DELAY_S: Final = 1.0
_MAX_DELAY_S: Final = 60.0
_STEADY_S: Final = 30.0
"""A connection that lasted so long was a good one."""
_LOOK_S: Final = 1.0
_GLANCE_S: Final = 0.1
_RENEW_AGAIN_S: Final = 300.0
_ENROLL_AGAIN_S: Final = 300.0
_TWIN_EVERY_S: Final = 60.0
_TWIN_ANSWERS: Final = "$iothub/twin/res/#"
_TWIN_FOUND: Final = "$iothub/twin/res/200/"
_TWIN_GET: Final = "$iothub/twin/GET/?$rid=exceptions"
_NEVER_TAKEN: Final = frozenset(
    {
        ReasonCode.PACKET_TOO_LARGE,
        ReasonCode.PAYLOAD_FORMAT_INVALID,
        ReasonCode.TOPIC_NAME_INVALID,
    }
)
"""A batch that is refused for what it is would be refused for ever."""
_WRONG_CREDENTIAL: Final = frozenset(
    {ReasonCode.NOT_AUTHORIZED, ReasonCode.BAD_USER_NAME_OR_PASSWORD, ReasonCode.CLIENT_IDENTIFIER_NOT_VALID}
)


class _Sent(msgspec.Struct):
    kept: Kept
    at_s: float
    code: int = -1
    """Of its acknowledgement; -1: none yet."""
    reason: str = ""


class Uplink:
    """Sends what a spool holds; ``run`` never ends by itself.

    Args:
        settings: Where the platform is.
        files: Hold the sensor's identities.
        spool: What is to be sent.
        clock: For renewal and patience.
    """

    def __init__(self, settings: SensorSettings, files: IdentityFiles, spool: Spool, clock: Clock) -> None:
        self._settings: Final = settings
        self._files: Final = files
        self._spool: Final = spool
        self._clock: Final = clock
        self._stir: Final = asyncio.Event()
        self._said = ""
        # By the monotonic clock, so that a jump of the other one neither renews in a circle nor lets the end pass.
        self._renew_at_s: float | None = None
        self._random: Final = random.Random()  # noqa: S311 - jitter, no secret
        self._enroll_at_s = 0.0
        self._twin_at_s = 0.0
        self.is_connected = False
        self.records_refused = 0
        """What the platform will never take."""

    def stir(self) -> None:
        """Say that there is more to send."""
        self._stir.set()

    async def run(self) -> None:
        """Connect, send, and come back after every interruption."""
        delay_s = _FIRST_DELAY_S
        while True:
            began_s = self._clock.monotonic_s()
            try:
                await self._session()
                continue
            except Refused as refused:
                self._say("refused; what is seen is kept", str(refused))
                if refused.code in _WRONG_CREDENTIAL and began_s >= self._enroll_at_s:
                    self._enroll_at_s = began_s + _ENROLL_AGAIN_S
                    await self._enroll_again()
            except (Cut, EnrollmentFailed) as problem:
                self._say("interrupted; what is seen is kept", str(problem))
            finally:
                self.is_connected = False
            was_steady = self._clock.monotonic_s() - began_s > _STEADY_S
            delay_s = _FIRST_DELAY_S if was_steady else min(delay_s * 2, _MAX_DELAY_S)
            await asyncio.sleep(delay_s * self._random.uniform(0.5, 1.0))

    async def _enroll_again(self) -> None:
        """Ask for a new certificate, if the old one is what is wrong; an operator may have to permit it."""
        if not self._files.has(ONBOARDING):
            return
        try:
            await register(self._settings, self._files, self._clock)
            self._renew_at_s = None
            self._say("enrolled again", "")
        except (Refused, Cut, EnrollmentFailed) as problem:
            log.debug("enrolling again was refused", extra={"reason": str(problem)})

    async def _session(self) -> None:
        """Send until it is time to connect anew with a renewed certificate."""
        leaf = await asyncio.to_thread(self._files.leaf, OPERATIONAL)
        device_id = device_id_of(leaf)
        platform = self._settings.platform
        context = await asyncio.to_thread(client_context, platform.root, self._files.path(OPERATIONAL))
        user_name = f"{platform.host}/{device_id}/?api-version={_API_VERSION}&DeviceClientType=vedette-sensor"
        connection = await UplinkConnection.open(platform.host, platform.port, context, Login(device_id, user_name))
        async with connection.reading():
            self._say("connected", "")
            self.is_connected = True
            if self._renew_at_s is None:
                left = renewal_at(leaf, self._random.uniform(0.9, 1.1)) - self._clock.now()
                self._renew_at_s = self._clock.monotonic_s() + left.total_seconds()
            await asyncio.to_thread(self._spool.rewind)
            self._twin_at_s = 0.0
            await self._send(connection, device_id)

    async def _send(self, connection: UplinkConnection, device_id: str) -> None:
        bag = build_bag({"ct": CONTENT_TYPE}, {})
        topic = f"{IdentityTopics(device_id).telemetry_topic}/{bag}"
        window: deque[_Sent] = deque()
        while True:
            self._stir.clear()
            await self._let_go(window)
            is_renewal_due = self._renew_at_s is not None and self._clock.monotonic_s() >= self._renew_at_s
            if is_renewal_due and not window and await self._renew(connection, device_id):
                return
            await self._take_messages(connection)
            if self._clock.monotonic_s() >= self._twin_at_s:
                await self._ask_for_twin(connection)
            room = 0 if is_renewal_due else _WINDOW - len(window)
            entries = await asyncio.to_thread(self._spool.read, room) if room else []
            for kept in entries:
                sent = _Sent(kept, self._clock.monotonic_s())
                window.append(sent)
                await connection.publish(topic, kept.payload, partial(self._told, sent))
            if window and self._clock.monotonic_s() - window[0].at_s > DEADLINE_S:
                raise Cut("no acknowledgement in time")
            if not entries:
                await self._wait()

    async def _ask_for_twin(self, connection: UplinkConnection) -> None:
        """Ask which alerts stay here; a platform that does not answer changes nothing."""
        is_first = not self._twin_at_s
        self._twin_at_s = self._clock.monotonic_s() + _TWIN_EVERY_S
        try:
            if is_first:
                await connection.subscribe(_TWIN_ANSWERS)
        except Cut as problem:
            self._twin_at_s = math.inf  # not on this connection
            log.debug("the twin can't be read", extra={"reason": str(problem)})
            return
        await connection.publish(_TWIN_GET, b"", lambda _code, _reason: None)

    async def _take_messages(self, connection: UplinkConnection) -> None:
        """Take what the platform has answered meanwhile."""
        while not connection.messages.empty():
            message = connection.messages.get_nowait()
            if not message.topic.startswith(_TWIN_FOUND):
                continue
            try:
                is_new = await asyncio.to_thread(keep_exceptions, self._settings.state / FILE_NAME, message.payload)
            except OSError as error:
                log.warning("exceptions are not kept", extra={"reason": str(error.strerror)})
                continue
            if is_new:
                log.info("other alerts stay here from now on")

    async def _wait(self) -> None:
        try:
            async with Deadline(_LOOK_S):
                await self._stir.wait()
        except TimeoutError:
            pass

    def _told(self, sent: _Sent, code: int, reason: str) -> None:
        sent.code, sent.reason = code, reason
        self._stir.set()

    async def _let_go(self, window: deque[_Sent]) -> None:
        """Take from the buffer what was acknowledged, in order, up to the first that was not."""
        taken: list[Kept] = []
        refused: _Sent | None = None
        while window and window[0].code >= 0:
            sent = window[0]
            if sent.code >= ReasonCode.UNSPECIFIED_ERROR and sent.code not in _NEVER_TAKEN:
                refused = sent
                break
            if sent.code in _NEVER_TAKEN:
                self.records_refused += sent.kept.records
                log.warning(
                    "the platform will never take a batch, it is dropped",
                    extra={"code": sent.code, "reason": sent.reason, "records": sent.kept.records},
                )
            taken.append(sent.kept)
            window.popleft()
        await self._note(taken)
        if refused is not None:
            raise Cut(f"the platform takes nothing from the sensor: code {refused.code:#04x} {refused.reason}")

    async def _note(self, taken: Sequence[Kept]) -> None:
        if taken:
            await asyncio.to_thread(self._spool.take, taken)

    async def _renew(self, connection: UplinkConnection, device_id: str) -> bool:
        """Renew the certificate; answer whether there is a new one."""
        try:
            await renew(connection, device_id, self._files)
        except EnrollmentFailed as problem:
            log.warning("the certificate was not renewed", extra={"reason": str(problem)})
            self._renew_at_s = self._clock.monotonic_s() + _RENEW_AGAIN_S
            return False
        leaf = await asyncio.to_thread(self._files.leaf, OPERATIONAL)
        left = renewal_at(leaf, self._random.uniform(0.9, 1.1)) - leaf.not_valid_before_utc
        self._renew_at_s = self._clock.monotonic_s() + left.total_seconds()
        log.info("the certificate was renewed", extra={"device_id": device_id})
        return True

    def _say(self, what: str, why: str) -> None:
        """Log a change; the same again is not worth a line."""
        if (said := f"{what}: {why}") != self._said:
            self._said = said
            log.info("the link to the platform changed", extra={"state": what, "reason": why})


async def wait_until_sent(uplink: Uplink, spool: Spool, clock: Clock, within_s: float) -> bool:
    """Wait until nothing waits any more; answer whether it came to that in time."""
    until_s = clock.monotonic_s() + within_s
    while spool.waiting and clock.monotonic_s() < until_s:
        uplink.stir()
        await asyncio.sleep(_GLANCE_S)
    return not spool.waiting
