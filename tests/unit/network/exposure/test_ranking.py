"""How much a vulnerability matters: each factor counts, and says why."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.health.advisories import Certainty, Exploitation, ExploitScore, KnownExploited
from vedette.network import Criticality
from vedette.network.exposure import Ranking, Surroundings, rank

CVE, DAY = "CVE-2026-10001", date(2026, 6, 1)
NETWORK = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOCAL = "CVSS:4.0/AV:L/AC:H/AT:N/PR:L/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
KNOWN = Exploitation(
    known=KnownExploited(cve=CVE, name="", added_on=DAY, due_on=None, is_ransomware=True, action="Update.")
)


def ranked(certainty: Certainty = Certainty.PROVEN, **changes: Any) -> Ranking:
    fields: dict[str, Any] = {
        "score": 7.5,
        "vector": NETWORK,
        "exploitation": Exploitation(),
        "surroundings": Surroundings(clients=3),
        "level": "1",
        "criticality": Criticality.NORMAL,
    }
    return rank(certainty, **fields | changes)


@pytest.mark.parametrize(
    "worse",
    [
        {"score": 9.8},
        {"exploitation": KNOWN},
        {"exploitation": Exploitation(score=ExploitScore(CVE, 0.9, 0.99), scored_on=DAY)},
        {"surroundings": Surroundings(inbound=1)},
        {"surroundings": Surroundings(outbound=1)},
        {"surroundings": Surroundings(clients=3, levels=("4",))},
        {"criticality": Criticality.CRITICAL},
    ],
)
def test_what_is_worse_comes_first(worse: dict[str, Any]) -> None:
    assert ranked(**worse).priority > ranked().priority


@pytest.mark.parametrize(
    "better",
    [
        {"score": 2.0},
        {"vector": LOCAL},
        {"surroundings": Surroundings()},
        {"exploitation": Exploitation(score=ExploitScore(CVE, 0.0, 0.01), scored_on=DAY)},
        {"criticality": Criticality.LOW},
        {"certainty": Certainty.MAYBE},
    ],
)
def test_what_is_better_comes_later(better: dict[str, Any]) -> None:
    assert ranked(**better).priority < ranked().priority


def test_each_factor_says_why() -> None:
    told = {each.name: each.because for each in ranked(exploitation=KNOWN, vector=LOCAL).factors}
    assert "ransomware" in told["likelihood"]
    assert told["ease"] == "it needs a login, a person's help, special conditions"
    assert told["reach"] == "an attack needs local access"
    assert all(told.values())


def test_the_worst_of_all_is_a_hundred() -> None:
    worst: dict[str, Any] = {"score": 10.0, "exploitation": KNOWN, "surroundings": Surroundings(inbound=1)}
    assert ranked(**worst, criticality=Criticality.CRITICAL).priority == 100


@given(
    st.one_of(st.none(), st.floats(0, 10)),
    st.text(max_size=60),
    st.sampled_from(list(Criticality)),
    st.floats(0, 1),
    st.integers(0, 5),
)
def test_a_priority_lies_between_0_and_100(
    score: float | None, vector: str, criticality: Criticality, percentile: float, clients: int
) -> None:
    exploitation = Exploitation(score=ExploitScore(CVE, percentile, percentile), scored_on=DAY)
    around = Surroundings(clients=clients)
    found = ranked(score=score, vector=vector, criticality=criticality, exploitation=exploitation, surroundings=around)
    assert 0 <= found.priority <= 100
    assert all(0 <= each.value <= 1 for each in found.factors)
