"""Time-based codes of an authenticator app, as pure rules.

Source:
    RFC 6238 (TOTP) on RFC 4226 §5.3 (HOTP); the app's address is the Key Uri Format that apps agree on.
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

SECRET_BYTES: Final = 20
STEP_S: Final = 30
DIGITS: Final = 6
# An app's clock may be one step off, to either side (RFC 6238 §5.2).
_WINDOW: Final = 1
FAILURES_MAX: Final = 5
HELD: Final = timedelta(minutes=15)
CODE_MAX_CHARS: Final = 16


def step_of(moment: datetime) -> int:
    """Return the number of the 30 seconds that a moment lies in."""
    return int(moment.timestamp()) // STEP_S


def code_at(secret: bytes, step: int) -> str:
    """Return the six digits of a step."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def parse_code(text: str) -> str | None:
    """Return a code as somebody typed it; None if it cannot be one."""
    if len(text) > CODE_MAX_CHARS:
        return None
    code = text.replace(" ", "").replace("-", "")
    return code if len(code) == DIGITS and code.isascii() and code.isdigit() else None


def matching_step(secret: bytes, code: str, *, now: datetime, after: int) -> int | None:
    """Return the step that a code belongs to, if it is one of now and none was taken that is as late.

    Args:
        secret: Of the app.
        code: Six digits.
        now: The time.
        after: Step of the last code that was taken: neither it nor an earlier one is good again.
    """
    current = step_of(now)
    found = None
    for step in range(max(0, current - _WINDOW), current + _WINDOW + 1):
        if hmac.compare_digest(code_at(secret, step), code) and step > after and found is None:
            found = step
    return found


def app_url(secret: bytes, *, issuer: str, name: str) -> str:
    """Return what an authenticator app reads from a QR code."""
    label = f"{quote(issuer, safe='')}:{quote(name, safe='')}"
    query = f"secret={secret_text(secret)}&issuer={quote(issuer, safe='')}&algorithm=SHA1&digits={DIGITS}"
    return f"otpauth://totp/{label}?{query}&period={STEP_S}"


def secret_text(secret: bytes) -> str:
    """Return a secret as people type it into an app."""
    return b32encode(secret).decode("ascii")
