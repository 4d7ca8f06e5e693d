"""Days of quiet traffic raise nothing; what is not usual raises one alert of the right class."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from plant_traffic import S, Site, evidence, flow_of, modbus, operation, quiet_plant

from vedette.sensor import Attribute, OpKind
from vedette.sensor.baseline import Saved, Settings

DAY_S = 7_200.0


def learned(*, days: float = 2.0, is_rhythm_on: bool = True, day_s: float = DAY_S) -> Site:
    site = Site(Settings(learn_for_s=day_s, is_rhythm_on=is_rhythm_on))
    quiet_plant(site, day_s=day_s)
    assert site.run(days * day_s) == []
    return site


@pytest.fixture(scope="module")
def usual() -> tuple[Saved, int]:
    site = learned(days=6.0)
    return site.baseline.saved(), site.now_ns


def test_two_weeks_of_quiet_traffic_raise_nothing() -> None:
    site = learned(days=14.0)
    assert site.alerts == []
    assert site.baseline.lists.evicted == site.baseline.lists.not_kept == 0


ATTACKS: dict[str, tuple[str, str, Callable[[Site, int], None]]] = {
    "a new master": ("baseline.new_master", "T0848", lambda site, at: site.hear(
        *(modbus(flow_of("10.0.0.66", "10.0.10.1", 502, "modbus"), at + n * S, first=n) for n in range(20)))),
    "a reader that writes": ("baseline.new_writer", "T0855", lambda site, at: site.hear(
        *(modbus(flow_of("10.0.0.11", "10.0.10.1", 502, "modbus"), at + n, first=40, count=1, is_write=True)
          for n in range(5)))),
    "writes beyond the usual": ("baseline.new_range_write", "T0836", lambda site, at: site.hear(
        *(modbus(flow_of("10.0.0.10", "10.0.10.1", 502, "modbus"), at + n, first=300 + n, count=1, is_write=True)
          for n in range(5)))),
    "a scan of registers": ("baseline.new_range", "T0861", lambda site, at: site.hear(
        *(modbus(flow_of("10.0.0.10", "10.0.10.1", 502, "modbus"), at + n, first=2_000 + n * 10) for n in range(50)))),
    "a new function": ("baseline.new_operation", "T0855", lambda site, at: site.hear(
        operation(flow_of("10.0.0.10", "10.0.10.1", 502, "modbus"), at, "diagnostics", OpKind.DIAGNOSE))),
    "a new unit": ("baseline.new_unit", "T0888", lambda site, at: site.hear(
        *(modbus(flow_of("10.0.0.10", "10.0.10.1", 502, "modbus"), at + n, unit=n + 2) for n in range(20)))),
    "a new name": ("baseline.new_name", "T0869", lambda site, at: site.hear(
        operation(flow_of("10.0.0.10", "10.0.0.1", 53, "dns", transport="udp"), at, "query", OpKind.OTHER,
                  name="c2.evil.example"))),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_one_alert_of_its_class(name: str, usual: tuple[Saved, int]) -> None:
    rule, technique, attack = ATTACKS[name]
    site = Site(Settings(learn_for_s=DAY_S), now_ns=usual[1])
    site.baseline.restore(usual[0])
    site.every(1e9, lambda at_ns: attack(site, at_ns), jitter=0.0, after_s=5)
    found = site.run(300)
    assert [(each.rule, each.technique) for each in found] == [(rule, technique)]
    assert found[0].is_learnable
    assert found[0].key


def test_firmware_that_changes_is_told_once_with_what_it_was() -> None:
    site = learned()
    site.baseline.evidence([evidence("10.0.10.1", site.now_ns, Attribute.FIRMWARE, "2.1")])
    site.run(DAY_S)
    for _ in range(3):
        site.baseline.evidence([evidence("10.0.10.1", site.now_ns, Attribute.FIRMWARE, "2.2")])
    assert [(each.rule, each.technique, each.times) for each in site.alerts] == [
        ("baseline.firmware_changed", "T0857", 3)
    ]
    assert "was 2.1" in site.alerts[0].title
