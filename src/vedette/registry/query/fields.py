"""The fields of devices and modules that a query may name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, get_args

from vedette.registry.model import PURDUE_LEVELS, IdentityClass
from vedette.registry.query.errors import InvalidQuery
from vedette.registry.query.suggest import nearest
from vedette.registry.query.tree import Path, SourceName
from vedette.trust import FailureMode, Lifecycle


class Kind(StrEnum):
    """What a field holds; an *object* has members that nobody declared."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    LIST = "list"
    OBJECT = "object"


class Part(StrEnum):
    """Where a field is kept: what has to be read to know it."""

    IDENTITY = "identity"
    TWIN = "twin"
    PRESENCE = "presence"
    GROUPS = "groups"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an identity.

    Attributes:
        path: The names that lead to it.
        is_stable: Whether it changes only by acts that group membership follows.
        words: What it can be, if that is a fixed set.
    """

    path: tuple[str, ...]
    kind: Kind
    part: Part
    summary: str
    is_stable: bool = True
    words: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The dotted path."""
        return ".".join(self.path)


def _field(
    name: str,
    kind: Kind,
    summary: str,
    part: Part = Part.IDENTITY,
    *,
    is_stable: bool = True,
    words: tuple[str, ...] = (),
) -> tuple[tuple[str, ...], Field]:
    path = tuple(name.split("."))
    return path, Field(path, kind, part, summary, is_stable, words)


_COMMON: Final = (
    _field("deviceId", Kind.TEXT, "the device's name"),
    _field("generationId", Kind.TEXT, "the immutable id"),
    _field("etag", Kind.TEXT, "what If-Match compares when the twin is changed", Part.TWIN, is_stable=False),
    _field("deviceEtag", Kind.TEXT, "what If-Match compares when the registration is changed", is_stable=False),
    _field("version", Kind.NUMBER, "grows with each change", Part.TWIN, is_stable=False),
    _field("status", Kind.TEXT, "whether it may take part", words=("enabled", "disabled")),
    _field(
        "connectionState",
        Kind.TEXT,
        "whether it is connected now",
        Part.PRESENCE,
        is_stable=False,
        words=("Connected", "Disconnected"),
    ),
    _field("lastActivityTime", Kind.TIME, "when it last connected or left", Part.PRESENCE, is_stable=False),
    _field("gateway", Kind.TEXT, "where it is or was connected", Part.PRESENCE, is_stable=False),
    _field(
        "authenticationType",
        Kind.TEXT,
        "how it proves who it is",
        words=("certificateAuthority", "selfSigned", "sas"),
    ),
    _field("x509Thumbprint.primaryThumbprint", Kind.TEXT, "of the pinned certificate, or null"),
    _field("x509Thumbprint.secondaryThumbprint", Kind.TEXT, "of the second pinned certificate, or null"),
    _field("tags", Kind.OBJECT, "what operators hung on it"),
    _field("properties.desired", Kind.OBJECT, "what it should be", Part.TWIN),
    _field("properties.reported", Kind.OBJECT, "what it says it is", Part.TWIN),
    _field("createdTime", Kind.TIME, "when it was created"),
    _field("updatedTime", Kind.TIME, "when its registration last changed", is_stable=False),
)
_DEVICE: Final = (
    *_COMMON,
    _field("statusReason", Kind.TEXT, "why it has that status"),
    _field("statusUpdateTime", Kind.TIME, "when the status last changed"),
    _field("modelId", Kind.TEXT, "always empty"),
    _field("capabilities.iotEdge", Kind.BOOLEAN, "always false"),
    _field("configurations", Kind.OBJECT, "always empty"),
    _field("lifecycle", Kind.TEXT, "where in its life it is", words=tuple(each.value for each in Lifecycle)),
    _field("isBlocked", Kind.BOOLEAN, "whether an access list shuts it out"),
    _field("site", Kind.TEXT, "where it is, or null"),
    _field("zone", Kind.TEXT, "its network zone, or null"),
    _field("purdueLevel", Kind.TEXT, "its level in the plant, or null", words=PURDUE_LEVELS),
    _field("deviceClass", Kind.TEXT, "what kind of device policies take it for"),
    _field("identityClass", Kind.TEXT, "what kind of thing it is", words=get_args(IdentityClass)),
    _field(
        "failureMode",
        Kind.TEXT,
        "what happens to its session when its posture is stale",
        words=tuple(each.value for each in FailureMode),
    ),
    _field("enrollmentId", Kind.TEXT, "of the enrollment it came by, or null"),
    _field("authorityId", Kind.TEXT, "of the authority that vouched for it, or null"),
    _field("groups", Kind.LIST, "the names of its groups", Part.GROUPS, is_stable=False),
)
_MODULE: Final = (
    *_COMMON,
    _field("moduleId", Kind.TEXT, "the module's name"),
    _field("managedBy", Kind.TEXT, "who looks after it"),
)

FIELDS: Final[Mapping[SourceName, Mapping[tuple[str, ...], Field]]] = MappingProxyType(
    {"devices": MappingProxyType(dict(_DEVICE)), "devices.modules": MappingProxyType(dict(_MODULE))}
)


def field_of(path: Path, source: SourceName) -> Field | None:
    """Return the field a path leads to or into; ``None`` for an object above several fields, such as ``properties``.

    Raises:
        InvalidQuery: There is no such field, or it has no members.
    """
    known = FIELDS[source]
    steps = path.steps
    for length in range(1, min(len(steps), 2) + 1):
        found = known.get(steps[:length])  # type: ignore[arg-type] # an index is never a key
        if found is None:
            continue
        if len(steps) > length and found.kind not in {Kind.OBJECT, Kind.LIST}:
            raise InvalidQuery(f"{found.name} has no members: it is a {found.kind}", position=path.position)
        return found
    if len(steps) == 1 and any(each[0] == steps[0] for each in known):
        return None
    raise InvalidQuery(
        f"{source} have no field {str(path)[:80]!r}", position=path.position, hint=_hint(path, known.values())
    )


def _hint(path: Path, fields: Iterable[Field]) -> str:
    names = [field.name for field in fields]
    found = nearest(".".join(map(str, path.steps[:2])), names) or nearest(path.root, names)
    if found is None:
        inner = {name.rpartition(".")[2]: name for name in names if "." in name}
        found = inner.get(nearest(path.root, inner) or "")
    if found is None:
        return f"tags are asked for as tags.{path.root[:40]}; the fields are {', '.join(names)}"
    return f"did you mean {found}?"
