"""Symmetric keys with their values: sealed for the database, opened when a token must be judged, never shown again."""

from __future__ import annotations

import hmac
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from vedette.pki.errors import SecretsUnreadable
from vedette.pki.records.tokens import HeldKey
from vedette.pki.secret_box import SecretBox
from vedette.pki.symmetric_key import SymmetricKey

log = logging.getLogger(__name__)

OPENED_MAX: Final = 10_000


class KeyValues:
    """Seals and opens keys, and remembers some, so that a fleet that comes back costs no decryption.

    A key id never changes its value, so what is remembered is right for ever; which keys count say the records.
    """

    def __init__(self, box: SecretBox) -> None:
        self._box = box
        self._opened: OrderedDict[str, HeldKey] = OrderedDict()
        self._lock = threading.Lock()  # the event loop, readers and the writer ask

    def seal(self, key: SymmetricKey, value: bytes) -> bytes:
        """Return a key's value as the database may hold it."""
        return self._box.seal(value, place=_place(key))

    def open(self, key: SymmetricKey, sealed: bytes) -> HeldKey:
        """Return a key with its value.

        Raises:
            SecretsUnreadable: ``secrets/column.key`` is not the one it was sealed with.
        """
        with self._lock:
            known = self._opened.get(key.key_id)
        if known is None:
            known = HeldKey(key.key_id, self._box.open(sealed, place=_place(key)))
            with self._lock:
                self._opened[key.key_id] = known
                if len(self._opened) > OPENED_MAX:
                    self._opened.popitem(last=False)
        return known

    def is_same(self, key: SymmetricKey, sealed: bytes, value: bytes) -> bool:
        """Say whether a sealed key has this value; one that cannot be opened has not."""
        try:
            return hmac.compare_digest(self.open(key, sealed).value, value)
        except SecretsUnreadable:
            return False

    def open_all(self, rows: Iterable[tuple[SymmetricKey, bytes]]) -> tuple[list[HeldKey], bool]:
        """Open what can be opened, and say whether that was all."""
        held, is_complete = [], True
        for key, sealed in rows:
            try:
                held.append(self.open(key, sealed))
            except SecretsUnreadable as unreadable:
                log.warning("a symmetric key cannot be opened", extra={"key": key.key_id, "cause": unreadable.code})
                is_complete = False
        return held, is_complete

    def remembered(self, key_ids: Sequence[str]) -> list[HeldKey] | None:
        """Return keys from memory; ``None`` when one of them is not there."""
        with self._lock:
            found = [self._opened.get(key_id) for key_id in key_ids]
            for key_id, held in zip(key_ids, found, strict=True):
                if held is not None:
                    self._opened.move_to_end(key_id)
        present = [held for held in found if held is not None]
        return present if len(present) == len(key_ids) else None

    def forget(self, key_ids: Iterable[str]) -> None:
        """Drop keys that count no more."""
        with self._lock:
            for key_id in key_ids:
                self._opened.pop(key_id, None)


def _place(key: SymmetricKey) -> str:
    """Return what a sealed value is bound to: moved to another owner's row, it does not open."""
    return f"{key.organization_id}|{key.owner_id}|{key.key_id}"
