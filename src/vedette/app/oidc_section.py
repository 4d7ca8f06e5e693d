"""The section ``oidc`` of the configuration: what fits together in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from vedette.app.configuration import OidcConfiguration

_ROLE: Final = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)


@dataclass(frozen=True, slots=True)
class GroupRole:
    """A role that a group at the provider stands for."""

    group: str
    role: str


def oidc_contradictions(oidc: OidcConfiguration) -> Iterator[tuple[str, str]]:
    """Yield what does not fit together in the section, as (option, message)."""
    if not oidc.issuer:
        if oidc.client_id:
            yield "oidc.client_id", "oidc.client_id is set, but no provider: set oidc.issuer"
        return
    if not oidc.client_id:
        yield "oidc.issuer", "oidc.issuer needs oidc.client_id: what the provider calls this platform"
    if not _is_private(oidc.issuer):
        yield "oidc.issuer", "oidc.issuer is not an https address: anybody on the way could log in as anybody"
    for text in oidc.group_roles:
        found = group_role(text)
        if found is None:
            yield "oidc.group_roles", f"{text[:80]!r} is not GROUP=ROLE, such as fleet-admins=admin"
        elif found.role not in _known_roles():
            yield "oidc.group_roles", f"{found.role!r} in {text[:80]!r} is no role: {', '.join(_known_roles())}"
    for role in oidc.default_roles:
        if role not in _known_roles():
            yield "oidc.default_roles", f"{role[:64]!r} is no role: {', '.join(_known_roles())}"
    if oidc.create_people and not (oidc.group_roles or oidc.default_roles):
        yield "oidc.create_people", "oidc.create_people needs oidc.group_roles or oidc.default_roles: nobody has a role"


def group_role(text: str) -> GroupRole | None:
    """Return what ``GROUP=ROLE`` says; None if it says nothing."""
    # A group's name may hold the sign itself: distinguished names of directories do.
    group, _, role = text.rpartition("=")
    return GroupRole(group.strip(), role.strip()) if group.strip() and _ROLE.fullmatch(role.strip()) else None


@cache
def _known_roles() -> tuple[str, ...]:
    from vedette.operators import Role  # noqa: PLC0415 - asked for by few configurations; the room costs 100 ms

    return tuple(Role)


def _is_private(issuer: str) -> bool:
    try:
        parts = urlsplit(issuer)
        host = parts.hostname or ""
    except ValueError:
        return False
    if not host or parts.query or parts.fragment or "@" in parts.netloc or not issuer.isprintable():
        return False
    is_loopback = host in {"localhost", "::1"} or host.startswith("127.")
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback)
