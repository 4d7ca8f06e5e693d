"""The console in a real browser, as a person with a keyboard uses it; it notes whatever a page must never do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from journey import Platform, wait_until
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, StorageState, expect

CHROMIUM = "/usr/bin/chromium"
LOOKS = tuple((scheme, width) for scheme in ("light", "dark") for width in (1280, 800))
HEIGHT = 800
_RULES_OF_COLOUR = ("color-contrast", "link-in-text-block")
TIMEOUT_MS = 60_000
expect.set_options(timeout=TIMEOUT_MS)

_WATCH_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) =>
    window.tellViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
_SHOWN = """() => [
    document.documentElement.outerHTML,
    ...[...document.querySelectorAll('input, textarea')].map((field) => field.value),
    ...Object.values(localStorage), ...Object.values(sessionStorage), document.cookie, location.href,
].join('\\n')"""


class Console:
    """One person's browser on a platform.

    Attributes:
        page: The open page.
        mistakes: What went wrong in it: errors of scripts, breaches of the content security policy, foreign requests.
        allowed: Words of mistakes that a test has made on purpose, such as a refused request.
    """

    def __init__(self, browser: Browser, platform: Platform, state: StorageState | None, secrets: list[str]) -> None:
        self.platform = platform
        self.mistakes: list[str] = []
        self.allowed: list[str] = []
        self.secrets = secrets
        self.context: BrowserContext = browser.new_context(
            base_url=platform.api_url,
            viewport={"width": 1280, "height": HEIGHT},
            storage_state=state,
            permissions=["clipboard-read", "clipboard-write"],
        )
        self.context.set_default_timeout(TIMEOUT_MS)
        self.context.expose_function("tellViolation", lambda text: self.mistakes.append(f"policy: {text}"))
        self.context.add_init_script(_WATCH_VIOLATIONS)
        self.context.on("console", self._note_console)
        self.context.on("weberror", lambda error: self.mistakes.append(f"script: {error.error}"))
        self.context.on("request", self._note_request)
        self.page: Page = self.context.new_page()

    def close(self) -> None:
        self.context.close()

    def open(self, path: str) -> Page:
        """Open a page and wait until it has a heading."""
        self.page.goto(path)
        expect(self.heading).to_be_visible()
        return self.page

    @property
    def heading(self) -> Locator:
        return self.page.locator("main h1")

    def see(self, text: str | re.Pattern[str], *, exact: bool = False) -> None:
        expect(self.page.get_by_text(text, exact=exact).first).to_be_visible()

    def keys(self, *keys: str) -> None:
        """Press keys one after the other, as a person does."""
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, target: Locator, *, most: int = 200, backwards: bool = False) -> None:
        """Reach something by Tab alone; what cannot be reached is a fault of the page."""
        expect(target).to_be_visible()
        expect(target).to_be_enabled()
        for _ in range(most):
            if target.evaluate("(element) => element === document.activeElement"):
                return
            self.page.keyboard.press("Shift+Tab" if backwards else "Tab")
        raise AssertionError(f"{most} presses of Tab do not lead to {target}")

    def act(self, target: Locator, *, key: str = "Enter") -> None:
        """Reach something by Tab and press it."""
        self.tab_to(target)
        self.page.keyboard.press(key)

    def check_accessible(self, rules: tuple[str, ...] = ()) -> None:
        """Let axe look at the page as it stands, by all of its rules or by these."""
        only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
        found = Axe().run(self.page, options={"resultTypes": ["violations"], **only}).response["violations"]
        told = [
            f"{each['id']} ({each['impact']}): " + " | ".join(node["html"][:200] for node in each["nodes"][:3])
            for each in found
        ]
        assert not told, "\n".join(told)

    def check_looks(self) -> None:
        """Look at the page light and dark, wide and narrow: readable to all, nothing beside the window."""
        for scheme, width in LOOKS:
            self.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            self.page.set_viewport_size({"width": width, "height": HEIGHT})
            expect(self.page.locator("html")).to_have_attribute("data-theme", scheme)
            beside = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert beside <= 0, f"{scheme} {width}: {beside} px stand beside the window"
            # Names, roles and order are the same by night; only what they are painted with differs.
            self.check_accessible(_RULES_OF_COLOUR if scheme == "dark" else ())
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": 1280, "height": HEIGHT})

    def check_no_secret(self) -> None:
        """Nothing on the page or kept by it lets anybody in."""
        if urlsplit(self.page.url).netloc:
            shown = str(self.page.evaluate(_SHOWN))
            assert "PRIVATE KEY" not in shown
            for secret in self.secrets:
                assert secret not in shown, "a secret stands in the page"

    def check(self) -> None:
        """Fail if anything on the way was as it must not be."""
        self.check_no_secret()
        mistakes = [each for each in self.mistakes if not any(word in each for word in self.allowed)]
        assert not mistakes, "\n".join(mistakes)

    @contextmanager
    def copied(self, button: Locator) -> Iterator[dict[str, str]]:
        """Open a "Copy as…", give its texts as they stand in the clipboard, and close it."""
        button.press("Enter")
        texts: dict[str, str] = {}
        dialog = self.page.get_by_role("dialog", name="Copy as command")
        expect(dialog).to_be_visible()
        for what in ("CLI", "curl"):
            copy = dialog.get_by_role("button", name=f"Copy {what}")
            if copy.count():
                copy.press("Enter")
                expect(dialog.get_by_role("status")).to_have_text(f"{what} copied")
                texts[what] = str(self.page.evaluate("navigator.clipboard.readText()"))
        yield texts
        self.page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.mistakes.append(f"console: {message.text[:400]}")

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != urlsplit(self.platform.api_url).netloc:
            self.mistakes.append(f"foreign host: {request.url[:200]}")


class SimulatedFleet:
    """The demo's devices beside a platform: one is refused, one is cloned, two have modules, two a symmetric key."""

    def __init__(self, platform: Platform, folder: Path, *, devices: int) -> None:
        self.folder = folder
        api = urlsplit(platform.api_url)
        self._log = (folder / "fleet.log").open("ab")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "vedette.simulation"),
                *("--api-host", str(api.hostname), "--api-port", str(api.port)),
                *("--token-file", str(platform.data / "secrets" / "operator.token")),
                *("--host", platform.address, "--root", str(platform.data / "public" / "root.pem")),
                *("--id-scope", platform.id_scope, "--folder", str(folder), "--devices", str(devices)),
            ],
            stdout=self._log,
            stderr=self._log,
        )
        # All of them, without the one that is refused.
        wait_until(lambda: connected(platform) >= devices - 1 or self._process.poll() is not None, 240, "the fleet")
        assert self._process.poll() is None, (folder / "fleet.log").read_text()[-2000:]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._log.close()


def connected(platform: Platform, where: str = "connectionState = 'Connected'") -> int:
    """Count the devices that are connected, or that any other condition holds for."""
    asked = {"query": f"SELECT COUNT() AS n FROM devices WHERE {where}"}  # noqa: S608 - words of the tests
    return int(platform.call("POST", "/v1/query", asked)["items"][0]["n"])


def login_link(platform: Platform) -> str:
    """Return a fresh one-time link."""
    told = platform.cli("login-link").stdout
    found = re.search(r"http\S+/login\?token=\S+", told)
    assert found, told
    return found[0]


def keys_in(folder: Path) -> list[str]:
    """Return the secrets that files below a folder hold, a line each: tokens, and lines of private keys."""
    found: list[str] = []
    for path in [*folder.rglob("*.key"), *folder.rglob("*.token")]:
        text = path.read_bytes().decode(errors="ignore")
        found += [line for line in text.splitlines() if len(line) > 20 and "-----" not in line]
    return found


def parse_curl(text: str, arguments: list[str]) -> tuple[str, str, Any]:
    """Return method, address and JSON body of a curl command that a shell has cut into arguments."""
    assert arguments[0] == "curl", text
    method, body, url = "GET", None, ""
    rest = iter(arguments[1:])
    for argument in rest:
        match argument:
            case "--fail-with-body":
                continue
            case "-H":
                assert (
                    next(rest) == 'Authorization: Bearer $(cat "$VEDETTE_DATA/secrets/operator.token")' or "$(" in text
                )
            case "-X":
                method = next(rest)
            case "--json":
                body = json.loads(next(rest))
            case _:
                assert not url, f"two addresses: {text}"
                url = argument
    return method, url, body
