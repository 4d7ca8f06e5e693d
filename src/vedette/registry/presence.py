"""Presence: whether an identity is connected, where, and why not. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from vedette.kernel import GenerationId

GATEWAY_MAX_CHARS: Final = 64
REASON_MAX_CHARS: Final = 64
ADDRESS_MAX_CHARS: Final = 64
PROTOCOL_MAX_CHARS: Final = 32
CLIENT_MAX_CHARS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceChange:
    """An identity connected or went away.

    Attributes:
        changed_at: When, by the gateway's clock.
        reason: Why it went away; empty for one that connected.
        remote_address: From where it connected; empty leaves what is known, as do ``protocol`` and ``client``.
        client: What the client calls itself; text from outside.
    """

    generation_id: GenerationId
    is_connected: bool
    gateway: str
    changed_at: datetime
    reason: str = ""
    remote_address: str = ""
    protocol: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What is known of an identity's connection; the last three tell of its last one when it is not connected."""

    generation_id: GenerationId
    is_connected: bool
    gateway: str
    changed_at: datetime
    reason: str
    remote_address: str
    protocol: str
    client: str


def condense(changes: Iterable[PresenceChange]) -> list[PresenceChange]:
    """Return one storable change per identity: its last, with what an earlier one of the batch knew more."""
    last: dict[GenerationId, PresenceChange] = {}
    for change in changes:
        earlier = last.get(change.generation_id)
        if earlier is not None:
            change = replace(  # noqa: PLW2901 - the same change, completed
                change,
                remote_address=change.remote_address or earlier.remote_address,
                protocol=change.protocol or earlier.protocol,
                client=change.client or earlier.client,
            )
        last[change.generation_id] = change
    return [_storable(change) for change in last.values()]


def _storable(change: PresenceChange) -> PresenceChange:
    return replace(
        change,
        gateway=_clean(change.gateway, GATEWAY_MAX_CHARS),
        reason=_clean(change.reason, REASON_MAX_CHARS),
        remote_address=_clean(change.remote_address, ADDRESS_MAX_CHARS),
        protocol=_clean(change.protocol, PROTOCOL_MAX_CHARS),
        client=_clean(change.client, CLIENT_MAX_CHARS),
    )


def _clean(text: str, limit: int) -> str:
    """Cut a text from outside to what fits, and drop what neither database stores: NUL and half surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text[:limit]
    return text.replace("\0", "").encode(errors="replace").decode()[:limit]
