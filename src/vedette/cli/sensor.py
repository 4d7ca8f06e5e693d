"""``vedette sensor``: see what has no agent, from capture files or an interface; needs no running platform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vedette.cli.session import OutputOption

ZeekOption = Annotated[
    Path | None, typer.Option("--zeek", metavar="DIRECTORY", help="Write logs there as Zeek does, JSON lines.")
]


def read(
    files: Annotated[list[Path], typer.Argument(help="Captures: pcap or pcapng, also with gzip.")],
    output: OutputOption = "table",
    zeek: ZeekOption = None,
) -> None:
    """Read captures: inventory, protocols, external connections, broken rules and alerts."""
    from vedette.sensor import read_files  # noqa: PLC0415 - other commands need none of it

    raise typer.Exit(read_files(files, is_json=output == "json", zeek=zeek))


def run(
    interface: Annotated[str, typer.Option("--interface", "-i", help="Where to listen; nothing is sent there.")],
    for_s: Annotated[
        float | None, typer.Option("--for", help="Seconds; until interrupted by default.", min=0.1)
    ] = None,
    output: OutputOption = "table",
    zeek: ZeekOption = None,
) -> None:
    """Listen on an interface until interrupted, then print what was seen; alerts are printed as they come."""
    from vedette.sensor import listen  # noqa: PLC0415 - other commands need none of it

    raise typer.Exit(listen(interface, for_s=for_s, is_json=output == "json", zeek=zeek))
