"""Protocols of offices and the Internet that are told by name alone: what is talked beside the plant's own.

Source:
    Each protocol's own specification, named beside its check.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from vedette.sensor.dissect.interface import NO, SURE, WEAK, Check

_WORD: Final = Struct(">H").unpack_from
_LONG: Final = Struct(">I").unpack_from
_LITTLE: Final = Struct("<I").unpack_from

_LDAP_CHOICES: Final = frozenset({0x42, 0x4A, 0x50, *range(0x60, 0x80)})
_KERBEROS: Final = frozenset({0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x7E})
_SIP: Final = (b"SIP/2.0 ", b"INVITE ", b"REGISTER ", b"OPTIONS sip", b"ACK ", b"BYE ", b"CANCEL ", b"NOTIFY ",
               b"SUBSCRIBE ", b"MESSAGE ", b"PUBLISH ")  # fmt: skip
_COOKIE: Final = b"\x21\x12\xa4\x42"
_QUIC_VERSIONS: Final = frozenset({1, 0x6B3343CF, *range(0xFF00000A, 0xFF000024)})
_GOOGLE_QUIC: Final = (b"Q02", b"Q03", b"Q04", b"Q05", b"T05")
_TDS: Final = frozenset({1, 3, 4, 7, 16, 17, 18})
_RTPS: Final = b"RTPS"
_TUYA: Final = b"\x00\x00\x55\xaa"
_BITTORRENT: Final = b"\x13BitTorrent protocol"


def ldap(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """LDAP (RFC 4511 §4.1.1): a sequence with a number and a known operation."""
    if payload[0] != 0x30:
        return NO
    at = 2 + (payload[1] & 0x7F if payload[1] & 0x80 else 0)
    if at > 6 or payload[at] != 2 or not 1 <= payload[at + 1] <= 4:
        return NO
    return SURE if payload[at + 2 + payload[at + 1]] in _LDAP_CHOICES else NO


def kerberos_tcp(payload: bytes, is_from_client: bool) -> int:
    """Kerberos over TCP (RFC 4120 §7.2.2): a length, and a message."""
    return kerberos(payload[4:], is_from_client) if _LONG(payload, 0)[0] >= len(payload) - 4 else NO


def kerberos(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Kerberos (RFC 4120 §5.10): the message's tag, and a sequence in it."""
    at = 2 + (payload[1] & 0x7F if payload[1] & 0x80 else 0)
    return SURE if payload[0] in _KERBEROS and at <= 6 and payload[at] == 0x30 else NO


def netbios_names(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """NetBIOS name service (RFC 1002 §4.2.1): a name of 32 letters, a type of its own."""
    at = payload.find(b"\x20", 12, 13)
    if at < 0 or len(payload) < 50:
        return NO
    return SURE if _WORD(payload, 46)[0] in {0x20, 0x21} and _WORD(payload, 48)[0] == 1 else NO


def netbios_datagrams(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """NetBIOS datagrams (RFC 1002 §4.4.1): type, flags, and the sender's port."""
    return SURE if payload[0] in range(0x10, 0x17) and not payload[1] & 0xF0 and _WORD(payload, 8)[0] == 138 else NO


def greeting(*marks: bytes, says: tuple[bytes, ...]) -> Check:
    """Make the check of a protocol in text lines: what servers greet with, what clients say first."""

    def check(payload: bytes, is_from_client: bool) -> int:
        first = says if is_from_client else marks
        return WEAK if payload[:16].upper().startswith(first) else NO

    return check


def sip(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """SIP (RFC 3261 §7): request or status line."""
    line = payload[:256].split(b"\r\n", 1)[0]
    return SURE if line.startswith(_SIP) and (line.startswith(b"SIP/2.0") or line.endswith(b" SIP/2.0")) else NO


def syslog(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Syslog (RFC 3164 §4.1.1): the priority in angle brackets."""
    end = payload.find(b">", 2, 5)
    return WEAK if payload.startswith(b"<") and payload[1:end].isdigit() and int(payload[1:end]) < 192 else NO


def stun(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """STUN (RFC 8489 §5): its cookie and its length."""
    return SURE if payload[4:8] == _COOKIE and _WORD(payload, 2)[0] == len(payload) - 20 and payload[0] < 4 else NO


def quic(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """QUIC (RFC 9000 §17.2): a long header of a known version with connection ids that fit; or Google's before it."""
    if payload[9:12] in _GOOGLE_QUIC and payload[0] & 0x09 == 0x09:
        return SURE if len(payload) >= 64 else NO
    if payload[1:4] in _GOOGLE_QUIC and payload[0] & 0xC0 == 0xC0:
        return SURE if len(payload) >= 64 else NO
    if payload[0] & 0xC0 != 0xC0 or _LONG(payload, 1)[0] not in _QUIC_VERSIONS or payload[5] > 20:
        return NO
    return SURE if payload[6 + payload[5]] <= 20 and len(payload) >= 32 else NO


def dtls(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """DTLS (RFC 6347 §4.1): a record of a known type and version, in the first epoch, whose length fits."""
    if payload[0] not in {20, 21, 22} or payload[1:3] not in {b"\xfe\xff", b"\xfe\xfd"} or _WORD(payload, 3)[0] > 1:
        return NO
    return SURE if 13 + _WORD(payload, 11)[0] <= len(payload) else NO


def radius(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """RADIUS (RFC 2865 §3): code and length."""
    return WEAK if 1 <= payload[0] <= 45 and 20 <= _WORD(payload, 2)[0] == len(payload) else NO


def tds(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """TDS of Microsoft SQL Server ([MS-TDS] §2.2.3.1): type, status, length."""
    return WEAK if payload[0] in _TDS and payload[1] < 2 and 8 <= _WORD(payload, 2)[0] == len(payload) else NO


def postgresql(payload: bytes, is_from_client: bool) -> int:
    """PostgreSQL (Frontend/Backend Protocol §55.7): a start of version 3, an answer about who one is."""
    if is_from_client:
        length, version = _LONG(payload, 0)[0], _LONG(payload, 4)[0]
        return WEAK if length <= len(payload) and (version == 0x30000 or version >> 16 == 1234) else NO
    return WEAK if payload[:1] in {b"R", b"E", b"S", b"N"} else NO


def mysql(payload: bytes, is_from_client: bool) -> int:
    """MySQL (client/server protocol): the server's greeting of version 10, numbered packets."""
    length, number = _LITTLE(payload, 0)[0] & 0xFFFFFF, payload[3]
    if length + 4 != len(payload):
        return NO
    return WEAK if (number == 1 if is_from_client else payload[4] == 10 and not number) else NO


def ike(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """IKE (RFC 7296 §3.1): version and length, behind four zero bytes on port 4500."""
    at = 0 if payload[:4].strip(b"\0") else 4
    return WEAK if payload[at + 17] in {0x10, 0x20} and _LONG(payload, at + 24)[0] == len(payload) - at else NO


def slp(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """SLP (RFC 2608 §8, RFC 2165 §4.4): version, function and length."""
    if payload[0] == 2:
        return WEAK if 1 <= payload[1] <= 11 and int.from_bytes(payload[2:5], "big") == len(payload) else NO
    return WEAK if payload[0] == 1 and 1 <= payload[1] <= 11 and _WORD(payload, 2)[0] == len(payload) else NO


def rpc(payload: bytes, is_from_client: bool) -> int:
    """ONC RPC (RFC 5531 §9): a call of version 2, or a reply."""
    kind = _LONG(payload, 4)[0]
    if is_from_client:
        return SURE if not kind and _LONG(payload, 8)[0] == 2 and _LONG(payload, 12)[0] >= 100_000 else NO
    return WEAK if kind == 1 and _LONG(payload, 8)[0] < 2 else NO


def rpc_tcp(payload: bytes, is_from_client: bool) -> int:
    """ONC RPC over TCP (RFC 5531 §11): the record's mark before it."""
    return rpc(payload[4:], is_from_client) if payload[0] & 0x80 else NO


def dce_rpc(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """DCE/RPC over TCP (C706 §12.6): version 5.0 or 5.1, a known type, and the length of the fragment."""
    if payload[0] != 5 or payload[1] > 1 or payload[2] > 20 or payload[4] not in {0x00, 0x10}:
        return NO
    size = int.from_bytes(payload[8:10], "little" if payload[4] else "big")
    return SURE if 16 <= size <= len(payload) and payload[5:8] == b"\0\0\0" else NO


def rtps(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """RTPS of DDS (OMG DDSI-RTPS §8.3.3.1): its mark and version."""
    return SURE if payload.startswith(_RTPS) and payload[4] in {1, 2} and len(payload) >= 16 else NO


def tuya(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tuya's local protocol: its marks at both ends."""
    return SURE if payload.startswith(_TUYA) and payload.endswith(b"\x00\x00\xaa\x55") else NO


def kasa(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """TP-Link's smart-home protocol over UDP: JSON under a running XOR that begins with 171."""
    return SURE if payload.startswith(b"\xd0\xf2") and len(payload) >= 16 else NO


def kasa_tcp(payload: bytes, is_from_client: bool) -> int:
    """TP-Link's smart-home protocol over TCP: a length before it."""
    return kasa(payload[4:], is_from_client) if _LONG(payload, 0)[0] == len(payload) - 4 else NO


def bittorrent(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """BitTorrent (BEP 3): the handshake."""
    return SURE if payload.startswith(_BITTORRENT) else NO


def socks(payload: bytes, is_from_client: bool) -> int:
    """SOCKS 5 (RFC 1928 §3): the methods that a client offers, the one that is taken."""
    if payload[0] != 5:
        return NO
    if is_from_client:
        return WEAK if payload[1] == len(payload) - 2 and payload[1] else NO
    return WEAK if len(payload) == 2 else NO
