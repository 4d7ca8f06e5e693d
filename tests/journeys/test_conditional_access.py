"""What a device may do depends on where, when and how it connects and on its risk: refused, on record, explained.

The clients are unmodified: paho in two network namespaces (or, where those cannot be made, from two loopback
addresses), and the Azure IoT SDK.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from azure.iot.device import X509
from azure.iot.device.exceptions import ClientError, OperationCancelled
from azure_device import make_client, messages, refusals, sdk_warnings
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from journey import Platform, free_port, wait_until
from two_hosts import TwoHosts

from vedette.trust import default_bundle

pytestmark = sdk_warnings

NUMBER = 71
MODULES_ONLY_REPORT = """
@id("filters-only-report")
@owner("line 3")
@why("The filter module reports its state; measuring is its device's business.")
@guidance("Move the work to the device, or ask line 3 for another policy.")
forbid (principal is Module, action == Action::"sendTelemetry", resource);
"""


@pytest.fixture(scope="module")
def hosts() -> Iterator[TwoHosts]:
    made = TwoHosts.make(NUMBER)
    yield made
    made.close()


@pytest.fixture(scope="module")
def platform(hosts: TwoHosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that both hosts reach, with a site that has a place, a time zone and networks."""
    running = Platform(hosts.server, tmp_path_factory.mktemp("platform"), api_port=free_port())
    try:
        running.start()
        put_into_force(running)
        yield running
    finally:
        running.stop()


def put_into_force(platform: Platform) -> None:
    """Add a site and a policy to the shipped ones, and promote them as an operator does."""
    site = {"latitude": 48.0, "longitude": 8.0, "radius_m": 500, "time_zone": "Asia/Kolkata"}
    new = {"policies": default_bundle().policies_text + MODULES_ONLY_REPORT, "sites": {"north": site}, "name": "north"}
    stored = platform.call("POST", "/v1/policies", new)
    if platform.call("GET", "/v1/policy-staging")["stable"] == stored["sha256"]:
        return
    path = f"/v1/policies/{stored['sha256']}"
    simulate(platform, path)
    platform.call("POST", f"{path}/approve", {"reason": "a site for the journeys"})
    staging = platform.call("POST", f"{path}/promote", {"reason": "a site for the journeys"})
    assert staging["stable"] == stored["sha256"]


def simulate(platform: Platform, path: str) -> None:
    simulation = platform.call("POST", f"{path}/simulate", {})
    where = f"/v1/policy-simulations/{simulation['simulation_id']}"
    wait_until(lambda: platform.call("GET", where)["state"] != "running", 180, "the simulation")


class Device:
    """A device that an operator registered by its thumbprint, with its credential in one file."""

    def __init__(self, platform: Platform, name: str, *, module: str = "", rsa_bits: int = 0) -> None:
        self.platform, self.name, self.module = platform, name, module
        key: Any = rsa.generate_private_key(65537, rsa_bits) if rsa_bits else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        certificate = builder.not_valid_after(now + timedelta(days=9)).sign(key, hashes.SHA256())
        self.pem = platform.folder / f"{name}{module}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.pem.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
        thumbprint = certificate.fingerprint(hashes.SHA256()).hex()
        proof = {"authentication": {"type": "self_signed", "primary_thumbprint": thumbprint}}
        if module:
            platform.call("POST", f"/v1/devices/{name}/modules", {"module_id": module, **proof})
        else:
            platform.call("POST", "/v1/devices", {"device_id": name, **proof})

    def tag(self, **tags: str) -> None:
        answer = self.platform.api.patch(
            f"/v1/devices/{self.name}",
            json={"site": "north", "tags": {"policy": tags}},
            headers={"Content-Type": "application/merge-patch+json"},
        )
        assert answer.is_success, answer.text

    def is_connected(self) -> bool:
        presence = self.platform.call("GET", f"/v1/devices/{self.name}")["presence"]
        return presence is not None and bool(presence["is_connected"])

    def signal(self, **signal: Any) -> None:
        self.platform.call("POST", f"/v1/devices/{self.name}/signals", {"source": "journey", **signal})

    def denied_by(self, policy: str) -> dict[str, Any] | None:
        """Return the newest refusal or cut that a policy has made."""
        return next((each for each in refusals(self.platform, self.name) if policy in each["policies"]), None)

    def wait_denied_by(self, policy: str) -> dict[str, Any]:
        wait_until(lambda: self.denied_by(policy), 120, f"{policy} on record for {self.name}")
        found = self.denied_by(policy)
        assert found is not None
        return found

    def explain(self, action: str) -> str:
        options = ["--module", self.module] if self.module else []
        told = self.platform.cli("access", "explain", self.name, "--action", action, *options)
        return told.stdout + told.stderr

    def root(self) -> Path:
        return self.platform.data / "public" / "root.pem"


def test_one_certificate_at_two_places_is_refused_at_the_second(platform: Platform, hosts: TwoHosts) -> None:
    pump = Device(platform, "pump-1")
    pump.tag(unique="true")
    first, second = hosts.hosts
    with first.client(hosts.server, "pump-1", pump.pem, pump.root()) as original:
        original.wait("connack 0")
        wait_until(pump.is_connected, 90, "it to be seen")
        with second.client(hosts.server, "pump-1", pump.pem, pump.root()) as copy:
            copy.wait("connack 3")
        assert not original.says("disconnected")
        original.tell("publish still here")
        original.wait("acknowledged 1")
    refused = pump.wait_denied_by("critical-devices-have-one-place")
    assert IPv4Address(refused["remote_address"]) == IPv4Address(second.address)
    wait_until(lambda: not pump.is_connected(), 90, "it to be gone")
    with second.client(hosts.server, "pump-1", pump.pem, pump.root()) as moved:
        moved.wait("connack 0")
    assert "critical-devices-have-one-place" in pump.explain("connect")


def test_device_outside_its_geofence_does_not_deliver(platform: Platform, hosts: TwoHosts) -> None:
    pump = Device(platform, "pump-2")
    pump.tag(geofence="true")
    here = {"latitude": 48.001, "longitude": 8.0, "accuracy_m": 20}
    pump.signal(signal_class="position", position=here)
    with hosts.hosts[0].client(hosts.server, "pump-2", pump.pem, pump.root()) as client:
        client.wait("connack 0")
        client.tell("publish here")
        client.wait("acknowledged 1")
        pump.signal(signal_class="position", position={**here, "latitude": 49.0})
        refused = pump.wait_denied_by("geofence")
        assert refused["action"] == "sendTelemetry"
        client.tell("publish there")
        client.wait("disconnected")
        assert not client.says("acknowledged 2")
    assert [each["body"] for each in messages(platform, "pump-2")] == ["here"]
    told = pump.explain("sendTelemetry")
    assert "geofence" in told
    assert "within its site's circle" in " ".join(told.split())


def test_device_outside_its_hours_is_cut_and_refused(platform: Platform, hosts: TwoHosts) -> None:
    pump = Device(platform, "pump-3")
    now = datetime.now(UTC) + timedelta(hours=5, minutes=30)  # at the site
    begin, end = now - timedelta(hours=1), now + timedelta(hours=2)
    pump.tag(hours=f"{begin:%H:%M}-{end:%H:%M}")
    with hosts.hosts[0].client(hosts.server, "pump-3", pump.pem, pump.root()) as client:
        client.wait("connack 0")
        pump.tag(hours=f"{end:%H:%M}-{end + timedelta(hours=1):%H:%M}")
        client.wait("disconnected")
    assert pump.wait_denied_by("working-hours")["kind"] == "cut"
    with hosts.hosts[0].client(hosts.server, "pump-3", pump.pem, pump.root()) as again:
        again.wait("connack 3")
    assert "working-hours" in pump.explain("connect")


def test_weak_tls_is_refused(platform: Platform, hosts: TwoHosts) -> None:
    old = Device(platform, "pump-4")
    with hosts.hosts[0].client(hosts.server, "pump-4", old.pem, old.root(), "--tls", "1.1") as client:
        wait_until(lambda: client.says("") or any(line.startswith("failed") for line in client.said), 90, "an alert")
    path = "/v1/decisions?kind=refuse&reason=tls_handshake_failed&limit=10"
    wait_until(lambda: platform.call("GET", path)["items"], 90, "the handshake on record")
    with hosts.hosts[0].client(hosts.server, "pump-4", old.pem, old.root(), "--tls", "1.2") as client:
        client.wait("connack 0")


def test_weak_key_is_refused(platform: Platform, hosts: TwoHosts) -> None:
    weak = Device(platform, "pump-5", rsa_bits=1024)
    with hosts.hosts[0].client(hosts.server, "pump-5", weak.pem, weak.root(), "--weak") as client:
        wait_until(lambda: client.says("connack 3") or client.said, 90, "an answer")
        assert not client.says("connack 0")
    path = "/v1/decisions?kind=refuse&limit=100"
    wait_until(
        lambda: (
            weak.denied_by("no-weak-keys")
            or any("small" in each["detail"] for each in platform.call("GET", path)["items"])
        ),
        90,
        "the weak key on record",
    )


def send_in_vain(client: Any, body: str) -> None:
    """Send what is never acknowledged; it ends with the client."""
    with contextlib.suppress(OperationCancelled, ClientError):
        client.send_message(body)


def test_risk_that_is_raised_narrows_a_connected_sdk_device(platform: Platform, hosts: TwoHosts) -> None:
    pump = Device(platform, "pump-6")
    client = make_client(platform, "pump-6", X509(cert_file=str(pump.pem), key_file=str(pump.pem)))
    received: list[Any] = []
    client.on_message_received = received.append
    client.connect()
    try:
        client.send_message("before")
        pump.signal(signal_class="tamper", level="high")
        pump.wait_denied_by("high-risk-is-a-limited-zone")
        platform.call("POST", "/v1/devices/pump-6/commands", {"body": "open", "encoding": "text"})
        assert "desired" in client.get_twin()
        sending = threading.Thread(target=send_in_vain, args=(client, "after"), daemon=True)
        sending.start()
        sending.join(3)
        assert sending.is_alive()
        assert received == []
        assert [each["body"] for each in messages(platform, "pump-6")] == ["before"]
        told = pump.explain("sendTelemetry")
        assert "high-risk-is-a-limited-zone" in told
        assert "tamper" in told
    finally:
        client.shutdown()


def test_module_that_exceeds_its_rights_is_refused_and_its_device_is_not(platform: Platform, hosts: TwoHosts) -> None:
    # Three devices refused that no simulation had foretold, those above: the policies are taken back by themselves,
    # now or in a moment. What was refused before a change does not count against it.
    platform.api.post("/v1/policy-staging/rollback", json={"reason": "begin anew"})
    put_into_force(platform)
    pump = Device(platform, "pump-7")
    module = Device(platform, "pump-7", module="filter")
    host = hosts.hosts[0]
    with host.client(hosts.server, "pump-7", module.pem, pump.root(), "--module", "filter") as client:
        client.wait("connack 0")
        client.tell("get-twin")
        client.wait("message $iothub/twin/res/200/?$rid=1")
        client.tell("publish too much")
        client.wait("disconnected")
    refused = pump.wait_denied_by("filters-only-report")
    assert (refused["module_id"], refused["action"]) == ("filter", "sendTelemetry")
    assert "filters-only-report" in module.explain("sendTelemetry")
    with host.client(hosts.server, "pump-7", pump.pem, pump.root()) as client:
        client.wait("connack 0")
        client.tell("publish mine")
        client.wait("acknowledged 1")
