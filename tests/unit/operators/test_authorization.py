"""The policies about people: what each role gives, where, and that no set of roles gives more than its members."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.kernel import GenerationId, OrganizationId
from vedette.ledger import Actor
from vedette.operators import (
    Action,
    Asker,
    AuthorizationSettings,
    Confirmations,
    Holding,
    Role,
    Scopes,
    Standing,
    Subject,
)
from vedette.operators.authorization import AuthorizationService
from vedette.operators.authorization_model import areas_of, holds_everywhere, question_of, reaches, slices_of
from vedette.operators.role_model import narrowed
from vedette.registry import DevicePlace
from vedette.simulation import ManualClock
from vedette.trust import CedarPolicies, people_bundle

POLICIES = CedarPolicies(people_bundle())
SITES = ("north", "south", "west")
GROUPS = ("grp_a", "grp_b", "grp_c")
ANYWHERE = Scopes()
EVERYBODYS = {Action.OWN, Action.READ_STATUS, Action.ELEVATE, Action.OWN_CREDENTIALS}
EVERYTHING = Confirmations(has_assertion=True, is_approved=True)


def authorization(**chosen: Any) -> AuthorizationService:
    nothing: Any = None  # neither is asked by what is tried here
    return AuthorizationService(
        nothing, nothing, nothing, POLICIES, clock=ManualClock(), settings=AuthorizationSettings(**chosen)
    )


def person(*holdings: Holding, **facts: Any) -> Standing:
    asker = Asker(
        organization_id=OrganizationId("org_1"),
        actor=Actor("operator", "per_1"),
        method="passkey",
        may_let_in=True,
        is_multi_factor=True,
        **facts,
    )
    return Standing(asker=asker, holdings=holdings, has_passkey=True, step_up_age=timedelta(seconds=10))


def place(site: str | None, groups: Iterable[str] = ()) -> DevicePlace:
    return DevicePlace(GenerationId("gen_1"), "pump-7", site, "standard", frozenset(groups))


scopes = st.builds(
    Scopes, st.frozensets(st.sampled_from(SITES), max_size=2), st.frozensets(st.sampled_from(GROUPS), max_size=2)
)
holdings = st.builds(Holding, st.sampled_from([role.value for role in Role]), scopes)
places = st.builds(place, st.none() | st.sampled_from(SITES), st.frozensets(st.sampled_from(GROUPS), max_size=3))
subjects = st.builds(Subject, place=st.none() | places, is_limited=st.booleans())


@settings(max_examples=150, deadline=None)
@given(st.lists(holdings, max_size=4), st.sampled_from(Action), subjects, scopes)
def test_no_set_of_roles_gives_an_act_that_none_of_its_roles_gives(
    held: list[Holding], action: Action, subject: Subject, limit: Scopes
) -> None:
    service = authorization()
    together = person(*held, scopes=limit)
    alone = [person(each, scopes=limit) for each in held] or [person(scopes=limit)]
    permitted = service.decide(together, action, subject, EVERYTHING).is_permitted
    assert permitted == any(service.decide(each, action, subject, EVERYTHING).is_permitted for each in alone)


@settings(max_examples=100, deadline=None)
@given(st.lists(holdings, min_size=1, max_size=3), st.sampled_from(Action), places, scopes)
def test_a_limit_of_the_credential_never_widens(
    held: list[Holding], action: Action, where: DevicePlace, limit: Scopes
) -> None:
    service, subject = authorization(), Subject(place=where)
    limited = service.decide(person(*held, scopes=limit), action, subject, EVERYTHING)
    if limited.is_permitted and action not in {Action.OWN, Action.READ_STATUS}:
        assert service.decide(person(*held), action, subject, EVERYTHING).is_permitted
        assert where.is_in(areas_of([limit]))


@settings(max_examples=100, deadline=None)
@given(st.lists(holdings, max_size=3), st.sampled_from(Action), places)
def test_a_list_is_limited_to_where_each_device_could_be_asked_for(
    held: list[Holding], action: Action, where: DevicePlace
) -> None:
    service, standing = authorization(), person(*held)
    listed = service.decide(standing, action, Subject(is_limited=True), EVERYTHING)
    single = service.decide(standing, action, Subject(place=where), EVERYTHING)
    if listed.is_permitted and held:
        assert where.is_in(listed.areas) == single.is_permitted
    if single.is_permitted and held:
        assert reaches(standing, where)


@settings(max_examples=60, deadline=None)
@given(st.lists(holdings, max_size=2), st.sampled_from(Action), subjects, st.data())
def test_whatever_fact_is_missing_nothing_is_permitted(
    held: list[Holding], action: Action, subject: Subject, data: st.DataObject
) -> None:
    standing = person(*held)
    within = slices_of(standing)[0]
    question = question_of(standing, action, subject, EVERYTHING, settings=AuthorizationSettings(), within=within)
    optional = {"stepUpAgeSeconds", "address"}
    name = data.draw(st.sampled_from(sorted(set(question.context) - optional)))
    context = {key: value for key, value in question.context.items() if key != name}
    assert not POLICIES.ask(replace(question, context=context)).is_permitted


def program(roles: Sequence[Role], owner: Sequence[Holding] | None, scopes: Scopes = ANYWHERE) -> Standing:
    """Return a service token's standing; the person who answers for it holds ``owner``."""
    asker = Asker(
        organization_id=OrganizationId("org_1"),
        actor=Actor("service", "stk_1"),
        method="service-token",
        is_program=True,
        scopes=scopes,
    )
    bound = None if owner is None else tuple(owner)
    return Standing(asker=asker, holdings=tuple(Holding(each) for each in roles), bound=bound)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(Role), min_size=1, max_size=3),
    st.lists(holdings, max_size=3),
    scopes,
    st.sampled_from(Action),
    places,
)
def test_a_program_never_does_what_whoever_answers_for_it_could_not(
    roles: list[Role], owner: list[Holding], limit: Scopes, action: Action, where: DevicePlace
) -> None:
    service = authorization()
    unbound, bound = program(roles, None, limit), program(roles, owner, limit)
    person_alone = person(*owner)
    for subject in (Subject(place=where), Subject(), Subject(is_limited=True)):
        ruling = service.decide(bound, action, subject)
        if ruling.is_permitted:
            assert service.decide(unbound, action, subject).is_permitted
            assert service.decide(person_alone, action, subject, EVERYTHING).is_permitted
        if ruling.is_permitted and subject.is_limited and owner and action not in EVERYBODYS:
            assert not where.is_in(ruling.areas) or service.decide(bound, action, Subject(place=where)).is_permitted


def test_a_program_of_somebody_without_a_role_may_nothing() -> None:
    service = authorization()
    orphan = program([Role.ADMIN], [])
    assert {each for each in Action if service.decide(orphan, each, Subject()).is_permitted} <= EVERYBODYS
    assert not holds_everywhere(program([Role.OPERATOR], [Holding(Role.ADMIN, Scopes(frozenset({"north"})))]))


def test_an_enforcement_point_asks_for_decisions_and_nothing_else() -> None:
    service = authorization()
    asks = Standing(asker=program([], None).asker, holdings=(Holding("enforcement-point"),))
    permitted = {each for each in Action if service.decide(asks, each, Subject(is_limited=True)).is_permitted}
    assert permitted == {Action.ASK_DECISION, Action.OWN, Action.READ_STATUS}
    someone = service.decide(person(Holding("enforcement-point")), Action.ASK_DECISION, Subject())
    assert not someone.is_permitted


def test_a_receiver_of_signals_keeps_streams_and_does_nothing_else() -> None:
    service = authorization()
    receives = Standing(asker=program([], None).asker, holdings=(Holding("signal-receiver"),))
    permitted = {each for each in Action if service.decide(receives, each, Subject()).is_permitted}
    assert permitted == {Action.RECEIVE_SIGNALS, Action.OWN, Action.READ_STATUS}
    someone = service.decide(person(Holding("signal-receiver")), Action.RECEIVE_SIGNALS, Subject())
    assert not someone.is_permitted
    placed = Standing(asker=receives.asker, holdings=(Holding("signal-receiver", Scopes(frozenset({"north"}))),))
    assert not service.decide(placed, Action.RECEIVE_SIGNALS, Subject()).is_permitted


def test_who_holds_no_role_may_only_see_to_themselves() -> None:
    service = authorization()
    permitted = {each for each in Action if service.decide(person(), each, Subject(), EVERYTHING).is_permitted}
    assert permitted == EVERYBODYS


WEIGHTY = {
    Action.COMMAND,
    Action.QUARANTINE,
    Action.CHANGE_MANY,
    Action.MANAGE_KEYS,
    Action.MANAGE_POLICIES,
    Action.MANAGE_PEOPLE,
    Action.MANAGE_PLATFORM,
    Action.LET_IN,
    Action.ELEVATE,
    Action.OWN_CREDENTIALS,
    Action.READ_PACKETS,
}
MOMENTOUS = {Action.CHANGE_MANY, Action.MANAGE_KEYS, Action.MANAGE_POLICIES}


@pytest.mark.parametrize("age_s", [None, -1, 0, 300, 301])
def test_weighty_acts_and_no_others_ask_for_a_proof_not_older_than_five_minutes(age_s: int | None) -> None:
    service = authorization(signed_acts="off")
    age = None if age_s is None else timedelta(seconds=age_s)
    standing = replace(person(Holding(Role.ADMIN)), step_up_age=age)
    is_fresh = age_s is not None and 0 <= age_s <= 300
    for action in Action:
        ruling = service.decide(standing, action, Subject())
        assert ruling.is_permitted is (is_fresh or action not in WEIGHTY), action
        assert ruling.missing == ("" if ruling.is_permitted else "step-up")


def test_momentous_acts_ask_for_a_signature_which_is_proof_of_presence_too() -> None:
    service = authorization()
    standing = replace(person(Holding(Role.ADMIN)), step_up_age=None)
    for action in MOMENTOUS:
        assert service.decide(standing, action, Subject()).missing == "signed-act"
        assert service.decide(standing, action, Subject(), Confirmations(has_assertion=True)).is_permitted


def test_a_second_person_is_asked_for_where_the_configuration_says_so() -> None:
    service = authorization(second_approver=frozenset({Action.COMMAND}), signed_acts="off")
    standing = person(Holding(Role.OPERATOR))
    assert service.decide(standing, Action.COMMAND, Subject()).missing == "second-person"
    assert service.decide(standing, Action.COMMAND, Subject(), Confirmations(is_approved=True)).is_permitted
    assert service.decide(standing, Action.READ, Subject()).is_permitted


def test_no_confirmation_helps_whose_roles_do_not_give_an_act() -> None:
    service = authorization()
    for action in (Action.COMMAND, Action.MANAGE_KEYS):
        ruling = service.decide(replace(person(Holding(Role.AUDITOR)), step_up_age=None), action, Subject())
        assert (ruling.is_permitted, ruling.missing) == (False, "")


def test_only_people_with_a_passkey_are_asked_for_one_unless_everybody_is() -> None:
    standing = replace(person(Holding(Role.ADMIN)), step_up_age=None, has_passkey=False)
    for demand, is_permitted in (("off", True), ("passkeys", True), ("everybody", False)):
        service = authorization(step_up=demand, signed_acts="off")
        assert service.decide(standing, Action.COMMAND, Subject()).is_permitted is is_permitted


def test_a_program_gives_no_rights_whatever_its_roles() -> None:
    service = authorization(step_up="off", signed_acts="off")
    program = person(Holding(Role.ADMIN), is_program=True)
    refused = {each for each in Action if not service.decide(program, each, Subject(), EVERYTHING).is_permitted}
    assert refused == {
        Action.MANAGE_PEOPLE,
        Action.MANAGE_POLICIES,
        Action.MANAGE_KEYS,
        Action.MANAGE_PLATFORM,
        Action.LET_IN,
        Action.ELEVATE,
        Action.OWN_CREDENTIALS,
        Action.REVIEW,
    }


def test_who_did_not_come_by_passkey_lets_nobody_in() -> None:
    standing = person(Holding(Role.ADMIN))
    link = replace(standing, asker=replace(standing.asker, may_let_in=False, method="link"), has_passkey=False)
    ruling = authorization().decide(link, Action.LET_IN, Subject(), EVERYTHING)
    assert not ruling.is_permitted
    assert "let-in-by-passkey" in ruling.policies


def test_limits_that_share_nothing_leave_nothing() -> None:
    north, south = Scopes(frozenset({"north"})), Scopes(frozenset({"south"}))
    assert narrowed(north, south) is None
    assert narrowed(north, Scopes()) == north
    assert narrowed(Scopes(), Scopes(groups=frozenset({"grp_a"}))) == Scopes(groups=frozenset({"grp_a"}))
