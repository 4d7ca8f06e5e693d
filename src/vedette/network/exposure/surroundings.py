"""Who reaches which asset: read from all links at once, or for one asset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from vedette.network.exposure.ranking import Surroundings
from vedette.network.model import NetworkLink

_SERVICES_MAX: Final = 32
_CLIENTS_MAX: Final = 10_000


@dataclass(slots=True)
class _Gathered:
    inbound: int = 0
    outbound: int = 0
    clients: set[str] = field(default_factory=set)
    services: dict[str, None] = field(default_factory=dict)


class SurroundingsBuilder:
    """Gathers links; what it keeps is bounded for each asset."""

    def __init__(self) -> None:
        self._assets: dict[str, _Gathered] = {}

    def add(self, links: Iterable[NetworkLink]) -> None:
        """Take some links."""
        for link in links:
            if link.server_asset_id:
                self._serve(self._assets.setdefault(link.server_asset_id, _Gathered()), link)
            if link.client_asset_id and link.is_external:
                self._assets.setdefault(link.client_asset_id, _Gathered()).outbound += 1

    def build(self, levels: Mapping[str, str]) -> dict[str, Surroundings]:
        """Return what was gathered, by asset; ``levels`` are those of all assets."""
        return {asset_id: _build(asset_id, gathered, levels) for asset_id, gathered in self._assets.items()}

    @staticmethod
    def _serve(gathered: _Gathered, link: NetworkLink) -> None:
        if link.is_external:
            gathered.inbound += 1
        elif link.client_asset_id and len(gathered.clients) < _CLIENTS_MAX:
            gathered.clients.add(link.client_asset_id)
        if link.port and len(gathered.services) < _SERVICES_MAX:
            gathered.services.setdefault(f"{link.transport}/{link.port} {link.protocol}".strip())


def _build(asset_id: str, gathered: _Gathered, levels: Mapping[str, str]) -> Surroundings:
    own = levels.get(asset_id, "")
    others = {levels.get(client, "") for client in gathered.clients} - {"", own}
    return Surroundings(
        inbound=gathered.inbound,
        outbound=gathered.outbound,
        clients=len(gathered.clients),
        levels=tuple(sorted(others)),
        services=tuple(sorted(gathered.services)),
    )
