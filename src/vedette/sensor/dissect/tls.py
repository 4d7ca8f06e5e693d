"""TLS up to where it is encrypted: who asks for whom, with what software, and with what certificate it is answered.

Source:
    RFC 8446 and RFC 5246; JA4 as ``ja4`` says.
"""

from __future__ import annotations

from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, Malformed, StreamDissector
from vedette.sensor.dissect.ja4 import ja4
from vedette.sensor.dissect.tls_hello import client_hello, facts_of, first_certificate, server_hello
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow, ignore
from vedette.sensor.model import (
    PROBABLE,
    AnomalyKind,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Sink,
    Values,
)

_CHANGE_CIPHER: Final = 20
_ALERT: Final = 21
_HANDSHAKE: Final = 22
_DATA: Final = 23
_MAX_RECORD_BYTES: Final = 16_384 + 2_048
_MAX_HANDSHAKE_BYTES: Final = 65_536
_CLIENT_HELLO: Final = 1
_SERVER_HELLO: Final = 2
_CERTIFICATE: Final = 11
_VERSIONS: Final = {
    0x0002: "SSLv2", 0x0300: "SSLv3", 0x0301: "TLSv10", 0x0302: "TLSv11", 0x0303: "TLSv12", 0x0304: "TLSv13",
}  # fmt: skip
_OLDEST_SOUND: Final = 0x0303
_TLS13: Final = 0x0304
_ALERTS: Final = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow", 40: "handshake_failure",
    42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired",
    46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
    51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
    86: "inappropriate_fallback", 90: "user_canceled", 109: "missing_extension", 110: "unsupported_extension",
    112: "unrecognized_name", 113: "bad_certificate_status_response", 115: "unknown_psk_identity",
    116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip


class Tls(StreamDissector):
    """Reads TLS; once a direction is encrypted, its bytes are not looked at any more."""

    __slots__ = ("_hello_ns", "_is_encrypted", "_name", "_pending", "_version")

    name: ClassVar[str] = "tls"
    max_message_bytes: ClassVar[int] = 5 + _MAX_RECORD_BYTES

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._is_encrypted: Final = [False, False]
        self._pending: Final = [b"", b""]
        self._name = ""
        self._hello_ns = -1
        self._version = 0

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Return a record's length, or all there is once nothing can be read."""
        if self._is_encrypted[is_from_client]:
            return len(data) - start
        kind, major, size = data[start], data[start + 1], data[start + 3] << 8 | data[start + 4]
        if kind == _DATA:
            return min(len(data) - start, self.max_message_bytes)
        if not _CHANGE_CIPHER <= kind <= _DATA or major != 3 or not 0 < size <= _MAX_RECORD_BYTES:
            return NOT_A_MESSAGE
        return 5 + size

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one record."""
        if self._is_encrypted[is_from_client]:
            return
        kind = data[0]
        if kind in {_CHANGE_CIPHER, _DATA}:
            self._encrypted(is_from_client)
        elif kind == _ALERT:
            if len(data) == 7:
                self._alert(data[5], data[6], is_from_client, at_ns)
        else:
            self._handshake(self._pending[is_from_client] + data[5:], is_from_client, at_ns)

    def _encrypted(self, is_from_client: bool) -> None:
        self._is_encrypted[is_from_client] = True
        self._pending[is_from_client] = b""
        (self.flow.from_client if is_from_client else self.flow.from_server).feed = ignore

    def _handshake(self, content: bytes, is_from_client: bool, at_ns: int) -> None:
        self._pending[is_from_client] = b""
        position = 0
        while len(content) - position >= 4:
            kind, size = content[position], int.from_bytes(content[position + 1 : position + 4], "big")
            if size > _MAX_HANDSHAKE_BYTES:
                raise Malformed(f"a handshake message of {size} bytes")
            if position + 4 + size > len(content):
                break
            body = content[position + 4 : position + 4 + size]
            position += 4 + size
            if kind == _CLIENT_HELLO:
                self._client_hello(body, is_from_client, at_ns)
            elif kind == _SERVER_HELLO:
                self._server_hello(body, is_from_client, at_ns)
            elif kind == _CERTIFICATE and self._version != _TLS13:
                self._certificate(body, is_from_client, at_ns)
        self._pending[is_from_client] = content[position:]

    def _client_hello(self, body: bytes, is_from_client: bool, at_ns: int) -> None:
        if not is_from_client:
            self.complain(at_ns, False, AnomalyKind.WRONG_DIRECTION, "a ClientHello from the server", _CLIENT_HELLO)
        hello = client_hello(body)
        fingerprint = ja4(hello.version, hello.ciphers, hello.extensions, hello.signatures, *hello.alpn[:1] or (b"",))
        self._name, self._hello_ns = hello.name, at_ns
        self.tell(at_ns, Attribute.FINGERPRINT, f"ja4:{fingerprint}", is_of_client=is_from_client)
        self._weak(hello.version, "offers no more than", is_from_client, at_ns)
        protocols = tuple(text_of(each) for each in hello.alpn)
        columns: dict[str, Values] = {
            "ja4": fingerprint, "client_version": _VERSIONS.get(hello.version, f"{hello.version:04x}"),
            "next_protocols": protocols,
        }  # fmt: skip
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "tls", "client_hello", _CLIENT_HELLO, OpKind.SESSION,
                Direction.REQUEST, None, _VERSIONS.get(hello.version, ""), None, len(hello.ciphers), hello.name,
                protocols or None, "", None, None, columns,
            )
        )  # fmt: skip

    def _server_hello(self, body: bytes, is_from_client: bool, at_ns: int) -> None:
        hello = server_hello(body)
        self._version = hello.version
        version = _VERSIONS.get(hello.version, f"{hello.version:04x}")
        self._weak(hello.version, "chooses", is_from_client, at_ns)
        columns: dict[str, Values] = {
            "version": version, "cipher": hello.cipher, "server_name": self._name, "established": True,
        }  # fmt: skip
        if hello.alpn:
            columns["next_protocol"] = hello.alpn
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "tls", "server_hello", _SERVER_HELLO, OpKind.SESSION,
                Direction.RESPONSE, None, version, None, None, self._name, hello.cipher, "ok", None,
                at_ns - self._hello_ns if self._hello_ns >= 0 else None, columns,
            )
        )  # fmt: skip

    def _certificate(self, body: bytes, is_from_client: bool, at_ns: int) -> None:
        content = first_certificate(body)
        if not content:
            return
        facts = facts_of(content)
        if facts is None:
            self.complain(at_ns, is_from_client, AnomalyKind.MALFORMED, f"a certificate of {len(content)} bytes")
            return
        now_s = at_ns / 1e9
        if not facts.not_before_s <= now_s <= facts.not_after_s:
            days = int(abs(now_s - (facts.not_after_s if now_s > facts.not_after_s else facts.not_before_s)) // 86_400)
            when = "ago" if now_s > facts.not_after_s else "ahead"
            self.complain(
                at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"a certificate outside its time, {days} days {when}"
            )
        if (facts.key == "rsa" and facts.key_bits < 2048) or (facts.key == "ecdsa" and facts.key_bits < 224):
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"a key of {facts.key_bits} bits")
        if facts.common_name:
            self.tell(
                at_ns, Attribute.NAME, facts.common_name, is_of_client=is_from_client, confidence=PROBABLE,
                source="tls certificate",
            )  # fmt: skip
        columns: dict[str, Values] = {
            "subject": facts.subject, "issuer": facts.issuer, "certificate.serial": facts.serial,
            "certificate.not_valid_before": facts.not_before_s, "certificate.not_valid_after": facts.not_after_s,
            "certificate.key_type": facts.key, "certificate.key_length": facts.key_bits, "san.dns": facts.names,
            "self_signed": facts.is_self_signed,
        }  # fmt: skip
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "tls", "certificate", _CERTIFICATE, OpKind.SESSION, Direction.REPORT,
                None, facts.key, None, facts.key_bits, facts.subject, facts.issuer, "", None, None, columns,
            )
        )  # fmt: skip

    def _alert(self, level: int, code: int, is_from_client: bool, at_ns: int) -> None:
        name = _ALERTS.get(code, f"alert_{code}")
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "tls", "alert", code, OpKind.SESSION, Direction.REPORT,
                None, "fatal" if level == 2 else "warning", None, None, self._name, None, name,
            )
        )  # fmt: skip

    def _weak(self, version: int, what: str, is_from_client: bool, at_ns: int) -> None:
        if version < _OLDEST_SOUND:
            name = _VERSIONS.get(version, f"{version:04x}")
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"{what} {name}, which is retired", version)


def check(payload: bytes, is_from_client: bool) -> int:
    """Tell TLS by the record of a hello; see ``interface.Check``."""
    kind, major, size = payload[0], payload[1], payload[3] << 8 | payload[4]
    if major != 3 or payload[2] > 4 or not 0 < size <= _MAX_RECORD_BYTES:
        return NO
    if kind == _ALERT:
        return SURE if size == 2 and len(payload) == 7 and payload[5] in {1, 2} and payload[6] in _ALERTS else NO
    if kind != _HANDSHAKE or payload[5] != (_CLIENT_HELLO if is_from_client else _SERVER_HELLO):
        return NO
    return SURE if payload[9] == 3 and payload[6] == 0 else NO
