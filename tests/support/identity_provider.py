"""A real OpenID provider (npm ``oidc-provider``) under Node, and browsers that go through it."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from journey import Platform
from running_bus import free_port

FOLDER: Final = Path(__file__).resolve().parents[1] / "node"
NODE: Final = shutil.which("node")
SECRET: Final = "a secret of forty characters, or nearly so"
CLIENT_ID: Final = "vedette"
needs_provider: Final = pytest.mark.skipif(
    NODE is None or not (FOLDER / "node_modules" / "oidc-provider").is_dir(),
    reason="Node 20 and oidc-provider: scripts/node-packages.sh",
)


class IdentityProvider:
    """Serves one client, on loopback.

    Args:
        url: Where browsers reach the platform.
    """

    def __init__(self, url: str) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.url = url
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        assert NODE is not None
        self._process = subprocess.Popen(
            [
                NODE,
                "provider.mjs",
                str(self.port),
                f"{self.url}/login/oidc/callback",
                f"{self.url}/login/oidc/back-channel-logout",
                f"{self.url}/",
            ],
            cwd=FOLDER,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline())["issuer"] == self.issuer

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def rotate(self, *, has_claims_in_token: bool = False) -> None:
        """Have it sign with another key from now on, and forget everybody."""
        query = "?claims" if has_claims_in_token else ""
        httpx.get(f"{self.issuer}/rotate{query}", timeout=60, trust_env=False).raise_for_status()


class Browser:
    """Follows links as a browser does, with the cookies of every site, and says where requests come from."""

    def __init__(self, platform_url: str, *, user_agent: str = "Test/1.0") -> None:
        self.url = platform_url
        self.http = httpx.Client(
            headers={"User-Agent": user_agent}, follow_redirects=False, timeout=60, trust_env=False
        )

    def go(self, url: str, *, person: str = "") -> httpx.Response:
        """Open an address and follow where it leads; at the provider's question say who one is."""
        response = self._open(url)
        for _ in range(20):
            if response.is_redirect:
                response = self._open(urljoin(str(response.url), response.headers["location"]))
            elif "/interaction/" in str(response.url) and person:
                response = self._open(f"{str(response.url).partition('?')[0]}?login={person}")
                person = ""
            else:
                return response
        raise AssertionError("redirected for ever")

    def log_in(self, person: str, *, purpose: str = "log-in") -> httpx.Response:
        return self.go(f"{self.url}/login/oidc?purpose={purpose}", person=person)

    def api(self, method: str, path: str, **more: object) -> httpx.Response:
        """Call the API as a script of our own page."""
        headers = {"Sec-Fetch-Site": "same-origin", "X-Requested-With": "vedette-console"}
        return self.http.request(method, f"{self.url}{path}", headers=headers, **more)  # type: ignore[arg-type] # passed on

    def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Post the form of a page, as a browser does without script."""
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        assert action is not None, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        data = {**{name: unescape(value) for name, value in hidden.items()}, **fields}
        url = urljoin(str(page.url), unescape(action[1]))
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(str(page.url)))
        return self.http.post(url, data=data, headers={"Sec-Fetch-Site": "same-origin", "Origin": origin})

    def onward(self, page: httpx.Response) -> str:
        """Return where a page leads by itself."""
        found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.text)
        assert found is not None, page.text
        return unescape(found[1])

    def is_in(self) -> bool:
        return self.api("GET", "/v1/session").status_code == 200

    def close(self) -> None:
        self.http.close()

    def _open(self, url: str) -> httpx.Response:
        return self.http.get(url, headers={"Sec-Fetch-Site": "none"})


@contextlib.contextmanager
def running_provider() -> Iterator[IdentityProvider]:
    """Run a provider on a port of its own."""
    made = IdentityProvider(f"http://localhost:{free_port()}")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@contextlib.contextmanager
def federated_platform(address: str, folder: Path, provider: IdentityProvider) -> Iterator[Platform]:
    """Run a platform whose people may come through a provider."""
    secret = folder / "client.secret"
    secret.write_text(SECRET)
    running = Platform(
        address,
        folder,
        api_port=int(provider.url.rpartition(":")[2]),
        hostname="localhost",
        more_configuration=(
            f'[oidc]\nissuer = "{provider.issuer}"\nclient_id = "{CLIENT_ID}"\nclient_secret_file = "{secret}"\n'
            'scopes = ["profile", "groups"]\ngroup_roles = ["fleet-admins=admin", "soc=analyst"]\n'
            "create_people = true\n"
        ),
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()
