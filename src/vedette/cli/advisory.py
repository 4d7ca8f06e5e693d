"""``vedette advisory``: advisories about vulnerabilities, and what is known of how they are exploited."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from vedette.cli.advisory_files import Part, advisory_parts, catalog_part, score_parts
from vedette.cli.change import Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import FAILED
from vedette.cli.session import Session, remote

_IMPORT_S: Final = 300.0
_COUNTED: Final = ("added", "updated", "unchanged", "older")
_KeyArgument = Annotated[
    str, typer.Argument(metavar="ADVISORY", help="See `vedette advisory list`.", show_default=False)
]
_FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Plain or gzip.", show_default=False)]


@remote
def import_advisories(
    session: Session,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="CSAF 2.0 files, folders or zips of them.", show_default=False),
    ],
    *,
    dry_run: DryRunOption = False,
) -> None:
    """Import advisories: what is known already is passed over, so an import that broke off is simply run again."""
    totals: dict[str, Any] = dict.fromkeys(_COUNTED, 0) | {"files": 0, "refused": []}
    for part in advisory_parts(paths):
        totals["files"] += part.files
        if dry_run:
            continue
        body = {"name": part.name, "content": part.content}
        found = session.client.send("POST", "/v1/advisories", body, answer_s=_IMPORT_S).body
        for name in _COUNTED:
            totals[name] += found[name]
        totals["refused"] += found["refused"]
        session.output.note(f"{totals['files']} files: {_counts(totals)}")
    if session.output.is_json:
        session.output.json(totals)
    elif dry_run:
        session.output.line(f"{totals['files']} files would be handed over. Nothing was changed.")
    else:
        for each in totals["refused"]:
            session.output.line(f"{each['name']}: {each['reason']}")
        session.output.line(f"{totals['files']} files: {_counts(totals)}.")
    if totals["refused"]:
        raise typer.Exit(FAILED)


@remote
def import_known_exploited(session: Session, file: _FileArgument, *, dry_run: DryRunOption = False) -> None:
    """Import CISA's catalog of known exploited vulnerabilities (JSON or CSV)."""
    _import_feed(session, "kev", [catalog_part(file)], dry_run=dry_run)


@remote
def import_scores(session: Session, file: _FileArgument, *, dry_run: DryRunOption = False) -> None:
    """Import FIRST's scores of how likely vulnerabilities are exploited (EPSS, CSV)."""
    _import_feed(session, "epss", list(score_parts(file)), dry_run=dry_run)


@remote
def feeds(session: Session) -> None:
    """Show where what is known of vulnerabilities comes from, and how old it is."""
    found = session.client.get("/v1/vulnerability-feeds").body
    if session.output.is_json:
        session.output.json(found)
        return
    if not found:
        session.output.note("Nothing was imported: vedette advisory import PATH")
        return
    rows = [
        [
            each["name"],
            show_time(each["data_at"]),
            each["count"],
            each["version"],
            show_time(each["imported_at"]),
            each["imported_by"],
        ]
        for each in found
    ]
    session.output.table(("source", "data of", "entries", "version", "imported", "by"), rows)


@remote
def list_advisories(
    session: Session,
    *,
    text: Annotated[str | None, typer.Option(help="Somewhere in id, title or maker.")] = None,
    name: Annotated[str | None, typer.Option("--about", metavar="CVE", help="About this vulnerability.")] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List advisories."""
    show_list(
        session,
        "/v1/advisories",
        {"text": text, "name": name},
        columns={
            "advisory": lambda item: item["advisory_key"],
            "id": lambda item: item["advisory_id"],
            "score": lambda item: "" if item["score"] is None else item["score"],
            "released": lambda item: show_time(item["released_at"]),
            "vulnerabilities": lambda item: item["vulnerabilities"],
            "title": lambda item: item["title"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No advisory: vedette advisory import PATH",
    )


@remote
def show(session: Session, advisory: _KeyArgument) -> None:
    """Show an advisory: its products, its vulnerabilities, and what it says to do."""
    found = session.client.get(path_of("/v1/advisories/{}", advisory)).body
    if session.output.is_json:
        session.output.json(found)
        return
    line = found["advisory"]
    session.output.details(
        {
            "id": f"{line['advisory_id']} {line['version']} ({line['status']})",
            "publisher": line["publisher"],
            "released": show_time(line["released_at"]),
            "imported": f"{show_time(line['imported_at'])} by {line['imported_by']}",
            "url": line["url"],
            "sha256": line["sha256"],
        },
        title=line["title"],
    )
    session.output.table(
        ("vulnerability", "score", "affected products", "title"),
        [
            [each["name"], "" if each["score"] is None else each["score"], each["affected"], each["title"]]
            for each in found["vulnerabilities"]
        ],
    )
    session.output.table(
        ("product", "versions", "order numbers"),
        [[f"{each['vendor']} {each['name']}", each["versions"], each["codes"]] for each in found["products"]],
    )


@remote
def remove(
    session: Session,
    advisory: _KeyArgument,
    *,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Take an advisory away; what rests on it alone is no longer told."""
    change = Change(
        summary=f"take the advisory {advisory} away",
        method="POST",
        path=path_of("/v1/advisories/{}/remove", advisory),
        body={"reason": reason},
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is not None and session.output.is_json:
        session.output.json(answer.body)
    elif answer is not None:
        session.output.line(f"{advisory} is taken away.")


def _import_feed(session: Session, feed: str, parts: list[Part], *, dry_run: bool) -> None:
    found: Any = None  # Any: JSON
    for number, part in enumerate(parts, 1):
        if dry_run:
            continue
        body = {"name": part.name, "content": part.content}
        path = path_of("/v1/vulnerability-feeds/{}", feed)
        found = session.client.send("POST", path, body, answer_s=_IMPORT_S).body
        if len(parts) > 1:
            session.output.note(f"part {number} of {len(parts)}")
    if dry_run:
        session.output.note(f"{len(parts)} parts would be handed over. Nothing was changed.")
    elif session.output.is_json:
        session.output.json(found)
    else:
        session.output.line(f"{found['count']} entries, of {show_time(found['data_at'])}.")


def _counts(totals: dict[str, Any]) -> str:
    return ", ".join(f"{totals[name]} {name}" for name in _COUNTED) + f", {len(totals['refused'])} refused"
