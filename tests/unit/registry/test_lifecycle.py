"""The lifecycle's table, step by step."""

from __future__ import annotations

import itertools

import pytest

from vedette.registry import TRANSITIONS, Cause, TransitionNotAllowed
from vedette.registry.lifecycle import INITIAL, check_transition, is_restricting
from vedette.trust import Lifecycle

STEPS = list(itertools.product(Lifecycle, Lifecycle, Cause))


@pytest.mark.parametrize(("current", "target", "cause"), STEPS)
def test_a_step_is_allowed_exactly_where_the_table_says(current: Lifecycle, target: Lifecycle, cause: Cause) -> None:
    if cause in TRANSITIONS[current].get(target, frozenset()):
        check_transition(current, target, cause)
    else:
        with pytest.raises(TransitionNotAllowed) as caught:
            check_transition(current, target, cause)
        assert caught.value.hint


def test_a_retired_device_never_returns() -> None:
    assert TRANSITIONS[Lifecycle.RETIRED] == {}


def test_an_operator_alone_ends_a_quarantine() -> None:
    # A release is a person's act, too: `access` lets no program do it.
    causes = {cause for causes in TRANSITIONS[Lifecycle.QUARANTINED].values() for cause in causes}
    assert causes == {Cause.OPERATOR, Cause.RELEASE}


def test_only_the_end_of_a_quarantine_leads_back_to_the_factory() -> None:
    for state in (Lifecycle.MADE, Lifecycle.SHIPPED):
        assert TRANSITIONS[Lifecycle.QUARANTINED][state] == {Cause.RELEASE}


def test_automation_only_narrows() -> None:
    steps = [target for table in TRANSITIONS.values() for target, causes in table.items() if Cause.AUTOMATION in causes]
    assert steps
    assert all(is_restricting(target) for target in steps)


def test_enrolling_leads_to_onboarded_and_nowhere_else() -> None:
    targets = {
        target for table in TRANSITIONS.values() for target, causes in table.items() if Cause.ENROLLMENT in causes
    }
    assert targets == {Lifecycle.ONBOARDED}


def test_every_state_can_be_reached_from_where_a_device_begins() -> None:
    reached = set(INITIAL)
    while more := {target for state in reached for target in TRANSITIONS[state]} - reached:
        reached |= more
    assert reached == set(Lifecycle)
