"""Sign-in through an identity provider and by codes: from the configuration to the services."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Final

from vedette.app.oidc_section import group_role
from vedette.app.roles import ApiRole, OidcRole
from vedette.kernel import Clock, IdSource, Problem
from vedette.ledger import Ledger
from vedette.operators import (
    DeviceFlowService,
    Logins,
    OidcService,
    OidcSettings,
    PeopleService,
    Provider,
    ProviderClient,
    ServiceTokenService,
    SignIn,
    TotpService,
)
from vedette.pki import SecretBox
from vedette.store import Store

CALLBACK: Final = "/login/oidc/callback"
_KEY: Final = b"vedette: single sign-on"
_SECRET_MAX_CHARS: Final = 4096


class BadClientSecret(Problem):
    """The secret that the identity provider knows us by cannot be read."""

    code: ClassVar[str] = "app.bad_client_secret"
    status: ClassVar[int] = 500


def build_sign_in(
    role: ApiRole,
    store: Store,
    ledger: Ledger,
    people: PeopleService,
    logins: Logins,
    *,
    secret: bytes,
    clock: Clock,
    ids: IdSource,
) -> SignIn:
    """Build every way in beside passkeys.

    Args:
        role: What is configured.
        store: Open.
        ledger: Of the platform.
        people: Knows them.
        logins: Begins sessions.
        secret: Shared by all processes of control.
        clock: Source of time.
        ids: Source of ids.

    Raises:
        BadClientSecret: The provider's secret cannot be read.
    """
    box = SecretBox(secret, ids=ids)
    oidc = None
    if role.oidc is not None:
        settings = oidc_settings(role.oidc, url=role.url, max_age=timedelta(hours=role.session_hours))
        oidc = OidcService(
            store,
            ledger,
            people,
            logins,
            provider=Provider(settings, ProviderClient(settings), clock=clock),
            box=box,
            key=hmac.digest(secret, _KEY, "sha256"),
            clock=clock,
            ids=ids,
        )
    return SignIn(
        service_tokens=ServiceTokenService(store, ledger, clock=clock, ids=ids),
        device_flow=DeviceFlowService(store, ledger, people, logins, clock=clock, ids=ids),
        totp=TotpService(store, ledger, people, logins, box=box, is_enabled=role.has_totp, clock=clock, ids=ids),
        oidc=oidc,
    )


def oidc_settings(role: OidcRole, *, url: str, max_age: timedelta) -> OidcSettings:
    """Return how people come in through the provider.

    Args:
        role: What is configured.
        url: Where browsers reach us.
        max_age: How long a login at the provider is good for one here.

    Raises:
        BadClientSecret: The secret cannot be read.
    """
    return OidcSettings(
        issuer=role.issuer,
        client_id=role.client_id,
        client_secret=_read_secret(role),
        redirect_uri=f"{url}{CALLBACK}",
        post_logout_uri=f"{url}/",
        label=role.label,
        scopes=role.scopes,
        acr_values=role.acr_values,
        groups_claim=role.groups_claim,
        group_roles=_by_group(role.group_roles),
        default_roles=frozenset(role.default_roles),
        creates_people=role.creates_people,
        mfa_acr=frozenset(role.mfa_acr),
        mfa_amr=frozenset(role.mfa_amr),
        alternative_hosts=frozenset(host.lower() for host in role.alternative_hosts),
        ca_file=role.ca_file,
        max_age=max_age,
    )


def _by_group(texts: Sequence[str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for text in texts:
        pair = group_role(text)
        if pair is not None:
            found[pair.group] = found.get(pair.group, frozenset()) | {pair.role}
    return found


def _read_secret(role: OidcRole) -> str | None:
    if role.client_secret_file is None:
        return None
    try:
        secret = role.client_secret_file.read_text(encoding="utf-8")[: _SECRET_MAX_CHARS + 1].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadClientSecret("oidc.client_secret_file cannot be read", hint="can Vedette read it?") from error
    if not 0 < len(secret) <= _SECRET_MAX_CHARS or not secret.isprintable():
        raise BadClientSecret("oidc.client_secret_file does not hold a secret", hint="it is one line of text")
    return secret
