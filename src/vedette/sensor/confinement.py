"""What a process gives up before it reads a file from a stranger: network, writing, other processes, endless memory.

The filter of system calls lists what a running interpreter needs and refuses everything else. Files can still be opened
for reading, since modules are loaded when they are first needed; but only those of Python itself, and none at all where
the kernel has no Landlock.

Source:
    seccomp(2), landlock(7), prctl(2), setrlimit(2); linux/filter.h for the instructions.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import signal
import sys
from pathlib import Path
from struct import Struct
from typing import ClassVar, Final

from vedette.kernel import Problem

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_MODE_FILTER: Final = 2

_LOAD, _AND, _EQUALS, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_REFUSE: Final = 0x00050000 | errno.EPERM
_NUMBER_AT, _ARCHITECTURE_AT, _SECOND_ARGUMENT_AT, _THIRD_ARGUMENT_AT = 0, 4, 24, 32
_OTHER_ABI: Final = 0x40000000
_WRITING: Final = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC
_INSTRUCTION: Final = Struct("=HBBI").pack

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULESET_VERSION: Final = 1
_BENEATH: Final = 1
_READ: Final = 1 << 2 | 1 << 3  # files, directories
# What each version of Landlock can refuse, as bits of the file system.
_FILE_BITS: Final = ((1, 13), (2, 14), (3, 15), (5, 16))
_RULE: Final = Struct("=Qi").pack

# read write close fstat poll lseek mmap mprotect munmap brk sigaction sigprocmask sigreturn pread access yield
# mremap madvise nanosleep getpid exit uname getcwd readlink times rusage sigaltstack gettid futex getdents clocks
# exit_group newfstatat getrandom statx rseq restart
_X86_64: Final = (
    *(0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 21, 24, 25, 28, 35, 39, 60, 63, 79, 89, 96, 98),
    *(131, 186, 201, 202, 217, 219, 228, 229, 230, 231, 262, 267, 271, 318, 332, 334),
)
_AARCH64: Final = (
    *(17, 48, 57, 61, 62, 63, 64, 67, 73, 78, 79, 80, 93, 94, 98, 101, 113, 114, 115, 124, 128, 132, 134, 135),
    *(139, 160, 165, 169, 172, 178, 214, 215, 216, 222, 226, 233, 278, 291, 293, 439),
)
# Of fcntl: duplicates and flags read. To name an owner and a signal for what happens to a pipe would signal anybody.
_FCNTL: Final = (0, 1, 2, 3, 1030)
# Of ioctl: whether it is a terminal, and what a program that is started keeps open.
_IOCTL: Final = (0x5401, 0x5450, 0x5451)
# Name of the machine → its number for the filter, what is allowed, openat, of which reading is, fcntl and ioctl.
_MACHINES: Final = {
    "x86_64": (0xC000003E, _X86_64, 257, 72, 16),
    "aarch64": (0xC00000B7, _AARCH64, 56, 25, 29),
}


class NotConfined(Problem):
    """The process cannot give up what it must before it reads anything."""

    code: ClassVar[str] = "sensor.not_confined"
    status: ClassVar[int] = 500


def confine(*, memory_bytes: int, cpu_s: int, parent_pid: int) -> None:
    """Give up everything but reading what is open, computing, and answering; there is no way back.

    Args:
        memory_bytes: Most address space.
        cpu_s: Most processor time; the kernel ends the process beyond it.
        parent_pid: Dies with it.

    Raises:
        NotConfined: The kernel does not take it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent_pid:
        raise NotConfined("whoever started this process is gone")
    for limit, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        _, hard = resource.getrlimit(limit)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (allowed, allowed))
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    _filter_calls(libc, may_read=_read_only_python(libc))


def _read_only_python(libc: ctypes.CDLL) -> bool:
    """Let nothing be opened but what Python loads; return whether the kernel can do that."""
    version = libc.syscall(_CREATE_RULESET, None, 0, _RULESET_VERSION)
    if version < 1:
        return False
    handled = (1 << max(bits for least, bits in _FILE_BITS if version >= least)) - 1
    attributes = handled.to_bytes(8, sys.byteorder)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for path in sorted(_python_paths()):
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                _check(libc.syscall(_ADD_RULE, ruleset, _BENEATH, _RULE(_READ, descriptor), 0), "landlock_add_rule")
            finally:
                os.close(descriptor)
        _check(libc.syscall(_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    finally:
        os.close(ruleset)
    return True


def _python_paths() -> set[str]:
    """Return the directories that modules come from; never the root, nor a home with everything in it."""
    named = {entry for entry in sys.path if entry}
    return {str(path) for path in map(Path, named) if path.is_dir() and path.parent != path and path != Path.home()}


def _filter_calls(libc: ctypes.CDLL, *, may_read: bool) -> None:
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise NotConfined(f"nothing is known of system calls on {platform.machine()[:32]!r}")
    architecture, allowed, openat, fcntl, ioctl = machine
    code = [
        _INSTRUCTION(_LOAD, 0, 0, _ARCHITECTURE_AT),
        _INSTRUCTION(_EQUALS, 1, 0, architecture),
        _INSTRUCTION(_RETURN, 0, 0, _KILL),
        _INSTRUCTION(_LOAD, 0, 0, _NUMBER_AT),
        _INSTRUCTION(_AT_LEAST, 0, 1, _OTHER_ABI),
        _INSTRUCTION(_RETURN, 0, 0, _KILL),
    ]
    for number in allowed:
        code += [_INSTRUCTION(_EQUALS, 0, 1, number), _INSTRUCTION(_RETURN, 0, 0, _ALLOW)]
    code += _only(fcntl, _FCNTL) + _only(ioctl, _IOCTL)
    if may_read:
        code += [
            _INSTRUCTION(_EQUALS, 0, 4, openat),
            _INSTRUCTION(_LOAD, 0, 0, _THIRD_ARGUMENT_AT),
            _INSTRUCTION(_AND, 0, 0, _WRITING),
            _INSTRUCTION(_EQUALS, 0, 1, 0),
            _INSTRUCTION(_RETURN, 0, 0, _ALLOW),
        ]
    code.append(_INSTRUCTION(_RETURN, 0, 0, _REFUSE))
    body = ctypes.create_string_buffer(b"".join(code))
    program = _Program(len(code), ctypes.cast(body, ctypes.c_void_p))
    _check(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0), "seccomp")


def _only(number: int, commands: tuple[int, ...]) -> list[bytes]:
    """Return the instructions that allow some of what one call can do, which its second argument says."""
    code = [
        _INSTRUCTION(_EQUALS, 0, 2 * len(commands) + 2, number),
        _INSTRUCTION(_LOAD, 0, 0, _SECOND_ARGUMENT_AT),
    ]
    for command in commands:
        code += [_INSTRUCTION(_EQUALS, 0, 1, command), _INSTRUCTION(_RETURN, 0, 0, _ALLOW)]
    return [*code, _INSTRUCTION(_RETURN, 0, 0, _REFUSE)]


class _Program(ctypes.Structure):
    _fields_: ClassVar = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _check(result: int, what: str) -> None:
    if result < 0:
        raise NotConfined(
            f"{what} failed: {os.strerror(ctypes.get_errno())}",
            hint="the kernel must have seccomp filters; is this a container that takes them away?",
        )
