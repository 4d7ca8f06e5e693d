"""Traffic between zones that the approved plan does not allow, raised as alerts like what sensors tell."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from vedette.incidents import alert_repository
from vedette.incidents.intake import AlertIntake
from vedette.incidents.model import Engine, SensorSight, Severity
from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.ledger import Actor
from vedette.network import AssetNotFound, NetworkAsset, require_asset
from vedette.network.segmentation import FlowVerdict, Violation, find_plan
from vedette.protocols.sensor import AlertRecord
from vedette.store import Transaction

log = logging.getLogger(__name__)

RULE: Final = "network.zones_violated"
_SENSOR_NAME: Final = DeviceId("platform")
_ACTOR: Final = Actor("system", "network")
_TITLE_MAX: Final = 512
_WORD_MAX: Final = 128
_SHOWN: Final = 8
_ALERTS_MAX: Final = 200
# What changes a process or a device weighs more than what looks at it.
_GRAVE: Final = {"program": "T0843", "firmware": "T0839", "control": "T0855", "write": "T0855"}


class ZoneAlarms:
    """Raises one alert for what a client does in a zone where the plan does not let it.

    Args:
        intake: Takes the alerts, as it takes those of sensors.
    """

    def __init__(self, intake: AlertIntake) -> None:
        self._intake = intake

    def hear(self, tx: Transaction, organization_id: OrganizationId, violations: Sequence[Violation]) -> None:
        """Hear of violations that nobody knew, in the transaction that keeps them.

        A plan that is approved over much old traffic raises the alerts of the first so many; the drift of the plan
        lists them all.
        """
        groups = _grouped(violations)
        version = find_plan(tx.connection, organization_id, number=violations[0].number) if violations else None
        zones = {zone.zone_id: zone.name for zone in version.plan.zones} if version is not None else {}
        if len(groups) > _ALERTS_MAX:
            log.warning("more zones are violated than alerts are raised for", extra={"clients": len(groups)})
        told: dict[SensorSight, list[list[Violation]]] = {}
        for found in groups[:_ALERTS_MAX]:
            told.setdefault(_sight(tx, organization_id, found[0]), []).append(found)
        for sensor, of_sensor in told.items():
            names = [_id_of(found[0]) for found in of_sensor]
            known = alert_repository.find_of_sensor(tx.connection, organization_id, sensor.generation_id, names)
            records = [
                _record(found, name, known[name].times if name in known else 0, zones)
                for name, found in zip(names, of_sensor, strict=True)
            ]
            self._intake.take_in(tx, organization_id, sensor, records, actor=_ACTOR)


def _grouped(violations: Iterable[Violation]) -> list[list[Violation]]:
    found: dict[str, list[Violation]] = {}
    for each in violations:
        found.setdefault(_id_of(each), []).append(each)
    return list(found.values())


def _id_of(violation: Violation) -> str:
    """Return the id of the alert that a violation counts in: the same for all that a client does in a zone."""
    parts = (str(violation.number), violation.source, violation.target, violation.client_address)
    return f"zones-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:32]}"


def _sight(tx: Transaction, organization_id: OrganizationId, violation: Violation) -> SensorSight:
    """Return the sensor that sees who did it, under the platform's own name: it is the platform that concludes."""
    asset = _asset(tx, organization_id, violation)
    sensors = () if asset is None else asset.sensors
    return SensorSight(
        generation_id=GenerationId(next(iter(sensors), "")),
        device_id=_SENSOR_NAME,
        site="" if asset is None else asset.site,
    )


def _asset(tx: Transaction, organization_id: OrganizationId, violation: Violation) -> NetworkAsset | None:
    """Return the asset that did it, or that it was done to."""
    for asset_id in (violation.client, violation.server):
        if asset_id:
            try:
                return require_asset(tx.connection, organization_id, asset_id)
            except AssetNotFound:
                continue
    return None


def _record(found: Sequence[Violation], name: str, before: int, zones: Mapping[str, str]) -> AlertRecord:
    first = found[0]
    operations = {operation for each in found for operation in each.operations}
    grave = next((operation for operation in _GRAVE if operation in operations), "")
    servers = list(dict.fromkeys(each.server_address for each in found))
    services = list(dict.fromkeys(f"{each.protocol or each.transport} {each.port or ''}".strip() for each in found))
    whom = servers[0] if len(servers) == 1 else f"{len(servers)} addresses"
    source, target = (zones.get(zone_id, zone_id) for zone_id in (first.source, first.target))
    title = (
        f"{first.client_address} in zone {source} talks with {whom} in zone {target}, which the approved "
        f"plan does not allow: {', '.join(services[:_SHOWN])}"
    )
    return AlertRecord(
        id=name,
        rule=RULE,
        engine=Engine.POLICY.value,
        severity=_severity(found, is_grave=bool(grave)).value,
        title=title[:_TITLE_MAX],
        source=first.client_address,
        target=first.server_address,
        protocol=first.protocol[:_WORD_MAX],
        technique=_GRAVE.get(grave, ""),
        key=f"{first.source} > {first.target}"[:_TITLE_MAX],
        detail={
            "plan": first.number,
            "from zone": first.source[:_WORD_MAX],
            "to zone": first.target[:_WORD_MAX],
            "verdict": first.verdict.value,
            "operations": ", ".join(sorted(operations))[:_TITLE_MAX],
            "servers": ", ".join(servers[:_SHOWN]),
            "because": first.reason[:_TITLE_MAX],
            "violation": first.violation_id,
        },
        first_at=int(min(each.first_at for each in found).timestamp() * 1000),
        last_at=int(max(each.last_at for each in found).timestamp() * 1000),
        times=before + len(found),
    )


def _severity(found: Sequence[Violation], *, is_grave: bool) -> Severity:
    if is_grave:
        return Severity.HIGH
    # Two zones on one segment: a flaw of the plan or of the wiring, more than somebody's act.
    return Severity.LOW if all(each.verdict is FlowVerdict.LAYER2 for each in found) else Severity.MEDIUM
