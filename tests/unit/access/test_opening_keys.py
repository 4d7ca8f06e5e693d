"""What control keeps of the keys it agreed on with gateways: for a while, and bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vedette.access import OpeningKeys
from vedette.access.opening_keys import GATEWAYS_MAX, KEYS_PER_GATEWAY, LIFETIME_S
from vedette.bus.contract import AgreeOpeningKey
from vedette.kernel import OrganizationId, RandomIds
from vedette.simulation import ManualClock
from vedette.trust import KeyAgreement, RecordSigner, RecordVerifier

ORGANIZATION = OrganizationId("org_" + "0" * 26)


class Desk:
    """The keeper, and gateways that ask it."""

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.signer = RecordSigner(Ed25519PrivateKey.generate())
        self.keys = OpeningKeys(self.signer, clock=self.clock, ids=RandomIds(self.clock))

    def agree(self, gateway: str = "gateway-1") -> str:
        """Agree on a key and return its id."""
        half = KeyAgreement(ORGANIZATION, gateway, b"n" * 16)
        request = AgreeOpeningKey(
            organization_id=ORGANIZATION, gateway=gateway, nonce=half.nonce, public_key=half.public_key
        )
        answer = self.keys.agree(ORGANIZATION, request)
        return half.accept(RecordVerifier(self.signer.public_key), answer.offer).key_id


def test_a_key_is_found_by_its_gateway_alone() -> None:
    desk = Desk()
    key_id = desk.agree()
    found = desk.keys.find("gateway-1", ["another", key_id])
    assert found is not None
    assert found.key_id == key_id
    assert desk.keys.find("gateway-2", [key_id]) is None


def test_a_key_ends_after_its_time() -> None:
    desk = Desk()
    key_id = desk.agree()
    desk.clock.advance(timedelta(seconds=LIFETIME_S - 1))
    assert desk.keys.find("gateway-1", [key_id]) is not None
    desk.clock.advance(timedelta(seconds=1))
    assert desk.keys.find("gateway-1", [key_id]) is None


def test_a_gateway_that_asks_for_many_loses_its_own_only() -> None:
    desk = Desk()
    others = desk.agree("gateway-2")
    first = desk.agree()
    latest = [desk.agree() for _ in range(KEYS_PER_GATEWAY)]
    assert desk.keys.find("gateway-1", [first]) is None
    assert desk.keys.find("gateway-1", latest[:1]) is not None
    assert desk.keys.find("gateway-2", [others]) is not None


def test_no_more_gateways_are_remembered_than_there_may_be() -> None:
    desk = Desk()
    first = desk.agree("gateway-0")
    for number in range(GATEWAYS_MAX):
        desk.agree(f"gateway-{number + 1}")
    assert desk.keys.find("gateway-0", [first]) is None
