"""``vedette report``: inventory, alerts and vulnerabilities as PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vedette.cli.capture import write_answer
from vedette.cli.session import Session, remote

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the PDF.", show_default=False)]
SiteOption = Annotated[str | None, typer.Option("--site", metavar="SITE", help="Only at this site.")]


@remote
def inventory(session: Session, file: FileArgument, *, site: SiteOption = None) -> None:
    """Print the inventory: how many assets of what kinds, and the first thousand."""
    write_answer(session, session.client.get("/v1/reports/inventory", {"site": site}).body, file)


@remote
def alerts(
    session: Session,
    file: FileArgument,
    *,
    site: SiteOption = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only those last seen then or later.")] = None,
) -> None:
    """Print alerts: how many there are, and the youngest thousand."""
    write_answer(session, session.client.get("/v1/reports/alerts", {"site": site, "since": since}).body, file)


@remote
def vulnerabilities(session: Session, file: FileArgument, *, site: SiteOption = None) -> None:
    """Print vulnerabilities: what they come to, and the thousand that matter most."""
    write_answer(session, session.client.get("/v1/reports/vulnerabilities", {"site": site}).body, file)
