"""Where identities are and were last: one identity at two places at once may be a copied credential."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final, NamedTuple

from vedette.kernel import Clock, GenerationId
from vedette.messaging import Holding, SessionDirectory
from vedette.trust import OtherSession

REMEMBERED_MAX: Final = 100_000
_IPV6_SITE_BITS: Final = 64
_PLACES: Final = 2


class _Place(NamedTuple):
    address: str
    left_at_s: float


class Whereabouts:
    """Remembers the last places of identities, in memory, and knows the present one from the session directory.

    After a start the directory learns of live sessions from gateways; where an identity was before is forgotten.

    Args:
        directory: Who is connected, and where.
        clock: Monotonic time.
    """

    def __init__(self, directory: SessionDirectory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._left: OrderedDict[str, tuple[_Place, ...]] = OrderedDict()
        directory.on_ended(self._ended)

    def other_session(self, generation_id: str, address: str) -> OtherSession | None:
        """Return the identity's session at another place than this one, a live one first, else the one last left.

        Args:
            generation_id: Whose.
            address: Of whoever asks for a session now.
        """
        here = _place_of(address)
        holding = self._directory.find(generation_id)
        if holding is not None and holding.remote_address and _place_of(holding.remote_address) != here:
            return OtherSession(remote_address=holding.remote_address, is_live=True)
        for place in self._left.get(generation_id, ()):
            if _place_of(place.address) != here:
                left_s = max(0, int(self._clock.monotonic_s() - place.left_at_s))
                return OtherSession(remote_address=place.address, is_live=False, seen_s=left_s)
        return None

    def _ended(self, generation_id: GenerationId, holding: Holding) -> None:
        if not holding.remote_address:
            return
        place = _Place(holding.remote_address, self._clock.monotonic_s())
        others = (each for each in self._left.get(generation_id, ()) if each.address != place.address)
        self._left[generation_id] = (place, *others)[:_PLACES]
        self._left.move_to_end(generation_id)
        if len(self._left) > REMEMBERED_MAX:
            self._left.popitem(last=False)


def _place_of(address: str) -> str:
    """Return an address as a place: itself, or its /64 network, within which an IPv6 host changes at will."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, _IPV6_SITE_BITS), strict=False))
