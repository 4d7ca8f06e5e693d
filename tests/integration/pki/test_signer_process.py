from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from waiting import until

from vedette.kernel import GenerationId, OrganizationId, RandomIds, SystemClock
from vedette.pki import (
    CapExceeded,
    MalformedCsr,
    Purpose,
    SignerClient,
    SignerUnavailable,
    UnknownOrganization,
    read_journal,
)
from vedette.simulation import make_request
from vedette.trust import certificate_sha256

pytestmark = pytest.mark.anyio
StartSigner = Callable[..., Any]  # Any: the fixture's own SignerProcess
IDS = RandomIds(SystemClock())
CSR = make_request("pump-7")[1]


def patient(signer: Any) -> SignerClient:  # Any: see above
    """Return a client that waits for a signer on a busy machine."""
    return SignerClient(signer.socket, deadline_s=120)


async def issue(client: SignerClient, signer: Any, **changes: Any) -> list[bytes]:  # Any: see above
    request: dict[str, Any] = {
        "request_id": IDS.new("op"),
        "organization_id": signer.organization_id,
        "generation_id": GenerationId(IDS.new("dev")),
        "subject_name": "pump-7",
        "csr": CSR,
        "lifetime": timedelta(days=30),
    }
    return await client.issue_device_certificate(**{**request, **changes})


def issued(signer: Any) -> dict[str, str]:  # Any: see above
    """Return request id → digest of the device certificates in the journal."""
    return {each.request_id: each.sha256 for each in read_journal(signer.journal) if each.kind == "device"}


async def test_a_hundred_at_once_are_all_answered_and_recorded(start_signer: StartSigner) -> None:
    signer = await asyncio.to_thread(start_signer)
    client = patient(signer)
    request_ids = [IDS.new("op") for _ in range(100)]
    chains = await asyncio.gather(*(issue(client, signer, request_id=request_id) for request_id in request_ids))
    assert len({x509.load_der_x509_certificate(chain[0]).serial_number for chain in chains}) == 100
    answered = {rid: certificate_sha256(chain[0]) for rid, chain in zip(request_ids, chains, strict=True)}
    assert await asyncio.to_thread(issued, signer) == answered
    await client.close()


async def test_a_signer_killed_while_issuing_has_recorded_all_it_answered(start_signer: StartSigner) -> None:
    signer = await asyncio.to_thread(start_signer)
    client = patient(signer)
    answered: dict[str, str] = {}
    over = asyncio.Event()

    async def keep_asking() -> None:
        while not over.is_set():
            request_id = IDS.new("op")
            chain = await issue(client, signer, request_id=request_id)
            answered[request_id] = certificate_sha256(chain[0])

    async def kill_again_and_again() -> None:
        for _ in range(4):
            reached = len(answered) + 60
            while len(answered) < reached:  # noqa: ASYNC110 - progress is all there is to wait for
                await asyncio.sleep(0.01)
            await asyncio.to_thread(signer.kill)
            await asyncio.to_thread(signer.start)
        over.set()

    async with asyncio.TaskGroup() as tasks:
        for number in range(16):
            tasks.create_task(keep_asking(), name=f"asker-{number}")
        tasks.create_task(kill_again_and_again(), name="killer")
    recorded = await asyncio.to_thread(issued, signer)
    assert len(answered) >= 240
    assert {request_id: recorded.get(request_id) for request_id in answered} == answered
    await client.close()


async def test_the_cap_survives_a_kill(start_signer: StartSigner) -> None:
    signer = await asyncio.to_thread(start_signer, cap=3)
    client = patient(signer)
    for _ in range(3):
        await issue(client, signer)
    await asyncio.to_thread(signer.kill)
    await asyncio.to_thread(signer.start)
    with pytest.raises(CapExceeded) as refused:
        await issue(client, signer)
    assert "3 per hour" in refused.value.detail
    await client.close()


async def test_a_refusal_comes_back_as_the_problem_it_is(start_signer: StartSigner) -> None:
    signer = await asyncio.to_thread(start_signer)
    client = patient(signer)
    with pytest.raises(MalformedCsr):
        await issue(client, signer, csr=b"nonsense")
    with pytest.raises(UnknownOrganization):
        await issue(client, signer, organization_id=OrganizationId(IDS.new("org")))
    assert set(await client.get_chains()) == {Purpose.OPERATIONAL, Purpose.SERVICES}
    await client.close()


async def test_a_revocation_list_comes_back_over_the_socket(start_signer: StartSigner) -> None:
    signer = await asyncio.to_thread(start_signer)
    client = patient(signer)
    der = await client.sign_revocation_list(
        organization_id=signer.organization_id, purpose=Purpose.OPERATIONAL, revocations=[], lifetime=timedelta(days=1)
    )
    assert x509.load_der_x509_crl(der).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 1
    await client.close()


async def test_without_a_signer_the_answer_is_unavailable_in_time(start_signer: StartSigner) -> None:
    signer = await asyncio.to_thread(start_signer)
    await asyncio.to_thread(signer.kill)
    client = SignerClient(signer.socket, deadline_s=0.3)
    with pytest.raises(SignerUnavailable):
        await issue(client, signer)


async def test_a_signer_that_hangs_is_unavailable_in_time_and_found_again(start_signer: StartSigner) -> None:
    signer = await asyncio.to_thread(start_signer)
    client = patient(signer)
    await issue(client, signer)
    process_id = signer._process.pid
    os.kill(process_id, signal.SIGSTOP)
    try:
        await until(lambda: is_stopped(process_id))
        client._deadline_s = 0.3
        with pytest.raises(SignerUnavailable):
            await issue(client, signer)
    finally:
        os.kill(process_id, signal.SIGCONT)
    client._deadline_s = 120
    await issue(client, signer)
    await client.close()


def is_stopped(process_id: int) -> bool:
    return Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"


async def test_a_signer_that_is_told_to_stop_leaves_no_socket(start_signer: StartSigner) -> None:
    signer = await asyncio.to_thread(start_signer)
    await asyncio.to_thread(signer.end, signal.SIGINT)
    assert not signer.socket.exists()


async def test_a_second_signer_on_the_same_keys_is_refused(start_signer: StartSigner) -> None:
    signer = await asyncio.to_thread(start_signer)
    with pytest.raises(AssertionError):  # it never says "ready"
        await asyncio.to_thread(type(signer)(signer.folder, signer.organization_id, {}).start)
    client = patient(signer)
    await issue(client, signer)
    await client.close()


ASK_AS_SOMEBODY_ELSE = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
try:
    peer = socket.socket(socket.AF_UNIX); peer.connect(sys.argv[1])
    peer.sendall(b"\\0\\0\\0\\x0c\\x81\\xa4type\\xa5chain")
    print("answered" if peer.recv(1) else "closed")
except (ConnectionError, PermissionError) as error:
    print(type(error).__name__)
"""


def ask_as_somebody_else(path: str) -> str:
    command = [sys.executable, "-c", ASK_AS_SOMEBODY_ELSE, path]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can ask as somebody else")
@pytest.mark.parametrize("mode", [0o600, 0o666], ids=["by the socket's mode", "by the peer's uid"])
async def test_another_user_is_refused(start_signer: StartSigner, mode: int) -> None:
    signer = await asyncio.to_thread(start_signer, socket_mode=mode)
    folder = signer.folder
    while folder != folder.parent and mode == 0o666:
        if folder.stat().st_uid == os.getuid() and folder.stat().st_mode & 0o001 == 0:
            folder.chmod(0o711)
        folder = folder.parent
    heard = await asyncio.to_thread(ask_as_somebody_else, str(signer.socket))
    assert heard in ({"PermissionError"} if mode == 0o600 else {"closed", "ConnectionResetError", "BrokenPipeError"})
    client = patient(signer)
    await client.get_chains()
    await client.close()


def raw(path: str, payload: bytes) -> bytes:
    """Send bytes and return what comes back until the signer closes or has answered."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(60)
        peer.connect(path)
        peer.sendall(payload)
        try:
            return peer.recv(65_536)
        except ConnectionResetError:
            return b""


def framed(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


CHAIN = framed(msgspec.msgpack.encode({"type": "chain"}))


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(struct.pack(">I", 100_001), id="an oversize frame is not waited for"),
        pytest.param(b"\xff\xff\xff\xff", id="the longest length there is"),
        pytest.param(framed(b""), id="an empty frame"),
        pytest.param(framed(b"\xc1" * 64), id="no MessagePack"),
        pytest.param(framed(msgspec.msgpack.encode({"type": "sign", "data": b"x"})), id="sign these bytes"),
        pytest.param(framed(b"\x91" * 90_000), id="nested without end"),
        pytest.param(framed(b"\x82\xa4type\xa5chain\xa1\xff\x00"), id="text that is no UTF-8"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
    ],
)
async def test_garbage_is_cut_off_and_disturbs_nobody(start_signer: StartSigner, payload: bytes) -> None:
    signer = await asyncio.to_thread(start_signer, max_frame_bytes=100_000)
    assert await asyncio.to_thread(raw, str(signer.socket), payload) == b""
    assert await asyncio.to_thread(raw, str(signer.socket), CHAIN)


async def test_a_frame_at_the_limit_is_read(start_signer: StartSigner) -> None:
    limit = len(CHAIN) - 4
    signer = await asyncio.to_thread(start_signer, max_frame_bytes=limit)
    assert await asyncio.to_thread(raw, str(signer.socket), CHAIN)


async def test_connections_beyond_the_limit_are_closed(start_signer: StartSigner) -> None:
    signer = await asyncio.to_thread(start_signer, max_connections=2)
    held = []
    for _ in range(2):
        reader, writer = await asyncio.open_unix_connection(signer.socket)
        writer.write(CHAIN)
        assert await reader.read(4)
        held.append(writer)
    reader, writer = await asyncio.open_unix_connection(signer.socket)
    assert await reader.read() == b""
    writer.close()
    for writer in held:
        writer.close()
