"""Twins, methods and commands under way while processes die, and what was acknowledged to whom."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from journey import Platform, wait_until
from workload import endpoint

from vedette.simulation import Cut, DeviceConnection, HubDialog, HubRefused, Refused


@dataclass
class Device:
    """What one device saw; it answers methods with its own name and remembers every command."""

    name: str
    commands: list[tuple[str, bool]] = field(default_factory=list)
    desired_count: int = 0
    reported: int = 0
    sessions: int = 0

    def desired(self, patch: Mapping[str, Any]) -> Mapping[str, Any]:
        self.desired_count = max(self.desired_count, int(patch.get("count", 0)))
        return {}

    def method(self, name: str, payload: Any) -> tuple[int, Any]:
        return 200, {"device": self.name, "method": name, "payload": payload}

    def command(self, body: bytes, bag: str, *, is_again: bool) -> None:
        del bag
        self.commands.append((body.decode(), is_again))


@dataclass
class HubWorkload:
    """Devices that report and listen, and an operator who writes, calls and commands, until ``stop``."""

    platform: Platform
    names: list[str]
    devices: dict[str, Device] = field(default_factory=dict)
    desired: dict[str, int] = field(default_factory=dict)
    commands: dict[str, set[str]] = field(default_factory=dict)
    method_answers: int = 0
    problems: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _quiet: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self.devices = {name: Device(name) for name in self.names}
        self.desired = dict.fromkeys(self.names, 0)
        self.commands = {name: set() for name in self.names}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    def quiet(self) -> None:
        """End what the operator does; devices go on listening."""
        self._quiet.set()

    def stop(self) -> None:
        self._quiet.set()
        self._stop.set()
        if self._thread is not None:
            self._thread.join(180)
            assert not self._thread.is_alive()

    def check(self) -> None:
        """Hold what devices and platform have against what was acknowledged."""
        self.quiet()
        for name, device in self.devices.items():
            wait_until(
                lambda name=name, device=device: self.commands[name] <= {body for body, _ in device.commands},  # type: ignore[misc] # bound defaults
                180,
                f"every command that was accepted for {name}",
            )
        self.stop()
        assert self.problems == []
        for name, device in self.devices.items():
            seen: set[str] = set()
            for body, is_again in device.commands:
                assert body.startswith(f"{name}:"), f"{name} got {body}"
                assert is_again or body not in seen, f"{body} came again unmarked"
                seen.add(body)
            twin = self.platform.call("GET", f"/v1/devices/{name}/twin")
            assert twin["reported"].get("count", 0) >= device.reported, "an acknowledged report is gone"
            assert twin["desired"].get("count", 0) >= self.desired[name], "an acknowledged desired change is gone"

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for device in self.devices.values():
                group.create_task(self._device(device), name=device.name)
            for act in (self._command, self._wish, self._call):
                group.create_task(self._operator(act), name="operator")

    async def _device(self, device: Device) -> None:
        folder = self.platform.folder / "devices" / device.name
        where = endpoint(self.platform)
        while not self._stop.is_set():
            try:
                connection = await DeviceConnection.open(
                    where,
                    where.context(folder / "operational.pem", folder / "operational.key"),
                    client_id=device.name,
                    user_name=f"{self.platform.address}/{device.name}/?api-version=2021-04-12",
                )
            except Refused as refused:
                if refused.return_code != 3:
                    self.problems.append(f"{device.name} was refused for good: {refused.return_code}")
                    return
                await asyncio.sleep(0.2)
            except (Cut, OSError, TimeoutError):
                await asyncio.sleep(0.1)
            else:
                await self._session(device, connection)

    async def _session(self, device: Device, connection: DeviceConnection) -> None:
        """Subscribe once in a life: a kept session does not ask twice."""
        dialog = HubDialog(connection, device.name, device)
        running = [asyncio.ensure_future(_quietly(each)) for each in (connection.run(), dialog.run())]
        try:
            if not device.sessions:
                await dialog.subscribe()
            device.sessions += 1
            for number in itertools.count(device.reported + 1):
                if self._stop.is_set():
                    return
                await dialog.report({"count": number})
                device.reported = number
                await asyncio.sleep(0.05)
        except (Cut, OSError, TimeoutError, HubRefused):
            pass
        finally:
            await connection.close()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _operator(self, act: Any) -> None:
        headers = dict(self.platform.api.headers)
        async with httpx.AsyncClient(base_url=self.platform.api_url, headers=headers, timeout=20) as api:
            for number in itertools.count(1):
                for name in self.names:
                    if self._quiet.is_set():
                        return
                    try:
                        await act(api, name, number)
                    except httpx.HTTPError:
                        await asyncio.sleep(0.1)
                await asyncio.sleep(0.05)

    async def _command(self, api: httpx.AsyncClient, name: str, number: int) -> None:
        body = f"{name}:{number}"
        answer = await api.post(f"/v1/devices/{name}/commands", json={"body": body, "time_to_live_s": 3600})
        if answer.is_success:
            self.commands[name].add(body)

    async def _wish(self, api: httpx.AsyncClient, name: str, number: int) -> None:
        answer = await api.patch(f"/v1/devices/{name}/twin", json={"desired": {"count": number}})
        if answer.is_success:
            self.desired[name] = number

    async def _call(self, api: httpx.AsyncClient, name: str, number: int) -> None:
        body = {"payload": number, "response_timeout_s": 5, "connect_timeout_s": 2}
        answer = await api.post(f"/v1/devices/{name}/methods/echo", json=body)
        if answer.is_success:
            expected = {"status": 200, "payload": {"device": name, "method": "echo", "payload": number}}
            if answer.json() != expected:
                self.problems.append(f"{name} number {number} was answered {answer.text}")
            self.method_answers += 1


async def _quietly(work: Any) -> None:
    try:
        await work
    except (Cut, OSError):
        return
