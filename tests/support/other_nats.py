"""A NATS server of somebody else's, which asks Vedette about each connection (auth callout)."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from pathlib import Path

from running_bus import free_port

from vedette.bus import AccountKey, UserKey
from vedette.bus.server import find_binary
from vedette.kernel import SystemClock
from vedette.simulation import Factory


class OtherNats:
    """The server, and what a client says to it.

    Args:
        folder: For its files.
        factory: Makes its certificate, and those of devices that it verifies.
        verifies: Whether clients show certificates; else they come with a name and a password.
        minutes: How long a connection lasts before it asks anew.
    """

    def __init__(
        self, folder: Path, *, factory: Factory | None = None, verifies: bool = False, minutes: int = 1
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.factory = factory or Factory("Acme", SystemClock())
        self._minutes = minutes
        issuer, user = AccountKey.generate(), UserKey.generate()
        certificate, key = self.factory.make_device("localhost").write(folder, "nats")
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self.factory.root_pem())
        for name, seed in (("issuer.nk", issuer.seed), ("user.nk", user.seed)):
            path = folder / name
            path.touch(mode=0o600)
            path.write_text(seed if isinstance(seed, str) else seed.decode())
        # Vedette shows no certificate here, so where clients must, its own connection is a plain one on loopback.
        self._scheme = "nats" if verifies else "tls"
        (folder / "nats.conf").write_text(f"""
            listen: "127.0.0.1:{self.port}"
            allow_non_tls: {str(verifies).lower()}
            accounts {{ AUTH {{ users: [ {{ nkey: {user.public} }} ] }}, DEVICES {{}} }}
            authorization {{ timeout: 30, auth_callout {{
              issuer: {issuer.public}, users: [ {user.public} ], account: AUTH }} }}
            tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{self.ca_file}",
              verify: {str(verifies).lower()}, timeout: 30 }}
            """)
        with (folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(find_binary(None)), "-c", str(folder / "nats.conf")], stdout=log, stderr=log
            )

    @property
    def configuration(self) -> str:
        """The section of Vedette's configuration."""
        return f"""
[auth_callout]
urls = ["{self._scheme}://localhost:{self.port}"]
ca_file = "{self.ca_file}"
user_seed_file = "{self.folder}/user.nk"
issuer_seed_file = "{self.folder}/issuer.nk"
minutes = {self._minutes}
"""

    def open(
        self, user: str = "", password: str = "", *, own: tuple[Path, Path] | None = None, patience_s: float = 60
    ) -> socket.socket:
        """Connect over TLS, with a certificate or a password, and say who it is."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=patience_s)
        if not plain.recv(8192).startswith(b"INFO"):
            raise ConnectionError("no NATS server answers there")
        context = ssl.create_default_context(cafile=str(self.ca_file))
        if own is not None:
            context.load_cert_chain(*own)
        secured = context.wrap_socket(plain, server_hostname="localhost")
        options = {"verbose": False, "protocol": 1} | ({"user": user, "pass": password} if user else {})
        secured.sendall(f"CONNECT {json.dumps(options)}\r\n".encode())
        return secured

    def say(self, user: str, password: str, *lines: str) -> str:
        """Connect, say some lines, and return all that the server answers."""
        with self.open(user, password) as secured:
            return said(secured, *lines)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def said(secured: socket.socket, *lines: str) -> str:
    """Say some lines, and return what the server answers until it is done, or ends it."""
    secured.sendall("".join(f"{each}\r\n" for each in (*lines, "PING")).encode())
    heard = ""
    while "PONG" not in heard and "Authorization" not in heard:
        more = secured.recv(4096).decode()
        if not more:
            break
        heard += more
    return heard
