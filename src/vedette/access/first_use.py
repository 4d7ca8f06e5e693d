"""First uses: a certificate seen for the first time starts its predecessor's overlap, a device becomes active."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from typing import Final

from vedette.kernel import OrganizationId, Problem
from vedette.ledger import Actor
from vedette.pki import CertificateNotFound
from vedette.registry import CredentialRecords, Register
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

KEY_PREFIX: Final = "key_"
_SYSTEM = Actor("system", "access")


class FirstUses:
    """Notes permitted openings, a batch in one transaction."""

    def __init__(
        self, organization_id: OrganizationId, store: Store, credentials: CredentialRecords, register: Register
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._credentials = credentials
        self._register = register

    async def note(self, uses: Sequence[tuple[str, str]]) -> bool:
        """Mark credentials used and devices active; what was noted before is left alone.

        Args:
            uses: Generation ids with what each presented: the SHA-256 of a certificate, or the id of a symmetric key.

        Returns:
            Whether it was done; if not, note them again.
        """

        def mark(tx: Transaction) -> None:
            key_ids = [used for _, used in uses if used.startswith(KEY_PREFIX)]
            if key_ids:
                self._credentials.keys.mark_used(tx, self._organization_id, key_ids)
            for _, used in uses:
                # Pinned, vouched and onboarding certificates are not ours; their devices become active all the same.
                if not used.startswith(KEY_PREFIX):
                    with contextlib.suppress(CertificateNotFound):
                        self._credentials.certificates.mark_used(tx, self._organization_id, used)
            generations = list(dict.fromkeys(generation for generation, _ in uses))
            self._register.mark_active(tx, self._organization_id, generations, actor=_SYSTEM)
            self._register.note_connected(tx, self._organization_id, generations)

        try:
            await self._store.write(mark)
        except Problem as problem:
            log.warning("first uses not noted", extra={"count": len(uses), "cause": problem.code})
            return False
        return True
