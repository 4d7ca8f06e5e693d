"""Shared signals on the rooms that stand behind them, with a receiver and a transmitter elsewhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from http_peer import HttpPeer
from identity_house import ACTOR, RunningSigner
from response_house import ResponseHouse

from vedette.access import NewTransmitter, ReceiverService, SigningKeys, StreamFeed, StreamService, Transmitter
from vedette.access.ssf_events import subject_of
from vedette.access.ssf_tokens import SetSigner, read_key_set, verify_set
from vedette.kernel import RandomIds
from vedette.pki import SecretBox
from vedette.simulation import ManualClock
from vedette.store import Store

ISSUER = "https://vedette.example"
OTHER = "https://edr.example"


@dataclass
class Signals:
    """Streams of ours, and a transmitter whose tokens are heard."""

    house: ResponseHouse
    streams: StreamService
    feed: StreamFeed
    receiver: ReceiverService
    peer: HttpPeer
    edr: SetSigner
    clock: ManualClock

    async def pushed(self) -> None:
        """Feed the streams, and push once."""
        while await self.feed.feed():
            pass
        async with httpx.AsyncClient(timeout=60) as client:
            await self.feed.push(client)

    async def read(self, token: str, audience: str) -> Any:
        keys = read_key_set(await self.streams.keys.jwks())
        return verify_set(token, keys, issuer=ISSUER, audience=audience, now=self.clock.now())

    def token(self, kind: str, claims: dict[str, Any], **changes: Any) -> str:
        """Return what the EDR says of pump-7."""
        body = {
            "iss": OTHER,
            "aud": ISSUER,
            "jti": "one",
            "iat": int(self.clock.now().timestamp()),
            "sub_id": subject_of(OTHER, "pump-7", None),
            "events": {kind: claims},
        }
        return self.edr.sign(body | changes)

    async def hear(self, **changes: Any) -> Transmitter:
        fields = {"name": "edr", "issuer": OTHER, "audience": ISSUER, "jwks_url": f"{self.peer.url}/jwks"}
        return await self.receiver.add(NewTransmitter(**{**fields, **changes}), actor=ACTOR)


@asynccontextmanager
async def signals_of(
    store: Store, signer_process: RunningSigner, clock: ManualClock, peer: HttpPeer
) -> AsyncIterator[Signals]:
    """Build it all, and take it down."""
    house = ResponseHouse(store, signer_process, clock)
    await house.administrator.start()
    organization_id, ids, box = house.organization_id, RandomIds(clock), SecretBox(b"s" * 32, ids=RandomIds(clock))
    keys = SigningKeys(organization_id, store, box, clock=clock, ids=ids)
    streams = StreamService(organization_id, store, house.ledger, box, keys=keys, issuer=ISSUER, clock=clock, ids=ids)
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    edr = SetSigner("edr-1", made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    peer.answers["/jwks"] = lambda _: (200, json.dumps({"keys": [edr.public_jwk()]}).encode())
    yield Signals(
        house=house,
        streams=streams,
        feed=StreamFeed(organization_id, store, house.ledger, streams, clock=clock),
        receiver=ReceiverService(organization_id, store, house.ledger, house.signals, box, clock=clock, ids=ids),
        peer=peer,
        edr=edr,
        clock=clock,
    )
    await house.close()
