"""The floor under what is believed after a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from vedette.gateway.posture import HeadFloor
from vedette.kernel import OrganizationId
from vedette.simulation import ManualClock
from vedette.trust import EMPTY_ROOT, SCHEMA_VERSION, Head

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = Head(
    schema=SCHEMA_VERSION,
    organization_id=OrganizationId("org_1"),
    epoch=3,
    sequence=17,
    root_hash=EMPTY_ROOT,
    policy_hash="p",
    issued_at=NOW,
)


def test_the_floor_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "head"
    floor = HeadFloor(path, ManualClock(NOW))
    assert floor.read() is None
    floor.keep(None)
    floor.keep(HEAD)
    assert HeadFloor(path, ManualClock(NOW)).read() == HEAD
    assert [file.name for file in tmp_path.iterdir()] == ["head"]


def test_a_floor_written_under_a_wrong_clock_keeps_its_sequence_and_not_its_time(tmp_path: Path) -> None:
    path = tmp_path / "head"
    HeadFloor(path, ManualClock(NOW)).keep(msgspec.structs.replace(HEAD, issued_at=NOW + timedelta(days=365)))
    head = HeadFloor(path, ManualClock(NOW)).read()
    assert head is not None
    assert (head.epoch, head.sequence) == (3, 17)
    assert head.issued_at < NOW


def test_an_unreadable_floor_is_none(tmp_path: Path) -> None:
    path = tmp_path / "head"
    for content in (b"", b"\xff" * 10, b"x" * 1_000_000):
        path.write_bytes(content)
        assert HeadFloor(path, ManualClock(NOW)).read() is None
