"""What is told about roles and elevations."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class RoleChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A role was granted or withdrawn, or somebody elevated themselves or ended it: ``change`` says which."""

    name: ClassVar[str] = "operators.role_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    role: str
    change: str
    sites: list[str] = []
    groups: list[str] = []
