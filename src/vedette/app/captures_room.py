"""Uploaded captures, built: where their files are, and which program reads them."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Final

from vedette.app.roles import CapturesRole
from vedette.health.advisories import AdvisoryService
from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Ledger
from vedette.network import SensorIntake
from vedette.network.captures import (
    Analysis,
    CaptureFiles,
    CaptureReader,
    CaptureService,
    CaptureSettings,
    ReportMatching,
)
from vedette.store import Store

_MB: Final = 1024 * 1024
# -P: nothing is imported from the directory that the platform was started in.
READING: Final = (sys.executable, "-P", "-c", "import sys; from vedette.sensor.confined import main; sys.exit(main())")


def build_captures_room(
    organization_id: OrganizationId,
    store: Store,
    ledger: Ledger,
    intake: SensorIntake,
    role: CapturesRole,
    *,
    advisories: AdvisoryService,
    directory: Path,
    clock: Clock,
    ids: IdSource,
) -> CaptureService:
    """Build it."""
    settings = CaptureSettings(
        max_bytes=role.max_mb * _MB,
        total_bytes=role.total_mb * _MB,
        keep=timedelta(days=role.keep_days),
        memory_bytes=role.memory_mb * _MB,
        time_s=role.analysis_minutes * 60,
        free_bytes=role.free_mb * _MB,
    )
    files = CaptureFiles(directory)
    matching = ReportMatching(organization_id, advisories, clock=clock)
    analysis = Analysis(files, CaptureReader(READING, settings), matching, intake)
    return CaptureService(organization_id, store, ledger, files, analysis, settings=settings, clock=clock, ids=ids)
