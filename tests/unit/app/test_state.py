from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from vedette.app.notify import notify_service_manager
from vedette.app.ports import Listener, PortUnavailable, check_ports
from vedette.app.state import NotRunning, ProcessState, RunState, read_state, write_state


def state_of(pid: int) -> RunState:
    return RunState(
        version="1",
        pid=pid,
        state="ready",
        started_at="2026-11-22T10:00:00.000Z",
        api_url="http://localhost:8480",
        api_ca_file=None,
        hostname="localhost",
        id_scope="0neABCDEFGH",
        ports={"api": 8480},
        processes=(ProcessState(name="control", phase="ready", pid=1),),
    )


def test_the_state_of_a_running_platform_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "run" / "state.json"
    path.parent.mkdir()
    write_state(path, state_of(os.getpid()))
    assert read_state(path) == state_of(os.getpid())


def test_a_platform_that_is_gone_or_unreadable_does_not_run(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with pytest.raises(NotRunning, match="no platform runs"):
        read_state(path)
    path.write_text("{")
    with pytest.raises(NotRunning, match="not a state file"):
        read_state(path)
    write_state(path, state_of(2**22 + 1))
    with pytest.raises(NotRunning, match="no longer running"):
        read_state(path)


def test_a_taken_port_is_named_with_its_option() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortUnavailable, match=f"port {port} on 127.0.0.1") as caught:
            check_ports([Listener("127.0.0.1", port, "devices", "gateway.port")])
    assert "gateway.port" in caught.value.hint
    assert "VEDETTE_GATEWAY__PORT" in caught.value.hint
    check_ports([Listener("127.0.0.1", port, "devices", "gateway.port")])


def test_an_address_that_is_not_ours_is_told() -> None:
    with pytest.raises(PortUnavailable, match="no such address"):
        check_ports([Listener("192.0.2.1", 8883, "devices", "gateway.port")])


def test_the_service_manager_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        notify_service_manager({"NOTIFY_SOCKET": path}, "READY=1")
        assert manager.recv(100) == b"READY=1"
    notify_service_manager({"NOTIFY_SOCKET": path}, "STOPPING=1")
    notify_service_manager({"NOTIFY_SOCKET": "relative"}, "READY=1")
    notify_service_manager({}, "READY=1")
