"""Who is there, who talks with whom, and what must never become usual."""

from __future__ import annotations

from functools import cache

from plant_traffic import S, Site, evidence, flow_of, modbus, operation, quiet_plant

from vedette.sensor import Attribute, Flow, OpKind
from vedette.sensor.baseline import KeyClass, Saved, Settings, State, Verdict
from vedette.sensor.baseline.learned import AllowLists

DAY_S = 7_200.0


@cache
def usual() -> Saved:
    site = Site(Settings(learn_for_s=DAY_S))
    quiet_plant(site, day_s=DAY_S)
    for address in ("10.0.0.10", "10.0.0.11", "10.0.10.1"):
        site.every(60.0, lambda at_ns, address=address: arrive(site, address, at_ns))  # type: ignore[misc]
    site.every(60.0, lambda at_ns: talk(site, flow_of("10.0.0.10", "10.0.10.1", 502, "modbus"), at_ns))
    site.every(60.0, lambda at_ns: talk(site, flow_of("10.0.0.10", "10.0.10.1", 80, "http"), at_ns))
    assert site.run(3 * DAY_S) == []
    return site.baseline.saved()


def learned(settings: Settings | None = None) -> Site:
    site = Site(settings or Settings(learn_for_s=DAY_S), now_ns=usual().saved_ns)
    site.baseline.restore(usual())
    return site


def arrive(site: Site, address: str, at_ns: int) -> None:
    flow = flow_of(address, "10.255.255.250", 9, "", transport="udp")
    site.baseline.side_heard(flow.from_client, at_ns)


def talk(site: Site, flow: Flow, at_ns: int, *, has_answer: bool = True) -> None:
    """Let a conversation begin, be answered and end."""
    flow.first_ns = flow.from_client.last_ns = at_ns
    site.baseline.side_heard(flow.from_client, at_ns)
    if has_answer:
        site.baseline.side_heard(flow.from_server, at_ns)
        flow.from_server.payload_bytes = 100
    site.baseline.flow_closed(flow)


def told(site: Site) -> list[tuple[str, str, str]]:
    return [(each.rule, each.source, each.target) for each in site.alerts]


def test_a_device_that_was_not_there_is_told() -> None:
    site = learned()
    arrive(site, "10.0.0.99", site.now_ns)
    arrive(site, "10.0.0.99", site.now_ns)
    site.run(60)
    assert told(site) == [("baseline.new_asset", "10.0.0.99", "")]


def test_a_new_device_that_becomes_a_master_is_one_alert() -> None:
    site = learned()
    arrive(site, "10.0.0.99", site.now_ns)
    site.hear(modbus(flow_of("10.0.0.99", "10.0.10.1", 502, "modbus"), site.now_ns))
    site.run(60)
    assert told(site) == [("baseline.new_master", "10.0.0.99", "10.0.10.1")]


def test_a_known_device_that_moved_to_another_address_is_not_new() -> None:
    site = learned()
    site.run(600)
    site.assets.evidence(
        [evidence(ip, site.now_ns, Attribute.MAC, "02:00:00:00:00:10", "arp") for ip in ("10.0.0.10", "10.0.0.110")]
    )
    arrive(site, "10.0.0.110", site.now_ns)
    site.hear(modbus(flow_of("10.0.0.110", "10.0.10.1", 502, "modbus"), site.now_ns))
    assert site.run(60) == []


def test_two_addresses_at_the_same_time_are_two() -> None:
    site = learned()
    ips = ("10.0.0.10", "10.0.0.110")
    site.assets.evidence([evidence(ip, site.now_ns, Attribute.MAC, "02:00:00:00:00:10", "arp") for ip in ips])
    for ip in ips:
        site.hear(modbus(flow_of(ip, "10.0.10.1", 502, "modbus"), site.now_ns))
    assert told(site) == [("baseline.new_master", "10.0.0.110", "10.0.10.1")]


def test_a_controller_that_answers_on_a_new_port_is_told() -> None:
    site = learned()
    for _ in range(3):
        talk(site, flow_of("10.0.0.10", "10.0.10.1", 23, "telnet"), site.now_ns)
    assert told(site) == [("baseline.new_service", "10.0.0.10", "10.0.10.1")]
    assert site.alerts[0].times == 3


def test_what_is_not_answered_is_no_service_and_no_link() -> None:
    site = learned()
    for port in range(100):
        talk(site, flow_of("10.0.0.99", "10.0.10.1", port + 1, ""), site.now_ns, has_answer=False)
    assert told(site) == []


def test_talk_of_others_with_a_controller_is_told_but_not_among_themselves() -> None:
    site = learned()
    talk(site, flow_of("10.0.0.77", "10.0.10.1", 80, "http"), site.now_ns)
    talk(site, flow_of("10.0.0.77", "10.0.0.78", 80, "http"), site.now_ns)
    assert told(site) == [("baseline.new_link", "10.0.0.77", "10.0.10.1")]


def test_a_stranger_that_begins_to_write_is_told_again_and_once() -> None:
    site = learned()
    flow = flow_of("10.0.0.66", "10.0.10.1", 502, "modbus")
    for number in range(50):
        at_ns = site.now_ns + number * S
        site.hear(modbus(flow, at_ns, first=number * 10), modbus(flow, at_ns, first=number, count=1, is_write=True))
    assert [each[0] for each in told(site)] == ["baseline.new_master", "baseline.new_writer"]


def test_a_storm_of_one_source_is_few_alerts() -> None:
    site = Site(Settings(learn_for_s=DAY_S))
    for number in range(40):
        site.poll("10.0.0.10", f"10.0.10.{number + 1}", period_s=30.0)
    site.run(3 * DAY_S)
    for number in range(40):
        site.hear(modbus(flow_of("10.0.0.66", f"10.0.10.{number + 1}", 502, "modbus"), site.now_ns + number))
    assert [each[0] for each in told(site)] == ["baseline.new_master"] * 3
    assert sum(each.times for each in site.alerts) == 40
    assert site.alerts[0].detail["others"] == 37


def test_what_works_a_controller_is_never_learned() -> None:
    site = Site(Settings(learn_for_s=DAY_S))
    flow = flow_of("10.0.0.66", "10.0.10.1", 102, "s7comm")
    site.poll("10.0.0.10", "10.0.10.1", period_s=10.0)
    for service, kind in (("plc_stop", OpKind.CONTROL), ("download_block", OpKind.PROGRAM)):
        site.every(60.0, lambda at_ns, s=service, k=kind: site.hear(operation(flow, at_ns, s, k)))  # type: ignore[misc]
    site.run(2 * DAY_S)
    known = [key for _, learned in site.baseline.lists.all() for key in learned.keys]
    assert "10.0.0.66" not in known
    assert not {"plc_stop", "download_block"} & set(known)


def test_a_class_is_ready_for_itself_and_says_why() -> None:
    site = learned()
    lists, settings = site.baseline.lists, site.baseline.settings
    polled = lists.find(KeyClass.OPERATION, "10.0.0.10 > 10.0.10.1 modbus")
    rare = lists.find(KeyClass.OPERATION, "10.0.0.20 > 10.0.10.1 modbus")
    assert polled is not None
    assert rare is not None
    assert polled.settle(KeyClass.OPERATION, settings) is State.ENFORCED
    assert rare.settle(KeyClass.OPERATION, settings) is State.LEARNING
    assert "needs" in rare.reason(KeyClass.OPERATION, settings)
    assert "nothing new for" in polled.reason(KeyClass.OPERATION, settings)


def test_an_enforced_baseline_learns_nothing() -> None:
    before = learned()
    site = Site(Settings(learn_for_s=DAY_S, is_enforced=True), now_ns=before.now_ns)
    site.baseline.restore(before.baseline.saved())
    scopes = len(site.baseline.lists.known)
    site.hear(modbus(flow_of("10.0.0.20", "10.0.10.1", 502, "modbus"), site.now_ns, is_write=True))
    site.hear(modbus(flow_of("10.0.0.20", "10.0.10.9", 502, "modbus"), site.now_ns))
    assert told(site) == [
        ("baseline.new_writer", "10.0.0.20", "10.0.10.1"),
        ("baseline.new_master", "10.0.0.20", "10.0.10.9"),
    ]
    assert len(site.baseline.lists.known) == scopes


def test_an_episode_ends_when_it_was_quiet_for_long_enough() -> None:
    site = learned()
    flow = flow_of("10.0.0.10", "10.0.10.1", 502, "modbus")
    site.hear(operation(flow, site.now_ns, "diagnostics", OpKind.DIAGNOSE))
    site.run(1_200)
    site.hear(operation(flow, site.now_ns, "diagnostics", OpKind.DIAGNOSE))
    assert [each[0] for each in told(site)] == ["baseline.new_operation"] * 2


def test_a_user_that_never_logged_in_before_is_told() -> None:
    site = Site(Settings(learn_for_s=DAY_S))
    site.every(
        120.0, lambda at_ns: site.baseline.evidence([evidence("10.0.0.20", at_ns, Attribute.USER, "anna", "ftp")])
    )
    site.run(6 * DAY_S)
    site.baseline.evidence([evidence("10.0.0.20", site.now_ns, Attribute.USER, "root", "ftp")])
    assert told(site) == [("baseline.new_user", "10.0.0.20", "")]


def test_tables_are_bounded_and_what_left_is_counted() -> None:
    lists = AllowLists(Settings(max_scopes=100))
    for number in range(1_000):
        lists.judge(KeyClass.LINK, f"scope {number}", "key", number, is_grave=True)
    assert len(lists.known) == 100
    assert lists.evicted == 900
    for number in range(600):
        verdict = lists.judge(KeyClass.UNIT, "one", str(number), number, is_grave=False)
    assert verdict is Verdict.NOT_KEPT
    learned = lists.find(KeyClass.UNIT, "one")
    assert learned is not None
    assert learned.is_full
    assert len(learned.keys) <= 260
    assert "more than" in learned.reason(KeyClass.UNIT, Settings())


def test_keys_of_all_scopes_together_are_bounded_too() -> None:
    lists = AllowLists(Settings(max_keys=1_000))
    for number in range(100):
        for key in range(50):
            lists.judge(KeyClass.UNIT, f"scope {number}", str(key), number, is_grave=False)
            lists.judge_range(f"place {number}", key * 10, key * 10, number, is_grave=False)
    assert sum(learned.size for _, learned in lists.all()) <= 1_000
    assert lists.evicted
    lists.forget(None, "scope 99")
    assert lists.teach(KeyClass.UNIT, "scope 99", "1", 1)


def test_a_flood_of_made_up_devices_is_few_alerts() -> None:
    site = learned()
    for number in range(3_000):
        arrive(site, f"10.9.{number // 250}.{number % 250 + 1}", site.now_ns + number)
    site.run(60)
    assert [each[0] for each in told(site)] == ["baseline.new_asset"] * 3
