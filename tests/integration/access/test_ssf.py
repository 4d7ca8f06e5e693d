"""Shared signals over real HTTP on loopback: pushed, polled, verified, heard once, and in force at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from http_peer import Asked, HttpPeer, http_peer
from identity_house import ACTOR, RunningSigner
from shared_signals import ISSUER, OTHER, Signals, signals_of
from waiting import until

from vedette.access import (
    EVENT_TYPES,
    POLL,
    PUSH,
    InvalidStream,
    InvalidTransmitter,
    SetRefused,
    StreamNotFound,
    StreamStatus,
    StreamWish,
    TooManyStreams,
)
from vedette.access import ssf_feed as feed_module
from vedette.access.ssf_events import COMPLIANCE_CHANGE, RISK_LEVEL_CHANGE, SESSION_REVOKED, VERIFICATION, subject_of
from vedette.access.ssf_tokens import SetSigner
from vedette.kernel import SystemClock
from vedette.ledger import Actor
from vedette.simulation import ManualClock
from vedette.store import Store
from vedette.trust import Provenance, RiskLevel

pytestmark = pytest.mark.anyio

SOC = Actor("service", "soc")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
def peer() -> Iterator[HttpPeer]:
    with http_peer() as running:
        yield running


@pytest.fixture
async def signals(
    store: Store, signer_process: RunningSigner, clock: ManualClock, peer: HttpPeer
) -> AsyncIterator[Signals]:
    async with signals_of(store, signer_process, clock, peer) as found:
        yield found


def push_wish(peer: HttpPeer, **changes: Any) -> StreamWish:
    fields = {"method": PUSH, "endpoint_url": f"{peer.url}/events", "authorization": "Bearer ours", **changes}
    return StreamWish(**fields)


# --- transmitter ----------------------------------------------------------------------------------------------------


async def test_events_are_pushed_signed_and_once(signals: Signals) -> None:
    await signals.house.active()
    stream = await signals.streams.create(push_wish(signals.peer), actor=SOC)
    signals.peer.answers["/events"] = lambda _: (202, b"")
    await signals.house.tell()
    await signals.house.quarantines.quarantine(
        signals.house.organization_id, "pump-7", reason="it beacons", actor=ACTOR
    )
    await signals.pushed()
    await signals.pushed()
    assert [each.headers["authorization"] for each in signals.peer.asked] == ["Bearer ours"] * 2
    assert {each.headers["content-type"] for each in signals.peer.asked} == {"application/secevent+jwt"}
    heard = [await signals.read(each.body.decode(), stream.audience) for each in signals.peer.asked]
    assert [kind for each in heard for kind in each.events] == [RISK_LEVEL_CHANGE, COMPLIANCE_CHANGE]
    assert heard[0].subject == {"format": "iss_sub", "iss": ISSUER, "sub": "pump-7"}
    assert heard[1].events[COMPLIANCE_CHANGE]["reason_admin"] == {"en": "it beacons"}


async def test_what_a_receiver_does_not_take_comes_again_in_order(signals: Signals) -> None:
    await signals.house.active()
    stream = await signals.streams.create(push_wish(signals.peer), actor=SOC)
    signals.peer.answers["/events"] = lambda _: (503, b"away")
    await signals.house.tell()
    await signals.house.devices.disable(signals.house.organization_id, "pump-7", actor=ACTOR, reason="lost")
    await signals.pushed()
    assert len(signals.peer.asked) == 1
    assert (await signals.streams.get(stream.stream_id, actor=SOC)).last_error == "the receiver answered 503: away"
    await signals.pushed()
    assert len(signals.peer.asked) == 1, "it is given a moment"
    signals.clock.advance(timedelta(seconds=2))
    signals.peer.answers["/events"] = lambda _: (202, b"")
    await signals.pushed()
    heard = [await signals.read(each.body.decode(), stream.audience) for each in signals.peer.asked]
    assert [next(iter(each.events)) for each in heard] == [RISK_LEVEL_CHANGE, RISK_LEVEL_CHANGE, SESSION_REVOKED]
    assert heard[0].jti == heard[1].jti
    assert (await signals.streams.get(stream.stream_id, actor=SOC)).last_error == ""


async def test_what_a_receiver_can_never_take_does_not_block_the_rest(signals: Signals) -> None:
    await signals.house.active()
    await signals.streams.create(push_wish(signals.peer), actor=SOC)
    signals.peer.answers["/events"] = lambda _: (400, b'{"err":"invalid_audience"}')
    await signals.house.tell()
    await signals.house.devices.disable(signals.house.organization_id, "pump-7", actor=ACTOR, reason="lost")
    await signals.pushed()
    assert len(signals.peer.asked) == 2


async def test_redirects_are_not_followed_and_silence_is_borne(signals: Signals) -> None:
    await signals.house.active()
    await signals.streams.create(push_wish(signals.peer), actor=SOC)
    signals.peer.answers["/events"] = lambda _: (307, b"")
    await signals.house.tell()
    await signals.pushed()
    assert [each.path for each in signals.peer.asked] == ["/events"]
    wish = push_wish(signals.peer, endpoint_url="http://127.0.0.1:9/none")
    gone = await signals.streams.create(wish, actor=SOC)
    await signals.house.devices.disable(signals.house.organization_id, "pump-7", actor=ACTOR, reason="lost")
    await signals.pushed()
    assert "does not answer" in (await signals.streams.get(gone.stream_id, actor=SOC)).last_error


async def test_a_polled_stream_gives_each_event_until_it_is_acknowledged(signals: Signals) -> None:
    await signals.house.active()
    stream = await signals.streams.create(StreamWish(method=POLL), actor=SOC)
    await signals.house.tell()
    await signals.pushed()
    first, has_more = await signals.streams.poll(stream.stream_id, actor=SOC)
    again, _ = await signals.streams.poll(stream.stream_id, actor=SOC)
    assert (list(first), has_more) == (list(again), False)
    (token,) = first.values()
    assert RISK_LEVEL_CHANGE in (await signals.read(token, stream.audience)).events
    none, _ = await signals.streams.poll(stream.stream_id, actor=SOC, acks=list(first))
    assert none == {}


async def test_what_happened_before_a_stream_is_not_in_it(signals: Signals) -> None:
    await signals.house.active()
    await signals.house.tell()
    stream = await signals.streams.create(StreamWish(), actor=SOC)
    await signals.pushed()
    assert (await signals.streams.poll(stream.stream_id, actor=SOC))[0] == {}


async def test_streams_are_their_owners_and_peoples(signals: Signals) -> None:
    stream = await signals.streams.create(StreamWish(), actor=SOC)
    other = Actor("service", "somebody")
    for act in (
        signals.streams.get(stream.stream_id, actor=other),
        signals.streams.poll(stream.stream_id, actor=other),
        signals.streams.delete(stream.stream_id, actor=other),
        signals.streams.set_status(stream.stream_id, StreamStatus.DISABLED, "", actor=other),
    ):
        with pytest.raises(StreamNotFound):
            await act
    assert await signals.streams.list(actor=other) == []
    assert len(await signals.streams.list(actor=ACTOR)) == 1


async def test_a_stream_holds_what_was_asked_for_and_whom_nobody_took_out(signals: Signals) -> None:
    for name in ("pump-7", "pump-8"):
        await signals.house.active(name)
    stream = await signals.streams.create(StreamWish(events_requested=[SESSION_REVOKED, "urn:else"]), actor=SOC)
    assert stream.events_delivered == (SESSION_REVOKED,)
    await signals.streams.set_subject(
        stream.stream_id, subject_of(ISSUER, "pump-8", None), is_included=False, actor=SOC
    )
    for name in ("pump-7", "pump-8"):
        await signals.house.tell(name)
        await signals.house.devices.disable(signals.house.organization_id, name, actor=ACTOR, reason="lost")
    await signals.pushed()
    found, _ = await signals.streams.poll(stream.stream_id, actor=SOC)
    heard = [await signals.read(each, stream.audience) for each in found.values()]
    assert [(next(iter(each.events)), each.subject["sub"]) for each in heard] == [(SESSION_REVOKED, "pump-7")]


async def test_verification_comes_with_its_state_and_not_too_often(signals: Signals) -> None:
    stream = await signals.streams.create(StreamWish(), actor=SOC)
    await signals.streams.verify(stream.stream_id, "abc", actor=SOC)
    with pytest.raises(TooManyStreams):
        await signals.streams.verify(stream.stream_id, "abc", actor=SOC)
    found, _ = await signals.streams.poll(stream.stream_id, actor=SOC)
    (heard,) = [await signals.read(each, stream.audience) for each in found.values()]
    assert heard.events == {VERIFICATION: {"state": "abc"}}
    assert heard.subject == {"format": "opaque", "id": stream.stream_id}


async def test_a_paused_stream_collects_and_a_disabled_one_forgets(signals: Signals) -> None:
    await signals.house.active()
    stream = await signals.streams.create(StreamWish(), actor=SOC)
    await signals.streams.set_status(stream.stream_id, StreamStatus.PAUSED, "maintenance", actor=SOC)
    await signals.house.tell()
    await signals.pushed()
    assert (await signals.streams.poll(stream.stream_id, actor=SOC))[0] == {}
    await signals.streams.set_status(stream.stream_id, StreamStatus.ENABLED, "", actor=SOC)
    assert len((await signals.streams.poll(stream.stream_id, actor=SOC))[0]) == 3
    await signals.streams.set_status(stream.stream_id, StreamStatus.DISABLED, "", actor=SOC)
    await signals.streams.set_status(stream.stream_id, StreamStatus.ENABLED, "", actor=SOC)
    assert len((await signals.streams.poll(stream.stream_id, actor=SOC))[0]) == 2


async def test_a_stream_that_nobody_reads_is_disabled_rather_than_endless(
    signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "PENDING_MAX", 1)
    stream = await signals.streams.create(StreamWish(), actor=SOC)
    for name in ("pump-7", "pump-8"):
        await signals.house.active(name)
        await signals.house.tell(name)
        await signals.pushed()
    first = await signals.streams.get(stream.stream_id, actor=SOC)
    assert (first.status, "events waited" in first.status_reason) == (StreamStatus.DISABLED, True)


async def test_streams_outside_their_limits_are_refused(signals: Signals) -> None:
    for wish in (
        StreamWish(method="urn:else"),
        StreamWish(method=PUSH),
        StreamWish(method=PUSH, endpoint_url="http://soc.example/"),
        push_wish(signals.peer, authorization="a\r\nb"),
    ):
        with pytest.raises(InvalidStream):
            await signals.streams.create(wish, actor=SOC)
    pushed = await signals.streams.create(push_wish(signals.peer), actor=SOC)
    with pytest.raises(InvalidStream):
        await signals.streams.poll(pushed.stream_id, actor=SOC)
    changed = await signals.streams.update(pushed.stream_id, StreamWish(method=POLL), actor=SOC)
    assert (changed.method, changed.endpoint_url, changed.sealed_authorization) == (POLL, "", b"")


# --- receiver -------------------------------------------------------------------------------------------------------


async def test_a_pushed_token_is_in_force_when_it_is_taken(signals: Signals) -> None:
    await signals.house.active()
    transmitter = await signals.hear()
    token = signals.token(RISK_LEVEL_CHANGE, {"principal": "DEVICE", "current_level": "HIGH"})
    await signals.receiver.push(transmitter.transmitter_id, token, "")
    health = signals.house.published[-1].health.value
    assert health is not None
    assert health.risk_level is RiskLevel.HIGH
    assert health.findings[0].source == f"ssf:{transmitter.transmitter_id}"
    assert (await signals.receiver.get(transmitter.transmitter_id)).accepted == 1


async def test_a_token_is_heard_once(signals: Signals) -> None:
    await signals.house.active()
    transmitter = await signals.hear()
    high = signals.token(RISK_LEVEL_CHANGE, {"current_level": "HIGH"}, jti="high")
    low = signals.token(RISK_LEVEL_CHANGE, {"current_level": "LOW"}, jti="low")
    for token in (low, high, low):
        await signals.receiver.push(transmitter.transmitter_id, token, "")
    health = signals.house.published[-1].health.value
    assert health is not None
    assert health.risk_level is RiskLevel.HIGH
    assert (await signals.receiver.get(transmitter.transmitter_id)).accepted == 2


async def test_a_transmitter_is_trusted_as_far_as_the_operator_said(signals: Signals) -> None:
    await signals.house.active()
    transmitter = await signals.hear(provenance=Provenance.SPOOFABLE)
    await signals.receiver.push(transmitter.transmitter_id, signals.token(SESSION_REVOKED, {}), "")
    health = signals.house.published[-1].health.value
    assert health is not None
    assert health.risk_level is RiskLevel.MEDIUM


@pytest.mark.parametrize(
    "changes", [{"iss": "https://evil.example"}, {"aud": "https://other.example"}, {"iat": 1}, {"events": {}}]
)
async def test_what_is_not_believed_is_counted_and_changes_nothing(signals: Signals, changes: dict[str, Any]) -> None:
    await signals.house.active()
    transmitter = await signals.hear()
    count = len(signals.house.published)
    with pytest.raises(SetRefused):
        await signals.receiver.push(transmitter.transmitter_id, signals.token(SESSION_REVOKED, {}, **changes), "")
    assert len(signals.house.published) == count
    found = await signals.receiver.get(transmitter.transmitter_id)
    assert (found.refused, found.accepted) == (1, 0)
    assert found.last_error


async def test_a_forged_token_and_keys_that_cannot_be_had_are_refused(signals: Signals) -> None:
    await signals.house.active()
    transmitter = await signals.hear()
    forged = signals.token(SESSION_REVOKED, {})
    head, body, signature = forged.split(".")
    with pytest.raises(SetRefused):
        await signals.receiver.push(transmitter.transmitter_id, f"{head}.{body}.{signature[::-1]}", "")
    signals.peer.answers["/jwks"] = lambda _: (500, b"")
    deaf = await signals.hear()
    with pytest.raises(SetRefused):
        await signals.receiver.push(deaf.transmitter_id, forged, "")


async def test_a_key_that_is_new_is_looked_for_once_in_a_while(signals: Signals) -> None:
    await signals.house.active()
    transmitter = await signals.hear()
    await signals.receiver.push(transmitter.transmitter_id, signals.token(SESSION_REVOKED, {}), "")
    former, signals.edr = signals.edr, SetSigner("edr-2", _pkcs8())
    signals.peer.answers["/jwks"] = lambda _: (200, json.dumps({"keys": [signals.edr.public_jwk()]}).encode())
    with pytest.raises(SetRefused):
        await signals.receiver.push(transmitter.transmitter_id, signals.token(SESSION_REVOKED, {}, jti="2"), "")
    signals.clock.advance(timedelta(seconds=31))
    await signals.receiver.push(transmitter.transmitter_id, signals.token(SESSION_REVOKED, {}, jti="2"), "")
    assert len([each for each in signals.peer.asked if each.path == "/jwks"]) == 2
    assert former is not signals.edr


async def test_keys_are_had_before_anything_is_pushed_and_while_they_last(signals: Signals) -> None:
    await signals.house.active()
    # Asked for tokens behind its keys: when that question came, the keys are there.
    transmitter = await signals.hear(poll_url=f"{signals.peer.url}/poll")

    def has(count: int) -> bool:
        paths = [each.path for each in signals.peer.asked]
        return paths.count("/jwks") == count and paths[-1] == "/poll"

    running = asyncio.create_task(signals.receiver.run(), name="receiver")
    await until(lambda: has(1))
    await signals.receiver.push(transmitter.transmitter_id, signals.token(SESSION_REVOKED, {}), "")
    assert has(1)
    signals.clock.advance(timedelta(seconds=200))
    await until(lambda: has(2))
    running.cancel()
    await asyncio.wait({running})
    signals.clock.advance(timedelta(seconds=200))
    await signals.receiver.push(transmitter.transmitter_id, signals.token(SESSION_REVOKED, {}, jti="2"), "")
    assert has(2)


async def test_a_push_may_have_to_be_authorized_too(signals: Signals) -> None:
    await signals.house.active()
    transmitter = await signals.hear(push_authorization="Bearer secret")
    token = signals.token(SESSION_REVOKED, {})
    for wrong in ("", "Bearer other"):
        with pytest.raises(SetRefused) as refusal:
            await signals.receiver.push(transmitter.transmitter_id, token, wrong)
        assert refusal.value.error == "authentication_failed"
    await signals.receiver.push(transmitter.transmitter_id, token, "Bearer secret")
    with pytest.raises(SetRefused):
        await signals.receiver.push("tra_" + "0" * 26, token, "Bearer secret")


async def test_polling_acknowledges_what_was_heard_and_says_what_was_not(signals: Signals) -> None:
    await signals.house.active()
    waiting = {"one": signals.token(SESSION_REVOKED, {}), "bad": "x.y.z"}
    bodies: list[dict[str, Any]] = []

    def answer(asked: Asked) -> tuple[int, bytes]:
        body = json.loads(asked.body)
        bodies.append(body)
        for jti in (*body["ack"], *body["setErrs"]):
            waiting.pop(jti)
        return 200, json.dumps({"sets": waiting, "moreAvailable": False}).encode()

    signals.peer.answers["/poll"] = answer
    transmitter = await signals.hear(poll_url=f"{signals.peer.url}/poll", authorization="Bearer theirs")
    async with httpx.AsyncClient(timeout=60) as client:
        assert await signals.receiver.poll(client, transmitter) == 2
    assert waiting == {}
    assert bodies[1]["ack"] == ["one"]
    assert bodies[1]["setErrs"]["bad"]["err"] == "invalid_request"
    assert {each.headers["authorization"] for each in signals.peer.asked if each.path == "/poll"} == {"Bearer theirs"}
    health = signals.house.published[-1].health.value
    assert health is not None
    assert health.findings[0].finding_class == "session-revoked"


async def test_a_transmitter_that_answers_nonsense_is_borne(signals: Signals) -> None:
    transmitter = await signals.hear(poll_url=f"{signals.peer.url}/poll")
    for answer in ((200, b"nonsense"), (200, b'{"sets": []}'), (500, b""), (200, b'{"sets": {"a": 1}}')):
        signals.peer.answers["/poll"] = lambda _, answer=answer: answer  # type: ignore[misc] # a bound default
        async with httpx.AsyncClient(timeout=60) as client:
            assert await signals.receiver.poll(client, transmitter) == 0
    assert (await signals.receiver.get(transmitter.transmitter_id)).last_error


async def test_what_tells_of_nobody_here_is_taken_and_ignored(signals: Signals) -> None:
    transmitter = await signals.hear()
    stranger = subject_of(OTHER, "ghost", None)
    await signals.receiver.push(transmitter.transmitter_id, signals.token(SESSION_REVOKED, {}, sub_id=stranger), "")
    person = {"format": "email", "email": "a@example"}
    token = signals.token(SESSION_REVOKED, {}, sub_id=person, jti="two")
    await signals.receiver.push(transmitter.transmitter_id, token, "")
    await signals.receiver.push(transmitter.transmitter_id, signals.token(VERIFICATION, {}, jti="three"), "")
    found = await signals.receiver.get(transmitter.transmitter_id)
    assert (found.accepted, found.ignored, found.refused) == (1, 2, 0)


async def test_transmitters_outside_their_limits_are_refused(signals: Signals) -> None:
    for wrong in (
        {"issuer": "http://edr.example"},
        {"jwks_url": "ftp://edr.example/"},
        {"poll_url": "http://edr.example/"},
        {"provenance": Provenance.ATTESTED},
        {"name": ""},
        {"audience": "x" * 257},
        {"authorization": "a\nb"},
    ):
        with pytest.raises(InvalidTransmitter):
            await signals.hear(**wrong)


async def test_what_we_tell_is_what_we_understand(signals: Signals) -> None:
    """Two platforms: one pushes to the other, which believes it."""
    await signals.house.active()
    stream = await signals.streams.create(StreamWish(), actor=SOC)
    jwks = json.dumps(await signals.streams.keys.jwks()).encode()
    signals.peer.answers["/ours"] = lambda _: (200, jwks)
    transmitter = await signals.hear(issuer=ISSUER, audience=stream.audience, jwks_url=f"{signals.peer.url}/ours")
    await signals.house.devices.disable(signals.house.organization_id, "pump-7", actor=ACTOR, reason="lost")
    await signals.pushed()
    found, _ = await signals.streams.poll(stream.stream_id, actor=SOC)
    for token in found.values():
        await signals.receiver.push(transmitter.transmitter_id, token, "")
    assert (await signals.receiver.get(transmitter.transmitter_id)).accepted == len(found) == 1
    assert set(EVENT_TYPES) >= {SESSION_REVOKED}


def _pkcs8() -> bytes:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
