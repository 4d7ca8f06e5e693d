"""The administrator's keys for openings: one per agreement with a gateway, in memory, for two hours."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from vedette.bus.contract import AgreeOpeningKey, OpeningKeyAgreed
from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.trust import OpeningKey, OpeningKeyOffer, RecordSigner, offer_opening_key

LIFETIME_S: Final = 7200.0
KEYS_PER_GATEWAY: Final = 8
GATEWAYS_MAX: Final = 256
NONCE_BYTES_MAX: Final = 64
_ID_BYTES: Final = 12


class OpeningKeys:
    """Agrees on keys and finds them again.

    Args:
        signer: The administrator's key.
        clock: Monotonic time.
        ids: Names keys.
    """

    def __init__(self, signer: RecordSigner, *, clock: Clock, ids: IdSource) -> None:
        self._signer = signer
        self._clock = clock
        self._ids = ids
        # By gateway, the latest last; of each gateway by id with the end of the key. Both are bounded: whoever asks for
        # many crowds out what it had itself, and a gateway that lost its key gets signed openings.
        self._keys: OrderedDict[str, OrderedDict[str, tuple[OpeningKey, float]]] = OrderedDict()

    def agree(self, organization_id: OrganizationId, request: AgreeOpeningKey) -> OpeningKeyAgreed:
        """Make a key for a gateway.

        Raises:
            BadSignature: The gateway's half is none.
        """
        asked = OpeningKeyOffer(
            nonce=request.nonce[:NONCE_BYTES_MAX],
            organization_id=organization_id,
            gateway=request.gateway,
            gateway_key=request.public_key,
            key_id=self._ids.random_bytes(_ID_BYTES).hex(),
            lifetime_s=LIFETIME_S,
        )
        key, signed = offer_opening_key(self._signer, asked)
        keys = self._keys.setdefault(request.gateway, OrderedDict())
        self._keys.move_to_end(request.gateway)
        keys[key.key_id] = (key, self._clock.monotonic_s() + LIFETIME_S)
        if len(keys) > KEYS_PER_GATEWAY:
            keys.popitem(last=False)
        if len(self._keys) > GATEWAYS_MAX:
            self._keys.popitem(last=False)
        return OpeningKeyAgreed(signed)

    def find(self, gateway: str, key_ids: Iterable[str]) -> OpeningKey | None:
        """Return a key of a gateway that both sides still know."""
        keys = self._keys.get(gateway)
        if keys is None:
            return None
        for key_id in key_ids:
            known = keys.get(key_id)
            if known is None:
                continue
            if self._clock.monotonic_s() < known[1]:
                return known[0]
            del keys[key_id]
        return None
