"""An operator sees the alarm about a stolen issuing key, and ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from identity_house import IdentityHouse, ManualClock, running_signer
from operators_door import OperatorsDoor
from stolen_key import der_of, issue_unasked

from vedette.kernel import OrganizationId, RandomIds, SystemClock
from vedette.pki.records import Sighting
from vedette.store import Store

pytestmark = pytest.mark.anyio

LIST = "/v1/reported-certificates"


@pytest.fixture
async def alarmed(tmp_path: Path) -> AsyncIterator[OperatorsDoor]:
    """A door behind which three certificates were made with a stolen key."""
    clock = ManualClock(SystemClock().now())
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'door.db'}", clock=clock, reserve_bytes=0)
    await asyncio.to_thread(store.migrate)
    with running_signer(OrganizationId(RandomIds(clock).new("org"))) as signer:
        house = IdentityHouse(store, signer, clock)
        await house.administrator.start()
        await house.authorities.record_own(
            organization_id=house.organization_id, chains=await house.signer.get_chains()
        )
        door = OperatorsDoor(house)
        pki = signer.socket.parent / "pki"
        authority = x509.load_pem_x509_certificate((pki / "operational.pem").read_bytes())
        key = load_pem_private_key((pki / "operational.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        for name in ("pump-1", "pump-2", "<b>pump\x1b[2J"):
            forged = issue_unasked(authority, key, name=name, organization_id=house.organization_id, generation_id=None)
            await door.reports.report(
                Sighting(
                    organization_id=house.organization_id,
                    der=der_of(forged),
                    presented_as=name,
                    gateway="gateway-1",
                    remote_address="192.0.2.7",
                )
            )
        yield door
        await house.close()
        await store.close()


async def test_reports_are_read_by_their_cursor(alarmed: OperatorsDoor) -> None:
    first = (await alarmed.client.get(LIST, params={"limit": 2})).json()
    rest = (await alarmed.client.get(LIST, params={"limit": 2, "after": first["next"]})).json()
    found = [*first["items"], *rest["items"]]
    assert (len(first["items"]), len({each["sha256"] for each in found}), rest["next"]) == (2, 3, None)
    shown = next(each for each in found if each["presented_as"] == "pump-1")
    assert (shown["standing"], shown["subject"], shown["acknowledged_at"]) == ("unknown", "CN=pump-1", None)
    assert x509.load_pem_x509_certificate(shown["certificate_pem"].encode()).subject.rfc4514_string() == "CN=pump-1"


async def test_the_status_counts_what_nobody_has_acknowledged(alarmed: OperatorsDoor) -> None:
    told = (await alarmed.components())["issuing key"]
    assert told["health"] == "failed"
    assert told["detail"].endswith("and 2 more")
    for each in (await alarmed.client.get(LIST)).json()["items"]:
        done = await alarmed.client.post(f"{LIST}/{each['sha256']}/acknowledge", json={"reason": "looked into"})
        assert done.json()["acknowledged_at"] is not None
    assert (await alarmed.components())["issuing key"]["health"] == "ok"
    last = (await alarmed.house.ledger.entries(alarmed.house.organization_id))[-1]
    assert (last.action, last.reason, last.actor.id) == (
        "pki.acknowledge_certificate",
        "looked into",
        "operator-token",
    )


@pytest.mark.parametrize(
    ("sha256", "body", "status", "code"),
    [
        pytest.param("0" * 64, {"reason": "x"}, 404, "pki.report_not_found", id="nobody reported it"),
        pytest.param("x", {"reason": "x"}, 422, "api.invalid_request", id="no digest"),
        pytest.param("0" * 64, {}, 422, "api.invalid_request", id="no reason"),
        pytest.param("0" * 64, {"reason": ""}, 422, "api.invalid_request", id="empty reason"),
        pytest.param("0" * 64, {"reason": "x" * 1025}, 422, "api.invalid_request", id="endless reason"),
    ],
)
async def test_what_cannot_be_acknowledged_is_refused(
    alarmed: OperatorsDoor, sha256: str, body: dict[str, str], status: int, code: str
) -> None:
    refused = await alarmed.client.post(f"{LIST}/{sha256}/acknowledge", json=body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


async def test_the_commands_list_and_acknowledge(
    alarmed: OperatorsDoor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sha256 = (await alarmed.client.get(LIST)).json()["items"][0]["sha256"]
    async with alarmed.served(tmp_path) as vedette:
        assert await vedette.run("authority", "reports") == 0
        shown = capsys.readouterr().out
        assert sha256 in shown
        assert "\x1b" not in shown
        assert await vedette.run("authority", "acknowledge", sha256, "--reason", "restored") == 2
        assert await vedette.run("authority", "acknowledge", sha256, "--reason", "restored", "--dry-run") == 0
        assert "2 more" in (await alarmed.components())["issuing key"]["detail"]
        assert await vedette.run("authority", "acknowledge", sha256, "--reason", "restored", "--yes") == 0
        assert "1 more" in (await alarmed.components())["issuing key"]["detail"]
        capsys.readouterr()
        assert await vedette.run("authority", "acknowledge", "0" * 64, "--reason", "x", "--yes") == 4
        assert "vedette authority reports" in capsys.readouterr().err
