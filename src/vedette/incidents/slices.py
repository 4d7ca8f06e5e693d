"""Slices: the packets behind an alert, sealed on disk, read by whoever may, and never unnoticed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.incidents import alert_repository, slice_repository
from vedette.incidents.errors import AlertNotFound, SliceNotFound
from vedette.incidents.model import Alert
from vedette.incidents.slice_repository import SealedSlice
from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.pki import SecretBox
from vedette.store import Store, Transaction

SLICE_BYTES_MAX: Final = 131_072
_PCAPNG: Final = b"\x0a\x0d\x0d\x0a"
_NAME_MAX_CHARS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketSlice:
    """The packets behind an alert.

    Attributes:
        capture: pcapng; what it says comes from a hostile network.
        sha256: Of the capture, lower-case hex; it stands in the ledger beside who read it.
    """

    alert: Alert
    kept_at: datetime
    capture: bytes
    sha256: str


class SliceStore:
    """Keeps slices.

    Args:
        store: Where they are kept.
        ledger: Where each reading stands.
        box: Seals them, each for its own alert.
        clock: Source of time.
    """

    def __init__(self, store: Store, ledger: Ledger, box: SecretBox, *, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._box = box
        self._clock = clock

    def keep(self, tx: Transaction, alert: Alert, capture: bytes) -> int:
        """Seal a capture for its alert; return its size, 0 if it is none and was left out."""
        if not capture.startswith(_PCAPNG) or len(capture) > SLICE_BYTES_MAX:
            return 0
        place = _place(alert.organization_id, alert.alert_id)
        kept = SealedSlice(
            kept_at=self._clock.now(),
            size_bytes=len(capture),
            sha256=hashlib.sha256(capture).hexdigest(),
            sealed=self._box.seal(capture, place=place),
        )
        slice_repository.insert(tx.connection, alert.organization_id, alert.alert_id, kept)
        return len(capture)

    async def read(self, organization_id: OrganizationId, alert_id: str, *, actor: Actor) -> PacketSlice:
        """Return the packets behind an alert, once the ledger says who read them.

        Raises:
            AlertNotFound: There is no such alert.
            SliceNotFound: None are kept.
            SecretsUnreadable: They were sealed under another key, or altered.
        """

        def find(connection: sa.Connection) -> tuple[Alert | None, SealedSlice | None]:
            return (
                alert_repository.find(connection, organization_id, alert_id),
                slice_repository.find(connection, organization_id, alert_id),
            )

        alert, kept = await self._store.read(find)
        if alert is None:
            raise AlertNotFound(f"there is no alert {alert_id[:80]!r}", hint="see them: vedette alert list")
        if kept is None:
            raise SliceNotFound(f"no packets of {alert_id} are kept", hint="they are kept for a limited time only")
        capture = await asyncio.to_thread(self._box.open, kept.sealed, place=_place(organization_id, alert_id))
        digest = hashlib.sha256(capture).hexdigest()
        if not hmac.compare_digest(digest, kept.sha256):
            raise SliceNotFound(
                f"the packets of {alert_id} are not what was kept", hint="look for who can write the database"
            )
        entry = Entry(
            organization_id=organization_id,
            actor=actor,
            action="incidents.read_slice",
            target=alert_id,
            target_name=alert.title[:_NAME_MAX_CHARS],
            details={"sha256": digest, "size_bytes": len(capture)},
        )

        def note(tx: Transaction) -> None:
            self._ledger.append(tx, entry)

        await self._store.write(note)
        return PacketSlice(alert=alert, kept_at=kept.kept_at, capture=capture, sha256=digest)


def _place(organization_id: str, alert_id: str) -> str:
    return f"incidents_slices/{organization_id}/{alert_id}"
