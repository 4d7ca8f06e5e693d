"""What is asked of an identity provider over HTTP: of the configured one and nobody else, within limits."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from vedette.operators.errors import OidcUnavailable
from vedette.operators.oidc_model import OidcSettings, origin_of

if TYPE_CHECKING:
    import httpx

DOCUMENT_MAX_BYTES: Final = 262_144
_WITHIN_S: Final = 10.0
_CONNECT_S: Final = 5.0
_SUCCESS: Final = 200


class ProviderClient:
    """Fetches JSON from the provider: no redirect, no proxy of the environment, no address that is not the provider's.

    Args:
        settings: Which provider.
    """

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._opened: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def get(self, url: str, *, bearer: str = "") -> object:
        """Return the JSON document at a URL.

        Raises:
            OidcUnavailable: The URL is not the provider's, or does not answer with JSON of at most 256 KiB in time.
        """
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return await self._send("GET", url, headers=headers)

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> object:
        """Send a form and return the JSON that answers it.

        Raises:
            OidcUnavailable: As ``get``.
        """
        return await self._send("POST", url, form=form, basic=basic)

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.aclose()
            self._opened = None

    async def _send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
    ) -> object:
        if not self._settings.may_fetch(url):
            raise OidcUnavailable(
                f"{_shown(url)} is not a host of the provider, or not https",
                hint="if it belongs to the provider, name it in oidc.alternative_hosts",
            )
        client = await self._client()
        import httpx  # noqa: PLC0415 - loaded by then

        try:
            async with (
                asyncio.timeout(_WITHIN_S),
                client.stream(
                    method,
                    url,
                    headers={"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})},
                    data=None if form is None else dict(form),
                    auth=None if basic is None else httpx.BasicAuth(*basic),
                ) as response,
            ):
                return await _read(response, url)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            raise OidcUnavailable(
                f"{_shown(url)} does not answer: {type(error).__name__}", hint="is the provider up, and its name right?"
            ) from error

    async def _client(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._opened is None:
                self._opened = await asyncio.to_thread(self._open)
            return self._opened

    def _open(self) -> httpx.AsyncClient:
        import httpx  # noqa: PLC0415 - costs 300 ms

        try:
            context = ssl.create_default_context(cafile=self._settings.ca_file)
        except OSError as error:
            raise OidcUnavailable(f"oidc.ca_file cannot be used: {error.strerror or error}") from error
        return httpx.AsyncClient(
            verify=context,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(_WITHIN_S, connect=_CONNECT_S),
            limits=httpx.Limits(max_connections=8),
        )


async def _read(response: httpx.Response, url: str) -> object:
    body = b""
    # As it came: what is packed would be unpacked before its size can be judged.
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > DOCUMENT_MAX_BYTES:
            raise OidcUnavailable(f"{_shown(url)} answered with over {DOCUMENT_MAX_BYTES} bytes")
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OidcUnavailable(f"{_shown(url)} answered {response.status_code}, not with JSON") from error
    if response.status_code != _SUCCESS:
        raise OidcUnavailable(
            f"{_shown(url)} answered {response.status_code}{_oauth_error(document)}",
            hint="see the log of the provider: are client id, secret and redirect URI the ones it knows?",
        )
    return document


def _oauth_error(document: object) -> str:
    """Return the provider's own word for what is wrong (RFC 6749 §5.2): no more of what it says is shown."""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, str) and error.isascii() and error.replace("_", "").isalnum():
        return f" ({error[:64]})"
    return ""


def _shown(url: str) -> str:
    origin = origin_of(url)
    return f"{origin.scheme}://{origin.host}:{origin.port}" if origin else repr(url[:80])
