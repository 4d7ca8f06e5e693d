"""Protocols that are recognised and not read any further: they tell who talks what, and with whom.

Source:
    Each protocol's own specification where it is public, named beside its check; else what its makers' devices send.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from vedette.sensor.dissect.interface import NO, SURE, WEAK

_LONGS: Final = Struct("<II").unpack_from
_WRAPPER: Final = Struct(">HHHH").unpack_from
_WORD: Final = Struct(">H").unpack_from
_LITTLE: Final = Struct("<H").unpack_from
_LONG: Final = Struct(">I").unpack_from

_CODESYS: Final = 0x000117E8
_CODESYS_MAX_BYTES: Final = 1 << 20
_CODESYS_DATAGRAMS: Final = frozenset({0xC4, 0xC5})
_TRISTATION_TYPES: Final = range(1, 12)
_POWERLINK_TYPES: Final = frozenset({1, 3, 4, 5, 6, 13})
_PTP_TYPES: Final = frozenset({0, 1, 2, 3, 8, 9, 10, 11, 12, 13})
# Initiate, get, set, action and their answers, plain and ciphered (DLMS Green Book §9.5).
_DLMS_TAGS: Final = frozenset({0x60, 0x61, 0x62, 0x63, *range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD, 0x0F, 0x21, 0x28})
_MQTT_LIKE: Final = (b"AMQP\x00\x00\x09\x01", b"AMQP\x00\x01\x00\x00", b"AMQP\x03\x01\x00\x00", b"AMQP\x02\x01\x00\x00")
_RTSP_METHODS: Final = (
    b"OPTIONS ", b"DESCRIBE ", b"SETUP ", b"PLAY ", b"TEARDOWN ", b"GET_PARAMETER ", b"SET_PARAMETER ", b"ANNOUNCE ",
)  # fmt: skip


def codesys(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """CODESYS V3: the block driver's mark and length."""
    mark, length = _LONGS(payload, 0)
    return SURE if mark == _CODESYS and 8 <= length <= _CODESYS_MAX_BYTES else NO


def codesys_v2(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """CODESYS V2: its mark."""
    return WEAK if payload.startswith(b"\xbb\xbb") and len(payload) >= 6 else NO


def codesys_udp(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """CODESYS V3 over UDP: the datagram layer's mark, and hops that are left."""
    return WEAK if payload[0] in _CODESYS_DATAGRAMS and payload[1] & 7 and len(payload) >= 8 else NO


def melsoft(payload: bytes, is_from_client: bool) -> int:
    """MELSOFT, by which Mitsubishi's tools speak with controllers: a mark for each direction, zeros, a constant."""
    answer = 0 if is_from_client else 0x80
    if payload[0] == 0x5A | answer:
        return WEAK if not payload[1] and len(payload) in {4, 14} else NO
    if payload[0] != 0x57 | answer or payload[3:6] != b"\0\0\0":
        return NO
    return SURE if payload[6:8] == b"\x11\x11" and len(payload) >= 24 else NO


def fox(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Niagara Fox: its first line."""
    return SURE if payload.startswith(b"fox a ") and b"fox hello" in payload[:40] else NO


def tristation(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """TriStation: type, channel and a length with a checksum behind it."""
    return WEAK if payload[0] in _TRISTATION_TYPES and len(payload) == 6 + _LITTLE(payload, 2)[0] else NO


def powerlink(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Ethernet POWERLINK (EPSG DS 301 §4.6): the message type."""
    return SURE if len(payload) >= 36 and payload[0] & 0x7F in _POWERLINK_TYPES else NO


def ptp(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """PTP (IEEE 1588-2019 §13.3): message type, version, length."""
    if len(payload) < 34 or payload[0] & 0x0F not in _PTP_TYPES or payload[1] & 0x0F not in {1, 2}:
        return NO
    return SURE if 34 <= _WORD(payload, 2)[0] <= len(payload) else NO


def dlms(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """DLMS/COSEM over TCP and UDP (IEC 62056-47): version, ports, length, and a known unit."""
    version, _, _, length = _WRAPPER(payload, 0)
    return SURE if version == 1 and length == len(payload) - 8 and payload[8] in _DLMS_TAGS else NO


def lontalk(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """LonTalk over IP (ANSI/CTA-852 §9): length and version."""
    return WEAK if _WORD(payload, 0)[0] == len(payload) and payload[2] == 1 and len(payload) >= 20 else NO


def fl_net(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """FL-net (JEMA 1479): its mark."""
    return SURE if payload.startswith(b"FACN") and len(payload) >= 64 else NO


def egd(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """GE Ethernet Global Data: type and version of a production."""
    return WEAK if payload.startswith(b"\x0d\x01") and len(payload) >= 32 else NO


def pc_worx(payload: bytes, is_from_client: bool) -> int:
    """Phoenix Contact PC Worx: a mark for each direction, and the length."""
    mark = b"\x01" if is_from_client else b"\x81"
    return WEAK if payload.startswith(mark) and _WORD(payload, 2)[0] == len(payload) else NO


def proconos(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """ProConOS: its mark."""
    return WEAK if payload.startswith((b"\xcc\x01", b"\xcc\x00")) and len(payload) >= 12 else NO


def crimson(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Red Lion Crimson 3: the length."""
    return WEAK if len(payload) >= 4 and _WORD(payload, 0)[0] == len(payload) - 2 else NO


def moxa(payload: bytes, is_from_client: bool) -> int:
    """Moxa NPort search: a question of eight bytes, an answer whose length stands within."""
    if is_from_client:
        return SURE if payload == b"\x01\x00\x00\x08\x00\x00\x00\x00" else NO
    return SURE if payload.startswith(b"\x81\x00") and _WORD(payload, 2)[0] == len(payload) else NO


def amqp(payload: bytes, is_from_client: bool) -> int:
    """AMQP: the header that both versions open with; an answer in frames."""
    if payload[:8] in _MQTT_LIKE:
        return SURE
    return WEAK if not is_from_client and payload[0] == 1 and payload.endswith(b"\xce") else NO


def xmpp(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """XMPP (RFC 6120 §4): the stream's element."""
    return SURE if b"<stream:stream" in payload[:200] and b"jabber:" in payload[:400] else NO


def rtsp(payload: bytes, is_from_client: bool) -> int:
    """RTSP (RFC 2326 §6, §7): request or status line."""
    line = payload[:512].split(b"\r\n", 1)[0]
    if is_from_client:
        return SURE if line.startswith(_RTSP_METHODS) and line.endswith(b" RTSP/1.0") else NO
    return SURE if line.startswith(b"RTSP/1.0 ") and line[9:12].isdigit() else NO


def ws_discovery(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """WS-Discovery, as cameras (ONVIF) and printers speak it: its name space."""
    is_one = b"/ws/2005/04/discovery" in payload or b"/ws-dd/ns/discovery/2009/01" in payload
    return SURE if is_one and b"Envelope" in payload else NO


def dicom(payload: bytes, is_from_client: bool) -> int:
    """DICOM (PS3.8 §9.3): an association that is asked for, or accepted."""
    kind = 1 if is_from_client else 2
    if payload[0] != kind or payload[1] or _LONG(payload, 2)[0] != len(payload) - 6 or len(payload) < 74:
        return NO
    return SURE if _WORD(payload, 6)[0] & 1 else NO


def hl7(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """HL7 version 2 in MLLP: start byte and message header."""
    return SURE if payload.startswith(b"\x0bMSH|") else NO


def vnc(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """VNC (RFC 6143 §7.1.1): the version that both sides begin with."""
    return SURE if payload.startswith(b"RFB 00") and payload[11:12] == b"\n" else NO


def opcua_pubsub(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """OPC UA PubSub in UADP (Part 14 §7.2.4): version 1."""
    return SURE if payload[0] & 0x0F == 1 and len(payload) >= 8 else NO
