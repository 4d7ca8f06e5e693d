"""The migrator: a step of each start that alone may change streams and the schema."""

from __future__ import annotations

import asyncio
from pathlib import Path

from vedette.app.bus_access import bus_settings
from vedette.app.prepare import stream_settings
from vedette.app.roles import MigrateRole, StoreRole
from vedette.bus import BusConnection, ensure_streams
from vedette.kernel import Clock
from vedette.store import Store


async def migrate(role: MigrateRole, *, clock: Clock) -> None:
    """Bring streams and schema to this release's; idempotent.

    Raises:
        Problem: The bus or the store does not answer, or refuses.
    """
    devices = await BusConnection.connect(await asyncio.to_thread(bus_settings, role.devices_bus), clock=clock)
    try:
        control = await BusConnection.connect(await asyncio.to_thread(bus_settings, role.control_bus), clock=clock)
        try:
            await ensure_streams(devices, control, stream_settings(role.streams))
        finally:
            await control.close()
    finally:
        await devices.close()
    store = await asyncio.to_thread(Store.open, await asyncio.to_thread(database_url, role.store), clock=clock)
    try:
        await asyncio.to_thread(store.migrate)
    finally:
        await store.close()


def database_url(role: StoreRole) -> str:
    """Return the URL of the database, read from its file when it holds a password."""
    if role.url_file is not None:
        return read_url(role.url_file)
    return f"sqlite:///{role.sqlite_file}"


def read_url(path: Path) -> str:
    """Read a database URL from a file."""
    return path.read_text(encoding="utf-8").strip()
