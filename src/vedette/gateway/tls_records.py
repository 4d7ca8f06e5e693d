"""Moving bytes through one TLS connection that has no socket: ciphertext in, plaintext out, and the reverse.

pyOpenSSL's public calls cost 7.4 µs for a message and its acknowledgement, most of it spent on exceptions that say
"nothing more to read" and on buffers made for one call; the same OpenSSL functions called directly cost 1.8 µs. The
direct way needs names that pyOpenSSL does not promise to keep, so it is used only when all of them are there.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from OpenSSL import SSL

from vedette.gateway.tls_facts import peer_chain

_RECORD_BYTES: Final = 16_384
_RECORD_HEADER_BYTES: Final = 5
_HANDSHAKE_RECORD: Final = 0x16
_NO_CONTENT: Final = b""
_DATA_HEADER: Final = b"\x17\x03\x03"


class TlsFailure(Exception):  # noqa: N818 - a handshake that fails is no error of ours
    """The peer and we could not agree, or it broke the protocol; ``reason`` is OpenSSL's own word for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason: Final = reason


class Records(Protocol):
    """One TLS connection's bytes, before and after its handshake.

    Attributes:
        connection: pyOpenSSL's, for questions about the peer.
        is_ended: The peer has ended the connection, or broken it; nothing more will come.
        may_owe: What was decrypted last may have been more than plaintext, so that an answer may wait in ``drain``.
    """

    connection: SSL.Connection
    is_ended: bool
    may_owe: bool

    def shake_hands(self, ciphertext: bytes) -> bool:
        """Take bytes of the handshake; whether it is complete.

        Raises:
            TlsFailure: It can't be completed; ``drain`` may hold an alert for the peer.
        """
        ...

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return all plaintext that the bytes complete."""
        ...

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the records for a plaintext, and whatever waits to be sent before them."""
        ...

    def drain(self) -> bytes:
        """Return what waits to be sent."""
        ...

    def end(self) -> bytes:
        """Return the records that end the connection in order."""
        ...

    def peer_chain(self) -> tuple[bytes, ...]:
        """Return the certificates the client sent, DER, leaf first."""
        ...


def new_records(connection: SSL.Connection, *, must_be_plain: bool = False) -> Records:
    """Return the fastest way that this pyOpenSSL allows.

    Args:
        connection: In accept state, without a socket.
        must_be_plain: Use public calls only, as a test of the slower way does.
    """
    if must_be_plain or _DIRECT is None or not all(hasattr(connection, name) for name in _PRIVATE):
        return PlainRecords(connection)
    return DirectRecords(connection, _DIRECT)


def begins_with_whole_record(data: bytes) -> bool:
    """Tell whether the first record is there to its end; what is no record of a handshake is OpenSSL's to refuse."""
    if data[0] != _HANDSHAKE_RECORD:
        return True
    length = int.from_bytes(data[3:5], "big")
    return len(data) >= _RECORD_HEADER_BYTES and (length > _RECORD_BYTES or len(data) >= _RECORD_HEADER_BYTES + length)


def _reason(error: SSL.Error) -> str:
    if isinstance(error, SSL.SysCallError):
        return "unexpected eof"
    details = error.args[0] if error.args else None
    if isinstance(details, list) and details:
        return str(details[-1][-1]) or "protocol error"
    return type(error).__name__


class PlainRecords:
    """Through pyOpenSSL's public calls."""

    __slots__ = ("connection", "is_ended", "may_owe")

    def __init__(self, connection: SSL.Connection) -> None:
        self.connection = connection
        self.is_ended = False
        self.may_owe = True

    def shake_hands(self, ciphertext: bytes) -> bool:
        """Take bytes of the handshake; see ``Records``."""
        return _shake_hands(self.connection, ciphertext)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return all plaintext that the bytes complete."""
        connection = self.connection
        plain: list[bytes] = []
        try:
            if ciphertext:
                connection.bio_write(ciphertext)
            while True:
                plain.append(connection.recv(_RECORD_BYTES))
        except SSL.WantReadError:
            pass
        except SSL.Error:
            self.is_ended = True
        return b"".join(plain)

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the records for a plaintext."""
        if not self.is_ended:
            try:
                self.connection.sendall(plaintext)
            except SSL.Error:
                self.is_ended = True
        return self.drain()

    def drain(self) -> bytes:
        """Return what waits to be sent."""
        return _drain(self.connection)

    def peer_chain(self) -> tuple[bytes, ...]:
        """Return the certificates the client sent; see ``Records``."""
        return peer_chain(self.connection)

    def end(self) -> bytes:
        """Return the records that end the connection."""
        return _end(self.connection)


class _Direct:
    """OpenSSL's functions and one buffer for all connections of a thread: a record is copied out before the next."""

    __slots__ = (
        "accept_any",
        "bio_read",
        "bio_write",
        "buffer",
        "clear_error",
        "get_error",
        "lib",
        "memory",
        "read",
        "view",
        "want_read",
        "write",
    )

    def __init__(self) -> None:
        # Both come from C, so they have no types.
        lib, ffi = vars(SSL)["_lib"], vars(SSL)["_ffi"]
        self.read = lib.SSL_read
        self.write = lib.SSL_write
        self.bio_read = lib.BIO_read
        self.bio_write = lib.BIO_write
        self.get_error = lib.SSL_get_error
        self.clear_error = lib.ERR_clear_error
        self.want_read: int = lib.SSL_ERROR_WANT_READ
        self.buffer = ffi.new("char[]", _RECORD_BYTES + 512)
        self.view = ffi.buffer(self.buffer)
        self.lib = lib
        self.memory = ffi.gc(lib.BIO_new(lib.BIO_s_mem()), lib.BIO_free)
        self.accept_any = ffi.callback("int (*)(int, X509_STORE_CTX *)", _accept)
        for name in _CALLED_LATER:
            getattr(lib, name)  # it must be there, or the whole direct way is not taken


_CALLED_LATER: Final = (
    "SSL_CTX_set_verify",
    "SSL_get_peer_cert_chain",
    "SSL_get_peer_certificate",
    "X509_free",
    "i2d_X509_bio",
    "sk_X509_num",
    "sk_X509_value",
)


def _accept(_is_valid: int, _judgement: object) -> int:
    return 1


_PRIVATE: Final = ("_ssl", "_into_ssl", "_from_ssl")


def _find_direct() -> _Direct | None:
    try:
        return _Direct()
    except (AttributeError, KeyError):
        return None


_DIRECT: Final = _find_direct()


class DirectRecords:
    """Through OpenSSL's own functions, as pyOpenSSL binds them."""

    __slots__ = ("_direct", "_from", "_into", "_overhead", "_ssl", "connection", "is_ended", "may_owe")

    def __init__(self, connection: SSL.Connection, direct: _Direct) -> None:
        self.connection = connection  # owns the three C objects below
        self._direct = direct
        self._ssl: Any = connection._ssl  # noqa: SLF001 - see the module's first lines
        self._into: Any = connection._into_ssl  # noqa: SLF001 - same
        self._from: Any = connection._from_ssl  # noqa: SLF001 - same
        self._overhead = 0
        self.is_ended = False
        self.may_owe = True

    def shake_hands(self, ciphertext: bytes) -> bool:
        """Take bytes of the handshake; see ``Records``."""
        return _shake_hands(self.connection, ciphertext)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return all plaintext that the bytes complete.

        Mostly that is one whole record of plaintext. Once it is known by how much a record of this connection is longer
        than its plaintext, lengths that fit tell that nothing is left to read or to answer.
        """
        direct, ssl = self._direct, self._ssl
        read, buffer, view = direct.read, direct.buffer, direct.view
        direct.clear_error()  # a stale entry of another connection would be taken for ours
        if ciphertext:
            direct.bio_write(self._into, ciphertext, len(ciphertext))
        size = read(ssl, buffer, _RECORD_BYTES)
        if size <= 0:
            self.may_owe = True
            self._judge(size)
            return _NO_CONTENT
        first: bytes = view[:size]
        overhead = len(ciphertext) - size
        if overhead == self._overhead and _is_one_record(ciphertext):
            self.may_owe = False
            return first
        self.may_owe = True
        size = read(ssl, buffer, _RECORD_BYTES)
        if size <= 0:
            self._judge(size)
            if overhead > 0 and _is_one_record(ciphertext):
                self._overhead = overhead
            return first
        plain = [first]
        while size > 0:
            plain.append(view[:size])
            size = read(ssl, buffer, _RECORD_BYTES)
        self._judge(size)
        return b"".join(plain)

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the records for a plaintext."""
        direct = self._direct
        if plaintext and not self.is_ended:
            written = direct.write(self._ssl, plaintext, len(plaintext))
            # pyOpenSSL enables partial writes: a call takes one record's worth.
            while 0 < written < len(plaintext):
                plaintext = plaintext[written:]
                written = direct.write(self._ssl, plaintext, len(plaintext))
            if written <= 0:
                direct.clear_error()  # or another connection takes it for its own
                self.is_ended = True
        return self.drain()

    def drain(self) -> bytes:
        """Return what waits to be sent."""
        return self._take(self._from)

    def end(self) -> bytes:
        """Return the records that end the connection."""
        return _end(self.connection)

    def peer_chain(self) -> tuple[bytes, ...]:
        """Return the certificates the client sent; see ``Records``."""
        lib = self._direct.lib
        leaf = lib.SSL_get_peer_certificate(self._ssl)
        if not leaf:
            return ()
        first = self._encode(leaf)
        lib.X509_free(leaf)
        sent = lib.SSL_get_peer_cert_chain(self._ssl)  # OpenSSL keeps a client's leaf apart from the rest
        others = [self._encode(lib.sk_X509_value(sent, at)) for at in range(lib.sk_X509_num(sent))] if sent else ()
        return (first, *(other for other in others if other != first))

    def _encode(self, certificate: Any) -> bytes:
        """Return a certificate's DER; empty if OpenSSL cannot write it."""
        direct = self._direct
        if direct.lib.i2d_X509_bio(direct.memory, certificate) != 1:
            direct.clear_error()
        return self._take(direct.memory)

    def _take(self, memory: Any) -> bytes:
        """Return all that a memory buffer holds."""
        direct = self._direct
        size = direct.bio_read(memory, direct.buffer, _RECORD_BYTES)
        if size <= 0:
            return _NO_CONTENT
        first: bytes = direct.view[:size]
        if size < _RECORD_BYTES:
            return first
        parts = [first]
        while (size := direct.bio_read(memory, direct.buffer, _RECORD_BYTES)) > 0:
            parts.append(direct.view[:size])
        return b"".join(parts)

    def _judge(self, size: int) -> None:
        if self._direct.get_error(self._ssl, size) != self._direct.want_read:
            self._direct.clear_error()
            self.is_ended = True


def take_any_certificate(context: SSL.Context) -> None:
    """Have handshakes ask for a certificate and prove its key, and take whichever it is.

    Who sits behind the stage judges it. Through pyOpenSSL each of OpenSSL's objections, of which a chain that leads to
    no known root has two, is told with the certificate as an object, which costs as much as all else of a handshake
    that is not cryptography.
    """
    context.set_verify(SSL.VERIFY_PEER, lambda *_judgement: True)
    inner = getattr(context, "_context", None)
    if _DIRECT is not None and inner is not None:
        _DIRECT.lib.SSL_CTX_set_verify(inner, SSL.VERIFY_PEER, _DIRECT.accept_any)


def _is_one_record(ciphertext: bytes) -> bool:
    """Tell whether bytes are one whole record of application data, by its header."""
    return ciphertext.startswith(_DATA_HEADER) and (ciphertext[3] << 8 | ciphertext[4]) + _RECORD_HEADER_BYTES == len(
        ciphertext
    )


def _shake_hands(connection: SSL.Connection, ciphertext: bytes) -> bool:
    try:
        connection.bio_write(ciphertext)
        connection.do_handshake()
    except SSL.WantReadError:
        return False
    except SSL.Error as error:
        raise TlsFailure(_reason(error)) from None
    return True


def _drain(connection: SSL.Connection) -> bytes:
    parts: list[bytes] = []
    try:
        while True:
            parts.append(connection.bio_read(_RECORD_BYTES))
    except SSL.Error:
        return b"".join(parts)


def _end(connection: SSL.Connection) -> bytes:
    try:
        connection.shutdown()
    except SSL.Error:
        return _NO_CONTENT
    return _drain(connection)
