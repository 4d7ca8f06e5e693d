"""Hops: stamped once each, compared within one boot only, and bounded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vedette.access import HopLog, Hops
from vedette.access import hops as module
from vedette.bus.contract import Enforced
from vedette.health import SignalStamps
from vedette.kernel import DeviceId, GenerationId

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GENERATION = GenerationId("dev_" + "0" * 26)


def hops_of(sequence: int, generation_id: GenerationId = GENERATION) -> Hops:
    stamps = SignalStamps(cause="sig_1", observed_at=NOW, ingested_at=NOW, ingested_ns=1_000)
    return Hops(
        sequence=sequence,
        epoch=1,
        generation_id=generation_id,
        device_id=DeviceId("pump-7"),
        module_id=None,
        stamps=stamps,
        decided_at=NOW,
        decided_ns=2_000,
        sent_at=NOW,
        sent_ns=3_000,
    )


def enforced(sequence: int, at_ns: int, cut: int = 1, generation_id: str = GENERATION) -> Enforced:
    return Enforced(
        generation_id=generation_id, sequence=sequence, sessions_cut=cut, received_ns=4_000, enforced_ns=at_ns
    )


def test_the_slowest_gateway_of_this_boot_says_how_long_it_took() -> None:
    log = HopLog()
    log.add(hops_of(7))
    log.note("gateway-1", "boot-a", enforced(7, 5_000), NOW)
    log.note("gateway-2", "boot-a", enforced(7, 9_000), NOW)
    log.note("far-away", "boot-b", enforced(7, 900_000), NOW)
    found = log.latest_of(GENERATION)
    assert found is not None
    assert found.enforced_after_ns("boot-a") == 8_000
    assert found.enforced_after_ns("boot-c") is None
    assert list(found.enforced) == ["gateway-1", "gateway-2", "far-away"]


def test_what_a_gateway_says_twice_is_counted_together() -> None:
    log = HopLog()
    log.add(hops_of(7))
    log.note("gateway-1", "boot-a", enforced(7, 5_000, cut=1), NOW)
    log.note("gateway-1", "boot-a", enforced(7, 6_000, cut=2), NOW)
    found = log.get(7)
    assert found is not None
    hop = found.enforced["gateway-1"]
    assert (hop.sessions_cut, hop.received_ns, hop.enforced_ns) == (3, 4_000, 6_000)


def test_a_gateway_that_tells_of_another_identity_is_not_believed() -> None:
    log = HopLog()
    log.add(hops_of(7))
    log.note("gateway-1", "boot-a", enforced(7, 5_000, generation_id="dev_" + "1" * 26), NOW)
    log.note("gateway-1", "boot-a", enforced(8, 5_000), NOW)
    found = log.get(7)
    assert found is not None
    assert found.enforced == {}


def test_the_oldest_changes_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHANGES_MAX", 2)
    log = HopLog()
    for sequence in (1, 2, 3):
        log.add(hops_of(sequence, GenerationId(f"dev_{sequence}" + "0" * 25)))
    assert list(log.changes) == [2, 3]
    assert log.latest_of("dev_1" + "0" * 25) is None
