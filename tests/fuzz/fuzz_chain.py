"""Fuzz the judgement of certificate chains: whatever is presented gives a verdict, never a trusted one by chance."""

from __future__ import annotations

import warnings
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from vedette.kernel import SystemClock
from vedette.simulation import Factory
from vedette.trust import ChainVerifier

_factory: Final = Factory("Fuzz", SystemClock())
_device: Final = _factory.make_device("pump-7")
_now: Final = SystemClock().now()
_root: Final = _factory.root.public_bytes(Encoding.DER)
_line: Final = _factory.line.public_bytes(Encoding.DER)
_genuine: Final = _device.chain[0].public_bytes(Encoding.DER)
_verifier: Final = ChainVerifier([_root])

# Odd certificates make the parser warn, and the warning is the only thing that happens.
warnings.filterwarnings("ignore", module="vedette|cryptography")

SEEDS: Final = (_genuine, _line, _root)


def fuzz_one(data: bytes) -> None:
    """Present the bytes as a leaf, and as an intermediate below a genuine leaf."""
    leaf = _verifier.verify([data, _line], _now)
    if leaf.is_trusted:
        assert data == _genuine
    else:
        assert leaf.failure is not None
        assert leaf.failure.hint
    intermediate = _verifier.verify([_genuine, data], _now)
    assert intermediate.is_trusted == (data == _line)
