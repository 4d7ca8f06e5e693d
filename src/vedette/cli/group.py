"""``vedette group``: devices that belong together, named one by one or by a condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from vedette.cli.attributes import given_only
from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform, show_change
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import NotFound, Refused, Usage
from vedette.cli.query import point_at
from vedette.cli.session import Session, remote
from vedette.kernel import escape_shell

_GroupArgument = Annotated[
    str, typer.Argument(metavar="GROUP", help="Its name or generated id: see `vedette group list`.", show_default=False)
]
_DevicesArgument = Annotated[
    list[str], typer.Argument(metavar="DEVICE_ID...", help="One device or many, at most 1,000.", show_default=False)
]
_WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where", "-w", metavar="CONDITION", help="""Whom it holds, such as "tags.site = 'north'": a dynamic group."""
    ),
]
_DescriptionOption = Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")]
_ID_PREFIX = "grp_"

Group = Mapping[str, Any]


@remote
def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.", show_default=False)],
    *,
    where: _WhereOption = None,
    description: _DescriptionOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Create a group: dynamic with a condition, which decides by itself who is in; static without one."""
    body = {"name": name} | given_only(condition=where, description=description)
    change = Change(summary=f"create the group {name}", method="POST", path="/v1/groups", body=body, after=body)
    _perform_and_show(session, change, where=where, dry_run=dry_run)
    if where is None and not dry_run:
        session.output.note(f"Put devices into it: vedette group add {escape_shell(name)} DEVICE_ID")


@remote
def list_groups(
    session: Session, *, limit: LimitOption = 100, after: AfterOption = "", everything: AllOption = False
) -> None:
    """List groups by name."""
    show_list(
        session,
        "/v1/groups",
        {},
        columns={
            "group": lambda item: item["name"],
            "kind": lambda item: item["kind"],
            "members": _members,
            "condition": lambda item: item["condition"],
            "description": lambda item: item["description"],
            "id": lambda item: item["group_id"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="There are none. Create one: vedette group create --help",
    )


@remote
def show(session: Session, group: _GroupArgument) -> None:
    """Show a group, and how far its members are computed."""
    found = _find(session, group)[0]
    if session.output.is_json:
        session.output.json(found)
    else:
        _show(session, found)


@remote
def update(
    session: Session,
    group: _GroupArgument,
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Call it so.")] = None,
    where: _WhereOption = None,
    description: _DescriptionOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Change a group; with a new condition its members are computed anew, in the background."""
    patch = given_only(name=name, condition=where, description=description)
    if not patch:
        raise Usage("nothing to change", hint="name at least one option: vedette group update --help")
    before, etag = _find(session, group)
    change = Change(
        summary=f"change the group {before['name']}",
        method="PATCH",
        path=path_of("/v1/groups/{}", before["group_id"]),
        body=patch,
        before=before,
        after=patch,
        etag=etag,
    )
    try:
        answer = perform(session, change, dry_run=dry_run)
    except Refused as problem:
        _point_at(session, problem, where)
        raise
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        show_change(session, before, answer.body, done=f"{answer.body['name']} is changed.")


@remote
def delete(
    session: Session,
    group: _GroupArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Delete a group; its devices stay."""
    before, etag = _find(session, group)
    count = before["member_count"]
    change = Change(
        summary=f"delete the group {before['name']}",
        method="DELETE",
        path=path_of("/v1/groups/{}", before["group_id"]),
        params={"reason": reason},
        before=before,
        etag=etag,
        warning=f"{count} device{' is' if count == 1 else 's are'} in it; what policies grant to the group ends.",
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{before['name']} is deleted.")


@remote
def add(
    session: Session, group: _GroupArgument, device_ids: _DevicesArgument, *, dry_run: DryRunOption = False
) -> None:
    """Put devices into a static group."""
    _move(session, group, device_ids, "add", dry_run=dry_run)


@remote
def remove(
    session: Session, group: _GroupArgument, device_ids: _DevicesArgument, *, dry_run: DryRunOption = False
) -> None:
    """Take devices out of a static group."""
    _move(session, group, device_ids, "remove", dry_run=dry_run)


@remote
def members(
    session: Session,
    group: _GroupArgument,
    *,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List who is in a group, by name."""
    found = _find(session, group)[0]
    show_list(
        session,
        path_of("/v1/groups/{}/members", found["group_id"]),
        {},
        columns={
            "device": lambda item: item["device_id"],
            "generation id": lambda item: item["generation_id"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody is in it.",
    )
    if found["progress"] is not None:
        session.output.note(f"Its members are being computed: {_progress(found)}.")


def _find(session: Session, group: str) -> tuple[Group, str]:
    """Return a group by generated id or by name, with its revision."""
    group_id = group
    if not group.startswith(_ID_PREFIX):
        items = session.client.get("/v1/groups", {"name": group, "limit": 1}).body["items"]
        if not items:
            raise NotFound(f"there is no group {group[:80]!r}", hint="see them: vedette group list")
        group_id = items[0]["group_id"]
    answer = session.client.get(path_of("/v1/groups/{}", group_id))
    return answer.body, answer.etag


def _move(session: Session, group: str, device_ids: list[str], verb: str, *, dry_run: bool) -> None:
    before = _find(session, group)[0]
    count = f"{len(device_ids)} device{'' if len(device_ids) == 1 else 's'}"
    change = Change(
        summary=f"{verb} {count} {'to' if verb == 'add' else 'from'} the group {before['name']}",
        method="POST",
        path=path_of(f"/v1/groups/{{}}/{verb}", before["group_id"]),
        body={"device_ids": device_ids},
        after={"device_ids": device_ids},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    now = answer.body["member_count"]
    session.output.line(f"{before['name']} has {now} member{'' if now == 1 else 's'}.")


def _perform_and_show(session: Session, change: Change, *, where: str | None, dry_run: bool) -> None:
    try:
        answer = perform(session, change, dry_run=dry_run)
    except Refused as problem:
        _point_at(session, problem, where)
        raise
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        _show(session, answer.body)


def _point_at(session: Session, problem: Refused, where: str | None) -> None:
    if where is not None and not session.output.is_json:
        point_at(problem, where)


def _show(session: Session, group: Group) -> None:
    session.output.details(
        {
            "kind": group["kind"],
            "condition": group["condition"],
            "seen by policies": group["feeds_policies"],
            "members": _members(group),
            "description": group["description"],
            "created": show_time(group["created_at"]),
            "changed": show_time(group["updated_at"]),
            "id": group["group_id"],
            "revision": group["revision"],
        },
        title=str(group["name"]),
    )


def _members(group: Group) -> str:
    count = str(group["member_count"])
    return count if group["progress"] is None else f"{count}, being computed: {_progress(group)}"


def _progress(group: Group) -> str:
    progress = group["progress"]
    return f"{progress['examined']} of {progress['total']} looked at"
