"""tshark as an oracle for the protocols of information technology, on packets of our own builders."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
from pathlib import Path

import packets as build
import pytest

from vedette.sensor import Engine, Listener, OtOp, read_capture

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


class Heard(Listener):
    def __init__(self) -> None:
        self.ops: list[OtOp] = []

    def operations(self, operations: list[OtOp]) -> None:
        self.ops += operations


def both(frames: list[bytes], folder: Path, display: str, *fields: str) -> tuple[list[OtOp], list[list[str]]]:
    """Return what the sensor read, and what tshark read."""
    path = folder / "talk.pcap"
    path.write_bytes(build.pcap(frames))
    heard = Heard()
    engine = Engine([heard])
    engine.read(read_capture(path))
    engine.finish()
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=;", "-Y", display]
    for name in fields:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    return heard.ops, [line.split(";") for line in done.stdout.splitlines()]


def label(text: str) -> bytes:
    return b"".join(bytes((len(each),)) + each.encode() for each in text.split(".")) + b"\0"


def test_dns_is_read_as_tshark_reads_it(tmp_path: Path) -> None:
    frames = []
    for number, name in enumerate(("plc1.plant.example", "a.b.c.d", "x-1.example")):
        question = label(name) + b"\0\1\0\1"
        asked = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + question
        content = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes((10, 0, 3, number))
        answered = struct.pack(">HHHHHH", number, 0x8180, 1, 1, 0, 0) + question + content
        frames.append(build.datagram(asked, 53, source_port=50_000 + number))
        back = build.ipv4(build.udp(answered, 53, 50_000 + number), 17, "10.0.0.2", "10.0.0.1")
        frames.append(build.ethernet(back, 0x0800, source=build.SERVER_MAC, target=build.CLIENT_MAC))
    ours, theirs = both(frames, tmp_path, "dns", "dns.id", "dns.qry.name", "dns.a")
    assert theirs == [
        [f"0x{op.transaction:04x}", op.name, str(op.value[0]) if isinstance(op.value, tuple) else ""] for op in ours
    ]


def test_dhcp_is_read_as_tshark_reads_it(tmp_path: Path) -> None:
    head = (
        struct.pack(">BBBBIHH", 1, 1, 6, 0, 0xCAFE, 0, 0) + bytes(16) + bytes.fromhex("020000000011").ljust(16, b"\0")
    )
    options = b"\x35\1\1\x0c\6EWS-01\x32\4" + socket.inet_aton("10.0.0.50") + b"\xff"
    frame = build.datagram(
        head + bytes(192) + b"\x63\x82\x53\x63" + options, 67, source="0.0.0.0", target="255.255.255.255",  # noqa: S104
        source_port=68,
    )  # fmt: skip
    (op,), ((kind, mac, name, address),) = both(
        [frame], tmp_path, "dhcp", "dhcp.option.dhcp", "dhcp.hw.mac_addr", "dhcp.option.hostname",
        "dhcp.option.requested_ip_address",
    )  # fmt: skip
    assert (int(kind), mac, name, address) == (op.code, op.unit, op.name, op.value)


def test_tls_and_http_are_read_as_tshark_reads_them(tmp_path: Path) -> None:
    name = b"gate.plant"
    sni = struct.pack(">HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    tail = sni + bytes.fromhex("002b0003020304")
    body = b"\3\3" + bytes(32) + b"\0" + bytes.fromhex("0004 1301 c02b 0100") + struct.pack(">H", len(tail)) + tail
    hello = b"\1" + len(body).to_bytes(3, "big") + body
    frames = build.Talk(443).open().say(b"\x16\3\1" + struct.pack(">H", len(hello)) + hello).close().frames
    ours, theirs = both(frames, tmp_path, "tls.handshake", "tls.handshake.extensions_server_name")
    assert [[op.name] for op in ours] == theirs == [["gate.plant"]]
    talk = build.Talk(8080).open().say(b"POST /cfg?a=1 HTTP/1.1\r\nHost: plc\r\nContent-Length: 3\r\n\r\nabc")
    frames = talk.answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").close().frames
    ours, theirs = both(frames, tmp_path, "http", "http.request.method", "http.request.uri", "http.response.code")
    assert [theirs[0][:2], theirs[1][2]] == [[ours[0].service.upper(), ours[0].name], str(ours[1].code)]


def test_snmp_mqtt_and_coap_are_read_as_tshark_reads_them(tmp_path: Path) -> None:
    snmp = bytes.fromhex(
        "3029 020101 0406 7075626c6963 a01c 020163 020100 020100 3011 300f 060b 2b0601020102020107 8104 0500"
    )
    ours, theirs = both([build.datagram(snmp, 161)], tmp_path, "snmp", "snmp.name", "snmp.request_id")
    assert [[op.name, str(op.transaction)] for op in ours] == theirs
    coap = bytes.fromhex("42 03 1234 746b b4 6c616d70 05 7374617465 ff 31")
    ours, theirs = both([build.datagram(coap, 5683)], tmp_path, "coap", "coap.mid", "coap.opt.uri_path_recon")
    assert [[str(op.transaction), op.name] for op in ours] == theirs
    talk = build.Talk(1883).open().say(bytes.fromhex("1010 0004 4d515454 04 02 003c 0004 70756d70"))
    frames = talk.say(bytes.fromhex("3008 0003 612f62 782b79")).close().frames
    ours, theirs = both(frames, tmp_path, "mqtt", "mqtt.clientid", "mqtt.topic")
    assert [[ours[0].name, ""], ["", ours[1].name]] == theirs


def test_lldp_and_smb_are_read_as_tshark_reads_them(tmp_path: Path) -> None:
    lldp = bytes.fromhex("0207 04 020000000001 0405 0547692f31 06020078 0a04 73772d31 0000")
    frame = build.ethernet(lldp, 0x88CC, target="01:80:c2:00:00:0e")
    ours, theirs = both([frame], tmp_path, "lldp", "lldp.tlv.system.name", "lldp.port.id")
    assert [[op.value, op.name] for op in ours] == theirs
    path = "PSEXESVC.exe".encode("utf-16-le")
    head = struct.pack("<4sHHIHHIIQ", b"\xfeSMB", 64, 0, 0, 5, 1, 0, 0, 4).ljust(64, b"\0")
    body = struct.pack("<H", 57).ljust(44, b"\0") + struct.pack("<HH", 120, len(path)) + bytes(8) + path
    frames = build.Talk(445).open().say(struct.pack(">I", 64 + len(body)) + head + body).close().frames
    ours, theirs = both(frames, tmp_path, "smb2", "smb2.cmd", "smb2.filename")
    assert [[str(op.code), op.name] for op in ours] == theirs
