"""One meaning on every database: what SQL finds, and the evaluator keeps, is what the evaluator finds alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vedette.kernel import GenerationId, OrganizationId
from vedette.registry import group_repository
from vedette.registry.group import Group, GroupKind
from vedette.registry.module_repository import modules
from vedette.registry.presence_repository import presence
from vedette.registry.query import check_condition, condition
from vedette.registry.query.compile import compile_condition
from vedette.registry.query.documents import load_documents
from vedette.registry.query.plan import make_plan
from vedette.registry.query.scan import Window, keep_matching, read_rows
from vedette.registry.query.sources import DEVICES, MODULES, Source
from vedette.registry.query.tree import (
    UNDEFINED,
    And,
    Arithmetic,
    Call,
    Comparison,
    Constant,
    Membership,
    Negative,
    Node,
    Not,
    Or,
    Path,
    Primitive,
)
from vedette.registry.repository import devices
from vedette.registry.twin_repository import twins
from vedette.store import metadata
from vedette.trust import FailureMode

ORGANIZATION = OrganizationId("org_00000000000000000000000000")
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

# Few and alike, so that they meet. Decimals of few digits: SQLite reads longer ones to the last bit or one beside it.
TEXTS = ["", "a", "b", "ab", "north", "North", "é", "Ω", "1", "true", "[1]", '{"a":1}', "%", "a'b", '"', "😀", "￿"]
NUMBERS = [0, 1, -1, 2, 0.5, 1.5, -0.25, 1e300, 4503599627370495, 3.14]
PRIMITIVES = [*TEXTS, *NUMBERS, True, False, None]
KEYS = ["site", "x", "y", "a b", "é", "z-1", "0", 'q"']
TIMES = [NOW, NOW + timedelta(microseconds=500), NOW + timedelta(milliseconds=1), NOW - timedelta(days=1)]
TIME_TEXTS = ["2026-11-22T10:00:00Z", "2026-11-22T10:00:00.001Z", "2026-11-21", "0001-01-01T00:00:00Z"]

primitives = st.sampled_from(PRIMITIVES)
values = st.recursive(
    primitives,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=4,
)
documents = st.dictionaries(st.sampled_from(KEYS), values.filter(lambda value: value is not None), max_size=4)
names = st.sampled_from(KEYS)
steps = st.lists(names | st.integers(0, 2), min_size=1, max_size=2)
json_paths = st.builds(
    lambda root, inner: Path((*root, *inner)),
    st.sampled_from([("tags",), ("properties", "desired"), ("properties", "reported")]),
    steps,
)
device_paths = st.sampled_from(
    [
        *(("deviceId",), ("status",), ("connectionState",), ("authenticationType",), ("lifecycle",), ("site",)),
        *(("zone",), ("isBlocked",), ("version",), ("modelId",), ("capabilities", "iotEdge"), ("tags",), ("etag",)),
        *(("properties",), ("properties", "desired"), ("properties", "desired", "$version"), ("gateway",)),
        *(("configurations", "x", "status"), ("groups",), ("x509Thumbprint", "primaryThumbprint")),
    ]
).map(Path)
time_paths = st.sampled_from([("createdTime",), ("lastActivityTime",), ("statusUpdateTime",)]).map(Path)
paths = json_paths | json_paths | device_paths
words = st.sampled_from(["enabled", "Connected", "active", "d1", "d", "selfSigned", ""])
constants = (primitives | words | st.just(UNDEFINED)).map(Constant)
relations = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def calls(argument: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    of_one = st.sampled_from(
        ["IS_ARRAY", "IS_BOOL", "IS_NULL", "IS_NUMBER", "IS_OBJECT", "IS_PRIMITIVE", "IS_STRING", "LOWER", "ABS"]
    )
    of_two = st.sampled_from(["STARTSWITH", "ENDSWITH", "CONTAINS", "INDEX_OF"])
    return (
        st.builds(lambda name, first: Call(name, (first,)), of_one, argument)
        | st.builds(lambda name, first, second: Call(name, (first, second)), of_two, argument, argument)
        | st.builds(lambda path: Call("IS_DEFINED", (path,)), paths)
        | st.sampled_from(["a", "north", "b"]).map(lambda name: Call("CONTAINS", (Path(("groups",)), Constant(name))))
    )


expressions: st.SearchStrategy[Node] = st.one_of(
    paths,
    paths,
    constants,
    st.builds(Negative, paths),
    st.builds(Arithmetic, st.sampled_from(["+", "-", "*", "/", "%"]), paths, constants | paths),
)
leaves: st.SearchStrategy[Node] = st.one_of(
    st.builds(Comparison, relations, expressions, expressions),
    st.builds(Comparison, relations, paths, constants),
    st.builds(Comparison, relations, time_paths, st.sampled_from(TIME_TEXTS).map(Constant)),
    st.builds(Membership, paths, st.lists(primitives | words, max_size=3).map(tuple), st.booleans()),
    calls(expressions),
    calls(paths | constants),
    paths,
)
conditions: st.SearchStrategy[Node] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda parts: And(tuple(parts)), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda parts: Or(tuple(parts)), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=5,
)


@st.composite
def identities(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        {
            "tags": draw(documents),
            "desired": draw(documents),
            "reported": draw(documents),
            "has_twin": draw(st.booleans()),
            "is_connected": draw(st.sampled_from([None, True, False])),
            "is_enabled": draw(st.booleans()),
            "is_blocked": draw(st.booleans()),
            "site": draw(st.sampled_from([None, *TEXTS[1:]])),
            "time": draw(st.sampled_from(TIMES)),
            "lifecycle": draw(st.sampled_from(["active", "onboarded"])),
            "authentication_type": draw(st.sampled_from(["issued", "self_signed"])),
            "groups": draw(st.sets(st.sampled_from(["a", "north"]))),
        }
        for _ in range(draw(st.integers(1, 4)))
    ]


class Ground:
    """One database with tables, filled anew for each example and never committed."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.numbers = itertools.count()

    def check(self, rows: list[dict[str, Any]], node: Node, source: Source) -> None:
        with self.engine.connect() as connection, connection.begin() as transaction:
            self._fill(connection, rows)
            self._compare(connection, node, source)
            transaction.rollback()

    def _compare(self, connection: sa.Connection, node: Node, source: Source) -> None:
        checked = check_condition(node, source.name)
        prefix = "dev_" if source is DEVICES else "mod_"
        ids = [
            row.generation_id
            for row in connection.execute(sa.select(source.table.c.generation_id))
            if row.generation_id.startswith(prefix)
        ]
        loaded = load_documents(connection, ORGANIZATION, source.name, ids)
        test = condition(checked)
        expected = {generation_id for generation_id, document in loaded.items() if test(document)}

        dialect = connection.dialect.name
        compiled = compile_condition(checked, source, dialect)
        query = (
            sa.select(source.table.c.generation_id)
            .select_from(source.from_clause(compiled.parts))
            .where(*source.living(ORGANIZATION), compiled.clause)
        )
        by_sql = {GenerationId(found) for found in connection.execute(query).scalars()}
        assert by_sql == expected if compiled.is_exact else by_sql >= expected

        plan = make_plan(checked, source, dialect)
        by_plan = [
            row.generation_id
            for branch in plan.branches
            for row in keep_matching(
                connection, ORGANIZATION, plan, read_rows(connection, ORGANIZATION, plan, branch, Window((), None))
            )
        ]
        assert set(by_plan) == expected
        assert len(by_plan) == len(expected), "branches overlap"

    def _fill(self, connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
        _fill_groups(connection, rows)
        for number, row in enumerate(rows):
            for prefix in ("dev", "mod"):
                generation_id = f"{prefix}_{number:026}"
                common = {
                    "organization_id": ORGANIZATION,
                    "generation_id": generation_id,
                    "device_id": f"d{number}",
                    "authentication_type": row["authentication_type"],
                    "primary_thumbprint": row["site"],
                    "is_enabled": row["is_enabled"],
                    "tags": row["tags"],
                    "created_at": row["time"],
                    "updated_at": NOW,
                    "revision": number,
                }
                if prefix == "dev":
                    connection.execute(devices.insert().values(**common, **_of_device(row)))
                else:
                    own = {"module_id": "m", "device_generation_id": f"dev_{number:026}", "managed_by": ""}
                    connection.execute(modules.insert().values(**common, **own))
                _fill_twin(connection, generation_id, row)


def _of_device(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "status_reason": "",
        "status_changed_at": row["time"],
        "is_blocked": row["is_blocked"],
        "lifecycle": row["lifecycle"],
        "lifecycle_changed_at": NOW,
        "device_class": "plc",
        "identity_class": "physical",
        "failure_mode": FailureMode.HOLD_LAST.value,
        "hold_s": 0,
        "site": row["site"],
        "zone": row["site"],
    }


def _fill_groups(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    for name in ("a", "north"):
        group = Group(
            organization_id=ORGANIZATION,
            group_id=f"grp_{name}",
            name=name,
            kind=GroupKind.STATIC,
            condition="",
            description="",
            created_at=NOW,
            updated_at=NOW,
            revision=1,
        )
        group_repository.insert(connection, group)
        added = [(f"dev_{number:026}", f"d{number}") for number, row in enumerate(rows) if name in row["groups"]]
        group_repository.add_members(connection, ORGANIZATION, group.group_id, added)


def _fill_twin(connection: sa.Connection, generation_id: str, row: dict[str, Any]) -> None:
    keys = {"organization_id": ORGANIZATION, "generation_id": generation_id}
    if row["has_twin"]:
        bags = {"desired": row["desired"], "reported": row["reported"], "desired_metadata": {}, "reported_metadata": {}}
        numbers = {"desired_version": 2, "reported_version": 3, "revision": 1}
        connection.execute(twins.insert().values(**keys, **bags, **numbers, updated_at=NOW))
    if row["is_connected"] is not None:
        texts = dict.fromkeys(("reason", "remote_address", "protocol", "client"), "")
        facts = {"is_connected": row["is_connected"], "gateway": "a", "changed_at": row["time"]}
        connection.execute(presence.insert().values(**keys, **texts, **facts))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    if request.param == "sqlite":
        engine = sa.create_engine("sqlite://")
    else:
        engine = sa.create_engine(request.getfixturevalue("postgresql_server").create_database())
    metadata.create_all(engine)
    yield Ground(engine)
    engine.dispose()


@pytest.mark.parametrize("constant", ["", "a", 1, True, None])
@pytest.mark.parametrize("steps", [("site",), ("tags", "x"), ("tags", "x", "y"), ("status",), ("version",)], ids=str)
def test_null_differs_from_everything_else(ground: Ground, steps: tuple[str, ...], constant: Primitive) -> None:
    rows: list[dict[str, Any]] = [
        {
            "tags": tags,
            "desired": {},
            "reported": {},
            "has_twin": False,
            "is_connected": None,
            "is_enabled": True,
            "is_blocked": False,
            "site": site,
            "time": NOW,
            "lifecycle": "active",
            "authentication_type": "issued",
            "groups": set(),
        }
        for site, tags in ((None, {"x": None}), ("a", {"x": {"y": None}}), ("", {"x": {"y": "a"}}), ("b", {}))
    ]
    for relation in ("=", "!=", "<", ">="):
        ground.check(rows, Comparison(relation, Path(steps), Constant(constant)), DEVICES)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=identities(), node=conditions)
def test_a_condition_means_the_same_in_python_and_sql(ground: Ground, rows: list[dict[str, Any]], node: Node) -> None:
    ground.check(rows, node, DEVICES)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=identities(), node=st.builds(Comparison, relations, json_paths, constants))
def test_conditions_about_modules_mean_the_same_too(ground: Ground, rows: list[dict[str, Any]], node: Node) -> None:
    ground.check(rows, node, MODULES)
