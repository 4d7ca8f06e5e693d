"""What this room tells: facts about the health of identities, past tense."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class PostureChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Findings or risk level of an identity changed.

    Attributes:
        cause: The signal that did it, or ``expired``.
        added: Finding classes that are new.
        removed: Finding classes that are over.
    """

    name: ClassVar[str] = "health.posture_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    module_id: str | None
    risk_level: str
    previous_risk_level: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    cause: str
    source: str = ""
    signal_class: str = ""
