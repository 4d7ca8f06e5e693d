"""Advisories and vulnerabilities of assets, by command and over the API of a real platform."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from advisory_cases import catalog, document, encoded, product, scores, zipped
from network_house import asset
from people_at_the_door import PeopleAtTheDoor
from running_platform import RunningPlatform, wait_for
from told_plant import ToldPlant

from vedette.cli.program import run
from vedette.kernel import SystemClock, to_rfc3339

Command = Callable[..., tuple[int, str]]
SITE, CVE, ADDRESS = "plant-v", "CVE-2026-30001", "10.9.0.5"


@pytest.fixture
def command(platform: RunningPlatform, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> tuple[int, str]:
        token = platform.data / "secrets" / "operator.token"
        code = run([*arguments, "--url", platform.url, "--token-file", str(token)])
        return code, capsys.readouterr().out

    return call


@pytest.fixture(scope="module")
def tern(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return an asset that sensors saw, and that an advisory is about."""
    with platform.client() as api:
        told = ToldPlant(platform, api, tmp_path_factory.mktemp("plant"), name="probe-v", site=SITE)
        told.register()
        told.tell(asset(ADDRESS, vendor="Ostwind Controls", model="Tern 530", firmware="V2.3"))
        wait_for(lambda: told.assets(address=ADDRESS), "the asset")
        tree = product("Tern 530", "< V2.4")
        hand(api, "/v1/advisories", encoded(document(tree, cve=CVE, advisory_id="OCA-26-530")))
        asset_id = told.asset(ADDRESS)["asset_id"]
        wait_for(lambda: listed(api, asset_id=asset_id), "the vulnerability")
        yield asset_id


def hand(api: httpx.Client, path: str, content: bytes, **members: Any) -> httpx.Response:
    return api.post(path, json={"content": base64.b64encode(content).decode(), **members})


def listed(api: httpx.Client, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/v1/vulnerabilities", params=params).raise_for_status().json()["items"]
    return found


def test_a_vulnerability_is_told_with_its_reasons(tern: str, api: httpx.Client) -> None:
    (found,) = listed(api, asset_id=tern, certainty="proven", site=SITE)
    assert (found["name"], found["asset_name"], found["state"]) == (CVE, ADDRESS, "open")
    assert any("V2.3 lies in < V2.4" in reason for reason in found["reasons"])
    shown = api.get(f"/v1/assets/{tern}/vulnerabilities/{CVE}").raise_for_status().json()
    assert shown["advisory"]["advisory_id"] == "OCA-26-530"
    assert shown["advice"][0]["kind"] == "vendor_fix"
    exposure = api.get(f"/v1/assets/{tern}/exposure").raise_for_status().json()
    assert (exposure["proven"], exposure["unknown_reason"]) == (1, "")
    assert tern in {each["asset_id"] for each in api.get("/v1/exposures", params={"site": SITE}).json()["items"]}
    assert listed(api, site="nowhere") == []
    assert api.get("/v1/vulnerabilities/summary").json()["proven"] >= 1


def test_vulnerabilities_are_exported_as_a_table_and_whole(tern: str, api: httpx.Client, command: Command) -> None:
    answer = api.get("/v1/vulnerability-export", params={"asset_id": tern})
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["name"], row["asset_id"], row["certainty"], row["score"]) == (CVE, tern, "proven", "9.8")
    whole = api.get("/v1/vulnerability-export", params={"asset_id": tern, "form": "json"}).json()
    assert whole == listed(api, asset_id=tern)
    assert api.get("/v1/vulnerability-export", params={"site": "nowhere", "form": "json"}).json() == []
    code, out = command("vulnerability", "export", "--certainty", "proven", "--site", SITE)
    assert (code, tern in out) == (0, True)
    code, out = command("vulnerability", "export", "--format", "json", "--site", SITE)
    assert (code, json.loads(out)["items"][0]["name"]) == (0, CVE)


def test_what_does_not_exist_or_fit_is_refused(tern: str, api: httpx.Client) -> None:
    assert api.get(f"/v1/assets/{tern}/vulnerabilities/CVE-2026-1").status_code == 404
    assert api.get(f"/v1/assets/ast_nobody/vulnerabilities/{CVE}").status_code == 404
    assert api.get("/v1/advisories/adv_nothing").status_code == 404
    assert api.post("/v1/advisories/adv_nothing/remove", json={"reason": "x"}).status_code == 404
    assert api.get("/v1/vulnerabilities", params={"after": "x"}).status_code == 422
    assert api.post("/v1/advisories", json={"content": "not base64!"}).status_code == 422
    assert hand(api, "/v1/advisories", b"{}").status_code == 422
    assert hand(api, "/v1/vulnerability-feeds/kev", b"{}").status_code == 422
    assert hand(api, "/v1/vulnerability-feeds/epss", b"x", sha256="0" * 64).status_code == 422
    accept = f"/v1/assets/{tern}/vulnerabilities/{CVE}/accept"
    for_ever = {"owner": "me", "reason": "why", "until": "2099-01-01T00:00:00Z"}
    assert api.post(accept, json=for_ever).status_code == 422
    soon = to_rfc3339(SystemClock().now() + timedelta(days=3))
    assert api.post(accept, json={**for_ever, "until": soon, "evidence_id": "0" * 32}).status_code == 409


def test_a_digest_is_checked(api: httpx.Client) -> None:
    content = encoded(document(product("Heron 9", "1.0"), cve="CVE-2026-30009", advisory_id="OCA-26-009"))
    assert hand(api, "/v1/advisories", content, sha256="0" * 64).status_code == 422
    told = hand(api, "/v1/advisories", content, sha256=hashlib.sha256(content).hexdigest()).raise_for_status().json()
    assert (told["added"], told["refused"]) == (1, [])


def test_who_may_only_look_imports_and_accepts_nothing(tern: str, platform: RunningPlatform, api: httpx.Client) -> None:
    people = PeopleAtTheDoor(platform.url, api)
    auditor, elsewhere = people.come("auditor").http, people.come("operator", sites=["plant-z"]).http
    assert tern in {each["asset_id"] for each in listed(auditor)}
    assert hand(auditor, "/v1/advisories", b"{}").status_code == 403
    assert hand(auditor, "/v1/vulnerability-feeds/kev", b"{}").status_code == 403
    body = {"owner": "me", "reason": "why", "until": to_rfc3339(SystemClock().now() + timedelta(days=3))}
    assert auditor.post(f"/v1/assets/{tern}/vulnerabilities/{CVE}/accept", json=body).status_code == 403
    assert listed(elsewhere) == []
    assert elsewhere.get("/v1/exposures").json()["items"] == []
    assert elsewhere.get(f"/v1/assets/{tern}/vulnerabilities/{CVE}").status_code == 404
    assert elsewhere.get("/v1/vulnerabilities/summary").json()["assets"] == 0
    people.close()


def test_commands_import_show_and_remove(command: Command, tern: str, tmp_path: Path) -> None:
    folder = tmp_path / "white" / "2026"
    folder.mkdir(parents=True)
    for number in range(3):
        tree = product(f"Puffin {number}00", "< 2.0", vendor="Puffin Works")
        content = encoded(document(tree, cve=f"CVE-2026-3100{number}", advisory_id=f"PUF-{number}"))
        (folder / f"puf-{number}.json").write_bytes(content)
        (folder / f"puf-{number}.json.sha256").write_text(hashlib.sha256(content).hexdigest())
    (folder / "puf-9.json").write_text("{}")
    (folder / "link.json").symlink_to(folder / "puf-9.json")
    packed = tmp_path / "more.zip"
    other = encoded(document(product("Gull", "1"), cve="CVE-2026-31009", advisory_id="PUF-Z"))
    packed.write_bytes(zipped(("z.json", other)))
    paths = [str(tmp_path / "white"), str(packed)]
    assert "5 files would be" in command("advisory", "import", *paths, "--dry-run")[1]
    code, out = command("advisory", "import", *paths)
    assert (code, "4 added" in out, "puf-9.json" in out) == (1, True, True)
    again = command("advisory", "import", *paths, "--output", "json")
    assert (json.loads(again[1])["unchanged"], json.loads(again[1])["added"]) == (4, 0)
    found = json.loads(command("advisory", "list", "--about", "CVE-2026-31001", "--output", "json")[1])["items"]
    assert [each["advisory_id"] for each in found] == ["PUF-1"]
    key = found[0]["advisory_key"]
    assert "Puffin 100" in command("advisory", "show", key)[1]
    assert command("advisory", "remove", key, "--reason", "not ours", "--yes")[0] == 0
    assert command("advisory", "show", key)[0] == 4
    assert "PUF-2" in command("advisory", "list", "--text", "puf-2")[1]
    assert "csaf:Ostwind PSIRT" in command("advisory", "feeds")[1]


def test_commands_tell_rank_accept_and_reopen(command: Command, tern: str, api: httpx.Client, tmp_path: Path) -> None:
    known, scored = tmp_path / "kev.json", tmp_path / "epss.csv.gz"
    known.write_bytes(catalog(CVE))
    scored.write_bytes(scores((CVE, 0.9, 0.99)))
    assert "Nothing was changed" not in command("advisory", "kev", str(known))[1]
    assert "1 entries" in command("advisory", "epss", str(scored))[1]
    wait_for(lambda: listed(api, asset_id=tern, is_known_exploited="true"), "the catalog")
    assert CVE in command("vulnerability", "list", "--exploited", "--asset", tern)[1]
    out = command("vulnerability", "show", tern, CVE)[1]
    assert "known to be exploited by ransomware" in out
    assert "Update to V2.4." in out
    until = to_rfc3339(SystemClock().now() + timedelta(days=3))
    words = ("vulnerability", "accept", tern, CVE, "--owner", "plant", "--until", until, "--reason", "stops in June")
    assert "accepted" in command(*words, "--dry-run")[1]
    assert command(*words)[0] == 0
    assert [each["acceptance"]["owner"] for each in listed(api, asset_id=tern, state="accepted")] == ["plant"]
    assert command("vulnerability", "reopen", tern, CVE, "--reason", "not after all")[0] == 0
    assert [each["state"] for each in listed(api, asset_id=tern)] == ["open"]
    assert "known to be exploited" in command("vulnerability", "summary")[1]
    assert tern in command("vulnerability", "exposures", "--site", SITE)[1]
