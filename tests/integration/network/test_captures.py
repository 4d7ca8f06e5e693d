"""Captures from upload to the end of their report, with the process that reads them, on both databases."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from advisory_cases import document, encoded, zipped
from identity_house import ACTOR
from made_capture import CONTROLLER, STATION, polls
from network_house import NetworkHouse
from seen_network import ENGINEER, STOPPED, TERN, hall_capture

from vedette.app import captures_room
from vedette.app.captures_room import build_captures_room
from vedette.app.roles import CapturesRole
from vedette.health.advisories import AdvisoryService
from vedette.network.captures import (
    Capture,
    CaptureNotFound,
    CaptureService,
    CaptureState,
    CaptureStateRefused,
    NewCapture,
    NoRoomForCapture,
    TooManyCaptures,
)
from vedette.simulation import ManualClock

pytestmark = pytest.mark.anyio

OPEN = {CaptureState.RECEIVING, CaptureState.WAITING, CaptureState.ANALYZING}
WITHIN_S = 120.0
HEADER_BYTES = 24
# A program that reads for as long as it is let.
ENDLESS = (sys.executable, "-c", "import time; time.sleep(300)")


def room(house: NetworkHouse, folder: Path, role: CapturesRole | None = None) -> CaptureService:
    return build_captures_room(
        house.organization_id,
        house.store,
        house.ledger,
        house.intake,
        role or CapturesRole(free_mb=0),
        advisories=AdvisoryService(house.store, house.ledger, clock=house.clock),
        directory=folder / "captures",
        clock=house.clock,
        ids=house.ids,
    )


@asynccontextmanager
async def running(captures: CaptureService) -> AsyncIterator[None]:
    """Have captures read, until the block ends as a platform that is stopped."""
    task = asyncio.get_running_loop().create_task(captures.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def upload(captures: CaptureService, content: bytes, **more: Any) -> Capture:
    begun = await captures.begin(NewCapture(name="hall.pcap", size_bytes=len(content), **more), actor=ACTOR)
    return await captures.add(begun.capture_id, 0, content)


async def beyond(captures: CaptureService, capture_id: str, *states: CaptureState) -> Capture:
    """Return a capture once it is in none of some states."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + WITHIN_S
    found = await captures.get(capture_id)
    while found.state in states:
        assert loop.time() < until_s, f"still {found.state}"
        await asyncio.sleep(0.02)
        found = await captures.get(capture_id)
    return found


async def ended(captures: CaptureService, capture_id: str) -> Capture:
    return await beyond(captures, capture_id, *OPEN)


async def test_what_was_begun_when_the_platform_ended_is_taken_up_again(
    house: NetworkHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(captures_room, "READING", ENDLESS)
        former = room(house, tmp_path)
    done = await upload(former, polls(), site="north", is_taken_in=True)
    partly = await former.begin(NewCapture(name="later.pcap", size_bytes=4_000), actor=ACTOR)
    await former.add(partly.capture_id, 0, polls()[:1_000])
    async with running(former):
        await beyond(former, done.capture_id, CaptureState.WAITING)
    assert (await former.get(done.capture_id)).state is CaptureState.ANALYZING
    stray = tmp_path / "captures" / "cap_00000000000000000000000000.capture"
    stray.write_bytes(b"of nobody")
    (tmp_path / "captures" / f"{partly.capture_id}.capture").write_bytes(polls()[:700])  # the disk lost the rest
    later = room(house, tmp_path)
    async with running(later):
        found = await ended(later, done.capture_id)
        assert (found.state, found.cause, found.attempts) == (CaptureState.DONE, "", 2)
        assert (await later.get(partly.capture_id)).received_bytes == 700
        assert not stray.exists()
    assert {ip for each in await house.assets(sites=frozenset({"north"})) for ip in each.ips} == {STATION, CONTROLLER}
    with await later.open_report(done.capture_id) as report:
        assert json.load(report)["capture"]["packets"] == found.packets
    with pytest.raises(CaptureNotFound):
        await later.open_file(done.capture_id, actor=ACTOR)


async def test_what_ends_the_platform_again_and_again_is_given_up(house: NetworkHouse, tmp_path: Path) -> None:
    captures = room(house, tmp_path)
    found = await upload(captures, polls())
    for attempt in (1, 2):
        await captures._change(
            found.capture_id, expected=CaptureState.WAITING, state=CaptureState.ANALYZING, attempts=attempt
        )
        await captures._recover()
    failed = await captures.get(found.capture_id)
    assert failed.state is CaptureState.FAILED
    assert "ended 2 times" in failed.cause
    assert list((tmp_path / "captures").iterdir()) == []


async def test_an_analysis_is_canceled_and_the_next_one_follows(house: NetworkHouse, tmp_path: Path) -> None:
    captures = room(house, tmp_path)
    large, small = await upload(captures, polls() + polls()[HEADER_BYTES:] * 5_000), await upload(captures, polls())
    async with running(captures):
        await beyond(captures, large.capture_id, CaptureState.WAITING)
        canceled = await captures.cancel(large.capture_id, actor=ACTOR)
        assert canceled.state is CaptureState.CANCELED
        assert (await ended(captures, small.capture_id)).state is CaptureState.DONE
        assert (await captures.get(large.capture_id)).state is CaptureState.CANCELED
        with pytest.raises(CaptureStateRefused):
            await captures.open_report(large.capture_id)
    assert [path.name for path in (tmp_path / "captures").iterdir()] == [f"{small.capture_id}.report"]


async def test_an_analysis_that_needs_more_than_it_may_fails_with_its_reason(
    house: NetworkHouse, tmp_path: Path
) -> None:
    captures = room(house, tmp_path, CapturesRole(free_mb=0, memory_mb=8))
    found = await upload(captures, polls() + polls()[HEADER_BYTES:] * 5_000)
    async with running(captures):
        failed = await ended(captures, found.capture_id)
    assert (failed.state, "8 MB" in failed.cause) == (CaptureState.FAILED, True), failed.cause


async def test_uploads_and_reports_end_with_their_time(house: NetworkHouse, clock: ManualClock, tmp_path: Path) -> None:
    captures = room(house, tmp_path)
    done = await upload(captures, polls(), is_kept=True)
    paused = await captures.begin(NewCapture(name="paused", size_bytes=100), actor=ACTOR)
    async with running(captures):
        await ended(captures, done.capture_id)
    kept, file = await captures.open_file(done.capture_id, actor=ACTOR)
    assert (kept.has_file, file.read()) == (True, polls())
    file.close()
    assert await captures.forget() == 0
    clock.advance(timedelta(hours=25))
    assert await captures.forget() == 1
    assert "not finished in time" in (await captures.get(paused.capture_id)).cause
    clock.advance(timedelta(days=31))
    assert await captures.forget() == 2
    assert (await captures.list())[0] == []
    assert list((tmp_path / "captures").iterdir()) == []


async def test_there_is_room_for_so_much_and_no_more(house: NetworkHouse, tmp_path: Path) -> None:
    captures = room(house, tmp_path, CapturesRole(max_mb=1, total_mb=2, free_mb=0))
    new = NewCapture(name="a", size_bytes=1024 * 1024)
    first = await captures.begin(new, actor=ACTOR)
    await captures.begin(new, actor=ACTOR)
    with pytest.raises(NoRoomForCapture):
        await captures.begin(new, actor=ACTOR)
    await captures.delete(first.capture_id, actor=ACTOR)
    await captures.begin(new, actor=ACTOR)
    full = room(house, tmp_path, CapturesRole(free_mb=1_048_576 * 1_024))
    with pytest.raises(NoRoomForCapture):
        await full.begin(replace(new, size_bytes=100), actor=ACTOR)
    small = room(house, tmp_path)
    for _ in range(3):
        await small.begin(replace(new, size_bytes=100), actor=ACTOR)
    with pytest.raises(TooManyCaptures):
        await small.begin(replace(new, size_bytes=100), actor=ACTOR)
    acts = {"network.upload_capture", "network.delete_capture"}
    assert acts <= {each.action for each in await house.ledger.entries(house.organization_id)}


async def test_a_report_tells_what_imported_advisories_say_and_alerts_keep_their_evidence(
    house: NetworkHouse, tmp_path: Path
) -> None:
    captures = room(house, tmp_path)
    advisories = AdvisoryService(house.store, house.ledger, clock=house.clock)
    await advisories.import_advisories(house.organization_id, zipped(("a.json", encoded(document()))), actor=ACTOR)
    content = hall_capture(ends_at_s=house.clock.now().timestamp())
    found = await upload(captures, content, site="hall", is_taken_in=True)
    async with running(captures):
        done = await ended(captures, found.capture_id)
    assert (done.state, done.cause) == (CaptureState.DONE, "")
    with await captures.open_report(done.capture_id) as file:
        report = json.load(file)
    assert {each["address"] for each in report["vulnerabilities"]} == {TERN}
    assert report["vulnerabilities_matched"]["has_advisories"]
    assert done.summary["counts"]["vulnerabilities"] == len(report["vulnerabilities"])
    stops = [each for each in house.alerts if each.technique == "T0858"]
    assert [(each.source, each.target) for each in stops] == [(ENGINEER, STOPPED)]
    assert stops[0].evidence.startswith(bytes.fromhex("0a0d0d0a"))
    assert {each["technique"] for each in report["alerts"]} >= {"T0858", "T0883"}
