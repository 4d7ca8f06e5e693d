from __future__ import annotations

import pytest
from operators_house import CLIENT, TOKEN_ACTOR, OperatorsHouse
from virtual_authenticator import VirtualAuthenticator

from vedette.operators import (
    InvalidName,
    LoginFailed,
    PersonExists,
    PersonNeeded,
    PersonNotFound,
    RevisionMismatch,
    SessionKind,
)

pytestmark = pytest.mark.anyio


async def test_a_recovery_code_logs_in_once_however_it_is_typed(house: OperatorsHouse) -> None:
    registration = await house.register("Ada")
    code, other = registration.recovery_codes[:2]
    begun = await house.people.log_in_by_code(house.organization_id, code, client=CLIENT)
    assert (begun.session.kind, begun.session.person_name) == (SessionKind.RECOVERY, "Ada")
    with pytest.raises(LoginFailed):
        await house.people.log_in_by_code(house.organization_id, code, client=CLIENT)
    typed = other.upper().replace("-", " ").replace("0", "O").replace("1", "l")
    await house.people.log_in_by_code(house.organization_id, f" {typed} ", client=CLIENT)
    person = await house.people.get(house.organization_id, registration.person.person_id)
    assert person.recovery_codes_left == 8


@pytest.mark.parametrize("code", ["", "x", "aaaa-aaaa-aaaa-aaaa-aaaa", "u" * 20, "é" * 20, "\0" * 20, "a" * 5000])
async def test_what_is_no_recovery_code_logs_nobody_in(house: OperatorsHouse, code: str) -> None:
    await house.register()
    with pytest.raises(LoginFailed):
        await house.people.log_in_by_code(house.organization_id, code, client=CLIENT)


async def test_new_recovery_codes_make_the_former_ones_void(house: OperatorsHouse) -> None:
    registration = await house.register()
    codes = await house.people.make_recovery_codes(registration.begun.session)
    assert not set(codes) & set(registration.recovery_codes)
    with pytest.raises(LoginFailed):
        await house.people.log_in_by_code(house.organization_id, registration.recovery_codes[0], client=CLIENT)
    await house.people.log_in_by_code(house.organization_id, codes[0], client=CLIENT)


async def test_a_link_has_no_recovery_codes(house: OperatorsHouse) -> None:
    with pytest.raises(PersonNeeded):
        await house.people.make_recovery_codes((await house.link_session()).session)


async def test_who_recovered_registers_a_new_passkey_and_removes_the_lost_one(house: OperatorsHouse) -> None:
    registration = await house.register("Ada")
    begun = await house.people.log_in_by_code(house.organization_id, registration.recovery_codes[0], client=CLIENT)
    renewed = await house.register(begun=begun, authenticator=VirtualAuthenticator(house.authenticator.origin))
    assert renewed.person.person_id == registration.person.person_id
    assert renewed.begun.session.kind is SessionKind.PASSKEY
    await house.passkeys.remove(
        house.organization_id, registration.passkey.passkey_id, actor=renewed.begun.session.actor
    )
    assert not await house.is_in(registration.begun)
    assert await house.is_in(renewed.begun)


async def test_a_person_is_renamed_and_the_record_keeps_both_names(house: OperatorsHouse) -> None:
    registration = await house.register("Ada")
    person = await house.people.rename(
        house.organization_id,
        registration.person.person_id,
        " Ada L. ",
        actor=registration.begun.session.actor,
        expected_revision=1,
    )
    assert (person.person.name, person.person.revision) == ("Ada L.", 2)
    last = (await house.acts())[-1]
    assert (last.actor.name, last.target_name, last.details) == ("Ada", "Ada L.", {"former_name": "Ada"})
    found = await house.sessions.find(house.organization_id, registration.begun.token)
    assert found is not None
    assert found.actor.name == "Ada L."
    # Her own name in another spelling is no one else's.
    await house.people.rename(house.organization_id, registration.person.person_id, "ADA L.", actor=TOKEN_ACTOR)


async def test_renaming_refuses_what_it_must(house: OperatorsHouse) -> None:
    ada = (await house.register("Ada")).person
    await house.register("Bea", authenticator=VirtualAuthenticator(house.authenticator.origin))
    for name, expected, problem in (
        ("bea", None, PersonExists),
        ("", None, InvalidName),
        ("Cy", 7, RevisionMismatch),
    ):
        with pytest.raises(problem):
            await house.people.rename(
                house.organization_id, ada.person_id, name, actor=TOKEN_ACTOR, expected_revision=expected
            )
    with pytest.raises(PersonNotFound):
        await house.people.rename(house.organization_id, "per_nobody", "Cy", actor=TOKEN_ACTOR)


async def test_a_deleted_person_leaves_nothing_that_logs_in(house: OperatorsHouse) -> None:
    registration = await house.register("Ada")
    await house.people.delete(house.organization_id, registration.person.person_id, actor=TOKEN_ACTOR, reason="left")
    assert not await house.is_in(registration.begun)
    with pytest.raises(LoginFailed):
        await house.log_in()
    with pytest.raises(LoginFailed):
        await house.people.log_in_by_code(house.organization_id, registration.recovery_codes[0], client=CLIENT)
    assert (await house.people.list(house.organization_id))[0] == []
    assert (await house.acts())[-1].target_name == "Ada"


async def test_the_list_of_people_goes_on_behind_a_page(house: OperatorsHouse) -> None:
    for name in ("Ada", "Bea", "Cy"):
        await house.register(name, authenticator=VirtualAuthenticator(house.authenticator.origin))
    page, following = await house.people.list(house.organization_id, limit=2)
    rest, end = await house.people.list(house.organization_id, limit=2, after=following or "")
    assert [each.person.name for each in [*page, *rest]] == ["Ada", "Bea", "Cy"]
    assert end is None


async def test_disabling_twice_changes_nothing(house: OperatorsHouse) -> None:
    person_id = (await house.register()).person.person_id
    first = await house.people.disable(house.organization_id, person_id, actor=TOKEN_ACTOR, reason="left")
    count = len(await house.acts())
    again = await house.people.disable(house.organization_id, person_id, actor=TOKEN_ACTOR, reason="left")
    assert again == first
    assert len(await house.acts()) == count
