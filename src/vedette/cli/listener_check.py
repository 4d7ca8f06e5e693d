"""``vedette listener check``: do the processes listen on what the configuration declares, and on nothing else?"""

from __future__ import annotations

import os

import typer

from vedette.cli.output import Output
from vedette.cli.platform import ConfigOption
from vedette.cli.problems import FAILED, exit_code_of
from vedette.cli.session import DataOption, OutputOption
from vedette.kernel import Problem

_EVERYBODY = "everybody"


def check(config: ConfigOption = None, data: DataOption = None, output: OutputOption = "table") -> None:
    """Compare open ports with the configuration; exit code 1 on any difference.

    Run it on the platform's host, as its user or as root.
    """
    from vedette.app import check_open_ports  # noqa: PLC0415 - costs 100 ms

    shown = Output(output)
    try:
        findings = check_open_ports(config, data, os.environ)
    except Problem as problem:
        shown.problem(problem)
        raise typer.Exit(exit_code_of(problem)) from None
    differences = [each for each in findings if each.standing != "as declared"]
    if shown.is_json:
        shown.json(
            {
                "is_as_declared": not differences,
                "listeners": [
                    {
                        "address": each.address,
                        "port": each.port,
                        "standing": each.standing,
                        "purpose": each.purpose,
                        "option": each.option,
                        "process": each.process,
                        "is_private": each.is_private,
                        "allowed_networks": list(each.allowed),
                    }
                    for each in findings
                ],
            }
        )
    else:
        shown.table(
            ("port", "address", "standing", "for", "option", "process", "reach", "may connect"),
            [
                (
                    each.port,
                    each.address,
                    each.standing,
                    each.purpose,
                    each.option,
                    each.process,
                    "private" if each.is_private else "public",
                    ", ".join(each.allowed) or _EVERYBODY,
                )
                for each in findings
            ],
        )
    if differences:
        shown.note(
            f"{len(differences)} listener{'s differ' if len(differences) > 1 else ' differs'}: see docs/listeners.md"
        )
        raise typer.Exit(FAILED)
    shown.note("Everything that is open is declared, and everything declared is open.")
