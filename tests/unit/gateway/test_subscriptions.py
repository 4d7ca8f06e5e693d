"""Subscriptions as values that sessions share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vedette.gateway.subscriptions import (
    NO_SUBSCRIPTIONS,
    read_subscriptions,
    subscribed,
    unsubscribed,
    write_subscriptions,
)
from vedette.protocols.hub import Subscription

SOME = st.dictionaries(st.sampled_from(list(Subscription)), st.integers(0, 1))


@given(SOME)
def test_what_is_written_is_read_as_the_very_same_object(chosen: dict[Subscription, int]) -> None:
    subscriptions = subscribed(NO_SUBSCRIPTIONS, chosen)
    assert dict(subscriptions) == chosen
    assert read_subscriptions(write_subscriptions(subscriptions)) is subscriptions


@given(SOME, SOME)
def test_adding_and_giving_up_are_those_of_a_dictionary(
    first: dict[Subscription, int], then: dict[Subscription, int]
) -> None:
    both = subscribed(subscribed(NO_SUBSCRIPTIONS, first), then)
    assert dict(both) == {**first, **then}
    assert subscribed(both, then) is both
    left = unsubscribed(both, frozenset(then))
    assert dict(left) == {each: qos for each, qos in first.items() if each not in then}
    assert unsubscribed(both, frozenset(both)) is NO_SUBSCRIPTIONS


def test_nothing_kept_is_no_subscription() -> None:
    assert read_subscriptions(None) is read_subscriptions({}) is NO_SUBSCRIPTIONS


def test_what_is_unknown_is_passed_over_and_a_qos_out_of_range_is_brought_into_it() -> None:
    kept = {"devicebound": 2, "methods": -1, "streams": 1}
    assert write_subscriptions(read_subscriptions(kept)) == {"devicebound": 1, "methods": 0}
