"""The auth callout for another NATS: its server asks us about each connection, and devices come in by our decision."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from vedette.access import Answer, Asked, DecisionPoint, OutsideDecisions
from vedette.app.bus_access import bus_settings
from vedette.app.roles import AuthCalloutRole
from vedette.bus import (
    AUTH_CALLOUT_SUBJECT,
    AccountKey,
    BusConnection,
    CalloutRefused,
    CalloutRequest,
    Message,
    permit_callout,
    read_account_key,
    read_callout,
    refuse_callout,
)
from vedette.kernel import Clock, Problem
from vedette.trust import PARSE_ERRORS, certificate_sha256, describe_key

log = logging.getLogger(__name__)

CALLER: Final = "nats"
_QUEUE: Final = "vedette"
_WAITING_MAX: Final = 1_024
_WORKERS: Final = 16
_ANSWER_WITHIN_S: Final = 1.5  # the server waits two seconds and then keeps the connection out
_RETRY_S: Final = 5.0
_SAFE: Final = re.compile(r"[^A-Za-z0-9_-]")
_NAMES_MAX_CHARS: Final = 300
_HOUR_S: Final = 3_600

Decide = Callable[[Asked, str], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalloutSettings:
    """What a connection that is let in may do there.

    Attributes:
        account: Of the other NATS.
        publish: Subject patterns with ``{device}``, for who may send telemetry; modules get those with ``{module}``.
        subscribe: The same, given to who may receive commands.
        lasts_s: Then the server ends the connection and asks anew: within this time a device that is cut is out.
    """

    account: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    lasts_s: int


class AuthCallout:
    """Answers the requests of a NATS server.

    Args:
        key: Signs what is answered; the server is set up to believe it.
        decide: The decision point, with the password that a client gave.
        note: Puts an answer on record, with the address of the connection.
        settings: What a connection may do.
        clock: Source of time.
    """

    def __init__(
        self,
        key: AccountKey,
        decide: Decide,
        note: Callable[[Asked, Answer, str], None],
        settings: CalloutSettings,
        *,
        clock: Clock,
    ) -> None:
        self._key = key
        self._decide = decide
        self._note = note
        self._settings = settings
        self._clock = clock
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(maxsize=_WAITING_MAX)

    async def serve(self, bus: BusConnection) -> None:
        """Answer until cancelled; what comes while too much waits is not answered, which keeps it out."""
        bus.subscribe(AUTH_CALLOUT_SUBJECT, self._take, queue=_QUEUE)
        async with asyncio.TaskGroup() as group:
            for number in range(_WORKERS):
                group.create_task(self._work(bus), name=f"auth callout {number}")

    async def answer(self, token: bytes) -> bytes:
        """Return the signed answer to a request.

        Raises:
            CalloutRefused: It is no request of a server.
        """
        now_s = int(self._clock.now().timestamp())
        request = read_callout(token, now_s=now_s)
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                return await self._judge(request, now_s)
        except (Problem, TimeoutError) as problem:
            cause = problem.code if isinstance(problem, Problem) else "timeout"
            log.warning("a connection could not be judged", extra={"cause": cause})
            return refuse_callout(self._key, request, reason="it could not be judged", now_s=now_s)

    async def _judge(self, request: CalloutRequest, now_s: int) -> bytes:
        name, context = _describe(request, now_s)
        password = "" if request.tls is not None and request.tls.leaf else request.options.password
        if not name or not (password or context.get("certificateSha256")):
            return refuse_callout(self._key, request, reason="no certificate and no token", now_s=now_s)
        rights = []
        for action, patterns in (
            ("connect", ()),
            ("sendTelemetry", self._settings.publish),
            ("receiveCommand", self._settings.subscribe),
        ):
            asked = _asked(name, action, context)
            answer = await self._decide(asked, password)
            self._note(asked, answer, request.client.host)
            if action == "connect" and not answer.is_permitted:
                return refuse_callout(self._key, request, reason=answer.reason, now_s=now_s)
            # What names no module is a device's: a module is no more than itself.
            own = [_fill(each, name) for each in patterns if ("{module}" in each) is ("/" in name)]
            rights.append(own if answer.is_permitted else [])
        return permit_callout(
            self._key,
            request,
            name=name,
            account=self._settings.account,
            publish=rights[1],
            subscribe=rights[2],
            now_s=now_s,
            expires_s=now_s + self._settings.lasts_s,
        )

    def _take(self, message: Message) -> None:
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            log.warning("a connection is not judged: too many wait")

    async def _work(self, bus: BusConnection) -> None:
        while True:
            message = await self._waiting.get()
            try:
                bus.publish(message.reply, await self.answer(message.payload))
            except CalloutRefused as refused:
                log.warning("a request is not a server's", extra={"cause": str(refused)})
            except Problem as problem:
                log.warning("an answer was not sent", extra={"cause": problem.code})


async def serve_auth_callout(
    role: AuthCalloutRole, point: DecisionPoint, decisions: OutsideDecisions, *, clock: Clock
) -> None:
    """Answer the server of another NATS until cancelled; while it is away, try again.

    Raises:
        Problem: A key cannot be read.
    """
    key = await asyncio.to_thread(read_account_key, role.issuer_seed_file)
    settings = await asyncio.to_thread(bus_settings, role.bus)
    callout = AuthCallout(
        key,
        lambda asked, password: point.decide(asked, password=password),
        lambda asked, answer, address: decisions.note(asked, answer, remote_address=address),
        CalloutSettings(
            account=role.account, publish=role.publish, subscribe=role.subscribe, lasts_s=role.minutes * 60
        ),
        clock=clock,
    )
    while True:
        try:
            bus = await BusConnection.connect(settings, clock=clock)
        except Problem as problem:
            log.warning("the other NATS is not there", extra={"cause": problem.code})
            await asyncio.sleep(_RETRY_S)
            continue
        try:
            await callout.serve(bus)
        finally:
            await bus.close()


def _describe(request: CalloutRequest, now_s: int) -> tuple[str, dict[str, Any]]:  # Any: JSON
    """Return the name that a connection proved or claims, and what the server told of its session."""
    context: dict[str, Any] = {"address": request.client.host, "protocol": CALLER}
    tls = request.tls
    if tls is None:
        return request.options.user[:_NAMES_MAX_CHARS], context
    context |= {"tlsVersion": f"TLSv{tls.version}", "cipher": tls.cipher}
    if not tls.leaf:
        return request.options.user[:_NAMES_MAX_CHARS], context
    try:
        leaf = x509.load_pem_x509_certificate(tls.leaf.encode())
        algorithm, bits = describe_key(leaf.public_key())
        names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        age_s = now_s - int(leaf.not_valid_before_utc.timestamp())
        ends_s = int(leaf.not_valid_after_utc.timestamp())
        sha256 = certificate_sha256(leaf.public_bytes(Encoding.DER))
    except PARSE_ERRORS:
        return "", context
    if age_s < 0 or now_s >= ends_s or len(names) != 1:
        return "", context
    context |= {"certificateSha256": sha256, "keyAlgorithm": algorithm, "keyBits": bits}
    return str(names[0].value)[:_NAMES_MAX_CHARS], {**context, "credentialAgeHours": age_s // _HOUR_S}


def _asked(name: str, action: str, context: dict[str, Any]) -> Asked:  # Any: JSON
    return Asked(
        subject_type="module" if "/" in name else "device",
        subject_id=name,
        action=action,
        resource_type="hub",
        resource_id="hub",
        context=context,
        caller=CALLER,
    )


def _fill(pattern: str, name: str) -> str:
    """Put a name into a subject: what would be a wildcard or begin a new level there is percent-encoded."""
    device, _, module = (_SAFE.sub(lambda found: f"%{ord(found[0]):02X}", each) for each in name.partition("/"))
    return pattern.replace("{device}", device).replace("{module}", module)
