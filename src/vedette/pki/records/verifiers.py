"""Chain verifiers, one for each set of authorities, made once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from vedette.pki.model import Authority
from vedette.trust import ChainVerifier

KEPT_MAX: Final = 16


class Verifiers:
    """Makes and keeps the verifiers of the sets that were asked for last; several threads may ask."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], ChainVerifier] = OrderedDict()

    def of(self, authorities: Sequence[Authority]) -> ChainVerifier:
        """Return the verifier for a set of authorities."""
        key = tuple(sorted(authority.sha256 for authority in authorities))
        verifier = self._kept.get(key)
        if verifier is None:
            verifier = ChainVerifier(authority.der for authority in authorities)
            self._kept[key] = verifier
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return verifier
