"""Builders of whole conversations: messages of industrial protocols, in connections, with times."""

from __future__ import annotations

import struct

import packets as build

Frames = list[tuple[float, bytes]]
Said = bytes | tuple[bytes] | float
"""What the client says; in a tuple: what the server says; a number: seconds that pass."""

ENGINEER, CONTROLLER, OTHER = "10.0.0.1", "10.0.0.2", "10.0.0.9"


def h(text: str) -> bytes:
    return bytes.fromhex(text)


def tcp(
    port: int,
    *said: Said,
    at: float = 0.0,
    client: str = ENGINEER,
    server: str = CONTROLLER,
    client_port: int = 40_000,
    is_opened: bool = True,
    is_closed: bool = False,
) -> Frames:
    """Write a TCP connection, 10 ms between its frames."""
    talk = build.Talk(port, client, server, client_port, client_mac=mac_of(client), server_mac=mac_of(server))
    frames: Frames = []

    def stamp() -> None:
        nonlocal at
        for frame in talk.frames[len(frames) :]:
            at += 0.01
            frames.append((at, frame))

    if is_opened:
        talk.open()
        stamp()
    for each in said:
        if isinstance(each, float | int):
            at += each
        elif isinstance(each, tuple):
            talk.answer(each[0])
        else:
            talk.say(each)
        stamp()
    if is_closed:
        talk.close()
        stamp()
    return frames


def udp(
    port: int,
    *said: Said,
    at: float = 0.0,
    client: str = ENGINEER,
    server: str = CONTROLLER,
    client_port: int = 40_000,
) -> Frames:
    """Write datagrams, 10 ms between them."""
    frames: Frames = []
    for each in said:
        if isinstance(each, float | int):
            at += each
            continue
        at += 0.01
        if isinstance(each, tuple):
            packet = build.ipv4(build.udp(each[0], port, client_port), 17, server, client)
            source, target = server, client
        else:
            packet = build.ipv4(build.udp(each, client_port, port), 17, client, server)
            source, target = client, server
        frame = build.ethernet(packet, 0x0800, source=mac_of(source), target=mac_of(target))
        frames.append((at, frame))
    return frames


def mac_of(address: str) -> str:
    """Give each address a MAC address of its own."""
    return "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))


def ethernet(kind: int, payload: bytes, *, at: float = 0.0, source: str = ENGINEER, target: str = CONTROLLER) -> Frames:
    """Write one frame between two devices; a target with colons is a MAC address."""
    to = target if ":" in target else mac_of(target)
    return [(at, build.ethernet(payload, kind, source=mac_of(source), target=to))]


def ip(protocol: int, payload: bytes, *, at: float = 0.0, source: str = ENGINEER, target: str = CONTROLLER) -> Frames:
    """Write one packet straight over IP."""
    frame = build.ethernet(
        build.ipv4(payload, protocol, source, target), 0x0800, source=mac_of(source), target=mac_of(target)
    )
    return [(at, frame)]


def ping(*, at: float = 0.0, source: str = ENGINEER, target: str = CONTROLLER, number: int = 1) -> Frames:
    return ip(1, struct.pack(">BBHHH", 8, 0, 0, 1, number) + bytes(16), at=at, source=source, target=target)


def arp(code: int, mac: str, address: str, target: str, *, at: float = 0.0) -> Frames:
    """Write ARP: 1 asks, 2 answers."""
    raw = struct.pack(">HHBBH", 1, 0x0800, 6, 4, code) + build.mac(mac) + _four(address) + bytes(6) + _four(target)
    to = build.BROADCAST if code == 1 else build.SERVER_MAC
    return [(at, build.ethernet(raw, 0x0806, source=mac, target=to))]


def _four(address: str) -> bytes:
    return bytes(int(part) for part in address.split("."))


def joined(*parts: Frames) -> Frames:
    """Put conversations side by side."""
    return sorted((frame for part in parts for frame in part), key=lambda each: each[0])


def modbus(pdu: str, number: int = 1, unit: int = 1) -> bytes:
    raw = h(pdu)
    return struct.pack(">HHHB", number, 0, len(raw) + 1, unit) + raw


POLL = (modbus("03 0001 0002"), (modbus("03 04 0001 0002"),))
"""A question and its answer."""


def polls(
    *,
    at: float = 0.0,
    client: str = ENGINEER,
    server: str = CONTROLLER,
    times: int = 2,
    every: float = 1.0,
    client_port: int = 41_000,
) -> Frames:
    """Let a master poll a controller."""
    said: list[Said] = []
    for _ in range(times):
        said += [*POLL, every]
    return tcp(502, *said, at=at, client=client, server=server, client_port=client_port)


def checksum(block: bytes) -> bytes:
    value = 0
    for byte in block:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA6BC if value & 1 else value >> 1
    return struct.pack("<H", value ^ 0xFFFF)


def dnp3(content: bytes, *, is_master: bool = True) -> bytes:
    there, back = (4, 3) if is_master else (3, 4)
    head = b"\x05\x64" + struct.pack("<BBHH", len(content) + 5, 0x44 | 0x80 * is_master, there, back)
    frame = head + checksum(head)
    for start in range(0, len(content), 16):
        frame += content[start : start + 16] + checksum(content[start : start + 16])
    return frame


def dnp3_ask(application: str, *, control: int = 0xC0) -> bytes:
    return dnp3(bytes((0xC0, control)) + h(application))


def dnp3_tell(application: str = "", *, iin: str = "0000", function: int = 0x81) -> tuple[bytes]:
    return (dnp3(bytes((0xC0, 0xC0, function)) + h(iin) + h(application), is_master=False),)


def iec104(content: str) -> bytes:
    raw = h(content)
    return struct.pack("<BBHH", 0x68, len(raw) + 4, 0, 0) + raw


def cotp(content: bytes) -> bytes:
    return struct.pack(">BBH", 3, 0, len(content) + 7) + b"\x02\xf0\x80" + content


def s7(parameter: str, content: str = "", *, rosctr: int = 1, error: str = "") -> bytes:
    raw, more = h(parameter), h(content)
    head = struct.pack(">BBHHHH", 0x32, rosctr, 0, 1, len(raw), len(more))
    return cotp(head + h(error) + raw + more)


S7_STOP = s7("29 0000000000 09" + b"P_PROGRAM".hex())
S7_READ = s7("04 01 12 0a 10 02 0001 0001 84 000000")
S7_SETUP = s7("f0 00 0001 0001 01e0")
S7_SETUP_DONE = s7("f0 00 0001 0001 01e0", rosctr=3, error="0000")


def s7_service(name: str) -> bytes:
    return s7("28 00000000 0000 fd 0000" + f"{len(name):02x}" + name.encode().hex())


def s7_download(block: str) -> bytes:
    """Ask to write a block: ``0A00890A`` is data block 890."""
    name = f"_{block}".encode()
    return s7("1a 00 0000 00000000" + f"{len(name):02x}" + name.hex() + "0d 31" + b"000080000064".hex())


def enip(command: int, body: bytes = b"", *, status: int = 0) -> bytes:
    return struct.pack("<HHIIQI", command, len(body), 7, status, 1, 0) + body


def cip(message: str) -> bytes:
    raw = h(message)
    return enip(0x6F, struct.pack("<IHHHHHH", 0, 0, 2, 0, 0, 0xB2, len(raw)) + raw)


def bacnet(apdu: str, *, function: int = 10) -> bytes:
    raw = h("0100") + h(apdu)
    return struct.pack(">BBH", 0x81, function, len(raw) + 4) + raw


def ber(tag: int, content: bytes) -> bytes:
    size = len(content)
    head = tag.to_bytes(1 if tag < 0x100 else 2, "big")
    return head + (bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2, "big")) + content


def mms(pdu: bytes) -> bytes:
    return cotp(b"\1\0\1\0" + ber(0x61, ber(0x30, b"\2\1\3" + ber(0xA0, pdu))))


def mms_ask(service: bytes, number: int = 1) -> bytes:
    return mms(ber(0xA0, b"\2\1" + bytes((number,)) + service))


def mms_tell(service: bytes, number: int = 1) -> tuple[bytes]:
    return (mms(ber(0xA1, b"\2\1" + bytes((number,)) + service)),)


def goose(
    state: int = 1,
    *,
    sequence: int = 0,
    data_set: bytes = b"RELAY1LD0/LLN0$ds",
    revision: int = 3,
    needs_commissioning: bool = False,
) -> bytes:
    pdu = ber(
        0x61,
        ber(0x80, b"RELAY1LD0/LLN0$GO$trip") + ber(0x81, b"\x07\xd0") + ber(0x82, data_set) + ber(0x83, b"trip")
        + ber(0x84, bytes(8)) + ber(0x85, state.to_bytes(3, "big")) + ber(0x86, bytes((sequence,))) + ber(0x87, b"\0")
        + ber(0x88, bytes((revision,))) + ber(0x89, bytes((needs_commissioning,))) + ber(0x8A, b"\1")
        + ber(0xAB, b"\x83\1\1"),
    )  # fmt: skip
    return struct.pack(">HHHH", 1, len(pdu) + 8, 0, 0) + pdu


def sampled(count: int, *, revision: int = 1, units: int = 1) -> bytes:
    unit = ber(
        0x30,
        ber(0x80, b"MU01") + ber(0x82, count.to_bytes(2, "big")) + ber(0x83, revision.to_bytes(4, "big"))
        + ber(0x85, b"\1") + ber(0x87, bytes(16)),
    )  # fmt: skip
    pdu = ber(0x60, ber(0x80, bytes((units,))) + ber(0xA2, unit * units))
    return struct.pack(">HHHH", 0x4000, len(pdu) + 8, 0, 0) + pdu


ABSENT = b"\xff\xff\xff\xff"


def opcua(kind: bytes, content: bytes) -> bytes:
    return kind + b"F" + struct.pack("<I", len(content) + 8) + content


def opcua_said(number: int, body: bytes) -> bytes:
    return opcua(b"MSG", struct.pack("<4I", 9, 1, 1, 1) + b"\1\0" + struct.pack("<H", number) + body)


OPCUA_HELLO = opcua(b"HEL", struct.pack("<5I", 0, 65_536, 65_536, 0, 0) + struct.pack("<i", 3) + b"abc")
OPCUA_READ = opcua_said(631, b"\0\0" + bytes(16) + ABSENT + bytes(4) + b"\0\0\0" + bytes(12) + struct.pack("<i", 0))


def opcua_answer(number: int, status: int) -> tuple[bytes]:
    return (opcua_said(number, bytes(12) + struct.pack("<I", status) + b"\0" + bytes(4) + b"\0\0\0"),)


def srtp(kind: int, body: bytes, *, sort: int = 0xC0) -> bytes:
    head = bytearray(56)
    struct.pack_into("<HHH", head, 0, kind, 1, 0)
    head[30], head[31] = 1, sort
    head[42 : 42 + len(body)] = body
    return bytes(head[:56])


def dcp(frame: int, service: int, kind: int, content: bytes) -> bytes:
    return struct.pack(">HBBIHH", frame, service, kind, 1, 1, len(content)) + content


def dcp_block(option: int, sub: int, content: bytes) -> bytes:
    return struct.pack(">BBH", option, sub, len(content)) + content + b"\0" * (len(content) & 1)


def smb_1(command: int, *, status: int = 0, is_answer: bool = False, number: int = 5, content: bytes = b"") -> bytes:
    head = struct.pack("<4sBIBH", b"\xffSMB", command, status, 0x80 if is_answer else 0, 0x8000)
    body = head.ljust(30, b"\0") + struct.pack("<H", number) + content.ljust(8, b"\0")
    return struct.pack(">I", len(body)) + body


def smb_1_tree(path: str) -> bytes:
    wide = b"\0" + (path + "\0").encode("utf-16-le") + b"?????\0"
    words = struct.pack("<BBHHH", 0xFF, 0, 0, 0, 1)
    return smb_1(0x75, content=bytes((len(words) // 2,)) + words + struct.pack("<H", len(wide)) + wide)


def smb_2(command: int, body: bytes, *, status: int = 0, is_answer: bool = False, number: int = 1) -> bytes:
    head = struct.pack("<4sHHIHHIIQ", b"\xfeSMB", 64, 0, status, command, 1, int(is_answer), 0, number)
    whole = head + bytes(64 - len(head)) + body
    return struct.pack(">I", len(whole)) + whole


def smb_2_create(path: str) -> bytes:
    wide = path.encode("utf-16-le")
    return smb_2(5, bytes(44) + struct.pack("<HH", 120, len(wide)) + bytes(8) + wide)


def dns(name: str, *, number: int = 1, code: int | None = None) -> bytes:
    """Write a question, or with a code its answer."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    flags = 0x0100 if code is None else 0x8180 | code
    return struct.pack(">HHHHHH", number, flags, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def dhcp(kind: int, *, mac: str = "02:00:00:00:00:77", number: int = 1, is_reply: bool = False) -> bytes:
    head = struct.pack(">BBBBIHH", 2 if is_reply else 1, 1, 6, 0, number, 0, 0) + bytes(16) + build.mac(mac)
    return head.ljust(236, b"\0") + h("63825363") + bytes((53, 1, kind, 255))


def http(path: str = "/", *, host: str = "plc.example", more: bytes = b"") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n".encode() + more + b"\r\n"


def http_answer(status: int = 200, body: bytes = b"") -> tuple[bytes]:
    return (f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body,)
