"""Which platform a command speaks to, and with which token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from vedette.cli.problems import Denied, Usage
from vedette.cli.saved_login import SavedLogin, find_login
from vedette.kernel import escape_shell

if TYPE_CHECKING:
    from vedette.app import DataDirectory, RunState

_TOKEN_MAX_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was asked for on the command line; the environment fills the gaps, then what runs on this machine."""

    data: Path | None = None
    url: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An API and how to be let in.

    Attributes:
        ca_file: What its certificate chains to; ``None`` for the system's authorities.
        state: What the supervisor knows, of a platform on this machine.
        owner: The user whose platform it is, where it runs on this machine.
    """

    url: str
    token: str
    ca_file: Path | None = None
    state: RunState | None = None
    owner: int | None = None


def find_target(choice: Choice, environment: Mapping[str, str]) -> Target:
    """Return the API of a URL, else that of the platform which runs on a data directory.

    Raises:
        Usage: The URL cannot be used, or is one that would show the token to the network.
        Denied: There is no token, or it or the data directory cannot be read.
        NotRunning: No platform runs on the data directory.
    """
    url = choice.url or environment.get("VEDETTE_URL") or ""
    token_file = choice.token_file or _path(environment.get("VEDETTE_TOKEN_FILE"))
    ca_file = choice.ca_file or _path(environment.get("VEDETTE_CA_FILE"))
    if url and choice.data is None:
        _check_url(url)
        if token_file is None:
            saved = find_login(environment, url)
            if saved is None:
                raise Denied(
                    f"no token for {url}",
                    hint="log in: vedette login --url URL; or name a file that holds one: --token-file FILE",
                )
            return _target_of(saved, ca_file)
        return Target(url=url.rstrip("/"), token=_read_token(token_file), ca_file=ca_file)
    from vedette.app import (  # noqa: PLC0415 - only when it is local
        DataDirectory,
        NotRunning,
        default_data_path,
        demo_data_path,
        read_state,
    )

    directory = DataDirectory(choice.data or default_data_path(environment))
    try:
        state = read_state(directory.state_file)
    except NotRunning as problem:
        if isinstance(problem.__cause__, PermissionError):
            raise Denied(f"you may not read {directory.path}", hint="run as the user who runs vedette up") from None
        if choice.data is None and "VEDETTE_DATA" not in environment:
            saved = find_login(environment)
            if saved is not None and token_file is None:
                return _target_of(saved, ca_file)
            problem.hint += _hint_at_demo(DataDirectory(demo_data_path(environment)))
        raise
    if ca_file is None and state.api_ca_file:
        ca_file = Path(state.api_ca_file)
    return Target(
        url=state.api_url,
        token=_read_token(token_file or directory.operator_token),
        ca_file=ca_file,
        state=state,
        owner=directory.path.stat().st_uid,
    )


def find_place(choice: Choice, environment: Mapping[str, str]) -> Target:
    """Return where a platform is, for somebody who has no token yet.

    Raises:
        Usage: The URL cannot be used.
        Denied: The data directory cannot be read.
        NotRunning: No platform runs on the data directory.
    """
    url = choice.url or environment.get("VEDETTE_URL") or ""
    if url and choice.data is None:
        _check_url(url)
        return Target(
            url=url.rstrip("/"), token="", ca_file=choice.ca_file or _path(environment.get("VEDETTE_CA_FILE"))
        )
    return replace(find_target(choice, environment), token="")


def _target_of(saved: SavedLogin, ca_file: Path | None) -> Target:
    kept = Path(saved.ca_file) if saved.ca_file else None
    return Target(url=saved.url, token=saved.token, ca_file=ca_file or kept)


def _hint_at_demo(directory: DataDirectory) -> str:
    """Whoever tries the demo first looks for it with the plain command."""
    from vedette.app import NotRunning, read_state  # noqa: PLC0415 - loaded already

    try:
        read_state(directory.state_file)
    except NotRunning:
        return ""
    return f"; the demo runs: add --data {escape_shell(str(directory.path))}"


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        has_port = parts.port is None or parts.port > 0
    except ValueError as error:
        raise Usage(f"{url!r} is not a URL: {error}", hint="such as https://vedette.example:8480") from error
    if parts.scheme not in {"http", "https"} or not host or not has_port or parts.username or parts.query:
        raise Usage(f"{url!r} is not the URL of an API", hint="such as https://vedette.example:8480")
    if parts.scheme == "http" and not _is_loopback(host):
        raise Usage(f"over plain HTTP anybody between here and {host} could read the token", hint="use https://")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _read_token(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_TOKEN_MAX_BYTES + 1)
    except PermissionError as error:
        raise Denied(
            f"you may not read the token in {path}", hint="run as the user who runs vedette up, or use --token-file"
        ) from error
    except OSError as error:
        raise Denied(
            f"the token in {path} cannot be read: {error.strerror}", hint="name it with --token-file"
        ) from error
    token = raw.decode("ascii", "replace").strip()
    if not token or len(raw) > _TOKEN_MAX_BYTES or not token.isascii() or not token.isprintable() or " " in token:
        raise Denied(f"{path} does not hold a token", hint="it is one line, such as that of secrets/operator.token")
    return token
