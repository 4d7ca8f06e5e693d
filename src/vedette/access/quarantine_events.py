"""What is told of quarantines: facts, past tense."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class DeviceQuarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A device was put into quarantine, or deeper into it.

    Attributes:
        asked_mode: What was asked for.
        narrowed_because: Why ``mode`` is less than that; empty: it is not.
        previous_mode: Empty: it was in no quarantine before.
    """

    name: ClassVar[str] = "access.device_quarantined"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    mode: str
    asked_mode: str
    narrowed_because: str
    reason: str
    source: str
    previous_mode: str = ""


class QuarantineEased(msgspec.Struct, frozen=True, kw_only=True):
    """A device came a step further on its way back."""

    name: ClassVar[str] = "access.quarantine_eased"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    mode: str
    previous_mode: str
    reason: str


class DeviceReleased(msgspec.Struct, frozen=True, kw_only=True):
    """A device's quarantine is over.

    Attributes:
        is_signed_off: It came the whole way back; ``False``: the quarantine was undone.
    """

    name: ClassVar[str] = "access.device_released"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    is_signed_off: bool
    reason: str
