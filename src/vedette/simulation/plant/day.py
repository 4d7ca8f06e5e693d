"""What goes on in the plant on any day, as habits: each yields frames in the order of their time, without end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

from vedette.simulation.plant import industrial as ot
from vedette.simulation.plant import office as it
from vedette.simulation.plant import stations as who
from vedette.simulation.plant.frames import MS, Connection, Frame, S, arp, ethernet, udp
from vedette.simulation.plant.stations import Station

_POLL_NS: Final = 10 * S
_KEEPS_NS: Final = 6 * 3_600 * S
"""How long a connection lasts before its client opens another."""
_PORTS: Final = range(49_152, 65_000)
_MDNS: Final = (bytes((224, 0, 0, 251)), bytes.fromhex("01005e0000fb"))
_LLDP: Final = bytes.fromhex("0180c200000e")
_BROADCAST_IP: Final = bytes((255, 255, 255, 255))
Ask = Callable[[int], list[ot.Exchange]]
"""Returns what is asked the n-th time, with the answers."""


def habits(begin_ns: int) -> list[Iterator[Frame]]:
    """Return everything that happens from a time on.

    Args:
        begin_ns: Nanoseconds since 1970.
    """
    made = [
        _polls(begin_ns, 1, (who.HMI_1, who.PRESS, ot.S7_PORT), _press_hmi, opening=_s7_opening(2)),
        _polls(begin_ns, 2, (who.HISTORIAN, who.PRESS, ot.S7_PORT), _press_history, opening=_s7_opening(3)),
        _polls(begin_ns, 3, (who.HMI_OLD, who.OVEN, ot.MODBUS_PORT), _oven_hmi, opening=_oven_opening),
        _polls(begin_ns, 4, (who.HISTORIAN, who.OVEN, ot.MODBUS_PORT), _oven_history, opening=_oven_opening),
        _polls(begin_ns, 5, (who.HMI_2, who.PAINT, ot.ENIP_PORT), _paint_hmi, opening=_paint_opening),
        _polls(begin_ns, 6, (who.HISTORIAN, who.PAINT, ot.ENIP_PORT), _paint_history, opening=_paint_opening),
        _polls(begin_ns, 7, (who.PAINT, who.DRIVE_1, ot.ENIP_PORT), _drive, opening=_drive_opening(who.DRIVE_1, 1)),
        _polls(begin_ns, 8, (who.PAINT, who.DRIVE_2, ot.ENIP_PORT), _drive, opening=_drive_opening(who.DRIVE_2, 2)),
        _polls(
            begin_ns,
            9,
            (who.ENGINEERING, who.PRESS, ot.S7_PORT),
            _press_engineer,
            opening=_s7_opening(1),
            every_ns=300 * S,
            keeps_ns=0,
        ),
        _polls(
            begin_ns,
            10,
            (who.RECORDER, who.CAMERA, it.HTTP_PORT),
            _camera,
            opening=list,
            every_ns=60 * S,
            keeps_ns=0,
        ),
        _polls(
            begin_ns,
            11,
            (who.HMI_OLD, who.SERVER, it.SMB_PORT),
            lambda _: [],
            opening=_old_windows,
            every_ns=3_600 * S,
            keeps_ns=0,
        ),
        _building(begin_ns, who.AIR, 1201, "VAV-Controller", 21.5),
        _building(begin_ns, who.LIGHT, 1202, "Light-Controller", 480.0),
        _announcements(begin_ns),
        _cloud(begin_ns),
    ]
    for number, station in enumerate(who.STATIONS):
        if station is not who.SERVER:
            made.append(_housekeeping(begin_ns, number, station))
    return made


def _polls(
    begin_ns: int,
    number: int,
    ends: tuple[Station, Station, int],
    ask: Ask,
    *,
    opening: Callable[[], list[ot.Exchange]],
    every_ns: int = _POLL_NS,
    keeps_ns: int = _KEEPS_NS,
) -> Iterator[Frame]:
    """Let a client ask a server at a port again and again, over connections that last; 0: a new one each time."""
    chance = random.Random(number)  # noqa: S311 - jitter
    at_ns = begin_ns + number * 331 * MS
    # Where the ports go on does not depend on when this was started.
    for client_port in _ports(begin_ns // S + number * 97):
        connection = Connection(*ends, client_port)
        yield from connection.open(at_ns)
        at_ns += 5 * MS
        for exchange in opening():
            yield from connection.ask(at_ns, *exchange)
            at_ns += 8 * MS
        until_ns = at_ns + keeps_ns
        for turn in count(1):
            for exchange in ask(turn):
                yield from connection.ask(at_ns, *exchange)
                at_ns += 8 * MS
            if at_ns >= until_ns:
                break
            at_ns += every_ns - 8 * MS + chance.randrange(-40, 40) * MS
        yield from connection.close(at_ns)
        at_ns += every_ns + chance.randrange(-40, 40) * MS


def _ports(start: int) -> Iterator[int]:
    for each in count(start):
        yield _PORTS[each % len(_PORTS)]


def _s7_opening(kind: int) -> Callable[[], list[ot.Exchange]]:
    return lambda: [ot.s7_connect(kind=kind, slot=1), ot.S7_SETUP]


def _swing(turn: int, middle: int, width: int) -> int:
    """Let a value wander."""
    return middle + (turn * 7 % (2 * width + 1)) - width


def _press_hmi(turn: int) -> list[ot.Exchange]:
    return [ot.s7_read(turn, 10, 0, (_swing(turn, 820, 12), _swing(turn, 64, 3), 1, turn // 6 & 0xFFFF))]


def _press_history(turn: int) -> list[ot.Exchange]:
    return [ot.s7_read(turn, 20, 0, (_swing(turn, 410, 9), _swing(turn, 95, 4)))]


def _press_engineer(turn: int) -> list[ot.Exchange]:
    return ot.s7_identify(turn, "6ES7 315-2EH14-0AB0", (3, 2, 6), "S C-DEMO20150112", "press-plc")


def _oven_opening() -> list[ot.Exchange]:
    return [ot.modbus_identify(1, "Kestrel Automation", "KA-310", "2.4.1")]


def _oven_hmi(turn: int) -> list[ot.Exchange]:
    found = [ot.modbus_read(turn, 100, (_swing(turn, 1_830, 15), _swing(turn, 1_825, 15), 1_850, 1))]
    if not turn % 30:  # every five minutes the recipe's set point
        found.append(ot.modbus_write(turn + 1, 200, 1_850))
    return found


def _oven_history(turn: int) -> list[ot.Exchange]:
    return [ot.modbus_read(turn, 120, tuple(_swing(turn + each, 500, 40) for each in range(6)))]


def _paint_opening() -> list[ot.Exchange]:
    identity = ot.enip_identity(
        who.PAINT, vendor=1, kind=14, product=166, version=(20, 11), serial=0x00C0FFEE, name="1769-L24ER/A"
    )
    return [identity, ot.ENIP_REGISTER]


def _drive_opening(station: Station, number: int) -> Callable[[], list[ot.Exchange]]:
    identity = ot.enip_identity(
        station, vendor=1, kind=2, product=150, version=(5, 3), serial=0x00D0_0000 + number, name="PowerFlex 525"
    )
    return lambda: [identity, ot.ENIP_REGISTER]


def _paint_hmi(turn: int) -> list[ot.Exchange]:
    return [ot.cip_read_tag(turn, "Line2_Speed", _swing(turn, 120, 5)), ot.cip_read_tag(turn, "Line2_Count", turn)]


def _paint_history(turn: int) -> list[ot.Exchange]:
    return [ot.cip_read_tag(turn, "Line2_Paint", _swing(turn, 3_300, 20))]


def _drive(turn: int) -> list[ot.Exchange]:
    return [ot.cip_read_attribute(turn, 0x2A, 1, 7, _swing(turn, 1_480, 6))]


def _camera(turn: int) -> list[ot.Exchange]:
    picture = b"\xff\xd8\xff\xe0" + bytes(turn * each & 0xFF for each in range(1_000))
    return [it.http("/image.jpg", who.CAMERA.address, "gate-camera/3.1", picture)]


def _old_windows() -> list[ot.Exchange]:
    return [it.smb_greet(), it.smb_log_in(who.HMI_OLD.name, who.SERVER.name)]


def _building(begin_ns: int, station: Station, instance: int, model: str, value: float) -> Iterator[Frame]:
    """Let the building's server read a controller, and ask it once a day who it is."""
    at_ns = begin_ns + instance % 100 * 217 * MS
    for turn in count(1):
        exchanges = [ot.bacnet_read(turn, point, value + (turn * point) % 5 / 10) for point in (1, 2)]
        if turn % 1_440 == 1:
            yield at_ns, udp(station, ot.BACNET_PORT, _everybody(), ot.BACNET_PORT, ot.bacnet_i_am(instance, 15))
            texts = ((121, "Kestrel Automation"), (70, model), (44, "1.8.2"), (77, station.name))
            exchanges += [ot.bacnet_describe(turn + 10 + what, instance, what, text) for what, text in texts]
        for request, answer in exchanges:
            at_ns += 10 * MS
            yield at_ns, udp(who.BUILDING, ot.BACNET_PORT, station, ot.BACNET_PORT, request, number=turn)
            yield at_ns + 3 * MS, udp(station, ot.BACNET_PORT, who.BUILDING, ot.BACNET_PORT, answer, number=turn)
        at_ns += 60 * S - len(exchanges) * 10 * MS


def _everybody() -> Station:
    return Station("everybody", _BROADCAST_IP, who.BROADCAST)


def _announcements(begin_ns: int) -> Iterator[Frame]:
    """Let the switch and the camera say who they are."""
    at_ns = begin_ns
    neighbour = it.lldp(who.SWITCH, "SCALANCE XB208", "P1")
    camera = it.mdns(who.CAMERA.name, who.CAMERA.ip, "_http._tcp", it.HTTP_PORT)
    for turn in count():
        yield at_ns, ethernet(who.SWITCH, _LLDP, 0x88CC, neighbour)
        if not turn % 60:
            yield at_ns + 10 * MS, _multicast(who.CAMERA, camera, turn)
        at_ns += 30 * S


def _multicast(source: Station, payload: bytes, number: int) -> bytes:
    group, mac = _MDNS
    return udp(source, 5_353, Station("", group, mac), 5_353, payload, number=number)


def _housekeeping(begin_ns: int, number: int, station: Station) -> Iterator[Frame]:
    """Let a station find its neighbours, ask for the time, and, if it is a PC, for its address."""
    chance = random.Random(1_000 + number)  # noqa: S311 - jitter
    at_ns = begin_ns + number * 53 * MS
    for turn in count(1):
        yield at_ns, arp(station, who.SERVER.ip)
        yield at_ns + MS, arp(station, who.SERVER.ip, who.SERVER)
        if station.ip[2] in {2, 3}:
            if turn % 12 == 1:
                yield from _lease(station, at_ns + 20 * MS, turn)
            request, answer = it.dns(turn, f"{who.HISTORIAN.name}.plant.example", who.HISTORIAN.ip)
            port = _PORTS[turn * 7 % len(_PORTS)]
            yield at_ns + 100 * MS, udp(station, port, who.SERVER, it.DNS_PORT, request)
            yield at_ns + 102 * MS, udp(who.SERVER, it.DNS_PORT, station, port, answer)
        request, answer = it.ntp(at_ns // S)
        yield at_ns + 200 * MS, udp(station, it.NTP_PORT, who.SERVER, it.NTP_PORT, request)
        yield at_ns + 202 * MS, udp(who.SERVER, it.NTP_PORT, station, it.NTP_PORT, answer)
        at_ns += 1_200 * S + chance.randrange(-20, 20) * S


def _lease(station: Station, at_ns: int, number: int) -> list[Frame]:
    """Renew an address."""
    request = it.dhcp(3, station, number, given=station.ip)
    answer = it.dhcp(5, station, number, given=station.ip, server=who.SERVER)
    return [
        (at_ns, udp(station, 68, who.SERVER, 67, request)),
        (at_ns + 4 * MS, udp(who.SERVER, 67, station, 68, answer)),
    ]


def _cloud(begin_ns: int) -> Iterator[Frame]:
    """Let the camera's maker have a look now and then, at no regular times."""
    chance = random.Random(77)  # noqa: S311 - jitter
    at_ns = begin_ns + 900 * S
    for turn in count(1):
        question, answer = it.dns(turn, who.CLOUD.name, who.CLOUD.ip)
        port = _PORTS[(begin_ns // S + turn) % len(_PORTS)]
        yield at_ns, udp(who.CAMERA, port, who.SERVER, it.DNS_PORT, question)
        yield at_ns + 30 * MS, udp(who.SERVER, it.DNS_PORT, who.CAMERA, port, answer)
        connection = Connection(who.CAMERA, who.CLOUD, it.TLS_PORT, port)
        yield from connection.open(at_ns + 40 * MS)
        yield from connection.ask(at_ns + 60 * MS, it.tls_hello(who.CLOUD.name, turn), it.tls_answer(turn))
        size = chance.randrange(200, 1_200)
        yield from connection.ask(at_ns + 90 * MS, it.tls_data(size), it.tls_data(90))
        yield from connection.close(at_ns + 120 * MS)
        at_ns += chance.randrange(1_800, 14_400) * S
