"""What a TLS handshake proved of a peer."""

from __future__ import annotations

from typing import Protocol

from OpenSSL import SSL, crypto


class TlsFacts(Protocol):
    """What a handshake proved, and from where.

    Attributes:
        chain: DER, leaf first; empty without a certificate.
        source: Whom the address belongs to for limits.
        cipher: Its suite by the name OpenSSL gives it.
    """

    chain: tuple[bytes, ...]
    version: str
    cipher: str
    remote_address: str
    source: str


def peer_chain(connection: SSL.Connection) -> tuple[bytes, ...]:
    """Return the certificates the client sent, DER, leaf first; OpenSSL keeps a client's leaf apart from the rest."""
    leaf = connection.get_peer_certificate()
    if leaf is None:
        return ()
    first = crypto.dump_certificate(crypto.FILETYPE_ASN1, leaf)
    others = [crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in connection.get_peer_cert_chain() or []]
    return (first, *(other for other in others if other != first))


def chain_bytes(chain: tuple[bytes, ...]) -> int:
    """Return the bytes of a chain."""
    return sum(map(len, chain))
