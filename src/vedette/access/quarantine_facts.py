"""What a quarantine is judged by: where the device stands, and what is known of its health."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from vedette.access import quarantine_repository as repository
from vedette.access.blast_radius import GATEWAY_CLASS, WINDOW, Surroundings
from vedette.access.errors import RecheckFailed
from vedette.access.quarantine_model import Quarantined, QuarantineMode
from vedette.access.quarantine_repository import QuarantineAct
from vedette.health import find_postures
from vedette.registry import Device, count_connected, count_members, count_of_site, groups_of, presence_of
from vedette.trust import Provenance, RiskLevel


def look_around(connection: sa.Connection, device: Device, now: datetime) -> Surroundings:
    """Return what stands around a device, as a transaction sees it."""
    where = connection, device.organization_id
    own_groups = groups_of(*where, [device.generation_id]).get(device.generation_id, ())
    others = None
    if device.device_class == GATEWAY_CLASS and device.site is not None and _is_connected(connection, device):
        others = count_connected(*where, device.site, GATEWAY_CLASS, but=device.generation_id)
    return Surroundings(
        generation_id=device.generation_id,
        device_class=device.device_class,
        failure_mode=device.failure_mode,
        site=device.site,
        site_members=0 if device.site is None else count_of_site(*where, device.site),
        group_members=count_members(*where, own_groups) if own_groups else {},
        other_gateways=others,
        recent=repository.list_acts(*where, now - WINDOW),
    )


def act_of(act_id: str, around: Surroundings, quarantined: Quarantined, now: datetime) -> QuarantineAct:
    """Return a quarantine as budgets count it."""
    return QuarantineAct(
        act_id=act_id,
        generation_id=around.generation_id,
        at=now,
        source=quarantined.source,
        site=around.site,
        groups=tuple(around.group_members),
        is_cut=quarantined.mode is QuarantineMode.CUT,
    )


def recheck(connection: sa.Connection, device: Device) -> None:
    """Check that nothing is known of a device that would keep it in quarantine; what anybody could say does not.

    Raises:
        RecheckFailed: Something is.
    """
    posture = find_postures(connection, device.organization_id, [device.generation_id]).get(device.generation_id)
    if posture is None:
        return
    standing = [each.finding_class for each in posture.findings if each.provenance is not Provenance.SPOOFABLE]
    if standing or posture.risk_level is RiskLevel.HIGH:
        raise RecheckFailed(
            f"{device.device_id} still has: {', '.join(standing) or 'a high risk level'}",
            hint=f"heal it, or withdraw what is over: vedette signal list {device.device_id}",
        )


def _is_connected(connection: sa.Connection, device: Device) -> bool:
    found = presence_of(connection, device.organization_id, [device.generation_id]).get(device.generation_id)
    return found is not None and found.is_connected
