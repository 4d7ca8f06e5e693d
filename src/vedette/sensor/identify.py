"""Which protocol a flow speaks: the port is a hint, the bytes decide, both directions confirm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vedette.sensor.dissect import Protocol, proof_of
from vedette.sensor.flows import Flow

MAX_TRIES: Final = 5
"""Payloads of a direction that are looked at; a flow that begins in the middle of a message needs more than one."""

# Neither identify a protocol by themselves, nor are they worth a line in a table of services.
_NOTHING: Final[tuple[Protocol, ...]] = ()


class Identifier:
    """Finds the protocol of a payload.

    Args:
        protocols: The catalogue; where two fit the same bytes, the first wins.
    """

    __slots__ = ("_anywhere", "_by_port", "ports")

    def __init__(self, protocols: Iterable[Protocol]) -> None:
        by_port: dict[tuple[str, int], list[Protocol]] = {}
        anywhere: dict[str, list[Protocol]] = {}
        self.ports: Final[dict[str, set[int]]] = {}
        for protocol in protocols:
            for port in protocol.ports:
                by_port.setdefault((protocol.transport, port), []).append(protocol)
                self.ports.setdefault(protocol.transport, set()).add(port)
            if protocol.is_found_anywhere:
                anywhere.setdefault(protocol.transport, []).append(protocol)
        self._by_port: Final = {key: tuple(found) for key, found in by_port.items()}
        self._anywhere: Final = {key: tuple(found) for key, found in anywhere.items()}

    def find(self, flow: Flow, payload: bytes, *, is_from_client: bool) -> tuple[Protocol, int] | None:
        """Return the protocol that a payload belongs to, and what speaks for it."""
        transport = flow.transport
        by_port = self._by_port
        for port in (flow.server_port, flow.client_port):
            for protocol in by_port.get((transport, port), _NOTHING):
                if proofs := proof_of(protocol, payload, is_from_client, True):
                    return protocol, proofs
        for protocol in self._anywhere.get(transport, _NOTHING):
            if proofs := proof_of(protocol, payload, is_from_client, False):
                return protocol, proofs
        return None

    def guess(self, flow: Flow) -> str:
        """Return what usually speaks on the server's port, for a flow in which nothing was said."""
        found = self._by_port.get((flow.transport, flow.server_port), _NOTHING)
        return found[0].name if found else ""
