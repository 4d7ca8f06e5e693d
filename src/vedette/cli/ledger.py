"""``vedette ledger``: what is on record, and the proof that nobody edited it; verifying needs no running platform."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vedette.cli.files import read_small_file
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import Output, show_actor, show_time, show_value
from vedette.cli.platform import ConfigOption
from vedette.cli.problems import FAILED, Usage, exit_code_of
from vedette.cli.session import DataOption, OutputOption, Session, remote
from vedette.kernel import Problem

if TYPE_CHECKING:
    from vedette.app import OfflineLedger
    from vedette.ledger import Report


@remote
def list_entries(
    session: Session,
    *,
    action: Annotated[str | None, typer.Option(help="Only this act, such as `registry.disable_device`.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only acts of this actor.")] = None,
    target: Annotated[str | None, typer.Option(help="Only acts on this generated id.")] = None,
    decision: Annotated[str | None, typer.Option(help="Only `allowed` or only `denied` ones.")] = None,
    since: Annotated[str | None, typer.Option(help="Only then or later, RFC 3339: `2026-11-22T10:00:00Z`.")] = None,
    until: Annotated[str | None, typer.Option(help="Only before that time.")] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List entries of the ledger, oldest first: who did what, to what, and why."""
    show_list(
        session,
        "/v1/ledger/entries",
        {
            "action": action,
            "actor": actor,
            "target": target,
            "decision": decision,
            "since": since,
            "until": until,
        },
        columns={
            "position": lambda item: item["position"],
            "at": lambda item: show_time(item["at"]),
            "actor": lambda item: show_actor(item["actor"]),
            "action": lambda item: item["action"],
            "target": lambda item: item["target_name"] or item["target"],
            "decision": lambda item: item["decision"],
            "reason": lambda item: item["reason"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No entries.",
    )


@remote
def show_entry(
    session: Session, position: Annotated[int, typer.Argument(min=1, help="Position of the entry in the log.")]
) -> None:
    """Show one entry with all its details."""
    found = session.client.get(f"/v1/ledger/entries/{position}").body
    if session.output.is_json:
        session.output.json(found)
        return
    actor = show_actor(found["actor"])
    session.output.details({**found, "actor": actor, "at": show_time(found["at"])})


@remote
def checkpoint(session: Session) -> None:
    """Print the newest signed checkpoint: kept elsewhere, it shows later whether the whole log was rewritten."""
    found = session.client.get("/v1/ledger/checkpoint").body
    if session.output.is_json:
        session.output.json(found)
    else:
        sys.stdout.write("".join(char for char in str(found) if char == "\n" or char.isprintable()))


def verify(
    checkpoint_file: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", metavar="FILE", help="A checkpoint kept elsewhere, to find a rewrite or lost end."
        ),
    ] = None,
    export_file: Annotated[
        Path | None, typer.Option("--export", metavar="FILE", help="Verify an exported file instead of a database.")
    ] = None,
    output: OutputOption = "table",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Find any edit, deletion or reordering of the ledger.

    Reads the database itself, whether the platform runs or not. Exit code 0: intact; 1: something is wrong, and what.
    """
    shown = Output(output)
    try:
        reports = _verify(checkpoint_file, export_file, data, config)
        _report(shown, reports)
    except Problem as problem:
        shown.problem(problem)
        raise typer.Exit(exit_code_of(problem)) from None
    if not all(report.is_intact for report in reports):
        raise typer.Exit(FAILED)


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write; - for standard output.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the ledger as JSON lines, ending in a checkpoint; verify it anywhere with `ledger verify --export`."""
    shown = Output("table")
    try:
        count = _export(file, data, config, force=force)
    except Problem as problem:
        shown.problem(problem)
        raise typer.Exit(exit_code_of(problem)) from None
    shown.note(f"{count} entries written")


def _verify(
    checkpoint_file: Path | None, export_file: Path | None, data: Path | None, config: Path | None
) -> tuple[Report, ...]:
    from vedette.app import find_offline_ledger  # noqa: PLC0415 - costs 100 ms
    from vedette.ledger import verify_database, verify_export  # noqa: PLC0415 - costs 300 ms
    from vedette.trust import BadTrustAnchor  # noqa: PLC0415 - same

    note = None if checkpoint_file is None else _read_note(checkpoint_file)
    if export_file is None:
        found = find_offline_ledger(config, data, os.environ)
        return verify_database(
            found.url,
            checkpoint=note,
            organization_id=found.organization_id,
            kept=found.kept,
            public_key=_public_key(found),
        )
    try:
        key = _public_key(find_offline_ledger(config, data, os.environ))
    except BadTrustAnchor:
        key = None  # an exported file is verified anywhere; without the key, signatures are not
    try:
        with export_file.open("rb") as file:
            return (verify_export(file, checkpoint=note, public_key=key),)
    except OSError as error:
        raise Usage(f"{export_file} cannot be read: {error.strerror}") from error


def _public_key(found: OfflineLedger) -> Any:  # Any: cryptography is imported when it is needed
    return None if found.key is None else found.key.public_key()


def _read_note(path: Path) -> str:
    from vedette.ledger import InvalidCheckpoint, parse_checkpoint  # noqa: PLC0415 - costs 300 ms

    try:
        note = read_small_file(path, "the checkpoint").decode("utf-8")
        parse_checkpoint(note)
    except (UnicodeDecodeError, InvalidCheckpoint) as error:
        raise Usage(
            f"{path} is not a checkpoint: {error}", hint="make one: vedette ledger checkpoint > FILE"
        ) from error
    return note


def _report(shown: Output, reports: tuple[Report, ...]) -> None:
    if shown.is_json:
        shown.json(
            {"is_intact": all(report.is_intact for report in reports), "logs": [_json(each) for each in reports]}
        )
        return
    for report in reports:
        if report.is_intact:
            shown.line(f"Intact: {report.size} entries of {report.organization_id}, root {report.root}")
        else:
            count = len(report.findings) + report.findings_left_off
            shown.line(f"NOT INTACT: {count} finding{'' if count == 1 else 's'} in the log of {report.organization_id}")
            shown.table(
                ("position", "finding", "what is wrong"),
                [(finding.position, finding.kind.replace("_", " "), finding.detail) for finding in report.findings],
            )
            if report.findings_left_off:
                shown.line(f"and {report.findings_left_off} more")
        for note in report.notes:
            shown.note(f"note: {note}")


def _json(report: Report) -> dict[str, Any]:
    return {
        "organization_id": report.organization_id,
        "is_intact": report.is_intact,
        "size": report.size,
        "root": report.root,
        "findings": [{"position": each.position, "kind": each.kind, "detail": each.detail} for each in report.findings],
        "findings_left_off": report.findings_left_off,
        "notes": list(report.notes),
    }


def _export(file: Path, data: Path | None, config: Path | None, *, force: bool) -> int:
    from vedette.app import find_offline_ledger  # noqa: PLC0415 - costs 100 ms
    from vedette.ledger import CheckpointSigner  # noqa: PLC0415 - costs 300 ms
    from vedette.ledger import export as write  # noqa: PLC0415 - same

    found = find_offline_ledger(config, data, os.environ)
    signer = None if found.key is None else CheckpointSigner(found.key)
    if str(file) == "-":
        return write(found.url, found.organization_id, sys.stdout.buffer, signer=signer)
    try:
        with file.open("wb" if force else "xb") as out:
            return write(found.url, found.organization_id, out, signer=signer)
    except FileExistsError as error:
        raise Usage(f"{file} is there already", hint="choose another name, or --force") from error
    except OSError as error:
        raise Usage(f"{show_value(str(file))} cannot be written: {error.strerror}") from error
