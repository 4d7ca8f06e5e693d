"""What enforcement points ask of the policy administrator."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from vedette.access import repository
from vedette.access.administrator import PolicyAdministrator
from vedette.access.errors import PostureUnavailable, UnknownOrganization
from vedette.access.first_use import KEY_PREFIX
from vedette.bus.contract import OpenSession, PostureChanges, PostureChangesReply, SessionOpening
from vedette.kernel import Clock, DeviceId, ModuleId, OrganizationId
from vedette.pki.records import SymmetricKeyService
from vedette.store import Store
from vedette.trust import Lifecycle, Opening, PostureRecord, Reason, RecordSigner, TokenProof

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
        self, organization_id: OrganizationId, generation_id: str, *, is_clean: bool
    ) -> Awaitable[dict[str, int] | None]:
        """Return kept subscriptions with their granted QoS; a clean session discards them."""
        ...


class AccessService:
    """Answers ``svc.access.*``: openings bound to the asker's nonce, and changes since a sequence.

    Args:
        organization_id: The one organization served here.
        administrator: Keeps the records.
        store: To read changes.
        signer: The administrator's key.
        note_uses: Awaited in the background with generation and certificate digest, or key id, of permitted openings;
            marks credentials used and devices active. Certificates once in this process's life, keys once an hour.
        keys: Judges tokens.
        clock: Source of time.
        subscriptions_for: What a kept session subscribed to; a clean one discards it. Not given: none is kept.
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
        clock: Clock,
        subscriptions_for: SubscriptionsFor | None = None,
    ) -> None:
        self._organization_id = organization_id
        self._administrator = administrator
        self._store = store
        self._signer = signer
        self._note_uses = note_uses
        self._uses: asyncio.Queue[tuple[str, str]] = asyncio.Queue(maxsize=FIRST_USES_MAX)
        self._noted: dict[str, float] = {}
        self._keys = keys
        self._clock = clock
        self._subscriptions_for = subscriptions_for

    async def open_session(self, request: OpenSession) -> SessionOpening:
        """Answer about one identity, signed over the gateway's nonce.

        Raises:
            UnknownOrganization: Not the one kept here.
            PostureUnavailable: Records are not ready.
        """
        self._check(request.organization_id)
        record = await self._administrator.find(request.device_id, request.module_id)
        token = None if record is None else await self._judge_token(record, request)
        used = None if record is None else _used_credential(record, request, token)
        subscriptions = None if record is None else await self._kept(record, request, is_usable=used is not None)
        # What is signed is true now, whatever was true before the waiting.
        latest = await self._administrator.find(request.device_id, request.module_id)
        if latest is None or record is None or latest.generation_id != record.generation_id:
            used = subscriptions = None
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
        )
        if record is not None and used is not None:
            self._note(record, used)
        return SessionOpening(self._signer.sign_opening(opening), subscriptions)

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
        """Return the kept subscriptions; only who proves the identity may discard them by a clean session."""
        if self._subscriptions_for is None or (request.is_clean and not is_usable):
            return None
        return await self._subscriptions_for(self._organization_id, record.generation_id, is_clean=request.is_clean)

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

    def _note(self, record: PostureRecord, used: str) -> None:
        """Note a use that the records permit; the gateway decides on the same facts."""
        # An operator may have moved a device back to onboarded: then its next use counts as a first one again.
        is_active = record.registration.value is not None and record.registration.value.lifecycle is Lifecycle.ACTIVE
        now_s = self._clock.monotonic_s()
        if (is_active or record.kind == "module") and now_s < self._noted.get(used, 0.0):
            return
        if len(self._noted) >= FIRST_USES_MAX:
            self._noted.clear()
        try:
            self._uses.put_nowait((record.generation_id, used))
        except asyncio.QueueFull:
            return
        self._noted[used] = now_s + KEY_NOTED_S if used.startswith(KEY_PREFIX) else math.inf

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


def _used_credential(record: PostureRecord, request: OpenSession, token: TokenProof | Reason | None) -> str | None:
    """Return what was presented and is permitted: a certificate's digest or a key's id, as the gateway will judge."""
    registration, credentials, quarantine = record.registration.value, record.credentials.value, record.quarantine.value
    if registration is None or credentials is None or quarantine is None or quarantine.is_quarantined:
        return None
    if not registration.is_enabled or registration.is_blocked:
        return None
    if registration.lifecycle not in {Lifecycle.ONBOARDED, Lifecycle.ACTIVE}:
        return None
    presented = {request.certificate_sha256, request.certificate_sha1} - {None, ""}
    if any(certificate.digest in presented for certificate in credentials.certificates):
        return request.certificate_sha256
    if isinstance(token, TokenProof) and any(key.key_id == token.key_id for key in credentials.keys):
        return token.key_id
    return None
