"""What is said once the platform runs: where it is, and what somebody who sees it for the first time does next."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.kernel import escape_shell

if TYPE_CHECKING:
    from vedette.app import Plan, Ready


def announce_up(ready: Ready) -> list[str]:
    """Return the lines for ``vedette up``."""
    command = command_for(ready.plan)
    lines = ["", f"Vedette {ready.plan.version} is ready.", "", *_addresses(ready), "", "Next:"]
    if ready.is_first_start:
        lines += [
            "  1. Open the console by the link above, and register a passkey: then you need no further link.",
            f"  2. Let devices in: register their maker's authority ({command} authority add --help)",
            f"     and open an enrollment for it ({command} enrollment create-group --help).",
            f"  3. Give each device host, ID scope and root certificate; see who comes: {command} device list",
            f"  To see devices at work without having any: {program_name()} demo",
        ]
    else:
        lines += [
            f"  {command} status          what runs, what is wrong, what to do",
            f"  {command} device list     who is registered",
            f"  {command} refusal list    who was refused, and why",
        ]
    return [*lines, "", "Ctrl-C ends it.", ""]


def announce_demo(ready: Ready, devices: int, *, has_plant: bool = True) -> list[str]:
    """Return the lines for ``vedette demo``."""
    command = command_for(ready.plan)
    simulated = f"{devices} simulated devices" + (" and a plant" if has_plant else "")
    return [
        "",
        f"Vedette {ready.plan.version} is ready, with {simulated}.",
        "",
        *_addresses(ready),
        "",
        "Try in another terminal:",
        f"  {command} device list",
        f"  {command} telemetry tail              what the devices send",
        f"  {command} twin show boiler-1          what it reports, what is wished of it",
        f"  {command} method invoke meter-1 ping  ask it something",
        f"  {command} device disable pump-2       its connection is cut at once",
        f"  {command} refusal list                who was refused, why, and what to do",
        f"  {command} device enable pump-2        it comes back by itself",
        f"  {command} clone-alert list            whose key somebody has copied",
        *(_plant(command) if has_plant else ()),
        f"  {command} ledger verify               every step is on record, unedited",
        "",
        "Ctrl-C ends it; started again, it goes on where it was.",
        "",
    ]


def _plant(command: str) -> list[str]:
    return [
        f"  {command} asset list                  what a sensor saw of the plant",
        f"  {command} alert list                  what it raised; a minute and a half from now there is something",
        f"  {command} vulnerability list          which of it an advisory is about",
        f"  {command} zone propose                how it could be divided",
    ]


def program_name() -> str:
    """Return how this program was called, so that a line can be copied: it need not be on PATH."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{escape_shell(sys.executable)} -m vedette.cli"
    found = shutil.which("vedette")
    if found is not None and called.exists() and Path(found).samefile(called):
        return "vedette"
    return escape_shell(str(called))


def command_for(plan: Plan) -> str:
    """Return the command with what it needs to find the platform from another terminal."""
    if plan.is_default_data and "VEDETTE_DATA" not in plan.environment:
        return program_name()
    data = plan.data.path
    try:
        shown = f"./{data.relative_to(Path.cwd())}"
    except ValueError:
        shown = str(data)
    return f"VEDETTE_DATA={escape_shell(shown)} {program_name()}"


def _further(ready: Ready) -> dict[str, str]:
    """Return the addresses that are there only if somebody wants them."""
    configuration = ready.plan.configuration
    hostname, facts = configuration.server.hostname, {}
    if configuration.gateway.websocket_port:
        facts["or, by WebSocket, to"] = f"{hostname}:{configuration.gateway.websocket_port}"
    if configuration.service.port:
        command = f"{command_for(ready.plan)} service-policy connection-string iothubowner"
        facts["Programs (SDKs)"] = f"{hostname}:{configuration.service.port}, the service API: {command}"
    return facts


def _addresses(ready: Ready) -> list[str]:
    plan = ready.plan
    link = f"another one: {command_for(ready.plan)} login-link"
    facts = {
        "Console": ready.login_url,
        "": f"(good once, within the hour; {link})",
        "Devices connect to": f"{plan.configuration.server.hostname}:{plan.configuration.gateway.port}, TLS: "
        "MQTT and provisioning (DPS)",
        **_further(ready),
        "ID scope": ready.id_scope,
        "Root certificate": f"{plan.data.root_certificate} (devices must trust it)",
        "Data directory": str(plan.data.path),
    }
    return [f"  {name:<20}{value}" for name, value in facts.items()]
