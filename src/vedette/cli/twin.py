"""``vedette twin``: what a device should be set to, what it says of itself, and the tags that describe it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from vedette.cli.attributes import merge, read_tags, removed_tags
from vedette.cli.change import Change, DryRunOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.decision import full_name
from vedette.cli.device import DeviceArgument
from vedette.cli.files import read_object
from vedette.cli.output import show_json, show_time
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote

ModuleOption = Annotated[
    str | None, typer.Option("--module", "-m", metavar="MODULE_ID", help="Of this module of the device.")
]
_DesiredOption = Annotated[
    str | None,
    typer.Option("--desired", metavar="JSON|@FILE|-", help="Desired properties; `-` reads standard input."),
]

Twin = Mapping[str, Any]
_SET_BY_US: Final = ("tags", "desired")
_BLANK: Final = " "


@remote
def show(session: Session, device_id: DeviceArgument, *, module: ModuleOption = None) -> None:
    """Show a twin: tags, and each property as it is desired and as it is reported."""
    found = session.client.get(twin_path(device_id, module)).body
    if session.output.is_json:
        session.output.json(found)
    else:
        _show(session, found)


@remote
def patch(
    session: Session,
    device_id: DeviceArgument,
    *,
    desired: _DesiredOption = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH=VALUE", help="A tag: `line=A` or `owner.team=red`; repeat for more."),
    ] = None,
    remove_tag: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Take this tag away; repeat for more.")
    ] = None,
    module: ModuleOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Merge into desired properties and tags; null takes a property away. Shows the difference before it asks."""
    tags = merge(read_tags(tag), removed_tags(remove_tag))
    body: dict[str, Any] = {} if desired is None else {"desired": read_object(desired, "--desired")}
    body |= {"tags": tags} if tags else {}
    if not body:
        raise Usage("nothing to change", hint="""such as --desired '{"interval_s": 10}' or --tag line=A""")
    before, etag = _twin_and_etag(session, device_id, module)
    after = merged(before, body)
    _change(session, before, after, etag=etag, method="PATCH", body=body, dry_run=dry_run, yes=yes)


@remote
def replace(
    session: Session,
    device_id: DeviceArgument,
    *,
    desired: _DesiredOption = None,
    tags: Annotated[
        str | None, typer.Option("--tags", metavar="JSON|@FILE|-", help="Tags; `-` reads standard input.")
    ] = None,
    module: ModuleOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Replace desired properties, tags, or both, whole; what is not named stays as it is."""
    if desired == tags == "-":
        raise Usage("standard input can be read once", hint="use @FILE for one of them")
    named = {
        name: read_object(text, f"--{name}")
        for name, text in (("tags", tags), ("desired", desired))
        if text is not None
    }
    if not named:
        raise Usage("nothing to replace", hint="name --desired or --tags")
    before, etag = _twin_and_etag(session, device_id, module)
    body = before | named
    _change(session, before, body, etag=etag, method="PUT", body=body, dry_run=dry_run, yes=yes)


def twin_path(device_id: str, module: str | None) -> str:
    """Return the path of a device's twin, or of a module's."""
    if module is None:
        return path_of("/v1/devices/{}/twin", device_id)
    return path_of("/v1/devices/{}/modules/{}/twin", device_id, module)


def merged(target: Mapping[str, Any], patched: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a merge patch makes of an object.

    Source:
        RFC 7396 §2.
    """
    found = dict(target)
    for name, value in patched.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping):
            former = found.get(name)
            found[name] = merged(former if isinstance(former, Mapping) else {}, value)
        else:
            found[name] = value
    return found


def _twin_and_etag(session: Session, device_id: str, module: str | None) -> tuple[dict[str, Any], str]:
    """Return what an operator can change of a twin, with whose it is, and the revision that it has."""
    answer = session.client.get(twin_path(device_id, module))
    return {name: answer.body[name] for name in ("device_id", "module_id", *_SET_BY_US)}, answer.etag


def _change(
    session: Session,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    etag: str,
    method: str,
    body: Mapping[str, Any],
    dry_run: bool,
    yes: bool,
) -> None:
    change = Change(
        summary=f"change the twin of {full_name(before)}",
        method=method,
        path=twin_path(before["device_id"], before["module_id"]),
        body={name: body[name] for name in _SET_BY_US if name in body},
        before={name: before[name] for name in _SET_BY_US},
        after={name: after[name] for name in _SET_BY_US},
        etag=etag,
        is_whole=True,
        shown=show_json,
    )
    if not change.differences and not dry_run and not session.output.is_json:
        session.output.line("It is so already.")
        return
    if yes and not dry_run and not session.output.is_json:
        session.output.changes(change.differences, change.shown)
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        version = answer.body["desired_version"]
        session.output.line(
            f"The twin of {full_name(before)} is changed; its desired properties are at version {version}."
        )


def _show(session: Session, found: Twin) -> None:
    session.output.details(
        {
            "tags": found["tags"],
            "desired": f"version {found['desired_version']}",
            "reported": f"version {found['reported_version']}",
            "changed": show_time(found["updated_at"]),
        },
        title=full_name(found),
    )
    desired, reported = dict(_leaves(found["desired"])), dict(_leaves(found["reported"]))
    rows = [
        (path, show_json(desired.get(path)), show_json(reported.get(path)), _standing(path, desired, reported))
        for path in sorted({*desired, *reported})
    ]
    if rows:
        session.output.line("")
        session.output.table(("property", "desired", "reported", _BLANK), rows)
    else:
        session.output.note("""Nothing is desired or reported yet: vedette twin patch DEVICE_ID --desired '{"a": 1}'""")


def _leaves(properties: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in properties.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _standing(path: str, desired: Mapping[str, Any], reported: Mapping[str, Any]) -> str:
    """Say what a person looks for first: whether the device has what it should."""
    if path not in desired or path not in reported:
        return _BLANK
    return "same" if desired[path] == reported[path] else "differs"
