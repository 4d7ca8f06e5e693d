"""Are the ports free? Asked before anything is started, so that the answer names the option to change."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar

from vedette.kernel import Problem


class PortUnavailable(Problem):
    """A listener's address cannot be had."""

    code: ClassVar[str] = "app.port_unavailable"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Listener:
    """An address that the platform is going to listen on, and the option that says so."""

    host: str
    port: int
    purpose: str
    option: str


def check_ports(listeners: Iterable[Listener]) -> None:
    """Try each address.

    Raises:
        PortUnavailable: Names every one that cannot be had, and why.
    """
    refused = [problem for each in listeners if (problem := _try(each))]
    if refused:
        raise PortUnavailable("; ".join(detail for detail, _ in refused), hint=" · ".join(hint for _, hint in refused))


def _try(listener: Listener) -> tuple[str, str] | None:
    family = socket.AF_INET6 if ip_address(listener.host).version == 6 else socket.AF_INET  # noqa: PLR2004 - IPv6
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        # A listener's port may be in TIME_WAIT after a restart; that is no obstacle.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((listener.host, listener.port))
            trial.listen(1)
        except OSError as error:
            where = f"port {listener.port} on {listener.host} ({listener.purpose})"
            change = f"set {listener.option} (VEDETTE_{listener.option.upper().replace('.', '__')})"
            match error.errno:
                case errno.EADDRINUSE:
                    return f"{where} is taken by another program", f"stop it, or {change}"
                case errno.EACCES:
                    return f"{where} needs more rights", f"choose a port above 1023: {change}"
                case errno.EADDRNOTAVAIL:
                    return f"{where}: this machine has no such address", "set server.bind or api.bind"
            return f"{where} cannot be opened: {error.strerror}", change
    return None
