from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from operators_house import CLIENT, HOST, TOKEN_ACTOR, OperatorsHouse
from virtual_authenticator import VirtualAuthenticator

from vedette.kernel import RandomIds
from vedette.ledger import Actor
from vedette.operators import (
    Act,
    Action,
    ApprovalNotFound,
    ApprovalService,
    Asker,
    AuthorizationService,
    Ceremonies,
    Challenges,
    ConfirmationFailed,
    ConfirmationService,
    ElevationNotFound,
    ElevationService,
    GrantMode,
    InvalidGrant,
    LastAdministrator,
    NewGrant,
    NewSession,
    NotEligible,
    PersonId,
    PersonNeeded,
    PersonNotFound,
    Role,
    RoleService,
    Scopes,
    TooMany,
    relying_party,
)
from vedette.operators.confirmation_service import canonical_act
from vedette.operators.role_model import GRANTS_MAX
from vedette.trust import CedarPolicies, people_bundle

pytestmark = pytest.mark.anyio

POLICIES = CedarPolicies(people_bundle())
ORIGIN = "http://localhost:8480"


class Rights:
    """Roles beside the rest of the room, wired as ``app`` wires them."""

    def __init__(self, house: OperatorsHouse) -> None:
        ids = RandomIds(house.clock)
        self.house = house
        self.roles = RoleService(house.store, house.ledger, clock=house.clock, ids=ids)
        house.ledger.project("roles", self.roles.project)
        self.elevations = ElevationService(house.store, house.ledger, clock=house.clock, ids=ids)
        self.authorization = AuthorizationService(house.store, house.ledger, self.roles, POLICIES, clock=house.clock)
        self.approvals = ApprovalService(house.store, house.ledger, clock=house.clock, ids=ids)
        self.confirmations = ConfirmationService(
            house.store,
            house.ledger,
            ceremonies=Ceremonies(relying_party(HOST, url=ORIGIN, hostnames=(HOST,), port=8480)),
            challenges=Challenges(b"c" * 32, clock=house.clock, ids=ids),
            clock=house.clock,
        )

    async def held(self, person_id: str | None, link_id: str | None = None) -> list[str]:
        """Return the roles that count now."""
        asker = Asker(
            organization_id=self.house.organization_id,
            actor=Actor("operator", person_id or "link"),
            method="passkey",
            person_id=None if person_id is None else PersonId(person_id),
            link_id=link_id,  # type: ignore[arg-type] # a text will do
        )
        return [str(each.role) for each in (await self.authorization.standing(asker)).holdings]


@pytest.fixture
def rights(house: OperatorsHouse) -> Rights:
    return Rights(house)


async def test_the_first_person_comes_by_a_link_and_is_an_administrator(rights: Rights) -> None:
    house = rights.house
    ada = (await house.register("Ada")).person
    assert await rights.held(ada.person_id) == ["admin"]
    link = await house.sessions.make_link(house.organization_id, actor=TOKEN_ACTOR)
    assert await rights.held(None, link.link_id) == ["admin"]


async def test_a_link_gives_its_role_in_its_session_and_to_who_registers_by_it(rights: Rights) -> None:
    house = rights.house
    link = await house.sessions.make_link(house.organization_id, actor=TOKEN_ACTOR)
    scopes = Scopes(sites=frozenset({"north"}))
    await rights.roles.give_link(house.organization_id, link.link_id, Role.DEPLOYER, scopes)
    assert await rights.held(None, link.link_id) == ["deployer"]
    begun = await house.sessions.begin_by_link(house.organization_id, link.token, client=CLIENT)
    person = (await house.register("Bob", begun=begun)).person
    (grant,), _ = await rights.roles.list(house.organization_id, person_id=person.person_id)
    assert (grant.role, grant.scopes) == (Role.DEPLOYER, scopes)


async def test_who_came_before_there_were_roles_is_an_administrator_once(house: OperatorsHouse) -> None:
    person = (await house.register("Ada")).person
    rights = Rights(house)
    assert await rights.held(person.person_id) == []
    assert await rights.roles.adopt(house.organization_id) == 1
    assert await rights.held(person.person_id) == ["admin"]
    assert await rights.roles.adopt(house.organization_id) == 0


async def test_a_role_ends_at_its_time_and_with_its_person(rights: Rights) -> None:
    house = rights.house
    person_id = (await house.register("Ada")).person.person_id
    ends = house.clock.now() + timedelta(hours=1)
    new = NewGrant(role=Role.ANALYST, expires_at=ends)
    await rights.roles.grant(house.organization_id, person_id, new, actor=TOKEN_ACTOR)
    assert sorted(await rights.held(person_id)) == ["admin", "analyst"]
    house.clock.advance(timedelta(hours=1))
    assert await rights.held(person_id) == ["admin"]
    await house.people.delete(house.organization_id, person_id, actor=TOKEN_ACTOR, reason="left")
    assert (await rights.roles.list(house.organization_id))[0] == []


async def test_a_grant_is_refused_that_ends_before_it_begins_or_is_nobodys_or_one_too_many(rights: Rights) -> None:
    house = rights.house
    person_id = (await house.register("Ada")).person.person_id
    past = NewGrant(role=Role.ANALYST, expires_at=house.clock.now())
    with pytest.raises(InvalidGrant):
        await rights.roles.grant(house.organization_id, person_id, past, actor=TOKEN_ACTOR)
    with pytest.raises(PersonNotFound):
        await rights.roles.grant(house.organization_id, "per_x", NewGrant(role=Role.ANALYST), actor=TOKEN_ACTOR)
    for _ in range(GRANTS_MAX - 1):
        await rights.roles.grant(house.organization_id, person_id, NewGrant(role=Role.AUDITOR), actor=TOKEN_ACTOR)
    with pytest.raises(TooMany):
        await rights.roles.grant(house.organization_id, person_id, NewGrant(role=Role.AUDITOR), actor=TOKEN_ACTOR)


async def test_the_last_administrator_of_the_whole_platform_stays(rights: Rights) -> None:
    house = rights.house
    ada, bob = (await house.register("Ada")).person, (await house.register("Bob")).person
    grants, _ = await rights.roles.list(house.organization_id)
    by_person = {each.person_id: each.grant_id for each in grants}
    await house.people.disable(house.organization_id, bob.person_id, actor=TOKEN_ACTOR, reason="x")
    with pytest.raises(LastAdministrator):
        await rights.roles.withdraw(house.organization_id, by_person[ada.person_id], actor=TOKEN_ACTOR)
    await house.people.enable(house.organization_id, bob.person_id, actor=TOKEN_ACTOR)
    await rights.roles.withdraw(house.organization_id, by_person[ada.person_id], actor=TOKEN_ACTOR, reason="x")
    assert await rights.held(ada.person_id) == []
    assert "withdraw_role" in await house.actions()


async def test_an_elevation_ends_by_itself_and_with_its_grant(rights: Rights) -> None:
    house = rights.house
    person = (await house.register("Ada")).person
    new = NewGrant(role=Role.OPERATOR, mode=GrantMode.ELIGIBLE)
    grant = await rights.roles.grant(house.organization_id, person.person_id, new, actor=TOKEN_ACTOR)
    assert "operator" not in await rights.held(person.person_id)

    async def begin(minutes: int = 60, reason: str = "loud", who: PersonId | None = person.person_id) -> str:
        begun = await rights.elevations.begin(
            house.organization_id,
            who,
            grant.grant_id,
            lasts=timedelta(minutes=minutes),
            reason=reason,
            actor=Actor("operator", person.person_id),
        )
        return begun.elevation_id

    first = await begin()
    assert "operator" in await rights.held(person.person_id)
    house.clock.advance(timedelta(minutes=60))
    assert "operator" not in await rights.held(person.person_id)
    with pytest.raises(ElevationNotFound):
        await rights.elevations.end(house.organization_id, first, actor=TOKEN_ACTOR)
    await begin()
    await rights.roles.withdraw(house.organization_id, grant.grant_id, actor=TOKEN_ACTOR, reason="x")
    assert "operator" not in await rights.held(person.person_id)
    with pytest.raises(NotEligible):
        await begin()
    for wrong in (4, 60 * 9):
        with pytest.raises(InvalidGrant):
            await begin(minutes=wrong)
    with pytest.raises(InvalidGrant):
        await begin(reason=" ")
    with pytest.raises(PersonNeeded):
        await begin(who=None)


async def test_an_approval_ends_with_its_day(rights: Rights) -> None:
    house = rights.house
    ada, bob = [Actor("operator", (await house.register(name)).person.person_id) for name in ("Ada", "Bob")]
    act = Act("POST", "/v1/enrollments", hashlib.sha256(b"{}").hexdigest())

    async def ask() -> str:
        waiting = await rights.approvals.ask(
            house.organization_id, act, Action.ENROLL, body=b"{}", device_id="", actor=ada
        )
        return waiting.approval_id

    first = await ask()
    await rights.approvals.decide(house.organization_id, first, "approved", actor=bob)
    house.clock.advance(timedelta(hours=24))
    assert await rights.approvals.take(house.organization_id, act, actor=ada) is None
    second = await ask()
    assert second != first
    with pytest.raises(ApprovalNotFound):
        await rights.approvals.decide(house.organization_id, first, "approved", actor=bob)
    await rights.approvals.decide(house.organization_id, second, "approved", actor=bob)
    assert await rights.approvals.take(house.organization_id, act, actor=bob) is None
    assert await rights.approvals.take(house.organization_id, act, actor=ada) is not None
    assert await rights.approvals.take(house.organization_id, act, actor=ada) is None


class TestSignedActs:
    act = Act("POST", "/v1/service-policies", hashlib.sha256(b"{}").hexdigest())

    async def _session(self, rights: Rights) -> NewSession:
        return (await rights.house.register("Ada")).begun

    async def test_a_signature_is_good_once_and_for_five_minutes(self, rights: Rights) -> None:
        session = (await self._session(rights)).session
        asked = rights.confirmations.ask_to_sign(session, self.act, host=HOST)
        answer = rights.house.authenticator.sign(asked.options)
        await rights.confirmations.verify_act(session, self.act, asked.nonce, answer)
        with pytest.raises(ConfirmationFailed):
            await rights.confirmations.verify_act(session, self.act, asked.nonce, answer)
        late = rights.confirmations.ask_to_sign(session, self.act, host=HOST)
        answer = rights.house.authenticator.sign(late.options)
        rights.house.clock.advance(timedelta(minutes=5))
        with pytest.raises(ConfirmationFailed):
            await rights.confirmations.verify_act(session, self.act, late.nonce, answer)

    async def test_the_challenge_is_the_hash_of_the_act(self, rights: Rights) -> None:
        session = (await self._session(rights)).session
        asked = rights.confirmations.ask_to_sign(session, self.act, host=HOST)
        expected = canonical_act(session.organization_id, session.person_id or "", self.act, asked.nonce)
        assert asked.canonical == expected
        answer = rights.house.authenticator.sign(asked.options)
        await rights.confirmations.verify_act(session, self.act, asked.nonce, answer)
        signed = [each for each in await rights.house.acts() if each.action == "operators.sign_act"]
        assert signed[0].details["act"] == expected
        assert signed[0].target == hashlib.sha256(expected.encode()).hexdigest()

    async def test_it_is_bound_to_the_session_and_to_the_persons_own_passkey(self, rights: Rights) -> None:
        session = (await self._session(rights)).session
        other_keys = VirtualAuthenticator(rights.house.authenticator.origin)
        other = (await rights.house.register("Eve", authenticator=other_keys)).begun.session
        asked = rights.confirmations.ask_to_sign(session, self.act, host=HOST)
        with pytest.raises(ConfirmationFailed):
            await rights.confirmations.verify_act(other, self.act, asked.nonce, other_keys.sign(asked.options))
        with pytest.raises(ConfirmationFailed):
            await rights.confirmations.verify_act(session, self.act, asked.nonce, other_keys.sign(asked.options))

    async def test_a_user_who_is_not_verified_signs_nothing(self, rights: Rights) -> None:
        session = (await self._session(rights)).session
        asked = rights.confirmations.ask_to_sign(session, self.act, host=HOST)
        rights.house.authenticator.is_verifying = False
        answer = rights.house.authenticator.sign(asked.options)
        with pytest.raises(ConfirmationFailed):
            await rights.confirmations.verify_act(session, self.act, asked.nonce, answer)

    async def test_a_login_is_no_signature(self, rights: Rights) -> None:
        session = (await self._session(rights)).session
        asked = rights.confirmations.ask_to_sign(session, self.act, host=HOST)
        login = rights.house.passkeys.ask_to_log_in(b"b" * 32, host=HOST)
        answer = rights.house.authenticator.sign(login)
        with pytest.raises(ConfirmationFailed):
            await rights.confirmations.verify_act(session, self.act, asked.nonce, answer)

    async def test_a_link_and_a_token_sign_nothing(self, rights: Rights) -> None:
        link = (await rights.house.link_session()).session
        for session in (link, None):
            with pytest.raises(PersonNeeded):
                rights.confirmations.ask_to_sign(session, self.act, host=HOST)
