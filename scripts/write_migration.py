"""Write the newest migration anew: what the rooms declare beyond the migrations before it.

    python scripts/write_migration.py          write it
    python scripts/write_migration.py --check  fail if it is not what the rooms declare

It writes new tables, new columns of existing ones (with a server default where they may not be empty), new indexes,
takes away the tables that ``DROPPED`` names and executes what ``FILLED`` holds. Anything else is written by hand, into
a revision of its own. Once a revision has been released it is never written again: name the next one in ``TARGET``,
``REVISION`` and ``FORMER``.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Literal

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import api, render
from alembic.config import Config
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import postgresql, sqlite

from vedette.store import Json, UtcDateTime, metadata
from vedette.store.paths import JsonPath

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "src" / "vedette"
VERSIONS: Final = SOURCES / "store" / "migrations" / "versions"
TARGET: Final = VERSIONS / "r0003_network.py"
REVISION: Final = "0003"
FORMER: Final = "0002"
# Tables of the revisions before that no room has any more; what stood in them is lost.
DROPPED: Final[tuple[str, ...]] = ()
# What rows of before get in columns that are new, where the server default is not it.
FILLED: Final = (
    """
    UPDATE registry_presence SET device_id = coalesce((
        SELECT device_id FROM registry_devices
        WHERE registry_devices.organization_id = registry_presence.organization_id
        AND registry_devices.generation_id = registry_presence.generation_id
    ), '')
    """,
)
HEADER: Final = f'''# ruff: noqa: INP001 - Alembic loads it by path
"""What sensors see, written by ``scripts/write_migration.py``: what the rooms declare beyond the revision before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vedette.store import Json, UtcDateTime, json_path

revision = "{REVISION}"
down_revision = "{FORMER}"
'''


def load_metadata() -> sa.MetaData:
    """Return the tables of every room: each is declared in a module that is named for a repository."""
    for path in sorted(SOURCES.rglob("*repository.py")):
        importlib.import_module(".".join(("vedette", *path.relative_to(SOURCES).with_suffix("").parts)))
    return metadata


def write_migration(tables: sa.MetaData) -> str:
    """Return the text of the migration, one function per table."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        inspector = apply_former(connection)
        options: dict[str, Any] = {"target_metadata": tables, "render_item": render_item, "user_module_prefix": None}
        context = MigrationContext.configure(connection, opts={"sqlalchemy_module_prefix": "sa.", **options})
        autogenerate = api.AutogenContext(context)
        autogenerate.opts.update({"alembic_module_prefix": "op."}, **options)
        existing = set(inspector.get_table_names())
        if gone := existing - set(tables.tables) - {*DROPPED, "alembic_version"}:
            raise TypeError(f"no room declares {sorted(gone)}: name them in DROPPED if they are to go")
        functions, calls = [], [f"    op.drop_table({name!r})" for name in DROPPED]
        for table in tables.sorted_tables:
            if table.name not in existing:
                functions.append(write_table(autogenerate, table))
                calls.append(f"    _create_{table.name}()")
            elif text := extend_table(autogenerate, inspector, table):
                functions.append(text)
                calls.append(f"    _extend_{table.name}()")
    calls += [f'    op.execute("""{statement}""")' for statement in FILLED]
    upgrade = 'def upgrade() -> None:\n    """Bring the schema up to what the rooms declare."""\n' + "\n".join(calls)
    return format_code("\n\n".join((HEADER, upgrade + "\n", *functions)))


def apply_former(connection: sa.Connection) -> sa.Inspector:
    """Run the migrations before the one that is written."""
    configuration = Config()
    configuration.set_main_option("script_location", str(VERSIONS.parent))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, FORMER)
    return sa.inspect(connection)


def extend_table(autogenerate: api.AutogenContext, inspector: sa.Inspector, table: sa.Table) -> str:
    """Return the function that adds columns to an existing table and changes its indexes, or nothing."""
    known = {column["name"] for column in inspector.get_columns(table.name)}
    indexes = {
        str(row[0])
        for row in inspector.bind.exec_driver_sql(  # type: ignore[union-attr]  # a connection
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", (table.name,)
        )
    }
    lines = [
        f"op.drop_index({name!r}, table_name={table.name!r})"
        for name in sorted(indexes - {str(index.name) for index in table.indexes})
    ]
    for column in table.columns:
        if column.name in known:
            continue
        if not column.nullable and column.server_default is None:
            raise TypeError(f"{table.name}.{column.name} may not be empty: it needs a server default for existing rows")
        lines += render.render_op(autogenerate, ops.AddColumnOp(table.name, column))
    lines += [
        render_index(table.name, index)
        for index in sorted(table.indexes, key=lambda index: str(index.name))
        if index.name not in indexes
    ]
    if gone := known - {column.name for column in table.columns}:
        raise TypeError(f"{table.name} lost {sorted(gone)}: write that revision by hand")
    body = "\n".join(f"    {line}" for text in lines for line in text.splitlines())
    return f"def _extend_{table.name}() -> None:\n{body}\n" if lines else ""


def write_table(autogenerate: api.AutogenContext, table: sa.Table) -> str:
    """Return the function that creates one table."""
    lines = render.render_op(autogenerate, ops.CreateTableOp.from_table(table))
    lines += [render_index(table.name, index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
    body = "\n".join(f"    {line}" for text in lines for line in text.splitlines())
    return f"def _create_{table.name}() -> None:\n{body}\n"


def render_index(table_name: str, index: sa.Index) -> str:
    """Return the call that creates an index; what differs between the databases is written for each."""
    columns = ", ".join(render_expression(expression) for expression in index.expressions)
    arguments = [repr(index.name), repr(table_name), f"[{columns}]", f"unique={index.unique}"]
    for name, dialect in (("sqlite", sqlite.dialect()), ("postgresql", postgresql.dialect())):  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
        condition = index.dialect_options[name]["where"]
        if condition is not None:
            compiled = sa.schema.CreateIndex(index).compile(dialect=dialect).string
            arguments.append(f"{name}_where=sa.text({compiled.partition(' WHERE ')[2]!r})")
    return f"op.create_index({', '.join(arguments)})"


def render_expression(expression: object) -> str:
    """Return what an index is made of: columns, and paths into JSON columns."""
    if isinstance(expression, JsonPath):
        (column,) = expression.clauses
        keys = ", ".join(repr(key) for key in expression.path)
        return f"json_path(sa.column({column.key!r}), {keys})"
    if isinstance(expression, sa.Column):
        return repr(expression.name)
    raise TypeError(f"an index has an expression that is neither a column nor a JSON path: {expression}")


def render_item(kind: str, item: Any, _: api.AutogenContext) -> str | Literal[False]:  # Any: Alembic's own
    """Name our own column types; leave everything else to Alembic."""
    if kind == "type" and isinstance(item, UtcDateTime | Json):
        return f"{type(item).__name__}()"
    return False


def format_code(text: str) -> str:
    """Return Python as the house formats it."""
    command = [sys.executable, "-m", "ruff"]
    options = ["--stdin-filename", str(TARGET), "-"]
    for step in (["check", "--fix-only", "--quiet", "--select", "Q,F401,I"], ["format", "--quiet"]):
        text = subprocess.run(
            [*command, *step, *options], input=text, capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
    return text


def main() -> int:
    """Write or check the migration."""
    text = write_migration(load_metadata())
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
            print(f"{TARGET.relative_to(ROOT)} is not what the rooms declare: run python scripts/write_migration.py")
            return 1
        return 0
    TARGET.write_text(text, encoding="utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
