"""``vedette method``: ask a connected device to do something, and wait for what it answers."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from vedette.cli.change import Change, DryRunOption, perform
from vedette.cli.client import path_of
from vedette.cli.device import DeviceArgument
from vedette.cli.files import read_json
from vedette.cli.output import show_json
from vedette.cli.problems import FAILED
from vedette.cli.session import Session, remote
from vedette.cli.twin import ModuleOption

_FAILURES_FROM: Final = 400
# What the platform needs on top of what the device may take.
_SPARE_S: Final = 30


@remote
def invoke(
    session: Session,
    device_id: DeviceArgument,
    method: Annotated[str, typer.Argument(metavar="METHOD", help="What the device calls it.", show_default=False)],
    *,
    payload: Annotated[
        str, typer.Option("--payload", "-p", metavar="JSON|@FILE|-", help="What it is given; `-` reads standard input.")
    ] = "null",
    timeout_s: Annotated[
        int, typer.Option("--timeout", min=5, max=300, metavar="SECONDS", help="How long it may take to answer.")
    ] = 30,
    connect_timeout_s: Annotated[
        int,
        typer.Option(
            "--connect-timeout", min=0, max=300, metavar="SECONDS", help="How long to wait until it is there."
        ),
    ] = 0,
    module: ModuleOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Invoke a direct method and print the answer; ends with 1 when the device answers a status of 400 or more."""
    if module is None:
        path = path_of("/v1/devices/{}/methods/{}", device_id, method)
    else:
        path = path_of("/v1/devices/{}/modules/{}/methods/{}", device_id, module, method)
    body = {
        "payload": read_json(payload, "--payload"),
        "response_timeout_s": timeout_s,
        "connect_timeout_s": connect_timeout_s,
    }
    whom = device_id if module is None else f"{device_id}/{module}"
    change = Change(
        summary=f"invoke {method} of {whom}",
        method="POST",
        path=path,
        body=body,
        after=body,
        shown=show_json,
        answer_s=timeout_s + connect_timeout_s + _SPARE_S,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    status = answer.body["status"]
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.note(f"{whom} answered with status {status}.")
        session.output.document(answer.body["payload"])
    if status >= _FAILURES_FROM:
        raise typer.Exit(FAILED)
