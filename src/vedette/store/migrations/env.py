# ruff: noqa: INP001 - Alembic loads it by path
"""Alembic's entry: runs the migrations on the connection that ``vedette.store.migration`` hands over."""

from __future__ import annotations

from alembic import context

from vedette.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
