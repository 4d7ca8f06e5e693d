"""Copies of one PostgreSQL database, lent to test after test.

A fresh copy is 840 files to make and to delete; most tests write to a dozen tables. So a copy is emptied when it comes
back, and lent again if nothing can be told from a fresh one: nobody is connected any more, the schema is the template's
in each column, index and constraint, no table of rows has a page, and the planner has learned nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from postgresql_server import PostgresqlServer

_CLOSES_WITHIN_S = 1.0
"""A connection that was closed is still listed for a moment."""

_CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
_FILLED = """
SELECT quote_ident(relname) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0 AND relname <> %s
"""
_SHAPE = """
SELECT jsonb_build_array(
  (SELECT jsonb_agg(nspname ORDER BY oid) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'),
  (SELECT jsonb_agg(jsonb_build_array(oid, relname, relkind, reloptions) ORDER BY oid)
   FROM pg_class WHERE oid >= 16384),
  (SELECT jsonb_agg(jsonb_build_array(attrelid, attname, atttypid, attnotnull, attstattarget) ORDER BY attrelid, attnum)
   FROM pg_attribute WHERE attrelid >= 16384),
  (SELECT jsonb_agg(jsonb_build_array(oid, conname) ORDER BY oid) FROM pg_constraint WHERE oid >= 16384),
  (SELECT jsonb_agg(jsonb_build_array(oid, tgname, tgenabled) ORDER BY oid) FROM pg_trigger),
  (SELECT jsonb_agg(jsonb_build_array(oid, proname) ORDER BY oid) FROM pg_proc WHERE oid >= 16384),
  (SELECT jsonb_agg(to_jsonb(each)) FROM pg_db_role_setting each),
  (SELECT count(*) FROM pg_statistic WHERE starelid >= 16384),
  (SELECT jsonb_agg(version_num) FROM alembic_version)
)::text
"""
_KEPT = "alembic_version"


class LentDatabases:
    """Copies of a template; each has one borrower at a time."""

    def __init__(self, server: PostgresqlServer, template: str) -> None:
        self._server = server
        self._template = template
        self._free: list[str] = []
        self._shapes: dict[str, str] = {}

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Lend a database that is as fresh as the template; yields its URL."""
        url = self._free.pop() if self._free else self._copy()
        yield url
        if self._is_as_new(url):
            self._free.append(url)

    def _copy(self) -> str:
        url = self._server.create_database(self._template)
        with self._server.connected(self._server.name_of(url)) as connection:
            self._shapes[url] = _shape(connection)
        return url

    def _is_as_new(self, url: str) -> bool:
        """Empty a database; one that is not as before is left lying."""
        name = self._server.name_of(url)
        try:
            with self._server.connected() as connection:
                end = time.monotonic() + _CLOSES_WITHIN_S
                while _number(connection, name):
                    if time.monotonic() > end:
                        return False
                    time.sleep(0.005)
            with self._server.connected(name) as connection:
                filled = [row[0] for row in connection.execute(_FILLED, [_KEPT])]
                if filled:
                    connection.execute(f"TRUNCATE {', '.join(filled)} RESTART IDENTITY CASCADE".encode())
                return _shape(connection) == self._shapes[url]
        except psycopg.Error:
            return False


def _number(connection: psycopg.Connection, name: str) -> int:
    row = connection.execute(_CONNECTED, [name]).fetchone()
    assert row is not None
    return int(row[0])


def _shape(connection: psycopg.Connection) -> str:
    row = connection.execute(_SHAPE).fetchone()
    assert row is not None
    return str(row[0])
