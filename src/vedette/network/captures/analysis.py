"""One capture read: report, vulnerabilities, and what the inventory is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final

import msgspec

from vedette.kernel import GenerationId, OrganizationId
from vedette.network.captures.answers import ReadSummary
from vedette.network.captures.files import CaptureFiles, Findings
from vedette.network.captures.model import Capture
from vedette.network.captures.reading import CaptureReader, OnProgress
from vedette.network.captures.vulnerabilities import MatchedAssets, ReportMatching
from vedette.network.intake import SensorIntake
from vedette.network.model import SensorEntry, SensorState

SOURCE: Final = GenerationId("captures")
"""What the inventory calls the source of what captures hold."""


class Analysis:
    """Has captures read, and completes their reports.

    Args:
        files: Where captures and reports are.
        reader: Reads them.
        matching: Tells vulnerabilities.
        intake: Takes what the inventory is told.
    """

    def __init__(
        self, files: CaptureFiles, reader: CaptureReader, matching: ReportMatching, intake: SensorIntake
    ) -> None:
        self._files: Final = files
        self._reader: Final = reader
        self._matching: Final = matching
        self._intake: Final = intake

    async def run(self, capture: Capture, on_progress: OnProgress) -> Capture:
        """Read a capture; return it with what was found, its report in place.

        Raises:
            Problem: It cannot be read, or the inventory cannot be told now.
            OSError: The disk fails.
        """
        matched = await self._matching.begin()
        source = await asyncio.to_thread(self._files.open_capture, capture.capture_id)
        findings = await asyncio.to_thread(self._files.begin, capture.capture_id)
        try:
            summary = await self._reader.read(
                capture.capture_id,
                source,
                findings,
                must_tell=capture.is_taken_in,
                on_progress=on_progress,
                on_assets=matched.take,
            )
            await asyncio.to_thread(_complete, findings, matched)
        finally:
            await asyncio.to_thread(source.close)
            await asyncio.to_thread(findings.close)
        report_bytes = await asyncio.to_thread(self._files.keep_report, capture.capture_id)
        if capture.is_taken_in:
            await self._tell(capture)
        return replace(
            capture,
            report_bytes=report_bytes,
            packets=summary.capture.packets,
            sha256=summary.capture.sha256,
            summary=_summary(summary, matched),
        )

    async def _tell(self, capture: Capture) -> None:
        """Tell the inventory, as a sensor at that site would have; what is told again changes nothing."""
        source = SensorEntry(
            organization_id=OrganizationId(capture.organization_id),
            generation_id=SOURCE,
            device_id=str(SOURCE),
            site=capture.site,
            note="",
            state=SensorState.ACTIVE,
            registered_at=capture.created_at,
        )
        batches = self._files.batches(capture.capture_id)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            await self._intake.take_from(source, batch)


def _complete(findings: Findings, matched: MatchedAssets) -> None:
    """Put what advisories say into the report, which is one JSON object that is complete but for its end."""
    told = {
        "vulnerabilities": matched.found,
        "vulnerabilities_matched": {
            "has_advisories": matched.has_advisories,
            "unknown_assets": matched.unknown,
            "left_out": matched.left_out,
        },
    }
    findings.end_report(b"," + msgspec.json.encode(told)[1:])


def _summary(summary: ReadSummary, matched: MatchedAssets) -> dict[str, Any]:  # Any: JSON
    found = matched.found
    proven = sum(each["certainty"] == "proven" for each in found)
    counts = summary.counts | {"vulnerabilities": len(found) + matched.left_out, "proven": proven}
    return {"capture": msgspec.structs.asdict(summary.capture), "counts": counts, "severities": summary.severities}
