from __future__ import annotations

from vedette.app.restart import CRASH_LOOP_EXITS, FIRST_PAUSE_S, HEALTHY_AFTER_S, MOST_PAUSE_S, RestartPolicy


def middle() -> float:
    return 0.5


def test_pauses_double_up_to_the_limit() -> None:
    policy = RestartPolicy(middle)
    pauses = [policy.died(started_s=now, now_s=now + 0.1).pause_s for now in range(0, 1000, 100)]
    assert pauses[:4] == [FIRST_PAUSE_S, FIRST_PAUSE_S * 2, FIRST_PAUSE_S * 4, FIRST_PAUSE_S * 8]
    assert pauses[-1] == MOST_PAUSE_S


def test_who_ran_well_is_started_again_at_once() -> None:
    policy = RestartPolicy(middle)
    for now in range(5):
        policy.died(started_s=now, now_s=now)
    assert policy.died(started_s=100, now_s=100 + HEALTHY_AFTER_S).pause_s == FIRST_PAUSE_S


def test_jitter_spreads_the_pause_by_a_quarter() -> None:
    assert RestartPolicy(lambda: 0.0).died(started_s=0, now_s=0).pause_s == FIRST_PAUSE_S * 0.75
    assert RestartPolicy(lambda: 1.0).died(started_s=0, now_s=0).pause_s == FIRST_PAUSE_S * 1.25


def test_a_crash_loop_is_seen_and_ends() -> None:
    policy = RestartPolicy(middle)
    told = [policy.died(started_s=now, now_s=now).is_crash_loop for now in range(CRASH_LOOP_EXITS)]
    assert told == [False] * (CRASH_LOOP_EXITS - 1) + [True]
    assert not policy.died(started_s=1000, now_s=1000).is_crash_loop
