"""``vedette status`` and ``vedette login-link``: is anything wrong, and how to look at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from vedette.cli.output import show_time
from vedette.cli.problems import FAILED, Unreachable
from vedette.cli.role import GroupOption, RoleName, SiteOption
from vedette.cli.session import Session, remote

_RoleOption = Annotated[RoleName, typer.Option("--role", help="See `vedette role kinds`.")]
_MARKS: Final = {"ok": "ok", "warning": "WARNING", "failed": "FAILED"}


@remote
def status(session: Session) -> None:
    """Show what runs, what is wrong and what to do.

    The exit code is 0 when everything works, warnings included, and 1 when something failed or nothing runs.
    """
    try:
        found = session.client.get("/v1/status").body
    except Unreachable:
        _show_processes(session)
        raise
    if session.output.is_json:
        session.output.json(found)
    else:
        _show(session, found)
    if found["health"] == "failed":
        raise typer.Exit(FAILED)


@remote
def login_link(
    session: Session, *, role: _RoleOption = "admin", site: SiteOption = None, group: GroupOption = None
) -> None:
    """Make a link that logs a browser in to the console, once.

    Whoever opens it acts with the role that it gives, and can register a passkey to become a person who has it.
    """
    body = {"role": role, "sites": list(site or ()), "groups": list(group or ())}
    found = session.client.send("POST", "/v1/login-links", body).body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.line(found["url"])
    session.output.note(f"Good once, until {show_time(found['expires_at'])}; whoever opens it is {role}.")


def _show(session: Session, found: Mapping[str, Any]) -> None:
    devices = found["devices"]
    lifecycle = ", ".join(f"{count} {state}" for state, count in sorted(devices["by_lifecycle"].items()) if count)
    known = f"{devices['total']} ({lifecycle})" if lifecycle else str(devices["total"])
    session.output.details(
        {
            "health": _MARKS.get(found["health"], found["health"]),
            "version": found["version"],
            "running since": show_time(found["started_at"]),
            "host name": found["hostname"],
            "ID scope": found["id_scope"],
            "devices": f"{known}, {devices['disabled']} disabled, {devices['blocked']} blocked",
            "connected": found["sessions"],
            "ledger": _ledger(found),
        }
    )
    session.output.line("")
    session.output.table(
        ("component", "health", "detail", "what to do"),
        [
            (each["name"], _MARKS.get(each["health"], each["health"]), each["detail"], each["hint"])
            for each in found["components"]
        ],
    )


def _show_processes(session: Session) -> None:
    """Show what the supervisor knows, for a platform of this machine whose API does not answer."""
    state = session.client.target.state
    if state is None or session.output.is_json:
        return
    session.output.details(
        {"health": _MARKS["failed"], "version": state.version, "state": state.state, "supervisor": state.pid}
    )
    session.output.line("")
    session.output.table(
        ("process", "phase", "pid", "restarts", "last exit"),
        [(each.name, each.phase, each.pid, each.restarts, each.last_exit) for each in state.processes],
    )


def _ledger(found: Mapping[str, Any]) -> str:
    size, covered = found["ledger_size"], found["checkpoint_size"]
    return f"{size} entries, " + ("no checkpoint yet" if covered is None else f"checkpoint of {covered}")
