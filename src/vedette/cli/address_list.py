"""``vedette address-list``: whom addresses of the internet are assigned to, as a list says that you import."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from vedette.cli.change import Change, DryRunOption, YesOption, perform
from vedette.cli.files import read_small_file
from vedette.cli.output import show_time
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote

_FILE_MAX_BYTES: Final = 256 * 1024 * 1024
_PART_LINES: Final = 30_000
_IMPORT_S: Final = 120.0
_GZIP: Final = b"\x1f\x8b"
_ReasonOption = Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; it stands in the ledger.")]


@remote
def show(session: Session) -> None:
    """Show the list that counts, and how old it is."""
    found = session.client.get("/v1/address-list").body
    if session.output.is_json:
        session.output.json(found)
    elif found["list"] is None:
        session.output.line("No list was imported: vedette address-list import FILE")
    else:
        session.output.details(_told(found["list"]), title=found["list"]["name"] or found["list"]["list_id"])


@remote
def import_list(
    session: Session,
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="ip2asn's TSV, or CSV: start, end, asn, country, name; plain or gzip.",
            show_default=False,
        ),
    ],
    *,
    dry_run: DryRunOption = False,
) -> None:
    """Import a list; it counts once all of it was taken, and the one before is forgotten."""
    parts = list(_parts(path))
    if dry_run:
        session.output.note(f"{len(parts)} parts would be handed over. Nothing was changed.")
        return
    taken: dict[str, Any] = {"list_id": ""}
    for number, content in enumerate(parts, 1):
        body = {
            "name": path.name[:256],
            "content": content,
            "list_id": taken["list_id"],
            "is_last": number == len(parts),
        }
        taken = session.client.send("POST", "/v1/address-list", body, answer_s=_IMPORT_S).body
        if len(parts) > 1:
            session.output.note(f"part {number} of {len(parts)}")
    if session.output.is_json:
        session.output.json(taken)
    else:
        session.output.line(
            f"{taken['ranges_v4'] + taken['ranges_v6']} ranges have an owner, {taken['skipped']} lines name none."
        )


@remote
def remove(
    session: Session, *, reason: _ReasonOption = "", dry_run: DryRunOption = False, yes: YesOption = False
) -> None:
    """Take the list away; what it said of connections stays with them."""
    change = Change(
        summary="take the list of addresses away",
        method="POST",
        path="/v1/address-list/remove",
        body={"reason": reason},
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is not None and session.output.is_json:
        session.output.json(answer.body)
    elif answer is not None:
        session.output.line("The list of addresses is taken away.")


def _told(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "imported": show_time(found["imported_at"]),
        "by": found["imported_by"],
        "ranges of IPv4": found["ranges_v4"],
        "ranges of IPv6": found["ranges_v6"],
        "lines without an owner": found["skipped"],
    }


def _parts(path: Path) -> Iterator[str]:
    """Yield the lines of a list in parts that the API takes; each with the heading, where there is one."""
    plain = read_small_file(path, "a list of addresses", max_bytes=_FILE_MAX_BYTES)
    if plain.startswith(_GZIP):
        stream = zlib.decompressobj(wbits=31)
        try:
            plain = stream.decompress(plain, _FILE_MAX_BYTES + 1)
        except zlib.error as error:
            raise Usage(f"{path} is a damaged gzip file") from error
        if len(plain) > _FILE_MAX_BYTES:
            raise Usage(f"{path} holds more than {_FILE_MAX_BYTES} bytes")
    lines = plain.splitlines(keepends=True)
    if not lines:
        raise Usage(f"{path} is empty")
    heading = [] if lines[0][:1].isdigit() or (lines[0][:1] == b'"' and lines[0][1:2].isdigit()) else lines[:1]
    for start in range(len(heading), len(lines), _PART_LINES):
        content = gzip.compress(b"".join([*heading, *lines[start : start + _PART_LINES]]), mtime=0)
        yield base64.b64encode(content).decode("ascii")
