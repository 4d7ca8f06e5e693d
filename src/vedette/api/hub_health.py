"""What an operator should look into at the hub: clone alerts that nobody has, and symmetric keys that end soon."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from vedette.access import QuarantineService
from vedette.api.status import Component
from vedette.kernel import Clock, OrganizationId
from vedette.messaging import CloneAlerts
from vedette.pki.records import SymmetricKeyService

ENDS_SOON: Final = timedelta(days=14)
_COUNTED_MAX: Final = 1000


class HubHealth:
    """Reads what the status shows of the hub."""

    def __init__(
        self,
        organization_id: OrganizationId,
        clone_alerts: CloneAlerts,
        keys: SymmetricKeyService,
        quarantines: QuarantineService,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._clone_alerts = clone_alerts
        self._keys = keys
        self._quarantines = quarantines
        self._clock = clock

    async def read(self) -> list[Component]:
        """Return a component for each concern; healthy ones included.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        found = [await self._judge_clones(), await self._judge_quarantines()]
        if self._keys.is_enabled:
            found.append(await self._judge_keys())
        return found

    async def _judge_clones(self) -> Component:
        count = await self._clone_alerts.count_open(self._organization_id)
        if not count:
            return Component("identities", "ok")
        whose = "1 identity is" if count == 1 else f"{count} identities are"
        return Component(
            "identities", "warning", f"{whose} used by several clients at once", "see: vedette clone-alert list --open"
        )

    async def _judge_quarantines(self) -> Component:
        waiting = await self._quarantines.list(self._organization_id, waits_for_approval=True, limit=_COUNTED_MAX)
        if waiting.items:
            detail = f"{_count(len(waiting.items))} cut off once a second person agrees"
            return Component("quarantine", "warning", detail, "see: vedette quarantine list --waits")
        due = await self._quarantines.list(self._organization_id, is_due=True, limit=_COUNTED_MAX)
        if due.items:
            detail = f"{_count(len(due.items))} to be looked at again"
            return Component("quarantine", "warning", detail, "see: vedette quarantine list --due")
        return Component("quarantine", "ok")

    async def _judge_keys(self) -> Component:
        ending = await self._keys.list_ending(self._organization_id, self._clock.now() + ENDS_SOON, limit=_COUNTED_MAX)
        if not ending:
            return Component("symmetric keys", "ok")
        count = f"{len(ending)} or more" if len(ending) == _COUNTED_MAX else str(len(ending))
        detail = f"{count} ended, or end within {ENDS_SOON.days} days; the first at {ending[0].expires_at:%Y-%m-%d}"
        return Component("symmetric keys", "warning", detail, "replace them: vedette device rotate-key --help")


def _count(devices: int) -> str:
    if devices == 1:
        return "1 device in quarantine is"
    return f"{devices}{' or more' if devices == _COUNTED_MAX else ''} devices in quarantine are"
