"""Shared access signatures against the keys of an owner: what a token proves, or why it proves nothing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

import msgspec

from vedette.protocols import RemoteProtocolError
from vedette.protocols.hub import SasToken, SasVerdict, normalize_host, parse_sas_token, verify_sas_token
from vedette.trust import Reason, TokenProof

_SKEW_S: Final = 300
# A token may name a time that no calendar holds.
_LATEST_S: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
# What some SDKs put beside the scope of a registration, where it means nothing.
_REGISTRATION_POLICY: Final = "registration"


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key with its value, opened."""

    key_id: str
    value: bytes = field(repr=False)


def prove_identity(
    password: bytes,
    keys: Sequence[HeldKey],
    *,
    hostnames: Sequence[str],
    device_id: str,
    module_id: str | None,
    now: datetime,
) -> TokenProof | Reason:
    """Judge the token of a device or module: ``{host}/devices/{d}`` or ``{host}/devices/{d}/modules/{m}``.

    Args:
        password: As received.
        keys: The owner's; every one is tried.
        hostnames: The names of this hub, at least one; compared without case and port.
        device_id: The name that was asked for; compared with case.
        module_id: The same.
        now: Aware UTC.
    """
    token = _parse(password)
    # A hub's policy may act for a device; a device's own key may not act for a policy.
    if token is None or token.policy_name:
        return Reason.TOKEN_INVALID
    claimed = normalize_host(_segments(token)[0])
    host = next((name for name in hostnames if normalize_host(name) == claimed), hostnames[0])
    scope = [host, "devices", device_id]
    if module_id is not None:
        scope += ["modules", module_id]
    return _judge(token, keys, scope, now)


def prove_registration(
    password: bytes, keys: Sequence[HeldKey], *, id_scope: str, registration_id: str, now: datetime
) -> TokenProof | Reason:
    """Judge the token of a registration: ``{idScope}/registrations/{registrationId}``, ids without case.

    Args:
        password: As received.
        keys: Every one is tried.
        id_scope: Ours.
        registration_id: The name that was asked for.
        now: Aware UTC.
    """
    token = _parse(password)
    if token is None or token.policy_name not in {"", _REGISTRATION_POLICY}:
        return Reason.TOKEN_INVALID
    named = named_registration(password, registration_id)
    bare = msgspec.structs.replace(token, policy_name="")
    return _judge(bare, keys, [id_scope, "registrations", named], now)


def named_registration(password: bytes, registration_id: str) -> str:
    """Return a registration id in the spelling of the token, which a derived key depends on, if it is the same id."""
    token = _parse(password)
    if token is not None:
        *_, last = _segments(token)
        if last.lower() == registration_id.lower():
            return last
    return registration_id


def _parse(password: bytes) -> SasToken | None:
    try:
        return parse_sas_token(password.decode("utf-8"))
    except (UnicodeDecodeError, RemoteProtocolError):
        return None


def _segments(token: SasToken) -> list[str]:
    return unquote(token.resource).split("/")


def _judge(token: SasToken, keys: Sequence[HeldKey], scope: Sequence[str], now: datetime) -> TokenProof | Reason:
    now_s = now.timestamp()
    # One by one, to know which: each is tried whatever the others say, so that time tells nothing.
    verdicts = [
        (verify_sas_token(token, keys=(key.value,), scope=scope, now_s=now_s, skew_s=_SKEW_S), key) for key in keys
    ]
    verdict, key = next((each for each in verdicts if each[0] is not SasVerdict.WRONG_SIGNATURE), (None, None))
    if verdict is SasVerdict.EXPIRED:
        return Reason.TOKEN_EXPIRED
    if verdict is SasVerdict.WRONG_SCOPE:
        return Reason.TOKEN_WRONG_SCOPE
    if verdict is not SasVerdict.VALID or key is None:
        return Reason.TOKEN_INVALID
    end_s = min(token.expires_at_s, _LATEST_S)
    # One that is over already was let in for a clock that lags; it lives no longer than such a clock may lag.
    end_s = end_s if end_s > now_s else end_s + _SKEW_S
    return TokenProof(key_id=key.key_id, expires_at=datetime.fromtimestamp(end_s, UTC))
