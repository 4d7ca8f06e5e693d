from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from operators_house import CLIENT, HOST, ORIGIN, TOKEN_ACTOR, OperatorsHouse
from virtual_authenticator import VirtualAuthenticator, to_base64url

from vedette.operators import (
    InvalidName,
    InvalidPasskey,
    LoginFailed,
    PasskeyExists,
    PasskeyNotFound,
    PasskeysImpossible,
    PasskeySuspected,
    PersonDisabled,
    PersonExists,
    SessionKind,
    TooMany,
)
from vedette.operators.model import PASSKEYS_MAX
from vedette.simulation import ManualClock

pytestmark = pytest.mark.anyio
BROWSER = b"b" * 32


async def log_in(house: OperatorsHouse, answer: dict[str, Any], browser: bytes = BROWSER) -> None:
    await house.passkeys.log_in(house.organization_id, browser, answer, client=CLIENT)


async def test_a_link_lets_a_first_person_in_who_then_logs_in_by_passkey(house: OperatorsHouse) -> None:
    link = await house.link_session()
    registration = await house.register("Ada", begun=link)
    assert registration.person.name == "Ada"
    assert len(set(registration.recovery_codes)) == 10
    assert registration.begun.session.kind is SessionKind.PASSKEY
    assert not await house.is_in(link)
    assert await house.is_in(registration.begun)
    again = await house.log_in()
    assert again.session.person_id == registration.person.person_id
    assert (again.session.actor.id, again.session.actor.name) == (registration.person.person_id, "Ada")
    assert await house.actions() == [
        "make_login_link",
        "log_in",
        "add_person",
        "add_passkey",
        "make_recovery_codes",
        "log_in",
        "log_in",
    ]
    acts = await house.acts()
    assert acts[2].actor.id == f"link:{link.session.link_id}"
    assert acts[-1].actor.name == "Ada"
    assert await house.sessions.count_people_with_passkeys(house.organization_id) == 1
    person = await house.people.get(house.organization_id, registration.person.person_id)
    assert person.person.last_login_at == house.clock.now()
    assert (person.passkeys, person.recovery_codes_left) == (1, 10)


async def test_a_person_adds_a_second_passkey_and_keeps_the_recovery_codes(house: OperatorsHouse) -> None:
    first = await house.register("Ada")
    phone = VirtualAuthenticator(ORIGIN)
    asked = await house.passkeys.ask_to_register(first.begun.session, host=HOST)
    assert [each["id"] for each in asked["excludeCredentials"]] == [to_base64url(first.passkey.credential_id)]
    second = await house.register(begun=first.begun, authenticator=phone, passkey_name="phone")
    assert second.person.person_id == first.person.person_id
    assert second.recovery_codes == ()
    assert (await house.log_in(phone)).session.passkey_id == second.passkey.passkey_id
    listed, _ = await house.passkeys.list(house.organization_id, person_id=first.person.person_id)
    assert [each.name for each in listed] == ["laptop", "phone"]
    assert listed[0].transports == ("internal",)


async def test_what_the_browser_is_asked_for_is_a_discoverable_verified_passkey(house: OperatorsHouse) -> None:
    session = (await house.link_session()).session
    asked = await house.passkeys.ask_to_register(session, host=HOST, person_name="Ada")
    assert asked["rp"] == {"id": "localhost", "name": "Vedette"}
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["attestation"] == "none"
    login = house.passkeys.ask_to_log_in(BROWSER, host=HOST)
    assert (login["rpId"], login["userVerification"], login["allowCredentials"]) == ("localhost", "required", [])


@pytest.mark.parametrize(
    "attacker",
    [
        pytest.param({"origin": "http://localhost:3000"}, id="page on another port"),
        pytest.param({"origin": "https://evil.example"}, id="page elsewhere"),
        pytest.param({"origin": "http://evil.localhost:8480"}, id="page on a subdomain"),
        pytest.param({"rp_id": "evil.example"}, id="another relying party"),
        pytest.param({"is_verifying": False}, id="user not verified"),
    ],
)
async def test_neither_registration_nor_login_is_taken_from(house: OperatorsHouse, attacker: dict[str, Any]) -> None:
    await house.register()
    honest = vars(house.authenticator).copy()
    vars(house.authenticator).update(attacker)
    with pytest.raises(LoginFailed):
        await house.log_in()
    with pytest.raises(InvalidPasskey):
        await house.register("Eve")
    vars(house.authenticator).update({name: honest[name] for name in attacker})
    await house.log_in()


async def test_an_answer_is_taken_once(house: OperatorsHouse) -> None:
    await house.register()
    house.authenticator.counts = False
    answer = house.authenticator.sign(house.passkeys.ask_to_log_in(BROWSER, host=HOST))
    await log_in(house, answer)
    with pytest.raises(LoginFailed, match="before"):
        await log_in(house, answer)


async def test_a_registration_is_taken_once(house: OperatorsHouse) -> None:
    begun = await house.link_session()
    asked = await house.passkeys.ask_to_register(begun.session, host=HOST, person_name="Ada")
    answer = house.authenticator.make(asked)
    await house.passkeys.register(begun.session, answer, passkey_name="a", person_name="Ada", client=CLIENT)
    with pytest.raises(InvalidPasskey):
        await house.passkeys.register(begun.session, answer, passkey_name="b", person_name="Bea", client=CLIENT)
    assert await house.sessions.count_people_with_passkeys(house.organization_id) == 1


async def test_an_answer_of_another_browser_or_purpose_or_that_comes_too_late_is_refused(
    house: OperatorsHouse, clock: ManualClock
) -> None:
    registration = await house.register()
    answer = house.authenticator.sign(house.passkeys.ask_to_log_in(BROWSER, host=HOST))
    with pytest.raises(LoginFailed, match="not asked for"):
        await log_in(house, answer, b"another browser")
    asked = await house.passkeys.ask_to_register(registration.begun.session, host=HOST)
    with pytest.raises(LoginFailed, match="not asked for"):
        await log_in(house, house.authenticator.sign({**asked, "rpId": "localhost"}), BROWSER)
    other = await house.link_session()
    with pytest.raises(InvalidPasskey, match="not asked for"):
        await house.passkeys.register(
            other.session, house.authenticator.make(asked), passkey_name="x", person_name="Eve", client=CLIENT
        )
    clock.advance(timedelta(minutes=5))
    with pytest.raises(LoginFailed, match="too long ago"):
        await log_in(house, answer)


async def test_a_challenge_from_before_the_clock_was_set_back_is_refused(
    house: OperatorsHouse, clock: ManualClock
) -> None:
    await house.register()
    answer = house.authenticator.sign(house.passkeys.ask_to_log_in(BROWSER, host=HOST))
    clock.advance(timedelta(seconds=-1))
    with pytest.raises(LoginFailed, match="too long ago"):
        await log_in(house, answer)


async def test_a_passkey_of_nobody_and_one_that_names_somebody_else_are_refused(house: OperatorsHouse) -> None:
    ada = await house.register("Ada")
    stranger = VirtualAuthenticator(ORIGIN)
    bea = await house.register("Bea", authenticator=stranger)
    answer = stranger.sign(house.passkeys.ask_to_log_in(BROWSER, host=HOST))
    answer["response"]["userHandle"] = to_base64url(ada.person.person_id.encode())
    with pytest.raises(LoginFailed):
        await log_in(house, answer)
    await house.passkeys.remove(house.organization_id, bea.passkey.passkey_id, actor=TOKEN_ACTOR)
    with pytest.raises(LoginFailed, match="not known"):
        await house.log_in(stranger)


async def test_a_signature_by_another_key_raises_no_alarm(house: OperatorsHouse) -> None:
    registration = await house.register()
    await house.log_in()
    before = len(await house.acts())
    forged = VirtualAuthenticator(ORIGIN)
    forged.make(
        {
            "rp": {"id": HOST},
            "user": {"id": to_base64url(registration.person.person_id.encode())},
            "challenge": "",
        }
    )
    forged.credentials = {registration.passkey.credential_id: next(iter(forged.credentials.values()))}
    with pytest.raises(LoginFailed):
        await house.log_in(forged)
    assert len(await house.acts()) == before


async def test_a_counter_that_goes_back_is_refused_and_on_record(house: OperatorsHouse) -> None:
    registration = await house.register()
    await house.log_in()
    copied = house.authenticator.credentials[registration.passkey.credential_id]
    copied.count -= 1
    with pytest.raises(PasskeySuspected):
        await house.log_in()
    last = (await house.acts())[-1]
    assert (last.action, last.decision, last.target) == ("operators.log_in", "denied", registration.passkey.passkey_id)
    await house.log_in()


async def test_authenticators_that_do_not_count_are_taken(house: OperatorsHouse) -> None:
    house.authenticator.counts = False
    await house.register()
    await house.log_in()
    await house.log_in()


async def test_a_disabled_person_is_out_at_once_and_stays_out(house: OperatorsHouse) -> None:
    registration = await house.register("Ada")
    session = await house.log_in()
    person_id = registration.person.person_id
    changed = await house.people.disable(house.organization_id, person_id, actor=TOKEN_ACTOR, reason="left")
    assert changed.person.is_disabled
    assert not await house.is_in(registration.begun)
    assert not await house.is_in(session)
    assert await house.sessions.count_people_with_passkeys(house.organization_id) == 0
    with pytest.raises(PersonDisabled):
        await house.log_in()
    with pytest.raises(PersonDisabled):
        await house.people.log_in_by_code(house.organization_id, registration.recovery_codes[0], client=CLIENT)
    denied = [record for record in await house.acts() if record.decision == "denied"]
    assert [record.details["kind"] for record in denied] == ["passkey", "recovery"]
    await house.people.enable(house.organization_id, person_id, actor=TOKEN_ACTOR)
    assert (await house.log_in()).session.person_name == "Ada"
    await house.people.log_in_by_code(house.organization_id, registration.recovery_codes[0], client=CLIENT)


async def test_who_is_refused_again_and_again_stands_on_record_once_a_minute(
    house: OperatorsHouse, clock: ManualClock
) -> None:
    person = (await house.register()).person
    await house.people.disable(house.organization_id, person.person_id, actor=TOKEN_ACTOR, reason="left")
    for expected in (1, 1, 2):
        with pytest.raises(PersonDisabled):
            await house.log_in()
        assert len([record for record in await house.acts() if record.decision == "denied"]) == expected
        clock.advance(timedelta(seconds=31))


async def test_a_removed_passkey_opens_nothing_and_its_sessions_end_but_the_one_that_asks(
    house: OperatorsHouse,
) -> None:
    registration = await house.register()
    elsewhere = await house.log_in()
    await house.passkeys.remove(
        house.organization_id,
        registration.passkey.passkey_id,
        actor=registration.begun.session.actor,
        spared=registration.begun.session.token_sha256,
    )
    assert await house.is_in(registration.begun)
    assert not await house.is_in(elsewhere)
    with pytest.raises(LoginFailed):
        await house.log_in()
    with pytest.raises(PasskeyNotFound):
        await house.passkeys.remove(house.organization_id, registration.passkey.passkey_id, actor=TOKEN_ACTOR)


async def test_a_session_that_ended_registers_nothing(house: OperatorsHouse) -> None:
    begun = await house.link_session()
    asked = await house.passkeys.ask_to_register(begun.session, host=HOST, person_name="Ada")
    await house.sessions.log_out(begun.session)
    with pytest.raises(InvalidPasskey):
        await house.passkeys.register(
            begun.session, house.authenticator.make(asked), passkey_name="x", person_name="Ada", client=CLIENT
        )
    assert (await house.people.list(house.organization_id))[0] == []


async def test_one_authenticator_key_is_registered_once(house: OperatorsHouse) -> None:
    registration = await house.register("Ada")
    begun = await house.link_session()
    asked = await house.passkeys.ask_to_register(begun.session, host=HOST, person_name="Eve")
    answer = house.authenticator.make(asked)
    await house.passkeys.register(begun.session, answer, passkey_name="x", person_name="Eve", client=CLIENT)
    # The same credential again, under a challenge of Ada's session.
    again = await house.passkeys.ask_to_register(registration.begun.session, host=HOST)
    credential = VirtualAuthenticator(ORIGIN)
    other = credential.make(again)
    answer["response"]["clientDataJSON"] = other["response"]["clientDataJSON"]
    with pytest.raises(PasskeyExists):
        await house.passkeys.register(registration.begun.session, answer, passkey_name="x", client=CLIENT)


async def test_there_are_only_so_many_passkeys(house: OperatorsHouse) -> None:
    begun = (await house.register()).begun
    for _ in range(PASSKEYS_MAX - 1):
        begun = (await house.register(begun=begun)).begun
    with pytest.raises(TooMany):
        await house.register(begun=begun)


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\u202eb", "a\nb", "a\0b", "\u200b"])
async def test_what_is_no_name_is_refused(house: OperatorsHouse, name: str) -> None:
    begun = await house.link_session()
    with pytest.raises(InvalidName):
        await house.passkeys.ask_to_register(begun.session, host=HOST, person_name=name)
    with pytest.raises(InvalidName):
        await house.register(begun=begun, passkey_name=name)


async def test_nobody_takes_anothers_name(house: OperatorsHouse) -> None:
    await house.register("Ada")
    for name in ("Ada", " ADA ", "\uff21da"):  # a full-width A
        with pytest.raises(PersonExists):
            await house.register(name)
    assert len((await house.people.list(house.organization_id))[0]) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1", "evil-localhost", "localhost.evil.example", ""])
async def test_no_passkey_is_asked_for_where_browsers_have_none(house: OperatorsHouse, host: str) -> None:
    begun = await house.link_session()
    with pytest.raises(PasskeysImpossible, match="localhost"):
        await house.passkeys.ask_to_register(begun.session, host=host, person_name="Ada")
    with pytest.raises(PasskeysImpossible):
        house.passkeys.ask_to_log_in(BROWSER, host=host)
