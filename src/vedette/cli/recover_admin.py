"""``vedette recover-admin``: the way back in when nobody can log in; needs no running platform."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from vedette.cli.output import Output, show_time, tell
from vedette.cli.platform import ConfigOption
from vedette.cli.problems import exit_code_of
from vedette.cli.session import DataOption, OutputOption
from vedette.kernel import Problem, to_rfc3339


def recover_admin(
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; it stands in the ledger.")],
    ends_sessions: Annotated[
        bool, typer.Option("--end-sessions", help="Log everybody out, for when somebody else got in.")
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    output: OutputOption = "table",
) -> None:
    """Print a link that lets an administrator in, once, within the hour; for when nobody can log in any more.

    Only the user who owns the data directory may, while the platform is stopped. While it runs and you own its data,
    `vedette login-link` does the same.
    """
    from vedette.app import recover_admin as recover  # noqa: PLC0415 - costs 100 ms

    shown = Output(output)
    try:
        found = recover(config, data, os.environ, reason=reason, ends_sessions=ends_sessions)
    except Problem as problem:
        shown.problem(problem)
        raise typer.Exit(exit_code_of(problem)) from None
    if shown.is_json:
        shown.json({"url": found.url, "expires_at": to_rfc3339(found.expires_at), "sessions_ended": found.ended})
        return
    shown.line(found.url)
    tell(f"Start the platform (vedette up) and open it before {show_time(to_rfc3339(found.expires_at))}.")
    if ends_sessions:
        tell(f"{found.ended} sessions were ended.")
