"""Empty databases: what the store makes of them is what is tested here."""

from __future__ import annotations

from pathlib import Path

import pytest
from postgresql_server import PostgresqlServer


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/vedette.db"


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> str:
    return postgresql_server.create_database()
