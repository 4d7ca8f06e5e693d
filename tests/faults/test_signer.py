"""The signer fails, and answers with what was not asked for."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fault_doors import ALLOW, FaultDoors, until
from fault_drill import Drill
from faulty_platform import FaultyPlatform
from stolen_key import der_of, issue_unasked

from vedette.kernel import GenerationId, OrganizationId
from vedette.pki.signer.contract import Issued, decode_reply, encode
from vedette.trust import certificate_identity

DELAY_S = 1.0
WRONG = "the signer answered with a certificate for another identity"


@contextlib.contextmanager
def cut(platform: FaultyPlatform) -> Iterator[None]:
    platform.signer_way.cut()
    try:
        yield
    finally:
        platform.signer_way.mend()


@contextlib.contextmanager
def delayed(platform: FaultyPlatform) -> Iterator[None]:
    platform.signer_way.delay_s = DELAY_S
    try:
        yield
    finally:
        platform.signer_way.mend()


@contextlib.contextmanager
def changed(platform: FaultyPlatform, change: Callable[[list[bytes]], list[bytes]]) -> Iterator[None]:
    """Have the signer answer with another chain than it issued."""

    def answer(frame: bytes) -> bytes:
        reply = decode_reply(frame)
        return encode(Issued(chain=change(reply.chain))) if isinstance(reply, Issued) else frame

    platform.signer_way.change = answer
    platform.signer_way.drop()
    try:
        yield
    finally:
        platform.signer_way.mend()


class Liar:
    """Holds the issuing key, and issues for a key of its own whatever is asked for."""

    def __init__(self, platform: FaultyPlatform) -> None:
        pki = platform.data / "pki"
        key = load_pem_private_key((pki / "operational.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._authority = x509.load_pem_x509_certificate((pki / "operational.pem").read_bytes())
        anchor = json.loads((platform.data / "public" / "trust-anchor.json").read_text())
        self._organization_id = OrganizationId(anchor["organization_id"])

    def issue(self, chain: list[bytes]) -> list[bytes]:
        genuine = x509.load_der_x509_certificate(chain[0])
        identity = certificate_identity(genuine)
        forged = issue_unasked(
            self._authority,
            self._key,
            name=str(genuine.subject.rdns[0].rfc4514_string().partition("=")[2]),
            organization_id=self._organization_id,
            generation_id=None if identity is None else GenerationId(identity.generation_id),
        )
        return [der_of(forged), *chain[1:]]


def enroll_until(doors: FaultDoors, told: Callable[[], bool]) -> Callable[[], bool]:
    """Return what has a certificate issued and tells whether that raised the alarm."""

    def ask() -> bool:
        if not told() and doors.platform.signer_way.change is not None:
            doors.enroll(doors.factory)
        return told()

    return ask


def test_the_signer_is_down(platform: FaultyPlatform, drill: Drill) -> None:
    drill.play("signer", "down", cut(platform), is_told=lambda: platform.health().get("issuing") == "failed")


def test_the_signer_is_slow(platform: FaultyPlatform, drill: Drill) -> None:
    drill.play("signer", "slow", delayed(platform), is_told=lambda: platform.health().get("issuing") == "failed")


def test_the_signer_issues_for_another_key(platform: FaultyPlatform, doors: FaultDoors, drill: Drill) -> None:
    told = enroll_until(doors, platform.listen_for(WRONG))
    drill.play("signer", "lying", changed(platform, Liar(platform).issue), is_told=told)


def test_the_signer_answers_with_noise(platform: FaultyPlatform, doors: FaultDoors, drill: Drill) -> None:
    told = enroll_until(doors, platform.listen_for("the signer answered with no certificate"))
    drill.play("signer", "lying", changed(platform, lambda chain: [b"\x30\x82noise", *chain[1:]]), is_told=told)


def test_the_signer_answers_with_an_earlier_certificate(
    platform: FaultyPlatform, doors: FaultDoors, drill: Drill
) -> None:
    heard: list[list[bytes]] = []
    with changed(platform, lambda chain: heard.append(chain) or chain):  # type: ignore[func-returns-value] # noted, and passed on
        until(lambda: doors.enroll(doors.factory) == ALLOW, "a certificate is issued")
    told = enroll_until(doors, platform.listen_for(WRONG))
    drill.play("signer", "replayed", changed(platform, lambda _: heard[0]), is_told=told)
