"""The section ``captures`` of the configuration: how large, how many, how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from vedette.app.options import Between


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturesConfiguration:
    """Captures that people upload, and what reading them may take.

    Attributes:
        max_mb: Largest file.
        total_mb: All files together: those on their way, those that wait, and those that somebody wanted kept.
        keep_days: How long reports, and files that somebody wanted kept, stay.
        memory_mb: Memory of the process that reads one.
        analysis_minutes: How long it may take.
        free_mb: No upload begins that would leave less than this of the disk.
    """

    max_mb: Annotated[int, Between(1, 65_536)] = 1_024
    total_mb: Annotated[int, Between(1, 1_048_576)] = 10_240
    keep_days: Annotated[int, Between(1, 365)] = 30
    memory_mb: Annotated[int, Between(256, 65_536)] = 1_024
    analysis_minutes: Annotated[int, Between(1, 1_440)] = 30
    free_mb: Annotated[int, Between(0, 1_048_576)] = 1_024
