"""Streams of security events: what receivers ask of them, and what they read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from vedette.access import ssf_repository as repository
from vedette.access.ssf_errors import InvalidStream, StreamNotFound, TooManyStreams
from vedette.access.ssf_events import EVENT_TYPES, STREAM_UPDATED, VERIFICATION, Claims, name_in_subject
from vedette.access.ssf_model import (
    POLL,
    PUSH,
    SECRET_MAX_CHARS,
    STREAMS_MAX,
    TEXT_MAX_CHARS,
    PendingSet,
    Stream,
    StreamStatus,
    is_safe_url,
)
from vedette.access.ssf_tokens import KEY_BITS, SetSigner
from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.pki import SecretBox
from vedette.registry import find_by_name, find_module_by_name
from vedette.store import Store, Transaction

VERIFY_EVERY: Final = timedelta(seconds=10)
POLL_MAX: Final = 100
POLL_WAIT_S: Final = 20.0
_STATE_MAX_CHARS: Final = 1_024
_ACKS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamWish:
    """What a receiver asks of a stream; what is None stays as it is.

    Attributes:
        authorization: What it wants to get as ``Authorization`` with each push.
    """

    method: str | None = None
    endpoint_url: str | None = None
    authorization: str | None = None
    events_requested: Sequence[str] | None = None
    description: str | None = None


class SigningKeys:
    """The keys that our tokens are signed with, sealed on disk; made when they are first needed."""

    def __init__(
        self, organization_id: OrganizationId, store: Store, box: SecretBox, *, clock: Clock, ids: IdSource
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._box = box
        self._clock = clock
        self._ids = ids
        self._signers: list[SetSigner] = []
        self._lock = asyncio.Lock()

    async def signer(self) -> SetSigner:
        """Return what signs now."""
        return (await self._load())[0]

    async def jwks(self) -> Claims:
        """Return the public keys."""
        return {"keys": [each.public_jwk() for each in await self._load()]}

    async def _load(self) -> list[SetSigner]:
        async with self._lock:
            if not self._signers:
                rows = await self._store.read(lambda c: repository.list_keys(c, self._organization_id))
                if not rows:
                    made = await asyncio.to_thread(_make_key)
                    rows = await self._store.write(lambda tx: self._keep(tx, made))
                self._signers = [
                    await asyncio.to_thread(SetSigner, key_id, self._box.open(sealed, place=self._place(key_id)))
                    for key_id, sealed in rows
                ]
            return self._signers

    def _keep(self, tx: Transaction, pkcs8: bytes) -> list[tuple[str, bytes]]:
        rows = repository.list_keys(tx.connection, self._organization_id)
        if rows:
            return rows
        key_id = self._ids.new("ssk")
        sealed = self._box.seal(pkcs8, place=self._place(key_id))
        repository.add_key(tx.connection, self._organization_id, key_id, sealed, self._clock.now())
        return [(key_id, sealed)]

    def _place(self, key_id: str) -> str:
        return f"{self._organization_id}/ssf/{key_id}"


class StreamService:
    """The streams of one organization, for the receivers that own them.

    Args:
        organization_id: Whose events.
        store: Where streams are kept.
        ledger: Where their coming and going is told, and where events come from.
        box: Seals what receivers want as ``Authorization``.
        keys: Sign tokens.
        issuer: Names us in tokens: the URL of the API.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        ledger: Ledger,
        box: SecretBox,
        *,
        keys: SigningKeys,
        issuer: str,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._ledger = ledger
        self._box = box
        self.keys = keys
        self.issuer = issuer
        self._clock = clock
        self._ids = ids
        self._news = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    def on_pending(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called when something waits that did not before; it must not block."""
        self._listeners.append(listener)

    def wake(self) -> None:
        """Tell those who wait in a poll that something may wait for them."""
        self._news.set()
        self._news = asyncio.Event()
        for listener in self._listeners:
            listener()

    async def create(self, wish: StreamWish, *, actor: Actor) -> Stream:
        """Create a stream; events from now on are in it.

        Raises:
            InvalidStream: Something is outside its limits.
            TooManyStreams: The receiver has all it may have.
        """
        owner = _owner(actor)
        blank = Stream(
            stream_id=self._ids.new("sst"),
            owner=owner,
            audience="",
            method=POLL,
            endpoint_url="",
            sealed_authorization=b"",
            events_requested=EVENT_TYPES,
            description="",
            status=StreamStatus.ENABLED,
            status_reason="",
            created_at=self._clock.now(),
            verified_at=None,
            last_error="",
        )
        made = self._apply(replace(blank, audience=f"{self.issuer}/ssf/{blank.stream_id}"), wish, is_whole=True)
        position = await self._ledger.size(self._organization_id)

        def add(tx: Transaction) -> Stream:
            known = repository.list_streams(tx.connection, self._organization_id)
            if len(known) >= STREAMS_MAX:
                raise TooManyStreams(f"there are {STREAMS_MAX} streams already", hint="delete one that nobody reads")
            if not known or repository.read_cursor(tx.connection, self._organization_id) is None:
                repository.save_cursor(tx.connection, self._organization_id, position)
            repository.save_stream(tx.connection, self._organization_id, made)
            self._record(tx, actor, "access.create_stream", made)
            return made

        return await self._store.write(add)

    async def list(self, *, actor: Actor) -> list[Stream]:
        """Return the streams that somebody may read: people all, a program its own."""
        owner = None if actor.kind == "operator" else _owner(actor)
        return await self._store.read(lambda c: repository.list_streams(c, self._organization_id, owner))

    async def get(self, stream_id: str, *, actor: Actor) -> Stream:
        """Return a stream.

        Raises:
            StreamNotFound: There is none, or it is another's.
        """
        return await self._store.read(lambda c: self._require(c, stream_id, actor))

    async def update(self, stream_id: str, wish: StreamWish, *, actor: Actor, is_whole: bool = False) -> Stream:
        """Change a stream, or replace what the receiver decides of it.

        Raises:
            StreamNotFound: There is none, or it is another's.
            InvalidStream: Something is outside its limits.
        """

        def change(tx: Transaction) -> Stream:
            changed = self._apply(self._require(tx.connection, stream_id, actor), wish, is_whole=is_whole)
            repository.save_stream(tx.connection, self._organization_id, changed)
            self._record(tx, actor, "access.update_stream", changed)
            return changed

        return await self._store.write(change)

    async def delete(self, stream_id: str, *, actor: Actor) -> None:
        """Take away a stream and what waits in it.

        Raises:
            StreamNotFound: There is none, or it is another's.
        """

        def remove(tx: Transaction) -> None:
            stream = self._require(tx.connection, stream_id, actor)
            repository.delete_stream(tx.connection, self._organization_id, stream_id)
            self._record(tx, actor, "access.delete_stream", stream)

        await self._store.write(remove)

    async def set_status(self, stream_id: str, status: StreamStatus, reason: str, *, actor: Actor) -> Stream:
        """Enable, pause or disable a stream; what waits in a disabled one is dropped.

        Raises:
            StreamNotFound: There is none, or it is another's.
            InvalidStream: The reason is too long.
        """
        if len(reason) > TEXT_MAX_CHARS:
            raise InvalidStream(f"a reason has at most {TEXT_MAX_CHARS} characters")

        def change(tx: Transaction) -> Stream:
            stream = self._require(tx.connection, stream_id, actor)
            changed = replace(stream, status=status, status_reason=reason)
            if status is StreamStatus.DISABLED:
                repository.drop_pending(tx.connection, self._organization_id, stream_id)
            repository.save_stream(tx.connection, self._organization_id, changed)
            if status is not stream.status:
                claims: Claims = {"status": status.value} | ({"reason": reason} if reason else {})
                self._add(tx, changed, STREAM_UPDATED, claims)
                self._record(tx, actor, "access.update_stream_status", changed)
            tx.on_commit(self.wake)
            return changed

        return await self._store.write(change)

    async def verify(self, stream_id: str, state: str | None, *, actor: Actor) -> None:
        """Put a verification event into a stream.

        Raises:
            StreamNotFound: There is none, or it is another's.
            InvalidStream: The state is too long.
            TooManyStreams: It was asked for a moment ago.
        """
        if state is not None and len(state) > _STATE_MAX_CHARS:
            raise InvalidStream(f"state has at most {_STATE_MAX_CHARS} characters")

        def add(tx: Transaction) -> None:
            stream = self._require(tx.connection, stream_id, actor)
            now = self._clock.now()
            if stream.verified_at is not None and now < stream.verified_at + VERIFY_EVERY:
                raise TooManyStreams(f"a stream is verified once in {VERIFY_EVERY.seconds} s", hint="wait a moment")
            repository.save_stream(tx.connection, self._organization_id, replace(stream, verified_at=now))
            self._add(tx, stream, VERIFICATION, {} if state is None else {"state": state})
            tx.on_commit(self.wake)

        await self._store.write(add)

    async def set_subject(self, stream_id: str, subject: object, *, is_included: bool, actor: Actor) -> None:
        """Leave a device or module out of a stream, or in again; all are in it from the beginning.

        A subject that nobody here is called by is taken without a word: streams tell nobody who there is.

        Raises:
            StreamNotFound: There is none, or it is another's.
            InvalidStream: The subject names no device in a way we know.
        """
        name = name_in_subject(subject)
        if name is None:
            raise InvalidStream("the subject names no device", hint="iss_sub with the device id as sub")

        def change(tx: Transaction) -> None:
            self._require(tx.connection, stream_id, actor)
            device_id, module_id = name
            where = tx.connection, self._organization_id
            found = find_by_name(*where, device_id) if module_id is None else find_module_by_name(*where, *name)  # type: ignore[arg-type] # the module is named
            if found is not None:
                act = repository.include if is_included else repository.exclude
                act(tx.connection, self._organization_id, stream_id, found.generation_id)

        await self._store.write(change)

    async def poll(
        self,
        stream_id: str,
        *,
        actor: Actor,
        most: int = POLL_MAX,
        acks: Sequence[str] = (),
        errors: Mapping[str, str] | None = None,
        is_immediate: bool = True,
    ) -> tuple[dict[str, str], bool]:
        """Take acknowledgements, and return tokens by id, and whether more wait.

        Args:
            stream_id: Which.
            actor: Its owner.
            most: How many to return; 0 only acknowledges.
            acks: Ids of tokens that were taken.
            errors: Ids of tokens that were refused, with why; they are not sent again.
            is_immediate: Do not wait until there is something.

        Raises:
            StreamNotFound: There is none, or it is another's.
            InvalidStream: It is pushed, or too much is acknowledged at once.
        """
        done = [*acks, *(errors or ())]
        if len(done) > _ACKS_MAX:
            raise InvalidStream(f"at most {_ACKS_MAX} tokens are acknowledged at once")
        stream = await self.get(stream_id, actor=actor)
        if stream.method != POLL:
            raise InvalidStream("the events of this stream are pushed")
        if done:
            await self._store.write(
                lambda tx: repository.drop_pending(tx.connection, self._organization_id, stream_id, done)
            )
        if errors:
            await self._note(stream_id, f"refused by the receiver: {next(iter(errors.values()))}")
        most = min(most, POLL_MAX)
        deadline_s = self._clock.monotonic_s() + POLL_WAIT_S
        while most > 0 and stream.status is StreamStatus.ENABLED:
            news = self._news
            found = await self._store.read(
                lambda c: repository.list_pending(c, self._organization_id, stream_id, most + 1)
            )
            left_s = deadline_s - self._clock.monotonic_s()
            if found or is_immediate or left_s <= 0:
                signer = await self.keys.signer()
                return {each.jti: signer.sign(each.claims) for each in found[:most]}, len(found) > most
            await _wait(news, left_s)
        return {}, False

    def claims_of(
        self, stream: Stream, kind: str, claims: Claims, subject: Claims, *, transaction: str = ""
    ) -> PendingSet:
        """Return a token's claims for one stream."""
        jti = self._ids.new("set")
        token: Claims = {
            "iss": self.issuer,
            "jti": jti,
            "iat": int(self._clock.now().timestamp()),
            "aud": stream.audience,
            "sub_id": subject,
            "events": {kind: claims},
        }
        if transaction:
            token["txn"] = transaction
        return PendingSet(jti=jti, claims=token)

    def open_authorization(self, stream: Stream) -> str:
        """Return what a receiver wants as ``Authorization``; empty: nothing."""
        if not stream.sealed_authorization:
            return ""
        return self._box.open(stream.sealed_authorization, place=self._place(stream.stream_id)).decode()

    async def _note(self, stream_id: str, error: str) -> None:
        shown = "".join(char if char.isprintable() else "?" for char in error)[:TEXT_MAX_CHARS]
        await self._store.write(
            lambda tx: repository.note_delivery(tx.connection, self._organization_id, stream_id, shown)
        )

    def _add(self, tx: Transaction, stream: Stream, kind: str, claims: Claims) -> None:
        added = self.claims_of(stream, kind, claims, {"format": "opaque", "id": stream.stream_id})
        repository.add_pending(tx.connection, self._organization_id, stream.stream_id, [added])

    def _apply(self, stream: Stream, wish: StreamWish, *, is_whole: bool) -> Stream:
        requested = wish.events_requested
        if requested is None and is_whole:
            requested = EVENT_TYPES
        if requested is not None:
            stream = replace(stream, events_requested=tuple(dict.fromkeys(requested)))
        if wish.description is not None or is_whole:
            stream = replace(stream, description=(wish.description or "")[:TEXT_MAX_CHARS])
        if wish.method is None and not is_whole:
            return stream
        if wish.method is not None and wish.method not in {PUSH, POLL}:
            raise InvalidStream(f"{wish.method[:80]!r} is no way of delivery", hint=f"{PUSH} or {POLL}")
        if wish.method in {None, POLL}:
            return replace(stream, method=POLL, endpoint_url="", sealed_authorization=b"")
        if not is_safe_url(wish.endpoint_url or ""):
            raise InvalidStream("endpoint_url is not an https URL", hint="plain http is for this very machine only")
        authorization = wish.authorization or ""
        if len(authorization) > SECRET_MAX_CHARS or not authorization.isascii() or not authorization.isprintable():
            raise InvalidStream(f"authorization_header has at most {SECRET_MAX_CHARS} printable characters")
        sealed = self._box.seal(authorization.encode(), place=self._place(stream.stream_id)) if authorization else b""
        return replace(stream, method=PUSH, endpoint_url=wish.endpoint_url or "", sealed_authorization=sealed)

    def _place(self, stream_id: str) -> str:
        return f"{self._organization_id}/ssf/{stream_id}"

    def _require(self, connection: sa.Connection, stream_id: str, actor: Actor) -> Stream:
        found = repository.find_stream(connection, self._organization_id, stream_id)
        if found is None or (actor.kind != "operator" and found.owner != _owner(actor)):
            raise StreamNotFound(f"there is no stream {stream_id[:80]!r}", hint="create one: POST /v1/ssf/streams")
        return found

    def _record(self, tx: Transaction, actor: Actor, action: str, stream: Stream) -> None:
        details = {"method": stream.method, "endpoint_url": stream.endpoint_url, "status": stream.status.value}
        entry = Entry(
            organization_id=self._organization_id,
            actor=actor,
            action=action,
            target=stream.stream_id,
            target_name=stream.description,
            reason=stream.status_reason,
            details=details,
        )
        self._ledger.append(tx, entry)


async def _wait(news: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await news.wait()
    except TimeoutError:
        return


def _owner(actor: Actor) -> str:
    return f"{actor.kind}:{actor.id}"


def _make_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
