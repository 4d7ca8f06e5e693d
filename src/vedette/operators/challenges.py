"""Challenges of passkey ceremonies: signed by us and kept by nobody, so that strangers cost no memory and no disk.

A challenge holds its own end and is bound to what the browser keeps secret: the session, or a cookie before login.
That each is used once is seen to where the ceremony's result is written down.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

from vedette.kernel import Clock, IdSource

CHALLENGE_LIFETIME: Final = timedelta(minutes=5)
PAYLOAD_MAX_BYTES: Final = 64
_NONCE_BYTES: Final = 16
_END_BYTES: Final = 8
_MAC_BYTES: Final = 32
_HEAD_BYTES: Final = _NONCE_BYTES + _END_BYTES


class Challenges:
    """Makes challenges and knows its own again.

    Args:
        key: 32 secret bytes, used for nothing else; the same in every process of control.
        clock: For their end.
        ids: For their randomness.
    """

    def __init__(self, key: bytes, *, clock: Clock, ids: IdSource) -> None:
        self._key = key
        self._clock = clock
        self._ids = ids

    def issue(self, purpose: str, binding: bytes, payload: bytes = b"") -> bytes:
        """Return a challenge that is good for five minutes.

        Args:
            purpose: One made for another is refused.
            binding: What the browser keeps; another browser's is refused.
            payload: Comes back when the challenge does; at most 64 bytes, readable by the browser.
        """
        end = _milliseconds(self._clock.now() + CHALLENGE_LIFETIME).to_bytes(_END_BYTES, "big")
        signed = self._ids.random_bytes(_NONCE_BYTES) + end + payload
        return signed + self._mac(purpose, binding, signed)

    def open(self, purpose: str, binding: bytes, challenge: bytes) -> bytes | None:
        """Return the payload of a challenge that we made for this purpose and browser, and lately; else None."""
        signed, mac = challenge[:-_MAC_BYTES], challenge[-_MAC_BYTES:]
        if not _HEAD_BYTES <= len(signed) <= _HEAD_BYTES + PAYLOAD_MAX_BYTES:
            return None
        if not hmac.compare_digest(mac, self._mac(purpose, binding, signed)):
            return None
        end = int.from_bytes(signed[_NONCE_BYTES:_HEAD_BYTES], "big")
        now = self._clock.now()
        # One that ends later than we would ever say comes from before the clock was set back.
        if not _milliseconds(now) < end <= _milliseconds(now + CHALLENGE_LIFETIME):
            return None
        return signed[_HEAD_BYTES:]

    def _mac(self, purpose: str, binding: bytes, signed: bytes) -> bytes:
        parts = (purpose.encode("ascii"), binding, signed)
        return hmac.digest(self._key, b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256")


def end_of(challenge: bytes) -> datetime:
    """Return until when a challenge of ours could be used again, were it not kept from it."""
    milliseconds = int.from_bytes(challenge[_NONCE_BYTES:_HEAD_BYTES], "big")
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
