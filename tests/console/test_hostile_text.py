"""Text from outside does nothing on any page, in no command that is copied, and in no spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
from console_page import Console
from journey import Platform
from own_device import OwnDevice
from playwright.sync_api import expect

# What ids may be made of, at its worst: substitutions, a formula, an option, percent signs, dots.
NAMES = ["$(reboot)", "=cmd('calc')!A1", "--yes", "100%25", "%2e%2e", "a?b=c", "*", "'$HOME'", "..."]
TEXTS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "$(reboot) `reboot`",
    "'; rm -rf ~; '",
    "\x1b[31mred\x1b]0;owned\x07",
    "abc\u202efdp.exe",
    "zero\u200bwidth\u2066\u00ad",
    "=HYPERLINK(1)",
    "line\r\nreboot\n",
    "${{7*7}} {{7*7}} %s %n",
]
UNSEEN = "\x1b\x07\u202e\u200b\u2066\u00ad"
FORMULA = "STARTSWITH(deviceId, '=')"
TAGS = "SELECT deviceId, tags FROM devices WHERE deviceId = 'hostile-1'"
# How a shell is told of what cannot be seen; Python's shlex does not know it.
_ESCAPE = "$'"


@pytest.fixture(scope="module")
def hostile(platform: Platform, fleet: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnDevice]:
    """A device all of whose words are hostile, and others whose names are."""
    for name in NAMES:
        body = {"device_id": name, "authentication": {"type": "issued"}, "site": TEXTS[0], "tags": {"note": TEXTS[5]}}
        platform.call("POST", "/v1/devices", body)
    tags = {f"t{index}": text for index, text in enumerate(TEXTS)} | {"<b>": "x", "__proto__": "y"}
    everything = {text: text for text in TEXTS if "." not in text and "$" not in text and text.isprintable()}
    with OwnDevice(
        platform,
        tmp_path_factory.mktemp("hostile"),
        "hostile-1",
        client=TEXTS[5] + TEXTS[0],
        site=TEXTS[0],
        zone=TEXTS[3],
        tags=tags,
    ) as device:
        desired = {f"d{index}": text for index, text in enumerate(TEXTS)}
        platform.call("PATCH", "/v1/devices/hostile-1/twin", {"desired": desired})
        for text in TEXTS:
            device.send({text: 1, "text": text})
        device.send(b"\x1b[31m\xe2\x80\xae not JSON <script>alert(1)</script>")
        device.send({"ok": 1, **dict.fromkeys(everything, 2)})
        platform.call("POST", "/v1/devices/hostile-1/disable", {"reason": TEXTS[4] + TEXTS[0]})
        platform.call("POST", "/v1/devices/hostile-1/enable", {"reason": TEXTS[5] + TEXTS[3]})
        platform.call("POST", "/v1/groups", {"name": "hostile", "description": "".join(TEXTS[:4])})
        yield device


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/devices",
        "/devices/hostile-1",
        "/devices/hostile-1?tab=twin",
        "/devices/hostile-1?tab=live",
        "/devices/hostile-1?tab=access",
        "/devices/hostile-1?tab=record",
        "/decisions?device=hostile-1",
        "/quarantine?device=hostile-1",
        "/refusals",
        "/groups",
        "/queries?q=SELECT+*+FROM+devices",
        "/ledger",
    ],
)
def test_hostile_words_are_shown_and_do_nothing(console: Console, hostile: OwnDevice, path: str) -> None:
    page = console.page
    page.on("dialog", lambda dialog: console.mistakes.append(f"a script ran: {dialog.message}"))
    console.open(path)
    expect(page.locator("main .empty").filter(has_text="…")).to_have_count(0)
    page.wait_for_timeout(300)
    shown = str(
        page.evaluate(
            "() => [document.body.innerText, document.title, "
            "...[...document.querySelectorAll('input, textarea')].map((field) => field.value)].join('\\n')"
        )
    )
    assert not [each for each in UNSEEN if each in shown], "something unseen stands in the page"
    assert page.locator("main script, main img[src=x], main b").count() == 0
    console.check_accessible()


@pytest.mark.parametrize("name", NAMES)
def test_device_with_a_hostile_name_has_a_page_and_commands_that_mean_it(
    console: Console, hostile: OwnDevice, name: str
) -> None:
    page = console.open(f"/devices?where={quote(_equals(name))}")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
    row.get_by_role("link").click()
    expect(console.heading).to_have_text(name)
    expect(page.get_by_role("tab", name="Identity")).to_be_visible()
    with console.copied(page.get_by_role("button", name="Copy as…").first) as texts:
        words = shlex.split(texts["CLI"])
        assert words[:3] == ["vedette", "device", "show"]
        assert words[3:] == (["--", name] if name.startswith("-") else [name])
        assert unquote(urlsplit(shlex.split(texts["curl"])[-1]).path) == f"/v1/devices/{name}"
        assert _in_a_shell(texts["CLI"]) == words
    console.act(page.get_by_role("tab", name="Identity"))
    console.keys("ArrowRight")
    expect(page.get_by_role("region", name="Reported properties")).to_be_visible()
    page.reload()
    expect(console.heading).to_have_text(name)


@pytest.mark.parametrize("text", TEXTS)
def test_copied_change_of_a_twin_is_one_harmless_command(console: Console, hostile: OwnDevice, text: str) -> None:
    page = console.open("/devices/hostile-1?tab=twin")
    page.get_by_role("textbox", name="Tags").fill(json.dumps({"new": text, "tést": text}))
    with console.copied(page.get_by_role("button", name="Copy as…").last) as texts:
        for copied in texts.values():
            assert copied.isprintable(), "a terminal would take something for a key"
        words = _in_a_shell(texts["CLI"])
        assert words[:4] == ["vedette", "twin", "patch", "hostile-1"]
        assert f"new={text}" in words
        if _ESCAPE not in texts["CLI"]:
            assert shlex.split(texts["CLI"]) == words
        request = _in_a_shell(texts["curl"])
        body = json.loads(request[request.index("--json") + 1])
        assert body["tags"]["new"] == text
        assert body["tags"]["t0"] is None


def test_spreadsheet_computes_nothing(console: Console, hostile: OwnDevice, tmp_path: Path) -> None:
    page = console.open(f"/devices?where={quote(FORMULA)}")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV of what is loaded").click()
    download.value.save_as(tmp_path / "devices.csv")
    (row,) = csv.DictReader(io.StringIO((tmp_path / "devices.csv").read_text()))
    assert row["device_id"] == "'=cmd('calc')!A1"
    page.goto(f"/queries?q={quote(TAGS)}")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV of what is loaded").click()
    download.value.save_as(tmp_path / "query.csv")
    assert "\x1b" not in (tmp_path / "query.csv").read_text()


def _equals(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"deviceId = '{escaped}'"


def _in_a_shell(command: str) -> list[str]:
    """Let bash cut a command into its words, without running it."""
    script = f"set -f; printf '%s\\0' {command}"
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        capture_output=True,
        check=True,
        timeout=60,
        env={"PATH": "/nonexistent", "LC_ALL": "C.UTF-8", "VEDETTE_DATA": os.devnull},
    )
    return done.stdout.decode().split("\0")[:-1]
