"""What ties a child process to its supervisor: it dies with it, and tells it when it is ready or why it is not."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from typing import Any, Final

import msgspec

from vedette.kernel import Problem

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_TEXT_CHARS: Final = 2_000


class Announcement(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a child writes to its supervisor: one JSON line.

    Attributes:
        facts: What the supervisor must know of a child that is ready.
        problem: Why it ends, as ``code``, ``detail``, ``hint``.
    """

    is_ready: bool = False
    facts: dict[str, Any] = {}
    problem: dict[str, str] | None = None


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent dies; end at once if that has happened already.

    Everything this platform writes survives a kill, so no softer signal is needed. Stays in force after ``execve``.

    Source:
        prctl(2), PR_SET_PDEATHSIG.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def keep_memory_private() -> None:
    """Let no other process of the same user read this one's memory, and no crash write it to disk.

    Source:
        prctl(2), PR_SET_DUMPABLE; ptrace(2), access mode checking.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


class Lifeline:
    """The child's end of the pipe to its supervisor; ``None`` when nobody listens."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def ready(self, **facts: object) -> None:
        """Say that this process serves now."""
        self._send(Announcement(is_ready=True, facts=facts))

    def failed(self, problem: Problem) -> None:
        """Say why this process ends."""
        told = {"code": problem.code, "detail": problem.detail[:_TEXT_CHARS], "hint": problem.hint[:_TEXT_CHARS]}
        self._send(Announcement(problem=told))

    def _send(self, announcement: Announcement) -> None:
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, msgspec.json.encode(announcement) + b"\n")
        except OSError:
            # The supervisor is gone, and so are we in a moment.
            return
        finally:
            os.close(self._descriptor)
            self._descriptor = None
