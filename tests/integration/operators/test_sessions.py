from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from operators_house import CLIENT, TOKEN_ACTOR, OperatorsHouse

from vedette.ledger import Actor
from vedette.operators import LoginFailed, SessionKind, SessionNotFound
from vedette.operators.model import LINKS_MAX, SESSIONS_MAX
from vedette.simulation import ManualClock

pytestmark = pytest.mark.anyio


async def test_a_link_logs_in_once_and_both_are_on_record(house: OperatorsHouse) -> None:
    link = await house.sessions.make_link(house.organization_id, actor=TOKEN_ACTOR)
    begun = await house.sessions.begin_by_link(house.organization_id, link.token, client=CLIENT)
    found = await house.sessions.find(house.organization_id, begun.token)
    assert found is not None
    assert (found.kind, found.person_id, found.link_id) == (SessionKind.LINK, None, link.link_id)
    assert found.actor == Actor("operator", f"link:{link.link_id}", "one-time link")
    with pytest.raises(LoginFailed):
        await house.sessions.begin_by_link(house.organization_id, link.token, client=CLIENT)
    made, login = await house.acts()
    assert (made.action, made.actor, made.target) == ("operators.make_login_link", TOKEN_ACTOR, link.link_id)
    assert (login.action, login.actor) == ("operators.log_in", found.actor)
    assert login.details == {"kind": "link", "address": "192.0.2.7", "user_agent": "Test/1.0"}


@pytest.mark.parametrize("token", ["", "x", "é\0", "x" * 5000, "\ud800"])
async def test_what_is_no_link_logs_nobody_in(house: OperatorsHouse, token: str) -> None:
    with pytest.raises(LoginFailed):
        await house.sessions.begin_by_link(house.organization_id, token, client=CLIENT)
    assert await house.sessions.find(house.organization_id, token) is None
    assert await house.acts() == []


async def test_a_link_ends_within_the_hour(house: OperatorsHouse, clock: ManualClock) -> None:
    link = await house.sessions.make_link(house.organization_id, actor=TOKEN_ACTOR)
    clock.advance(timedelta(hours=1))
    with pytest.raises(LoginFailed):
        await house.sessions.begin_by_link(house.organization_id, link.token, client=CLIENT)


async def test_the_oldest_of_too_many_links_is_void(house: OperatorsHouse) -> None:
    links = []
    for _ in range(LINKS_MAX + 1):
        house.clock.advance(timedelta(milliseconds=2))
        links.append(await house.sessions.make_link(house.organization_id, actor=TOKEN_ACTOR))
    with pytest.raises(LoginFailed):
        await house.sessions.begin_by_link(house.organization_id, links[0].token, client=CLIENT)
    await house.sessions.begin_by_link(house.organization_id, links[1].token, client=CLIENT)


async def test_a_session_is_idle_for_half_an_hour_at_most(house: OperatorsHouse, clock: ManualClock) -> None:
    begun = await house.link_session()
    for _ in range(3):
        clock.advance(timedelta(minutes=29))
        found = await house.sessions.find(house.organization_id, begun.token)
        assert found is not None
        await house.sessions.note_use(found)
    clock.advance(timedelta(minutes=30))
    assert not await house.is_in(begun)
    assert (await house.sessions.list(house.organization_id))[0] == []


async def test_a_session_lasts_for_its_hours_however_it_is_used(house: OperatorsHouse, clock: ManualClock) -> None:
    begun = await house.link_session()
    for _ in range(24):
        found = await house.sessions.find(house.organization_id, begun.token)
        assert found is not None
        await house.sessions.note_use(found)
        clock.advance(timedelta(minutes=29, seconds=59))
    assert await house.is_in(begun)
    clock.advance(timedelta(seconds=25))
    assert not await house.is_in(begun)


async def test_a_clock_set_back_revives_no_session(house: OperatorsHouse, clock: ManualClock) -> None:
    begun = await house.link_session()
    clock.advance(timedelta(minutes=-6))
    assert not await house.is_in(begun)


async def test_a_use_is_written_down_once_a_minute(house: OperatorsHouse, clock: ManualClock) -> None:
    begun = await house.link_session()
    clock.advance(timedelta(seconds=59))
    await house.sessions.note_use(begun.session)
    found = await house.sessions.find(house.organization_id, begun.token)
    assert found is not None
    assert found.last_used_at == begun.session.last_used_at
    clock.advance(timedelta(seconds=1))
    await house.sessions.note_use(begun.session)
    found = await house.sessions.find(house.organization_id, begun.token)
    assert found is not None
    assert found.last_used_at == clock.now()


async def test_a_login_ends_the_session_that_the_browser_had(house: OperatorsHouse) -> None:
    first = await house.link_session()
    link = await house.sessions.make_link(house.organization_id, actor=TOKEN_ACTOR)
    second = await house.sessions.begin_by_link(
        house.organization_id, link.token, client=CLIENT, former_token=first.token
    )
    assert not await house.is_in(first)
    assert await house.is_in(second)
    assert (await house.acts())[-1].details["replaces"] == first.session.session_id


async def test_logging_out_ends_a_session_and_is_on_record_once(house: OperatorsHouse) -> None:
    begun = await house.link_session()
    await house.sessions.log_out(begun.session)
    await house.sessions.log_out(begun.session)
    assert not await house.is_in(begun)
    assert await house.actions() == ["make_login_link", "log_in", "log_out"]


async def test_somebody_elses_session_can_be_ended(house: OperatorsHouse) -> None:
    begun = await house.link_session()
    other = await house.link_session()
    listed, following = await house.sessions.list(house.organization_id)
    assert [each.session_id for each in listed] == [begun.session.session_id, other.session.session_id]
    assert following is None
    await house.sessions.end(house.organization_id, begun.session.session_id, actor=TOKEN_ACTOR, reason="lost")
    assert not await house.is_in(begun)
    assert await house.is_in(other)
    last = (await house.acts())[-1]
    assert (last.action, last.actor, last.reason) == ("operators.end_session", TOKEN_ACTOR, "lost")
    assert last.details == {"cause": "ended", "of": begun.session.actor.id}
    with pytest.raises(SessionNotFound):
        await house.sessions.end(house.organization_id, begun.session.session_id, actor=TOKEN_ACTOR)


async def test_the_list_of_sessions_goes_on_behind_a_page(house: OperatorsHouse) -> None:
    begun = [await house.link_session() for _ in range(3)]
    page, following = await house.sessions.list(house.organization_id, limit=2)
    rest, end = await house.sessions.list(house.organization_id, limit=2, after=following or "")
    assert [each.session_id for each in [*page, *rest]] == [each.session.session_id for each in begun]
    assert end is None


async def test_a_person_has_only_so_many_sessions(house: OperatorsHouse) -> None:
    first = (await house.register()).begun
    last = [await house.log_in() for _ in range(SESSIONS_MAX)][-1]
    assert not await house.is_in(first)
    assert await house.is_in(last)
    person_id = first.session.person_id
    listed, _ = await house.sessions.list(house.organization_id, person_id=person_id)
    assert len(listed) == SESSIONS_MAX


async def test_no_secret_is_stored(house: OperatorsHouse) -> None:
    link = await house.sessions.make_link(house.organization_id, actor=TOKEN_ACTOR)
    registration = await house.register()

    def dump(connection: sa.Connection) -> str:
        names = sa.inspect(connection).get_table_names()
        return "".join(str(connection.execute(sa.select("*").select_from(sa.table(name))).all()) for name in names)

    stored = await house.store.read(dump)
    assert link.link_id in stored
    for secret in (link.token, registration.begun.token, *registration.recovery_codes):
        assert secret not in stored
        assert secret.replace("-", "") not in stored
    assert repr(registration.begun).find(registration.begun.token) < 0
    assert repr(registration).find(registration.recovery_codes[0]) < 0
