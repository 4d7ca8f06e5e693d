from __future__ import annotations

import httpx
from running_platform import RunningPlatform


def test_the_status_tells_where_devices_and_programs_connect(api: httpx.Client, platform: RunningPlatform) -> None:
    status = api.get("/v1/status").json()
    ports = platform.ports
    assert status["ports"] == {"mqtt": ports["gateway"], "websocket": None, "service": ports["service"]}
    assert status["hostname"]
