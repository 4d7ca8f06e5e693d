"""Whether a request that carries a cookie comes from our own page: cookies are sent by browsers, whoever asks them to.

A page elsewhere, on another port of this host included, must neither change anything nor read. Browsers say where a
request comes from, in headers that no page can forge; whoever says nothing is refused. The header of our own besides
is one that no form can send and that no other page may.

Source:
    W3C Fetch Metadata Request Headers §2.4 (``Sec-Fetch-Site``); RFC 6454 §7 (``Origin``).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from vedette.api.errors import CrossSiteRequest

REQUESTED_WITH: Final = "vedette-console"
_HINT: Final = "changes by cookie come from the console's own pages; programs send a token"


def check_own_page(headers: Headers, *, is_tls: bool) -> None:
    """Check that a browser says a request comes from a page of ours.

    Raises:
        CrossSiteRequest: It comes from elsewhere, or nobody says where from.
    """
    if not _is_own_page(headers, is_tls=is_tls):
        raise CrossSiteRequest("this request does not come from a page of this server", hint=_HINT)


def check_own_script(headers: Headers, *, is_tls: bool) -> None:
    """Check that a request was made by a script of our own page.

    Raises:
        CrossSiteRequest: It was not.
    """
    check_own_page(headers, is_tls=is_tls)
    if headers.getlist("x-requested-with") != [REQUESTED_WITH]:
        raise CrossSiteRequest(f"the header X-Requested-With: {REQUESTED_WITH} is missing", hint=_HINT)


def check_reading(headers: Headers) -> None:
    """Check that a request which changes nothing does not come from another page; programs say nothing.

    Raises:
        CrossSiteRequest: It does.
    """
    if not set(headers.getlist("sec-fetch-site")) <= {"same-origin", "none"}:
        raise CrossSiteRequest("another page asks for this", hint=_HINT)


def _is_own_page(headers: Headers, *, is_tls: bool) -> bool:
    sites = headers.getlist("sec-fetch-site")
    if sites:
        return sites == ["same-origin"]
    origins = headers.getlist("origin")
    if len(origins) != 1:
        return False
    try:
        origin = urlsplit(origins[0])
    except ValueError:
        return False
    # Behind a proxy that ends TLS we speak plain HTTP to an https page.
    schemes = ("https",) if is_tls else ("http", "https")
    return origin.scheme in schemes and origin.netloc.lower() == headers.get("host", "").lower() != ""
