from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import pytest
from running_platform import is_running, wait_for

from vedette.app.lifeline import Announcement, Lifeline
from vedette.kernel import Problem

PARENT = """
import subprocess, sys, os, time
child = subprocess.Popen([sys.executable, "-c", '''
import os, sys, time
from vedette.app.lifeline import die_with_parent
die_with_parent(int(sys.argv[1]))
print(os.getpid(), flush=True)
time.sleep(60)
''', str(os.getpid())])
time.sleep(60)
"""


def test_a_child_dies_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not is_running(child), "the child is gone")


def test_a_child_of_a_parent_that_is_gone_already_ends_at_once() -> None:
    code = "from vedette.app.lifeline import die_with_parent; die_with_parent(1); print('alive')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -9
    assert done.stdout == b""


def read(descriptor: int) -> Announcement:
    with os.fdopen(descriptor, "rb") as file:
        return msgspec.json.decode(file.read(), type=Announcement)


def test_it_tells_once_that_it_is_ready() -> None:
    reading, writing = os.pipe()
    lifeline = Lifeline(writing)
    lifeline.ready(port=8883)
    lifeline.failed(Problem("too late"))
    assert read(reading) == Announcement(is_ready=True, facts={"port": 8883})


def test_it_tells_why_it_failed() -> None:
    reading, writing = os.pipe()
    Lifeline(writing).failed(Problem("x" * 10_000, hint="look"))
    told = read(reading).problem
    assert told is not None
    assert (told["code"], told["hint"], len(told["detail"])) == ("kernel.problem", "look", 2000)


@pytest.mark.parametrize("descriptor", [None, 987])
def test_nobody_needs_to_listen(descriptor: int | None) -> None:
    if descriptor is None:
        Lifeline(descriptor).ready()
        return
    reading, writing = os.pipe()
    os.close(reading)
    Lifeline(writing).ready()
