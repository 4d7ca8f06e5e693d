from __future__ import annotations

import pytest

from vedette.pki import CapExceeded
from vedette.pki.signer.caps import HourlyCaps


def test_as_many_as_the_cap_are_let_through_and_then_none() -> None:
    caps = HourlyCaps({"device": 3})
    for second in range(3):
        caps.take("device", 1000 + second)
    with pytest.raises(CapExceeded) as refused:
        caps.take("device", 1003)
    assert refused.value.context["retry_after_s"] == 1000 + 3600 - 1003


def test_the_hour_slides() -> None:
    caps = HourlyCaps({"device": 2})
    caps.take("device", 0)
    caps.take("device", 1800)
    with pytest.raises(CapExceeded):
        caps.take("device", 3599)
    caps.take("device", 3600)
    with pytest.raises(CapExceeded):
        caps.take("device", 5399)
    caps.take("device", 5400)


def test_each_kind_has_its_own_cap() -> None:
    caps = HourlyCaps({"device": 1, "server": 1})
    caps.take("device", 0)
    caps.take("server", 0)
    with pytest.raises(CapExceeded):
        caps.take("device", 1)


def test_the_past_counts_even_beyond_the_cap() -> None:
    caps = HourlyCaps({"device": 2})
    for second in (0, 10, 20):
        caps.restore("device", second)
    with pytest.raises(CapExceeded):
        caps.take("device", 3605)
    caps.take("device", 3610)


def test_kinds_without_a_cap_are_not_restored() -> None:
    HourlyCaps({"device": 1}).restore("opened", 0)


def test_many_acts_of_one_second_take_one_place() -> None:
    caps = HourlyCaps({"device": 100_000})
    for _ in range(1000):
        caps.take("device", 5)
    assert len(caps._used["device"]) == 1
