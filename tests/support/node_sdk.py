"""The unmodified Azure IoT SDKs for Node, driven from a journey over standard input and output."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

FOLDER: Final = Path(__file__).resolve().parents[1] / "node"
NODE: Final = shutil.which("node")
needs_node: Final = pytest.mark.skipif(
    NODE is None or not (FOLDER / "node_modules").is_dir(), reason="Node 20 and its SDKs: scripts/node-packages.sh"
)


class NodeDevice:
    """One device process; ``ask`` waits for an answer, ``event`` for what the hub sends by itself."""

    def __init__(self, settings: dict[str, Any], program: str = "device.mjs") -> None:
        assert NODE is not None
        argument = settings.get("argument") or json.dumps(settings)
        self._process = subprocess.Popen(
            [NODE, program, argument],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(settings["ca"])},
        )
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self.events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if "answer" in said:
                self._answers.put(said)
            else:
                self.events.append(said)

    def ask(self, op: str, timeout_s: float = 60, **arguments: Any) -> dict[str, Any]:
        """Have it do something and return its answer; what the SDK raised is an assertion error."""
        answer = self.attempt(op, timeout_s, **arguments)
        assert "error" not in answer, f"{op}: {answer['error']}"
        return answer

    def attempt(self, op: str, timeout_s: float = 60, **arguments: Any) -> dict[str, Any]:
        """Have it do something and return its answer, ``error`` included."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"op": op, **arguments}) + "\n")
        self._process.stdin.flush()
        return self.expect(op, timeout_s)

    def expect(self, op: str, timeout_s: float = 60) -> dict[str, Any]:
        """Return the next answer, which has to be to this."""
        answer = self._answers.get(timeout=timeout_s)
        assert answer["answer"] == op
        return answer

    def event(self, kind: str, timeout_s: float = 60) -> dict[str, Any]:
        """Return the next event of a kind, and forget it."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            for index, event in enumerate(self.events):
                if event["event"] == kind:
                    return self.events.pop(index)
            time.sleep(0.02)
        pytest.fail(f"waited {timeout_s} s in vain for {kind}; there are {self.events}")

    def end(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def node_service(connection_string: str, root_pem: Path) -> Iterator[NodeDevice]:
    """Run a solution's back end on the Node service SDK for the length of a block."""
    service = NodeDevice({"argument": connection_string, "ca": root_pem}, "service.mjs")
    try:
        service.expect("ready")
        yield service
    finally:
        service.end()


@contextmanager
def node_device(**settings: Any) -> Iterator[NodeDevice]:
    """Run a Node device for the length of a block."""
    device = NodeDevice(settings)
    try:
        yield device
    finally:
        device.end()


def node_register(root_pem: Path, **settings: Any) -> dict[str, Any]:
    """Register with the Node provisioning SDK and return what it said."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, "register.mjs", json.dumps(settings)],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(root_pem)},
        check=False,
    )
    assert done.stdout.strip(), done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result
