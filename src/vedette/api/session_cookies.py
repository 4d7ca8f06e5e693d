"""The cookies of the door: a session, and what binds a challenge to a browser before there is one."""

from __future__ import annotations

from datetime import timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response

from vedette.operators import CHALLENGE_LIFETIME, NewSession

_HEADER_MAX_CHARS: Final = 4096


class SessionCookies:
    """Gives cookies to browsers, and reads them.

    They are for this host alone, sent by our own pages alone, and read by no script.

    Args:
        is_tls: Whether they go over TLS only.
    """

    def __init__(self, *, is_tls: bool) -> None:
        self.is_tls = is_tls
        prefix = "__Host-" if is_tls else ""
        self.session_name = f"{prefix}vedette"
        self.login_name = f"{prefix}vedette-login"
        self.oidc_name = f"{prefix}vedette-oidc"

    def session_in(self, headers: Headers) -> str:
        """Return the session's token that a browser sent, empty if none."""
        return self._read(headers, self.session_name)

    def login_in(self, headers: Headers) -> str:
        """Return what a browser was given to keep while it logs in, empty if nothing."""
        return self._read(headers, self.login_name)

    def give_session(self, response: Response, begun: NewSession) -> None:
        """Have the browser keep a session that has begun."""
        session = begun.session
        self._give(response, self.session_name, begun.token, lasts=session.expires_at - session.created_at)

    def give_login(self, response: Response, token: str) -> None:
        """Have the browser keep what binds it to a challenge."""
        self._give(response, self.login_name, token, lasts=CHALLENGE_LIFETIME)

    def oidc_in(self, headers: Headers) -> str:
        """Return what a browser was given to keep while it is at the identity provider, empty if nothing."""
        return self._read(headers, self.oidc_name)

    def give_oidc(self, response: Response, token: str) -> None:
        """Have the browser keep what binds it to its way to the provider and back.

        It comes back by a link of the provider's, along which browsers send no strict cookie.
        """
        self._give(response, self.oidc_name, token, lasts=CHALLENGE_LIFETIME, is_strict=False)

    def take_oidc(self, response: Response) -> None:
        """Have the browser forget it."""
        self._take(response, self.oidc_name)

    def take_login(self, response: Response) -> None:
        """Have the browser forget what bound it to a challenge."""
        self._take(response, self.login_name)

    def take_session(self, response: Response) -> None:
        """Have the browser forget its session."""
        self._take(response, self.session_name)

    def _read(self, headers: Headers, name: str) -> str:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(headers.get("cookie", "")[:_HEADER_MAX_CHARS])
        except CookieError:
            return ""
        return jar[name].value if name in jar else ""

    def _give(self, response: Response, name: str, value: str, *, lasts: timedelta, is_strict: bool = True) -> None:
        response.set_cookie(
            name,
            value,
            max_age=int(lasts.total_seconds()),
            path="/",
            httponly=True,
            samesite="strict" if is_strict else "lax",
            secure=self.is_tls,
        )

    def _take(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", httponly=True, samesite="strict", secure=self.is_tls)
