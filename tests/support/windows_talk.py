"""Builders of what Windows computers say to one another: remote procedure calls, pipes, Kerberos, LDAP, names."""

from __future__ import annotations

import struct
from uuid import UUID

from industrial import Said, smb_2, smb_2_create

from vedette.sensor.dissect.dce_rpc_codes import INTERFACES

NDR = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860").bytes_le
HANDLE = bytes(range(16))
MARKS = {name: mark for mark, name in reversed(INTERFACES.items())}


def pdu(kind: int, body: bytes, *, call: int = 1, flags: int = 3) -> bytes:
    """Write a PDU of DCE/RPC."""
    return struct.pack("<BBBBIHHI", 5, 0, kind, flags, 0x10, 16 + len(body), 0, call) + body


def bind(interface: str, *, context: int = 0, kind: int = 11) -> bytes:
    syntax = MARKS[interface] + struct.pack("<I", 1)
    offered = struct.pack("<HBB", context, 1, 0) + syntax + NDR + struct.pack("<I", 2)
    return pdu(kind, struct.pack("<HHIBBH", 4280, 4280, 0, 1, 0, 0) + offered)


def request(number: int, stub: bytes = b"", *, context: int = 0, call: int = 2) -> bytes:
    return pdu(0, struct.pack("<IHH", len(stub), context, number) + stub, call=call)


def response(stub: bytes = bytes(4), *, call: int = 2) -> bytes:
    return pdu(2, struct.pack("<IHBB", len(stub), 0, 0, 0) + stub, call=call)


def fault(status: int, *, call: int = 2) -> bytes:
    return pdu(3, struct.pack("<IHBBI", 32, 0, 0, 0, status) + bytes(4), call=call)


def text(words: str) -> bytes:
    """Write a text as arguments carry it, filled up to four bytes."""
    raw = (words + "\0").encode("utf-16-le")
    return struct.pack("<III", len(words) + 1, 0, len(words) + 1) + raw + bytes(-len(raw) % 4)


def calls(interface: str, *requests: bytes) -> list[Said]:
    """Say over TCP what an interface is asked."""
    said: list[Said] = [bind(interface), (pdu(12, bytes(40)),)]
    for each in requests:
        said += [each, (response(call=int.from_bytes(each[12:16], "little")),)]
    return said


def transceive(data: bytes, *, is_answer: bool = False, number: int = 7, handle: bytes = HANDLE) -> bytes:
    """Write and read a pipe in one message of SMB 2."""
    places = (0, 0, 112, len(data)) if is_answer else (120, len(data), 0, 0)
    head = struct.pack("<HHI", 57, 0, 0x0011C017) + handle + struct.pack("<II", *places[:2])
    head += struct.pack("<II", *places[2:]) if is_answer else struct.pack("<I", 0) + struct.pack("<II", 0, 0)
    return smb_2(11, head.ljust(48 if is_answer else 56, b"\0") + data, is_answer=is_answer, number=number)


def write(data: bytes, *, number: int = 8, handle: bytes = HANDLE) -> bytes:
    head = struct.pack("<HHIQ", 49, 112, len(data), 0) + handle
    return smb_2(9, head.ljust(48, b"\0") + data, number=number)


def read(*, number: int = 9, handle: bytes = HANDLE) -> bytes:
    return smb_2(8, struct.pack("<HBBIQ", 49, 0, 0, 4096, 0) + handle + bytes(17), number=number)


def was_read(data: bytes, *, number: int = 9) -> bytes:
    return smb_2(8, struct.pack("<HBBI", 17, 80, 0, len(data)) + bytes(8) + data, is_answer=True, number=number)


def opened(name: str, *, number: int = 1, handle: bytes = HANDLE) -> list[Said]:
    """Open a pipe, and let the server agree."""
    answer = smb_2(5, bytes(64) + handle + bytes(8), is_answer=True, number=number)
    return [smb_2_create(name), (answer,)]


def tree(path: str) -> bytes:
    wide = path.encode("utf-16-le")
    return smb_2(3, struct.pack("<HHHH", 9, 0, 72, len(wide)) + wide)


def created_to_write(path: str) -> bytes:
    """Create a file whose data may be written."""
    raw = bytearray(smb_2_create(path))
    raw[4 + 88 : 4 + 92] = struct.pack("<I", 0x0012_0196)
    return bytes(raw)


def ber(tag: int, *content: bytes) -> bytes:
    whole = b"".join(content)
    size = len(whole)
    length = bytes((size,)) if size < 128 else b"\x82" + struct.pack(">H", size)
    return bytes((tag,)) + length + whole


def number(value: int) -> bytes:
    return ber(2, value.to_bytes(2, "big", signed=True) if not -128 <= value < 128 else bytes((value & 0xFF,)))


def principal(name: str) -> bytes:
    parts = [ber(0x1B, part.encode()) for part in name.split("/")]
    return ber(0x30, ber(0xA0, number(1)), ber(0xA1, ber(0x30, *parts)))


def encrypted(cipher: int) -> bytes:
    return ber(0x30, ber(0xA0, number(cipher)), ber(0xA2, ber(4, b"x" * 40)))


def kerberos_ask(
    name: str, *, is_ticket: bool = False, ciphers: tuple[int, ...] = (18, 17, 23), proof: int | None = None
) -> bytes:
    """Ask for a ticket: at sign-in with an encrypted time if a cipher is given, or for a service."""
    held: list[bytes] = []
    if is_ticket:
        held = [ber(0xA3, ber(0x30, ber(0x30, ber(0xA1, number(1)), ber(0xA2, ber(4, b"ticket")))))]
    elif proof is not None:
        held = [ber(0xA3, ber(0x30, ber(0x30, ber(0xA1, number(2)), ber(0xA2, ber(4, encrypted(proof))))))]
    body = [ber(0xA0, ber(3, bytes(5))), ber(0xA3 if is_ticket else 0xA1, principal(name)),
            ber(0xA2, ber(0x1B, b"PLANT")), ber(0xA8, ber(0x30, *map(number, ciphers)))]  # fmt: skip
    kind = 12 if is_ticket else 10
    return ber(
        0x60 | kind,
        ber(0x30, ber(0xA1, number(5)), ber(0xA2, number(kind)), *held, ber(0xA4, ber(0x30, *sorted(body)))),
    )


def kerberos_tell(name: str, *, is_ticket: bool = False, cipher: int = 18) -> tuple[bytes]:
    """Give a ticket."""
    kind = 13 if is_ticket else 11
    service = name if is_ticket else "krbtgt/PLANT"
    ticket = ber(0x61, ber(0x30, ber(0xA0, number(5)), ber(0xA1, ber(0x1B, b"PLANT")), ber(0xA2, principal(service)),
                           ber(0xA3, encrypted(cipher))))  # fmt: skip
    who = principal("somebody" if is_ticket else name)
    parts = [ber(0xA0, number(5)), ber(0xA1, number(kind)), ber(0xA3, ber(0x1B, b"PLANT")), ber(0xA4, who),
             ber(0xA5, ticket), ber(0xA6, encrypted(18))]  # fmt: skip
    return (ber(0x60 | kind, ber(0x30, *parts)),)


def kerberos_no(code: int) -> tuple[bytes]:
    return (ber(0x7E, ber(0x30, ber(0xA0, number(5)), ber(0xA1, number(30)), ber(0xA6, number(code)))),)


def ldap_bind(who: str, password: bytes = b"", *, call: int = 1) -> bytes:
    return ber(0x30, number(call), ber(0x60, number(3), ber(4, who.encode()), ber(0x80, password)))


def ldap_bound(result: int, *, call: int = 1) -> tuple[bytes]:
    return (ber(0x30, number(call), ber(0x61, ber(10, bytes((result,))), ber(4), ber(4))),)


def ldap_search(base: str, *present: str, call: int = 2) -> bytes:
    wanted = ber(0xA0, *(ber(0x87, each.encode()) for each in present))
    limits = (ber(10, b"\2"), ber(10, b"\0"), number(0), number(0), ber(1, b"\0"))
    return ber(0x30, number(call), ber(0x63, ber(4, base.encode()), *limits, wanted, ber(0x30)))


def netbios(name: str, *, is_answer: bool = False, call: int = 1) -> bytes:
    """Ask everybody for a NetBIOS name, or say that it is one's own."""
    letters = bytes(half + 0x41 for byte in name.upper().ljust(15).encode() + b"\0" for half in (byte >> 4, byte & 15))
    head = struct.pack(">HHHHHH", call, 0x8500 if is_answer else 0x0110, not is_answer, is_answer, 0, 0)
    whole = head + b"\x20" + letters + b"\0" + struct.pack(">HH", 0x20, 1)
    return whole + struct.pack(">IHH", 165, 6, 0) + bytes((10, 0, 0, 66)) if is_answer else whole
