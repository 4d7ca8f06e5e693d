"""People with roles at a running platform's door, each in a browser of their own with a passkey."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import httpx
from console_client import ConsoleClient


class PeopleAtTheDoor:
    """Makes people; the host's token lets them in."""

    def __init__(self, url: str, api: httpx.Client) -> None:
        self.url = url
        self.api = api
        self.made: list[ConsoleClient] = []
        self._count = 0

    def come(
        self, role: str, *, sites: Sequence[str] = (), groups: Sequence[str] = (), name: str = ""
    ) -> ConsoleClient:
        """Return the browser of a new person who has a role from the link that let them in."""
        given = {"role": role, "sites": list(sites), "groups": list(groups)}
        link = self.api.post("/v1/login-links", json=given).raise_for_status().json()["url"]
        browser = ConsoleClient(self.url)
        self.made.append(browser)
        self._count += 1
        browser.follow(link).register(name or f"{role} {self._count} {link[-6:]}")
        return browser

    def close(self) -> None:
        for each in self.made:
            each.close()


def signed(browser: ConsoleClient, method: str, path: str, body: object = None) -> httpx.Response:
    """Make a request that the person's passkey has signed."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = assertion_header(browser, method, path, content)
    if body is not None:
        headers["Content-Type"] = "application/json"
    return browser.http.request(method, path, content=content, headers=headers)


def assertion_header(browser: ConsoleClient, method: str, path: str, content: bytes) -> dict[str, str]:
    """Have the person's passkey sign a request; return the header that tells it."""
    act = {"method": method, "path": path, "body_sha256": hashlib.sha256(content).hexdigest()}
    asked: dict[str, Any] = browser.http.post("/v1/acts", json=act).raise_for_status().json()
    told = {"nonce": asked["nonce"], "credential": browser.authenticator.sign(asked["options"])}
    return {"Vedette-Act-Assertion": urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()}
