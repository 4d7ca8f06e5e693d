"""The tree as a whole: what other programs rely on, and what every command has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from vedette.cli import build_cli

PROGRAM: Any = typer.main.get_command(build_cli())  # Any: the framework's own


def leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    for name, each in getattr(command, "commands", {}).items():
        if getattr(each, "commands", None):
            yield from leaves(f"{path}{name} ", each)
        else:
            yield f"{path}{name}", each


LEAVES = dict(leaves("", PROGRAM))
LOCAL = {"up", "demo", "ledger verify", "ledger export", "config check", "config show", "recover-admin"}
# Of policies as files, of captures, and of this machine: no platform is asked.
LOCAL |= {"policy check", "policy test", "sensor read", "sensor run", "sensor enroll", "listener check"}
LOCAL |= {"sensor train", "sensor classify", "sensor read-logs", "sensor baseline", "sensor second-opinion"}
READS = {
    "status",
    "login-link",
    "login",
    "logout",
    *(name for name in LEAVES if name.rpartition(" ")[2] in {"list", "show", "tail", "own", "reports", "checkpoint"}),
    "device certificates",
    "device history",
    "device accesses",
    "enrollment registrations",
    "enrollment pending",
    "command feedback",
    "group members",
    "query",
    "device keys",
    "module keys",
    "service-policy connection-string",
    "access explain",
    "decision export",
    "policy diff",
    "quarantine preview",
    "policy simulate",
    "policy simulations",
    "policy status",
    "review export",
    "role kinds",
    "role rights",
    *(f"segment {verb}" for verb in ("compare-mud", "compile", "drift", "mud", "paths", "replay", "verify")),
    *(f"zone {verb}" for verb in ("diff", "members", "plan", "plans")),
    "signal risky",
    "alert overview",
    "alert groups",
    "alert export",
    "alert slice",
    "exception preview",
    "asset export",
    "asset count",
    "link protocols",
    "capture report",
    "capture download",
    *(f"report {verb}" for verb in ("alerts", "inventory", "vulnerabilities")),
    "advisory feeds",
    "vulnerability summary",
    "vulnerability exposures",
    "vulnerability export",
    "link operations",
    "link external",
    "link map",
    "snapshot changes",
}
DESTRUCTIVE = {
    "zone remove",
    "zone discard",
    "conduit remove",
    "capture delete",
    "device retire",
    "device delete",
    "device revoke",
    "enrollment delete",
    "authority remove",
    "advisory remove",
    "address-list remove",
    "access-list remove",
    "clock accept",
    "twin patch",
    "twin replace",
    "command purge",
    "module delete",
    "module rotate-key",
    "device rotate-key",
    "group delete",
    "person delete",
    "passkey remove",
    "service-policy delete",
    "token revoke",
    "service-policy rotate",
}


def options(command: Any) -> set[str]:
    return {name for each in command.params for name in each.opts}


def test_the_names_other_programs_rely_on_are_there() -> None:
    assert {
        "up",
        "status",
        "demo",
        "login-link",
        "device list",
        "device show",
        "device disable",
        "device enable",
        "ledger verify",
        "ledger export",
        "service-policy connection-string",
        "telemetry tail",
    } <= set(LEAVES)
    assert {"--config", "--data"} <= options(LEAVES["up"])


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_command_and_parameter_explains_itself(name: str) -> None:
    command = LEAVES[name]
    assert command.help
    assert command.help.splitlines()[0].endswith(".")
    for parameter in command.params:
        assert parameter.help, parameter.name


@pytest.mark.parametrize("name", sorted(set(LEAVES) - LOCAL))
def test_every_command_that_asks_the_api_can_be_pointed_at_one(name: str) -> None:
    assert {"--data", "--url", "--token-file", "--ca-file", "--output"} <= options(LEAVES[name])


@pytest.mark.parametrize("name", sorted(set(LEAVES) - LOCAL - READS))
def test_every_change_has_a_dry_run(name: str) -> None:
    assert "--dry-run" in options(LEAVES[name])


@pytest.mark.parametrize("name", sorted(DESTRUCTIVE))
def test_every_destructive_change_asks_or_is_told(name: str) -> None:
    assert "--yes" in options(LEAVES[name])
