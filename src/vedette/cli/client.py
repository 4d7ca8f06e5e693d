"""The REST API as commands use it: requests, pages and streams, with every refusal as a problem."""

from __future__ import annotations

import json
import platform
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from vedette.cli.listener import check_listener
from vedette.cli.problems import BadAnswer, Refused, Unreachable
from vedette.cli.target import Target

if TYPE_CHECKING:
    import ssl

    import httpx

ANSWER_MAX_BYTES: Final = 64 * 1_048_576
PAGE_MAX: Final = 999
_CONNECT_S: Final = 5.0
ANSWER_S: Final = 60.0
# The API says at least each 15 s that a stream is alive.
_SILENCE_S: Final = 45.0
_COME_BACK_S: Final = 2.0
_EVENT_MAX_CHARS: Final = 4_194_304
_MERGE_PATCH: Final = "application/merge-patch+json"
_HINT: Final = "see what runs: vedette status"

Params = Mapping[str, "str | int | list[str] | None"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered.

    Attributes:
        body: Parsed JSON; ``None`` when there was none.
        etag: For ``If-Match`` of a change that is based on it.
    """

    body: Any
    etag: str = ""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One server-sent event."""

    id: str
    name: str
    data: Any


def path_of(template: str, *names: str) -> str:
    """Put names into a path, each as one segment whatever characters it has.

    ``quote`` leaves dots as they are, and ``..`` as a segment would name another resource.
    """
    return template.format(*(quote(name, safe="").replace(".", "%2E") for name in names))


class Client:
    """One command's connection to the API.

    Args:
        target: Where it is, and the token.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._opened: httpx.Client | None = None

    def get(self, path: str, params: Params | None = None) -> Answer:
        """Read a resource.

        Raises:
            Refused: The API says no.
            Unreachable: Nothing answers.
            BadAnswer: What answers is not the API.
        """
        return self.send("GET", path, params=params)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Params | None = None,
        etag: str = "",
        answer_s: float = ANSWER_S,
    ) -> Answer:
        """Make one request.

        Args:
            method: HTTP method.
            path: Made by ``path_of`` when it holds names.
            body: Sent as JSON.
            params: Query; members that are ``None`` are left out.
            etag: The revision that the change is based on.
            answer_s: How long to wait for the answer.

        Raises:
            Refused: As ``get``.
            Unreachable: As ``get``.
            BadAnswer: As ``get``.
        """
        import httpx  # noqa: PLC0415 - costs 300 ms

        headers = {"If-Match": etag} if etag else {}
        content = None
        if body is not None:
            headers["Content-Type"] = _MERGE_PATCH if method == "PATCH" else "application/json"
            content = json.dumps(body).encode("ascii")
        try:
            with self._http().stream(
                method, path, content=content, headers=headers, params=_query(params), timeout=_limits(answer_s)
            ) as response:
                return _answer(response, _read(response))
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def put_bytes(self, path: str, content: bytes, params: Params) -> Answer:
        """Send a part of a file.

        Raises:
            Refused: As ``get``.
            Unreachable: As ``get``.
            BadAnswer: As ``get``.
        """
        import httpx  # noqa: PLC0415 - costs 300 ms

        headers = {"Content-Type": "application/octet-stream"}
        try:
            with self._http().stream(
                "PUT", path, content=content, headers=headers, params=_query(params), timeout=_limits(ANSWER_S)
            ) as response:
                return _answer(response, _read(response))
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def form(self, path: str, fields: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Send a form as OAuth's endpoints take it; return the status and the JSON object, empty if it is none.

        Raises:
            Unreachable: As ``get``.
            BadAnswer: What answers is not the API.
        """
        import httpx  # noqa: PLC0415 - costs 300 ms

        try:
            with self._http().stream("POST", path, data=dict(fields), timeout=_limits(ANSWER_S)) as response:
                body = _read(response)
                status = response.status_code
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        try:
            found = json.loads(body)
        except ValueError as error:
            raise BadAnswer(f"{path} did not answer with JSON", hint=_HINT) from error
        return status, found if isinstance(found, dict) else {}

    def pages(self, path: str, params: Params, *, limit: int | None, after: str = "") -> Iterator[dict[str, Any]]:
        """Yield the pages of a list, at most ``limit`` items in all, or every page when it is ``None``."""
        left = limit
        while left is None or left > 0:
            size = PAGE_MAX if left is None else min(left, PAGE_MAX)
            page = self.get(path, {**params, "limit": size, "after": after or None}).body
            if not isinstance(page, dict) or not isinstance(page.get("items"), list):
                raise BadAnswer(f"{path} answered without a page", hint=_HINT)
            yield page
            after = str(page.get("next") or "")
            if not after:
                return
            if left is not None:
                left -= len(page["items"])

    def events(self, path: str, params: Params, *, on_cut: Any = lambda _: None) -> Iterator[StreamEvent]:
        """Yield events for ever; a stream that ends or breaks off is taken up again where it was.

        Args:
            path: Of the stream.
            params: Query of the first request.
            on_cut: Called with the reason when the stream broke off.

        Raises:
            Refused: The API says no.
            Unreachable: The first connection cannot be made.
        """
        import httpx  # noqa: PLC0415 - costs 300 ms

        last_id = ""
        was_open = False
        while True:
            headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
            try:
                with self._http().stream(
                    "GET", path, headers=headers, params=_query(params), timeout=_limits(_SILENCE_S)
                ) as response:
                    if not response.is_success:
                        _answer(response, _read(response))
                    was_open = True
                    for event in _parse(response.iter_lines()):
                        last_id = event.id or last_id
                        yield event
            except (httpx.TransportError, Refused) as error:
                if not was_open or (isinstance(error, Refused) and error.answered not in {429, 502, 503, 504}):
                    raise self._unreachable(error) if isinstance(error, httpx.TransportError) else error from error
                on_cut(str(error) or type(error).__name__)
            time.sleep(_COME_BACK_S)

    def close(self) -> None:
        """Close the connection."""
        if self._opened is not None:
            self._opened.close()

    def _http(self) -> httpx.Client:
        import httpx  # noqa: PLC0415 - costs 300 ms

        if self.target.owner is not None:
            check_listener(self.target.url, self.target.owner)
        if self._opened is None:
            self._opened = httpx.Client(
                base_url=self.target.url,
                headers=self._headers(),
                verify=self._tls(),
                trust_env=False,  # a proxy of the environment would see the token
                follow_redirects=False,
            )
        return self._opened

    def _headers(self) -> dict[str, str]:
        """Say which host asks: a session that is used on another one has to be proved again."""
        node = "".join(char for char in platform.node() if char.isascii() and char.isprintable())[:64]
        found = {"User-Agent": f"vedette-cli on {node or 'a host'}"}
        if self.target.token:
            found["Authorization"] = f"Bearer {self.target.token}"
        return found

    def _tls(self) -> ssl.SSLContext | bool:
        if not self.target.url.startswith("https://"):
            return False
        import ssl  # noqa: PLC0415 - plain HTTP on loopback needs none

        try:
            return ssl.create_default_context(cafile=self.target.ca_file)
        except (OSError, ValueError) as error:
            raise Unreachable(f"the CA file {self.target.ca_file} cannot be used: {error}") from error

    def _unreachable(self, error: Exception) -> Unreachable:
        cause = str(error) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in cause:
            hint = "name the root of that platform with --ca-file: public/root.pem of its data directory"
        else:
            hint = "it may be starting; see what runs: vedette status"
        return Unreachable(f"the API at {self.target.url} does not answer: {cause}", hint=hint)


def _limits(silence_s: float) -> httpx.Timeout:
    import httpx  # noqa: PLC0415 - costs 300 ms

    return httpx.Timeout(silence_s, connect=_CONNECT_S)


def _query(params: Params | None) -> dict[str, str | int | list[str]]:
    return {name: value for name, value in (params or {}).items() if value is not None}


def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    for part in response.iter_bytes():
        content += part
        if len(content) > ANSWER_MAX_BYTES:
            raise BadAnswer(f"the answer is over {ANSWER_MAX_BYTES} bytes", hint="ask for less with --limit")
    return bytes(content)


_JSON: Final = frozenset({"application/json", "application/problem+json", "application/stix+json"})
# A MUD file is kept as it came: its signature is over these very bytes.
_TEXT: Final = frozenset({"text/plain", "text/csv", "application/x-ndjson", "application/mud+json"})
_BYTES: Final = frozenset({"application/octet-stream", "application/pkcs7-signature", "application/pdf"})


def _answer(response: httpx.Response, content: bytes) -> Answer:
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    body: Any = None
    if content and kind in _JSON:
        try:
            body = json.loads(content)
        except ValueError as error:
            raise BadAnswer(f"{response.url.path} answered with broken JSON", hint=_HINT) from error
    elif kind in _TEXT:
        body = content.decode("utf-8", "replace")
    elif kind in _BYTES:
        body = content
    if not response.is_success:
        raise Refused(response.status_code, body if isinstance(body, dict) else {})
    if content and body is None:
        raise BadAnswer(f"{response.url} does not answer as Vedette does", hint="check --url")
    return Answer(body, response.headers.get("etag", ""))


def _parse(lines: Iterator[str]) -> Iterator[StreamEvent]:
    """Yield the events of a stream.

    Source:
        WHATWG HTML, "Server-sent events".
    """
    facts = {"id": "", "event": "message", "data": ""}
    for line in lines:
        if line:
            found = re.fullmatch(r"(id|event|data): ?(.*)", line)
            if found is not None:
                if len(facts[found[1]]) + len(found[2]) > _EVENT_MAX_CHARS:
                    raise BadAnswer("an event of the stream is too long", hint=_HINT)
                facts[found[1]] = facts["data"] + found[2] if found[1] == "data" else found[2]
            continue
        if facts["data"]:
            try:
                yield StreamEvent(facts["id"], facts["event"], json.loads(facts["data"]))
            except ValueError as error:
                raise BadAnswer("an event of the stream is not JSON", hint=_HINT) from error
        facts = {"id": "", "event": "message", "data": ""}
