"""The identity provider: what it publishes of itself, kept for a while, and the exchange of a code for its token.

Source:
    OpenID Connect Discovery 1.0 §4; RFC 7636 (PKCE); RFC 9207 (``iss`` of an authorization response).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar
from urllib.parse import urlencode

from vedette.kernel import Clock
from vedette.operators.errors import OidcRefused, OidcUnavailable
from vedette.operators.oidc_fetch import ProviderClient
from vedette.operators.oidc_model import IdentityClaims, LogoutClaims, OidcSettings
from vedette.operators.oidc_tokens import Expected, verify_id_token, verify_logout_token
from vedette.operators.signed_tokens import TokenUnreadableError, UnknownKeyError, VerificationKey, read_keys

T = TypeVar("T")

_KEPT_S: Final = 3_600.0
# Tokens with unknown keys are free to make: they cause at most one question in this time.
_ASKED_AGAIN_AFTER_S: Final = 30.0
# Whoever asks meanwhile hears at once that the provider does not answer.
_FAILED_FOR_S: Final = 5.0
# So long the keys of before are used while the provider does not answer.
_STALE_S: Final = 24 * 3_600.0
_ACCESS_TOKEN_MAX_CHARS: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What the provider says of itself, every address checked; optional ones are empty.

    Attributes:
        has_iss: It names itself in its answers to browsers.
        auth_methods: How clients prove themselves to it.
    """

    authorization: str
    token: str
    jwks: str
    userinfo: str
    end_session: str
    has_iss: bool
    auth_methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What the provider gave for a code."""

    claims: IdentityClaims
    id_token: str = field(repr=False)


class Provider:
    """One configured identity provider.

    Args:
        settings: Which, and how we are known to it.
        client: What fetches from it.
        clock: For what is kept, and for the times in tokens.
    """

    def __init__(self, settings: OidcSettings, client: ProviderClient, *, clock: Clock) -> None:
        self.settings = settings
        self._client = client
        self._clock = clock
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, tuple[VerificationKey, ...]] | None = None
        self._failed: tuple[float, OidcUnavailable] | None = None
        self._asked_keys_s = float("-inf")
        self._asking = asyncio.Lock()

    async def login_url(self, *, state: str, nonce: str, challenge: str, is_step_up: bool) -> str:
        """Return where a browser is sent to log in.

        Raises:
            OidcUnavailable: The provider does not say where.
        """
        settings = self.settings
        found = await self._find_metadata()
        query = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": settings.redirect_uri,
            "scope": " ".join(("openid", *settings.scopes)),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if settings.acr_values:
            query["acr_values"] = " ".join(settings.acr_values)
        # To ask for an age has the provider say when the person logged in there (OIDC Core §2, auth_time).
        query["max_age"] = "0" if is_step_up else str(int(settings.max_age.total_seconds()))
        if is_step_up:
            query["prompt"] = "login"
        return _with_query(found.authorization, query)

    async def logout_url(self, id_token: str) -> str:
        """Return where a browser is sent to log out of the provider too; empty if it has no such place."""
        found = await self._find_metadata()
        if not found.end_session:
            return ""
        query = {"client_id": self.settings.client_id, "post_logout_redirect_uri": self.settings.post_logout_uri}
        return _with_query(found.end_session, query | ({"id_token_hint": id_token} if id_token else {}))

    async def check_answer(self, issuer: str) -> None:
        """Check that an answer names this provider, if it names its sender.

        Raises:
            OidcRefused: It names another, or nobody although it should.
        """
        found = await self._find_metadata()
        if (issuer or found.has_iss) and issuer != self.settings.issuer:
            raise OidcRefused("the answer comes from another provider (iss)", hint="begin again")

    async def exchange(self, code: str, *, verifier: str, nonce: str) -> Exchanged:
        """Turn a code into verified claims.

        Raises:
            OidcUnavailable: The provider does not answer, or does not take the code.
            OidcRefused: Its token is not as it must be.
        """
        settings = self.settings
        found = await self._find_metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "code_verifier": verifier,
            "client_id": settings.client_id,
        }
        basic = None
        if settings.client_secret is not None:
            if "client_secret_basic" in found.auth_methods or "client_secret_post" not in found.auth_methods:
                basic = (_form_encoded(settings.client_id), _form_encoded(settings.client_secret))
            else:
                form["client_secret"] = settings.client_secret
        answer = await self._client.post(found.token, form, basic=basic)
        id_token = answer.get("id_token") if isinstance(answer, dict) else None
        access_token = answer.get("access_token", "") if isinstance(answer, dict) else ""
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise OidcRefused("the provider gave no id token")
        expected = self._expected(nonce=nonce, access_token=access_token)
        claims = await self._with_keys(lambda keys: verify_id_token(id_token, keys, expected))
        return Exchanged(await self._completed(claims, found, access_token), id_token)

    async def read_logout(self, token: str) -> LogoutClaims:
        """Verify a logout token that somebody posted.

        Raises:
            OidcUnavailable: The provider's keys cannot be read.
            OidcRefused: The token is not as it must be.
        """
        expected = self._expected()
        return await self._with_keys(lambda keys: verify_logout_token(token, keys, expected))

    async def close(self) -> None:
        """Close the connections to it."""
        await self._client.close()

    def _expected(self, *, nonce: str | None = None, access_token: str = "") -> Expected:
        return Expected(
            issuer=self.settings.issuer,
            client_id=self.settings.client_id,
            now=self._clock.now(),
            nonce=nonce,
            access_token=access_token,
        )

    async def _completed(self, claims: IdentityClaims, found: Metadata, access_token: str) -> IdentityClaims:
        """Ask for the groups where the provider does not put them into the token."""
        is_wanted = self.settings.group_roles and self.settings.groups_claim not in claims.claims
        if not is_wanted or not found.userinfo or not 0 < len(access_token) <= _ACCESS_TOKEN_MAX_CHARS:
            return claims
        told = await self._client.get(found.userinfo, bearer=access_token)
        if not isinstance(told, dict) or told.get("sub") != claims.subject:
            raise OidcRefused("the provider told of another person (userinfo)")
        return replace(claims, claims={**told, **claims.claims})

    async def _with_keys(self, verify: Callable[[tuple[VerificationKey, ...]], T]) -> T:
        """Verify with the keys that are known, and with those published since if the token names another."""
        try:
            return verify(await self._find_keys())
        except UnknownKeyError:
            pass
        try:
            return verify(await self._find_keys(is_fresh_needed=True))
        except UnknownKeyError:
            raise OidcRefused("the token is signed with a key that the provider does not publish") from None

    async def _find_metadata(self) -> Metadata:
        async with self._asking:
            now_s = self._clock.monotonic_s()
            if self._metadata is not None and now_s - self._metadata[0] < _KEPT_S:
                return self._metadata[1]
            if self._failed is not None and now_s - self._failed[0] < _FAILED_FOR_S:
                raise self._failed[1]
            try:
                self._metadata = await _or_stale(self._ask_metadata, self._metadata, now_s)
            except OidcUnavailable as problem:
                self._failed = (now_s, problem)
                raise
            return self._metadata[1]

    async def _ask_metadata(self) -> Metadata:
        issuer = self.settings.issuer
        document = await self._client.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        return read_metadata(document, self.settings)

    async def _find_keys(self, *, is_fresh_needed: bool = False) -> tuple[VerificationKey, ...]:
        found = await self._find_metadata()
        async with self._asking:
            now_s = self._clock.monotonic_s()
            age_s = float("inf") if self._keys is None else now_s - self._keys[0]
            may_ask = now_s - self._asked_keys_s >= _ASKED_AGAIN_AFTER_S
            if self._keys is not None and not (may_ask and (is_fresh_needed or age_s >= _KEPT_S)):
                return self._keys[1]
            self._asked_keys_s = now_s

            async def ask() -> tuple[VerificationKey, ...]:
                try:
                    return read_keys(await self._client.get(found.jwks))
                except TokenUnreadableError as error:
                    raise OidcRefused(f"the provider's keys cannot be used: {error}") from error

            self._keys = await _or_stale(ask, self._keys, now_s)
            return self._keys[1]


async def _or_stale(ask: Callable[[], Awaitable[T]], kept: tuple[float, T] | None, now_s: float) -> tuple[float, T]:
    """Ask; while the provider does not answer, what was known until yesterday holds, and grows older."""
    try:
        return now_s, await ask()
    except OidcUnavailable:
        if kept is None or now_s - kept[0] >= _STALE_S:
            raise
        return kept


def read_metadata(document: object, settings: OidcSettings) -> Metadata:
    """Check what a provider says of itself.

    Raises:
        OidcUnavailable: It calls itself something else, misses an address, or names one that is not its own.
    """
    if not isinstance(document, dict) or document.get("issuer") != settings.issuer:
        raise OidcUnavailable(
            "the provider calls itself something else than oidc.issuer",
            hint="copy the issuer from its /.well-known/openid-configuration, to the last slash",
        )

    def address(name: str, *, is_needed: bool = False) -> str:
        value = document.get(name)
        if value is None and not is_needed:
            return ""
        if not isinstance(value, str) or not settings.may_fetch(value):
            raise OidcUnavailable(
                f"{name} of the provider is not an https address of its own host",
                hint="if the host belongs to the provider, name it in oidc.alternative_hosts",
            )
        return value

    methods = document.get("token_endpoint_auth_methods_supported")
    known = methods if isinstance(methods, list) else ["client_secret_basic"]
    return Metadata(
        authorization=address("authorization_endpoint", is_needed=True),
        token=address("token_endpoint", is_needed=True),
        jwks=address("jwks_uri", is_needed=True),
        userinfo=address("userinfo_endpoint"),
        end_session=address("end_session_endpoint"),
        has_iss=document.get("authorization_response_iss_parameter_supported") is True,
        auth_methods=tuple(each for each in known if isinstance(each, str)),
    )


def _with_query(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def _form_encoded(text: str) -> str:
    """Encode a client's id or secret as RFC 6749 §2.3.1 wants it before it is put into the header."""
    return urlencode({"": text})[1:]
