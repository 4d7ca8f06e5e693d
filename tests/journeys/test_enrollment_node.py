"""Approval and symmetric keys with the unmodified Azure IoT provisioning SDK for Node."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from azure_device import open_enrollment
from journey import Platform, wait_until
from node_sdk import needs_node, node_register

from vedette.kernel import SystemClock, to_rfc3339
from vedette.simulation import Factory, make_request

pytestmark = needs_node


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that accepts symmetric keys, which by itself none does."""
    running = Platform("127.0.16.1", tmp_path_factory.mktemp("platform"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VEDETTE_PKI__SYMMETRIC_KEYS", "true")
        try:
            running.start()
            yield running
        finally:
            running.stop()


def test_the_sdk_asks_until_an_operator_has_let_the_device_in(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    open_enrollment(platform, factory, approval="required", payload={"broker": "plant-1"})
    certificate, key = factory.make_device("pump-7").write(tmp_path, "factory")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            node_register,
            platform.data / "public" / "root.pem",
            host=platform.address,
            id_scope=platform.id_scope,
            registration_id="pump-7",
            cert=str(certificate),
            key=str(key),
            payload={"csr": base64.b64encode(make_request("pump-7")[1]).decode(), "model": "X"},
        )
        wait_until(lambda: platform.call("GET", "/v1/pending-registrations")["items"], 120, "the device that waits")
        platform.cli("enrollment", "approve", "pump-7", "--yes")
        result = running.result(240)
    assert "error" not in result, result
    assert result["device_id"] == "pump-7"
    assert result["payload"]["broker"] == "plant-1"
    assert len(result["payload"]["issuedCertificateChain"]) == 3


@pytest.mark.parametrize("kind", ["individual", "group"])
def test_a_device_registers_by_its_symmetric_key(platform: Platform, kind: str) -> None:
    name = f"Meter-{kind}"
    body = {
        "name": f"meters {kind}",
        "kind": kind,
        "attestation": "symmetric_key",
        "symmetric_key_until": to_rfc3339(SystemClock().now() + timedelta(days=30)),
        "credential": "symmetric_key",
    }
    made = platform.call("POST", "/v1/enrollments", body | ({"registration_id": name} if kind == "individual" else {}))
    shown = base64.b64decode(made["keys"][1]["key"])
    key = shown if kind == "individual" else hmac.digest(shown, name.encode(), hashlib.sha256)

    def register(own: bytes) -> dict[str, object]:
        return node_register(
            platform.data / "public" / "root.pem",
            host=platform.address,
            id_scope=platform.id_scope,
            registration_id=name,
            key_base64=base64.b64encode(own).decode(),
        )

    result = register(key)
    assert "error" not in result, result
    assert (result["device_id"], result["hub"]) == (name.lower(), platform.address)
    assert "error" in register(b"k" * 32)
