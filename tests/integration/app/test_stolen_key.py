"""Somebody holds our issuing key: nothing they sign lets them in, and the first try raises the alarm."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from mqtt_device import MqttDevice, client_context
from running_platform import RunningPlatform, wait_for
from stand_in_control import Credential, make_certificate
from stolen_key import issue_unasked, rewrite_signature

from vedette.kernel import GenerationId, OrganizationId
from vedette.simulation import make_request

NOT_AUTHORIZED = 5
UNAVAILABLE = 3


class Thief:
    """Has a copy of ``pki/operational.key``."""

    def __init__(self, platform: RunningPlatform, folder: Path) -> None:
        self.platform = platform
        self.folder = folder
        pki = platform.data / "pki"
        key = load_pem_private_key((pki / "operational.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self.key = key
        self.authority = x509.load_pem_x509_certificate((pki / "operational.pem").read_bytes())

        anchor = json.loads((platform.data / "public" / "trust-anchor.json").read_text())
        self.organization_id = OrganizationId(anchor["organization_id"])

    def forge(self, name: str, generation_id: str | None) -> Credential:
        forged = issue_unasked(
            self.authority,
            self.key,
            name=name,
            organization_id=self.organization_id,
            generation_id=None if generation_id is None else GenerationId(generation_id),
        )
        return forged.write(self.folder, f"forged-{name}")

    def try_to_enter(self, name: str, credential: Credential) -> int:
        """Present a certificate at the gateway; return CONNACK's code.

        One that has not heard from control for three seconds judges nobody: it is asked again.
        """
        codes: list[int] = []

        def is_judged() -> bool:
            codes.append(self.try_once(name, credential))
            return codes[-1] != UNAVAILABLE

        wait_for(is_judged, "the gateway judges")
        return codes[-1]

    def try_once(self, name: str, credential: Credential) -> int:
        """Present a certificate; a device that is disabled may come again as well, so the code tells no more."""
        return asyncio.run(self._enter(name, credential))

    async def _enter(self, name: str, credential: Credential) -> int:
        context = client_context(self.platform.data / "public" / "root.pem", credential)
        device = await MqttDevice.open(self.platform.ports["gateway"], context)
        code = await device.connect(name)
        await device.close()
        with contextlib.suppress(OSError):
            await device.writer.wait_closed()
        return code


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(tmp_path_factory.mktemp("stolen"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def thief(platform: RunningPlatform, tmp_path: Path) -> Thief:
    return Thief(platform, tmp_path)


@pytest.fixture
def api(platform: RunningPlatform) -> Iterator[httpx.Client]:
    with platform.client() as client:
        yield client


def issue(api: httpx.Client, name: str, folder: Path) -> tuple[dict[str, Any], Credential]:
    """Register a device and have a certificate issued, as an operator does."""
    device = api.post("/v1/devices", json={"device_id": name}).raise_for_status().json()
    key, csr = make_request(name)
    request = x509.load_der_x509_csr(csr).public_bytes(Encoding.PEM).decode()
    issued = api.post(f"/v1/devices/{name}/certificates", json={"csr": request}).raise_for_status().json()
    certificate = x509.load_pem_x509_certificate(issued["chain_pem"].encode())
    return device, Credential(certificate, key).write(folder, name)


def issuing_key(api: httpx.Client) -> dict[str, str]:
    status = api.get("/v1/status").json()
    return next(each for each in status["components"] if each["name"] == "issuing key")


def reports(api: httpx.Client) -> dict[str, dict[str, Any]]:
    return {each["sha256"]: each for each in api.get("/v1/reported-certificates").json()["items"]}


def entries(api: httpx.Client, credential: Credential) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/v1/ledger/entries", params={"target": credential.sha256}).json()["items"]
    return found


def test_a_certificate_made_with_a_stolen_issuing_key_is_refused_and_raises_the_alarm(
    platform: RunningPlatform, thief: Thief, api: httpx.Client, tmp_path: Path
) -> None:
    device, genuine = issue(api, "pump-7", tmp_path)
    assert thief.try_to_enter("pump-7", genuine) == 0
    assert issuing_key(api)["health"] == "ok"

    forged = thief.forge("pump-7", device["generation_id"])
    for _ in range(3):
        assert thief.try_to_enter("pump-7", forged) == NOT_AUTHORIZED
    wait_for(lambda: issuing_key(api)["health"] == "failed", "the alarm")
    told = issuing_key(api)
    assert "presented as pump-7 from 127.0.0.1" in told["detail"]
    assert "vedette authority reports" in told["hint"]

    (entry,) = entries(api, forged)
    assert (entry["action"], entry["decision"]) == ("pki.report_certificate", "denied")
    assert entry["details"]["claimed_generation_id"] == device["generation_id"]
    (report,) = reports(api).values()
    assert (report["standing"], report["sha256"]) == ("unknown", forged.sha256)
    wait_for(lambda: "signed is not on record" in platform.log(), "the line of the log")
    assert platform.log().count("signed is not on record") == 1
    with api.stream("GET", "/v1/events", params={"after": str(entry["position"] - 1)}) as stream:
        event = next(line for line in stream.iter_lines() if line.startswith("event: "))
    assert event == "event: pki.authority_compromise_suspected"

    with httpx.Client(base_url=platform.url, follow_redirects=True, timeout=20) as browser:
        browser.get(api.post("/v1/login-links").json()["url"]).raise_for_status()
        page = browser.get("/status").text
        assert "issuing key" in page
        assert "vedette authority reports" in page

    body = {"reason": "key replaced"}
    api.post(f"/v1/reported-certificates/{forged.sha256}/acknowledge", json=body).raise_for_status()
    assert issuing_key(api)["health"] == "ok"
    assert thief.try_to_enter("pump-7", genuine) == 0
    assert set(reports(api)) == {forged.sha256}


@pytest.mark.parametrize("state", ["unknown", "disabled"])
def test_no_name_hides_a_stolen_key(thief: Thief, api: httpx.Client, tmp_path: Path, state: str) -> None:
    name = f"ghost-{state}"
    if state == "disabled":
        issue(api, name, tmp_path)
        api.post(f"/v1/devices/{name}/disable", json={"reason": "test"}).raise_for_status()
    forged = thief.forge(name, None)

    def is_reported() -> bool:
        assert thief.try_once(name, forged) != 0
        return forged.sha256 in reports(api)

    wait_for(is_reported, "the report")
    assert reports(api)[forged.sha256]["claimed_generation_id"] == ""


def test_a_rewritten_signature_is_on_record_and_no_alarm(thief: Thief, api: httpx.Client, tmp_path: Path) -> None:
    _, genuine = issue(api, "pump-8", tmp_path)
    alarms = api.get("/v1/status").json()
    altered = Credential(rewrite_signature(genuine.certificate), genuine.key).write(tmp_path, "altered")
    assert thief.try_to_enter("pump-8", altered) == NOT_AUTHORIZED
    wait_for(lambda: altered.sha256 in reports(api), "the report")
    assert reports(api)[altered.sha256]["standing"] == "altered"
    assert len(entries(api, altered)) == 1
    before = next(each for each in alarms["components"] if each["name"] == "issuing key")
    assert issuing_key(api) == before


def test_our_name_under_another_key_is_just_a_refusal(thief: Thief, api: httpx.Client, tmp_path: Path) -> None:
    issue(api, "pump-9", tmp_path)
    namesake = make_certificate("x", is_authority=True)
    namesake.certificate = thief.authority
    forged = make_certificate("pump-9", namesake).write(tmp_path, "namesake")
    assert thief.try_to_enter("pump-9", forged) == NOT_AUTHORIZED
    wait_for(
        lambda: any(each["certificate_sha256"] == forged.sha256 for each in api.get("/v1/refusals").json()["items"]),
        "the refusal",
    )
    assert forged.sha256 not in reports(api)
