"""Messages of industrial protocols, as controllers, drives and building controllers say them.

Source:
    Modbus Application Protocol V1.1b3; RFC 905 and 1006 with SIMATIC S7 as Wireshark reads it; ODVA, EtherNet/IP
    Adaptation of CIP; ASHRAE 135 (BACnet).
"""

from __future__ import annotations

import struct
from typing import Final

from vedette.simulation.plant.stations import Station

MODBUS_PORT: Final = 502
S7_PORT: Final = 102
ENIP_PORT: Final = 44_818
BACNET_PORT: Final = 47_808
Exchange = tuple[bytes, bytes]
"""A request and its answer."""


def modbus(pdu: bytes, number: int) -> bytes:
    """Put a message behind its header."""
    return struct.pack(">HHHB", number & 0xFFFF, 0, len(pdu) + 1, 1) + pdu


def modbus_read(number: int, first: int, values: tuple[int, ...]) -> Exchange:
    """Read holding registers."""
    told = struct.pack(f">{len(values)}H", *values)
    asked = struct.pack(">BHH", 3, first, len(values))
    return modbus(asked, number), modbus(bytes((3, len(told))) + told, number)


def modbus_write(number: int, register: int, value: int) -> Exchange:
    """Write one holding register."""
    said = modbus(struct.pack(">BHH", 6, register, value), number)
    return said, said


def modbus_identify(number: int, vendor: str, product: str, revision: str) -> Exchange:
    """Ask who it is (function 43, basic)."""
    objects = b"".join(
        bytes((index, len(text))) + text.encode() for index, text in enumerate((vendor, product, revision))
    )
    return modbus(bytes.fromhex("2b0e0100"), number), modbus(bytes.fromhex("2b0e0101000003") + objects, number)


def _cotp(content: bytes) -> bytes:
    return struct.pack(">BBH", 3, 0, len(content) + 7) + b"\x02\xf0\x80" + content


def s7_connect(*, kind: int, slot: int) -> Exchange:
    """Ask for a connection, as an engineering tool (1) or as an HMI (2)."""

    def message(code: int) -> bytes:
        body = bytes((code, 0, 0, 0, 1, 0)) + bytes.fromhex("c0010ac1020100c202") + bytes((kind, slot))
        return struct.pack(">BBH", 3, 0, len(body) + 5) + bytes((len(body),)) + body

    return message(0xE0), message(0xD0)


def s7_job(parameter: bytes, content: bytes = b"", *, number: int = 1) -> bytes:
    """Return a request."""
    return _cotp(
        struct.pack(">BBHHHH", 0x32, 1, 0, number & 0xFFFF, len(parameter), len(content)) + parameter + content
    )


def s7_done(parameter: bytes, content: bytes = b"", *, number: int = 1) -> bytes:
    """Return an answer without error."""
    head = struct.pack(">BBHHHHH", 0x32, 3, 0, number & 0xFFFF, len(parameter), len(content), 0)
    return _cotp(head + parameter + content)


S7_SETUP: Final[Exchange] = (s7_job(bytes.fromhex("f0000001000101e0")), s7_done(bytes.fromhex("f0000001000100f0")))


def s7_read(number: int, block: int, first: int, values: tuple[int, ...]) -> Exchange:
    """Read words of a data block."""
    told = struct.pack(f">{len(values)}H", *values)
    item = b"\x12\x0a\x10" + struct.pack(">BHHB", 4, len(values), block, 0x84) + (first << 3).to_bytes(3, "big")
    answer = b"\xff\x04" + struct.pack(">H", len(told) * 8) + told
    return s7_job(b"\x04\x01" + item, number=number), s7_done(b"\x04\x01", answer, number=number)


def s7_identify(number: int, order: str, firmware: tuple[int, int, int], serial: str, name: str) -> list[Exchange]:
    """Read the lists that tell order number and firmware, then name and serial number."""
    version = bytes((0x56, *firmware))
    lines = (
        struct.pack(">H", 1) + f"{order:<20}".encode() + bytes((0, 0, 0, 1, 0, 0)),
        struct.pack(">H", 7) + f"{order:<20}".encode() + bytes((0, 0)) + version,
    )
    parts = tuple(struct.pack(">H", index) + text.encode().ljust(32, b"\0") for index, text in ((1, name), (5, serial)))
    return [
        _s7_list(number, 0x0011, 28, lines),
        _s7_list(number + 1, 0x001C, 34, parts),
    ]


def _s7_list(number: int, kind: int, size: int, entries: tuple[bytes, ...]) -> Exchange:
    body = struct.pack(">HHHH", kind, 0, size, len(entries)) + b"".join(entries)
    asked = bytes.fromhex("0001120411440100"), b"\xff\x09" + struct.pack(">HHH", 4, kind, 0)
    told = bytes.fromhex("000112081284010100000000"), b"\xff\x09" + struct.pack(">H", len(body)) + body
    return _s7_user(*asked, number), _s7_user(*told, number)


def _s7_user(parameter: bytes, content: bytes, number: int) -> bytes:
    head = struct.pack(">BBHHHH", 0x32, 7, 0, number & 0xFFFF, len(parameter), len(content))
    return _cotp(head + parameter + content)


def s7_upload(block: str, code: bytes) -> list[Exchange]:
    """Read a block (``0800001``: organization block 1) out of a controller."""
    name = f"_{block}A".encode()
    load = bytes.fromhex("000000000007")
    length = f"1{len(code):06}".encode()
    began = b"\x1d\x00\x01\x00" + load[2:] + bytes((len(length),)) + length
    return [
        (s7_job(b"\x1d\x00\x00\x00" + bytes(4) + bytes((len(name),)) + name, number=11), s7_done(began, number=11)),
        (
            s7_job(b"\x1e\x00" + load, number=12),
            s7_done(b"\x1e\x00", struct.pack(">HH", len(code), 0x00FB) + code, number=12),
        ),
        (s7_job(b"\x1f\x00" + load, number=13), s7_done(b"\x1f", number=13)),
    ]


def s7_download(block: str, code: bytes) -> list[tuple[bytes, bool]]:
    """Write a block into a controller: messages in their order, and whether the client says them.

    It asks for the download; then the controller fetches the block from it and says that it has all of it.
    """
    name = f"_{block}P".encode()
    size = f"1{len(code):06}{len(code):06}".encode()
    file = bytes((len(name),)) + name
    wanted = b"\x1a\x00\x00\x00" + bytes(4) + file + bytes((len(size),)) + size
    part = struct.pack(">HH", len(code), 0x00FB) + code
    return [
        (s7_job(wanted, number=21), True),
        (s7_done(b"\x1a", number=21), False),
        (s7_job(b"\x1b\x00\x00\x00" + bytes(4) + file, number=501), False),
        (s7_done(b"\x1b\x00", part, number=501), True),
        (s7_job(b"\x1c\x00\x00\x00" + bytes(4) + file, number=502), False),
        (s7_done(b"\x1c", number=502), True),
        (s7_service("_INSE", b"\x0a\x01" + block.encode() + b"P", number=22), True),
        (s7_done(b"\x28", number=22), False),
    ]


def s7_service(name: str, argument: bytes = b"", *, number: int) -> bytes:
    """Start a program of the controller by its name."""
    said = bytes.fromhex("28000000000000fd") + struct.pack(">H", len(argument)) + argument
    return s7_job(said + bytes((len(name),)) + name.encode(), number=number)


def s7_stop(number: int) -> Exchange:
    """Tell a controller to stop."""
    return s7_job(b"\x29" + bytes(5) + b"\x09P_PROGRAM", number=number), s7_done(b"\x29", number=number)


def enip(command: int, body: bytes = b"", *, session: int = 7, number: int = 0) -> bytes:
    """Return an encapsulated command."""
    return struct.pack("<HHIIQI", command, len(body), session, 0, number, 0) + body


ENIP_REGISTER: Final[Exchange] = (
    enip(0x65, b"\x01\x00\x00\x00", session=0),
    enip(0x65, b"\x01\x00\x00\x00"),
)


def _cip(message: bytes, number: int) -> bytes:
    return enip(0x6F, struct.pack("<IHHHHHH", 0, 5, 2, 0, 0, 0xB2, len(message)) + message, number=number)


def cip_read_tag(number: int, tag: str, value: int) -> Exchange:
    """Read a tag, a double word."""
    raw = tag.encode()
    path = bytes((0x91, len(raw))) + raw + b"\0" * (len(raw) & 1)
    asked = bytes((0x4C, len(path) // 2)) + path + b"\x01\x00"
    return _cip(asked, number), _cip(b"\xcc\x00\x00\x00\xc4\x00" + struct.pack("<I", value & 0x7FFF_FFFF), number)


def cip_read_attribute(number: int, kind: int, instance: int, attribute: int, value: int) -> Exchange:
    """Read an attribute of an object, a word."""
    asked = bytes((0x0E, 3, 0x20, kind, 0x24, instance, 0x30, attribute))
    return _cip(asked, number), _cip(b"\x8e\x00\x00\x00" + struct.pack("<H", value & 0xFFFF), number)


def enip_identity(
    station: Station, *, vendor: int, kind: int, product: int, version: tuple[int, int], serial: int, name: str
) -> Exchange:
    """List identity."""
    item = struct.pack("<H", 1) + struct.pack(">HH4s8x", 2, ENIP_PORT, station.ip)
    item += struct.pack("<HHHBBHI", vendor, kind, product, *version, 0x30, serial)
    item += bytes((len(name),)) + name.encode() + b"\x03"
    return enip(0x63, session=0), enip(0x63, struct.pack("<HHH", 1, 0x0C, len(item)) + item, session=0)


def _bacnet(apdu: bytes, *, function: int = 10, network: bytes = b"\x01\x04") -> bytes:
    return struct.pack(">BBH", 0x81, function, len(apdu) + 4 + len(network)) + network + apdu


BACNET_WHO_IS: Final = _bacnet(bytes.fromhex("1008"), function=11, network=b"\x01\x00")


def bacnet_i_am(instance: int, vendor: int) -> bytes:
    """Announce a device."""
    device = struct.pack(">I", 8 << 22 | instance)
    return _bacnet(
        b"\x10\x00\xc4" + device + bytes.fromhex("2201e09100") + b"\x21" + bytes((vendor,)), function=11,
        network=b"\x01\x00",
    )  # fmt: skip


def bacnet_read(number: int, point: int, value: float) -> Exchange:
    """Read the present value of an analog input."""
    what = b"\x0c" + struct.pack(">I", point) + b"\x19\x55"
    asked = _bacnet(b"\x00\x05" + bytes((number & 0xFF,)) + b"\x0c" + what)
    told = b"\x30" + bytes((number & 0xFF,)) + b"\x0c" + what + b"\x3e\x44" + struct.pack(">f", value) + b"\x3f"
    return asked, _bacnet(told, network=b"\x01\x00")


def bacnet_describe(number: int, instance: int, what: int, text: str) -> Exchange:
    """Read a text of the device object: 121 is its maker, 70 its model, 44 its firmware, 77 its name."""
    device = b"\x0c" + struct.pack(">I", 8 << 22 | instance) + b"\x19" + bytes((what,))
    raw = b"\0" + text.encode()
    string = bytes((0x75, len(raw))) + raw
    asked = _bacnet(b"\x00\x05" + bytes((number & 0xFF,)) + b"\x0c" + device)
    told = b"\x30" + bytes((number & 0xFF,)) + b"\x0c" + device + b"\x3e" + string + b"\x3f"
    return asked, _bacnet(told, network=b"\x01\x00")
