"""Periods that are lost or change, links that carry far more than usual, and none of it for what comes by chance."""

from __future__ import annotations

import pytest
from plant_traffic import START_NS, S, Site, flow_of, modbus, operation

from vedette.sensor import OpKind
from vedette.sensor.baseline import Settings

DAY_S = 7_200.0
MASTER, OTHER = "10.0.0.10", "10.0.0.11"


def polled(*pairs: tuple[str, str], until_s: float, settings: Settings | None = None) -> Site:
    """Two masters poll; what ``pairs`` do ends after a time."""
    site = Site(settings or Settings(learn_for_s=DAY_S))
    for master in (MASTER, OTHER):
        for plc in ("10.0.10.1", "10.0.10.2", "10.0.10.3"):
            site.poll(master, plc, period_s=2.0, until_s=until_s if (master, plc) in pairs else 1e9)
    return site


def test_a_pair_that_falls_silent_is_one_alert() -> None:
    site = polled((MASTER, "10.0.10.1"), until_s=2 * DAY_S)
    assert site.run(2 * DAY_S) == []
    found = site.run(1_800)
    assert [(each.rule, each.technique, each.source, each.target) for each in found] == [
        ("baseline.period_lost", "T0804", MASTER, "10.0.10.1")
    ]
    assert found[0].at_ns - site.now_ns < 0
    assert (found[0].at_ns - START_NS) / S < 2 * DAY_S + 300


def test_a_controller_that_falls_silent_is_named_once() -> None:
    site = polled((MASTER, "10.0.10.1"), (OTHER, "10.0.10.1"), until_s=2 * DAY_S)
    site.run(2 * DAY_S)
    assert [(each.rule, each.target) for each in site.run(1_800)] == [("baseline.device_silent", "10.0.10.1")]


def test_a_master_that_falls_silent_is_named_once_and_not_its_controllers() -> None:
    site = polled(*((MASTER, f"10.0.10.{n}") for n in (1, 2, 3)), until_s=2 * DAY_S)
    site.run(2 * DAY_S)
    assert [(each.rule, each.target) for each in site.run(1_800)] == [("baseline.device_silent", MASTER)]


def test_silence_of_all_is_no_loss_of_one() -> None:
    site = Site(Settings(learn_for_s=DAY_S))
    site.poll(MASTER, "10.0.10.1", period_s=2.0, until_s=2 * DAY_S)
    site.run(2 * DAY_S)
    assert site.run(DAY_S) == []


@pytest.mark.parametrize(
    ("period_s", "rule", "technique"),
    [(0.2, "baseline.period_faster", "T0806"), (9.0, "baseline.period_slower", "T0804")],
)
def test_a_period_that_changes_is_one_alert(period_s: float, rule: str, technique: str) -> None:
    site = polled((MASTER, "10.0.10.1"), until_s=2 * DAY_S)
    site.poll(MASTER, "10.0.10.1", period_s=period_s, after_s=2 * DAY_S)
    site.run(2 * DAY_S)
    assert [(each.rule, each.technique) for each in site.run(1_200)] == [(rule, technique)]


def test_what_comes_by_chance_has_no_period_to_lose() -> None:
    site = polled(until_s=1e9)
    flow = flow_of(MASTER, "10.0.10.1", 502, "modbus", client_port=41_000)
    at_s = 0.0
    while at_s < 2 * DAY_S:
        at_s += site.random.expovariate(1 / 10)
        site.every(1e9, lambda at_ns: site.hear(modbus(flow, at_ns, first=400)), jitter=0, after_s=at_s)
    assert site.run(3 * DAY_S) == []


def test_a_pause_of_every_night_is_no_loss() -> None:
    site = polled(until_s=1e9)
    flow = flow_of(OTHER, "10.0.10.1", 502, "modbus", client_port=41_000)

    def shift(at_ns: int) -> None:
        if (at_ns - START_NS) / S % DAY_S < DAY_S * 0.6:
            site.hear(modbus(flow, at_ns, first=500))

    site.every(2.0, shift)
    assert site.run(5 * DAY_S) == []


def test_a_link_that_carries_far_more_is_one_alert() -> None:
    site = Site(Settings(learn_for_s=DAY_S, is_rhythm_on=True))
    flow = flow_of(MASTER, "10.0.10.1", 102, "s7comm")

    def read(at_ns: int) -> None:
        flow.from_server.bytes += 200 if at_ns < START_NS + int(2 * DAY_S) * S else 200_000
        site.hear(operation(flow, at_ns, "read_var", OpKind.READ, area="db", name="DB1.DBX0.0"))

    site.every(2.0, read)
    assert site.run(2 * DAY_S) == []
    assert [(each.rule, each.technique) for each in site.run(1_200)] == [("baseline.bandwidth", "T0814")]
