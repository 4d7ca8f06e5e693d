"""First uses: a certificate seen for the first time starts its predecessor's overlap, a device becomes active."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

from vedette.kernel import OrganizationId, Problem
from vedette.ledger import Actor
from vedette.pki import CertificateNotFound
from vedette.pki.records import CertificateService
from vedette.registry import Register
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

_SYSTEM = Actor("system", "access")


class FirstUses:
    """Notes permitted openings, a batch in one transaction."""

    def __init__(
        self, organization_id: OrganizationId, store: Store, certificates: CertificateService, register: Register
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._certificates = certificates
        self._register = register

    async def note(self, uses: Sequence[tuple[str, str]]) -> bool:
        """Mark certificates used and devices active; what was noted before is left alone.

        Args:
            uses: Generation ids with the SHA-256 of the certificate each presented.

        Returns:
            Whether it was done; if not, note them again.
        """

        def mark(tx: Transaction) -> None:
            for _, digest in uses:
                # Pinned and onboarding certificates are not ours; their devices become active all the same.
                with contextlib.suppress(CertificateNotFound):
                    self._certificates.mark_used(tx, self._organization_id, digest)
            generations = list(dict.fromkeys(generation for generation, _ in uses))
            self._register.mark_active(tx, self._organization_id, generations, actor=_SYSTEM)
            self._register.note_connected(tx, self._organization_id, generations)

        try:
            await self._store.write(mark)
        except Problem as problem:
            log.warning("first uses not noted", extra={"count": len(uses), "cause": problem.code})
            return False
        return True
