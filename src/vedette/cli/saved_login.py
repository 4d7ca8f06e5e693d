"""What `vedette login` keeps: one file for each person of this machine, readable by them alone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from vedette.cli.problems import Denied

_FILE_MAX_BYTES: Final = 65_536
_LOGINS_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class SavedLogin:
    """One platform that somebody logged in at.

    Attributes:
        ca_file: What its certificate chains to; empty for the authorities of the system.
    """

    url: str
    token: str = field(repr=False)
    ca_file: str = ""
    name: str = ""


def logins_file(environment: Mapping[str, str]) -> Path:
    """Return where logins are kept."""
    base = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "vedette" / "logins.json"


def read_logins(environment: Mapping[str, str]) -> list[SavedLogin]:
    """Return the logins that were kept, the newest last; none if there is no file.

    Raises:
        Denied: The file is open to others, or is not what we wrote.
    """
    path = logins_file(environment)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_FILE_MAX_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Denied(f"{path} cannot be read: {error.strerror}", hint="log in again: vedette login") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Denied(f"{path} is open to others, who could act as you", hint=f"chmod 600 {path}, then: vedette logout")
    try:
        found = json.loads(content)["logins"]
        return [SavedLogin(**{name: str(each[name]) for name in each}) for each in found][:_LOGINS_MAX]
    except (ValueError, TypeError, KeyError) as error:
        raise Denied(f"{path} does not hold logins", hint=f"remove {path} and log in again") from error


def find_login(environment: Mapping[str, str], url: str = "") -> SavedLogin | None:
    """Return the login at a URL, or the newest one."""
    found = [each for each in read_logins(environment) if not url or each.url == url.rstrip("/")]
    return found[-1] if found else None


def keep_login(environment: Mapping[str, str], login: SavedLogin) -> Path:
    """Keep a login in the place of the one at the same platform; return the file."""
    kept = [each for each in read_logins(environment) if each.url != login.url]
    return _write(environment, [*kept, login][-_LOGINS_MAX:])


def drop_login(environment: Mapping[str, str], url: str) -> None:
    """Forget the login at a URL."""
    _write(environment, [each for each in read_logins(environment) if each.url != url])


def _write(environment: Mapping[str, str], logins: list[SavedLogin]) -> Path:
    path = logins_file(environment)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"logins": [asdict(each) for each in logins]}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    return path
