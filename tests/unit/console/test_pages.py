"""The console's door: its page and files, compressed for whoever takes that, and what it says when there are none."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from vedette.console import build_console, read_console_files

SCRIPT = b"console.log('here');" * 100


@pytest.fixture
def door(tmp_path: Path) -> httpx.AsyncClient:
    """A door to a console of one page and one script."""
    (tmp_path / "index.html").write_text('<script type="module" nonce="__CSP_NONCE__"></script>')
    (tmp_path / "index-abc.js").write_bytes(SCRIPT)
    (tmp_path / "secret.key").write_text("not to be served")
    return _open(tmp_path)


def _open(folder: Path) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(build_console(read_console_files(folder), new_nonce=lambda: "once"))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


@pytest.mark.anyio
async def test_page_carries_the_nonce_of_its_policy(door: httpx.AsyncClient) -> None:
    answer = await door.get("/devices/pump-1")
    assert 'nonce="once"' in answer.text
    assert "'nonce-once'" in answer.headers["Content-Security-Policy"]
    assert (await door.get("/nowhere")).status_code == 404


@pytest.mark.anyio
async def test_an_asset_of_a_network_has_its_page_where_files_of_the_build_stand(door: httpx.AsyncClient) -> None:
    assert 'nonce="once"' in (await door.get("/assets/ast_06h0dimj7tpbp2i46gt2ja54a8")).text
    assert (await door.get("/assets/index-abc.js")).content == SCRIPT
    assert (await door.get("/assets/index-gone.js")).status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8", True),
        ("gzip;q=0", False),
        ("identity", False),
        ("", False),
    ],
)
async def test_file_is_compressed_for_whoever_takes_it(
    door: httpx.AsyncClient, accepted: str, *, is_compressed: bool
) -> None:
    async with door.stream("GET", "/assets/index-abc.js", headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers.get("Content-Encoding") == ("gzip" if is_compressed else None)
    assert (gzip.decompress(raw) if is_compressed else raw) == SCRIPT
    assert int(answer.headers["Content-Length"]) == len(raw)


@pytest.mark.anyio
async def test_file_that_is_known_is_not_sent_again(door: httpx.AsyncClient) -> None:
    first = await door.get("/assets/index-abc.js")
    assert "immutable" in first.headers["Cache-Control"]
    again = await door.get("/assets/index-abc.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.anyio
async def test_only_files_of_the_build_are_served(door: httpx.AsyncClient) -> None:
    assert (await door.get("/assets/secret.key")).status_code == 404
    assert (await door.get("/assets/../secret.key")).status_code == 404


@pytest.fixture
def bare_door(tmp_path: Path) -> httpx.AsyncClient:
    """A door behind which nothing was built."""
    return _open(tmp_path)


@pytest.mark.anyio
async def test_console_that_was_not_built_says_what_to_do(bare_door: httpx.AsyncClient) -> None:
    answer = await bare_door.get("/")
    assert "make console" in answer.text
