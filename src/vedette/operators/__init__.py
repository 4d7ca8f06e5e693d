"""People who operate the platform and the programs that do it for them: passkeys, sessions, links, service policies.

Terms: a *person* is somebody who may operate; a *passkey* a key pair that their authenticator keeps; a *session* a
browser that is logged in; a *one-time link* what the host's administrator hands over to let somebody in; *recovery
codes* what a person keeps on paper; a *service policy* the name and rights under which programs use the service API.

Invariants: no password exists. Of people's secrets only digests are stored. A link, a recovery code, a challenge each
work once. A login ends the session that the browser had before. Who is disabled or deleted has no session. Logins,
logouts and every change of a person or passkey are in the ledger, in the same transaction. Keys of service policies are
sealed, end by themselves, and every reading of one is in the ledger.
"""

from __future__ import annotations

from vedette.operators.ceremonies import Ceremonies, RelyingParty, is_address, relying_party
from vedette.operators.challenges import CHALLENGE_LIFETIME, Challenges
from vedette.operators.errors import (
    InvalidName,
    InvalidPasskey,
    InvalidServicePolicy,
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
    ServiceKeyEnded,
    ServicePolicyExists,
    ServicePolicyNotFound,
    ServiceTokenRefused,
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
    ServicePolicyChanged,
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
    Scopes,
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
from vedette.operators.service_policies import ServicePolicyService
from vedette.operators.service_policy import WELL_KNOWN, RevealedKey, ServiceKey, ServicePolicy, ServiceRight

__all__ = [
    "CHALLENGE_LIFETIME",
    "NAME_MAX_CHARS",
    "TOKEN_MAX_CHARS",
    "WELL_KNOWN",
    "Ceremonies",
    "Challenges",
    "Client",
    "InvalidName",
    "InvalidPasskey",
    "InvalidServicePolicy",
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
    "RevealedKey",
    "RevisionMismatch",
    "Scopes",
    "ServiceKey",
    "ServiceKeyEnded",
    "ServicePolicy",
    "ServicePolicyChanged",
    "ServicePolicyExists",
    "ServicePolicyNotFound",
    "ServicePolicyService",
    "ServiceRight",
    "ServiceTokenRefused",
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
