"""A hall of machines that a sensor listens to: a generated capture, and a real sensor that sends what it held.

The hall: a station with an old Windows polls three controllers, an engineer reads a fourth one and stops it, a camera
and a controller talk with the outside, a printer and a lamp say what they are, and some names are hostile.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import packets as build
from advisory_cases import document
from industrial import S7_READ, S7_SETUP, S7_SETUP_DONE, S7_STOP, Frames, Said, http, http_answer, joined, modbus
from journey import Platform, wait_until

SENSOR: Final = "probe-hall"
SITE: Final = "press-hall"
STATION, ENGINEER, CAMERA, PRINTER = "10.31.0.5", "10.31.0.20", "10.31.0.40", "10.31.0.41"
TERN, HOSTILE, LEAKY, STOPPED = "10.31.1.1", "10.31.1.2", "10.31.1.3", "10.31.1.10"
OUTSIDE, RESOLVER, CLOUD = "93.184.216.34", "9.9.9.9", "151.101.1.69"
OUTSIDE_NAME: Final = "updates.example"
MAKER, MODEL = "Ostwind Controls AG", "Tern 500 Controller"
FIRMWARES: Final = ("V2.1", "V2.2")
"""What the first controller says of itself, first and later."""
IMAGE: Final = "<img src=x onerror=alert(1)>"
TURNED: Final = "\u202egpj.exe"
"""A name that is written from right to left."""
_MACS: Final = {
    STATION: "00:0c:29:31:00:05",
    ENGINEER: "00:1b:1b:31:00:20",
    CAMERA: "ac:cc:8e:31:00:40",
    PRINTER: "00:00:48:31:00:41",
    TERN: "00:80:f4:31:01:01",
    HOSTILE: "00:80:f4:31:01:02",
    LEAKY: "00:80:f4:31:01:03",
    STOPPED: "00:1c:06:31:01:10",
}
_ROUTER: Final = "00:00:0c:31:00:fe"
_POLLS: Final = 12


def hall_capture(*, ends_at_s: float) -> bytes:
    """Return the capture as a pcap file whose last packet is of that moment."""
    frames = joined(
        *(_polls(server, number) for number, server in enumerate((TERN, HOSTILE, LEAKY))),
        _tcp(502, modbus("06 0001 0190"), (modbus("06 0001 0190"),), client=STATION, server=TERN, at=8.0, port=40_100),
        _identified(TERN, MAKER, MODEL, FIRMWARES[0], at=9.0, port=40_110),
        _identified(TERN, MAKER, MODEL, FIRMWARES[1], at=11.0, port=40_111),
        _identified(HOSTILE, IMAGE, "=cmd()", "1.0", at=9.5, port=40_112),
        _tcp(102, S7_SETUP, (S7_SETUP_DONE,), S7_READ, 0.5, S7_STOP, client=ENGINEER, server=STOPPED, at=14.0),
        _tcp(23, (b"login: ",), b"admin\r\n", (b"Password: ",), b"admin\r\n", client=ENGINEER, server=STOPPED, at=16.0),
        _tcp(445, (_windows_challenge(),), client=ENGINEER, server=STATION, at=4.0, port=40_200),
        _tcp(80, http("/firmware", host=OUTSIDE_NAME), http_answer(), client=CAMERA, server=OUTSIDE, at=5.0),
        _tcp(8883, b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", client=LEAKY, server=CLOUD, at=6.0),
        _dhcp(CAMERA, b"axis-hall", b"Axis,Network Camera,M3045", at=1.0),
        _dhcp(PRINTER, TURNED.encode(), b"EPSON Printer", at=1.5),
        _ask_name(CAMERA, OUTSIDE_NAME, at=4.9),
    )
    return _captured(frames, ends_at_s=ends_at_s)


def talk_capture(port: int, *said: Said, client: str, server: str, ends_at_s: float) -> bytes:
    """Return a capture of one connection that the hall has not seen before."""
    return _captured(_tcp(port, *said, client=client, server=server, at=0.1, port=41_000), ends_at_s=ends_at_s)


def _captured(frames: Frames, *, ends_at_s: float) -> bytes:
    last = frames[-1][0]
    content = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
    for at, frame in frames:
        seconds, rest = divmod(ends_at_s - last + at, 1)
        content += struct.pack("<IIII", int(seconds), int(rest * 1e6), len(frame), len(frame)) + frame
    return content


@dataclass
class SeenNetwork:
    """A platform that knows the hall.

    Attributes:
        platform: Where the sensor is a device.
        site: Where it listens.
        sensor: Its device id.
        config: Its settings, to send more captures with.
    """

    platform: Platform
    folder: Path
    site: str = SITE
    sensor: str = SENSOR

    @property
    def config(self) -> Path:
        return self.folder / "sensor.toml"

    def come(self) -> None:
        """Let the sensor in, register it, send the hall, and wait until it stands in the inventory."""
        self._enroll()
        self.platform.call("POST", "/v1/sensors", {"device_id": self.sensor, "site": self.site, "note": "mirror port"})
        self.send(hall_capture(ends_at_s=time.time()))
        wait_until(lambda: self.address_book().keys() >= set(_MACS), 180, "the hall to stand in the inventory")
        for rule in ("ot.controller_stop", "remote.telnet"):
            wait_until(lambda rule=rule: self.alerts(rule=rule, address=STOPPED), 120, f"an alert of {rule}")  # type: ignore[misc] # a bound default
        wait_until(self.operations, 120, "what machines told each other")
        wait_until(self.externals, 120, "what was said to the outside")

    def send(self, capture: bytes) -> None:
        """Have the sensor read a capture and send what it held; it is stored when this returns."""
        path = self.folder / "capture.pcap"
        path.write_bytes(capture)
        done = self._run("read", str(path), "--send-as", str(self.config))
        assert done.returncode == 0, done.stderr

    def run_on(self, capture: bytes) -> subprocess.CompletedProcess[bytes]:
        """Have the sensor listen to a capture until it ends, as to an interface: alerts carry packets."""
        command = [sys.executable, "-m", "vedette.sensor", "run", "-i", "-", "--config", str(self.config)]
        return subprocess.run(command, input=capture, capture_output=True, timeout=300, check=False)

    def assets(self, **params: Any) -> list[dict[str, Any]]:
        """Return the assets at the site."""
        return self._list("/v1/assets", params)

    def asset(self, address: str) -> dict[str, Any]:
        """Return the asset that holds an address."""
        (found,) = self.assets(address=address)
        return found

    def links(self, **params: Any) -> list[dict[str, Any]]:
        """Return the links at the site."""
        return self._list("/v1/network-links", params)

    def operations(self, **params: Any) -> list[dict[str, Any]]:
        """Return the operations at the site."""
        return self._list("/v1/network-operations", params)

    def externals(self, **params: Any) -> list[dict[str, Any]]:
        """Return the connections to the outside."""
        return self._list("/v1/external-connections", params)

    def alerts(self, **params: Any) -> list[dict[str, Any]]:
        """Return the alerts of the site."""
        return self._list("/v1/alerts", params)

    def address_book(self) -> dict[str, str]:
        """Return the ids of assets by address."""
        with contextlib.suppress(httpx.HTTPError):
            return {ip: asset["asset_id"] for asset in self.assets() for ip in asset["ips"]}
        return {}

    def know_vulnerabilities(self) -> None:
        """Import an advisory that is about the first controller; it is matched when this returns."""
        content = base64.b64encode(json.dumps(document()).encode()).decode()
        self.platform.call("POST", "/v1/advisories", {"content": content})
        wait_until(lambda: self._list("/v1/vulnerabilities", {}), 120, "the first controller's vulnerability")

    def _list(self, path: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        answer = self.platform.api.get(path, params={"site": self.site, "limit": 1000, **params})
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def _enroll(self) -> None:
        anchor = self.platform.data / "public" / "trust-anchor.json"
        facts = ("--anchor", str(anchor), "--host", self.platform.address, "--port", "8883")
        self._run("enroll", self.sensor, "--config", str(self.config), *facts)
        certificate = self.folder / "sensor" / "onboarding-certificate.pem"
        self.platform.cli("enrollment", "create-individual", self.sensor, "--certificate", str(certificate))
        done = self._run("enroll", "--config", str(self.config))
        assert done.returncode == 0, done.stderr

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "vedette.sensor", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def _tcp(destination: int, *said: Said, client: str, server: str, at: float, port: int = 40_000) -> Frames:
    """Write a connection between hosts of the hall, or with the outside behind its router."""
    near, far = _MACS.get(client, _ROUTER), _MACS.get(server, _ROUTER)
    talk = build.Talk(destination, client, server, port, near, far).open()
    waits = {0: 0.0}
    for each in said:
        if isinstance(each, float | int):
            waits[len(talk.frames)] = waits.get(len(talk.frames), 0.0) + each
        elif isinstance(each, tuple):
            talk.answer(each[0])
        else:
            talk.say(each)
    frames: Frames = []
    for number, frame in enumerate(talk.close().frames):
        at += 0.01 + waits.get(number, 0.0)
        frames.append((at, frame))
    return frames


def _udp(payload: bytes, source_port: int, port: int, *, client: str, server: str, at: float) -> Frames:
    source, target = client, server
    packet = build.ipv4(build.udp(payload, source_port, port), 17, source, target)
    to = build.BROADCAST if server == "255.255.255.255" else _MACS.get(server, _ROUTER)
    return [(at, build.ethernet(packet, 0x0800, source=_MACS[client], target=to))]


def _polls(server: str, number: int) -> Frames:
    said: list[Said] = []
    for _ in range(_POLLS):
        said += [modbus("03 0001 0002"), (modbus("03 04 0001 0002"),), 1.0]
    return _tcp(502, *said, client=STATION, server=server, at=0.1 * number, port=40_001 + number)


def _identified(server: str, maker: str, model: str, version: str, *, at: float, port: int) -> Frames:
    """Ask a controller who it is: Modbus function 43, MEI type 14."""
    texts = [(0, maker.encode()), (2, version.encode()), (5, model.encode())]
    objects = b"".join(bytes((number, len(text))) + text for number, text in texts)
    answer = modbus((bytes.fromhex("2b0e01010000") + bytes((len(texts),)) + objects).hex())
    return _tcp(502, modbus("2b 0e 01 00"), (answer,), client=STATION, server=server, at=at, port=port)


def _dhcp(client: str, name: bytes, maker: bytes, *, at: float) -> Frames:
    """Ask for the address that the client has, saying who it is."""
    mac = build.mac(_MACS[client])
    head = struct.pack(">BBBBIHH", 1, 1, 6, 0, 0xCAFE, 0, 0) + socket.inet_aton(client) + bytes(12)
    options = ((53, b"\3"), (12, name), (60, maker), (55, bytes((1, 3, 6, 15, 42))))
    tail = b"".join(bytes((code, len(content))) + content for code, content in options) + b"\xff"
    message = (head + mac.ljust(16, b"\0") + bytes(192) + bytes.fromhex("63825363") + tail).ljust(300, b"\0")
    return _udp(message, 68, 67, client=client, server="255.255.255.255", at=at)


def _ask_name(client: str, name: str, *, at: float) -> Frames:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"
    head = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0)
    asked = _udp(head + labels + b"\0\1\0\1", 40_300, 53, client=client, server=RESOLVER, at=at)
    found = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(OUTSIDE)
    answer = struct.pack(">HHHHHH", 7, 0x8180, 1, 1, 0, 0) + labels + b"\0\1\0\1" + found
    packet = build.ipv4(build.udp(answer, 53, 40_300), 17, RESOLVER, client)
    return [*asked, (at + 0.02, build.ethernet(packet, 0x0800, source=_ROUTER, target=_MACS[client]))]


def _windows_challenge() -> bytes:
    """Answer to a sign-in as an old Windows does, with its name and version."""

    def pair(kind: int, text: str) -> bytes:
        wide = text.encode("utf-16-le")
        return struct.pack("<HH", kind, len(wide)) + wide

    told = pair(2, "HALL") + pair(1, "SCADA-1") + bytes(4)
    ntlm = b"NTLMSSP\0" + struct.pack("<IHHI", 2, 0, 0, 56) + struct.pack("<I", 0x0200_0001) + bytes(16)
    ntlm += struct.pack("<HHI", len(told), len(told), 56) + struct.pack("<BBHI", 5, 1, 2600, 15 << 24) + told
    head = struct.pack("<4sHHIHHIIQ", b"\xfeSMB", 64, 0, 0xC0000016, 1, 1, 1, 0, 1)
    body = head + bytes(64 - len(head)) + bytes(8) + ntlm
    return struct.pack(">I", len(body)) + body
