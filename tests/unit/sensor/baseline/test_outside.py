"""Who calls outside: new ones, beacons, data in names; and the false friends of each."""

from __future__ import annotations

import hashlib

from plant_traffic import S, Site, flow_of, modbus, operation

from vedette.sensor import Direction, Flow, OpKind, OtOp
from vedette.sensor.baseline import Settings
from vedette.sensor.baseline.beacons import score_of
from vedette.sensor.baseline.names import domain_of
from vedette.sensor.baseline.questions import entropy_of

DAY_S = 7_200.0
CLOUD, EVIL = "93.184.216.34", "185.199.108.9"


def call(site: Site, client: str, server: str, at_ns: int, *, port: int = 443) -> None:
    """Call an outside service once."""
    flow = flow_of(client, server, port, "tls", client_port=40_000 + site.random.randrange(20_000))
    flow.first_ns = at_ns
    site.baseline.side_heard(flow.from_client, at_ns)
    site.baseline.side_heard(flow.from_server, at_ns)
    flow.from_client.bytes, flow.from_server.bytes = 900, 4_000
    flow.from_server.payload_bytes = 3_000
    flow.from_client.last_ns = at_ns
    site.baseline.flow_closed(flow)


def gateway_site() -> Site:
    """An industrial gateway that calls its cloud every five minutes."""
    site = Site(Settings(learn_for_s=DAY_S))
    flow = flow_of("10.0.0.10", "10.0.10.1", 502, "modbus")
    site.every(10.0, lambda at_ns: site.hear(modbus(flow, at_ns)))
    site.every(60.0, lambda at_ns: call(site, "10.0.0.10", CLOUD, at_ns))
    return site


def test_a_usual_call_is_no_beacon_and_a_new_one_is_told() -> None:
    site = gateway_site()
    assert [each.rule for each in site.run(6 * DAY_S) if each.rule != "baseline.beacon"] == []
    site.alerts.clear()
    site.every(60.0, lambda at_ns: call(site, "10.0.0.10", EVIL, at_ns))
    found = site.run(2_400)
    assert [(each.rule, each.technique, each.target) for each in found] == [
        ("baseline.new_external", "T0883", EVIL),
        ("baseline.beacon", "T0869", EVIL),
    ]


def test_calls_by_chance_are_no_beacon() -> None:
    site = Site()
    starts, at_ns = [], 0
    for _ in range(100):
        at_ns += int(site.random.expovariate(1 / 60) * S)
        starts.append(at_ns)
    assert score_of(starts, [site.random.randrange(100, 90_000) for _ in starts]) < 0.8
    assert score_of([n * 60 * S for n in range(100)], [900] * 100) > 0.95


def question(flow: Flow, at_ns: int, name: str) -> OtOp:
    return OtOp(at_ns, flow, True, "dns", "query", 0, OpKind.OTHER, Direction.REQUEST, None, "a", name=name)


def test_data_in_names_is_one_alert_while_learning_already() -> None:
    site = Site()
    flow = flow_of("10.0.0.30", "10.0.0.1", 53, "dns", transport="udp")
    for number in range(120):
        text = hashlib.sha256(bytes([number])).hexdigest()
        site.hear(question(flow, site.now_ns + number * S, f"{text[:40]}.{text[40:]}.t.evil.example"))
    assert [(each.rule, each.key) for each in site.alerts] == [("baseline.dns_tunnel", "tunnel evil.example")]
    assert not site.alerts[0].is_learnable
    assert site.alerts[0].times > 1


def test_many_usual_names_are_no_tunnel() -> None:
    site = Site()
    flow = flow_of("10.0.0.30", "10.0.0.1", 53, "dns", transport="udp")
    for number in range(400):
        site.hear(question(flow, site.now_ns + number * S, f"server-{number % 90}.eu-central.compute.cloud.example"))
        site.hear(question(flow, site.now_ns + number * S, f"{number}.0.168.192.in-addr.arpa"))
        site.hear(question(flow, site.now_ns + number * S, "a" * 50 + f"{number}.long.example"))
    assert site.alerts == []


def test_addresses_are_known_by_the_domain_that_was_looked_up() -> None:
    site = Site()
    flow = flow_of("10.0.0.30", "10.0.0.1", 53, "dns", transport="udp")
    answer = question(flow, 1, "www.vendor.co.uk")
    answer.direction, answer.is_from_client, answer.value = Direction.RESPONSE, False, (CLOUD, "not an address", 5)
    site.hear(answer)
    assert site.baseline.names.of(CLOUD) == "vendor.co.uk"
    site.hear(operation(flow_of("10.0.0.30", EVIL, 443, "tls"), 2, "client_hello", OpKind.SESSION, name="a.b.evil.org"))
    assert site.baseline.names.of(EVIL) == "evil.org"
    assert domain_of("host") == "host"
    assert entropy_of("aaaa") == 0
    assert entropy_of("") == 0
