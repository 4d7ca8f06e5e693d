"""What the message and connect benchmarks measure, by server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Figures:
    """All that was measured, by server."""

    machine: str
    connect_ms: dict[str, list[float]] = field(default_factory=dict)
    message_us: dict[str, list[float]] = field(default_factory=dict)
    message_rate: dict[str, list[float]] = field(default_factory=dict)
    message_p50_ms: dict[str, list[float]] = field(default_factory=dict)
    message_p99_ms: dict[str, list[float]] = field(default_factory=dict)
    idle_kb: dict[str, list[float]] = field(default_factory=dict)
    other: dict[str, Any] = field(default_factory=dict)
    hub: dict[str, Any] = field(default_factory=dict)

    def add(self, table: str, server: str, value: float) -> None:
        getattr(self, table).setdefault(server, []).append(value)
