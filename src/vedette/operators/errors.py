"""What the operators' room refuses."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class LoginFailed(Problem):
    """A link, a passkey or a recovery code is not valid, or not any more."""

    code: ClassVar[str] = "operators.login_failed"
    status: ClassVar[int] = 401


class PersonDisabled(Problem):
    """The person may not log in until somebody enables them."""

    code: ClassVar[str] = "operators.person_disabled"
    status: ClassVar[int] = 403


class PasskeySuspected(Problem):
    """A passkey's counter went back: somebody may hold a copy."""

    code: ClassVar[str] = "operators.passkey_suspected"
    status: ClassVar[int] = 403


class PasskeysImpossible(Problem):
    """Browsers use no passkey at the address under which the page was opened."""

    code: ClassVar[str] = "operators.passkeys_impossible"
    status: ClassVar[int] = 409


class InvalidPasskey(Problem):
    """What a browser sent of a new passkey breaks a rule."""

    code: ClassVar[str] = "operators.invalid_passkey"
    status: ClassVar[int] = 422


class PasskeyExists(Problem):
    """The passkey is registered already."""

    code: ClassVar[str] = "operators.passkey_exists"
    status: ClassVar[int] = 409


class InvalidName(Problem):
    """A text is no name of a person or a passkey."""

    code: ClassVar[str] = "operators.invalid_name"
    status: ClassVar[int] = 422


class PersonExists(Problem):
    """Somebody has this name already."""

    code: ClassVar[str] = "operators.person_exists"
    status: ClassVar[int] = 409


class TooMany(Problem):
    """A limit on people or passkeys is reached."""

    code: ClassVar[str] = "operators.too_many"
    status: ClassVar[int] = 409


class RevisionMismatch(Problem):
    """The person has changed since the revision that the caller knows."""

    code: ClassVar[str] = "operators.revision_mismatch"
    status: ClassVar[int] = 412


class PersonNotFound(Problem):
    """There is no such person."""

    code: ClassVar[str] = "operators.person_not_found"
    status: ClassVar[int] = 404


class PasskeyNotFound(Problem):
    """There is no such passkey."""

    code: ClassVar[str] = "operators.passkey_not_found"
    status: ClassVar[int] = 404


class SessionNotFound(Problem):
    """There is no such session, or it has ended."""

    code: ClassVar[str] = "operators.session_not_found"
    status: ClassVar[int] = 404


class PersonNeeded(Problem):
    """Only a person can do this, not a token nor a link's session."""

    code: ClassVar[str] = "operators.person_needed"
    status: ClassVar[int] = 403


class InvalidServicePolicy(Problem):
    """A name, the rights or the lifetime of a service policy are outside their limits."""

    code: ClassVar[str] = "operators.invalid_service_policy"
    status: ClassVar[int] = 422


class ServicePolicyExists(Problem):
    """There is a service policy of that name already."""

    code: ClassVar[str] = "operators.service_policy_exists"
    status: ClassVar[int] = 409


class ServicePolicyNotFound(Problem):
    """There is no service policy of that name."""

    code: ClassVar[str] = "operators.service_policy_not_found"
    status: ClassVar[int] = 404


class ServiceTokenRefused(Problem):
    """The token of a program is forged or malformed, is over, or is for another host."""

    code: ClassVar[str] = "operators.service_token_refused"
    status: ClassVar[int] = 401


class ServiceKeyEnded(Problem):
    """The key of a service policy has come to its end."""

    code: ClassVar[str] = "operators.service_key_ended"
    status: ClassVar[int] = 401


class InvalidServiceToken(Problem):
    """Roles, scopes, networks or lifetime of a service token are outside their limits."""

    code: ClassVar[str] = "operators.invalid_service_token"
    status: ClassVar[int] = 422


class ServiceTokenExists(Problem):
    """There is a service token of that name already."""

    code: ClassVar[str] = "operators.service_token_exists"
    status: ClassVar[int] = 409


class ServiceTokenNotFound(Problem):
    """There is no such service token."""

    code: ClassVar[str] = "operators.service_token_not_found"
    status: ClassVar[int] = 404


class TokenRefused(Problem):
    """A service token opens nothing here: it has ended, or comes from an address it may not come from."""

    code: ClassVar[str] = "operators.token_refused"
    status: ClassVar[int] = 401


class DeviceAuthorizationNotFound(Problem):
    """No command line waits with this code, or not any more."""

    code: ClassVar[str] = "operators.device_authorization_not_found"
    status: ClassVar[int] = 404


class TooManyWaiting(Problem):
    """Too many command lines wait for somebody to approve them."""

    code: ClassVar[str] = "operators.too_many_waiting"
    status: ClassVar[int] = 429


class TotpOff(Problem):
    """Time-based codes are not switched on here."""

    code: ClassVar[str] = "operators.totp_off"
    status: ClassVar[int] = 409


class TotpNotFound(Problem):
    """The person has no authenticator app here."""

    code: ClassVar[str] = "operators.totp_not_found"
    status: ClassVar[int] = 404


class TotpHeld(Problem):
    """Too many wrong codes: none is taken for a while."""

    code: ClassVar[str] = "operators.totp_held"
    status: ClassVar[int] = 429


class OidcOff(Problem):
    """No identity provider is configured."""

    code: ClassVar[str] = "operators.oidc_off"
    status: ClassVar[int] = 409


class OidcUnavailable(Problem):
    """The identity provider does not answer, or not as the standard says."""

    code: ClassVar[str] = "operators.oidc_unavailable"
    status: ClassVar[int] = 502


class OidcRefused(Problem):
    """What came from the identity provider is not accepted."""

    code: ClassVar[str] = "operators.oidc_refused"
    status: ClassVar[int] = 401


class OidcPersonUnknown(Problem):
    """The provider knows somebody who is nobody here."""

    code: ClassVar[str] = "operators.oidc_person_unknown"
    status: ClassVar[int] = 403


class ExternalIdentityNotFound(Problem):
    """There is no such identity at a provider."""

    code: ClassVar[str] = "operators.external_identity_not_found"
    status: ClassVar[int] = 404
