"""Queries on real databases: answers, pages, aggregates, and the indexes that make them fast."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from identity_house import ACTOR
from registry_house import RegistryHouse

from vedette.registry import (
    Authentication,
    AuthenticationType,
    DeviceFilter,
    InvalidCursor,
    InvalidQuery,
    PresenceChange,
    QueryTooBroad,
)
from vedette.registry.query import scan
from vedette.registry.query.scan import Limits

pytestmark = pytest.mark.anyio


async def fleet(registry: RegistryHouse) -> None:
    """Five devices, two modules: enough of everything."""
    pinned = Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint="ab" * 32)
    await registry.device("pump-1", site="north", tags={"site": "north", "line": 1, "roles": ["a", 2]})
    await registry.device("pump-2", site="north", tags={"site": "north", "line": 2}, is_enabled=False)
    await registry.device("pump-3", site="south", tags={"site": "south", "line": 1}, authentication=pinned)
    await registry.device("valve-1", tags={"site": "north"}, device_class="valve")
    device = await registry.device("z.meter")
    await registry.report(device.generation_id, {"level": 2.5, "mode": "auto", "inner": {"deep": [1, {"x": True}]}})
    await registry.patch("pump-1", desired={"firmware": "2"})
    module = await registry.module("camera", "pump-1", tags={"kind": "eye"})
    await registry.module("gauge", "pump-1", is_enabled=False)
    await registry.report(module.generation_id, {"fps": 25})
    change = PresenceChange(
        generation_id=device.generation_id,
        is_connected=True,
        gateway="gateway-1",
        changed_at=registry.twins._clock.now(),
        remote_address="192.0.2.1",
        protocol="MQTT 3.1.1",
        client="test",
    )
    await registry.presence.note(registry.organization_id, [change])


def select(what: str, where: str, source: str = "devices") -> str:
    return f"SELECT {what} FROM {source} WHERE {where}"  # noqa: S608 - a query of the hub


CASES: list[tuple[str, list[str]]] = [
    ("tags.site = 'north'", ["pump-1", "pump-2", "valve-1"]),
    ("tags.site IN ['south', 'east']", ["pump-3"]),
    ("tags.site NIN ['north']", ["pump-3"]),
    ("NOT tags.site = 'north'", ["pump-3", "z.meter"]),
    ("NOT IS_DEFINED(tags.site)", ["z.meter"]),
    ("tags.line > 1 OR tags.line = '1'", ["pump-2"]),
    ("tags.line * 2 = 2", ["pump-1", "pump-3"]),
    ("CONTAINS(tags.roles, 2)", ["pump-1"]),
    ("CONTAINS(tags.roles, 'a') AND tags.roles[0] = 'a'", ["pump-1"]),
    ("deviceId IN ['pump-1', 'valve-1', 'nobody']", ["pump-1", "valve-1"]),
    ("STARTSWITH(deviceId, 'pump-')", ["pump-1", "pump-2", "pump-3"]),
    ("deviceId >= 'pump-3' AND deviceId < 'z'", ["pump-3", "valve-1"]),
    ("status = 'disabled'", ["pump-2"]),
    ("status != 'disabled' AND site = null", ["valve-1", "z.meter"]),
    ("connectionState = 'Connected'", ["z.meter"]),
    ("lastActivityTime > '2020-01-01'", ["z.meter"]),
    ("lastActivityTime = '0001-01-01T00:00:00Z' AND site = 'south'", ["pump-3"]),
    ("authenticationType = 'selfSigned'", ["pump-3"]),
    ("x509Thumbprint.primaryThumbprint = '" + "ab" * 32 + "'", ["pump-3"]),
    ("properties.desired.firmware = '2'", ["pump-1"]),
    ("properties.reported.level >= 2.5 AND properties.reported.mode != 'manual'", ["z.meter"]),
    ("properties.reported.inner.deep[1].x", ["z.meter"]),
    ("properties.reported.$version = 2", ["z.meter"]),
    ("IS_DEFINED(properties.reported.$metadata.level.$lastUpdated)", ["z.meter"]),
    ("properties.desired.$version = 1", ["pump-2", "pump-3", "valve-1", "z.meter"]),
    ("deviceClass = 'valve' AND tags.site = 'north'", ["valve-1"]),
    ("LOWER(properties.reported.mode) = 'auto'", ["z.meter"]),
    ("capabilities.iotEdge = false AND devices.tags.line = 2", ["pump-2"]),
    ("CONTAINS(groups, 'pumps') AND tags.line = 1", ["pump-1", "pump-3"]),
    ("NOT CONTAINS(groups, 'pumps')", ["pump-2", "valve-1", "z.meter"]),
    ("1 = 2", []),
    ("true", ["pump-1", "pump-2", "pump-3", "valve-1", "z.meter"]),
]


async def test_conditions_find_what_they_say_in_queries_and_lists(registry: RegistryHouse) -> None:
    await fleet(registry)
    await registry.group("pumps")
    await registry.groups.add(registry.organization_id, "pumps", ["pump-1", "pump-3"], actor=ACTOR)
    for where, expected in CASES:
        found = await registry.ask(select("deviceId", where))
        assert [item["deviceId"] for item in found] == expected, where
        page = await registry.devices.list(registry.organization_id, where=where)
        assert [device.device_id for device in page.items] == expected, where
        assert page.next is None
        count = await registry.ask(select("COUNT() AS n", where))
        assert count == [{"n": len(expected)}], where


async def test_pages_together_are_the_answer(registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await fleet(registry)
    await registry.group("pumps")
    await registry.groups.add(registry.organization_id, "pumps", ["pump-1", "pump-3"], actor=ACTOR)
    for window, windows in ((2, 100), (1, 100), (3, 1)):
        limits = Limits(window, windows)
        monkeypatch.setattr(scan, "limits_of", lambda _, limits=limits: limits)
        for where, expected in CASES:
            for limit in (1, 2, 5):
                found = await registry.ask(select("deviceId", where), limit=limit)
                assert [item["deviceId"] for item in found] == expected, (where, limit, window)


async def test_a_twin_has_all_the_fields_of_the_hub(registry: RegistryHouse) -> None:
    await fleet(registry)
    page = await registry.queries.run(registry.organization_id, "SELECT * FROM devices WHERE deviceId = 'pump-1'")
    assert (page.kind, page.next) == ("twin", None)
    twin = page.items[0]
    own = await registry.twin("pump-1")
    assert {name: twin[name] for name in ("deviceId", "etag", "version", "status", "connectionState", "tags")} == {
        "deviceId": "pump-1",
        "etag": own.etag,
        "version": own.version,
        "status": "enabled",
        "connectionState": "Disconnected",
        "tags": {"site": "north", "line": 1, "roles": ["a", 2]},
    }
    assert twin["properties"] == {
        "desired": own.desired.full_document(),
        "reported": own.reported.full_document(),
    }
    assert twin["properties"]["desired"]["$version"] == 2
    assert twin["lastActivityTime"] == "0001-01-01T00:00:00Z"
    assert twin["authenticationType"] == "certificateAuthority"
    assert twin["capabilities"] == {"iotEdge": False}
    assert twin["x509Thumbprint"] == {"primaryThumbprint": None, "secondaryThumbprint": None}
    assert (twin["site"], twin["zone"], twin["groups"], twin["modelId"]) == ("north", None, [], "")


async def test_modules_are_asked_about_like_devices(registry: RegistryHouse) -> None:
    await fleet(registry)
    everything = await registry.ask("SELECT * FROM devices.modules", limit=1)
    assert [(each["deviceId"], each["moduleId"], each["status"]) for each in everything] == [
        ("pump-1", "camera", "enabled"),
        ("pump-1", "gauge", "disabled"),
    ]
    for where, expected in (
        ("tags.kind = 'eye'", ["camera"]),
        ("moduleId = 'gauge' AND deviceId = 'pump-1'", ["gauge"]),
        ("properties.reported.fps > 20", ["camera"]),
        ("status = 'disabled'", ["gauge"]),
        ("deviceId = 'pump-2'", []),
    ):
        found = await registry.ask(select("moduleId", where, "devices.modules"))
        assert [item["moduleId"] for item in found] == expected, where
    counted = await registry.ask("SELECT status, COUNT() AS n FROM devices.modules GROUP BY status")
    assert counted == [{"status": "disabled", "n": 1}, {"status": "enabled", "n": 1}]


async def test_a_projection_leaves_out_what_is_not_there(registry: RegistryHouse) -> None:
    await fleet(registry)
    found = await registry.ask("SELECT deviceId id, tags.line, properties.desired.firmware AS fw FROM devices")
    assert found == [
        {"id": "pump-1", "line": 1, "fw": "2"},
        {"id": "pump-2", "line": 2},
        {"id": "pump-3", "line": 1},
        {"id": "valve-1"},
        {"id": "z.meter"},
    ]
    page = await registry.queries.run(registry.organization_id, "SELECT TOP 2 deviceId FROM devices", limit=1)
    assert page.kind == "raw"
    assert await registry.ask("SELECT TOP 2 deviceId FROM devices", limit=1) == [
        {"deviceId": "pump-1"},
        {"deviceId": "pump-2"},
    ]


AGGREGATES: list[tuple[str, list[dict[str, Any]]]] = [
    ("SELECT COUNT() FROM devices", [{"count": 5}]),
    (
        "SELECT tags.site AS s, COUNT() AS n FROM devices GROUP BY tags.site",
        [{"n": 1}, {"s": "north", "n": 3}, {"s": "south", "n": 1}],
    ),
    (
        (
            "SELECT tags.site, SUM(tags.line) sum, AVG(tags.line) avg, MIN(tags.line) least, MAX(tags.line) most"
            " FROM devices WHERE IS_DEFINED(tags.site) GROUP BY tags.site"
        ),
        [
            {"site": "north", "sum": 3, "avg": 1.5, "least": 1, "most": 2},
            {"site": "south", "sum": 1, "avg": 1, "least": 1, "most": 1},
        ],
    ),
    (
        "SELECT status, COUNT() FROM devices GROUP BY status",
        [{"status": "disabled", "count": 1}, {"status": "enabled", "count": 4}],
    ),
    (
        "SELECT site, COUNT() n FROM devices GROUP BY site",
        [{"site": None, "n": 2}, {"site": "north", "n": 2}, {"site": "south", "n": 1}],
    ),
    ("SELECT isBlocked, COUNT() n FROM devices GROUP BY isBlocked", [{"isBlocked": False, "n": 5}]),
    ("SELECT AVG(properties.reported.level) FROM devices", [{"avg": 2.5}]),
    ("SELECT SUM(tags.nothing) AS total, COUNT() AS n FROM devices WHERE 1 = 2", [{"n": 0}]),
    ("SELECT MAX(properties.reported.$version) AS v FROM devices", [{"v": 2}]),
    ("SELECT tags.roles, COUNT() n FROM devices GROUP BY tags.roles", [{"n": 5}]),
    ("SELECT tags.line FROM devices GROUP BY tags.line", [{}, {"line": 1}, {"line": 2}]),
    (
        "SELECT TOP 1 tags.line, COUNT() n FROM devices WHERE IS_DEFINED(tags.line) GROUP BY tags.line",
        [{"line": 1, "n": 2}],
    ),
    (
        (
            "SELECT connectionState, tags.line, COUNT() n FROM devices WHERE UPPER(tags.site) != 'SOUTH' "
            "GROUP BY connectionState, tags.line"
        ),
        [
            {"connectionState": "Disconnected", "n": 1},
            {"connectionState": "Disconnected", "line": 1, "n": 1},
            {"connectionState": "Disconnected", "line": 2, "n": 1},
        ],
    ),
]


@pytest.mark.parametrize(("window", "windows"), [(20_000, 100), (2, 100)])
async def test_aggregates_add_up(
    registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch, window: int, windows: int
) -> None:
    await fleet(registry)
    monkeypatch.setattr(scan, "limits_of", lambda _: Limits(window, windows))
    for text, expected in AGGREGATES:
        assert await registry.ask(text) == expected, text
        assert await registry.ask(text, limit=1) == expected, text


async def test_an_aggregate_over_too_many_is_refused(registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await fleet(registry)
    monkeypatch.setattr(scan, "limits_of", lambda _: Limits(2, 2))
    with pytest.raises(QueryTooBroad) as refused:
        await registry.ask("SELECT COUNT() FROM devices WHERE tags.line = 1")
    assert "tags.site" in refused.value.hint


async def test_a_cursor_serves_its_own_query_only(registry: RegistryHouse) -> None:
    await fleet(registry)
    run = registry.queries.run
    first = await run(registry.organization_id, "SELECT deviceId FROM devices", limit=2)
    assert first.next is not None
    for text, after in (
        ("SELECT deviceId FROM devices WHERE true", first.next),
        ("SELECT deviceId FROM devices", "x"),
        ("SELECT deviceId FROM devices", first.next[:-4]),
        ("SELECT deviceId FROM devices", "é" * 10),
        ("SELECT deviceId FROM devices", "A" * 10_000),
    ):
        with pytest.raises(InvalidCursor):
            await run(registry.organization_id, text, after=after)


async def test_what_cannot_be_asked_is_refused_with_its_place(registry: RegistryHouse) -> None:
    for text, position in (
        ("SELECT * FROM devices WHERE tag.site = 1", 28),
        ("SELECT * FROM devices.jobs", 14),
        ("SELECT nothing FROM devices", 7),
        ("SELECT COUNT() FROM devices GROUP BY lifecycl", 37),
    ):
        with pytest.raises(InvalidQuery) as refused:
            await registry.ask(text)
        assert refused.value.context["position"] == position, text
    with pytest.raises(InvalidQuery):
        await registry.ask("SELECT * FROM devices", limit=1001)


async def test_a_filter_and_a_condition_hold_together(registry: RegistryHouse) -> None:
    await fleet(registry)
    page = await registry.devices.list(
        registry.organization_id, matching=DeviceFilter(site="north"), where="tags.line = 2 OR tags.line = 1", limit=1
    )
    assert ([device.device_id for device in page.items], page.next) == (["pump-1"], "pump-1")
    rest = await registry.devices.list(
        registry.organization_id, matching=DeviceFilter(site="north"), where="tags.line IN [1, 2]", after="pump-1"
    )
    assert ([device.device_id for device in rest.items], rest.next) == (["pump-2"], None)


async def test_a_caller_who_leaves_ends_the_search(registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await fleet(registry)
    monkeypatch.setattr(scan, "limits_of", lambda _: Limits(1, 1_000_000))
    windows = 0
    next_window = scan._next_window

    def count(*arguments: Any) -> Any:
        nonlocal windows
        windows += 1
        window = next_window(*arguments)
        return scan.Window(window.after, ("pump-1",))  # never ends

    monkeypatch.setattr(scan, "_next_window", count)
    search = asyncio.ensure_future(registry.ask("SELECT COUNT() FROM devices WHERE tags.line = 9"))
    while windows < 3:  # noqa: ASYNC110 - no event: the windows are counted in another thread
        await asyncio.sleep(0.001)
    search.cancel()
    with pytest.raises(asyncio.CancelledError):
        await search
    most = windows + 1  # one may be on its way to a reader thread
    await asyncio.sleep(0.1)
    assert windows <= most
