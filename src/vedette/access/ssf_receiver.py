"""Signals of others: security event tokens that are pushed to us or fetched, verified, heard once and understood.

Source:
    RFC 8935 (push); RFC 8936 (poll); OpenID Shared Signals Framework 1.0.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import hmac
import logging
import math
import ssl
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx
import msgspec

from vedette.access import ssf_repository as repository
from vedette.access.ssf_errors import InvalidTransmitter, SetRefused, TransmitterNotFound
from vedette.access.ssf_events import VERIFICATION, heard_event, name_in_subject
from vedette.access.ssf_model import SECRET_MAX_CHARS, TEXT_MAX_CHARS, TRANSMITTERS_MAX, Transmitter, is_safe_url
from vedette.access.ssf_tokens import (
    AGE_MAX,
    ReceivedSet,
    read_key_set,
    verify_set,
)
from vedette.health import InvalidSignal, NewSignal, SignalService, TooManySignals
from vedette.kernel import Clock, IdSource, OrganizationId, Problem
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import UnknownKeyError, VerificationKey
from vedette.pki import SecretBox
from vedette.registry import ClockJumped, DeviceNotFound, ModuleNotFound
from vedette.store import Store, Transaction
from vedette.trust import Provenance

log = logging.getLogger(__name__)

FETCH_WITHIN_S: Final = 10.0
KEYS_LAST_S: Final = 300.0
KEYS_AGAIN_S: Final = 30.0
POLL_EVERY_S: Final = 2.0
COUNTED_PER_MINUTE: Final = 60
_MINUTE_S: Final = 60.0
_POLL_MOST: Final = 50
# Then the others have their turn: one that always has more to say keeps nobody else from being heard.
_POLL_ROUNDS: Final = 20
_ANSWER_MAX_BYTES: Final = 2_000_000
_PROVENANCES: Final = frozenset({Provenance.OBSERVED, Provenance.SELF_REPORTED, Provenance.SPOOFABLE})
# What says that an event cannot be understood here, now and later: it is not asked for again.
_NOT_OURS: Final = (DeviceNotFound, ModuleNotFound, InvalidSignal, TooManySignals, ClockJumped)
_FORGET_AFTER: Final = AGE_MAX + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTransmitter:
    """Somebody whose signals shall be heard.

    Attributes:
        authorization: What we send when polling.
        push_authorization: What it must send when pushing; empty: its signature is enough.
    """

    name: str
    issuer: str
    audience: str
    jwks_url: str
    poll_url: str = ""
    authorization: str = ""
    push_authorization: str = ""
    provenance: Provenance = Provenance.OBSERVED


class ReceiverService:
    """Hears the transmitters that an operator has named, and nobody else.

    Args:
        organization_id: Whose devices they tell of.
        store: Where transmitters are kept.
        ledger: Where their coming and going is told.
        signals: Takes what they say.
        box: Seals what we send them as ``Authorization``.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        ledger: Ledger,
        signals: SignalService,
        box: SecretBox,
        *,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._ledger = ledger
        self._signals = signals
        self._box = box
        self._clock = clock
        self._ids = ids
        # Transmitter → its keys, and when they were fetched.
        self._keys: OrderedDict[str, tuple[tuple[VerificationKey, ...], float]] = OrderedDict()
        self._keys_tried: dict[str, float] = {}
        self._counted_s: dict[str, deque[float]] = {}
        self._tls: ssl.SSLContext | None = None

    async def add(self, new: NewTransmitter, *, actor: Actor) -> Transmitter:
        """Begin to hear a transmitter.

        Raises:
            InvalidTransmitter: Something is outside its limits, or there are too many.
        """
        _check(new)
        transmitter_id = self._ids.new("tra")
        sealed = b""
        if new.authorization:
            sealed = self._box.seal(new.authorization.encode(), place=self._place(transmitter_id))
        transmitter = Transmitter(
            transmitter_id=transmitter_id,
            name=new.name,
            issuer=new.issuer,
            audience=new.audience,
            jwks_url=new.jwks_url,
            poll_url=new.poll_url,
            sealed_authorization=sealed,
            push_sha256=_digest(new.push_authorization) if new.push_authorization else b"",
            provenance=new.provenance,
            is_enabled=True,
            accepted=0,
            ignored=0,
            refused=0,
            last_event_at=None,
            last_error="",
            created_at=self._clock.now(),
        )

        def put(tx: Transaction) -> Transmitter:
            if len(repository.list_transmitters(tx.connection, self._organization_id)) >= TRANSMITTERS_MAX:
                raise InvalidTransmitter(f"there are {TRANSMITTERS_MAX} transmitters already")
            repository.add_transmitter(tx.connection, self._organization_id, transmitter)
            details = {"issuer": new.issuer, "provenance": new.provenance.value, "poll_url": new.poll_url}
            self._record(tx, actor, "access.add_transmitter", transmitter, details)
            return transmitter

        return await self._store.write(put)

    async def list(self) -> list[Transmitter]:
        """Return the transmitters."""
        return await self._store.read(lambda c: repository.list_transmitters(c, self._organization_id))

    async def get(self, transmitter_id: str) -> Transmitter:
        """Return a transmitter.

        Raises:
            TransmitterNotFound: There is none of that id.
        """
        found = await self._store.read(lambda c: repository.find_transmitter(c, self._organization_id, transmitter_id))
        if found is None:
            raise TransmitterNotFound(f"there is no transmitter {transmitter_id[:80]!r}")
        return found

    async def remove(self, transmitter_id: str, *, actor: Actor, reason: str) -> None:
        """Hear a transmitter no more; the signals it gave stand until they are over or withdrawn.

        Raises:
            TransmitterNotFound: There is none of that id.
        """
        transmitter = await self.get(transmitter_id)

        def drop(tx: Transaction) -> None:
            repository.delete_transmitter(tx.connection, self._organization_id, transmitter_id)
            self._record(tx, actor, "access.remove_transmitter", transmitter, {}, reason=reason)

        await self._store.write(drop, restricting=True)
        self._keys.pop(transmitter_id, None)
        self._keys_tried.pop(transmitter_id, None)
        self._counted_s.pop(transmitter_id, None)

    async def push(self, transmitter_id: str, token: str, authorization: str) -> None:
        """Take a token that a transmitter pushes; when this returns, what it says is in force.

        Raises:
            SetRefused: It is not believed.
        """
        try:
            transmitter = await self.get(transmitter_id)
        except TransmitterNotFound:
            raise SetRefused("nobody is heard here", error="access_denied") from None
        wanted = transmitter.push_sha256
        if not transmitter.is_enabled or (wanted and not hmac.compare_digest(_digest(authorization), wanted)):
            raise SetRefused("this transmitter may not speak here", error="authentication_failed")
        await self._hear(None, transmitter, token)

    async def run(self) -> None:
        """Fetch from those that do not push, and the keys of all, until cancelled."""
        async with await self._open_client() as client:
            while True:
                try:
                    heard = [each for each in await self.list() if each.is_enabled]
                except Problem as problem:
                    log.warning("transmitters are not polled", extra={"cause": problem.code})
                    heard = []
                # At once: one that is slow, or silent, keeps none of the others waiting for long.
                async with asyncio.TaskGroup() as group:
                    for each in heard:
                        group.create_task(self._attend(client, each), name=f"hear {each.transmitter_id}")
                await asyncio.sleep(POLL_EVERY_S)

    async def _attend(self, client: httpx.AsyncClient, transmitter: Transmitter) -> None:
        try:
            await self._keep_keys(client, transmitter)
            if transmitter.poll_url:
                await self.poll(client, transmitter)
        except Problem as problem:
            log.warning("a transmitter is not polled", extra={"cause": problem.code})

    async def poll(self, client: httpx.AsyncClient, transmitter: Transmitter) -> int:
        """Fetch what waits at a transmitter, for a while; return how many tokens came."""
        ends_s = self._clock.monotonic_s() + FETCH_WITHIN_S
        acks: list[str] = []
        refused: dict[str, Any] = {}  # Any: JSON
        count = 0
        for _ in range(_POLL_ROUNDS):
            body = {"maxEvents": _POLL_MOST, "returnImmediately": True, "ack": acks, "setErrs": refused}
            answer = await self._fetch(client, transmitter, body)
            if answer is None:
                return count
            acks, refused = [], {}
            for jti, token in list(answer.sets.items())[:_POLL_MOST]:
                count += 1
                try:
                    await self._hear(client, transmitter, token)
                except SetRefused as refusal:
                    refused[jti] = {"err": refusal.error, "description": refusal.detail}
                else:
                    acks.append(jti)
            if self._clock.monotonic_s() >= ends_s or (not acks and not refused):
                break
        return count

    async def _hear(self, client: httpx.AsyncClient | None, transmitter: Transmitter, token: str) -> None:
        try:
            heard = await self._verify(client, transmitter, token)
        except SetRefused as refusal:
            await self._count(transmitter, "refused", error=refusal.detail)
            raise
        outcome = await self._store.write(lambda tx: self._take(tx, transmitter, heard))
        log.debug("a token was heard", extra={"transmitter_id": transmitter.transmitter_id, "outcome": outcome})

    def _take(self, tx: Transaction, transmitter: Transmitter, heard: ReceivedSet) -> str:
        """Act on a token, once, in one transaction with the memory of it."""
        now = self._clock.now()
        where = tx.connection, self._organization_id, transmitter.transmitter_id
        is_new = repository.hear(
            *where,
            jti_sha256=hashlib.sha256(heard.jti.encode()).digest(),
            issued_at=heard.issued_at,
            forget_before=now - _FORGET_AFTER,
        )
        if not is_new:
            return "repeated"
        outcome, error = self._understand(tx, transmitter, heard)
        repository.count_event(*where, outcome, at=now, error=error)
        return outcome

    def _understand(self, tx: Transaction, transmitter: Transmitter, heard: ReceivedSet) -> tuple[str, str]:
        ((kind, claims),) = heard.events.items()
        if kind == VERIFICATION:
            return "accepted", ""
        meaning, name = heard_event(kind, claims), name_in_subject(heard.subject)
        if meaning is None or name is None:
            return "ignored", ""
        told = NewSignal(
            device_id=name[0],
            module_id=name[1],
            signal_class=meaning.signal_class,
            level=meaning.level,
            provenance=transmitter.provenance,
            source=f"ssf:{transmitter.transmitter_id}",
            observed_at=heard.issued_at,
            lasts=meaning.lasts,
            detail={"event": kind.rsplit("/", 1)[-1], "issuer": transmitter.issuer[:TEXT_MAX_CHARS]},
        )
        actor = Actor("service", transmitter.transmitter_id, transmitter.name)
        try:
            self._signals.accept_in(tx, self._organization_id, told, actor=actor)
        except _NOT_OURS as problem:
            return "ignored", problem.detail[:TEXT_MAX_CHARS]
        return "accepted", ""

    async def _verify(self, client: httpx.AsyncClient | None, transmitter: Transmitter, token: str) -> ReceivedSet:
        keys, is_fresh = await self._keys_of(client, transmitter, is_again=False)
        expected = {"issuer": transmitter.issuer, "audience": transmitter.audience, "now": self._clock.now()}
        try:
            return verify_set(token, keys, **expected)  # type: ignore[arg-type] # three keywords
        except UnknownKeyError:
            if not is_fresh:
                keys, _ = await self._keys_of(client, transmitter, is_again=True)
        try:
            return verify_set(token, keys, **expected)  # type: ignore[arg-type] # three keywords
        except UnknownKeyError:
            raise SetRefused("the transmitter does not publish the key that signed", error="invalid_key") from None

    async def _keys_of(
        self, client: httpx.AsyncClient | None, transmitter: Transmitter, *, is_again: bool
    ) -> tuple[tuple[VerificationKey, ...], bool]:
        """Return a transmitter's keys, and whether they were fetched just now."""
        now_s = self._clock.monotonic_s()
        known = self._keys.get(transmitter.transmitter_id)
        if known is not None and now_s - known[1] < (KEYS_AGAIN_S if is_again else KEYS_LAST_S):
            return known[0], False
        if client is None:
            # Made when it is needed: making one costs more than all the rest of hearing a token.
            async with await self._open_client() as own:
                raw = await _get(own, transmitter.jwks_url)
        else:
            raw = await _get(client, transmitter.jwks_url)
        try:
            keys = read_key_set(msgspec.json.decode(raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise SetRefused("the transmitter's key set is no JSON", error="invalid_key") from None
        self._keys[transmitter.transmitter_id] = (keys, now_s)
        return keys, True

    async def _keep_keys(self, client: httpx.AsyncClient, transmitter: Transmitter) -> None:
        """Have a transmitter's keys at hand: what it pushes would have to wait for them."""
        now_s = self._clock.monotonic_s()
        known = self._keys.get(transmitter.transmitter_id)
        if known is not None and now_s - known[1] < KEYS_LAST_S / 2:
            return
        if now_s < self._keys_tried.get(transmitter.transmitter_id, -math.inf) + KEYS_AGAIN_S:
            return
        self._keys_tried[transmitter.transmitter_id] = now_s
        try:
            await self._keys_of(client, transmitter, is_again=True)
        except SetRefused as refusal:
            log.debug("a transmitter's keys could not be had", extra={"reason": refusal.detail})

    async def _fetch(
        self,
        client: httpx.AsyncClient,
        transmitter: Transmitter,
        body: Mapping[str, Any],  # Any: JSON
    ) -> _Polled | None:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if transmitter.sealed_authorization:
            place = self._place(transmitter.transmitter_id)
            headers["Authorization"] = self._box.open(transmitter.sealed_authorization, place=place).decode()
        try:
            raw = await _call(client, "POST", transmitter.poll_url, msgspec.json.encode(body), headers)
            return msgspec.json.decode(raw, type=_Polled)
        except SetRefused as refusal:
            error = refusal.detail
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            error = "the transmitter's answer is not that of RFC 8936"
        if error != transmitter.last_error:
            await self._store.write(
                lambda tx: repository.change_transmitter(
                    tx.connection, self._organization_id, transmitter.transmitter_id, {"last_error": error}
                )
            )
        return None

    async def _count(self, transmitter: Transmitter, outcome: str, *, error: str) -> None:
        """Count what was refused: anybody can send it, so that only so much of it is written down."""
        now_s = self._clock.monotonic_s()
        counted = self._counted_s.setdefault(transmitter.transmitter_id, deque(maxlen=COUNTED_PER_MINUTE))
        if len(counted) == COUNTED_PER_MINUTE and now_s - counted[0] < _MINUTE_S:
            return
        counted.append(now_s)
        where = self._organization_id, transmitter.transmitter_id
        at = self._clock.now()
        await self._store.write(lambda tx: repository.count_event(tx.connection, *where, outcome, at=at, error=error))

    async def _open_client(self) -> httpx.AsyncClient:
        if self._tls is None:
            # Reading all the authorities of the web takes some 20 ms.
            self._tls = await asyncio.to_thread(functools.partial(httpx.create_ssl_context, trust_env=False))
        return httpx.AsyncClient(verify=self._tls, timeout=FETCH_WITHIN_S, follow_redirects=False, trust_env=False)

    def _place(self, transmitter_id: str) -> str:
        return f"{self._organization_id}/ssf/{transmitter_id}"

    def _record(
        self,
        tx: Transaction,
        actor: Actor,
        action: str,
        transmitter: Transmitter,
        details: dict[str, str],
        *,
        reason: str = "",
    ) -> None:
        entry = Entry(
            organization_id=self._organization_id,
            actor=actor,
            action=action,
            target=transmitter.transmitter_id,
            target_name=transmitter.name,
            reason=reason,
            details=dict(details),
        )
        self._ledger.append(tx, entry)


class _Polled(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of RFC 8936 §2.5."""

    sets: dict[str, str] = {}
    more_available: bool = msgspec.field(default=False, name="moreAvailable")


async def _get(client: httpx.AsyncClient, url: str) -> bytes:
    return await _call(client, "GET", url, None, {"Accept": "application/json"})


async def _call(
    client: httpx.AsyncClient, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
) -> bytes:
    """Call a transmitter; return what it answers with 200, within limits.

    Raises:
        SetRefused: It does not answer so.
    """
    raw = b""
    try:
        async with (
            asyncio.timeout(FETCH_WITHIN_S),
            client.stream(method, url, content=body, headers={"Accept-Encoding": "identity", **headers}) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise SetRefused(f"the transmitter answered {answer.status_code}", error="invalid_key")
            # As it came: what is packed would be unpacked before its size can be judged.
            async for chunk in answer.aiter_raw():
                raw += chunk
                if len(raw) > _ANSWER_MAX_BYTES:
                    raise SetRefused("the transmitter's answer is too long", error="invalid_key")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
        detail = f"the transmitter does not answer: {type(error).__name__}"
        raise SetRefused(detail, error="invalid_key") from error
    return raw


def _check(new: NewTransmitter) -> None:
    texts: Sequence[str] = (new.name, new.audience, new.authorization, new.push_authorization)
    if any(not each.isprintable() for each in texts) or not new.name or not new.audience:
        raise InvalidTransmitter("name and audience are printable text")
    if len(new.name) > TEXT_MAX_CHARS or len(new.audience) > TEXT_MAX_CHARS:
        raise InvalidTransmitter(f"name and audience have at most {TEXT_MAX_CHARS} characters")
    secrets = (new.authorization, new.push_authorization)
    if any(len(each) > SECRET_MAX_CHARS or not each.isascii() for each in secrets):
        raise InvalidTransmitter(f"an authorization has at most {SECRET_MAX_CHARS} ASCII characters")
    for url in (new.issuer, new.jwks_url, *([new.poll_url] if new.poll_url else ())):
        if not is_safe_url(url):
            raise InvalidTransmitter(
                f"{url[:80]!r} is not an https URL", hint="plain http is for this very machine only"
            )
    if new.provenance not in _PROVENANCES:
        raise InvalidTransmitter("only the platform itself judges attestation", hint="observed at most")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
