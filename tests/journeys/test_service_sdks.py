"""A solution's back end with the unmodified service SDKs for Python and Node, beside devices with the device SDK.

The Node SDK knows no other port than 443, so this platform serves the service API there.
"""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.iot.device import X509, IoTHubDeviceClient, MethodResponse
from azure_device import make_client, sdk_warnings
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from journey import Platform, wait_until
from node_sdk import needs_node, node_service

from vedette.simulation import Factory

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # msrest is old
    sdk = pytest.importorskip(
        "azure.iot.hub", reason="the service SDK is not built for this machine", exc_type=ImportError
    )
    models = pytest.importorskip("azure.iot.hub.models", exc_type=ImportError)
    HttpOperationError: Any = pytest.importorskip("msrest.exceptions", exc_type=ImportError).HttpOperationError

pytestmark = [*sdk_warnings, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

CONFIGURATION = "[service]\nport = 443\n[pki]\nsymmetric_keys = true\n"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    running = Platform("127.0.218.1", tmp_path_factory.mktemp("platform"), more_configuration=CONFIGURATION)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def connection_string(platform: Platform, policy: str = "iothubowner", *options: str) -> str:
    return platform.cli("service-policy", "connection-string", policy, *options).stdout.strip()


@pytest.fixture(scope="module")
def trust(platform: Platform) -> Iterator[Path]:
    """Have the SDK trust the platform's root, as its users do."""
    root = platform.data / "public" / "root.pem"
    os.environ["REQUESTS_CA_BUNDLE"] = str(root)
    yield root
    del os.environ["REQUESTS_CA_BUNDLE"]


@pytest.fixture(scope="module")
def registry(platform: Platform, trust: Path) -> Any:
    assert trust.exists()
    return sdk.IoTHubRegistryManager.from_connection_string(connection_string(platform))


@pytest.fixture
def device_certificate(factory: Factory, tmp_path: Path) -> tuple[Any, str]:
    """Return a credential for the device SDK, and its thumbprint."""
    certificate, key = factory.make_device("any").write(tmp_path, "own")
    digest = x509.load_pem_x509_certificates(certificate.read_bytes())[0].fingerprint(hashes.SHA256()).hex()
    return X509(cert_file=str(certificate), key_file=str(key)), digest


@contextlib.contextmanager
def connected(platform: Platform, name: str, credential: Any) -> Iterator[IoTHubDeviceClient]:
    client = make_client(platform, name, credential)
    try:
        client.connect()
        yield client
    finally:
        client.shutdown()


def test_a_back_end_in_python_runs_a_device_from_first_to_last(
    platform: Platform, registry: Any, device_certificate: tuple[Any, str]
) -> None:
    credential, digest = device_certificate
    created = registry.create_device_with_x509("py-1", digest.upper(), "", "enabled")
    assert created.authentication.type == "selfSigned"
    assert created.authentication.x509_thumbprint.primary_thumbprint == digest.upper()
    with pytest.raises(HttpOperationError) as again:
        registry.create_device_with_x509("py-1", digest, "", "enabled")
    assert again.value.response.status_code == 409
    assert again.value.response.headers["iothub-errorcode"] == "DeviceAlreadyExists"

    with connected(platform, "py-1", credential) as device:
        desired: list[dict[str, Any]] = []
        device.on_twin_desired_properties_patch_received = desired.append
        device.on_method_request_received = lambda request: device.send_method_response(
            MethodResponse.create_from_method_request(request, 201, {"heard": request.payload})
        )
        wait_until(lambda: registry.get_device("py-1").connection_state == "Connected", 90, "presence")
        wait_until(lambda: _nudge(registry, "py-1", desired), 90, "a desired patch")

        device.patch_twin_reported_properties({"firmware": "2.1"})
        twin = registry.get_twin("py-1")
        assert twin.properties.reported["firmware"] == "2.1"
        assert twin.properties.desired["$metadata"]["$lastUpdatedVersion"] == twin.properties.desired["$version"]

        method = models.CloudToDeviceMethod(method_name="echo", payload={"a": 1}, response_timeout_in_seconds=50)
        answer = registry.invoke_device_method("py-1", method)
        assert (answer.status, answer.payload) == (201, {"heard": {"a": 1}})

        # Tags are of the twin: the device's own etag is still good.
        registry.update_device_with_x509("py-1", created.etag, digest, "", "disabled", status_reason="maintenance")
        wait_until(lambda: registry.get_device("py-1").connection_state == "Disconnected", 90, "the cut")
    with pytest.raises(HttpOperationError) as away:
        registry.invoke_device_method("py-1", method)
    assert away.value.response.status_code == 404
    assert registry.get_device("py-1").status_reason == "maintenance"

    registry.delete_device("py-1")
    with pytest.raises(HttpOperationError) as gone:
        registry.get_device("py-1")
    assert gone.value.response.json()["Message"].startswith("ErrorCode:DeviceNotFound;")
    acts = platform.call("GET", "/v1/ledger/entries?limit=500")["items"]
    mine = {act["action"] for act in acts if act["actor"]["kind"] == "service" and act["target_name"] == "py-1"}
    assert {"registry.disable_device", "registry.delete_device", "messaging.invoke_method"} <= mine
    assert {act["actor"].get("name") for act in acts if act["action"] == "registry.delete_device"} == {"iothubowner"}


def _nudge(registry: Any, name: str, desired: list[dict[str, Any]]) -> bool:
    """Change a desired property until the subscription, which the SDK makes in the background, has taken."""
    if not desired:
        properties = models.TwinProperties(desired={"speed": time.monotonic_ns() % 1000})
        registry.update_twin(name, models.Twin(tags={"line": "A"}, properties=properties))
        time.sleep(0.3)
    return bool(desired)


def test_queries_lists_bulk_and_statistics(registry: Any) -> None:
    by_authority = models.AuthenticationMechanism(type="certificateAuthority")
    items = [
        models.ExportImportDevice(id=f"bulk-{n}", import_mode="create", authentication=by_authority, tags={"site": "b"})
        for n in range(5)
    ]
    assert registry.bulk_create_or_update_devices(items).is_successful
    failed = registry.bulk_create_or_update_devices(items[:1])
    assert (failed.is_successful, failed.errors[0].error_code) == (False, "DeviceAlreadyExists")

    text = "SELECT * FROM devices WHERE tags.site = 'b'"
    found, token = [], None
    while True:
        page = registry.query_iot_hub(models.QuerySpecification(query=text), token, 2)
        found += [item.device_id for item in page.items]
        token = page.continuation_token
        if not token:
            break
    assert found == [f"bulk-{n}" for n in range(5)]
    names = {device.device_id for device in registry.get_devices(1000)}
    assert names >= set(found)
    assert registry.get_device_registry_statistics().total_device_count == len(names)
    deletes = [models.ExportImportDevice(id=name, import_mode="delete") for name in found]
    assert registry.bulk_create_or_update_devices(deletes).is_successful


def test_modules_and_their_twins(registry: Any) -> None:
    registry.create_device_with_certificate_authority("mod-1", "enabled")
    registry.create_module_with_x509("mod-1", "filter", "me", "ab" * 32, "")
    assert [each.module_id for each in registry.get_modules("mod-1")] == ["filter"]
    twin = registry.get_module_twin("mod-1", "filter")
    changed = registry.update_module_twin(
        "mod-1", "filter", models.Twin(properties=models.TwinProperties(desired={"on": True})), twin.etag
    )
    assert changed.properties.desired["on"] is True
    with pytest.raises(HttpOperationError) as stale:
        registry.update_module_twin("mod-1", "filter", models.Twin(tags={"x": 1}), twin.etag)
    assert stale.value.response.status_code == 412
    registry.delete_module("mod-1", "filter")
    registry.delete_device("mod-1")


def test_a_shared_key_is_told_once_and_lets_its_device_in(platform: Platform, registry: Any) -> None:
    created = registry.create_device_with_sas("legacy-1", "", "", "enabled")
    key = created.authentication.symmetric_key.primary_key
    assert key
    assert registry.get_device("legacy-1").authentication.symmetric_key.primary_key is None
    text = f"HostName={platform.address};DeviceId=legacy-1;SharedAccessKey={key}"
    device = IoTHubDeviceClient.create_from_connection_string(text, server_verification_cert=platform.root_pem)
    try:
        device.connect()
        wait_until(lambda: registry.get_device("legacy-1").connection_state == "Connected", 90, "presence")
    finally:
        device.shutdown()
    registry.delete_device("legacy-1")


def test_feedback_is_fetched_over_http(platform: Platform, registry: Any, device_certificate: tuple[Any, str]) -> None:
    runtime = sdk.IoTHubHttpRuntimeManager.from_connection_string(connection_string(platform))
    credential, digest = device_certificate
    registry.create_device_with_x509("feedback-1", digest, "", "enabled")
    platform.call("POST", "/v1/devices/feedback-1/commands", {"body": "go", "message_id": "m1", "ack": "full"})
    with connected(platform, "feedback-1", credential) as device:
        heard: list[Any] = []
        device.on_message_received = heard.append
        wait_until(lambda: heard, 90, "the command")
    wait_until(lambda: not platform.call("GET", "/v1/devices/feedback-1/commands")["items"], 90, "its end")
    runtime.receive_feedback_notification()
    registry.delete_device("feedback-1")


def test_a_policy_may_what_its_rights_say_until_it_is_deleted(platform: Platform, registry: Any, trust: Path) -> None:
    assert trust.exists()
    reader: Any = sdk.IoTHubRegistryManager.from_connection_string(connection_string(platform, "registryRead"))
    reader.get_devices()
    forbidden: Any
    for forbidden in (
        lambda: reader.create_device_with_certificate_authority("no-1", "enabled"),
        lambda: reader.get_twin("no-1"),
    ):
        with pytest.raises(HttpOperationError) as refused:
            forbidden()
        assert refused.value.response.status_code == 401
    other = connection_string(platform, "registryRead", "--key", "secondary")
    platform.cli("service-policy", "rotate", "registryRead", "--yes")
    with pytest.raises(HttpOperationError):
        reader.get_devices()
    sdk.IoTHubRegistryManager.from_connection_string(other).get_devices()
    platform.cli("service-policy", "delete", "registryRead", "--yes")
    with pytest.raises(HttpOperationError):
        sdk.IoTHubRegistryManager.from_connection_string(other).get_devices()
    assert platform.cli("service-policy", "connection-string", "device", check=False).returncode == 2


@needs_node
def test_a_back_end_in_node_runs_a_device_from_first_to_last(
    platform: Platform, trust: Path, device_certificate: tuple[Any, str]
) -> None:
    credential, digest = device_certificate
    thumbprints = {"x509Thumbprint": {"primaryThumbprint": digest}}
    with node_service(connection_string(platform), trust) as back_end:
        created = back_end.ask("create", device={"deviceId": "node-1", "authentication": thumbprints})["body"]
        assert created["authentication"]["type"] == "selfSigned"
        with connected(platform, "node-1", credential) as device:
            device.on_method_request_received = lambda request: device.send_method_response(
                MethodResponse.create_from_method_request(request, 200, request.payload)
            )
            wait_until(lambda: _answers(back_end, "node-1"), 120, "the method subscription")
            twin = back_end.ask("twin", id="node-1")
            changed = back_end.ask(
                "patchTwin",
                id="node-1",
                etag=twin["etag"],
                patch={"tags": {"site": "n"}, "properties": {"desired": {"speed": 4}}},
            )
            assert changed["properties"]["desired"]["speed"] == 4
            assert device.get_twin()["desired"]["speed"] == 4
            assert back_end.ask("query", text="SELECT * FROM devices WHERE tags.site = 'n'", page=1)["ids"] == [
                "node-1"
            ]

            # The SDK sends an empty shared key here; the device keeps its certificate.
            disabled = back_end.ask("update", device={"deviceId": "node-1", "status": "disabled"})["body"]
            assert (disabled["status"], disabled["authentication"]["type"]) == ("disabled", "selfSigned")
            wait_until(lambda: not device.connected, 90, "the cut")
        assert "DeviceAlreadyExistsError" in back_end.attempt("create", device={"deviceId": "node-1"})["error"]
        assert back_end.ask("removeMany", ids=["node-1"])["body"]["isSuccessful"]
        assert "DeviceNotFoundError" in back_end.attempt("get", id="node-1")["error"]
        assert back_end.ask("list")["ids"] is not None


def _answers(back_end: Any, name: str) -> bool:
    answer = back_end.attempt("invoke", id=name, name="echo", payload={"n": 1})
    return "error" not in answer and answer["body"]["payload"] == {"n": 1}


def test_neither_door_answers_for_the_other(platform: Platform, trust: Path) -> None:
    with httpx.Client(base_url=f"https://{platform.address}", verify=str(trust), timeout=60) as stranger:
        for path in ("/v1/devices", "/devices", "/", "/login"):
            answer = stranger.get(path, headers={"Authorization": platform.api.headers["Authorization"]})
            assert answer.status_code in {401, 429}
            assert answer.headers["iothub-errorcode"] in {"IotHubUnauthorized", "ThrottlingException"}
    assert platform.api.put("/devices/any", json={}).status_code in {404, 405}
    assert platform.api.get("/twins/any").status_code == 404
    assert platform.api.get("/statistics/devices").status_code == 404
