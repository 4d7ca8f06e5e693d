"""Fuzz what strangers send as a security event token: mutated tokens, key sets and subjects are read or refused."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import msgspec

from vedette.access import SetRefused
from vedette.access.ssf_events import heard_event, name_in_subject
from vedette.access.ssf_tokens import read_key_set, verify_set
from vedette.operators import UnknownKeyError

_NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SEEDS = [
    b"eyJhbGciOiJSUzI1NiIsInR5cCI6InNlY2V2ZW50K2p3dCIsImtpZCI6ImsifQ.eyJpc3MiOiJ4In0.AAAA",
    b"eyJhbGciOiJub25lIn0.e30.",
    b'{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}',
    b'{"format":"complex","device":{"format":"iss_sub","iss":"https://a","sub":"pump-7"}}',
    b'{"https://schemas.openid.net/secevent/caep/event-type/risk-level-change":{"current_level":"HIGH"}}',
]


def fuzz_one(data: bytes) -> None:
    """Read bytes as each thing that they could be."""
    keys = read_key_set(msgspec.json.decode(SEEDS[2]))
    with contextlib.suppress(SetRefused, UnknownKeyError):
        verify_set(data.decode("latin-1"), keys, issuer="https://a", audience="https://b", now=_NOW)
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    name_in_subject(value)
    with contextlib.suppress(SetRefused):
        read_key_set(value)
    for kind, claims in value.items() if isinstance(value, dict) else ():
        if isinstance(claims, dict):
            heard_event(str(kind), claims)
