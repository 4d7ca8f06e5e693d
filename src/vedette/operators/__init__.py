"""People who operate the platform: their passkeys, their sessions, and the one-time links that let the first one in.

Terms: a *person* is somebody who may operate; a *passkey* a key pair that their authenticator keeps; a *session* a
browser that is logged in; a *one-time link* what the host's administrator hands over to let somebody in; *recovery
codes* what a person keeps on paper.

Invariants: no password exists. Of every secret only its digest is stored. A link, a recovery code, a challenge each
work once. A login ends the session that the browser had before. Who is disabled or deleted has no session. Logins,
logouts and every change of a person or passkey are in the ledger, in the same transaction.
"""

from __future__ import annotations

from vedette.operators.ceremonies import Ceremonies, RelyingParty, is_address, relying_party
from vedette.operators.challenges import CHALLENGE_LIFETIME, Challenges
from vedette.operators.errors import (
    InvalidName,
    InvalidPasskey,
    LoginFailed,
    PasskeyExists,
    PasskeyNotFound,
    PasskeysImpossible,
    PasskeySuspected,
    PersonDisabled,
    PersonExists,
    PersonNeeded,
    PersonNotFound,
    RevisionMismatch,
    SessionNotFound,
    TooMany,
)
from vedette.operators.events import (
    LoginLinkMade,
    PasskeyAdded,
    PasskeyRemoved,
    PersonAdded,
    PersonChanged,
    RecoveryCodesMade,
    SessionBegun,
    SessionEnded,
)
from vedette.operators.logins import Logins
from vedette.operators.model import (
    NAME_MAX_CHARS,
    TOKEN_MAX_CHARS,
    Client,
    LinkId,
    NewLink,
    NewSession,
    Passkey,
    PasskeyId,
    Person,
    PersonId,
    PersonSummary,
    Session,
    SessionId,
    SessionKind,
    SessionSettings,
    client_of,
    digest_of,
)
from vedette.operators.passkey_service import PasskeyService, Registration
from vedette.operators.people_service import PeopleService
from vedette.operators.service import SessionService

__all__ = [
    "CHALLENGE_LIFETIME",
    "NAME_MAX_CHARS",
    "TOKEN_MAX_CHARS",
    "Ceremonies",
    "Challenges",
    "Client",
    "InvalidName",
    "InvalidPasskey",
    "LinkId",
    "LoginFailed",
    "LoginLinkMade",
    "Logins",
    "NewLink",
    "NewSession",
    "Passkey",
    "PasskeyAdded",
    "PasskeyExists",
    "PasskeyId",
    "PasskeyNotFound",
    "PasskeyRemoved",
    "PasskeyService",
    "PasskeySuspected",
    "PasskeysImpossible",
    "PeopleService",
    "Person",
    "PersonAdded",
    "PersonChanged",
    "PersonDisabled",
    "PersonExists",
    "PersonId",
    "PersonNeeded",
    "PersonNotFound",
    "PersonSummary",
    "RecoveryCodesMade",
    "Registration",
    "RelyingParty",
    "RevisionMismatch",
    "Session",
    "SessionBegun",
    "SessionEnded",
    "SessionId",
    "SessionKind",
    "SessionNotFound",
    "SessionService",
    "SessionSettings",
    "TooMany",
    "client_of",
    "digest_of",
    "is_address",
    "relying_party",
]
