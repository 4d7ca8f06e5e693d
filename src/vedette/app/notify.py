"""Tell systemd how far we are, when it started us."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)


def notify_service_manager(environment: Mapping[str, str], state: str) -> None:
    """Send a state such as ``READY=1`` to ``$NOTIFY_SOCKET``; do nothing without one.

    Source:
        sd_notify(3).
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.setblocking(False)
        try:
            sender.sendto(state.encode("ascii"), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:
            log.warning("the service manager cannot be told", extra={"reason": str(error)})
