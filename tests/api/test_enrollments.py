from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from vedette.kernel import SystemClock, to_rfc3339
from vedette.simulation import Factory


@pytest.fixture
def authority(api: httpx.Client, new_name: Callable[[], str]) -> tuple[dict[str, Any], Factory]:
    """Register the authority of a maker of its own and return it, not verified."""
    maker = Factory(f"Maker {new_name()}", SystemClock())
    made = api.post("/v1/authorities", json={"name": new_name(), "certificate": maker.root_pem().decode()})
    assert made.status_code == 201, made.text
    return made.json(), maker


def verify(api: httpx.Client, authority: dict[str, Any], maker: Factory) -> httpx.Response:
    proof = maker.prove_possession(authority["verification_code"]).decode()
    return api.post(f"/v1/authorities/{authority['authority_id']}/verify", json={"certificate": proof})


def test_an_authority_vouches_only_after_its_proof(
    api: httpx.Client, authority: tuple[dict[str, Any], Factory], new_name: Callable[[], str]
) -> None:
    made, maker = authority
    assert made["state"] == "unverified"
    assert made["verification_code"]
    group = {"name": new_name(), "kind": "group", "authority_id": made["authority_id"]}
    assert api.post("/v1/enrollments", json=group).status_code == 422

    foreign = Factory("Somebody else", SystemClock()).prove_possession(made["verification_code"]).decode()
    refused = api.post(f"/v1/authorities/{made['authority_id']}/verify", json={"certificate": foreign})
    assert (refused.status_code, refused.json()["code"]) == (422, "pki.authority_proof_failed")

    verified = verify(api, made, maker)
    assert verified.json()["state"] == "verified"
    assert verified.json()["verification_code"] is None
    assert verify(api, made, maker).status_code == 409
    assert api.post("/v1/enrollments", json=group).status_code == 201


def test_an_authority_is_disabled_enabled_and_removed(
    api: httpx.Client, authority: tuple[dict[str, Any], Factory]
) -> None:
    made, maker = authority
    path = f"/v1/authorities/{made['authority_id']}"
    assert api.post(f"{path}/disable").status_code == 409
    verify(api, made, maker).raise_for_status()
    assert api.post(f"{path}/disable", json={"reason": "key lost"}).json()["state"] == "disabled"
    assert api.post(f"{path}/enable").json()["state"] == "verified"
    assert made["authority_id"] in [each["authority_id"] for each in api.get("/v1/authorities").json()["items"]]
    assert api.delete(path, headers={"If-Match": '"1"'}).status_code == 412
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_the_code_of_an_authority_is_replaced(api: httpx.Client, authority: tuple[dict[str, Any], Factory]) -> None:
    made, maker = authority
    renewed = api.post(f"/v1/authorities/{made['authority_id']}/renew-code").json()
    assert renewed["verification_code"] != made["verification_code"]
    assert verify(api, made, maker).status_code == 422
    assert verify(api, renewed, maker).status_code == 200


def test_an_authority_is_registered_once_and_ours_never(
    api: httpx.Client, authority: tuple[dict[str, Any], Factory]
) -> None:
    _, maker = authority
    again = api.post("/v1/authorities", json={"name": "again", "certificate": maker.root_pem().decode()})
    assert (again.status_code, again.json()["code"]) == (409, "pki.authority_already_registered")
    own = api.get("/v1/own-authorities").json()["items"]
    assert {each["purpose"] for each in own} == {"operational", "services"}
    stolen = own[0]["chain_pem"].partition("-----END CERTIFICATE-----")
    refused = api.post("/v1/authorities", json={"name": "ours", "certificate": stolen[0] + stolen[1]})
    assert refused.status_code == 422


def test_an_individual_enrollment_lives_its_life(
    api: httpx.Client, new_name: Callable[[], str], factory: Factory
) -> None:
    name = new_name()
    digest = hashlib.sha256(name.encode()).hexdigest()
    body = {
        "name": f"enrollment of {name}",
        "kind": "individual",
        "registration_id": name,
        "primary_sha256": digest,
        "initial": {"site": "north", "tags": {"line": "A"}},
        "lifetime_s": 86_400,
    }
    made = api.post("/v1/enrollments", json=body)
    assert made.status_code == 201, made.text
    enrollment = made.json()
    assert enrollment["initial"]["tags"] == {"line": "A"}
    assert enrollment["lifetime_s"] == 86_400
    assert enrollment["is_flagged"] is False
    path = f"/v1/enrollments/{enrollment['enrollment_id']}"
    assert api.get(path).headers["etag"] == '"1"'
    assert api.post("/v1/enrollments", json=body).status_code == 409

    patched = api.patch(path, json={"lifetime_s": None, "name": f"renamed {name}"}, headers={"If-Match": '"1"'})
    assert patched.json()["lifetime_s"] is None
    assert api.patch(path, json={"name": "late"}, headers={"If-Match": '"1"'}).status_code == 412
    assert api.post(f"{path}/disable", json={"reason": "pause"}).json()["is_enabled"] is False
    assert api.post(f"{path}/enable").json()["is_enabled"] is True
    assert api.get(f"{path}/registrations").json() == {"items": [], "next": None}
    listed = api.get("/v1/enrollments", params={"kind": "individual", "limit": 1000}).json()["items"]
    assert enrollment["enrollment_id"] in [each["enrollment_id"] for each in listed]
    assert api.delete(path, params={"reason": "done"}).status_code == 204
    assert api.get(path).status_code == 404


def test_letting_factory_certificates_open_the_hub_needs_an_end_and_is_flagged(
    api: httpx.Client, new_name: Callable[[], str]
) -> None:
    name = new_name()
    body = {
        "name": name,
        "kind": "individual",
        "registration_id": name,
        "primary_sha256": hashlib.sha256(name.encode()).hexdigest(),
        "credential": "onboarding",
    }
    assert api.post("/v1/enrollments", json=body).status_code == 422
    until = SystemClock().now().replace(microsecond=0).isoformat().replace("+00:00", "Z")
    year = int(until[:4])
    made = api.post("/v1/enrollments", json={**body, "onboarding_until": until.replace(str(year), str(year + 1), 1)})
    if made.status_code == 201:
        assert made.json()["is_flagged"] is True
    far = api.post("/v1/enrollments", json={**body, "name": f"{name}-far", "onboarding_until": "2999-01-01T00:00:00Z"})
    assert far.status_code == 422


def test_registering_again_needs_an_operators_reason(api: httpx.Client, device: str) -> None:
    assert api.post(f"/v1/devices/{device}/allow-reenrollment", json={}).status_code == 422
    allowed = api.post(f"/v1/devices/{device}/allow-reenrollment", json={"reason": "board replaced"})
    assert allowed.status_code == 200, allowed.text
    assert allowed.json()["permit_until"]
    assert api.post("/v1/devices/nobody/allow-reenrollment", json={"reason": "x"}).status_code == 404


def test_lists_block_and_free_devices(api: httpx.Client, device: str) -> None:
    body = {"effect": "block", "kind": "device_id", "value": device, "reason": "stolen"}
    entry = api.post("/v1/access-lists", json=body)
    assert entry.status_code == 201, entry.text
    assert api.get(f"/v1/devices/{device}").json()["is_blocked"] is True
    assert api.post("/v1/access-lists", json=body).status_code == 409
    path = f"/v1/access-lists/{entry.json()['entry_id']}"
    listed = api.get("/v1/access-lists", params={"effect": "block"}).json()["items"]
    assert entry.json() in listed
    assert api.delete(path).status_code == 422
    assert api.delete(path, params={"reason": "found"}).status_code == 204
    assert api.get(f"/v1/devices/{device}").json()["is_blocked"] is False


# --- approval, reprovisioning, symmetric keys --------------------------------------------------------------------


def pinned(name: str) -> dict[str, Any]:
    return {
        "name": f"enrollment of {name}",
        "kind": "individual",
        "registration_id": name,
        "primary_sha256": hashlib.sha256(name.encode()).hexdigest(),
    }


def test_an_enrollment_keeps_all_that_it_is_told(api: httpx.Client, new_name: Callable[[], str]) -> None:
    body = {
        **pinned(new_name()),
        "reprovision_policy": "reset",
        "approval": "required",
        "approval_timeout_s": 3600,
        "initial": {"desired": {"interval_s": 10}},
        "payload": {"broker": "plant-1"},
    }
    made = api.post("/v1/enrollments", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["keys"] == []
    path = f"/v1/enrollments/{made.json()['enrollment_id']}"
    found = api.get(path).json()
    assert "keys" not in found
    for name in ("reprovision_policy", "approval", "approval_timeout_s", "payload"):
        assert found[name] == body[name]
    assert found["initial"]["desired"] == {"interval_s": 10}
    assert (found["attestation"], found["symmetric_keys"]) == ("x509", [])
    patch = {"approval": "none", "payload": None, "initial": {"desired": {"interval_s": None, "b": 1}}}
    patched = api.patch(path, json=patch).json()
    assert (patched["approval"], patched["payload"], patched["initial"]["desired"]) == ("none", None, {"b": 1})


@pytest.mark.parametrize(
    "changes",
    [
        {"approval": "maybe"},
        {"approval_timeout_s": 299},
        {"approval_timeout_s": 2_592_001},
        {"reprovision_policy": "always"},
        {"payload": []},
        {"payload": {"issuedCertificateChain": []}},
        {"initial": {"desired": {"a.b": 1}}},
        {"credential": "symmetric_key"},
        {"symmetric_key_until": "2999-01-01T00:00:00Z"},
        {"primary_key": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="},
    ],
)
def test_what_an_enrollment_cannot_be_is_refused(
    api: httpx.Client, new_name: Callable[[], str], changes: dict[str, Any]
) -> None:
    refused = api.post("/v1/enrollments", json={**pinned(new_name()), **changes})
    assert refused.status_code == 422, refused.text


def test_symmetric_keys_are_refused_where_they_are_off(api: httpx.Client, new_name: Callable[[], str]) -> None:
    until = to_rfc3339(SystemClock().now() + timedelta(days=1))
    body = {"name": new_name(), "kind": "group", "attestation": "symmetric_key", "symmetric_key_until": until}
    refused = api.post("/v1/enrollments", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "pki.symmetric_keys_off")
    made = api.post("/v1/enrollments", json=pinned(new_name())).json()
    rotated = api.post(f"/v1/enrollments/{made['enrollment_id']}/keys/rotate", json={"slot": "primary"})
    assert rotated.status_code == 422
    assert api.post("/v1/enrollments/enr_0/keys/rotate", json={"slot": "primary"}).status_code == 404
    assert api.post("/v1/enrollments/enr_0/keys/rotate", json={"slot": "third"}).status_code == 422


def test_nobody_waits_and_nobody_is_approved(api: httpx.Client, new_name: Callable[[], str]) -> None:
    assert api.get("/v1/pending-registrations").json() == {"items": [], "next": None}
    assert api.get("/v1/pending-registrations", params={"state": "rejected"}).json()["items"] == []
    assert api.get("/v1/pending-registrations", params={"state": "else"}).status_code == 422
    assert api.get("/v1/pending-registrations", params={"limit": 0}).status_code == 422
    path = f"/v1/pending-registrations/{new_name()}"
    assert api.get(path).status_code == 404
    assert api.post(f"{path}/approve", json={"binding_sha256": "a" * 64}).status_code == 404
    assert api.post(f"{path}/approve", json={}).status_code == 422
    assert api.post(f"{path}/approve", json={"binding_sha256": "a"}).status_code == 422
    assert api.post(f"{path}/reject", json={"reason": "no"}).status_code == 404
    assert api.post(f"{path}/reject", json={}).status_code == 422
    assert api.get("/v1/pending-registrations/a b").status_code == 422
