"""How queries are planned: which index finds what, in which order, and in windows of which size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from registry_house import RegistryHouse

from vedette.registry import (
    PresenceChange,
)
from vedette.registry.query import check_condition, parse_condition, scan
from vedette.registry.query.plan import Plan, make_plan
from vedette.registry.query.scan import Limits
from vedette.registry.query.sources import DEVICES, SOURCES
from vedette.registry.query.tree import SourceName

pytestmark = pytest.mark.anyio


def explain(connection: sa.Connection, query: sa.Select[Any]) -> str:
    word = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"

    def prefix(_: object, __: object, statement: str, parameters: Any, *___: object) -> tuple[str, Any]:
        return f"{word} {statement}", parameters

    sa.event.listen(connection, "before_cursor_execute", prefix, retval=True)
    try:
        result: Any = connection.execute(query)  # Any: the rows are the planner's, not the query's
        return "\n".join(str(row) for row in result.cursor.fetchall())
    finally:
        sa.event.remove(connection, "before_cursor_execute", prefix)


def page_of(plan: Plan, organization_id: str) -> sa.Select[Any]:
    branch = plan.branches[0]
    key = plan.key_of(branch)
    columns = (*key, plan.source.table.c.generation_id)
    query = plan.select(columns, organization_id, branch, after=("a",) * len(key), up_to=None, is_whole=True)
    return query.order_by(*branch.order(key)).limit(9)


INDEXES: list[tuple[SourceName, str, str]] = [
    ("devices", "tags.site = 'north'", "ix_registry_devices_tags_site_device_id"),
    ("devices", "tags.line IN ['a', 'b']", "ix_registry_devices_tags_line_device_id"),
    ("devices", "site = 'north'", "ix_registry_devices_site"),
    ("devices", "zone = 'cell'", "ix_registry_devices_zone"),
    ("devices", "lifecycle = 'quarantined'", "ix_registry_devices_lifecycle"),
    ("devices", "deviceClass = 'plc'", "ix_registry_devices_class"),
    ("devices", "enrollmentId = 'enr_1'", "ix_registry_devices_enrollment_device"),
    ("devices", "status = 'disabled'", "ix_registry_devices_disabled"),
    ("devices", "isBlocked", "ix_registry_devices_blocked"),
    ("devices", "deviceId = 'pump-1'", "uq_registry_devices_device_id"),
    ("devices", "STARTSWITH(deviceId, 'pump-')", "uq_registry_devices_device_id"),
    ("devices", "x509Thumbprint.primaryThumbprint = 'ab'", "ix_registry_devices_primary"),
    ("devices", "CONTAINS(groups, 'pumps')", "uq_registry_group_members_device"),
    ("devices", "connectionState = 'Connected'", "ix_registry_presence_device"),
    ("devices.modules", "deviceId = 'pump-1'", "ix_registry_modules_name"),
]


async def test_indexed_conditions_are_answered_by_their_index_and_in_order(registry: RegistryHouse) -> None:
    await fill_for_planner(registry)
    for source, where, index in INDEXES:
        plan = make_plan(check_condition(parse_condition(where), source), SOURCES[source], registry.store.kind)
        assert plan.is_direct, where
        planned = await registry.store.read(
            lambda connection, plan=plan: explain(connection, page_of(plan, registry.organization_id))  # type: ignore[misc] # a bound default
        )
        assert index in planned, (where, planned)
        if plan.branches[0].is_sorted:
            assert "ORDER BY" not in planned, (where, planned)
            assert "Sort" not in planned, (where, planned)


async def test_the_rarer_index_is_used_where_it_is_known_to_be(registry: RegistryHouse) -> None:
    await fill_for_planner(registry)
    for where, index in (
        ("site = 's1' AND status = 'disabled'", "ix_registry_devices_disabled"),
        ("tags.building = 1 AND lifecycle = 'quarantined' AND deviceClass > 'a'", "ix_registry_devices_lifecycle"),
        ("tags.site = 's1' AND deviceId > 'pump-2' AND tags.line > 'l'", "ix_registry_devices_tags_site_device_id"),
        ("site > 's1' AND tags.site > 's1'", "uq_registry_devices_device_id"),
        ("tags.building = 1 AND connectionState = 'Connected'", "ix_registry_presence_device"),
        ("site = 's1' AND connectionState = 'Connected'", "ix_registry_devices_site"),
    ):
        plan = make_plan(check_condition(parse_condition(where)), DEVICES, registry.store.kind)
        assert not plan.is_direct, where
        if registry.store.kind == "postgresql":  # which knows its statistics
            continue
        planned = await registry.store.read(
            lambda connection, plan=plan: explain(connection, page_of(plan, registry.organization_id))  # type: ignore[misc] # a bound default
        )
        assert index in planned, (where, planned)
        assert "ORDER BY" not in planned, (where, planned)


async def fill_for_planner(registry: RegistryHouse) -> None:
    """Give the planners a fleet to plan for, straight into the tables."""
    template = await registry.device("template", tags={"site": "x", "line": "x"})
    await registry.group("pumps")
    group = await registry.groups.get(registry.organization_id, "pumps")

    def fill(connection: sa.Connection) -> None:
        table = DEVICES.table
        row = dict(connection.execute(sa.select(table)).one()._mapping)
        assert row["generation_id"] == template.generation_id
        rows = [
            row
            | {
                "generation_id": f"dev_{number:026}",
                "device_id": f"pump-{number:05}",
                "site": f"s{number % 50}",
                "zone": f"z{number % 50}",
                "lifecycle": "quarantined" if number % 100 == 0 else "active",
                "device_class": f"c{number % 50}",
                "enrollment_id": f"enr_{number % 50}",
                "is_enabled": number % 100 != 1,
                "is_blocked": number % 100 == 2,
                "primary_thumbprint": f"{number:064x}",
                "tags": {"site": f"s{number % 50}", "line": f"l{number % 50}"},
            }
            for number in range(5_000)
        ]
        connection.execute(table.insert(), rows)
        members = [
            {
                "organization_id": registry.organization_id,
                "group_id": group_id,
                "generation_id": each["generation_id"],
                "device_id": each["device_id"],
            }
            for group_id in (group.group_id, "grp_a", "grp_b", "grp_c")
            for each in rows
        ]
        connection.execute(sa.text(MEMBERS), members)
        connection.execute(sa.text(PRESENCE), [presence_of(registry.organization_id, each) for each in rows])
        modules = SOURCES["devices.modules"].table
        connection.execute(modules.insert(), [module_of(registry.organization_id, each) for each in rows])
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("ANALYZE"))

    await registry.store.write(lambda tx: fill(tx.connection))


MEMBERS = (
    "INSERT INTO registry_group_members (organization_id, group_id, generation_id, device_id)"
    " VALUES (:organization_id, :group_id, :generation_id, :device_id)"
)


PRESENCE = (
    "INSERT INTO registry_presence (organization_id, generation_id, device_id, is_connected, gateway, changed_at,"
    " reason, remote_address, protocol, client)"
    " VALUES (:organization_id, :generation_id, :device_id, :is_connected, 'g', :changed_at, '', '', '', '')"
)


def presence_of(organization_id: str, device: dict[str, Any]) -> dict[str, Any]:
    is_connected = int(device["generation_id"].removeprefix("dev_")) % 20 == 0
    kept = {name: device[name] for name in ("generation_id", "device_id")}
    return kept | {"organization_id": organization_id, "is_connected": is_connected, "changed_at": "2026-11-22 00:00"}


def module_of(organization_id: str, device: dict[str, Any]) -> dict[str, Any]:
    number = device["generation_id"].removeprefix("dev_")
    kept = ("authentication_type", "is_enabled", "tags", "created_at", "updated_at", "revision", "device_id")
    return {name: device[name] for name in kept} | {
        "organization_id": organization_id,
        "generation_id": f"mod_{number}",
        "device_generation_id": device["generation_id"],
        "module_id": "camera",
        "managed_by": "",
    }


async def test_what_is_connected_comes_in_the_order_of_ids_page_by_page(registry: RegistryHouse) -> None:
    for name in ("z.meter", "valve-1", "pump-2", "a.gate"):
        device = await registry.device(name)
        change = PresenceChange(
            generation_id=device.generation_id,
            is_connected=True,
            gateway="gateway-1",
            changed_at=registry.twins._clock.now(),
        )
        await registry.presence.note(registry.organization_id, [change])
    expected = ["a.gate", "pump-2", "valve-1", "z.meter"]
    for where in ("connectionState = 'Connected'", "connectionState = 'Connected' AND deviceId > 'a'"):
        for limit in (1, 3, 100):
            found = await registry.ask(f"SELECT deviceId FROM devices WHERE {where}", limit=limit)  # noqa: S608
            assert [each["deviceId"] for each in found] == expected, (where, limit)
    count = await registry.ask("SELECT COUNT() n FROM devices WHERE connectionState = 'Connected' AND deviceId > 'p'")
    assert count == [{"n": 3}]


async def test_windows_are_bounded_by_what_the_index_yields(
    registry: RegistryHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill_for_planner(registry)
    looked: list[int] = []
    search: Callable[..., Any] = scan._search

    def count(*arguments: Any) -> Any:
        looked.append(1)
        return search(*arguments)

    monkeypatch.setattr(scan, "_search", count)
    monkeypatch.setattr(scan, "limits_of", lambda _: Limits(20, 100))
    found = await registry.ask("SELECT deviceId FROM devices WHERE tags.site = 's7' AND tags.line != 'l7'")
    assert found == []
    assert len(looked) == 6, "100 devices of the site, 20 at a time, and the end"
