"""The hooks for brokers: mosquitto-go-auth's and EMQX 5's documented requests, against a real platform."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform

from vedette.simulation import make_request

DECLARED = "?tls_version=TLSv1.3&cipher=TLS_AES_128_GCM_SHA256&key_algorithm=EC&key_bits=256"


@pytest.fixture
def pump(api: httpx.Client, device: str) -> str:
    csr = base64.b64encode(make_request(device)[1]).decode()
    assert api.post(f"/v1/devices/{device}/certificates", json={"csr": csr}).status_code == 201
    return device


def acl(api: httpx.Client, device: str, topic: str, acc: int, *, declared: str = DECLARED) -> httpx.Response:
    form = {"username": device, "clientid": device, "topic": topic, "acc": str(acc)}
    return api.post(f"/hooks/mqtt/acl{declared}", data=form)


def test_a_device_writes_to_its_own_topics_alone(api: httpx.Client, pump: str) -> None:
    assert acl(api, pump, f"devices/{pump}/messages/events/", 2).json() == {"Ok": True, "Error": ""}
    assert acl(api, pump, f"devices/{pump}/#", 4).status_code == 200
    for topic in ("devices/other/messages/events/", "#", "+/+/#", f"{pump}", "devices/#", f"x/devices/{pump}/a", ""):
        assert acl(api, pump, topic, 2).status_code == 403, topic
    assert acl(api, pump, f"devices/{pump}/a", 9).status_code == 403


def test_what_the_hook_does_not_declare_denies(api: httpx.Client, pump: str) -> None:
    refused = acl(api, pump, f"devices/{pump}/a", 2, declared="")
    assert refused.status_code == 403
    assert "missing_context" in refused.json()["Error"]


def test_other_topics_are_own_when_the_hook_says_so(api: httpx.Client, pump: str) -> None:
    declared = f"{DECLARED}&topics=plant/%7Bdevice%7D/up"
    assert acl(api, pump, f"plant/{pump}/up", 2, declared=declared).status_code == 200
    assert acl(api, pump, f"plant/{pump}/down", 2, declared=declared).status_code == 403


def test_a_module_is_neither_its_device_nor_another_module(api: httpx.Client, pump: str) -> None:
    csr = base64.b64encode(make_request(f"{pump}/meter")[1]).decode()
    api.post(f"/v1/devices/{pump}/modules", json={"module_id": "meter"}).raise_for_status()
    issued = api.post(f"/v1/devices/{pump}/modules/meter/certificates", json={"csr": csr})
    assert issued.status_code == 201, issued.text
    module, own = f"{pump}/meter", f"devices/{pump}/modules/meter"
    assert acl(api, module, f"{own}/messages/events/", 2).json() == {"Ok": True, "Error": ""}
    for topic in (f"devices/{pump}/messages/events/", f"devices/{pump}/#", f"devices/{pump}/modules/other/a"):
        refused = acl(api, module, topic, 2)
        assert (refused.status_code, "foreign_topic" in refused.json()["Error"]) == (403, True), topic
    of_devices = f"{DECLARED}&topics=plant/%7Bdevice%7D/%23"
    assert acl(api, module, f"plant/{pump}/a", 2, declared=of_devices).status_code == 403
    of_modules = f"{of_devices}&topics=plant/%7Bdevice%7D/%7Bmodule%7D/up"
    assert acl(api, module, f"plant/{pump}/meter/up", 2, declared=of_modules).status_code == 200


def test_a_disabled_device_is_refused_at_once(api: httpx.Client, pump: str) -> None:
    api.post(f"/v1/devices/{pump}/disable", json={"reason": "test"}).raise_for_status()
    answer = acl(api, pump, f"devices/{pump}/a", 2)
    assert answer.status_code == 403
    assert "disabled" in answer.json()["Error"]


def test_a_user_without_credential_or_with_a_wrong_one_is_refused(api: httpx.Client, pump: str) -> None:
    for form in ({"username": pump}, {"username": pump, "password": "wrong"}, {}):
        assert api.post(f"/hooks/mqtt/user{DECLARED}", data=form).status_code == 403


def test_nobody_is_superuser_and_strangers_ask_nothing(api: httpx.Client, anonymous: httpx.Client, pump: str) -> None:
    assert api.post("/hooks/mqtt/superuser", json={"username": pump}).status_code == 403
    assert anonymous.post("/hooks/mqtt/superuser", json={"username": pump}).status_code == 401


def test_emqx_lets_a_verified_certificate_in(api: httpx.Client, pump: str) -> None:
    url = f"/hooks/emqx/authentication{DECLARED}"
    client: dict[str, Any] = {"clientid": pump, "peerhost": "192.0.2.9", "cert_common_name": pump}
    assert api.post(url, json=client).json() == {"result": "allow", "is_superuser": False}
    assert api.post(url, json={**client, "cert_fingerprint": "ab" * 32}).json()["result"] == "deny"
    assert api.post(url, json={**client, "cert_common_name": "nobody"}).json()["result"] == "deny"
    assert api.post(url, json={"clientid": pump, "username": pump}).json()["result"] == "deny"
    assert api.post(url, content=b"{", headers={"Content-Type": "application/json"}).json()["result"] == "deny"


def test_emqx_asks_for_each_topic(api: httpx.Client, pump: str) -> None:
    url = f"/hooks/emqx/authorization{DECLARED}"
    asked = {"username": pump, "peerhost": "192.0.2.9", "topic": f"devices/{pump}/up", "action": "publish"}
    assert api.post(url, json=asked).json()["result"] == "allow"
    assert api.post(url, json={**asked, "topic": "devices/other/up"}).json()["result"] == "deny"
    assert api.post(url, json={**asked, "action": "administer"}).json()["result"] == "deny"


def test_a_broker_that_sends_no_header_has_the_token_in_the_address(
    api: httpx.Client, anonymous: httpx.Client, platform: RunningPlatform, pump: str
) -> None:
    made = api.post("/v1/service-tokens", json={"name": f"for {pump}", "roles": ["enforcement-point"]}).json()
    form = {"username": pump, "topic": f"devices/{pump}/up", "acc": "2"}
    url = f"/hooks/mqtt/acl{DECLARED}"
    assert anonymous.post(url, data=form, auth=("vedette", made["secret"])).status_code == 200
    for name, password in (
        ("vedette", platform.token),
        ("vedette", f"vds_{'a' * 43}"),
        (made["secret"], ""),
        ("", "\u00e4" * 400),
    ):
        assert anonymous.post(url, data=form, auth=(name.encode(), password.encode())).status_code == 401
    assert anonymous.get("/v1/session", auth=("vedette", made["secret"])).status_code == 401
    assert anonymous.post("/access/v1/evaluation", json={}, auth=("vedette", made["secret"])).status_code == 401
