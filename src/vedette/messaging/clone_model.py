"""Clone alerts: two clients under one identity, one of which may be a copy. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from vedette.bus.contract import ReportClone
from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId
from vedette.messaging.errors import InvalidRequest

EVIDENCE_MAX: Final = 32
_REPORTED_MAX: Final = 8
_TEXT_MAX_CHARS: Final = 64
_COUNT_MAX: Final = 1_000_000
_DIGEST: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneAlert:
    """What was seen of an identity that several clients use.

    Attributes:
        is_open: Nobody has looked into the latest evidence.
        reports: How often gateways reported it.
        takeovers: Take-overs in all reports.
        gateways: That reported it.
        remote_addresses: Of the connections involved, the latest 32.
        certificate_sha256: What they presented, the latest 32.
        is_same_certificate: A report knew of a single certificate: if there are two clients, its key was copied.
    """

    organization_id: OrganizationId
    alert_id: str
    generation_id: GenerationId
    device_id: DeviceId
    module_id: ModuleId | None
    is_open: bool
    first_seen_at: datetime
    last_seen_at: datetime
    reports: int
    takeovers: int
    gateways: Sequence[str]
    remote_addresses: Sequence[str]
    certificate_sha256: Sequence[str]
    is_same_certificate: bool
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_reason: str = ""


@dataclass(frozen=True, slots=True)
class CloneAlertPage:
    """Alerts, youngest first; ``next`` reads on, ``None`` at the end."""

    items: list[CloneAlert]
    next: str | None


def check_report(report: ReportClone) -> None:
    """Check what a gateway reports.

    Raises:
        InvalidRequest: A number, an address or a digest is outside its limits.
    """
    if len(report.remote_addresses) > _REPORTED_MAX or len(report.certificate_sha256) > _REPORTED_MAX:
        raise InvalidRequest(f"a report names at most {_REPORTED_MAX} addresses and certificates")
    if not 0 <= report.takeovers <= _COUNT_MAX:
        raise InvalidRequest("takeovers is a count")
    texts = [report.gateway, *report.remote_addresses]
    if any(len(each) > _TEXT_MAX_CHARS or not each.isprintable() for each in texts):
        raise InvalidRequest("gateway and remote addresses are short and printable")
    if not all(map(_DIGEST.fullmatch, report.certificate_sha256)):
        raise InvalidRequest("a certificate is named by its SHA-256")


def merge_report(alert: CloneAlert, report: ReportClone, now: datetime) -> CloneAlert:
    """Return an alert with a further report; new evidence opens it."""
    digests = report.certificate_sha256
    return replace(
        alert,
        is_open=True,
        last_seen_at=now,
        reports=alert.reports + 1,
        takeovers=alert.takeovers + report.takeovers,
        gateways=_latest(alert.gateways, [report.gateway]),
        remote_addresses=_latest(alert.remote_addresses, report.remote_addresses),
        certificate_sha256=_latest(alert.certificate_sha256, digests),
        is_same_certificate=alert.is_same_certificate or len(set(digests)) == 1 or len(set(digests)) < len(digests),
    )


def _latest(known: Iterable[str], told: Iterable[str]) -> list[str]:
    """Return both without repetition, the latest last and no more than is kept."""
    fresh = dict.fromkeys(told)
    return [*(each for each in known if each not in fresh), *fresh][-EVIDENCE_MAX:]
