"""Credentials that control must judge: tokens, and certificates that an authority vouches for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from gateway_site import Site
from stand_in_control import Credential, make_certificate

from vedette.bus.contract import CertificateVouched, OpenSession, VouchCertificate
from vedette.gateway import GatewaySettings, SessionSettings
from vedette.trust import PermittedCertificate, PermittedKey, PostureRecord, TokenProof

pytestmark = pytest.mark.anyio

SOON = timedelta(days=1)


def with_key(site: Site, record: PostureRecord) -> PostureRecord:
    """Permit a symmetric key to an identity."""
    value = record.credentials.value
    assert value is not None
    key = PermittedKey(key_id="key_1", permitted_until=datetime.now(UTC) + SOON)
    section = msgspec.structs.replace(record.credentials, value=msgspec.structs.replace(value, keys=(key,)))
    return site.control.change(msgspec.structs.replace(record, credentials=section))


async def test_a_token_that_control_verified_opens_a_session_that_ends_with_it(site: Site) -> None:
    await site.start_gateway()
    _, record = site.new_device("pump-7")
    with_key(site, record)
    asked: list[OpenSession] = []

    def verify(request: OpenSession) -> TokenProof | str:
        asked.append(request)
        return TokenProof(key_id="key_1", expires_at=datetime.now(UTC) + timedelta(seconds=6))

    site.control.on_token = verify
    device = await site.open(None)
    assert await device.connect("pump-7", password=b"SharedAccessSignature sr=x", is_clean=True) == 0
    assert (asked[0].password, asked[0].is_clean, asked[0].certificate_sha256) == (
        b"SharedAccessSignature sr=x",
        True,
        None,
    )
    await device.telemetry("pump-7", b"x")
    (message,) = await site.stored()
    assert json.loads(message.stamps["iothub-connection-auth-method"])["type"] == "sas"
    await device.wait_closed()
    await site.wait_decision("cut", "token_expired")


@pytest.mark.parametrize(("word", "code"), [("token_expired", 5), ("token_invalid", 5), ("token_unverified", 3)])
async def test_a_token_that_proves_nothing_is_refused_with_its_reason(site: Site, word: str, code: int) -> None:
    await site.start_gateway()
    _, record = site.new_device("pump-7")
    with_key(site, record)
    site.control.on_token = lambda _: word
    device = await site.open(None)
    assert await device.connect("pump-7", password=b"SharedAccessSignature sr=x") == code
    refusal = await site.wait_decision("refuse", word)
    assert refusal.hint
    assert "SharedAccess" not in str(refusal)


async def test_a_key_that_is_taken_away_ends_its_sessions(site: Site) -> None:
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    record = with_key(site, record)
    site.control.on_token = lambda _: TokenProof(key_id="key_1", expires_at=datetime.now(UTC) + SOON)
    device = await site.open(None)
    assert await device.connect("pump-7", password=b"token") == 0
    site.control.permit(record, credential)
    await device.wait_closed()
    await site.wait_decision("cut", "symmetric_key_not_permitted")


def vouched_by_authority(site: Site, *, authorities: tuple[str, ...] = ("aut_1",)) -> tuple[Credential, PostureRecord]:
    """Register a device whose certificates an authority vouches for, and make it one that nobody knows yet."""
    _, record = site.new_device("pump-7")
    value = record.credentials.value
    assert value is not None
    emptied = msgspec.structs.replace(value, certificates=(), authorities=authorities)
    section = msgspec.structs.replace(record.credentials, value=emptied)
    record = site.control.change(msgspec.structs.replace(record, credentials=section))
    authority = make_certificate("maker", is_authority=True)
    return make_certificate("pump-7", authority).write(site.folder, "vouched"), record


async def test_a_certificate_that_an_authority_vouches_for_is_let_in_at_its_first_connect(site: Site) -> None:
    await site.start_gateway()
    credential, record = vouched_by_authority(site)
    asked: list[VouchCertificate] = []

    def vouch(request: VouchCertificate) -> CertificateVouched:
        asked.append(request)
        value = record.credentials.value
        assert value is not None
        permitted = PermittedCertificate(digest=credential.sha256, origin="authority")
        section = msgspec.structs.replace(
            record.credentials, value=msgspec.structs.replace(value, certificates=(permitted,))
        )
        site.control.change(msgspec.structs.replace(record, credentials=section))
        return CertificateVouched(is_vouched=True)

    site.control.on_vouch = vouch
    device = await site.open(credential)
    assert await device.connect("pump-7") == 0
    (question,) = asked
    assert (question.device_id, question.module_id, len(question.certificate_chain)) == ("pump-7", None, 2)
    await device.telemetry("pump-7", b"x")
    again = await site.open(credential)
    assert await again.connect("pump-7") == 0
    assert len(asked) == 1
    assert site.control.openings == 3


async def test_a_certificate_that_nobody_vouches_for_is_refused_for_good_and_says_why(site: Site) -> None:
    await site.start_gateway()
    credential, _ = vouched_by_authority(site)
    device = await site.open(credential)
    assert await device.connect("pump-7") == 5
    refusal = await site.wait_decision("refuse", "certificate_not_permitted")
    assert refusal.detail == "nobody vouches here"


async def test_a_certificate_whose_voucher_is_not_reached_is_asked_to_come_back(site: Site) -> None:
    site.settings = GatewaySettings(session=SessionSettings(max_vouching=0))
    await site.start_gateway()
    credential, _ = vouched_by_authority(site)
    device = await site.open(credential)
    assert await device.connect("pump-7") == 3
    assert (await site.wait_decision("refuse", "overloaded")).detail


async def test_a_record_that_lags_behind_its_voucher_is_no_final_word(site: Site) -> None:
    await site.start_gateway()
    credential, _ = vouched_by_authority(site)
    site.control.on_vouch = lambda _: CertificateVouched(is_vouched=True)
    device = await site.open(credential)
    assert await device.connect("pump-7") == 3


async def test_without_an_authority_nobody_is_asked(site: Site) -> None:
    await site.start_gateway()
    credential, _ = vouched_by_authority(site, authorities=())
    site.control.on_vouch = lambda _: CertificateVouched(is_vouched=True)
    device = await site.open(credential)
    assert await device.connect("pump-7") == 5
    assert site.control.openings == 1
