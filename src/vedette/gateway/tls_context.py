"""The server's certificate and the rules of TLS, which can change while connections are open."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL

from vedette.gateway.tls_records import take_any_certificate

# AEAD with forward secrecy only; ECDHE-ECDSA-AES256-GCM-SHA384 is what the Python SDK (TLS 1.2) settles on.
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!kRSA:!PSK"
# OpenSSL's own judgement of the chain is not asked for; at depth 0 it does not spend a root's P-384 verification on it.
_VERIFY_DEPTH: Final = 0


class TlsContextHolder:
    """The server's certificate and TLS rules; ``reload`` changes them for the connections to come."""

    def __init__(self, chain_pem: bytes, key_pem: bytes) -> None:
        self.context = _new_context(chain_pem, key_pem)

    def reload(self, chain_pem: bytes, key_pem: bytes) -> None:
        """Use another certificate from now on; open connections keep theirs.

        Raises:
            ValueError: The key is not the certificate's, or either cannot be read; the old ones stay.
        """
        self.context = _new_context(chain_pem, key_pem)


def _new_context(chain_pem: bytes, key_pem: bytes) -> SSL.Context:
    certificates = x509.load_pem_x509_certificates(chain_pem)
    key = load_pem_private_key(key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("the server key is neither an elliptic curve key nor RSA")  # noqa: TRY004 - content, not type
    if key.public_key() != certificates[0].public_key():
        raise ValueError("the private key is not that of the server certificate")
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(CIPHERS.encode())
    context.set_options(
        SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    take_any_certificate(context)
    context.set_verify_depth(_VERIFY_DEPTH)
    context.use_certificate(certificates[0])
    for issuer in certificates[1:]:
        if issuer.subject != issuer.issuer:  # a root in the chain is bytes for nothing
            context.add_extra_chain_cert(issuer)
    context.use_privatekey(key)
    return context
