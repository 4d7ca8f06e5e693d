"""Who listens on a port of this machine: over plain HTTP the token is shown to our own platform alone.

While the platform starts again its port is free, and any user of the machine could listen there in its place.

Source:
    proc(5), ``/proc/net/tcp`` and ``/proc/net/tcp6``.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from vedette.cli.problems import Denied

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENING: Final = "0A"
_ROOT: Final = 0


def check_listener(url: str, owner: int) -> None:
    """Check that whoever listens at a plain HTTP URL of this machine is the owner of the platform, or root.

    Raises:
        Denied: It is another user.
    """
    parts = urlsplit(url)
    if parts.scheme != "http":
        return
    found = listeners_at(parts.hostname or "", parts.port or socket.getservbyname("http"))
    strangers = found - {owner, _ROOT}
    if strangers:
        raise Denied(
            f"user {min(strangers)} listens at {url}, not the platform of user {owner}: the token is not shown",
            hint="find out who that is: ss -ltnp; the platform is there again once the port is free",
        )


def listeners_at(host: str, port: int) -> set[int]:
    """Return the users who listen on a port under any address that a host name of this machine stands for."""
    try:
        wanted = {ip_address(str(each[4][0])) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:
        return set()
    return {user for address, user in _listening(port) if address in wanted or address.is_unspecified}


def _listening(port: int) -> Iterator[tuple[IPv4Address | IPv6Address, int]]:
    for table in _TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:  # no IPv6 here
            continue
        for line in lines:
            _, local, _, state, _, _, _, user, *_ = line.split()
            address, _, number = local.partition(":")
            if state == _LISTENING and int(number, 16) == port:
                yield _address(bytes.fromhex(address)), int(user)


def _address(raw: bytes) -> IPv4Address | IPv6Address:
    """Read an address as the kernel prints it: 32-bit words in the byte order of the machine."""
    words = (raw[at : at + 4] for at in range(0, len(raw), 4))
    address = ip_address(b"".join(socket.htonl(int.from_bytes(word, "big")).to_bytes(4, "big") for word in words))
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
