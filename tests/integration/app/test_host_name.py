"""The host name changes, and devices that know the former one still get in."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from running_platform import RunningPlatform


def peer_accepts(platform: RunningPlatform, name: str) -> bool:
    """Tell whether a device that was given a host name trusts the gateway under it."""
    context = ssl.create_default_context(cafile=str(platform.data / "public" / "root.pem"))
    try:
        with (
            socket.create_connection(("127.0.0.1", platform.ports["gateway"]), timeout=60) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            return True
    except ssl.SSLCertVerificationError:
        return False


def test_devices_that_know_the_former_host_name_still_reach_the_gateway(tmp_path: Path) -> None:
    platform = RunningPlatform(tmp_path, configuration='server.hostname = "first.test"\n')
    try:
        platform.start()
        assert peer_accepts(platform, "first.test")
        assert not peer_accepts(platform, "second.test")
        platform.stop()
        text = platform.configuration.read_text()
        platform.configuration.write_text(text.replace("first.test", "second.test"))
        platform.start()
        assert peer_accepts(platform, "first.test")
        assert peer_accepts(platform, "second.test")
        certificate = (tmp_path / "data" / "gateway" / "gateway-1" / "server.pem").read_bytes()
        platform.stop()
        platform.start()
        assert (tmp_path / "data" / "gateway" / "gateway-1" / "server.pem").read_bytes() == certificate
    finally:
        platform.stop()
