"""``vedette approval`` and ``vedette command-schema``: acts that wait for another person; what devices may be told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vedette.cli.change import Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote

SCHEMA_MAX_BYTES = 65_536
_Argument = Annotated[
    str, typer.Argument(metavar="APPROVAL_ID", help="See `vedette approval list`.", show_default=False)
]
_NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="It stands in the ledger.")]


@remote
def list_approvals(
    session: Session,
    *,
    is_open: Annotated[bool, typer.Option("--open", help="Only those that wait.")] = False,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List acts that wait, or waited, for another person; the youngest first."""
    show_list(
        session,
        "/v1/approvals",
        {"is_open": "true" if is_open else None},
        columns={
            "act": lambda item: item["approval_id"],
            "asked by": lambda item: item["asked_by_name"] or item["asked_by"],
            "what": lambda item: f"{item['method']} {item['path']}",
            "state": lambda item: item["state"],
            "until": lambda item: show_time(item["expires_at"]),
            "decided by": lambda item: item["decided_by"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nothing waits for approval.",
    )


@remote
def show(session: Session, approval_id: _Argument) -> None:
    """Show an act with what was sent, so that it can be judged."""
    found = session.client.get(path_of("/v1/approvals/{}", approval_id)).body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.details({name: found[name] for name in found if name != "body"})
    session.output.line("")
    for line in str(found["body"]).splitlines():
        session.output.line(line)


@remote
def approve(session: Session, approval_id: _Argument, *, note: _NoteOption = "", dry_run: DryRunOption = False) -> None:
    """Approve somebody else's act; they then repeat exactly the same request."""
    _decide(session, approval_id, "approve", note, dry_run=dry_run)


@remote
def refuse(session: Session, approval_id: _Argument, *, note: _NoteOption = "", dry_run: DryRunOption = False) -> None:
    """Refuse somebody's act, or take back one's own."""
    _decide(session, approval_id, "refuse", note, dry_run=dry_run)


@remote
def list_schemas(session: Session) -> None:
    """List what devices may be told; those for which nothing is listed take everything."""
    show_list(
        session,
        "/v1/command-schemas",
        {},
        columns={
            "schema": lambda item: item["schema_id"],
            "kind": lambda item: item["kind"],
            "command": lambda item: item["command"],
            "class": lambda item: item["device_class"] or "any",
            "group": lambda item: item["group_id"] or "any",
            "description": lambda item: item["description"],
            "by": lambda item: item["created_by"],
        },
        limit=1000,
        after="",
        everything=False,
        empty="Nothing is listed: every device takes every command.",
    )


@remote
def add_schema(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Schema of the payload.", show_default=False)],
    *,
    kind: Annotated[Literal["method", "command"], typer.Option(help="A method's call, or a message.")] = "method",
    name: Annotated[str, typer.Option("--name", metavar="METHOD", help="The method's name; `*` for any.")] = "*",
    device_class: Annotated[str, typer.Option("--class", metavar="CLASS", help="Of the devices.")] = "",
    group: Annotated[str, typer.Option("--group", metavar="GROUP", help="That the devices are in.")] = "",
    description: Annotated[str, typer.Option(help="What for.")] = "",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Restrict what devices of a class or group may be told: from then on they take nothing that is not listed."""
    body = {
        "kind": kind,
        "command": name,
        "device_class": device_class,
        "group": group,
        "json_schema": _read(file),
        "description": description,
    }
    change = Change(
        summary=f"restrict what devices of {device_class or group or 'no class or group'} may be told",
        method="POST",
        path="/v1/command-schemas",
        body=body,
        after=body,
        warning="They take no other commands any more.",
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{answer.body['schema_id']} is registered.")


@remote
def remove_schema(
    session: Session,
    schema_id: Annotated[str, typer.Argument(metavar="SCHEMA_ID", help="See `vedette command-schema list`.")],
    *,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Take a schema away; without the last one for them, devices take every command again."""
    change = Change(
        summary=f"remove the command schema {schema_id}",
        method="DELETE",
        path=path_of("/v1/command-schemas/{}", schema_id),
        params={"reason": reason},
        warning="Devices for which nothing else is listed take every command again.",
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{schema_id} is removed.")


def _decide(session: Session, approval_id: str, verb: str, note: str, *, dry_run: bool) -> None:
    path = path_of(f"/v1/approvals/{{}}/{verb}", approval_id)
    change = Change(summary=f"{verb} the act {approval_id}", method="POST", path=path, body={"note": note})
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    found = answer.body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.line(f"{approval_id} is {found['state']}.")
    if found["state"] == "approved":
        session.output.note(f"{found['asked_by_name'] or found['asked_by']} repeats exactly the same request now.")


def _read(file: Path) -> Any:  # Any: JSON
    try:
        with file.open("rb") as opened:
            raw = opened.read(SCHEMA_MAX_BYTES + 1)
        found = json.loads(raw) if len(raw) <= SCHEMA_MAX_BYTES else None
    except (OSError, ValueError) as error:
        raise Usage(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise Usage(f"{file} holds no JSON Schema of at most {SCHEMA_MAX_BYTES} bytes")
    return found
