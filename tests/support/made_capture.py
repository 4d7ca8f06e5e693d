"""A small capture, and how it is uploaded."""

from __future__ import annotations

from typing import Any

import httpx
import industrial
import packets as build

STATION, CONTROLLER = "10.44.0.5", "10.44.1.1"


def polls(times: int = 20) -> bytes:
    """Return a capture of a station that polls a controller."""
    talk = industrial.polls(client=STATION, server=CONTROLLER, times=times)
    return build.pcap([frame for _, frame in talk], step_ns=50_000_000)


def begin(api: httpx.Client, content: bytes, **more: object) -> dict[str, Any]:
    told = {"name": "hall.pcap", "size_bytes": len(content), **more}
    answer = api.post("/v1/captures", json=told)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def send(api: httpx.Client, capture_id: str, offset: int, part: bytes, kind: str = "application/octet-stream") -> Any:
    return api.put(
        f"/v1/captures/{capture_id}/content", params={"offset": offset}, content=part, headers={"Content-Type": kind}
    )
