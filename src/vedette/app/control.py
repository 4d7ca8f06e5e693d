"""Control."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vedette.app.roles import ControlRole
from vedette.kernel import Clock, IdSource


async def serve_control(role: ControlRole, *, clock: Clock, ids: IdSource, ready: Callable[..., None]) -> None:
    """Run control until cancelled."""
    ready(login_token="none")
    await asyncio.Event().wait()
