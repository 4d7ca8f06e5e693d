"""What the operators' room tells: facts about people and their sessions, past tense."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class LoginLinkMade(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time link was made; ``generation_id`` is empty."""

    name: ClassVar[str] = "operators.login_link_made"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    link_id: str


class SessionBegun(msgspec.Struct, frozen=True, kw_only=True):
    """A browser logged in; ``generation_id`` is the person, empty for a link's session."""

    name: ClassVar[str] = "operators.session_begun"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    session_id: str
    kind: str
    address: str


class SessionEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A session was ended by somebody; those that only expire tell nothing."""

    name: ClassVar[str] = "operators.session_ended"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    session_id: str
    cause: str


class PersonAdded(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody registered a first passkey and became a person here; ``added_by`` is what let them in."""

    name: ClassVar[str] = "operators.person_added"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    person_name: str
    added_by: str = ""


class PersonChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A person was renamed, disabled, enabled or deleted: ``change`` says which."""

    name: ClassVar[str] = "operators.person_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    person_name: str
    change: str
    reason: str = ""


class PasskeyAdded(msgspec.Struct, frozen=True, kw_only=True):
    """A person registered a passkey."""

    name: ClassVar[str] = "operators.passkey_added"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    passkey_id: str


class PasskeyRemoved(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey opens nothing any more."""

    name: ClassVar[str] = "operators.passkey_removed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    passkey_id: str


class RecoveryCodesMade(msgspec.Struct, frozen=True, kw_only=True):
    """A person has new recovery codes; the former ones are void."""

    name: ClassVar[str] = "operators.recovery_codes_made"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str


class ServicePolicyChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A service policy was made or deleted, or a key of it read or replaced: ``change`` says which."""

    name: ClassVar[str] = "operators.service_policy_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    policy_id: str
    policy_name: str
    change: str


class ServiceTokenChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A service token was created or revoked: ``change`` says which."""

    name: ClassVar[str] = "operators.service_token_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str = ""
    token_id: str
    token_name: str
    change: str


class IdentityChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An identity at a provider was bound to a person, or taken from them: ``change`` says which."""

    name: ClassVar[str] = "operators.identity_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    external_id: str
    change: str


class TotpChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A person's authenticator app was added or removed: ``change`` says which."""

    name: ClassVar[str] = "operators.totp_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    change: str
