"""Direct methods: ask a device that is connected, wait for its answer, and put both on record."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from vedette.bus.contract import InvokeMethod, MethodAnswered, MethodFailed
from vedette.kernel import Clock, GenerationId, IdSource, OrganizationId, Problem
from vedette.ledger import Actor, Entry, Ledger
from vedette.messaging.downlinks import Downlinks
from vedette.messaging.errors import (
    DeviceConnectionClosed,
    DeviceNotOnline,
    GatewayUnreachable,
    HubProblem,
    InvalidMethodCall,
    MethodNotPermitted,
    MethodTimedOut,
    TooManyCalls,
)
from vedette.messaging.events import MethodFinished
from vedette.messaging.identities import Identity, find_named
from vedette.messaging.method_journal import MethodJournal
from vedette.messaging.method_model import (
    CONNECT_TIMEOUT_S,
    RESPONSE_TIMEOUT_S,
    MethodResult,
    check_answer,
    check_call,
)
from vedette.messaging.session_directory import Holding, SessionDirectory
from vedette.messaging.settings import MethodSettings
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

ANSWERED: Final = "answered"
# Words of ``MethodFailed`` that say that the device has not seen the call.
_NOT_THERE: Final = frozenset({"not_online", "not_subscribed"})
_ASK_AGAIN_S: Final = 0.25
# A ledger entry takes names of 256 characters; device/module may have one more.
_NAME_MAX_CHARS: Final = 256
_SYSTEM: Final = Actor("system", "messaging")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """A call as it was asked for and put on record."""

    organization_id: OrganizationId
    identity: Identity
    call_id: str
    method: str
    payload: bytes
    response_timeout_s: int
    connect_timeout_s: int
    began_s: float


@dataclass(slots=True)
class _Attempt:
    """A call that was handed to a gateway, which alone may answer it."""

    holding: Holding
    answer: asyncio.Future[MethodAnswered | MethodFailed] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class MethodService:
    """Calls direct methods of devices and modules.

    Each call is in the ledger before the device hears of it, and its outcome a moment after it is over; payloads never
    are. ``run`` must be kept running.

    Args:
        store: For the record.
        ledger: For the record.
        directory: Who is connected, and where.
        downlinks: To the gateways.
        settings: Limits.
        clock: For how long calls take.
        ids: For call ids.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        directory: SessionDirectory,
        downlinks: Downlinks,
        settings: MethodSettings,
        *,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._downlinks = downlinks
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._attempts: dict[str, _Attempt] = {}
        self._by_session: dict[str, set[str]] = {}
        self._journal = MethodJournal(store, ledger, most=2 * settings.calls)
        self._under_way = 0
        self._of_name: Counter[tuple[str, str | None]] = Counter()
        directory.on_ended(self._session_ended)

    @property
    def under_way(self) -> int:
        """How many calls wait for a device."""
        return self._under_way

    async def invoke(
        self,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str | None,
        method: str,
        payload: bytes,
        *,
        response_timeout_s: int = RESPONSE_TIMEOUT_S,
        connect_timeout_s: int = CONNECT_TIMEOUT_S,
        actor: Actor,
    ) -> MethodResult:
        """Call a method and return what the device answered.

        Args:
            organization_id: Whose device.
            device_id: Its name.
            module_id: Of one of its modules, or ``None``.
            method: 1 to 100 characters, of which none is a control character or one of ``/ # +``.
            payload: JSON, at most 128 KiB; empty is ``null``.
            response_timeout_s: How long the device may take, 5 to 300.
            connect_timeout_s: How long to wait for a device that is not there, 0 to 300.
            actor: Who asks.

        Raises:
            InvalidMethodCall: Something is outside its limits.
            MethodPayloadTooLarge: The payload is.
            TooManyCalls: As many are under way as are taken.
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no such module.
            DeviceNotOnline: It is not connected, or does not listen for methods.
            DeviceConnectionClosed: The connection ended before the answer.
            MethodTimedOut: The device did not answer in time.
            MethodNotPermitted: The policy does not let it receive methods.
            InvalidMethodAnswer: What it answered is no JSON, or too much of it.
            GatewayUnreachable: The bus is away.
        """
        checked = check_call(
            method,
            payload,
            response_timeout_s=response_timeout_s,
            connect_timeout_s=connect_timeout_s,
            settings=self._settings,
        )
        name = device_id, module_id

        def begin(tx: Transaction) -> _Call:
            call = _Call(
                organization_id=organization_id,
                identity=find_named(tx.connection, organization_id, *name),
                call_id=self._ids.new("cal"),
                method=method,
                payload=checked,
                response_timeout_s=response_timeout_s,
                connect_timeout_s=connect_timeout_s,
                began_s=self._clock.monotonic_s(),
            )
            self._record_call(tx, call, actor)
            return call

        self._enter(name)
        try:
            call = await self._journal.begin(begin)
            return await self._carry_out(call)
        finally:
            self._leave(name)

    async def run(self) -> None:
        """Put outcomes on record until cancelled."""
        await self._journal.run()

    async def flush(self) -> None:
        """Put the outcomes of all calls that are over on record now."""
        await self._journal.flush()

    def answered(self, gateway: str, answer: MethodAnswered | MethodFailed) -> None:
        """Take an answer; one to a call that is not under way, or from another gateway than was asked, is ignored."""
        attempt = self._attempts.get(answer.call_id)
        if attempt is None or attempt.holding.gateway != gateway or attempt.answer.done():
            log.debug("an answer that nobody waits for", extra={"gateway": gateway})
            return
        attempt.answer.set_result(answer)

    # --- the call -----------------------------------------------------------------------------------------------

    async def _carry_out(self, call: _Call) -> MethodResult:
        try:
            answer = await self._ask(call)
            result = check_answer(answer.status, answer.payload, self._settings)
        except Problem as problem:
            self._record_end(call, problem.code, None)
            raise
        self._record_end(call, ANSWERED, result.status)
        return result

    async def _ask(self, call: _Call) -> MethodAnswered:
        """Hand a call to the gateway that holds the device, again as long as it is not there and time is left."""
        generation_id = call.identity.generation_id
        until_s = call.began_s + call.connect_timeout_s
        while True:
            left_s = max(until_s - self._clock.monotonic_s(), 0.0)
            holding = await self._directory.wait_for(
                generation_id, timeout_s=left_s, unsettled_s=self._settings.report_wait_s
            )
            if holding is None:
                raise _failure(call, "not_online")
            answer = await self._attempt(call, holding)
            if isinstance(answer, MethodAnswered):
                return answer
            left_s = until_s - self._clock.monotonic_s()
            if answer.reason not in _NOT_THERE or left_s <= 0:
                raise _failure(call, answer.reason)
            await asyncio.sleep(min(_ASK_AGAIN_S, left_s))

    async def _attempt(self, call: _Call, holding: Holding) -> MethodAnswered | MethodFailed:
        attempt = _Attempt(holding)
        self._attempts[call.call_id] = attempt
        of_session = self._by_session.setdefault(holding.session_id, set())
        of_session.add(call.call_id)
        message = InvokeMethod(
            call_id=call.call_id,
            generation_id=call.identity.generation_id,
            method=call.method,
            payload=call.payload,
            timeout_s=call.response_timeout_s,
        )
        try:
            if not self._downlinks.send(holding.gateway, message):
                raise GatewayUnreachable("the bus is away, and with it the gateway", hint="see: vedette status")
            async with asyncio.timeout(call.response_timeout_s + self._settings.grace_s):
                return await attempt.answer
        except TimeoutError:
            return MethodFailed(call_id=call.call_id, reason="timeout")
        finally:
            del self._attempts[call.call_id]
            of_session.discard(call.call_id)
            if not of_session and self._by_session.get(holding.session_id) is of_session:
                del self._by_session[holding.session_id]

    def _session_ended(self, _: GenerationId, holding: Holding) -> None:
        for call_id in self._by_session.get(holding.session_id, ()):
            answer = self._attempts[call_id].answer
            if not answer.done():
                answer.set_result(MethodFailed(call_id=call_id, reason="closed"))

    # --- bounds -------------------------------------------------------------------------------------------------

    def _enter(self, name: tuple[str, str | None]) -> None:
        if self._under_way >= self._settings.calls:
            raise TooManyCalls(f"{self._settings.calls} calls are under way", hint="try again in a moment")
        if self._of_name[name] >= self._settings.calls_of_identity:
            raise TooManyCalls(
                f"{self._settings.calls_of_identity} calls to {name[0][:160]} are under way",
                hint="wait for their answers",
                limit=self._settings.calls_of_identity,
            )
        self._under_way += 1
        self._of_name[name] += 1

    def _leave(self, name: tuple[str, str | None]) -> None:
        self._under_way -= 1
        self._of_name[name] -= 1
        if not self._of_name[name]:
            del self._of_name[name]

    # --- the record ---------------------------------------------------------------------------------------------

    def _record_call(self, tx: Transaction, call: _Call, actor: Actor) -> None:
        identity = call.identity
        entry = Entry(
            organization_id=call.organization_id,
            actor=actor,
            action="messaging.invoke_method",
            target=identity.generation_id,
            target_name=identity.name[:_NAME_MAX_CHARS],
            details={
                "call_id": call.call_id,
                "method": call.method,
                "payload_bytes": len(call.payload),
                "payload_sha256": hashlib.sha256(call.payload).hexdigest(),
                "response_timeout_s": call.response_timeout_s,
                "connect_timeout_s": call.connect_timeout_s,
            },
        )
        self._ledger.append(tx, entry)

    def _record_end(self, call: _Call, outcome: str, status: int | None) -> None:
        """Put the outcome on record, a moment later and together with others: nobody waits for it."""
        identity = call.identity
        event = MethodFinished(
            organization_id=call.organization_id,
            generation_id=identity.generation_id,
            device_id=identity.device_id,
            module_id=identity.module_id,
            call_id=call.call_id,
            method=call.method,
            outcome=outcome,
            status=status,
            duration_ms=round((self._clock.monotonic_s() - call.began_s) * 1000),
        )
        entry = Entry(
            organization_id=call.organization_id,
            actor=_SYSTEM,
            action="messaging.finish_method",
            target=identity.generation_id,
            target_name=identity.name[:_NAME_MAX_CHARS],
            details={"call_id": call.call_id, "outcome": outcome, "status": status},
        )
        self._journal.note(entry, event)


# What a gateway's word stands for: problem, text, hint.
_FAILURES: Final[dict[str, tuple[type[HubProblem], str, str]]] = {
    "not_online": (DeviceNotOnline, "{name} is not connected", "see: vedette device show {device_id}"),
    "not_subscribed": (DeviceNotOnline, "{name} does not listen for methods", "its program must subscribe to them"),
    "not_permitted": (MethodNotPermitted, "the policy does not let {name} receive methods", "see the decision log"),
    "not_sent": (InvalidMethodCall, "the client of {name} takes no message like this", "send a smaller payload"),
    "too_many": (TooManyCalls, "too many calls to {name} are under way", "wait for their answers"),
    "timeout": (MethodTimedOut, "{name} did not answer within {timeout_s} s", "it may have done what was asked"),
    "closed": (
        DeviceConnectionClosed,
        "the connection of {name} ended before it answered",
        "it may have done what was asked",
    ),
}


def _failure(call: _Call, reason: str) -> HubProblem:
    """Return the problem that a gateway's word stands for; an unknown word says no more than that it failed."""
    kind, text, hint = _FAILURES.get(reason, _FAILURES["closed"])
    facts = {
        "name": call.identity.name,
        "device_id": call.identity.device_id,
        "timeout_s": call.response_timeout_s,
    }
    return kind(text.format(**facts), hint=hint.format(**facts))
