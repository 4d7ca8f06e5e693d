"""``vedette config``: what is wrong with the configuration, and what holds; needs no running platform."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vedette.cli.output import Output
from vedette.cli.platform import ConfigOption
from vedette.cli.problems import FAILED, exit_code_of
from vedette.cli.session import DataOption, OutputOption
from vedette.kernel import Problem

if TYPE_CHECKING:
    from vedette.app import Finding, ReadConfiguration


def check(config: ConfigOption = None, data: DataOption = None, output: OutputOption = "table") -> None:
    """Explain every problem of the configuration at once, with line numbers."""
    from vedette.app import BadConfiguration  # noqa: PLC0415 - costs 100 ms

    shown = Output(output)
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    try:
        warnings = _read(config, data)[0].warnings
    except BadConfiguration as problem:
        findings = problem.findings
    except Problem as problem:
        shown.problem(problem)
        raise typer.Exit(exit_code_of(problem)) from None
    if shown.is_json:
        kinds = (("error", findings), ("warning", warnings))
        shown.json(
            {
                "is_usable": not findings,
                "findings": [
                    {"severity": severity, "where": each.where, "line": each.line, "message": each.message}
                    for severity, found in kinds
                    for each in found
                ],
            }
        )
    for each in (*findings, *warnings) if not shown.is_json else ():
        shown.line(str(each))
    if findings:
        shown.note(f"{len(findings)} problem{'s' if len(findings) > 1 else ''}; docs/reference/configuration.md")
        raise typer.Exit(FAILED)
    shown.note("The configuration can be used.")


def show(
    config: ConfigOption = None,
    data: DataOption = None,
    output: OutputOption = "table",
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also options that stand at their default.")] = False,
) -> None:
    """Show the options that hold, and where each was set."""
    from vedette.app import all_options  # noqa: PLC0415 - costs 100 ms

    shown = Output(output)
    try:
        read, directory = _read(config, data)
    except Problem as problem:
        shown.problem(problem)
        raise typer.Exit(exit_code_of(problem)) from None
    rows: list[tuple[str, object, str]] = []
    for option in all_options():
        name = f"{option.section}.{option.key}"
        value = getattr(getattr(read.configuration, option.section), option.key)
        if everything or shown.is_json or name in read.sources:
            rows.append((name, _plain(value), read.sources.get(name, "default")))
    if shown.is_json:
        shown.json({name: {"value": value, "source": source} for name, value, source in rows})
        return
    if rows:
        shown.table(("option", "value", "set in"), rows)
    else:
        shown.note("Every option stands at its default; see them with --all.")
    shown.note(f"Data directory: {directory}")


def _read(config: Path | None, data: Path | None) -> tuple[ReadConfiguration, Path]:
    from vedette.app import find_configuration  # noqa: PLC0415 - costs 100 ms

    read, directory = find_configuration(config, data, os.environ)
    return read, directory.path


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
