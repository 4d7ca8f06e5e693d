"""Messages that every network carries: DHCP, DNS, mDNS, NTP, LLDP, HTTP, TLS, SMB and RDP.

Source:
    RFC 2131 (DHCP), 1035 (DNS), 6762 (mDNS), 5905 (NTP), 8446 (TLS); IEEE 802.1AB (LLDP); MS-CIFS, MS-RDPBCGR.
"""

from __future__ import annotations

import struct
from typing import Final

from vedette.simulation.plant.stations import Station

DNS_PORT: Final = 53
NTP_PORT: Final = 123
HTTP_PORT: Final = 80
TLS_PORT: Final = 443
SMB_PORT: Final = 445
RDP_PORT: Final = 3_389
Exchange = tuple[bytes, bytes]


def _option(code: int, content: bytes) -> bytes:
    return bytes((code, len(content))) + content


def dhcp(kind: int, client: Station, number: int, *, given: bytes = b"", server: Station | None = None) -> bytes:
    """Return a message: 1 discovers, 2 offers, 3 requests, 5 acknowledges."""
    is_reply = server is not None
    head = struct.pack(">BBBBIHH", 2 if is_reply else 1, 1, 6, 0, number, 0, 0)
    head += (
        bytes(4) + (given if is_reply else b"").ljust(4, b"\0") + bytes(8) + client.mac.ljust(16, b"\0") + bytes(192)
    )
    options = _option(53, bytes((kind,)))
    if server is not None:
        options += _option(54, server.ip) + _option(51, struct.pack(">I", 86_400))
    else:
        options += _option(12, client.name.encode()) + _option(60, b"MSFT 5.0") + _option(50, given or client.ip)
        options += _option(55, bytes((1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252)))
    return (head + b"\x63\x82\x53\x63" + options + b"\xff").ljust(300, b"\0")


def _name(text: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".")) + b"\0"


def dns(number: int, name: str, address: bytes) -> Exchange:
    """Ask for an address."""
    question = _name(name) + b"\0\1\0\1"
    answer = b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 3_600, 4) + address
    return (
        struct.pack(">HHHHHH", number & 0xFFFF, 0x0100, 1, 0, 0, 0) + question,
        struct.pack(">HHHHHH", number & 0xFFFF, 0x8180, 1, 1, 0, 0) + question + answer,
    )


def mdns(name: str, address: bytes, service: str, port: int) -> bytes:
    """Announce a host and a service of it."""
    instance, host = _name(f"{name}.{service}.local"), _name(f"{name}.local")
    target = struct.pack(">HHH", 0, 0, port) + host
    records = _name(f"{service}.local") + b"\0\x0c\0\1" + struct.pack(">IH", 4_500, len(instance)) + instance
    records += instance + b"\0\x21\x80\1" + struct.pack(">IH", 120, len(target)) + target
    records += host + b"\0\1\x80\1" + struct.pack(">IH", 120, 4) + address
    return struct.pack(">HHHHHH", 0, 0x8400, 0, 3, 0, 0) + records


def ntp(seconds: int) -> Exchange:
    """Ask for the time; seconds since 1970."""
    stamp = struct.pack(">II", seconds + 2_208_988_800 & 0xFFFF_FFFF, 0)
    asked = b"\x23\0\6\xec" + bytes(36) + stamp
    told = b"\x24\2\6\xec" + bytes(8) + b"\x0a\x14\x03\x02" + stamp + stamp + stamp + stamp
    return asked, told


def lldp(station: Station, description: str, port: str) -> bytes:
    """Announce a switch."""

    def field(kind: int, content: bytes) -> bytes:
        return struct.pack(">H", kind << 9 | len(content)) + content

    return (
        field(1, b"\4" + station.mac) + field(2, b"\5" + port.encode()) + field(3, b"\0\x78")
        + field(5, station.name.encode()) + field(6, description.encode()) + field(7, b"\0\4\0\4")
        + field(8, b"\5\1" + station.ip + b"\2\0\0\0\1\0") + field(0, b"")
    )  # fmt: skip


def http(path: str, host: str, server: str, body: bytes) -> Exchange:
    """Get a page."""
    head = f"HTTP/1.1 200 OK\r\nServer: {server}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: recorder/2\r\n\r\n".encode(), head.encode() + body


def tls_hello(name: str, number: int) -> bytes:
    """Greet a server by its name."""
    host = name.encode()
    names = struct.pack(">HBH", len(host) + 3, 0, len(host)) + host
    extensions = struct.pack(">HH", 0, len(names)) + names + bytes.fromhex("000a00040002001d002b0003020304")
    body = b"\3\3" + number.to_bytes(32, "big") + b"\0" + bytes.fromhex("0004130113020100")
    body += struct.pack(">H", len(extensions)) + extensions
    handshake = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + struct.pack(">H", len(handshake)) + handshake


def tls_answer(number: int) -> bytes:
    """Greet back."""
    extensions = bytes.fromhex("002b00020304")
    body = (
        b"\3\3" + (number + 1).to_bytes(32, "big") + b"\0\x13\x01\0" + struct.pack(">H", len(extensions)) + extensions
    )
    handshake = b"\2" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\3" + struct.pack(">H", len(handshake)) + handshake


def tls_data(size: int) -> bytes:
    """Return a record that nobody can read."""
    return b"\x17\3\3" + struct.pack(">H", size) + bytes(position * 151 & 0xFF for position in range(size))


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def _smb(command: int, words: bytes, content: bytes, *, status: int = 0, is_answer: bool = False) -> bytes:
    head = struct.pack("<4sBIBH", b"\xffSMB", command, status, 0x80 if is_answer else 0, 0x8000)
    head = head.ljust(30, b"\0") + struct.pack("<H", 5)
    body = head + bytes((len(words) // 2,)) + words + struct.pack("<H", len(content)) + content
    return struct.pack(">I", len(body)) + body


def smb_greet() -> Exchange:
    """Agree on a dialect of the first SMB, which an old Windows still speaks."""
    return _smb(0x72, b"", b"\x02NT LM 0.12\0"), _smb(0x72, bytes(34), bytes(16), is_answer=True)


def smb_log_in(client: str, server: str) -> Exchange:
    """Log in to a share; both ends say which Windows they are."""
    words = struct.pack("<BBHHHHIHHII", 0xFF, 0, 0, 16_644, 2, 1, 0, 0, 0, 0, 0x8000_00D4)
    said = b"\0" + b"\0\0" + _wide(client + "\0") + _wide("PLANT\0")
    told = b"\0" + _wide(server + "\0") + _wide("Windows 2000 LAN Manager\0") + _wide("PLANT\0")
    asked = _smb(0x73, words, said + _wide("Windows 2002 2600 Service Pack 3\0") + _wide("Windows 2002 5.1\0"))
    return asked, _smb(0x73, struct.pack("<BBHH", 0xFF, 0, 0, 0), told, is_answer=True)


def rdp(user: str) -> Exchange:
    """Ask for a remote desktop."""
    cookie = f"Cookie: mstshash={user}\r\n".encode() + bytes.fromhex("0100080003000000")
    asked = bytes((6 + len(cookie), 0xE0, 0, 0, 0, 0, 0)) + cookie
    told = bytes.fromhex("0ed000001234000200080002000000")[:15]
    return struct.pack(">BBH", 3, 0, len(asked) + 4) + asked, struct.pack(">BBH", 3, 0, len(told) + 4) + told
