"""JA4: the fingerprint of a TLS client, which survives that browsers shuffle their extensions.

Source:
    FoxIO, "JA4: TLS Client Fingerprinting", BSD 3-Clause; of the JA4 family this method alone is free software. GREASE:
    RFC 8701.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

GREASE: Final = frozenset(0x0A0A + 0x1010 * step for step in range(16))
_VERSIONS: Final = {
    0x0002: "s2", 0x0300: "s3", 0x0301: "10", 0x0302: "11", 0x0303: "12", 0x0304: "13",
    0xFEFF: "d1", 0xFEFD: "d2", 0xFEFC: "d3",
}  # fmt: skip
_SNI: Final = 0x0000
_ALPN: Final = 0x0010
_NOTHING: Final = "000000000000"


def ja4(
    version: int,
    ciphers: Sequence[int],
    extensions: Sequence[int],
    signatures: Sequence[int],
    alpn: bytes,
    *,
    transport: str = "t",
) -> str:
    """Return the fingerprint of a ClientHello.

    Args:
        version: The highest that it supports, GREASE left out.
        ciphers: As they came.
        extensions: As they came.
        signatures: The algorithms, as they came.
        alpn: The first protocol of ALPN, or nothing.
        transport: ``t`` over TCP, ``q`` over QUIC, ``d`` for DTLS.
    """
    suites = [f"{each:04x}" for each in ciphers if each not in GREASE]
    present = [each for each in extensions if each not in GREASE]
    hashed = sorted(f"{each:04x}" for each in present if each not in {_SNI, _ALPN})
    schemes = [f"{each:04x}" for each in signatures if each not in GREASE]
    name = "d" if _SNI in present else "i"
    head = f"{transport}{_VERSIONS.get(version, '00')}{name}{min(len(suites), 99):02}{min(len(present), 99):02}"
    text = ",".join(hashed) + ("_" + ",".join(schemes) if schemes else "")
    return f"{head}{_ends(alpn)}_{_hash(','.join(sorted(suites)))}_{_hash(text) if hashed else _NOTHING}"


def _ends(alpn: bytes) -> str:
    if not alpn:
        return "00"
    ends = alpn[:1] + alpn[-1:]
    if ends.isalnum() and ends.isascii():
        return ends.decode()
    return f"{ends[0]:02x}"[0] + f"{ends[1]:02x}"[1]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else _NOTHING
