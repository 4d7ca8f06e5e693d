"""The demo's fleet and plant beside a platform: programs that speak to it as an operator and as devices do."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from vedette.app.child import READY_DESCRIPTOR, Program
from vedette.app.data_directory import default_data_path
from vedette.app.plan import Plan

_STOP_WITHIN_S: Final = 10.0


def demo_data_path(environment: Mapping[str, str]) -> Path:
    """Return the data directory of the demo: beside the usual one, never the same."""
    return default_data_path(environment).with_name("vedette-demo")


def demo_programs(
    plan: Plan,
    facts: Mapping[str, Any],  # Any: JSON
    *,
    devices: int,
    has_plant: bool = True,
    command: str = "vedette",
) -> tuple[Program, ...]:
    """Return what plays the demo's devices, ready once they are connected, and its plant, once its sensor listens.

    Args:
        plan: The platform's; nothing is returned when its API is not plain HTTP on loopback.
        facts: What the platform's processes announced.
        devices: How many.
        has_plant: Whether there is a plant.
        command: What runs ``vedette`` on this platform, to be shown to people.
    """
    api = urlsplit(plan.api_url)
    if api.scheme != "http":
        return ()
    common = (
        f"--api-host={api.hostname}",
        f"--api-port={api.port}",
        f"--token-file={plan.data.operator_token}",
        f"--host={plan.configuration.server.hostname}",
        f"--port={plan.configuration.gateway.port}",
        f"--root={plan.data.root_certificate}",
        f"--id-scope={facts['id_scope']}",
        f"--ready={READY_DESCRIPTOR}",
    )
    folder = plan.data.path / "demo"
    fleet = _program(plan, "demo", "vedette.simulation", *common, f"--folder={folder}", f"--devices={devices}")
    if not has_plant:
        return (fleet,)
    # The plant comes second: the maker that the fleet has made known makes its sensor too.
    plant = _program(
        plan, "plant", "vedette.simulation.plant", *common, f"--folder={folder / 'plant'}",
        f"--factory={folder / 'maker'}", f"--console={plan.api_url}", f"--command={command}",
    )  # fmt: skip
    return (fleet, plant)


def _program(plan: Plan, name: str, module: str, *arguments: str) -> Program:
    command = (sys.executable, "-P", "-m", module, *arguments)
    return Program(name=name, command=command, environment=plan.child_environment(), stop_within_s=_STOP_WITHIN_S)
