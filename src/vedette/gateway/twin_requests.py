"""A device's twin over MQTT: it reads its own and reports properties, one request after the other."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from vedette.bus import RemoteProblem
from vedette.bus.contract import (
    READ_TWIN,
    REPORT_PROPERTIES,
    PropertiesReported,
    ReadTwin,
    ReportProperties,
    TwinDocument,
)
from vedette.gateway.control_calls import ask_control
from vedette.gateway.hub_answers import (
    BAD_REQUEST,
    DEVICE_NOT_FOUND,
    MODULE_NOT_FOUND,
    SERVER_ERROR,
    THROTTLED,
    TOO_LARGE,
    UNAUTHORIZED,
    UNAVAILABLE,
    error_body,
)
from vedette.gateway.pacing import TokenBucket
from vedette.gateway.reception import Reception
from vedette.gateway.rights import READ_TWIN_ACTION, REPORT_PROPERTIES_ACTION
from vedette.kernel import Problem
from vedette.protocols.hub import TwinGet, TwinPatchReported, twin_response_topic
from vedette.protocols.mqtt import Publish

if TYPE_CHECKING:
    from vedette.gateway.session import HubSession

log = logging.getLogger(__name__)

_SUCCESS_READ, _SUCCESS_REPORTED = 200, 204
_NOT_FOUND, _TOO_LARGE_STATUS, _TOO_MANY_STATUS, _SERVER_ERRORS = 404, 413, 429, 500
_UNAVAILABLE_STATUS: Final = frozenset({502, 503, 504})
_BACKLOG_PAUSE_S: Final = 0.05
# A larger patch counts as several requests: one of many short names costs control's only writer 50 ms.
_METERED_BYTES: Final = 4_096


class _Request(NamedTuple):
    what: TwinGet | TwinPatchReported
    patch: bytes
    packet_id: int
    deadline_s: float


class TwinRequests:
    """The twin requests of one session.

    They are put to control one after the other, so that two reports never change places.

    Args:
        reception: What all connections share.
        session: Who asks.
    """

    __slots__ = ("_is_working", "_rate", "_reception", "_session", "_waiting", "_waiting_bytes")

    def __init__(self, reception: Reception, session: HubSession) -> None:
        settings = reception.settings.session
        self._reception = reception
        self._session = session
        self._rate = TokenBucket(
            settings.twin_requests_per_s, settings.twin_requests_burst, reception.clock.monotonic_s()
        )
        self._waiting: list[_Request] = []  # an empty deque takes 600 bytes
        self._waiting_bytes = 0
        self._is_working = False

    def take(self, what: TwinGet | TwinPatchReported, publish: Publish) -> None:
        """Take a request; every outcome is answered on its topic, and its PUBACK goes with the answer."""
        session, settings = self._session, self._reception.settings.session
        now_s = self._reception.clock.monotonic_s()
        patch = publish.payload if type(what) is TwinPatchReported else b""
        action = READ_TWIN_ACTION if type(what) is TwinGet else REPORT_PROPERTIES_ACTION
        packet_id = publish.packet_id if publish.qos else 0
        refusal: tuple[int, str] | None = None
        if (
            len(self._waiting) >= settings.max_twin_requests
            or self._waiting_bytes + len(patch) > settings.max_twin_request_bytes
        ):
            refusal = (THROTTLED, "too many twin requests wait for their answer")
        elif not self._rate.try_take(1 + len(patch) // _METERED_BYTES, now_s):
            refusal = (THROTTLED, "more twin requests than a device may make")
        elif len(patch) > settings.max_patch_bytes:
            refusal = (TOO_LARGE, f"a patch of {len(patch)} bytes exceeds the limit of {settings.max_patch_bytes}")
        elif not session.may(action):
            refusal = (UNAUTHORIZED, "the policies in force do not permit it")
        if refusal is not None:
            if refusal[0] == THROTTLED:
                session.note_refusal("requests_throttled", refusal[1], action)
            session.acknowledge(packet_id)
            self._refuse(what, *refusal)
            return
        session.hold_acknowledgement(packet_id)
        self._waiting.append(_Request(what, patch, packet_id, now_s + settings.request_timeout_s))
        self._waiting_bytes += len(patch)
        if not self._is_working:
            self._is_working = True
            self._reception.start(self._work(), "twin requests")

    async def _work(self) -> None:
        session, most = self._session, self._reception.settings.session.max_backlog_bytes
        try:
            while self._waiting:
                # A peer that reads slowly gets its answers slowly.
                while session.backlog_bytes > most:  # noqa: ASYNC110 - the transport tells nobody that it has drained
                    await asyncio.sleep(_BACKLOG_PAUSE_S)
                request = self._waiting.pop(0)
                self._waiting_bytes -= len(request.patch)
                # Who left in order may have reported last words without waiting for an answer.
                if session.is_open or (session.has_left and type(request.what) is TwinPatchReported):
                    await self._answer(request)
        finally:
            self._is_working = False

    async def _answer(self, request: _Request) -> None:
        what = request.what
        try:
            if type(what) is TwinGet:
                topic, body = twin_response_topic(_SUCCESS_READ, what.request_id), await self._read(request)
            else:
                version = await self._report(request)
                topic, body = twin_response_topic(_SUCCESS_REPORTED, what.request_id, version=version), b""
        except RemoteProblem as problem:
            self._session.release_acknowledgement(request.packet_id)
            self._refuse(what, *self._code_of(problem))
        except Problem as problem:
            log.warning("twin request not answered", extra={"reason": problem.detail})
            self._session.release_acknowledgement(request.packet_id)
            self._refuse(what, UNAVAILABLE, "try again")
        else:
            self._session.release_acknowledgement(request.packet_id)
            if not self._session.publish(topic, body) and self._session.is_open:
                self._refuse(what, TOO_LARGE, "the twin is larger than this client takes")

    async def _read(self, request: _Request) -> bytes:
        reception, session = self._reception, self._session
        question = ReadTwin(
            organization_id=reception.anchor.organization_id,
            gateway=reception.gateway,
            generation_id=session.generation_id,
        )
        answer = await ask_control(
            reception.bus,
            reception.clock,
            READ_TWIN,
            question,
            TwinDocument,
            timeout_s=request.deadline_s - reception.clock.monotonic_s(),
            may_repeat=True,
            is_wanted=lambda: session.is_open,
        )
        return answer.payload

    async def _report(self, request: _Request) -> int:
        reception, session = self._reception, self._session
        question = ReportProperties(
            organization_id=reception.anchor.organization_id,
            gateway=reception.gateway,
            generation_id=session.generation_id,
            patch=request.patch,
        )
        answer = await ask_control(
            reception.bus,
            reception.clock,
            REPORT_PROPERTIES,
            question,
            PropertiesReported,
            timeout_s=request.deadline_s - reception.clock.monotonic_s(),
            may_repeat=False,  # a patch that is stored twice counts two versions
            is_wanted=lambda: session.is_open or session.has_left,
        )
        return answer.version

    def _code_of(self, problem: RemoteProblem) -> tuple[int, str]:
        status = problem.remote_status
        if status == _NOT_FOUND:
            is_device = self._session.record.module_id is None
            return (DEVICE_NOT_FOUND if is_device else MODULE_NOT_FOUND), problem.detail
        if status == _TOO_LARGE_STATUS:
            return TOO_LARGE, problem.detail
        if status == _TOO_MANY_STATUS:
            return THROTTLED, problem.detail
        if status in _UNAVAILABLE_STATUS:
            return UNAVAILABLE, "try again"
        if status >= _SERVER_ERRORS:
            return SERVER_ERROR, "the request failed"
        return BAD_REQUEST, problem.detail

    def _refuse(self, what: TwinGet | TwinPatchReported, error_code: int, message: str) -> None:
        body = error_body(self._reception, error_code, message)
        self._session.publish(twin_response_topic(error_code // 1000, what.request_id), body)
