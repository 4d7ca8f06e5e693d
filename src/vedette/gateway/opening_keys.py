"""A gateway's keys for openings: agreed with control at the start, renewed in time, anew when control forgot them."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from vedette.bus import BusConnection
from vedette.bus.contract import AGREE_OPENING_KEY, AgreeOpeningKey, OpeningKeyAgreed
from vedette.kernel import Clock, IdSource, Problem
from vedette.trust import KeyAgreement, OpeningKey, RecordVerifier

log = logging.getLogger(__name__)

# Of several controls each knows its own.
KEYS_MAX: Final = 4
RETRY_S: Final = 10.0
_TIMEOUT_S: Final = 3.0
_NONCE_BYTES: Final = 16
_RENEW_AT: Final = 0.5


class OpeningKeyRing:
    """The keys that openings to this gateway may be sealed with; without any they are signed, which only costs more.

    Args:
        bus: Where control is.
        verifier: The administrator's pinned key.
        organization_id: Of the question.
        gateway: This gateway's name.
        clock: Monotonic time.
        ids: Source of nonces.
    """

    def __init__(
        self,
        *,
        bus: BusConnection,
        verifier: RecordVerifier,
        organization_id: str,
        gateway: str,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._bus = bus
        self._verifier = verifier
        self._organization_id = organization_id
        self._gateway = gateway
        self._clock = clock
        self._ids = ids
        self._keys: dict[str, OpeningKey] = {}
        self._renew_at_s = 0.0
        self._is_missed = asyncio.Event()
        self.key_ids: tuple[str, ...] = ()

    def find(self, key_id: str) -> OpeningKey | None:
        """Return a key by its id."""
        return self._keys.get(key_id)

    def missed(self) -> None:
        """Note that control signed an opening, so that it knows none of our keys."""
        self._is_missed.set()

    async def run(self) -> None:
        """Keep a key that control knows; never ends."""
        while True:
            self._is_missed.clear()
            try:
                await self._agree()
            except Problem as problem:
                log.info("no key for openings was agreed on: they are signed", extra={"reason": problem.detail})
            # However often control forgets, it is not asked all the time.
            await asyncio.sleep(RETRY_S)
            if self._keys:
                left_s = max(0.0, self._renew_at_s - self._clock.monotonic_s())
                try:
                    async with asyncio.timeout(left_s):
                        await self._is_missed.wait()
                except TimeoutError:
                    pass

    async def _agree(self) -> None:
        agreement = KeyAgreement(self._organization_id, self._gateway, self._ids.random_bytes(_NONCE_BYTES))
        request = AgreeOpeningKey(
            organization_id=self._organization_id,
            gateway=self._gateway,
            nonce=agreement.nonce,
            public_key=agreement.public_key,
        )
        answer = await self._bus.call(AGREE_OPENING_KEY, request, OpeningKeyAgreed, timeout_s=_TIMEOUT_S)
        key = agreement.accept(self._verifier, answer.offer)
        self._keys[key.key_id] = key
        while len(self._keys) > KEYS_MAX:
            del self._keys[next(iter(self._keys))]
        self._renew_at_s = self._clock.monotonic_s() + key.lifetime_s * _RENEW_AT
        # The newest first: it is the one that lives longest.
        self.key_ids = tuple(reversed(self._keys))
