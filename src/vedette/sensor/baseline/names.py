"""What outside addresses were called when somebody looked them up or greeted them."""

from __future__ import annotations

import ipaddress
from typing import Final

from vedette.sensor.model import Direction, OtOp
from vedette.sensor.shards import OrderedShards

_MAX_NAMES: Final = 20_000
_SECOND_LEVELS: Final = frozenset({"co", "com", "org", "net", "ac", "gov", "edu", "or", "ne", "go"})
_MAX_CHARS: Final = 100


class Names:
    """Keeps the domain of addresses; the oldest leave."""

    __slots__ = ("_by_address",)

    def __init__(self) -> None:
        self._by_address: Final[OrderedShards[str, str]] = OrderedShards()

    def of(self, address: str) -> str:
        """Return the domain of an address; empty if it is not known."""
        return self._by_address.get(address, "")

    def hear(self, op: OtOp) -> None:
        """Learn from an answer of DNS, or from a greeting of TLS or HTTP."""
        if op.protocol == "dns":
            if op.direction is Direction.RESPONSE and isinstance(op.value, tuple) and op.name:
                for value in op.value:
                    if isinstance(value, str) and _is_address(value):
                        self._put(value, op.name)
        elif op.protocol == "tls":
            if op.name and op.is_from_client:
                self._put(op.flow.server, op.name)
        elif isinstance(op.unit, str) and op.unit and op.is_from_client:
            self._put(op.flow.server, op.unit.partition(":")[0])

    def _put(self, address: str, name: str) -> None:
        known = self._by_address
        if address not in known and len(known) >= _MAX_NAMES:
            known.take_old()
        known[address] = domain_of(name)


def domain_of(name: str) -> str:
    """Return the part of a name that somebody registered, as far as that can be told without a list."""
    labels = name.lower().rstrip(".").split(".")
    count = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-count:])[:_MAX_CHARS]


def _is_address(text: str) -> bool:
    if not text or not (text[0].isdigit() or ":" in text):
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
