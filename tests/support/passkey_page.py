"""A browser with a virtual authenticator, on a platform that has a name: who logs in, by what, and who does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from console_page import Console, login_link
from journey import Platform
from playwright.sync_api import Browser, ConsoleMessage, Locator, expect

_AUTHENTICATOR: Final = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
# What a browser says of a request that was refused, as these tests have it refused.
_REFUSED: Final = "Failed to load resource"


class PasskeyPage(Console):
    """One browser, its page and its authenticator; nobody is logged in yet."""

    def __init__(self, browser: Browser, platform: Platform) -> None:
        super().__init__(browser, platform, None, [(platform.data / "secrets" / "operator.token").read_text().strip()])
        self._cdp = self.context.new_cdp_session(self.page)
        self._authenticator = ""

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def add_authenticator(self) -> None:
        """Plug in an authenticator that knows its user and says yes to everything."""
        self._cdp.send("WebAuthn.enable")
        added = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": _AUTHENTICATOR})
        self._authenticator = added["authenticatorId"]

    def replace_authenticator(self) -> None:
        """Take the authenticator away and plug in another one."""
        self._cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self._authenticator})
        self.add_authenticator()

    def recognize_nobody(self) -> None:
        """Have the authenticator no longer recognize its user."""
        told = {"authenticatorId": self._authenticator, "isUserVerified": False}
        self._cdp.send("WebAuthn.setUserVerified", told)

    def answer_by_itself(self, *, is_automatic: bool) -> None:
        """Have the authenticator find its user there at once, or only once this is asked for again."""
        told = {"authenticatorId": self._authenticator, "enabled": is_automatic}
        self._cdp.send("WebAuthn.setAutomaticPresenceSimulation", told)

    def credentials(self) -> list[dict[str, Any]]:
        """Return the passkeys that the authenticator holds."""
        found = self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self._authenticator})
        return list(found["credentials"])

    def follow_link(self, url: str = "") -> None:
        """Open a one-time link, a fresh one if none is given."""
        self.page.goto(url or login_link(self.platform))

    def skip(self) -> None:
        """Register no passkey now."""
        self.button("Skip for now").click()
        expect(self.page.get_by_role("navigation", name="Pages")).to_be_visible()

    def register(self, name: str) -> list[str]:
        """Register a passkey where a one-time link has led to; return the recovery codes."""
        self.page.get_by_role("textbox", name="Your name").fill(name)
        self.button("Register a passkey").click()
        codes = self.page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
        expect(codes).to_have_count(10)
        found = codes.all_inner_texts()
        self.button("I have kept them").click()
        self.expect_in(name)
        self.secrets += found
        return found

    def become(self, name: str) -> list[str]:
        """Come by a fresh link and register a passkey; return the recovery codes."""
        self.add_authenticator()
        self.follow_link()
        return self.register(name)

    def come(self, name: str, role: str, *, sites: Sequence[str] = ()) -> list[str]:
        """Come by a fresh link that gives a role, and register a passkey; return the recovery codes."""
        self.add_authenticator()
        link = self.platform.call("POST", "/v1/login-links", {"role": role, "sites": list(sites)})
        self.follow_link(link["url"])
        return self.register(name)

    def person_id(self) -> str:
        """Return the id of whoever is logged in."""
        return str(self.page.evaluate("fetch('/v1/session').then((answer) => answer.json())")["person_id"])

    def expect_in(self, name: str) -> None:
        expect(self.page.get_by_role("banner").get_by_role("link", name=name)).to_be_visible()
        expect(self.page.get_by_role("navigation", name="Pages")).to_be_visible()

    def log_out(self) -> None:
        self.button("Log out").click()
        expect(self.page.get_by_text("You are logged out.")).to_be_visible()

    def _note_console(self, message: ConsoleMessage) -> None:
        if not message.text.startswith(_REFUSED):
            super()._note_console(message)
