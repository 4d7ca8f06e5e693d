"""``vedette sensor read-logs`` and ``second-opinion``: what other monitors make of it; needs no running platform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vedette.cli.session import ReportOption


def read_logs(
    paths: Annotated[list[Path], typer.Argument(help="Logs, or folders of them; also rotated, also with gzip.")],
    form: Annotated[
        Literal["zeek", "eve"] | None, typer.Option("--form", help="Whose; else the first records tell.")
    ] = None,
    *,
    must_follow: Annotated[bool, typer.Option("--follow", help="Go on with what is added, until interrupted.")] = False,
    output: ReportOption = "table",
    zeek: Annotated[
        Path | None, typer.Option("--zeek", metavar="DIRECTORY", help="Write logs there as Zeek does, JSON lines.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="Changes the catalogue of rules; TOML.")
    ] = None,
) -> None:
    """Read logs of Zeek (JSON) or Suricata (EVE) in place of packets; the report is the same."""
    from vedette.sensor import read_logs as read_them  # noqa: PLC0415 - other commands need none of it

    is_json = output == "json"
    raise typer.Exit(
        read_them(paths, form=form or "", must_follow=must_follow, is_json=is_json, zeek=zeek, rules=rules)
    )


def second_opinion(
    files: Annotated[list[Path], typer.Argument(help="Captures: pcap or pcapng, also with gzip.")],
    output: ReportOption = "table",
) -> None:
    """Ask tshark, if it is installed, about the flows whose protocol the sensor does not know or only assumes."""
    from vedette.sensor import ask_again  # noqa: PLC0415 - other commands need none of it

    raise typer.Exit(ask_again(files, is_json=output == "json"))
