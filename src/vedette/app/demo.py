"""The demo's fleet beside a platform: one more program, which speaks to it as an operator and as devices do."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vedette.app.child import READY_DESCRIPTOR, Program
from vedette.app.data_directory import default_data_path
from vedette.app.plan import Plan


def demo_data_path(environment: Mapping[str, str]) -> Path:
    """Return the data directory of the demo: beside the usual one, never the same."""
    return default_data_path(environment).with_name("vedette-demo")


def demo_programs(plan: Plan, facts: Mapping[str, Any], *, devices: int) -> tuple[Program, ...]:  # Any: JSON
    """Return what plays the demo's devices, ready once they are connected.

    Args:
        plan: The platform's; nothing is returned when its API is not plain HTTP on loopback.
        facts: What the platform's processes announced.
        devices: How many.
    """
    api = urlsplit(plan.api_url)
    if api.scheme != "http":
        return ()
    arguments = (
        f"--api-host={api.hostname}",
        f"--api-port={api.port}",
        f"--token-file={plan.data.operator_token}",
        f"--host={plan.configuration.server.hostname}",
        f"--port={plan.configuration.gateway.port}",
        f"--root={plan.data.root_certificate}",
        f"--id-scope={facts['id_scope']}",
        f"--folder={plan.data.path / 'demo'}",
        f"--devices={devices}",
        f"--ready={READY_DESCRIPTOR}",
    )
    command = (sys.executable, "-P", "-m", "vedette.simulation", *arguments)
    return (Program(name="demo", command=command, environment=plan.child_environment()),)
