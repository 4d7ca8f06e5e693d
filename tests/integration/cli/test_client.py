"""The command's client against a server that misbehaves."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from scripted_api import TOKEN, Asked, ScriptedApi, Told

from vedette.cli import client as client_module
from vedette.cli.client import Client
from vedette.cli.problems import BadAnswer, Refused, Unreachable
from vedette.cli.target import Target


@pytest.fixture
def client(api: ScriptedApi) -> Iterator[Client]:
    opened = Client(Target(url=api.url, token=TOKEN))
    yield opened
    opened.close()


def test_a_request_carries_token_revision_and_merge_patch(api: ScriptedApi, client: Client) -> None:
    api.answer = lambda _: Told.json({"site": "north"}, ETag='"5"')
    answer = client.send("PATCH", "/v1/devices/x", {"site": "north"}, etag='"4"')
    assert (answer.body, answer.etag) == ({"site": "north"}, '"5"')
    (asked,) = api.asked
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["if-match"] == '"4"'
    assert asked.headers["content-type"] == "application/merge-patch+json"
    assert asked.body == b'{"site": "north"}'


def test_no_proxy_of_the_environment_sees_the_token(
    api: ScriptedApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert client.get("/v1/status").body == {}
    assert len(api.asked) == 1


def test_a_redirect_is_not_followed(api: ScriptedApi, client: Client) -> None:
    api.answer = lambda _: Told(302, headers={"Location": "http://127.0.0.1:1/"}, kind="")
    with pytest.raises(Refused) as refused:
        client.get("/v1/status")
    assert refused.value.answered == 302


@pytest.mark.parametrize("kind", ["application/json", ""])
def test_no_content_is_an_answer(kind: str, api: ScriptedApi, client: Client) -> None:
    api.answer = lambda _: Told(204, kind=kind)
    assert client.send("DELETE", "/v1/devices/x").body is None


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(Told(200, b"<html>login</html>", "text/html"), id="a web page"),
        pytest.param(Told(200, b'{"a":', "application/json"), id="broken JSON"),
        pytest.param(Told(200, b"\xff\xfe", "application/json"), id="not UTF-8"),
    ],
)
def test_what_is_not_the_api_is_told_as_such(told: Told, api: ScriptedApi, client: Client) -> None:
    api.answer = lambda _: told
    with pytest.raises(BadAnswer):
        client.get("/v1/status")


def test_an_answer_beyond_the_limit_is_given_up(
    api: ScriptedApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "ANSWER_MAX_BYTES", 1000)
    api.answer = lambda _: Told(200, b'"' + b"x" * 998 + b'"')
    assert len(client.get("/v1/status").body) == 998
    api.answer = lambda _: Told(200, b'"' + b"x" * 999 + b'"')
    with pytest.raises(BadAnswer, match="1000"):
        client.get("/v1/status")


def test_a_refusal_that_is_no_problem_document_still_refuses(api: ScriptedApi, client: Client) -> None:
    api.answer = lambda _: Told(502, b"<html>bad gateway</html>", "text/html")
    with pytest.raises(Refused, match="502 Bad Gateway"):
        client.get("/v1/status")


def test_nobody_at_the_address_is_told_with_the_next_step() -> None:
    with pytest.raises(Unreachable) as told:
        Client(Target(url="http://127.0.0.1:1", token=TOKEN)).get("/v1/status")
    assert "vedette status" in told.value.hint


def pages(asked: Asked) -> Told:
    after = asked.path.partition("after=")[2].partition("&")[0]
    size = int(asked.path.partition("limit=")[2].partition("&")[0])
    begin = int(after or 0)
    items = list(range(begin, min(begin + min(size, 3), 10)))
    return Told.json({"items": items, "next": str(items[-1] + 1) if items[-1] < 9 else None})


@pytest.mark.parametrize(("limit", "expected"), [(1, 1), (3, 3), (4, 4), (9, 9), (10, 10), (11, 10), (None, 10)])
def test_pages_are_read_until_there_are_enough(
    limit: int | None, expected: int, api: ScriptedApi, client: Client
) -> None:
    api.answer = pages
    found = [item for page in client.pages("/v1/devices", {"site": None}, limit=limit) for item in page["items"]]
    assert found == list(range(expected))
    assert not any("site" in asked.path for asked in api.asked)


def test_a_list_without_items_is_refused(api: ScriptedApi, client: Client) -> None:
    api.answer = lambda _: Told.json({"next": "x"})
    with pytest.raises(BadAnswer):
        list(client.pages("/v1/devices", {}, limit=10))


def test_a_stream_that_breaks_off_goes_on_where_it_was(
    api: ScriptedApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_COME_BACK_S", 0.01)
    answers = iter(
        [
            Told.stream("id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\nda"),
            Told.json({"detail": "not now"}, 503),
            Told.stream("id: 3\ndata: 3\n\n"),
        ]
    )
    api.answer = lambda _: next(answers)
    cuts: list[str] = []
    events = client.events("/v1/events", {"after": "0"}, on_cut=cuts.append)
    assert [next(events).data for _ in range(3)] == [1, 2, 3]
    assert [asked.headers.get("last-event-id") for asked in api.asked] == [None, "2", "2"]
    assert cuts == ["not now"]


def test_a_stream_that_is_refused_ends(api: ScriptedApi, client: Client) -> None:
    api.answer = lambda _: Told.json({"detail": "there is no device 'x'"}, 404)
    with pytest.raises(Refused, match="no device"):
        next(client.events("/v1/telemetry/stream", {}))


def test_a_token_that_ends_ends_the_stream(api: ScriptedApi, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_COME_BACK_S", 0.01)
    answers = iter([Told.stream("data: 1\n\n"), Told.json({"detail": "who?"}, 401)])
    api.answer = lambda _: next(answers)
    events = client.events("/v1/events", {})
    assert next(events).data == 1
    with pytest.raises(Refused, match=r"who\?"):
        next(events)


def test_nobody_at_the_address_of_a_stream_is_told() -> None:
    with pytest.raises(Unreachable):
        next(Client(Target(url="http://127.0.0.1:1", token=TOKEN)).events("/v1/events", {}))


def test_over_tls_the_platforms_own_root_is_trusted_and_no_other(api: ScriptedApi, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    api.use_tls(context)
    root = tmp_path / "root.pem"
    authority.cert_pem.write_to_path(str(root))
    url = f"https://127.0.0.1:{api.port}"
    assert Client(Target(url=url, token=TOKEN, ca_file=root)).get("/v1/status").body == {}
    with pytest.raises(Unreachable) as told:
        Client(Target(url=url, token=TOKEN)).get("/v1/status")
    assert "--ca-file" in told.value.hint
    assert len(api.asked) == 1


def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "root.pem"
    broken.write_text("not a certificate")
    for path in (broken, tmp_path / "nowhere"):
        with pytest.raises(Unreachable, match=path.name):
            Client(Target(url="https://127.0.0.1:1", token=TOKEN, ca_file=path)).get("/v1/status")
