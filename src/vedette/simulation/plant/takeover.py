"""The story: a laptop that nobody knows, a scan, an engineering station that is taken over, a controller that stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from vedette.simulation.plant import industrial as ot
from vedette.simulation.plant import office as it
from vedette.simulation.plant import stations as who
from vedette.simulation.plant.frames import MS, Connection, Frame, arp, ipv4, udp
from vedette.simulation.plant.stations import Station

_CODE: Final = bytes.fromhex("7070010108") + bytes(range(120))
_SWEPT: Final = 60
_PORTS: Final = (
    21, 22, 23, 25, 53, 80, 88, 110, 111, 135, 139, 143, 389, 443, 445, 502, 515, 993, 1433, 1521, 1723, 3306, 3389,
    5432, 5900, 5985, 8080, 8443, 9100, 44818, 47808,
)  # fmt: skip
_INDUSTRIAL: Final = (ot.S7_PORT, ot.MODBUS_PORT, ot.ENIP_PORT)
_BROADCAST: Final = bytes((255, 255, 255, 255))


@dataclass(frozen=True, slots=True)
class Act:
    """One step of the story.

    Attributes:
        name: For programs.
        sentence: What is told of it.
        frames: Returns its frames; the first at the time given.
        rules: Which alerts of the sensor prove that it was noticed; none: it is not waited for.
    """

    name: str
    sentence: str
    frames: Callable[[int], list[Frame]]
    rules: frozenset[str] = frozenset()


def story(number: int = 0) -> tuple[Act, ...]:
    """Return the acts in their order.

    Args:
        number: Another one each time that it is played, so that no connection looks like a former one.
    """
    program = Connection(who.ENGINEERING, who.PRESS, ot.S7_PORT, 65_000 + number % 500)
    return (
        Act("join", "a laptop that nobody knows takes an address", _join),
        Act(
            "scan", "it looks for controllers", lambda at_ns: _scan(at_ns, number),
            frozenset({"scan.arp", "scan.address", "scan.port", "scan.controllers"}),
        ),
        Act("log on", "it opens a remote desktop on the engineering station", lambda at_ns: _log_on(at_ns, number)),
        Act(
            "upload", "the engineering station reads the program of press-plc", lambda at_ns: _upload(at_ns, program),
            frozenset({"ot.program_upload"}),
        ),
        Act(
            "download", "it writes another program to press-plc", lambda at_ns: _download(at_ns, program),
            frozenset({"ot.program_download"}),
        ),
        Act(
            "stop", "it tells press-plc to stop", lambda at_ns: _stop(at_ns, program),
            frozenset({"ot.controller_stop"}),
        ),
    )  # fmt: skip


def _join(at_ns: int) -> list[Frame]:
    """Ask for an address, and announce it."""
    laptop, server = who.LAPTOP, who.SERVER
    nobody = Station(laptop.name, bytes(4), laptop.mac)
    frames: list[Frame] = []
    for step, kind in enumerate((1, 3)):
        said = it.dhcp(kind, laptop, 7_001, given=laptop.ip)
        told = it.dhcp(kind + 1 if kind == 1 else 5, laptop, 7_001, given=laptop.ip, server=server)
        start_ns = at_ns + step * 20 * MS
        frames += [
            (start_ns, ipv4(nobody, _BROADCAST, 17, _datagram(68, 67, said), target_mac=who.BROADCAST, number=step)),
            (start_ns + 5 * MS, udp(server, 67, laptop, 68, told)),
        ]
    frames.append((at_ns + 60 * MS, arp(laptop, laptop.ip)))
    announced = it.mdns(laptop.name, laptop.ip, "_smb._tcp", it.SMB_PORT)
    group = Station("", bytes((224, 0, 0, 251)), bytes.fromhex("01005e0000fb"))
    return [*frames, (at_ns + 90 * MS, udp(laptop, 5_353, group, 5_353, announced))]


def _datagram(source_port: int, port: int, payload: bytes) -> bytes:
    """Return a datagram without checksum, as a host without an address may send it."""
    return b"".join(each.to_bytes(2, "big") for each in (source_port, port, 8 + len(payload), 0)) + payload


def _scan(at_ns: int, number: int) -> list[Frame]:
    """Ask who is there, knock at industrial ports, and at many of the engineering station."""
    frames: list[Frame] = []
    known = {station.ip: station for station in who.STATIONS}
    swept = [IPv4Address(f"10.20.1.{last}").packed for last in range(1, _SWEPT + 1)]
    for ip in [*swept, who.ENGINEERING.ip]:
        frames.append((at_ns, arp(who.LAPTOP, ip)))
        if ip in known:
            frames.append((at_ns + MS, arp(who.LAPTOP, ip, known[ip])))
        at_ns += 15 * MS
    client_port = 50_000 + number * 200 % 10_000
    for ip in swept:
        if ip not in known:
            continue
        for port in _INDUSTRIAL:
            client_port += 1
            frames += Connection(who.LAPTOP, known[ip], port, client_port).refuse(at_ns)
            at_ns += 5 * MS
    for port in _PORTS:
        client_port += 1
        frames += Connection(who.LAPTOP, who.ENGINEERING, port, client_port).refuse(at_ns)
        at_ns += 5 * MS
    return frames


def _log_on(at_ns: int, number: int) -> list[Frame]:
    connection = Connection(who.LAPTOP, who.ENGINEERING, it.RDP_PORT, 61_000 + number % 3_000)
    frames = connection.open(at_ns)
    frames += connection.ask(at_ns + 5 * MS, *it.rdp("engineer"))
    for step in range(6):
        frames += connection.ask(at_ns + (20 + step * 10) * MS, it.tls_data(180), it.tls_data(600))
    return frames


def _upload(at_ns: int, connection: Connection) -> list[Frame]:
    frames = connection.open(at_ns)
    for exchange in (ot.s7_connect(kind=1, slot=1), ot.S7_SETUP, *ot.s7_upload("0800001", _CODE)):
        at_ns += 6 * MS
        frames += connection.ask(at_ns, *exchange)
    return frames


def _download(at_ns: int, connection: Connection) -> list[Frame]:
    frames: list[Frame] = []
    for message, is_said in ot.s7_download("0800001", _CODE):
        frames += connection.say(at_ns, message) if is_said else connection.hear(at_ns, message)
        at_ns += 6 * MS
    return frames


def _stop(at_ns: int, connection: Connection) -> list[Frame]:
    return [*connection.ask(at_ns, *ot.s7_stop(31)), *connection.close(at_ns + 10 * MS)]
