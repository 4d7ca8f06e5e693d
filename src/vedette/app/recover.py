"""Letting an administrator in when nobody can log in any more: by whoever owns the data directory, on record."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from vedette.app.plan import Plan
from vedette.app.up import find_configuration
from vedette.kernel import Problem, RandomIds, SystemClock

if TYPE_CHECKING:
    from vedette.operators import NewLink

_ACTOR_ID = "host-root"


class NotTheOwner(Problem):
    """Somebody who does not own the data directory asks to be let in."""

    code: ClassVar[str] = "app.not_the_owner"
    status: ClassVar[int] = 403


@dataclass(frozen=True, slots=True)
class Recovery:
    """What lets an administrator in.

    Attributes:
        url: Opens the console, once.
        ended: Sessions that were ended.
    """

    url: str = field(repr=False)
    expires_at: datetime
    ended: int


def recover_admin(
    config: Path | None, data: Path | None, environment: Mapping[str, str], *, reason: str, ends_sessions: bool
) -> Recovery:
    """Make a one-time link that works whatever became of people, passkeys and roles; the platform need not run.

    Args:
        config: The configuration file.
        data: The data directory.
        environment: Of the process.
        reason: Stands in the ledger.
        ends_sessions: Whether everybody who is logged in is logged out.

    Raises:
        NotTheOwner: The data directory is another user's.
        BadTrustAnchor: There is no platform in the data directory.
        StoreUnavailable: The platform runs, and keeps its database to itself.
    """
    from vedette.trust import read_trust_anchor  # noqa: PLC0415 - few commands need it

    read, directory = find_configuration(config, data, environment)
    _check_owner(directory.path)
    anchor = read_trust_anchor(directory.trust_anchor)
    plan = Plan(read.configuration, directory, environment)
    link, ended = asyncio.run(
        _recover(plan.database_url(), anchor.organization_id, reason=reason, ends_sessions=ends_sessions)
    )
    return Recovery(f"{plan.api_url}/login?token={link.token}", link.expires_at, ended)


def _check_owner(path: Path) -> None:
    try:
        owner = path.stat().st_uid
    except OSError as error:
        raise NotTheOwner(f"{path} cannot be read: {error.strerror}", hint="name it: --data DIR") from error
    if os.geteuid() != owner:
        # Not root either: what it writes beside the database could not be read by the platform any more.
        raise NotTheOwner(
            f"{path} belongs to the user with id {owner}, not to you", hint=f"sudo -u '#{owner}' vedette recover-admin"
        )


async def _recover(url: str, organization_id: str, *, reason: str, ends_sessions: bool) -> tuple[NewLink, int]:
    from vedette.kernel import OrganizationId  # noqa: PLC0415 - beside the others
    from vedette.ledger import Actor, Ledger  # noqa: PLC0415 - few commands need them
    from vedette.operators import Logins, SessionService, SessionSettings  # noqa: PLC0415 - same
    from vedette.store import Store  # noqa: PLC0415 - same

    clock = SystemClock()
    ids = RandomIds(clock)
    store = await asyncio.to_thread(Store.open, url, clock=clock)
    try:
        ledger = Ledger(store, clock=clock, ids=ids)
        logins = Logins(ledger, clock=clock, ids=ids, settings=SessionSettings())
        sessions = SessionService(store, ledger, logins, clock=clock, ids=ids)
        actor = Actor("operator", _ACTOR_ID, f"user {os.geteuid()} of this host")
        return await sessions.recover(
            OrganizationId(organization_id), actor=actor, reason=reason, ends_sessions=ends_sessions
        )
    finally:
        await store.close()
