"""``vedette refusal`` and ``vedette decision``: who was refused or let in, which check said so, what to do next."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import typer

from vedette.cli.client import path_of
from vedette.cli.files import new_file
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote
from vedette.kernel import escape_csv

DeviceOption = Annotated[
    str | None,
    typer.Option("--device", metavar="DEVICE_ID", help="Only about this device; `unknown` for those about nobody."),
]
_ReasonOption = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Only with this reason, such as `disabled`.")
]
_AddressOption = Annotated[str | None, typer.Option("--address", metavar="IP", help="Only from this address.")]

Columns = Mapping[str, Callable[[Mapping[str, Any]], object]]


def full_name(item: Mapping[str, Any]) -> str:
    """Return ``device`` or ``device/module``."""
    return str(item["device_id"]) + (f"/{item['module_id']}" if item["module_id"] else "")


def _what(item: Mapping[str, Any]) -> str:
    """Return what a decision was about: its kind, and the action that was denied to a live session."""
    return str(item["kind"]) + (f" {item['action']}" if item["action"] not in ("", "connect") else "")


def _detail(item: Mapping[str, Any]) -> str:
    """Return the words of a decision; where it has none, the policies that denied."""
    return str(item["detail"]) or (", ".join(item["policies"]) if item["effect"] == "deny" else "")


ACCESS_COLUMNS: Final[Columns] = {
    "at": lambda item: show_time(item["decided_at"]),
    "what": lambda item: f"{_what(item)}, {item['effect']}",
    "device": full_name,
    "reason": lambda item: item["reason"],
    "detail": _detail,
    "from": lambda item: item["remote_address"],
    "times": lambda item: item["repeated"],
}
_REFUSAL_COLUMNS: Final[Columns] = {
    **ACCESS_COLUMNS,
    "what": _what,
    "certificate": lambda item: item["certificate_subject"],
    "what to do": lambda item: item["hint"],
}
_PolicyOption = Annotated[
    str | None, typer.Option("--policy", metavar="ID", help="Only where this policy decided, by its id.")
]
_BundleOption = Annotated[
    str | None, typer.Option("--bundle", metavar="SHA256", help="Only by this policy bundle: at least 8 digits.")
]
_ActionOption = Annotated[
    str | None, typer.Option("--action", metavar="ACTION", help="Only this action, such as `connect`.")
]
_EffectOption = Annotated[str | None, typer.Option("--effect", metavar="EFFECT", help="Only `allow`, or only `deny`.")]
_ShadowOption = Annotated[bool, typer.Option("--shadow", help="Only where the shadow bundle answers otherwise.")]
_SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Decided then or later: 2026-11-22T10:00:00Z.")
]
_UntilOption = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Decided before.")]
_CSV_COLUMNS: Final = (
    "decided_at",
    "kind",
    "effect",
    "action",
    "reason",
    "device_id",
    "module_id",
    "generation_id",
    "policies",
    "bundle_sha256",
    "remote_address",
    "gateway",
    "certificate_sha256",
    "repeated",
    "detail",
    "decision_id",
)


class Kind(StrEnum):
    """What a decision was about."""

    CONNECT = "connect"
    REFUSE = "refuse"
    CUT = "cut"
    DISCONNECT = "disconnect"
    REGISTER = "register"
    SHADOW = "shadow"
    OUTSIDE = "outside"


class Form(StrEnum):
    """What a file of decisions holds."""

    JSONL = "jsonl"
    CSV = "csv"


@remote
def list_refusals(
    session: Session,
    *,
    device: DeviceOption = None,
    reason: _ReasonOption = None,
    address: _AddressOption = None,
    limit: LimitOption = 20,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List refused connections and registrations and cut sessions, newest first: why, and what to do."""
    show_list(
        session,
        "/v1/refusals",
        {"device_id": device, "reason": reason, "remote_address": address},
        columns=_REFUSAL_COLUMNS,
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody was refused.",
    )


@remote
def list_decisions(
    session: Session,
    *,
    device: DeviceOption = None,
    kind: Annotated[
        list[Kind] | None,
        typer.Option(help="Only of this kind; repeat for more."),
    ] = None,
    reason: _ReasonOption = None,
    address: _AddressOption = None,
    policy: _PolicyOption = None,
    bundle: _BundleOption = None,
    action: _ActionOption = None,
    effect: _EffectOption = None,
    is_shadow_different: _ShadowOption = False,
    since: _SinceOption = None,
    until: _UntilOption = None,
    limit: LimitOption = 20,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List every access decision, newest first: connects, registrations, refusals, cuts and disconnects."""
    show_list(
        session,
        "/v1/decisions",
        {
            "device_id": device,
            "kind": [each.value for each in kind] if kind else None,
            "reason": reason,
            "remote_address": address,
            "policy": policy,
            "bundle": bundle,
            "action": action,
            "effect": effect,
            "shadow": "true" if is_shadow_different else None,
            "since": since,
            "until": until,
        },
        columns={**ACCESS_COLUMNS, "cursor": lambda item: item["cursor"]},
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody has tried to connect.",
    )


@remote
def show(
    session: Session,
    cursor: Annotated[str, typer.Argument(metavar="CURSOR", help="Of the decision, as `decision list` shows it.")],
) -> None:
    """Say why one decision was made: the policies in the words of that time, and what they knew."""
    found = session.client.get(path_of("/v1/decisions/{}", cursor)).body
    if session.output.is_json:
        session.output.json(found)
        return
    facts = {name: value(found) for name, value in ACCESS_COLUMNS.items() if name != "device"}
    facts |= {"action": found["action"], "policies": (found["bundle_sha256"] or "")[:12], "what to do": found["hint"]}
    session.output.details({name: value for name, value in facts.items() if value}, title=full_name(found))
    notes = [(each["policy"], each["effect"], each["why"], each["guidance"]) for each in found["notes"]]
    if notes:
        session.output.table(("policy", "says", "because", "what to do"), notes)
    for title, known in (("the session", found["facts"]), ("the identity", found["attributes"])):
        if known:
            session.output.details(dict(known), title=title)


@remote
def export(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write; - for standard output.")],
    *,
    form: Annotated[Form, typer.Option("--format", help="JSON lines with every member, or the main ones as CSV.")] = (
        Form.JSONL
    ),
    device: DeviceOption = None,
    reason: _ReasonOption = None,
    policy: _PolicyOption = None,
    bundle: _BundleOption = None,
    action: _ActionOption = None,
    effect: _EffectOption = None,
    since: _SinceOption = None,
    until: _UntilOption = None,
) -> None:
    """Write decisions to a file, newest first, as long as the log keeps them."""
    params: dict[str, str | int | list[str] | None] = {
        "device_id": device,
        "reason": reason,
        "policy": policy,
        "bundle": bundle,
        "action": action,
        "effect": effect,
        "since": since,
        "until": until,
    }
    pages = session.client.pages("/v1/decisions", params, limit=None, after="")
    if str(file) == "-":
        count = _write(sys.stdout, pages, form)
    else:
        with new_file(file) as out:
            count = _write(out, pages, form)
    session.output.note(f"{count} decision{'' if count == 1 else 's'} written.")


def _write(out: TextIO, pages: Iterator[Mapping[str, Any]], form: Form) -> int:
    count = 0
    if form is Form.CSV:
        out.write(",".join(_CSV_COLUMNS) + "\n")
    for page in pages:
        for item in page["items"]:
            count += 1
            if form is Form.JSONL:
                out.write(json.dumps(item) + "\n")
            else:
                out.write(",".join(_csv_cell(item[name]) for name in _CSV_COLUMNS) + "\n")
    return count


def _csv_cell(value: object) -> str:
    if isinstance(value, list):
        return escape_csv(" ".join(map(str, value)))
    return "" if value is None else escape_csv(str(value))
