"""What our processes really listen on, compared with what the configuration declares.

Source:
    proc(5): ``/proc/net/tcp``, ``/proc/net/tcp6``, ``/proc/PID/fd``.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import ClassVar, Final, Literal

from vedette.app.plan import Plan
from vedette.app.ports import Listener
from vedette.app.state import RunState, read_state
from vedette.app.up import find_configuration
from vedette.kernel import Problem, is_private_bind

_PROC: Final = Path("/proc")
_TABLES: Final = ("tcp", "tcp6")
_LISTENING: Final = "0A"
_SOCKET: Final = "socket:["
_FIELDS_MIN: Final = 10

Standing = Literal["as declared", "not declared", "not open"]


class PortsUnreadable(Problem):
    """What the processes listen on cannot be read."""

    code: ClassVar[str] = "app.ports_unreadable"
    status: ClassVar[int] = 403


@dataclass(frozen=True, slots=True)
class OpenPort:
    """A socket that one of our processes listens on."""

    address: str
    port: int
    process: str


@dataclass(frozen=True, slots=True)
class PortFinding:
    """One listener, and whether configuration and processes agree on it.

    Attributes:
        purpose: What it is declared for; empty if it is not.
        option: Which option declares it; empty if none does.
        process: Who listens; empty if nobody does.
        is_private: Whether nobody outside private networks could reach the address.
        allowed: Networks that may connect; none: all.
    """

    address: str
    port: int
    standing: Standing
    purpose: str
    option: str
    process: str
    is_private: bool
    allowed: tuple[str, ...] = ()


def check_open_ports(config: Path | None, data: Path | None, environment: Mapping[str, str]) -> list[PortFinding]:
    """Compare what a running platform listens on with its configuration.

    Raises:
        BadConfiguration: The configuration cannot be used.
        NotRunning: No platform runs on the data directory.
        PortsUnreadable: Its processes belong to another user.
    """
    read, directory = find_configuration(config, data, environment)
    plan = Plan(read.configuration, directory, environment)
    found = list(list_open_ports(read_state(directory.state_file)))
    settings = read.configuration
    allowed = {
        "gateway.port": settings.gateway.allowed_networks,
        "gateway.websocket_port": settings.gateway.allowed_networks,
        "api.port": settings.api.allowed_networks,
        "service.port": settings.service.allowed_networks,
    }
    return compare_ports(plan.listeners(), found, allowed)


def compare_ports(
    declared: Iterable[Listener], found: Iterable[OpenPort], allowed: Mapping[str, tuple[str, ...]]
) -> list[PortFinding]:
    """Return every listener that is declared or open, by port."""
    listening = {(each.address, each.port): each.process for each in found}
    findings = []
    for each in declared:
        process = listening.pop((_plain(each.host), each.port), None)
        findings.append(
            PortFinding(
                _plain(each.host),
                each.port,
                "not open" if process is None else "as declared",
                each.purpose,
                each.option,
                process or "",
                is_private_bind(each.host),
                allowed.get(each.option, ()),
            )
        )
    findings += [
        PortFinding(address, port, "not declared", "", "", process, is_private_bind(address))
        for (address, port), process in listening.items()
    ]
    return sorted(findings, key=lambda each: (each.port, each.address))


def list_open_ports(state: RunState) -> Iterator[OpenPort]:
    """Yield what the processes of a platform, and those they started, listen on.

    Raises:
        PortsUnreadable: They belong to another user.
    """
    names = {each.pid: each.name for each in state.processes if each.pid is not None} | {state.pid: "supervisor"}
    owners: dict[str, str] = {}
    for pid, name in _with_children(names).items():
        owners |= dict.fromkeys(_sockets_of(pid), name)
    for table in _TABLES:
        # A process's own tables: the platform may live in another network namespace than we do.
        path = _PROC / str(state.pid) / "net" / table
        try:
            lines = path.read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:  # no IPv6 here
            continue
        except OSError as error:
            raise _unreadable() from error
        for line in lines:
            fields = line.split()
            if len(fields) >= _FIELDS_MIN and fields[3] == _LISTENING and fields[9] in owners:
                address, _, port = fields[1].partition(":")
                yield OpenPort(_read_address(bytes.fromhex(address)), int(port, 16), owners[fields[9]])


def _with_children(names: Mapping[int, str]) -> dict[int, str]:
    """Return processes with all that descend from them, named as the nearest of ours."""
    parents: dict[int, int] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text(errors="replace")
            except OSError:  # it has just ended
                continue
            parents[int(entry.name)] = int(text.rpartition(")")[2].split()[1])
    found = dict(names)
    for pid in parents:
        chain, each = [], pid
        while each not in found and each in parents:
            chain.append(each)
            each = parents[each]
        found |= dict.fromkeys(chain, found[each]) if each in found else {}
    return found


def _sockets_of(pid: int) -> Iterator[str]:
    try:
        for entry in os.scandir(_PROC / str(pid) / "fd"):
            try:
                target = Path(entry.path).readlink().name
            except OSError:  # it was closed meanwhile
                continue
            if target.startswith(_SOCKET):
                yield target[len(_SOCKET) : -1]
    except FileNotFoundError:  # it has ended
        return
    except PermissionError as error:
        raise _unreadable() from error


def _unreadable() -> PortsUnreadable:
    return PortsUnreadable(
        "the platform's processes belong to another user", hint="run this as the platform's user, or as root"
    )


def _read_address(raw: bytes) -> str:
    """Read an address as the kernel prints it: 32-bit words in the byte order of the machine."""
    words = (raw[at : at + 4] for at in range(0, len(raw), 4))
    address = ip_address(b"".join(socket.htonl(int.from_bytes(word, "big")).to_bytes(4, "big") for word in words))
    return str((isinstance(address, IPv6Address) and address.ipv4_mapped) or address)


def _plain(host: str) -> str:
    return str(ip_address(host))
