"""``vedette capture``: captures are uploaded in parts, analyzed by the platform, and told of in a report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal

import typer

from vedette.cli.change import Change, DryRunOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.files import write_private
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time, tell
from vedette.cli.problems import FAILED, Refused, Unreachable, Usage
from vedette.cli.session import Session, remote

CaptureArgument = Annotated[
    str, typer.Argument(metavar="CAPTURE_ID", help="See `vedette capture list`.", show_default=False)
]
_State = Literal["receiving", "waiting", "analyzing", "done", "failed", "canceled"]
_Section = Literal[
    "assets", "alerts", "vulnerabilities", "protocols", "operations", "links", "external_connections", "anomalies"
]
FileOption = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="Where to write it; standard output otherwise.")
]
_OPEN: Final = frozenset({"receiving", "waiting", "analyzing"})
_LOOK_EVERY_S: Final = 0.5
_TRIES: Final = 5
_WRONG_OFFSET: Final = "network.wrong_offset"
_PERCENT: Final = 100


@remote
def upload(
    session: Session,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="pcap or pcapng, also with gzip.", show_default=False)],
    *,
    site: Annotated[str, typer.Option("--site", metavar="SITE", help="Where it was taken.")] = "",
    is_taken_in: Annotated[
        bool, typer.Option("--take-in", help="Have the inventory of the site know what it holds.")
    ] = False,
    is_kept: Annotated[
        bool, typer.Option("--keep", help="Keep the file after the analysis; it may hold secrets.")
    ] = False,
    resume: Annotated[str, typer.Option("--resume", metavar="CAPTURE_ID", help="Go on with an upload.")] = "",
    must_wait: Annotated[bool, typer.Option("--wait", help="Return when it was analyzed.")] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Upload a capture; the platform analyzes it in a process that can do nothing else."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}") from error
    with file:
        size = file.seek(0, 2)
        body = {
            "name": path.name[:200],
            "size_bytes": size,
            "site": site,
            "is_taken_in": is_taken_in,
            "is_kept": is_kept,
        }
        if resume:
            capture = session.client.get(path_of("/v1/captures/{}", resume)).body
            if capture["size_bytes"] != size:
                raise Usage(f"the upload {resume} is of {capture['size_bytes']} bytes; {path} has {size}")
        else:
            change = Change(
                summary=f"upload the capture {path.name}", method="POST", path="/v1/captures", body=body, after=body
            )
            answer = perform(session, change, dry_run=dry_run)
            if answer is None:
                return
            capture = answer.body
        capture = _send(session, capture, file)
    if must_wait:
        capture = _wait(session, capture)
    _show(session, capture)
    if must_wait and capture["state"] != "done":
        raise typer.Exit(FAILED)


@remote
def list_captures(
    session: Session,
    *,
    state: Annotated[_State | None, typer.Option(help="Only in this state.")] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List captures, youngest first."""
    show_list(
        session,
        "/v1/captures",
        {"state": state},
        columns=_COLUMNS,
        limit=limit,
        after=after,
        everything=everything,
        empty="There is none: vedette capture upload FILE",
    )


@remote
def show(session: Session, capture_id: CaptureArgument) -> None:
    """Show how far a capture is, and what it came to."""
    _show(session, session.client.get(path_of("/v1/captures/{}", capture_id)).body)


@remote
def report(
    session: Session,
    capture_id: CaptureArgument,
    *,
    form: Annotated[
        Literal["text", "json", "csv", "pdf"], typer.Option("--format", help="For people, programs, tables, or print.")
    ] = "text",
    section: Annotated[_Section, typer.Option("--section", help="Of the report, for CSV.")] = "assets",
    file: FileOption = None,
) -> None:
    """Read what was found in a capture."""
    form = "json" if session.output.is_json and form == "text" else form
    params = {"format": "json" if form == "text" else form, "section": section if form == "csv" else None}
    found = session.client.get(path_of("/v1/captures/{}/report", capture_id), params).body
    if form == "text":
        _tell_report(session, found)
    elif form == "json" and file is None:
        session.output.document(found)
    else:
        write_answer(session, found, file)


@remote
def download(
    session: Session,
    capture_id: CaptureArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.", show_default=False)],
) -> None:
    """Fetch a capture that was kept; the ledger says that you did."""
    write_answer(session, session.client.get(path_of("/v1/captures/{}/content", capture_id)).body, file)


@remote
def cancel(session: Session, capture_id: CaptureArgument, *, dry_run: DryRunOption = False) -> None:
    """End an upload or an analysis; the file goes."""
    change = Change(
        summary=f"cancel the capture {capture_id}",
        method="POST",
        path=path_of("/v1/captures/{}/cancel", capture_id),
        after={"state": "canceled"},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is not None:
        _show(session, answer.body)


@remote
def delete(
    session: Session, capture_id: CaptureArgument, *, yes: YesOption = False, dry_run: DryRunOption = False
) -> None:
    """Delete a capture with its file and its report."""
    path = path_of("/v1/captures/{}", capture_id)
    before = session.client.get(path).body
    change = Change(
        summary=f"delete the capture {before['name']}",
        method="DELETE",
        path=path,
        before={"name": before["name"], "has_report": before["has_report"]},
        after={"name": None, "has_report": None},
        warning="Its report goes too.",
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is not None:
        session.output.note("It is deleted.")


def write_answer(session: Session, found: object, file: Path | None) -> None:
    """Write what the API answered to a file, or to standard output."""
    content = found if isinstance(found, bytes) else str(found).encode("utf-8", "replace")
    if file is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    write_private(file, content)
    if session.output.is_json:
        session.output.json({"path": str(file), "size_bytes": len(content)})
    else:
        session.output.line(f"{len(content)} bytes are in {file}.")


def _send(session: Session, capture: Mapping[str, Any], file: BinaryIO) -> Mapping[str, Any]:
    """Send what is missing; where the connection breaks off it goes on."""
    path = path_of("/v1/captures/{}/content", capture["capture_id"])
    tries = 0
    while capture["state"] == "receiving":
        offset = capture["received_bytes"]
        file.seek(offset)
        part = file.read(capture["part_max_bytes"])
        try:
            capture = session.client.put_bytes(path, part, {"offset": offset}).body
            tries = 0
            if not session.output.is_json and sys.stderr.isatty():
                done = capture["received_bytes"] * _PERCENT // capture["size_bytes"]
                sys.stderr.write(f"\ruploaded: {done} %" + ("\n" if done == _PERCENT else ""))
        except (Unreachable, Refused) as problem:
            tries += 1
            if tries >= _TRIES or (isinstance(problem, Refused) and problem.remote_code != _WRONG_OFFSET):
                tell(f"to go on: vedette capture upload FILE --resume {capture['capture_id']}")
                raise
            time.sleep(_LOOK_EVERY_S * tries)
            capture = session.client.get(path_of("/v1/captures/{}", capture["capture_id"])).body
    return capture


def _wait(session: Session, capture: Mapping[str, Any]) -> Mapping[str, Any]:
    path = path_of("/v1/captures/{}", capture["capture_id"])
    while capture["state"] in _OPEN:
        time.sleep(_LOOK_EVERY_S)
        capture = session.client.get(path).body
        if not session.output.is_json and sys.stderr.isatty():
            read = capture["read_bytes"] * _PERCENT // capture["size_bytes"]
            sys.stderr.write(f"\r{capture['state']}: {read} %   ")
    if not session.output.is_json and sys.stderr.isatty():
        sys.stderr.write("\n")
    return capture


def _show(session: Session, capture: Mapping[str, Any]) -> None:
    if session.output.is_json:
        session.output.json(capture)
        return
    facts = {
        "capture": capture["capture_id"],
        "state": capture["state"],
        "because": capture["cause"] or "-",
        "size": f"{capture['size_bytes']} bytes, {capture['received_bytes']} received",
        "packets": capture["packets"],
        "site": capture["site"] or "-",
        "in the inventory": "yes" if capture["is_taken_in"] else "no",
        "file": "kept" if capture["is_kept"] else "deleted after the analysis",
        "by": capture["author"],
        "begun": show_time(capture["created_at"]),
        "sha256": capture["sha256"] or "-",
    }
    counts = capture["summary"].get("counts", {})
    facts |= {name.replace("_", " "): count for name, count in counts.items()}
    session.output.details(facts, title=capture["name"])
    if capture["has_report"]:
        session.output.line(f"Its report: vedette capture report {capture['capture_id']}")


def _tell_report(session: Session, found: Mapping[str, Any]) -> None:
    told = found["capture"]
    session.output.line(f"{told['packets']} packets, {told['first_at']} to {told['last_at']}")
    if told["damage"]:
        session.output.line(f"damaged, read up to there: {told['damage']}")
    for name, columns in _SECTIONS.items():
        rows = [[cell(item) for cell in columns.values()] for item in found[name]]
        if rows:
            session.output.line("")
            session.output.line(name.replace("_", " ").capitalize())
            session.output.table(list(columns), rows)
    missed = ", ".join(f"{reason} {count}" for reason, count in found["not_parsed"].items() if count)
    session.output.line(f"Not parsed: {missed or 'nothing'}")


def _best(attribute: str) -> Callable[[Mapping[str, Any]], object]:
    return lambda asset: (asset["attributes"].get(attribute) or [{"value": ""}])[0]["value"]


def _member(name: str) -> Callable[[Mapping[str, Any]], object]:
    return lambda item: item[name]


_COLUMNS: Final[dict[str, Callable[[Mapping[str, Any]], object]]] = {
    "capture": _member("capture_id"),
    "name": _member("name"),
    "state": _member("state"),
    "bytes": _member("size_bytes"),
    "packets": _member("packets"),
    "assets": lambda item: item["summary"].get("counts", {}).get("assets", ""),
    "alerts": lambda item: item["summary"].get("counts", {}).get("alerts", ""),
    "by": _member("author"),
    "begun": lambda item: show_time(item["created_at"]),
}
_SECTIONS: Final[dict[str, dict[str, Callable[[Mapping[str, Any]], object]]]] = {
    "alerts": {name: _member(name) for name in ("at", "severity", "title", "technique", "times")},
    "vulnerabilities": {name: _member(name) for name in ("address", "name", "certainty", "score", "title")},
    "assets": {
        "address": lambda asset: ", ".join(asset["ip_addresses"]) or ", ".join(asset["mac_addresses"]),
        **{name: _best(name) for name in ("type", "role", "vendor", "model", "firmware", "serial", "name")},
    },
    "protocols": {name: _member(name) for name in ("protocol", "transport", "certainty", "flows", "packets", "bytes")},
    "operations": {name: _member(name) for name in ("protocol", "kind", "service", "times")},
    "external_connections": {
        name: _member(name) for name in ("client", "server", "transport", "port", "protocol", "flows", "bytes")
    },
    "anomalies": {name: _member(name) for name in ("protocol", "kind", "times")},
}
