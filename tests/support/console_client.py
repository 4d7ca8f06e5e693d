"""What the console's page sends: a browser that keeps cookies and says where its requests come from."""

from __future__ import annotations

from typing import Any

import httpx
from virtual_authenticator import VirtualAuthenticator

OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "X-Requested-With": "vedette-console"}


class ConsoleClient:
    """A browser on a platform's own page."""

    def __init__(self, url: str, *, user_agent: str = "Test/1.0") -> None:
        self.url = url
        self.http = httpx.Client(
            base_url=url, headers={**OWN_PAGE, "User-Agent": user_agent}, follow_redirects=True, timeout=60
        )
        self.authenticator = VirtualAuthenticator(url)

    def close(self) -> None:
        self.http.close()

    def follow(self, link: str) -> ConsoleClient:
        """Open a one-time link."""
        self.http.get(link, headers={"Sec-Fetch-Site": "none"}).raise_for_status()
        return self

    def who(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/v1/session").raise_for_status().json()
        return found

    def register(self, person_name: str = "", *, name: str = "laptop") -> dict[str, Any]:
        """Register a passkey."""
        asked = self.http.post("/v1/passkey-options", json={"person_name": person_name}).raise_for_status().json()
        body = {
            "credential": self.authenticator.make(asked["options"]),
            "name": name,
            "person_name": person_name,
        }
        found: dict[str, Any] = self.http.post("/v1/passkeys", json=body).raise_for_status().json()
        return found

    def log_in(self) -> httpx.Response:
        """Log in by passkey."""
        asked = self.http.post("/login/passkey/options").raise_for_status().json()
        return self.http.post("/login/passkey", json={"credential": self.authenticator.sign(asked["options"])})

    def log_out(self) -> None:
        self.http.delete("/v1/session").raise_for_status()
