"""The two ceremonies of WebAuthn, registering a passkey and logging in with one, as pure as the library lets them be.

Source:
    W3C Web Authentication Level 3 §7.1 (registering), §7.2 (verifying an assertion).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, options_to_json_dict, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from vedette.operators.challenges import CHALLENGE_LIFETIME
from vedette.operators.errors import InvalidPasskey, LoginFailed, PasskeysImpossible
from vedette.operators.model import Passkey, PersonId

RELYING_PARTY: Final = "Vedette"
CREDENTIAL_ID_MAX_BYTES: Final = 1023
PUBLIC_KEY_MAX_BYTES: Final = 2048
_TIMEOUT_MS: Final = int(CHALLENGE_LIFETIME.total_seconds() * 1000)
_TRANSPORTS: Final = frozenset(each.value for each in AuthenticatorTransport)
# What the library and those below it raise for bytes that are not what they should be.
_UNACCEPTABLE: Final = (
    WebAuthnException,
    InvalidSignature,
    UnsupportedAlgorithm,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

Json = Mapping[str, Any]  # Any: what a browser sent


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Under which name browsers keep our passkeys, and from which pages they may be used.

    Attributes:
        hostname: The relying party's id: changing it makes every passkey useless.
        origins: Pages elsewhere are refused; the first is where people are sent.
    """

    hostname: str
    origins: tuple[str, ...]

    def check(self, host: str) -> None:
        """Check that browsers can use passkeys on a page that was opened under a host name.

        Raises:
            PasskeysImpossible: They cannot; says why.
        """
        if is_address(self.hostname):
            raise PasskeysImpossible(
                f"browsers have no passkeys for IP addresses, and this platform is called {self.hostname}",
                hint="give it a name: server.hostname in the configuration, and open its pages by that name",
            )
        if host != self.hostname and not host.endswith(f".{self.hostname}"):
            raise PasskeysImpossible(
                f"passkeys of this platform belong to {self.hostname}, and this page was opened as {host}",
                hint=f"open it as {self.origins[0]}",
            )


def relying_party(hostname: str, *, url: str, hostnames: Sequence[str], port: int) -> RelyingParty:
    """Return the relying party of a door.

    Args:
        hostname: Of the platform.
        url: Where the door tells people to reach it.
        hostnames: All names of the door; those of a reverse proxy are reached over TLS.
        port: Of the door.
    """
    names = [name for name in hostnames if name == hostname or name.endswith(f".{hostname}")]
    origins = [f"{scheme}://{name}{end}" for name in names for scheme, end in (("https", f":{port}"), ("https", ""))]
    if hostname == "localhost" or hostname.endswith(".localhost"):  # the only names that browsers trust without TLS
        origins = [f"http://{name}:{port}" for name in names] + origins
    own = [url] if url in origins else []
    return RelyingParty(hostname, tuple(dict.fromkeys([*own, *origins])) or (url,))


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address and no name."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """What an authenticator made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    is_synced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What a passkey said, verified: its counter, and whom it takes its holder for."""

    sign_count: int
    person_id: str


class Ceremonies:
    """Asks browsers for passkeys and verifies what they answer; knows no database and no clock."""

    def __init__(self, party: RelyingParty) -> None:
        self.party = party

    def ask_to_register(
        self, challenge: bytes, *, person_id: PersonId, name: str, existing: Sequence[Passkey]
    ) -> dict[str, Any]:  # Any: JSON
        """Return what ``navigator.credentials.create`` is given, in the standard's JSON form."""
        options = generate_registration_options(
            rp_id=self.party.hostname,
            rp_name=RELYING_PARTY,
            user_id=person_id.encode("ascii"),
            user_name=name,
            user_display_name=name,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[_described(each) for each in existing],
        )
        return options_to_json_dict(options)

    def ask_to_log_in(self, challenge: bytes) -> dict[str, Any]:  # Any: JSON
        """Return what ``navigator.credentials.get`` is given: any passkey of ours will do."""
        options = generate_authentication_options(
            rp_id=self.party.hostname,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def verify_registration(self, answer: Json, challenge: bytes) -> NewCredential:
        """Verify what a browser answered to ``ask_to_register``.

        Raises:
            InvalidPasskey: It is not acceptable.
        """
        try:
            verified = verify_registration_response(
                credential=dict(answer),
                expected_challenge=challenge,
                expected_rp_id=self.party.hostname,
                expected_origin=list(self.party.origins),
                require_user_verification=True,
            )
            told = answer["response"].get("transports") or ()
            transports = tuple(sorted({each for each in told if each in _TRANSPORTS}))
        except _UNACCEPTABLE as error:
            raise InvalidPasskey(
                f"the browser's answer cannot be taken: {_cause(error)}", hint="try again, or with another passkey"
            ) from error
        if len(verified.credential_id) > CREDENTIAL_ID_MAX_BYTES or (
            len(verified.credential_public_key) > PUBLIC_KEY_MAX_BYTES
        ):
            raise InvalidPasskey("the passkey's id or key is too long", limit=CREDENTIAL_ID_MAX_BYTES)
        return NewCredential(
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            transports=transports,
            is_synced=verified.credential_backed_up,
        )

    def verify_login(self, answer: Json, challenge: bytes, passkey: Passkey) -> Assertion:
        """Verify what a browser answered to ``ask_to_log_in``; the counter is for the caller to judge.

        Raises:
            LoginFailed: It is not acceptable.
        """
        try:
            verified = verify_authentication_response(
                credential=dict(answer),
                expected_challenge=challenge,
                expected_rp_id=self.party.hostname,
                expected_origin=list(self.party.origins),
                credential_public_key=passkey.public_key,
                # Judged by the caller: here it would be before the signature, and anybody could raise the alarm.
                credential_current_sign_count=0,
                require_user_verification=True,
            )
            # Passkeys are discoverable, and those say whose they are.
            person_id = base64url_to_bytes(answer["response"]["userHandle"]).decode("ascii")
        except _UNACCEPTABLE as error:
            raise LoginFailed(f"the passkey's answer is not valid: {_cause(error)}", hint="try again") from error
        return Assertion(sign_count=verified.new_sign_count, person_id=person_id)


def challenge_of(answer: Json) -> bytes:
    """Return the challenge that a browser says it answers; not verified yet. Empty if it names none."""
    try:
        return parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"])).challenge
    except _UNACCEPTABLE:
        return b""


def credential_id_of(answer: Json) -> bytes:
    """Return the credential that a browser says it used; empty if it names none."""
    try:
        return base64url_to_bytes(answer["rawId"])[: CREDENTIAL_ID_MAX_BYTES + 1]
    except _UNACCEPTABLE:
        return b""


def _described(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(each) for each in passkey.transports if each in _TRANSPORTS]
    return PublicKeyCredentialDescriptor(id=passkey.credential_id, transports=transports or None)


def _cause(error: Exception) -> str:
    """Say what the library found; never more than it says of what anybody may know."""
    return str(error)[:200] if isinstance(error, WebAuthnException) else "it is malformed"
