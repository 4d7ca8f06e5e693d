"""What a process that reads a stranger's file can no longer do, tried by one that would."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

LATER = {
    "open a socket": "import socket; socket.socket()",
    "start a program": "import subprocess; subprocess.run(['/bin/true'])",
    "make a process": "import os; os.fork()",
    "write a file": "open('/tmp/vedette-was-here', 'w')",
    "read what is no module": "open('/etc/passwd').read()",
    "make a folder": "import os; os.mkdir('/tmp/vedette-was-here')",
    "signal a process": "import os, signal; os.kill(os.getppid(), 0)",
    "signal a process by way of a pipe": "import fcntl; fcntl.fcntl(1, fcntl.F_SETOWN, os.getppid())",
    "choose that signal": "import fcntl; fcntl.fcntl(1, 10, 9)",
    "be told of a pipe by signals": "import fcntl; fcntl.fcntl(1, fcntl.F_SETFL, os.O_ASYNC)",
    "type into a terminal": "import fcntl; fcntl.ioctl(0, 0x5412, b'x')",
    "trace a process": "assert ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0) == 0",
    "take more memory": "bytearray(600 * 1024 * 1024)",
    "raise a limit": "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
}
FINE = {
    "compute and answer": "print(sum(range(1000)))",
    "load a module": "import colorsys; print(colorsys)",
    "duplicate what is open": "print(os.get_inheritable(os.dup(1)))",
    "read what is open": "import sys; print(sys.stdin.buffer.read())",
}
TRY = """
import os, ctypes, socket, subprocess, resource
from vedette.sensor.confinement import confine
confine(memory_bytes=500 * 1024 * 1024, cpu_s={cpu_s}, parent_pid=os.getppid())
{code}
print("done")
"""


def tried(code: str, *, cpu_s: int = 30) -> subprocess.CompletedProcess[str]:
    program = TRY.format(code=code, cpu_s=cpu_s)
    return subprocess.run([sys.executable, "-c", program], input="hello", capture_output=True, text=True, check=False)


@pytest.mark.parametrize("code", LATER.values(), ids=LATER.keys())
def test_a_confined_process_cannot(code: str) -> None:
    done = tried(code)
    assert done.returncode != 0, done.stdout
    assert "done" not in done.stdout


@pytest.mark.parametrize("code", FINE.values(), ids=FINE.keys())
def test_a_confined_process_can_still(code: str) -> None:
    done = tried(code)
    assert (done.returncode, "done" in done.stdout) == (0, True), done.stderr


def test_a_confined_process_ends_when_it_computes_for_too_long() -> None:
    assert tried("while True: pass", cpu_s=1).returncode in (-24, -9)


def test_whoever_started_it_must_be_there() -> None:
    program = TRY.replace("os.getppid()", "1").format(code="", cpu_s=5)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "sensor.not_confined" in done.stderr or "NotConfined" in done.stderr
    assert os.getpid() != 1


def test_a_capture_beyond_its_bounds_is_read_as_far_as_they_go() -> None:
    orders = {
        "name": "cap_x", "memory_bytes": 1 << 30, "cpu_s": 60, "unpacked_bytes": 2_000_000, "learn_for_s": 60.0,
        "must_tell": False, "parent_pid": os.getpid(),
    }  # fmt: skip
    command = [sys.executable, "-c", "import sys; from vedette.sensor.confined import main; sys.exit(main())"]
    header = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")
    packet = bytes(8) + (60_000).to_bytes(4, "little") * 2 + bytes(60_000)
    done = subprocess.run(
        [*command, json.dumps(orders)], input=header + packet * 100, capture_output=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert b"longer than 2000000 bytes" in done.stdout
