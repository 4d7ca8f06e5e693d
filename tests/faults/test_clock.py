"""Clocks lose a minute, are set back an hour, or run an hour ahead."""

from __future__ import annotations

from fault_drill import Drill
from faulty_platform import GATEWAY, FaultyPlatform

MINUTE_S = 60.0
HOUR_S = 3_600.0


def test_controls_clock_loses_a_minute(platform: FaultyPlatform, drill: Drill) -> None:
    noticed = platform.listen_for("an older head was passed over")

    def told() -> bool:
        return noticed() and platform.health().get("gateway-1 records") == "ok"

    drill.play("clock", "slow", platform.clock_off("control", -MINUTE_S), is_told=told)


def test_controls_clock_is_set_back(platform: FaultyPlatform, drill: Drill) -> None:
    def told() -> bool:
        health = platform.health()
        return (health.get("clock"), health.get("gateway-1 records")) == ("failed", "warning")

    drill.play("clock", "stale", platform.clock_off("control", -HOUR_S), is_told=told)


def test_a_gateways_clock_runs_ahead(platform: FaultyPlatform, drill: Drill) -> None:
    refused = platform.listen_for("head refused")

    def told() -> bool:
        return refused() and platform.health().get("gateway-1 records") == "warning"

    drill.play("clock", "lying", platform.clock_off(GATEWAY, HOUR_S), is_told=told)
