"""Fuzz MUD files as makers, or those who pose as makers, hand them over."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Final

from vedette.network.segmentation import Flow, InvalidMud, Member, compare_mud, read_mud, write_mud

_ASSET: Final = Member(asset_id="ast_1", addresses=("10.0.0.1",), vendor="Maker")
_FLOWS: Final = [
    Flow(client="ast_1", client_address="10.0.0.1", server_address="10.0.0.2", port=502, protocol="modbus"),
    Flow(
        client="ast_1",
        client_address="10.0.0.1",
        server_address="198.51.100.7",
        port=443,
        name="a.example",
        is_external=True,
    ),
    Flow(server="ast_1", client_address="fd00::2", server_address="fd00::1", transport="udp", port=53),
]
_AT: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)

SEEDS: Final = (
    write_mud(_ASSET, _FLOWS, url="https://maker.example/x", at=_AT),
    write_mud(_ASSET, [], url="https://maker.example/x", at=_AT),
    b'{"ietf-mud:mud": {"mud-version": 1, "extensions": ["x"], "is-supported": true}}',
)


def fuzz_one(data: bytes) -> None:
    """Take the bytes for a MUD file: it is read and compared, or refused in words."""
    with contextlib.suppress(InvalidMud):
        compare_mud(read_mud(data), _ASSET, _FLOWS)
