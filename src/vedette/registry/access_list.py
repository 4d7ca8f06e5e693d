"""Allow and block lists as one rule: block wins; an allow list counts only once it has an entry. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from vedette.kernel import InvalidId, OrganizationId, parse_device_id, parse_generation_id
from vedette.registry.errors import InvalidAccessListEntry, InvalidThumbprint
from vedette.registry.model import parse_thumbprint

ENTRIES_MAX: Final = 10_000
PREFIX_MAX_CHARS: Final = 127


class AccessEffect(StrEnum):
    """Which list an entry stands on."""

    ALLOW = "allow"
    BLOCK = "block"


class AccessKind(StrEnum):
    """What an entry names: a device, devices whose id begins so, a certificate, an authority, an enrollment."""

    DEVICE_ID = "device_id"
    DEVICE_ID_PREFIX = "device_id_prefix"
    CERTIFICATE = "certificate"
    AUTHORITY = "authority"
    ENROLLMENT = "enrollment"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessListEntry:
    """One line of a list, with who put it there and why."""

    organization_id: OrganizationId
    entry_id: str
    effect: AccessEffect
    kind: AccessKind
    value: str
    reason: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSubject:
    """What the lists are asked about: a device, or one that would be.

    Attributes:
        certificates: Digests of every certificate it may present or presents.
        authorities: Ids of the authorities that vouch for it.
    """

    device_id: str
    certificates: frozenset[str] = frozenset()
    authorities: frozenset[str] = frozenset()
    enrollment_id: str | None = None


@dataclass(frozen=True, slots=True)
class AccessVerdict:
    """What the lists say; ``entry_id`` names the entry that blocks, if one does."""

    is_blocked: bool
    entry_id: str | None = None


_FREE: Final = AccessVerdict(is_blocked=False)


class AccessRules:
    """Both lists of an organization at one version, indexed; answers without touching every entry."""

    def __init__(self, version: str, entries: Iterable[AccessListEntry] = ()) -> None:
        self.version = version
        self._by_key: dict[tuple[AccessEffect, AccessKind], dict[str, str]] = {}
        self._prefix_lengths: set[int] = set()
        for entry in entries:
            self._by_key.setdefault((entry.effect, entry.kind), {})[entry.value] = entry.entry_id
            if entry.kind is AccessKind.DEVICE_ID_PREFIX:
                self._prefix_lengths.add(len(entry.value))
        self.enforces_allow = any(effect is AccessEffect.ALLOW for effect, _ in self._by_key)
        self.names_certificates = any(kind is AccessKind.CERTIFICATE for _, kind in self._by_key)

    def judge(self, subject: AccessSubject) -> AccessVerdict:
        """Say whether a subject is blocked, and by which entry."""
        if not self._by_key:
            return _FREE
        blocking = self._match(AccessEffect.BLOCK, subject)
        if blocking is not None:
            return AccessVerdict(is_blocked=True, entry_id=blocking)
        if self.enforces_allow and self._match(AccessEffect.ALLOW, subject) is None:
            return AccessVerdict(is_blocked=True)
        return _FREE

    def _match(self, effect: AccessEffect, subject: AccessSubject) -> str | None:
        names = {
            AccessKind.DEVICE_ID: (subject.device_id,),
            AccessKind.DEVICE_ID_PREFIX: tuple(
                subject.device_id[:length] for length in self._prefix_lengths if length <= len(subject.device_id)
            ),
            AccessKind.CERTIFICATE: subject.certificates,
            AccessKind.AUTHORITY: subject.authorities,
            AccessKind.ENROLLMENT: (subject.enrollment_id or "",),
        }
        for kind, values in names.items():
            entries = self._by_key.get((effect, kind))
            if entries is not None:
                for value in values:
                    if value in entries:
                        return entries[value]
        return None


def check_entry_value(kind: AccessKind, value: str) -> str:
    """Normalize what an entry names.

    Raises:
        InvalidAccessListEntry: It does not fit the kind.
    """
    try:
        if kind is AccessKind.DEVICE_ID:
            return parse_device_id(value)
        if kind is AccessKind.DEVICE_ID_PREFIX:
            return _parse_prefix(value)
        if kind is AccessKind.CERTIFICATE:
            return parse_thumbprint(value)
        return parse_generation_id(value)
    except (InvalidId, InvalidThumbprint) as error:
        raise InvalidAccessListEntry(f"{kind}: {error.detail}", hint=error.hint) from error


def _parse_prefix(value: str) -> str:
    prefix = value.removesuffix("*")
    if not 0 < len(prefix) <= PREFIX_MAX_CHARS:
        raise InvalidAccessListEntry(
            f"a prefix has 1 to {PREFIX_MAX_CHARS} characters", hint="give the beginning of the device ids: pump-*"
        )
    parse_device_id(f"{prefix}0")
    return prefix
