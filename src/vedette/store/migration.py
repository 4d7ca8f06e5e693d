"""Bring a database's schema to this release's."""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from vedette.store.database import Database
from vedette.store.errors import StoreUnavailable, to_problem

log = logging.getLogger(__name__)

_SCRIPTS: Final = Path(__file__).with_name("migrations")


def migrate(database: Database) -> None:
    """Run the pending migrations in one transaction, after copying a SQLite database that has something in it.

    Raises:
        StoreUnavailable: The database does not answer, or its schema is unknown to this release.
    """
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    try:
        with database.writing.connect() as connection:
            transaction = database.begin_writing(connection)
            current = MigrationContext.configure(connection).get_current_revision()
            if current == script.get_current_head():
                return
            _check_known(script, current)
            if database.path is not None and current is not None:
                copy_sqlite(database.path, f"before-{script.get_current_head()}")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            transaction.commit()
    except sa.exc.DBAPIError as error:
        problem = to_problem(error)
        if problem is None:
            raise
        raise problem from error
    log.info("schema migrated", extra={"from_revision": current, "to_revision": script.get_current_head()})


def _check_known(script: ScriptDirectory, current: str | None) -> None:
    if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
        raise StoreUnavailable(
            f"the database has schema revision {current!r}, which this release does not know",
            hint="it was written by a newer release: install that one, or restore a backup made by this one",
        )


def copy_sqlite(path: Path, suffix: str) -> Path:
    """Copy a database whole, as of now, beside itself; the copy is complete or absent."""
    target = path.with_name(f"{path.name}.{suffix}")
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    source = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    copy = sqlite3.connect(partial)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE").close()  # one file, whole by itself
    finally:
        copy.close()
        source.close()
    descriptor = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
    os.fsync(descriptor)
    os.close(descriptor)
    partial.rename(target)
    log.info("database copied before migrating", extra={"copy": str(target)})
    return target
