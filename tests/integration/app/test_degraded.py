"""A part is missing: what still works, and what is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from running_platform import RunningPlatform, wait_for


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(tmp_path_factory.mktemp("degraded"))
    running.start()
    yield running
    running.stop()


@contextmanager
def frozen(platform: RunningPlatform, name: str) -> Iterator[None]:
    """Stop a process without ending it, as a machine that swaps does."""
    pid = platform.processes()[name]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def health_of(api: httpx.Client) -> dict[str, str]:
    return {each["name"]: each["health"] for each in api.get("/v1/status").json()["components"]}


def test_without_the_bus_devices_are_disabled_and_the_page_is_drawn(platform: RunningPlatform) -> None:
    with platform.client() as api, httpx.Client(base_url=platform.url, follow_redirects=True, timeout=60) as browser:
        api.post("/v1/devices", json={"device_id": "pump-1"}).raise_for_status()
        browser.get(api.post("/v1/login-links").json()["url"]).raise_for_status()
        with frozen(platform, "nats-server"):
            wait_for(lambda: health_of(api)["bus"] == "failed", "the loss is noticed")
            disabled = api.post("/v1/devices/pump-1/disable", json={"reason": "still works"})
            assert disabled.status_code == 200
            assert disabled.json()["device"]["is_enabled"] is False
            page = browser.get("/status")
            assert page.status_code == 200
            assert "Something is broken." in page.text
            assert "This cannot be read now" in page.text
            assert "still works" in page.text
            assert api.get("/v1/telemetry").status_code in {503, 504}
        wait_for(lambda: api.get("/v1/status").json()["health"] == "ok", "everything is back")


def test_without_the_signer_nothing_is_issued_and_all_else_works(platform: RunningPlatform) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pump-2")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    body = {"csr": csr.public_bytes(Encoding.PEM).decode()}
    with platform.client() as api:
        api.post("/v1/devices", json={"device_id": "pump-2"}).raise_for_status()
        with frozen(platform, "signer"):
            refused = api.post("/v1/devices/pump-2/certificates", json=body)
            assert (refused.status_code, refused.json()["code"]) == (503, "pki.signer_unavailable")
            assert int(refused.headers["retry-after"]) > 0
            assert health_of(api)["issuing"] == "failed"
            assert api.post("/v1/devices/pump-2/disable", json={"reason": "x"}).status_code == 200
        wait_for(
            lambda: api.post("/v1/devices/pump-2/certificates", json=body).status_code == 201,
            "the signer answers in time again",
        )


def test_without_a_gateway_a_change_is_pending_and_told(platform: RunningPlatform) -> None:
    with platform.client() as api:
        api.post("/v1/devices", json={"device_id": "pump-3"}).raise_for_status()
        with frozen(platform, "gateway-1"):
            done = api.post("/v1/devices/pump-3/disable", json={"reason": "x"}).json()["enforcement"]
        assert done == {"enforced_at": None, "pending": ["gateway-1"], "sessions_cut": 0}


def test_the_log_holds_no_secret(platform: RunningPlatform) -> None:
    log = platform.log()
    secrets = [each.read_text(errors="replace").strip() for each in (platform.data / "secrets").iterdir()]
    assert not any(line in log for secret in secrets for line in secret.splitlines())
    assert Path(platform.data / "run" / "settings").is_dir()
    for settings in (platform.data / "run" / "settings").iterdir():
        text = settings.read_text()
        assert not any(line in text for secret in secrets for line in secret.splitlines() if "-----" not in line)
