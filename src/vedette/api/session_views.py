"""People, passkeys and sessions as the API shows them: never a secret, nor what could be one."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vedette.api.places import Places
from vedette.api.schema import Timestamp, View
from vedette.operators import NAME_MAX_CHARS, Passkey, PersonSummary, Role, Session, SessionKind

_NAME = "1 to 64 visible characters; what people see, here and in the ledger."


class PasskeysHereView(View):
    """Whether browsers can use passkeys where this was asked."""

    is_possible: bool
    why_not: str = Field(description="Empty when they can.")
    hint: str = Field(description="What to do about it.")
    hostname: str = Field(description="The name that passkeys of this platform are bound to.")


class CurrentSessionView(View):
    """Who makes this request, and with what."""

    kind: Literal["token", "link", "passkey", "recovery", "oidc", "totp", "cli", "service-token"] = Field(
        description="What they logged in with; `token` is the host's own."
    )
    actor_id: str = Field(description="As it stands in the ledger.", examples=["per_06h0", "link:lnk_06h0"])
    name: str
    session_id: str | None = Field(description="Null for a token.")
    person_id: str | None = Field(description="Null for a token and for a one-time link.")
    expires_at: Timestamp | None = Field(description="Then the session ends, whatever happens.")
    idle_minutes: int = Field(description="It ends earlier when it is not used for so long.")
    may_let_in: bool = Field(description="Whether they may make one-time links and enable people.")
    passkeys: int = Field(description="How many the person has.")
    recovery_codes_left: int
    has_authenticator_app: bool = Field(description="Codes of an app log the person in too; see `POST /v1/totp`.")
    people_with_passkeys: int = Field(description="Below two, one lost machine locks everybody out.")
    needs_second_admin: bool = Field(description="Nag: fewer than two people can log in by passkey.")
    stepped_up_at: Timestamp | None = Field(description="When they last proved by two factors that they are there.")
    is_multi_factor: bool = Field(description="Two factors were shown.")
    is_phishable: bool = Field(description="What was shown could have been shown to somebody else's page as well.")
    acr: str = Field(description="What an identity provider said of the login; empty otherwise.")
    amr: list[str] = Field(description="Its methods, as the provider said.")
    passkeys_here: PasskeysHereView
    is_demo: bool


class SessionView(View):
    """A browser that is logged in."""

    session_id: str
    kind: SessionKind
    person_id: str | None = Field(description="Null for a one-time link, which has the rights of the first person.")
    name: str = Field(description="The person's, or `one-time link`.")
    actor_id: str
    created_at: Timestamp
    last_used_at: Timestamp = Field(description="Noted once a minute.")
    expires_at: Timestamp
    user_agent: str = Field(description="What the browser said it is, when it logged in.")
    address: str = Field(description="Where it logged in from; a proxy's, if there is one.")
    is_current: bool = Field(description="It is the one that asks.")


class PersonView(View):
    """Somebody who may operate the platform."""

    person_id: str
    name: str
    created_at: Timestamp
    is_disabled: bool
    last_login_at: Timestamp | None
    passkeys: int
    recovery_codes_left: int
    revision: int


class PersonPatch(View):
    """What can be changed of a person."""

    name: str = Field(min_length=1, max_length=NAME_MAX_CHARS, description=_NAME)


class PasskeyView(View):
    """A passkey; the private key never leaves its authenticator."""

    passkey_id: str
    person_id: str
    name: str
    is_synced: bool = Field(description="Its maker copies it to the person's other machines.")
    transports: list[str] = Field(description="How browsers reach it: `internal`, `usb`, `nfc`, `ble`, `hybrid`.")
    created_at: Timestamp
    last_used_at: Timestamp | None


class NewPasskey(View):
    """What a new passkey is for."""

    person_name: str = Field(
        default="",
        max_length=NAME_MAX_CHARS,
        description=f"Of the person that a one-time link lets in: {_NAME} Not needed when somebody is logged in.",
    )


class PasskeyOptionsView(View):
    """What a browser's `navigator.credentials` is asked."""

    options: dict[str, Any] = Field(
        description="In the standard's JSON form (WebAuthn Level 3 §5.1.8 or §5.1.9), binary members in base64url."
    )


class AuthenticatorAnswer(BaseModel):
    """What an authenticator said, in the standard's JSON form; members that are not used here are let pass."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    client_data: str = Field(alias="clientDataJSON", max_length=8192)


class NewPasskeyAnswer(AuthenticatorAnswer):
    """`AuthenticatorAttestationResponseJSON`."""

    attestation: str = Field(alias="attestationObject", max_length=65_536)
    transports: list[str] = Field(default_factory=list, max_length=16)


class LoginAnswer(AuthenticatorAnswer):
    """`AuthenticatorAssertionResponseJSON`."""

    authenticator_data: str = Field(alias="authenticatorData", max_length=8192)
    signature: str = Field(max_length=8192)
    user_handle: str | None = Field(default=None, alias="userHandle", max_length=128)


class _Credential(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(max_length=2048)
    raw_id: str = Field(alias="rawId", max_length=2048)
    type: Literal["public-key"]

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as the browser spelled it."""
        return self.model_dump(by_alias=True, mode="json")


class NewCredentialJson(_Credential):
    """`RegistrationResponseJSON`, what `navigator.credentials.create` returned (WebAuthn Level 3 §5.1)."""

    response: NewPasskeyAnswer


class LoginCredentialJson(_Credential):
    """`AuthenticationResponseJSON`, what `navigator.credentials.get` returned (WebAuthn Level 3 §5.1)."""

    response: LoginAnswer


class RegisterPasskey(View):
    """A passkey that a browser made."""

    credential: NewCredentialJson
    name: str = Field(min_length=1, max_length=NAME_MAX_CHARS, description=_NAME, examples=["laptop"])
    person_name: str = Field(default="", max_length=NAME_MAX_CHARS, description="As when the options were asked for.")


class RegisteredPasskeyView(View):
    """A passkey that was registered; the browser has a new session."""

    passkey: PasskeyView
    person_id: str
    recovery_codes: list[str] = Field(description="Shown once; empty if the person has some already.")


class RecoveryCodesView(View):
    """New recovery codes."""

    recovery_codes: list[str] = Field(description="Shown once; each works once.")


class PasskeyLogin(View):
    """An answer to `/login/passkey/options`."""

    credential: LoginCredentialJson


class RecoveryLogin(View):
    """A recovery code."""

    code: str = Field(min_length=1, max_length=64, description="Capitals and dashes do not matter.")


class NewLoginLink(View):
    """What whoever opens a one-time link may do."""

    role: Role = Field(default=Role.ADMIN, description="Counts in the link's session, and is granted with a passkey.")
    sites: Places = Field(default_factory=list, description="At these sites only; empty: everywhere.")
    groups: Places = Field(default_factory=list, description="For devices of these groups only; empty: of all.")


class LoginLink(View):
    """A link that logs a browser in, once."""

    url: str = Field(description="Good once; whoever opens it acts with the role that it gives.")
    expires_at: Timestamp


def show_session(session: Session, *, current: str | None) -> SessionView:
    """Return a session as it is shown."""
    actor = session.actor
    return SessionView(
        session_id=session.session_id,
        kind=session.kind,
        person_id=session.person_id,
        name=actor.name,
        actor_id=actor.id,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        expires_at=session.expires_at,
        user_agent=session.client.user_agent,
        address=session.client.address,
        is_current=session.session_id == current,
    )


def show_person(summary: PersonSummary) -> PersonView:
    """Return a person as they are shown."""
    person = summary.person
    return PersonView(
        person_id=person.person_id,
        name=person.name,
        created_at=person.created_at,
        is_disabled=person.is_disabled,
        last_login_at=person.last_login_at,
        passkeys=summary.passkeys,
        recovery_codes_left=summary.recovery_codes_left,
        revision=person.revision,
    )


def show_passkey(passkey: Passkey) -> PasskeyView:
    """Return a passkey as it is shown."""
    return PasskeyView(
        passkey_id=passkey.passkey_id,
        person_id=passkey.person_id,
        name=passkey.name,
        is_synced=passkey.is_synced,
        transports=list(passkey.transports),
        created_at=passkey.created_at,
        last_used_at=passkey.last_used_at,
    )
