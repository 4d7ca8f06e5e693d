"""Traffic between zones that the approved plan does not allow, raised as alerts like what sensors tell."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from vedette.incidents import alert_repository
from vedette.incidents.intake import AlertIntake
from vedette.incidents.model import Engine, SensorSight, Severity
from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.ledger import Actor
from vedette.network import AssetNotFound, NetworkAsset, require_asset
from vedette.network.segmentation import FlowVerdict, Violation
from vedette.protocols.sensor import AlertRecord
from vedette.store import Transaction

RULE: Final = "network.zones_violated"
_SENSOR_NAME: Final = DeviceId("platform")
_ACTOR: Final = Actor("system", "network")
_TITLE_MAX: Final = 512
_WORD_MAX: Final = 128
_SHOWN: Final = 8
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
        """Hear of violations that nobody knew, in the transaction that keeps them."""
        for found in _grouped(violations):
            first = found[0]
            asset = _asset(tx, organization_id, first)
            sensor = SensorSight(
                generation_id=GenerationId(next(iter(() if asset is None else asset.sensors), "")),
                device_id=_SENSOR_NAME,
                site="" if asset is None else asset.site,
            )
            name = _id_of(first)
            known = alert_repository.find_of_sensor(tx.connection, organization_id, sensor.generation_id, [name])
            before = known[name].times if name in known else 0
            self._intake.take_in(tx, organization_id, sensor, [_record(found, name, before)], actor=_ACTOR)


def _grouped(violations: Iterable[Violation]) -> list[list[Violation]]:
    found: dict[str, list[Violation]] = {}
    for each in violations:
        found.setdefault(_id_of(each), []).append(each)
    return list(found.values())


def _id_of(violation: Violation) -> str:
    """Return the id of the alert that a violation counts in: the same for all that a client does in a zone."""
    parts = (str(violation.number), violation.source, violation.target, violation.client_address)
    return f"zones-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:32]}"


def _asset(tx: Transaction, organization_id: OrganizationId, violation: Violation) -> NetworkAsset | None:
    """Return the asset that did it, or that it was done to."""
    for asset_id in (violation.client, violation.server):
        if asset_id:
            try:
                return require_asset(tx.connection, organization_id, asset_id)
            except AssetNotFound:
                continue
    return None


def _record(found: Sequence[Violation], name: str, before: int) -> AlertRecord:
    first = found[0]
    operations = {operation for each in found for operation in each.operations}
    grave = next((operation for operation in _GRAVE if operation in operations), "")
    servers = list(dict.fromkeys(each.server_address for each in found))
    services = list(dict.fromkeys(f"{each.protocol or each.transport} {each.port or ''}".strip() for each in found))
    whom = servers[0] if len(servers) == 1 else f"{len(servers)} addresses"
    title = (
        f"{first.client_address} in zone {first.source} talks with {whom} in zone {first.target}, which the approved "
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
