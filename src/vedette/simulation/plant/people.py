"""What the demo's operator does for the plant: registers its sensor, says what is what, and reads what was noticed."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from vedette.simulation.operator import SITE, DemoFailed, Operator
from vedette.simulation.plant.advisory import NAME, advisory
from vedette.simulation.plant.frames import MS
from vedette.simulation.plant.stations import Station

SENSOR: Final = "sensor-1"
_CONFLICT: Final = 409
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class Noticed:
    """An alert that was raised, or went on.

    Attributes:
        last_ns: When its last packet was seen.
    """

    alert_id: str
    rule: str
    severity: str
    technique: str
    title: str
    last_ns: int


@dataclass(frozen=True, slots=True)
class PlantOperator:
    """Speaks to the operators' API; every method may block.

    Attributes:
        operator: Of the demo.
    """

    operator: Operator

    def register_sensor(self) -> None:
        """Have the sensor heard.

        Raises:
            DemoFailed: The API refused it.
        """
        known = self.operator.call("GET", "/v1/sensors?limit=999")["items"]
        if any(each["device_id"] == SENSOR and each["state"] != "retired" for each in known):
            return
        new = {"device_id": SENSOR, "site": SITE, "note": "the demo's plant, played into a pipe"}
        try:
            self.operator.call("POST", "/v1/sensors", new)
        except DemoFailed as failed:
            if failed.status != _CONFLICT:
                raise

    def import_advisory(self) -> None:
        """Import what is known of one controller; a second time changes nothing.

        Raises:
            DemoFailed: The API refused it.
        """
        handed = {"name": NAME, "content": base64.b64encode(advisory()).decode()}
        self.operator.call("POST", "/v1/advisories", handed)

    def match(self, station: Station, device_id: str) -> bool | None:
        """Say which registered device a station is; answer whether it is, or None while nobody has seen the station.

        Raises:
            DemoFailed: The API refused it.
        """
        asked = urlencode({"address": station.address, "site": SITE})
        found = self.operator.call("GET", f"/v1/assets?{asked}")["items"]
        if not found:
            return None
        asset = found[0]
        if (asset["management"] or {}).get("device_id") == device_id:
            return True
        try:
            self.operator.call("PATCH", f"/v1/assets/{asset['asset_id']}", {"device_id": device_id})
        except DemoFailed as failed:
            if failed.status == _NOT_FOUND:
                return False  # there are fewer devices than usual
            raise
        return True

    def count_assets(self) -> int:
        """Return how many assets are known at the site.

        Raises:
            DemoFailed: The API refused it.
        """
        return len(self.operator.call("GET", f"/v1/assets?{urlencode({'site': SITE, 'limit': 999})}")["items"])

    def count_alerts(self) -> int:
        """Return how many alerts there are, closed ones included.

        Raises:
            DemoFailed: The API refused it.
        """
        return len(self.operator.call("GET", "/v1/alerts?limit=999")["items"])

    def noticed(self, rule: str, since_ns: int) -> Noticed | None:
        """Return the alert of a rule that was raised, or went on, since a time; None: there is none.

        Raises:
            DemoFailed: The API refused it.
        """
        found = self.operator.call("GET", f"/v1/alerts?{urlencode({'rule': rule, 'site': SITE, 'limit': 20})}")["items"]
        for each in found:
            last_ns = _ns(each["last_at"])
            if last_ns >= since_ns:
                return Noticed(
                    each["alert_id"], each["rule"], each["severity"], each["technique"], each["title"], last_ns
                )
        return None

    def narrowed_ns(self, device_id: str, since_ns: int) -> int | None:
        """Return when the gateways had applied the last change of a device, if it came after a time.

        Raises:
            DemoFailed: The API refused it.
        """
        try:
            change: dict[str, Any] = self.operator.call("GET", f"/v1/devices/{device_id}/enforcement")  # Any: JSON
        except DemoFailed as failed:
            if failed.status == _NOT_FOUND:
                return None  # nothing was changed yet
            raise
        began_ns, took_ms = _ns(change["ingested_at"]), change["enforced_after_ms"]
        if began_ns < since_ns or took_ms is None:
            return None
        return began_ns + int(took_ms * MS)

    def is_narrowed(self, device_id: str) -> bool:
        """Tell whether what the network showed stands against a device now.

        Raises:
            DemoFailed: The API refused it.
        """
        try:
            found = self.operator.call("GET", f"/v1/devices/{device_id}/health")["findings"]
        except DemoFailed as failed:
            if failed.status == _NOT_FOUND:
                return False  # there are fewer devices than usual
            raise
        return any(each["finding_class"] == "network-alarm" for each in found)


def _ns(text: str) -> int:
    """Return a time of the API in nanoseconds since 1970; milliseconds are what it tells."""
    return int(datetime.fromisoformat(text).timestamp() * 1_000) * MS
