"""What an operator should look into on the networks: grave alerts that nobody has looked at."""

from __future__ import annotations

from typing import Final

from vedette.api.status import Component
from vedette.incidents import AlertFilter, AlertService, AlertState, Severity
from vedette.kernel import OrganizationId

_COUNTED_MAX: Final = 100
_WANTED: Final = AlertFilter(states=(AlertState.OPEN,), severity=Severity.HIGH, is_loud=True)


class AlertHealth:
    """Reads what the status shows of alerts."""

    def __init__(self, organization_id: OrganizationId, alerts: AlertService) -> None:
        self._organization_id = organization_id
        self._alerts = alerts

    async def read(self) -> list[Component]:
        """Return the one component.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        page = await self._alerts.search(self._organization_id, _WANTED, limit=_COUNTED_MAX)
        if not page.items:
            return [Component("alerts", "ok")]
        count = f"{len(page.items)}{' or more' if page.next else ''}"
        what = "grave alert waits" if count == "1" else "grave alerts wait"
        hint = "see: vedette alert list --severity high"
        return [Component("alerts", "warning", f"{count} {what} for somebody to look at", hint)]
