"""A real interface pair in a network namespace of its own: what is sent is heard, and nothing is sent back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import packets as build
import pytest

SUPPORT = Path(build.__file__).parent
READ = bytes.fromhex("0001 0000 0006 01 03 0001 0002")
ANSWER = bytes.fromhex("0001 0000 0007 01 03 04 0005 0006")
SEND = """
import socket, sys
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind(("away", 0))
for line in sys.stdin:
    sender.send(bytes.fromhex(line))
"""


def run(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:  # Any: those of subprocess.run
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture
def namespace() -> Iterator[str]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and iproute2 to make a network namespace")
    name = f"vedette-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no network namespace can be made here: {made.stderr.strip()}")
    try:
        run("ip", "-n", name, "link", "add", "away", "type", "veth", "peer", "name", "here")
        for interface in ("away", "here"):
            # Without addresses the kernel has nothing to say either.
            run("ip", "-n", name, "link", "set", interface, "addrgenmode", "none")
            run("ip", "-n", name, "link", "set", interface, "up")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def counted(namespace: str, interface: str) -> dict[str, Any]:  # Any: JSON
    (found,) = json.loads(run("ip", "-n", namespace, "-s", "-j", "link", "show", interface).stdout)
    return dict(found["stats64"])


def listening(namespace: str, *arguments: str) -> subprocess.Popen[str]:
    inside = ["ip", "netns", "exec", namespace, sys.executable, "-m", "vedette.sensor"]
    listener = subprocess.Popen(
        [*inside, "run", "-i", "here", "--output", "json", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert listener.stderr is not None
    assert "Listening" in listener.stderr.readline()
    return listener


def send(namespace: str, frames: list[bytes]) -> None:
    inside = ["ip", "netns", "exec", namespace, sys.executable, "-c", SEND]
    run(*inside, input="\n".join(frame.hex() for frame in frames))


def wait_read(listener: subprocess.Popen[str]) -> None:
    """Wait until it has read what came: it sleeps, and has done nothing for a while."""
    spent, quiet, until_s = -1, 0, time.monotonic() + 60
    while quiet < 3 and time.monotonic() < until_s:
        time.sleep(0.2)
        state, *numbers = Path(f"/proc/{listener.pid}/stat").read_text().rpartition(")")[2].split()
        now = int(numbers[10]) + int(numbers[11])
        quiet = quiet + 1 if state == "S" and now == spent else 0
        spent = now


def test_a_plant_is_heard_and_no_frame_goes_out(namespace: str) -> None:
    before = counted(namespace, "here")
    listener = listening(namespace)
    talk = build.Talk(502, vlans=(7,)).open()
    for _ in range(200):
        talk.say(READ).answer(ANSWER)
    send(namespace, talk.close().frames)
    wait_read(listener)
    listener.terminate()
    out, _ = listener.communicate(timeout=120)
    after = counted(namespace, "here")
    heard = json.loads(out)
    assert listener.returncode == 0
    assert heard["capture"]["packets"] == len(talk.frames)
    assert heard["capture"]["packets_dropped"] == 0
    assert heard["protocols"][0]["protocol"] == "modbus"
    assert heard["protocols"][0]["certainty"] == "confirmed"
    assert heard["operations"] == [
        {"protocol": "modbus", "kind": "read", "service": "read_holding_registers", "times": 200}
    ]
    assert after["rx"]["packets"] - before["rx"]["packets"] == len(talk.frames)
    assert after["tx"]["packets"] == before["tx"]["packets"] == 0
    assert counted(namespace, "away")["rx"]["packets"] == 0


def test_listening_ends_by_itself_when_asked(namespace: str) -> None:
    listener = listening(namespace, "--for", "0.5")
    out, _ = listener.communicate(timeout=120)
    assert json.loads(out)["capture"]["packets"] == 0


def test_an_interface_that_is_not_there_is_a_problem(namespace: str) -> None:
    inside = ["ip", "netns", "exec", namespace, sys.executable, "-m", "vedette.sensor"]
    done = subprocess.run([*inside, "run", "-i", "nowhere"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "nowhere" in done.stderr


def test_an_interface_that_goes_away_ends_listening_and_the_report_says_so(namespace: str) -> None:
    listener = listening(namespace)
    send(namespace, build.Talk(502).open().say(READ).answer(ANSWER).close().frames)
    wait_read(listener)  # of an interface that is gone the system keeps nothing
    run("ip", "-n", namespace, "link", "del", "away")
    out, _ = listener.communicate(timeout=120)
    heard = json.loads(out)
    assert listener.returncode == 1
    assert heard["capture"]["damaged_files"] == {"here": "the interface is gone"}
    assert heard["capture"]["packets"] == 7


def test_an_interface_that_is_shut_is_heard_again_when_it_is_up(namespace: str) -> None:
    listener = listening(namespace)
    for state in ("down", "up"):
        run("ip", "-n", namespace, "link", "set", "here", state)
    talk = build.Talk(502).open().say(READ).answer(ANSWER).close().frames
    until_s = time.monotonic() + 60
    before = counted(namespace, "here")["rx"]["packets"]
    while counted(namespace, "here")["rx"]["packets"] == before and time.monotonic() < until_s:
        send(namespace, talk)
    wait_read(listener)
    listener.terminate()
    out, _ = listener.communicate(timeout=120)
    assert listener.returncode == 0
    assert json.loads(out)["capture"]["packets"] >= 7
