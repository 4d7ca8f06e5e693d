"""What enforcement points ask of the policy administrator."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol

from vedette.access import repository
from vedette.access.administrator import PolicyAdministrator
from vedette.access.errors import PostureUnavailable, UnknownOrganization
from vedette.access.first_use import KEY_PREFIX
from vedette.access.opening_keys import OpeningKeys
from vedette.bus.contract import (
    AgreeOpeningKey,
    OpeningKeyAgreed,
    OpenSession,
    PostureChanges,
    PostureChangesReply,
    SessionOpening,
)
from vedette.kernel import Clock, DeviceId, ModuleId, OrganizationId
from vedette.pki.records import SymmetricKeyService
from vedette.store import Store
from vedette.trust import Lifecycle, Opening, OtherSession, PostureRecord, Reason, RecordSigner, TokenProof

log = logging.getLogger(__name__)

CHANGES_MAX: Final = 1000
CHANGES_MAX_BYTES: Final = 700_000
FIRST_USES_MAX: Final = 100_000
_NOTE_BATCH: Final = 200
_NOTE_PAUSE_S: Final = 0.05

KEY_NOTED_S: Final = 3600.0

NoteUses = Callable[[Sequence[tuple[str, str]]], Awaitable[bool]]


class SubscriptionsFor(Protocol):
    """Returns what the kept session of an identity subscribed to."""

    def __call__(
        self, organization_id: OrganizationId, generation_id: str, *, is_clean: bool, is_kept: bool
    ) -> Awaitable[dict[str, int] | None]:
        """Return kept subscriptions with their granted QoS; only a session that is kept and not clean leaves them."""
        ...


class AccessService:
    """Answers ``svc.access.*``: openings bound to the asker's nonce, keys for them, and changes since a sequence.

    Args:
        organization_id: The one organization served here.
        administrator: Keeps the records.
        store: To read changes.
        signer: The administrator's key.
        note_uses: Awaited in the background with generation and certificate digest, or key id, of sessions that were
            opened; marks credentials used and devices active. Certificates once in this process's life, keys once an
            hour.
        keys: Judges tokens.
        opening_keys: Agreed with gateways.
        clock: Source of time.
        subscriptions_for: What a kept session subscribed to; a clean one discards it. Not given: none is kept.
        other_session: Where else an identity is, or was last, by its generation id and the asker's address.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        administrator: PolicyAdministrator,
        store: Store,
        signer: RecordSigner,
        note_uses: NoteUses,
        *,
        keys: SymmetricKeyService,
        opening_keys: OpeningKeys,
        clock: Clock,
        subscriptions_for: SubscriptionsFor | None = None,
        other_session: Callable[[str, str], OtherSession | None] = lambda _generation_id, _address: None,
    ) -> None:
        self._organization_id = organization_id
        self._administrator = administrator
        self._store = store
        self._signer = signer
        self._note_uses = note_uses
        self._uses: asyncio.Queue[tuple[str, str]] = asyncio.Queue(maxsize=FIRST_USES_MAX)
        self._noted: dict[str, float] = {}
        # What openings may have been permitted by and is not noted yet: gateways have the last word.
        self._expected: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._keys = keys
        self._opening_keys = opening_keys
        self._clock = clock
        self._subscriptions_for = subscriptions_for
        self._other_session = other_session

    async def open_session(self, request: OpenSession) -> SessionOpening:
        """Answer about one identity, signed over the gateway's nonce.

        Raises:
            UnknownOrganization: Not the one kept here.
            PostureUnavailable: Records are not ready.
        """
        self._check(request.organization_id)
        record = await self._administrator.find(request.device_id, request.module_id)
        token = None if record is None else await self._judge_token(record, request)
        usable = () if record is None else _usable_credentials(record, request, token, self._clock.now())
        subscriptions = None if record is None else await self._kept(record, request, is_usable=bool(usable))
        # What is signed is true now, whatever was true before the waiting.
        latest = await self._administrator.find(request.device_id, request.module_id)
        if latest is None or record is None or latest.generation_id != record.generation_id:
            usable, subscriptions = (), None
        record = latest
        opening = Opening(
            nonce=request.nonce,
            organization_id=self._organization_id,
            device_id=DeviceId(request.device_id),
            module_id=None if request.module_id is None else ModuleId(request.module_id),
            head=self._administrator.head(),
            record=record,
            token=token if isinstance(token, TokenProof) else None,
            token_refusal=token.value if isinstance(token, Reason) else "",
            other=None if record is None else self._other_session(record.generation_id, request.remote_address),
        )
        if record is not None:
            self._expect(record, usable)
        key = self._opening_keys.find(request.gateway, request.key_ids)
        if key is None:
            return SessionOpening(self._signer.sign_opening(opening), subscriptions)
        return SessionOpening(key.seal(opening), subscriptions, key.key_id)

    async def agree_opening_key(self, request: AgreeOpeningKey) -> OpeningKeyAgreed:
        """Agree with a gateway on a key for the openings to it.

        Raises:
            UnknownOrganization: Not the one kept here.
            BadSignature: The gateway's half is none.
        """
        self._check(request.organization_id)
        return self._opening_keys.agree(self._organization_id, request)

    def session_opened(self, generation_id: str, credential: str) -> None:
        """Note that a gateway let an identity in; what we had not found usable counts for nothing.

        Args:
            generation_id: Of the identity.
            credential: The SHA-256 of a certificate, or the id of a key.
        """
        key = (generation_id, credential)
        if key not in self._expected:
            return
        try:
            self._uses.put_nowait(key)
        except asyncio.QueueFull:
            return
        del self._expected[key]
        if len(self._noted) >= FIRST_USES_MAX:
            self._noted.clear()
        self._noted[credential] = (
            self._clock.monotonic_s() + KEY_NOTED_S if credential.startswith(KEY_PREFIX) else math.inf
        )

    async def _judge_token(self, record: PostureRecord, request: OpenSession) -> TokenProof | Reason | None:
        if not request.password:
            return None
        credentials = record.credentials.value
        return await self._keys.verify_token(
            self._organization_id,
            () if credentials is None else credentials.keys,
            request.password,
            owner_id=record.generation_id,
            device_id=request.device_id,
            module_id=request.module_id,
            now=self._clock.now(),
        )

    async def _kept(self, record: PostureRecord, request: OpenSession, *, is_usable: bool) -> dict[str, int] | None:
        """Return the kept subscriptions; only who proves the identity may discard them."""
        is_discarding = request.is_clean or not request.is_kept
        if self._subscriptions_for is None or (is_discarding and not is_usable):
            return None
        return await self._subscriptions_for(
            self._organization_id, record.generation_id, is_clean=request.is_clean, is_kept=request.is_kept
        )

    async def changes(self, request: PostureChanges) -> PostureChangesReply:
        """Return the latest records of identities that changed after a sequence, and a head that covers them.

        Raises:
            UnknownOrganization: Not the one kept here.
            PostureUnavailable: Records are not ready.
        """
        self._check(request.organization_id)
        # The head is taken first: what is published after it reaches the gateway by itself.
        head = self._signer.sign_head(self._administrator.head())
        limit = max(1, min(request.limit, CHANGES_MAX))
        current = self._administrator.head()
        after = request.after_sequence if request.epoch == current.epoch else 0
        rows = await self._store.read(
            lambda connection: repository.list_after(connection, self._organization_id, after, limit + 1)
        )
        page = _fitting([row.signed for row in rows[:limit]])
        return PostureChangesReply(page, head, more=len(rows) > len(page))

    async def note_uses_forever(self) -> None:
        """Mark first uses in batches, outside the path of a connect; runs until cancelled."""
        while True:
            batch = [await self._uses.get()]
            await asyncio.sleep(_NOTE_PAUSE_S)
            while len(batch) < _NOTE_BATCH and not self._uses.empty():
                batch.append(self._uses.get_nowait())
            if not await self._note_uses(batch):
                for _, used in batch:
                    self._noted.pop(used, None)

    def _expect(self, record: PostureRecord, usable: Iterable[str]) -> None:
        """Remember what a session may be opened by, unless its use is noted already."""
        # An operator may have moved a device back to onboarded: then its next use counts as a first one again.
        is_active = record.registration.value is not None and record.registration.value.lifecycle is Lifecycle.ACTIVE
        now_s = self._clock.monotonic_s()
        for credential in usable:
            if (is_active or record.kind == "module") and now_s < self._noted.get(credential, 0.0):
                continue
            key = (record.generation_id, credential)
            self._expected[key] = None
            self._expected.move_to_end(key)
            if len(self._expected) > FIRST_USES_MAX:
                self._expected.popitem(last=False)

    def _check(self, organization_id: str) -> None:
        if organization_id != self._organization_id:
            raise UnknownOrganization("this control keeps another organization")
        if self._administrator.published is None:
            raise PostureUnavailable("posture records are being read", hint="try again in a moment")


def _fitting(records: list[bytes]) -> list[bytes]:
    """Cut a page to what one message of the bus carries; at least one record."""
    size = 0
    for count, record in enumerate(records):
        size += len(record)
        if size > CHANGES_MAX_BYTES and count:
            return records[:count]
    return records


def _usable_credentials(
    record: PostureRecord, request: OpenSession, token: TokenProof | Reason | None, now: datetime
) -> tuple[str, ...]:
    """Return what was presented and is permitted, a certificate's digest or a key's id; the gateway judges more."""
    registration, credentials, quarantine = record.registration.value, record.credentials.value, record.quarantine.value
    if registration is None or credentials is None or quarantine is None or quarantine.is_cut:
        return ()
    if not registration.is_enabled or registration.is_blocked:
        return ()
    if registration.lifecycle not in {Lifecycle.ONBOARDED, Lifecycle.ACTIVE, Lifecycle.QUARANTINED}:
        return ()
    usable: list[str] = []
    presented = {request.certificate_sha256, request.certificate_sha1} - {None, ""}
    if request.certificate_sha256 and any(
        each.digest in presented and (each.permitted_until is None or now < each.permitted_until)
        for each in credentials.certificates
    ):
        usable.append(request.certificate_sha256)
    if isinstance(token, TokenProof) and any(key.key_id == token.key_id for key in credentials.keys):
        usable.append(token.key_id)
    return tuple(usable)
