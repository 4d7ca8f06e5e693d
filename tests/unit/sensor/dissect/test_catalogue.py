"""What holds for every protocol of the catalogue, whoever wrote its dissector."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.sensor.dissect import PROTOCOLS, Protocol, StreamDissector, proof_of, torture


def title(protocol: Protocol) -> str:
    return f"{protocol.name}-{protocol.transport}"


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=title)
def test_entries_make_sense(protocol: Protocol) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", protocol.name)
    assert protocol.family in {"ot", "iot", "it"}
    assert protocol.transport in {"tcp", "udp", "ethernet", "ip"}
    assert protocol.ports or protocol.is_found_anywhere
    assert protocol.check is not None or protocol.ports
    if protocol.is_found_anywhere:
        assert protocol.check is not None
    if protocol.transport == "tcp" and protocol.dissector is not None:
        assert issubclass(protocol.dissector, StreamDissector)
    if protocol.dissector is not None:
        assert protocol.dissector.name
        assert "__slots__" in vars(protocol.dissector)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=title)
@settings(max_examples=60, deadline=None)
@given(payload=st.binary(max_size=300), is_from_client=st.booleans(), is_on_port=st.booleans())
def test_checks_raise_on_no_bytes(
    protocol: Protocol, payload: bytes, *, is_from_client: bool, is_on_port: bool
) -> None:
    assert proof_of(protocol, payload, is_from_client, is_on_port) >= 0


@pytest.mark.parametrize(
    "protocol", [entry for entry in PROTOCOLS if entry.check is not None and entry.is_found_anywhere], ids=title
)
@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 1 << 32), size=st.integers(1, 300))
def test_no_chance_bytes_are_believed_on_a_strange_port(protocol: Protocol, seed: int, size: int) -> None:
    # Not the strategy for bytes: it tries the constants that it finds in the code, and a protocol's mark is no chance.
    chance = Random(seed)
    payload = chance.randbytes(size)
    for each in (payload, bytes(0x20 + byte % 0x5F for byte in payload), payload[:8].ljust(size, b"\0")):
        if each.strip(b"\0"):
            assert proof_of(protocol, each, True, False) == 0


@pytest.mark.parametrize("protocol", [entry for entry in PROTOCOLS if entry.dissector is not None], ids=title)
@settings(max_examples=40, deadline=None)
@given(payload=st.binary(max_size=400))
def test_dissectors_survive_random_bytes(protocol: Protocol, payload: bytes) -> None:
    assert protocol.dissector is not None
    torture(protocol.dissector, payload, as_datagrams=protocol.transport != "tcp")
