"""What a group of devices is. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.registry.errors import InvalidGroup

GROUPS_MAX: Final = 200
DYNAMIC_MAX: Final = 100
NAME_MAX_CHARS: Final = 128
DESCRIPTION_MAX_CHARS: Final = 1024

_NAME: Final = re.compile(r"(?!grp_[0-9a-v]{26}$)[^\W_][\w .:/+-]{0,127}")


class GroupKind(StrEnum):
    """Whether members are named one by one, or are whatever meets a condition."""

    STATIC = "static"
    DYNAMIC = "dynamic"


class GroupState(StrEnum):
    """Whether every device has been looked at since the condition was set; an ending one is deleted already."""

    READY = "ready"
    COMPUTING = "computing"
    ENDING = "ending"


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """How many devices have been looked at, of how many there were."""

    examined: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGroup:
    """What is asked for when a group is created; a condition makes it dynamic."""

    name: str
    condition: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of devices; modules are in the groups of their devices and in none of their own.

    Attributes:
        condition: Who is a member of a dynamic group; empty for a static one.
        revision: Grows with each change of the group itself; what ``If-Match`` compares. Members do not count.
        feeds_policies: Whether policies see the group. They see none whose condition asks what devices report of
            themselves: no device may let itself into what a policy permits.
        progress: While every device is looked at because the condition is new; else ``None``.
        member_count: As of now.
    """

    organization_id: OrganizationId
    group_id: str
    name: str
    kind: GroupKind
    condition: str
    description: str
    created_at: datetime
    updated_at: datetime
    revision: int
    feeds_policies: bool = True
    progress: GroupProgress | None = None
    member_count: int = 0

    @property
    def etag(self) -> str:
        """The revision as an entity tag."""
        return f'"{self.revision}"'

    @property
    def state(self) -> GroupState:
        """Whether the members are all there."""
        return GroupState.READY if self.progress is None else GroupState.COMPUTING


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A device in a group."""

    generation_id: GenerationId
    device_id: DeviceId


def check_name(name: object) -> str:
    """Check a group's name.

    Raises:
        InvalidGroup: Not 1 to 128 letters, digits, spaces or ``_.:/+-`` that begin with a letter or digit, or it looks
            like a group's id.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.strip():
        raise InvalidGroup(
            f"a group's name has 1 to {NAME_MAX_CHARS} letters, digits, spaces or _ . : / + -",
            hint="begin with a letter or digit",
            limit=NAME_MAX_CHARS,
        )
    return name


def check_description(description: object) -> str:
    """Check a group's description.

    Raises:
        InvalidGroup: Not a text of at most 1024 printable characters.
    """
    is_text = isinstance(description, str) and len(description) <= DESCRIPTION_MAX_CHARS
    if not isinstance(description, str) or not is_text or not description.isprintable():
        raise InvalidGroup(
            f"a description is a text of at most {DESCRIPTION_MAX_CHARS} printable characters",
            limit=DESCRIPTION_MAX_CHARS,
        )
    return description
