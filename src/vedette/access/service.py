"""What enforcement points ask of the policy administrator."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from vedette.access import repository
from vedette.access.administrator import PolicyAdministrator
from vedette.access.errors import PostureUnavailable, UnknownOrganization
from vedette.bus.contract import OpenSession, PostureChanges, PostureChangesReply, SessionOpening
from vedette.kernel import DeviceId, ModuleId, OrganizationId
from vedette.store import Store
from vedette.trust import Lifecycle, Opening, PostureRecord, RecordSigner

log = logging.getLogger(__name__)

CHANGES_MAX: Final = 1000
CHANGES_MAX_BYTES: Final = 700_000
FIRST_USES_MAX: Final = 100_000
_NOTE_BATCH: Final = 200
_NOTE_PAUSE_S: Final = 0.05

NoteUses = Callable[[Sequence[tuple[str, str]]], Awaitable[bool]]


class AccessService:
    """Answers ``svc.access.*``: openings bound to the asker's nonce, and changes since a sequence.

    Args:
        organization_id: The one organization served here.
        administrator: Keeps the records.
        store: To read changes.
        signer: The administrator's key.
        note_uses: Awaited in the background with (generation, certificate digest) of permitted openings, once each in
            this process's life; marks certificates used and devices active.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        administrator: PolicyAdministrator,
        store: Store,
        signer: RecordSigner,
        note_uses: NoteUses,
    ) -> None:
        self._organization_id = organization_id
        self._administrator = administrator
        self._store = store
        self._signer = signer
        self._note_uses = note_uses
        self._uses: asyncio.Queue[tuple[str, str]] = asyncio.Queue(maxsize=FIRST_USES_MAX)
        self._noted: set[str] = set()

    async def open_session(self, request: OpenSession) -> SessionOpening:
        """Answer about one identity, signed over the gateway's nonce.

        Raises:
            UnknownOrganization: Not the one kept here.
            PostureUnavailable: Records are not ready.
        """
        self._check(request.organization_id)
        record = await self._administrator.find(request.device_id, request.module_id)
        opening = Opening(
            nonce=request.nonce,
            organization_id=self._organization_id,
            device_id=DeviceId(request.device_id),
            module_id=None if request.module_id is None else ModuleId(request.module_id),
            head=self._administrator.head(),
            record=record,
        )
        if record is not None and request.certificate_sha256 is not None:
            self._note(record, request.certificate_sha256)
        return SessionOpening(self._signer.sign_opening(opening))

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
                self._noted.difference_update(digest for _, digest in batch)

    def _note(self, record: PostureRecord, digest: str) -> None:
        """Note a use that the records permit; the gateway decides on the same facts."""
        if not _is_usable(record, digest):
            return
        # An operator may have moved a device back to onboarded: then its next use counts as a first one again.
        is_active = record.registration.value is not None and record.registration.value.lifecycle is Lifecycle.ACTIVE
        if is_active and digest in self._noted:
            return
        if len(self._noted) >= FIRST_USES_MAX:
            self._noted.clear()
        try:
            self._uses.put_nowait((record.generation_id, digest))
        except asyncio.QueueFull:
            return
        self._noted.add(digest)

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


def _is_usable(record: PostureRecord, digest: str) -> bool:
    registration, credentials = record.registration.value, record.credentials.value
    if registration is None or credentials is None:
        return False
    if not registration.is_enabled or registration.is_blocked:
        return False
    if registration.lifecycle not in {Lifecycle.ONBOARDED, Lifecycle.ACTIVE}:
        return False
    return any(certificate.digest == digest for certificate in credentials.certificates)
