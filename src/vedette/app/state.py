"""What runs now: a small file that the supervisor keeps, for ``vedette status`` and for tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, Final, Literal

import msgspec

from vedette.app.data_directory import write_private
from vedette.kernel import Problem

STATE_MAX_BYTES: Final = 1_048_576

ProcessPhase = Literal["starting", "ready", "waiting", "stopping", "stopped"]


class NotRunning(Problem):
    """No platform runs on a data directory."""

    code: ClassVar[str] = "app.not_running"
    status: ClassVar[int] = 503


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One child process.

    Attributes:
        phase: ``waiting`` is the pause before it is started again.
        restarts: How often it died and was started again.
        is_crash_loop: It dies again and again; the supervisor keeps trying.
        last_exit: How it last ended, such as ``signal 9`` or ``exit code 1``.
    """

    name: str
    phase: ProcessPhase
    pid: int | None = None
    restarts: int = 0
    is_crash_loop: bool = False
    last_exit: str = ""


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """The running platform.

    Attributes:
        pid: Of the supervisor.
        state: ``ready`` once everything was ready; it stays so while a process is started again.
        api_url: Where the CLI and the page reach it.
        api_ca_file: What the API's certificate chains to, if it is not a public one.
        ports: Listener → port: ``gateway``, ``api``, ``bus``; ``websocket`` if there is one.
    """

    version: str
    pid: int
    state: Literal["starting", "ready", "stopping"]
    started_at: str
    api_url: str
    api_ca_file: str | None
    hostname: str
    id_scope: str
    ports: dict[str, int]
    processes: tuple[ProcessState, ...]


def write_state(path: Path, state: RunState) -> None:
    """Replace the state file."""
    write_private(path, msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")


def read_state(path: Path) -> RunState:
    """Read the state of the platform that runs.

    Raises:
        NotRunning: There is no such file, or its supervisor is gone.
    """
    hint = "start it with: vedette up"
    try:
        raw = path.read_bytes()
        state = msgspec.json.decode(raw[:STATE_MAX_BYTES], type=RunState)
    except OSError as error:
        raise NotRunning(f"no platform runs on {path.parent.parent}", hint=hint) from error
    except msgspec.DecodeError as error:
        raise NotRunning(f"{path} is not a state file", hint=hint) from error
    if not is_alive(state.pid):
        raise NotRunning(f"the platform on {path.parent.parent} is no longer running", hint=hint)
    return state


def is_alive(pid: int) -> bool:
    """Tell whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
