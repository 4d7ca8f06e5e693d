from __future__ import annotations

import base64
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509

from vedette.simulation import make_request


@pytest.fixture
def modules(api: httpx.Client, device: str) -> str:
    """Create a module ``filter`` and return the path of the list."""
    path = f"/v1/devices/{device}/modules"
    api.post(path, json={"module_id": "filter", "tags": {"line": "A"}}).raise_for_status()
    return path


def test_a_module_is_created_shown_changed_and_deleted(api: httpx.Client, modules: str) -> None:
    answer = api.get(f"{modules}/filter")
    module = answer.json()
    assert module["module_id"] == "filter"
    assert module["generation_id"].startswith("mod_")
    assert module["presence"] is None
    changed = api.patch(
        f"{modules}/filter",
        json={"tags": {"line": None, "n": 1}, "managed_by": "line 3"},
        headers={"If-Match": answer.headers["etag"], "Content-Type": "application/merge-patch+json"},
    )
    assert changed.json()["tags"] == {"n": 1}
    assert changed.json()["managed_by"] == "line 3"
    stale = api.patch(f"{modules}/filter", json={"managed_by": "x"}, headers={"If-Match": answer.headers["etag"]})
    assert stale.status_code == 412
    assert api.delete(f"{modules}/filter", params={"reason": "gone"}).status_code == 204
    assert api.get(f"{modules}/filter").json()["code"] == "registry.module_not_found"


def test_what_runs_under_a_module_is_declared_and_changed(api: httpx.Client, modules: str) -> None:
    digest = "sha256:" + "ab" * 32
    declared = {"digest": digest, "identity": "spiffe://plant/mixer"}
    api.post(modules, json={"module_id": "mixer", "workload": declared}).raise_for_status()
    path = f"{modules}/mixer"
    assert api.get(path).json()["workload"] == declared
    other = {"digest": "sha256:" + "cd" * 32}
    assert api.patch(path, json={"workload": other}).json()["workload"] == declared | other
    assert api.patch(path, json={"workload": {"digest": "latest"}}).status_code == 422
    assert api.patch(path, json={"workload": None}).json()["workload"] is None
    assert api.get(f"{modules}/filter").json()["workload"] is None


def test_modules_are_listed_by_name_and_page(api: httpx.Client, modules: str) -> None:
    for name in ("a", "zeta"):
        api.post(modules, json={"module_id": name}).raise_for_status()
    first = api.get(modules, params={"limit": 2}).json()
    assert [each["module_id"] for each in first["items"]] == ["a", "filter"]
    second = api.get(modules, params={"limit": 2, "after": first["next"]}).json()
    assert [each["module_id"] for each in second["items"]] == ["zeta"]
    assert second["next"] is None


def test_a_taken_name_and_a_bad_one_are_refused(api: httpx.Client, modules: str) -> None:
    taken = api.post(modules, json={"module_id": "filter"})
    assert (taken.status_code, taken.json()["code"]) == (409, "registry.module_exists")
    for name in ("", "a/b", "a b", "x" * 129):
        assert api.post(modules, json={"module_id": name}).status_code == 422
    odd = "(1)!.."
    api.post(modules, json={"module_id": odd}).raise_for_status()
    assert api.get(f"{modules}/{quote(odd, safe='').replace('.', '%2E')}").json()["module_id"] == odd


def test_a_module_is_kept_out_and_let_in_by_itself(api: httpx.Client, modules: str, device: str) -> None:
    assert api.post(f"{modules}/filter/disable", json={}).status_code == 422
    done = api.post(f"{modules}/filter/disable", json={"reason": "odd traffic"}).json()
    assert done["module"]["is_enabled"] is False
    assert "pending" in done["enforcement"]
    assert api.get(f"/v1/devices/{device}").json()["is_enabled"] is True
    assert api.post(f"{modules}/filter/enable").json()["module"]["is_enabled"] is True


def test_the_certificate_of_a_module_names_both(api: httpx.Client, modules: str, device: str) -> None:
    foreign = {"csr": base64.b64encode(make_request(device)[1]).decode()}
    assert api.post(f"{modules}/filter/certificates", json=foreign).json()["code"] == "pki.foreign_subject"
    _, csr = make_request(f"{device}/filter")
    body = {"csr": base64.b64encode(csr).decode()}
    issued = api.post(f"{modules}/filter/certificates", json=body)
    assert issued.status_code == 201, issued.text
    leaf = x509.load_pem_x509_certificate(issued.json()["chain_pem"].encode())
    assert leaf.subject.rfc4514_string() == f"CN={device}/filter"
    assert issued.json()["certificate"]["standing"] == "permitted"


def test_a_module_of_nobody_is_not_there(api: httpx.Client) -> None:
    for path in ("/v1/devices/nobody/modules", "/v1/devices/nobody/modules/x"):
        assert api.get(path).json()["code"] == "registry.device_not_found"
    assert api.post("/v1/devices/nobody/modules", json={"module_id": "x"}).status_code == 404
