"""Somebody with the bus in hand: hears what control says, plays it back, forges more, and answers in its name."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from faulty_platform import GATEWAY, FaultyPlatform

from vedette.bus import BusConnection, BusConnectionSettings, Endpoint, Message
from vedette.bus.contract import OPEN_SESSION, OpenSession, SessionOpening
from vedette.kernel import SystemClock
from vedette.trust import (
    Head,
    Opening,
    PostureRecord,
    RecordSigner,
    Registration,
    Section,
    read_trust_anchor,
)
from vedette.trust.signing import Signed

_POSTURE = "$KV.posture.>"
_AGAIN_S = 0.2

T = TypeVar("T")


class BusLiar:
    """Holds every key of the bus, and not the administrator's.

    Attributes:
        records: What control published of each identity, oldest first.
        heads: The heads it published, oldest first.
    """

    def __init__(self, platform: FaultyPlatform) -> None:
        self.platform = platform
        self.organization_id = read_trust_anchor(platform.data / "public" / "trust-anchor.json").organization_id
        self.records: dict[str, list[bytes]] = {}
        self.heads: list[bytes] = []
        self._said: set[bytes] = set()
        self._own = RecordSigner(Ed25519PrivateKey.generate())
        self._events = self.connect("control-events")
        self._control = self.connect("control")
        self._do(self._listen())

    def connect(self, user: str) -> BusConnection:
        """Connect as one of the bus's users."""
        return self._do(connect(self.platform, user))

    def close(self) -> None:
        for each in (self._events, self._control):
            self._do(each.close())

    @contextlib.contextmanager
    def saying(self, statements: Callable[[], list[tuple[str, bytes]]]) -> Iterator[None]:
        """Publish statements again and again, as long as this lasts."""

        async def say() -> None:
            while True:
                for subject, payload in statements():
                    self._said.add(payload)
                    self._events.publish(subject, payload)
                await self._events.flush()
                await asyncio.sleep(_AGAIN_S)

        saying = asyncio.run_coroutine_threadsafe(say(), self.platform.beside.loop)
        try:
            yield
        finally:
            saying.cancel()

    @contextlib.contextmanager
    def answering(self, answer: Callable[[OpenSession], SessionOpening]) -> Iterator[None]:
        """Answer every other question about a session in control's name."""

        async def reply(request: OpenSession) -> SessionOpening:
            return answer(request)

        liar = self.connect("control")
        serving = asyncio.run_coroutine_threadsafe(
            liar.serve([Endpoint(OPEN_SESSION, OpenSession, reply)]), self.platform.beside.loop
        )
        try:
            yield
        finally:
            serving.cancel()
            self._do(liar.close())

    def forge(self, generation_id: str) -> list[tuple[str, bytes]]:
        """Return what would let an identity in, if it were believed."""
        signed = self.records[generation_id][-1]
        record = msgspec.msgpack.decode(msgspec.msgpack.decode(signed, type=Signed).payload, type=PostureRecord)
        opened = msgspec.structs.replace(_opened(record), sequence=record.sequence + 1_000)
        head = msgspec.msgpack.decode(msgspec.msgpack.decode(self.heads[-1], type=Signed).payload, type=Head)
        later = msgspec.structs.replace(
            head, epoch=head.epoch + 1, sequence=opened.sequence, issued_at=head.issued_at + timedelta(seconds=1)
        )
        altered = msgspec.msgpack.encode(
            Signed(msgspec.msgpack.encode(opened), msgspec.msgpack.decode(signed, type=Signed).signature)
        )
        subject = self._subject(generation_id)
        return [
            (subject, self._own.sign_record(opened)),
            (subject, altered),
            (subject, b"\xff" * 100),
            (self._subject("head"), self._own.sign_head(later)),
        ]

    def replay(self, generation_id: str) -> list[tuple[str, bytes]]:
        """Return what control said earlier, of an identity and of its heads."""
        old = [(self._subject(generation_id), each) for each in self.records[generation_id][:-1]]
        return [*old, *((self._subject("head"), each) for each in self.heads[:3])]

    def lie_about(self, request: OpenSession) -> SessionOpening:
        """Answer that whoever asks is known and well, signed by a key of our own."""
        record = self.newest(request.device_id)
        head = msgspec.msgpack.decode(msgspec.msgpack.decode(self.heads[-1], type=Signed).payload, type=Head)
        opening = Opening(
            nonce=request.nonce,
            organization_id=self.organization_id,
            device_id=record.device_id,
            module_id=None,
            head=head,
            record=_opened(record),
        )
        return SessionOpening(self._own.sign_opening(opening))

    def newest(self, device_id: str) -> PostureRecord:
        """Return what control said last of a device, by its name."""
        found = [
            msgspec.msgpack.decode(msgspec.msgpack.decode(each[-1], type=Signed).payload, type=PostureRecord)
            for each in self.records.values()
        ]
        return max((each for each in found if each.device_id == device_id), key=lambda each: each.sequence)

    def _subject(self, name: str) -> str:
        return f"$KV.posture.{self.organization_id}.{name}"

    async def _listen(self) -> None:
        self._events.subscribe(_POSTURE, self._hear)
        await self._events.flush()

    def _hear(self, message: Message) -> None:
        if message.payload in self._said:  # an echo of ours
            return
        name = message.subject.rpartition(".")[2]
        if name == "head":
            self.heads.append(message.payload)
        else:
            self.records.setdefault(name, []).append(message.payload)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.platform.beside.do(work)


async def connect(platform: FaultyPlatform, user: str) -> BusConnection:
    """Connect to the bus as a process does, with its key."""
    seed = (platform.data / "secrets" / f"bus-{user}.nk").read_text().strip()
    settings = BusConnectionSettings(name=user, urls=(f"nats://127.0.0.1:{platform.ports['bus']}",), seed=seed)
    return await BusConnection.connect(settings, clock=SystemClock())


async def ask_about(platform: FaultyPlatform, organization_id: str, device_id: str) -> SessionOpening:
    """Have control answer about a device, as a gateway does; the answer is genuine, and bound to one question."""
    bus = await connect(platform, GATEWAY)
    try:
        request = OpenSession(
            organization_id=organization_id,
            gateway=GATEWAY,
            device_id=device_id,
            module_id=None,
            nonce=b"n" * 16,
            certificate_sha256=None,
            remote_address="127.0.0.1",
        )
        return await bus.call(OPEN_SESSION, request, SessionOpening, timeout_s=30)
    finally:
        await bus.close()


def _opened(record: PostureRecord) -> PostureRecord:
    registration = record.registration
    value = registration.value
    assert isinstance(value, Registration)
    well = msgspec.structs.replace(value, is_enabled=True, is_blocked=False)
    section: Section[Registration] = msgspec.structs.replace(registration, value=well)
    return msgspec.structs.replace(record, registration=section)
