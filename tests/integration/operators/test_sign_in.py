"""Every way in beside passkeys, on a real store: tokens of programs, the device flow, codes, and sessions elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from operators_house import CLIENT, HOST, TOKEN_ACTOR, OperatorsHouse
from virtual_authenticator import VirtualAuthenticator

from vedette.kernel import RandomIds
from vedette.operators import (
    Client,
    DeviceAuthorizationNotFound,
    DeviceFlowService,
    InvalidServiceToken,
    LoginFailed,
    Logins,
    NewServiceToken,
    NewSession,
    PersonDisabled,
    PersonNeeded,
    Scopes,
    ServiceTokenExists,
    ServiceTokenNotFound,
    ServiceTokenService,
    SessionKind,
    SessionSettings,
    StepUpNeeded,
    TokenRefused,
    TooManyWaiting,
    TotpHeld,
    TotpOff,
    TotpService,
    Wait,
)
from vedette.operators.totp import code_at, step_of
from vedette.pki import SecretBox

pytestmark = pytest.mark.anyio
ELSEWHERE = Client("Test/1.0", "203.0.113.9")


def tokens_of(house: OperatorsHouse) -> ServiceTokenService:
    return ServiceTokenService(house.store, house.ledger, clock=house.clock, ids=RandomIds(house.clock))


def flow_of(house: OperatorsHouse) -> DeviceFlowService:
    ids = RandomIds(house.clock)
    return DeviceFlowService(house.store, house.ledger, house.people, logins_of(house), clock=house.clock, ids=ids)


def logins_of(house: OperatorsHouse) -> Logins:
    return Logins(house.ledger, clock=house.clock, ids=RandomIds(house.clock), settings=SessionSettings())


def totp_of(house: OperatorsHouse, *, is_enabled: bool = True) -> TotpService:
    ids = RandomIds(house.clock)
    return TotpService(
        house.store,
        house.ledger,
        house.people,
        logins_of(house),
        box=SecretBox(b"k" * 32, ids=ids),
        is_enabled=is_enabled,
        clock=house.clock,
        ids=ids,
    )


async def test_a_service_token_opens_what_it_was_made_for_until_it_is_revoked(house: OperatorsHouse) -> None:
    tokens = tokens_of(house)
    new = NewServiceToken(name="siem", roles=("auditor",), scopes=Scopes(sites=frozenset({"north"})))
    issued = await tokens.create(house.organization_id, new, owner_id=None, actor=TOKEN_ACTOR)
    assert issued.secret.startswith("vds_")
    assert issued.secret not in repr(issued)
    found = await tokens.judge(house.organization_id, issued.secret, address="192.0.2.7")
    assert found is not None
    assert (found.roles, set(found.scopes.sites), str(found.actor.kind)) == (("auditor",), {"north"}, "service")
    listed, following = await tokens.list(house.organization_id)
    assert following is None
    assert [(each.last_used_address, each.last_used_at) for each in listed] == [("192.0.2.7", house.clock.now())]
    await tokens.revoke(house.organization_id, found.token_id, actor=TOKEN_ACTOR, reason="leaked")
    assert await tokens.judge(house.organization_id, issued.secret, address="192.0.2.7") is None
    with pytest.raises(ServiceTokenNotFound):
        await tokens.get(house.organization_id, found.token_id)
    assert (await house.actions())[-2:] == ["create_service_token", "revoke_service_token"]
    assert all(issued.secret not in str(record) for record in await house.acts())


async def test_a_service_token_ends_by_itself_and_comes_from_its_networks_only(house: OperatorsHouse) -> None:
    tokens = tokens_of(house)
    new = NewServiceToken(
        name="export", roles=("auditor",), networks=("10.20.0.0/16", "2001:db8::/32"), lifetime_days=1
    )
    issued = await tokens.create(house.organization_id, new, owner_id=None, actor=TOKEN_ACTOR)
    for good in ("10.20.3.4", "::ffff:10.20.3.4", "2001:db8::1"):
        assert await tokens.judge(house.organization_id, issued.secret, address=good) is not None
    for wrong in ("10.21.3.4", "", "nowhere", "2001:db9::1"):
        with pytest.raises(TokenRefused):
            await tokens.judge(house.organization_id, issued.secret, address=wrong)
    house.clock.advance(timedelta(days=1))
    with pytest.raises(TokenRefused):
        await tokens.judge(house.organization_id, issued.secret, address="10.20.3.4")


async def test_a_service_token_opens_nothing_while_its_owner_is_disabled_and_goes_with_them(
    house: OperatorsHouse,
) -> None:
    person = (await house.register("Ada")).person
    tokens = tokens_of(house)
    new = NewServiceToken(name="export", roles=("auditor",))
    issued = await tokens.create(house.organization_id, new, owner_id=person.person_id, actor=TOKEN_ACTOR)
    assert issued.token.owner_name == "Ada"
    await house.people.disable(house.organization_id, person.person_id, actor=TOKEN_ACTOR, reason="left")
    assert await tokens.judge(house.organization_id, issued.secret, address="") is None
    await house.people.enable(house.organization_id, person.person_id, actor=TOKEN_ACTOR)
    assert await tokens.judge(house.organization_id, issued.secret, address="") is not None
    await house.people.delete(house.organization_id, person.person_id, actor=TOKEN_ACTOR, reason="left")
    assert (await tokens.list(house.organization_id))[0] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"roles": ()},
        {"roles": ("Admin!",)},
        {"roles": tuple(f"role-{number}" for number in range(9))},
        {"lifetime_days": 91},
        {"lifetime_days": 0},
        {"networks": ("10.0.0.1/8",)},
        {"networks": ("anywhere",)},
        {"scopes": Scopes(sites=frozenset({""}))},
    ],
    ids=str,
)
async def test_a_service_token_outside_its_limits_is_not_made(house: OperatorsHouse, wrong: dict[str, object]) -> None:
    new = replace(NewServiceToken(name="x", roles=("auditor",)), **wrong)  # type: ignore[arg-type] # as wrong as it gets
    with pytest.raises(InvalidServiceToken):
        await tokens_of(house).create(house.organization_id, new, owner_id=None, actor=TOKEN_ACTOR)


async def test_two_service_tokens_have_two_names(house: OperatorsHouse) -> None:
    tokens = tokens_of(house)
    new = NewServiceToken(name="x", roles=("auditor",))
    await tokens.create(house.organization_id, new, owner_id=None, actor=TOKEN_ACTOR)
    with pytest.raises(ServiceTokenExists):
        await tokens.create(house.organization_id, new, owner_id=None, actor=TOKEN_ACTOR)


async def test_a_command_line_is_let_in_by_its_person_once(house: OperatorsHouse) -> None:
    flow, begun = flow_of(house), (await house.register("Ada")).begun
    waiting = await flow.begin(house.organization_id, ELSEWHERE)
    code = waiting.authorization.shown_code
    assert await flow.ask(house.organization_id, waiting.device_code, ELSEWHERE) is Wait.PENDING
    assert await flow.ask(house.organization_id, waiting.device_code, ELSEWHERE) is Wait.SLOW_DOWN
    assert (await flow.show(house.organization_id, code.lower())).client == ELSEWHERE
    await flow.decide(begun.session, code, is_approved=True)
    with pytest.raises(DeviceAuthorizationNotFound):
        await flow.decide(begun.session, code, is_approved=True)
    house.clock.advance(timedelta(seconds=10))
    entered = await flow.ask(house.organization_id, waiting.device_code, ELSEWHERE)
    assert isinstance(entered, NewSession)
    assert (entered.session.kind, entered.session.person_name) == (SessionKind.CLI, "Ada")
    assert entered.session.facts.stepped_up_at == begun.session.facts.stepped_up_at
    assert await flow.ask(house.organization_id, waiting.device_code, ELSEWHERE) is Wait.EXPIRED
    # It may rest between two commands, but ends like every login, and with its person.
    house.clock.advance(timedelta(hours=6))
    assert await house.is_in(entered)
    await house.people.disable(house.organization_id, entered.session.person_id or "", actor=TOKEN_ACTOR, reason="left")
    assert not await house.is_in(entered)


async def test_a_command_line_that_is_denied_or_forgotten_stays_outside(house: OperatorsHouse) -> None:
    flow, begun = flow_of(house), (await house.register("Ada")).begun
    denied = await flow.begin(house.organization_id, ELSEWHERE)
    await flow.decide(begun.session, denied.authorization.user_code, is_approved=False)
    assert await flow.ask(house.organization_id, denied.device_code, ELSEWHERE) is Wait.DENIED
    late = await flow.begin(house.organization_id, ELSEWHERE)
    house.clock.advance(timedelta(minutes=10))
    assert await flow.ask(house.organization_id, late.device_code, ELSEWHERE) is Wait.EXPIRED
    with pytest.raises(DeviceAuthorizationNotFound):
        await flow.show(house.organization_id, late.authorization.user_code)
    assert await flow.ask(house.organization_id, "x", ELSEWHERE) is Wait.EXPIRED


async def test_a_link_lets_no_command_line_in_and_strangers_do_not_pile_up(house: OperatorsHouse) -> None:
    flow = flow_of(house)
    for _ in range(10):
        waiting = await flow.begin(house.organization_id, ELSEWHERE)
    with pytest.raises(TooManyWaiting):
        await flow.begin(house.organization_id, ELSEWHERE)
    link = await house.link_session()
    with pytest.raises(PersonNeeded):
        await flow.decide(link.session, waiting.authorization.user_code, is_approved=True)
    await flow.begin(house.organization_id, CLIENT)


async def test_key_and_code_log_in_and_each_code_works_once(house: OperatorsHouse) -> None:
    totp, begun = totp_of(house), (await house.register("Ada")).begun
    made = await totp.begin(begun.session)
    assert made.key not in repr(made)
    secret = await secret_of(house, begun)
    with pytest.raises(LoginFailed):  # nothing opens before a first code
        await log_in(house, totp, made.key, secret)
    await totp.confirm(begun.session, code_at(secret, step_of(house.clock.now())))
    with pytest.raises(LoginFailed):  # the code of the confirmation was used
        await log_in(house, totp, made.key, secret)
    house.clock.advance(timedelta(seconds=30))
    entered = await log_in(house, totp, made.key.upper(), secret)
    assert (entered.session.kind, entered.session.facts.amr) == (SessionKind.TOTP, ("otp",))
    assert entered.session.facts.stepped_up_at is None
    with pytest.raises(LoginFailed):
        await log_in(house, totp, made.key, secret)
    await totp.remove(house.organization_id, entered.session.person_id or "", actor=TOKEN_ACTOR, reason="lost")
    assert not await house.is_in(entered)
    assert (await house.actions()).count("add_totp") == 1


async def test_five_wrong_codes_hold_even_the_right_one(house: OperatorsHouse) -> None:
    totp, begun = totp_of(house), (await house.register("Ada")).begun
    made = await totp.begin(begun.session)
    secret = await secret_of(house, begun)
    await totp.confirm(begun.session, code_at(secret, step_of(house.clock.now())))
    house.clock.advance(timedelta(seconds=60))
    step = step_of(house.clock.now())
    right, near = code_at(secret, step), {code_at(secret, step + apart) for apart in range(-2, 3)}
    wrong = next(code for code in ("000000", "000001", "000002", "000003", "000004", "000005") if code not in near)
    for _ in range(5):
        with pytest.raises(LoginFailed):
            await totp.log_in(house.organization_id, made.key, wrong, client=CLIENT)
    with pytest.raises(TotpHeld):
        await totp.log_in(house.organization_id, made.key, right, client=CLIENT)
    house.clock.advance(timedelta(minutes=15))
    assert await house.is_in(await log_in(house, totp, made.key, secret))


async def test_codes_are_off_unless_asked_for_and_need_a_fresh_passkey(house: OperatorsHouse) -> None:
    begun = (await house.register("Ada")).begun
    with pytest.raises(TotpOff):
        await totp_of(house, is_enabled=False).begin(begun.session)
    with pytest.raises(TotpOff):
        await totp_of(house, is_enabled=False).log_in(house.organization_id, "a", "123456", client=CLIENT)
    house.clock.advance(timedelta(minutes=6))
    with pytest.raises(StepUpNeeded):
        await totp_of(house).begin(begun.session)
    with pytest.raises(PersonNeeded):
        await totp_of(house).begin((await house.link_session()).session)


async def test_whoever_is_disabled_gets_in_by_no_code(house: OperatorsHouse) -> None:
    totp, begun = totp_of(house), (await house.register("Ada")).begun
    made = await totp.begin(begun.session)
    secret = await secret_of(house, begun)
    await totp.confirm(begun.session, code_at(secret, step_of(house.clock.now())))
    await house.people.disable(house.organization_id, begun.session.person_id or "", actor=TOKEN_ACTOR, reason="left")
    house.clock.advance(timedelta(seconds=30))
    with pytest.raises(PersonDisabled):
        await log_in(house, totp, made.key, secret)


async def test_stepping_up_renews_the_secret_and_keeps_the_session(house: OperatorsHouse) -> None:
    begun = (await house.register("Ada")).begun
    house.clock.advance(timedelta(minutes=10))
    renewed = await step_up(house, begun, house.authenticator)
    assert renewed.session.session_id == begun.session.session_id
    assert renewed.session.facts.stepped_up_at == house.clock.now()
    assert await house.is_in(renewed)
    assert not await house.is_in(begun)
    with pytest.raises(LoginFailed):  # the secret before steps nothing up any more
        await step_up(house, begun, house.authenticator)


async def test_nobody_steps_up_with_another_persons_passkey(house: OperatorsHouse) -> None:
    begun = (await house.register("Ada")).begun
    other = VirtualAuthenticator(house.authenticator.origin)
    await house.register("Bea", authenticator=other)
    with pytest.raises(LoginFailed):
        await step_up(house, begun, other)
    with pytest.raises(PersonNeeded):
        house.passkeys.ask_to_step_up((await house.link_session()).session, host=HOST)


async def test_a_session_that_is_used_elsewhere_is_on_record_once_and_goes_on_by_passkey(
    house: OperatorsHouse,
) -> None:
    begun = (await house.register("Ada")).begun
    settings = SessionSettings()
    assert settings.is_elsewhere(begun.session, ELSEWHERE)
    for _ in range(2):
        await house.sessions.demand_recheck(begun.session, ELSEWHERE)
    found = await house.sessions.find(house.organization_id, begun.token)
    assert found is not None
    assert found.is_recheck_due
    denied = [each for each in await house.acts() if each.action == "operators.use_session"]
    assert [(each.decision, each.details["address"]) for each in denied] == [("denied", ELSEWHERE.address)]
    renewed = await step_up(house, NewSession(found, begun.token), house.authenticator, client=ELSEWHERE)
    assert not renewed.session.is_recheck_due
    assert not settings.is_elsewhere(renewed.session, ELSEWHERE)


async def step_up(
    house: OperatorsHouse, begun: NewSession, authenticator: VirtualAuthenticator, *, client: Client = CLIENT
) -> NewSession:
    answer = authenticator.sign(house.passkeys.ask_to_step_up(begun.session, host=HOST))
    return await house.passkeys.step_up(begun.session, answer, client=client)


async def secret_of(house: OperatorsHouse, begun: NewSession) -> bytes:
    """Open what the app was given, as its owner's app keeps it."""
    from vedette.operators import totp_repository

    person_id = begun.session.person_id or ""
    factor = await house.store.read(lambda each: totp_repository.find(each, house.organization_id, person_id))
    assert factor is not None
    box = SecretBox(b"k" * 32, ids=RandomIds(house.clock))
    return box.open(factor.sealed, place=f"authenticator app of {person_id}")


async def log_in(house: OperatorsHouse, totp: TotpService, key: str, secret: bytes) -> NewSession:
    code = code_at(secret, step_of(house.clock.now()))
    return await totp.log_in(house.organization_id, key, code, client=CLIENT)
