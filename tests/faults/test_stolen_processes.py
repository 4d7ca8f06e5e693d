"""What an attacker cannot do who holds one process of a platform: its key on the bus, its token, its place on the host.

The platform is the one that ``vedette up`` runs, with the accounts and rights of its real bus. Which credential each
process holds, and what remains possible, stands in ``docs/fault-matrix.md``.
"""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from contextlib import closing

import httpx
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from detour import LoopThread
from fault_doors import ALLOW, FaultDoors
from faulty_platform import GATEWAY, FaultyPlatform
from stolen_process import CONNECT_SOCKETS, READ_FILES, StolenProcess, as_nobody, secrets_of

from vedette.bus import RemoteProblem
from vedette.bus.contract import (
    ISSUE_SERVER_CERTIFICATE,
    REGISTER_DEVICE,
    IssueServerCertificate,
    RegisterDevice,
    RegistrationReply,
    RenewedCertificate,
)
from vedette.pki.signer.contract import HEADER, decode_reply
from vedette.simulation import make_request
from vedette.trust import read_trust_anchor

CAP = 14
# Streams of what everybody else said, and the ways to write where control writes.
GATEWAY_MAY_NOT_PUBLISH = (
    "$KV.posture.{organization}.head",
    "$KV.posture.{organization}.dev_0000000000000000000000000a",
    "telemetry.{organization}.gateway-2",
    "pep.status.{organization}.gateway-2",
    "uplink.{organization}.gateway-2",
    "downlink.{organization}.gateway-1",
    "event.{organization}.registry.device_disabled",
    "svc.registry.enable.{organization}",
    "svc.access.sign_record.{organization}",
    "svc.operators.login.{organization}",
    "_INBOX_gateway-2.answer",
    "_INBOX_control.answer",
    "$JS.API.STREAM.INFO.DECISIONS",
    "$JS.API.CONSUMER.CREATE.DECISIONS.mine",
    "$JS.API.CONSUMER.CREATE.TELEMETRY.mine",
    "$JS.API.CONSUMER.CREATE.EVENTS.mine",
    "$JS.API.DIRECT.GET.DECISIONS",
    "$JS.API.STREAM.PURGE.KV_posture",
    "$JS.API.STREAM.DELETE.DECISIONS",
)
GATEWAY_MAY_NOT_HEAR = (
    ">",
    "_INBOX_gateway-2.>",
    "_INBOX_control.>",
    "telemetry.>",
    "decision.>",
    "event.>",
    "downlink.*.gateway-2",
    "downlink.>",
    "uplink.>",
    "svc.>",
    "$SYS.>",
)
CONTROL_MAY_NOT_PUBLISH = {
    "control": (
        "$KV.posture.{organization}.head",
        "telemetry.{organization}.gateway-1",
        "pep.status.{organization}.gateway-1",
        "_INBOX_gateway-1.answer",
        "$JS.API.STREAM.PURGE.DECISIONS",
        "$JS.API.STREAM.DELETE.TELEMETRY",
    ),
    "control-events": (
        "telemetry.{organization}.gateway-1",
        "decision.{organization}.unknown.connect",
        "$JS.API.STREAM.PURGE.EVENTS",
        "$JS.API.STREAM.DELETE.KV_posture",
        "$JS.API.STREAM.UPDATE.EVENTS",
    ),
}


@pytest.fixture(scope="module")
def platform(beside: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyPlatform]:
    running = FaultyPlatform(
        tmp_path_factory.mktemp("faults"), beside, configuration=f"pki.device_certificates_per_hour = {CAP}\n"
    )
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def doors(platform: FaultyPlatform) -> Iterator[FaultDoors]:
    made = FaultDoors(platform)
    yield made
    made.close()


@pytest.fixture(scope="module")
def organization_id(platform: FaultyPlatform) -> str:
    return read_trust_anchor(platform.data / "public" / "trust-anchor.json").organization_id


@pytest.fixture
def gateway(platform: FaultyPlatform) -> Iterator[StolenProcess]:
    stolen = StolenProcess(platform, GATEWAY)
    yield stolen
    stolen.close()


def outcomes(stolen: StolenProcess, subjects: tuple[str, ...], organization_id: str) -> dict[str, str]:
    asked = [subject.format(organization=organization_id) for subject in subjects]
    return {subject: stolen.publish(subject) for subject in asked}


def test_a_gateway_writes_and_asks_nothing_beyond_its_own(gateway: StolenProcess, organization_id: str) -> None:
    found = outcomes(gateway, GATEWAY_MAY_NOT_PUBLISH, organization_id)
    assert set(found.values()) == {"refused"}, found


def test_a_gateway_hears_nothing_that_is_for_others(gateway: StolenProcess) -> None:
    assert [subject for subject in GATEWAY_MAY_NOT_HEAR if gateway.subscribe(subject)] == []


@pytest.mark.parametrize("user", sorted(CONTROL_MAY_NOT_PUBLISH))
def test_control_erases_nothing_and_speaks_for_no_gateway(
    platform: FaultyPlatform, organization_id: str, user: str
) -> None:
    with closing(StolenProcess(platform, user)) as stolen:
        found = outcomes(stolen, CONTROL_MAY_NOT_PUBLISH[user], organization_id)
    assert set(found.values()) == {"refused"}, found


def test_a_gateway_gets_no_certificate_for_names_of_its_choice(gateway: StolenProcess, organization_id: str) -> None:
    def ask_for(name: str) -> RenewedCertificate:
        request = IssueServerCertificate(organization_id=organization_id, gateway=GATEWAY, csr=make_request(name)[1])
        issued: RenewedCertificate = gateway.ask(ISSUE_SERVER_CERTIFICATE, request, RenewedCertificate)
        return issued

    with pytest.raises(RemoteProblem):
        ask_for("bank.example")
    issued = ask_for("localhost")
    leaf = x509.load_der_x509_certificate(issued.chain[0])
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert names == ["localhost"]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_gateways_seed_and_names_open_no_door_of_people(platform: FaultyPlatform) -> None:
    seed = (platform.data / "secrets" / f"bus-{GATEWAY}.nk").read_text().strip()
    for secret in (seed, GATEWAY):
        with httpx.Client(base_url=platform.url, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as client:
            for path in ("/v1/ledger/entries", "/v1/decisions", "/v1/devices", "/v1/people", "/v1/policies"):
                assert client.get(path).status_code == 401


def test_a_stolen_token_of_a_program_gives_its_role_and_no_more(doors: FaultDoors) -> None:
    with httpx.Client(
        base_url=doors.platform.url, headers={"Authorization": f"Bearer {doors.token[1]}"}, timeout=60
    ) as client:
        assert client.get("/v1/devices").status_code == 200
        for path, body in {
            "/v1/login-links": {"role": "admin"},
            "/v1/service-tokens": {"name": "more", "roles": ["admin"]},
            "/v1/service-policies": {"name": "more", "rights": ["RegistryWrite"]},
            "/v1/access-lists": {"effect": "allow", "kind": "device_id", "value": "x", "reason": "x"},
            "/v1/policy-staging/rollback": {"reason": "x"},
            "/v1/clock/accept": {"reason": "x"},
        }.items():
            assert client.post(path, json=body).status_code == 403, path


def test_the_signer_signs_nothing_but_what_it_is_asked_for_by_type(platform: FaultyPlatform) -> None:
    """Whoever holds control reaches the signer's socket, and no key by it."""
    path = str(platform.data / "run" / "signer.sock")
    for payload in (b"\x81\xa4sign\xc4\x04\0\0\0\0", b"\x81\xa4type\xa4root", b"\xc0", b"\xff" * 64):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(path)
            client.sendall(HEADER.pack(len(payload)) + payload)
            head = client.recv(HEADER.size)
            if head:
                told = type(decode_reply(client.recv(HEADER.unpack(head)[0]))).__name__
                assert told == "Refused"


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user takes root")
def test_another_user_of_the_host_reads_no_secret_no_memory_and_reaches_no_signer(platform: FaultyPlatform) -> None:
    # The folders that pytest makes keep others out already; what is proved here is what the platform does itself.
    for folder in (platform.data.parent, *platform.data.parent.parents):
        if folder.stat().st_mode & 0o777 == 0o700:
            folder.chmod(0o711)
    memory = [f"/proc/{platform.pid(name)}/{what}" for name in ("control", "signer") for what in ("mem", "environ")]
    found = as_nobody(READ_FILES, *(str(path) for path in secrets_of(platform)), *memory)
    assert {path: how for path, how in found.items() if how == "read"} == {}
    reached = as_nobody(CONNECT_SOCKETS, str(platform.data / "run" / "signer.sock"))
    assert "answered" not in reached.values()


def test_a_gateway_enrolls_no_more_than_the_cap_and_everything_is_on_record(
    platform: FaultyPlatform, doors: FaultDoors, gateway: StolenProcess, organization_id: str
) -> None:
    """It takes the place of devices that have not registered yet, until the signer's cap of an hour is spent."""
    issued = 0
    for number in range(CAP + 3):
        name = f"stolen-{number}"
        body = {"registrationId": name, "csr": base64.b64encode(make_request(name)[1]).decode()}
        request = RegisterDevice(
            organization_id=organization_id,
            gateway=GATEWAY,
            id_scope=platform.id_scope,
            registration_id=name,
            certificate_chain=[each.public_bytes(Encoding.DER) for each in doors.factory.make_device(name).chain],
            body=msgspec.json.encode(body),
            remote_address="127.0.0.1",
            tls_version="TLSv1.3",
            cipher="TLS_AES_256_GCM_SHA384",
            protocol="mqtt",
        )
        reply = gateway.ask(REGISTER_DEVICE, request, RegistrationReply)
        issued += reply.status == 200
    assert 0 < issued <= CAP
    known = doors.api.get("/v1/devices", params={"limit": 1000}).json()["items"]
    taken = {each["device_id"] for each in known if each["device_id"].startswith("stolen-")}
    assert len(taken) >= issued, "each of them is there to be seen"
    # And what it was not entitled to before is still refused.
    assert doors.enroll(doors.foreign) != ALLOW
