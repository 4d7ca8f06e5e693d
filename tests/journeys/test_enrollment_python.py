"""Devices that need more than a certificate: an operator's word, or a symmetric key; with the unmodified Azure IoT SDK.

An SDK that is told to wait asks again by itself until an operator has decided; one that knows no certificates registers
by a token and goes on to the hub with its key, or leaves it behind for a certificate.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.iot.device import X509, IoTHubDeviceClient, ProvisioningDeviceClient
from azure_device import make_client, messages, open_enrollment, refusals, register, sdk_warnings
from cryptography import x509
from cryptography.x509.oid import NameOID
from journey import Platform, wait_until

from vedette.kernel import SystemClock, to_rfc3339
from vedette.simulation import Factory, Identity, make_request

pytestmark = sdk_warnings


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that accepts symmetric keys, which by itself none does."""
    running = Platform("127.0.17.1", tmp_path_factory.mktemp("platform"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VEDETTE_PKI__SYMMETRIC_KEYS", "true")
        try:
            running.start()
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="module")
def group(platform: Platform, factory: Factory) -> str:
    """An enrollment that asks an operator."""
    return open_enrollment(
        platform,
        factory,
        approval="required",
        initial={"site": "north", "desired": {"interval_s": 10}},
        payload={"broker": "plant-1"},
    )


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def pending(platform: Platform, name: str) -> list[dict[str, Any]]:
    found = platform.call("GET", "/v1/pending-registrations?limit=100")["items"]
    return [each for each in found if each["registration_id"] == name]


def start_registering(
    platform: Platform, workers: ThreadPoolExecutor, identity: Identity, folder: Path, payload: Any
) -> Future[Any]:
    name = str(identity.chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    running = workers.submit(register, platform, identity, name, folder, payload)
    wait_until(lambda: pending(platform, name), 120, "the registration that waits")
    return running


def by_key(platform: Platform, name: str, key: bytes, payload: Any = None) -> Any:
    client = ProvisioningDeviceClient.create_from_symmetric_key(
        provisioning_host=platform.address,
        registration_id=name,
        id_scope=platform.id_scope,
        symmetric_key=base64.b64encode(key).decode(),
        server_verification_cert=platform.root_pem,
    )
    client.provisioning_payload = payload
    return client.register()


def open_keyed(platform: Platform, name: str, **options: Any) -> tuple[str, bytes]:
    until = to_rfc3339(SystemClock().now() + timedelta(days=30))
    body = {"name": name, "attestation": "symmetric_key", "symmetric_key_until": until, **options}
    made = platform.call("POST", "/v1/enrollments", body)
    assert made["is_flagged"] is True
    (primary,) = (each for each in made["keys"] if each["slot"] == "primary")
    return made["enrollment_id"], base64.b64decode(primary["key"])


def derived(key: bytes, name: str) -> bytes:
    return hmac.digest(key, name.encode(), hashlib.sha256)


def write_chain(result: Any, key: Any, folder: Path) -> X509:
    chain = json.loads(result.registration_state.response_payload)["issuedCertificateChain"]
    certificates = tuple(x509.load_der_x509_certificate(base64.b64decode(der)) for der in chain)
    certificate_path, key_path = Identity(key, certificates).write(folder, "operational")
    return X509(cert_file=str(certificate_path), key_file=str(key_path))


def send_one(client: Any, platform: Platform, name: str) -> None:
    try:
        client.connect()
        client.send_message("hello")
        assert [each["body"] for each in messages(platform, name)] == ["hello"]
    finally:
        client.shutdown()


# --- an operator's word ------------------------------------------------------------------------------------------


def test_the_sdk_asks_until_an_operator_has_let_the_device_in(
    platform: Platform, factory: Factory, group: str, workers: ThreadPoolExecutor, tmp_path: Path
) -> None:
    key, csr = make_request("pump-7")
    told = {"csr": base64.b64encode(csr).decode(), "model": "X-200"}
    running = start_registering(platform, workers, factory.make_device("pump-7"), tmp_path, told)
    (shown,) = pending(platform, "pump-7")
    assert (shown["enrollment_id"], shown["enrollment_name"]) == (group, "Acme pumps")
    assert (shown["subject"], shown["payload"]) == ("CN=pump-7", '{"model":"X-200"}')
    listed = platform.cli("enrollment", "pending")
    assert "pump-7" in listed.stdout
    assert platform.api.get("/v1/devices/pump-7").status_code == 404
    platform.cli("enrollment", "approve", "pump-7", "--reason", "delivered today", "--yes")

    result = running.result(180)
    assert result.status == "assigned"
    state = result.registration_state
    assert (state.device_id, state.sub_status) == ("pump-7", "initialAssignment")
    assert json.loads(state.response_payload)["broker"] == "plant-1"
    assert pending(platform, "pump-7") == []
    client: Any = make_client(platform, "pump-7", write_chain(result, key, tmp_path))
    try:
        client.connect()
        assert client.get_twin()["desired"] == {"interval_s": 10, "$version": 1}
    finally:
        client.shutdown()
    kept = platform.call("GET", f"/v1/enrollments/{group}/registrations")["items"]
    assert [each["payload"] for each in kept if each["registration_id"] == "pump-7"] == ['{"model":"X-200"}']


def test_the_sdk_of_a_rejected_device_gives_up_and_the_reason_is_on_record(
    platform: Platform, factory: Factory, group: str, workers: ThreadPoolExecutor, tmp_path: Path
) -> None:
    told = {"csr": base64.b64encode(make_request("pump-8")[1]).decode()}
    running = start_registering(platform, workers, factory.make_device("pump-8"), tmp_path, told)
    platform.cli("enrollment", "reject", "pump-8", "--reason", "never ordered")
    with pytest.raises(Exception, match="Unexpected failure") as caught:
        running.result(180)
    assert "failed registration status" in str(caught.value.__cause__)
    wait_until(lambda: refusals(platform, "pump-8"), 90, "the refusal on record")
    assert {each["reason"] for each in refusals(platform, "pump-8")} == {"rejected"}
    entries = platform.call("GET", "/v1/ledger/entries?limit=1000")["items"]
    (entry,) = [each for each in entries if each["action"] == "enrollment.reject_registration"]
    assert (entry["reason"], entry["target_name"]) == ("never ordered", "pump-8")


def test_a_wait_outlives_the_death_of_every_process(
    platform: Platform, factory: Factory, group: str, workers: ThreadPoolExecutor, tmp_path: Path
) -> None:
    told = {"csr": base64.b64encode(make_request("pump-9")[1]).decode()}
    identity = factory.make_device("pump-9")
    running = start_registering(platform, workers, identity, tmp_path, told)
    (shown,) = pending(platform, "pump-9")
    platform.kill_all()
    platform.start()
    assert pending(platform, "pump-9") == [shown]
    platform.cli("enrollment", "approve", "pump-9", "--yes")
    # The SDK's own connection is gone with the gateway; whatever becomes of its call, the device registers again.
    try:
        result = running.result(180)
    except Exception:  # noqa: BLE001 - whatever it raises
        result = register(platform, identity, "pump-9", tmp_path, told)
    assert result.status == "assigned"


# --- a symmetric key ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["individual", "group"])
def test_a_device_that_knows_no_certificates_registers_and_connects_with_its_key(platform: Platform, kind: str) -> None:
    name = f"meter-{kind}"
    options = {"registration_id": name} if kind == "individual" else {"id_pattern": "meter-*"}
    _, key = open_keyed(platform, f"meters {kind}", kind=kind, credential="symmetric_key", **options)
    own = key if kind == "individual" else derived(key, name)
    result = by_key(platform, name, own)
    assert (result.status, result.registration_state.device_id) == ("assigned", name)
    device = platform.call("GET", f"/v1/devices/{name}")
    assert (device["authentication"]["type"], device["is_flagged"]) == ("symmetric_key", True)
    client: Any = IoTHubDeviceClient.create_from_symmetric_key(
        symmetric_key=base64.b64encode(own).decode(),
        hostname=result.registration_state.assigned_hub,
        device_id=name,
        server_verification_cert=platform.root_pem,
    )
    send_one(client, platform, name)
    again = by_key(platform, name, own)
    assert (again.status, again.registration_state.sub_status) == ("assigned", "deviceDataMigrated")


def test_a_symmetric_key_is_left_behind_for_a_certificate(platform: Platform, tmp_path: Path) -> None:
    _, shared = open_keyed(platform, "valves", kind="group", id_pattern="valve-*")
    key, csr = make_request("valve-1")
    told = {"csr": base64.b64encode(csr).decode()}
    result = by_key(platform, "valve-1", derived(shared, "valve-1"), told)
    assert result.status == "assigned"
    device = platform.call("GET", "/v1/devices/valve-1")
    assert (device["authentication"]["type"], device["is_flagged"]) == ("issued", False)
    send_one(make_client(platform, "valve-1", write_chain(result, key, tmp_path)), platform, "valve-1")


def test_the_key_of_another_device_lets_nobody_in(platform: Platform) -> None:
    enrollment_id, shared = open_keyed(platform, "pipes", kind="group", id_pattern="pipe-*", credential="symmetric_key")
    with pytest.raises(Exception, match="Unexpected failure"):
        by_key(platform, "pipe-1", derived(shared, "pipe-2"))
    wait_until(lambda: refusals(platform, "pipe-1"), 90, "the refusal on record")
    assert {each["reason"] for each in refusals(platform, "pipe-1")} == {"token_invalid"}
    platform.cli("enrollment", "rotate-key", enrollment_id, "--yes")
    with pytest.raises(Exception, match="Unexpected failure"):
        by_key(platform, "pipe-1", derived(shared, "pipe-1"))
