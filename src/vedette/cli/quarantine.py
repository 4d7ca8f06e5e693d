"""``vedette quarantine``: into it at once, out of it step by step."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.device import DeviceArgument
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import Refused
from vedette.cli.session import Session, remote

_Mode = Literal["limited", "cut"]
_NOT_FOUND: Final = 404


@remote
def list_quarantines(
    session: Session,
    *,
    is_due: Annotated[bool, typer.Option("--due", help="Only those that somebody should look at again.")] = False,
    waits: Annotated[bool, typer.Option("--waits", help="Only those whose cut waits for a second person.")] = False,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the devices in quarantine."""
    show_list(
        session,
        "/v1/quarantines",
        {"is_due": "true" if is_due else None, "waits_for_approval": "true" if waits else None},
        columns={
            "device": lambda item: item["device_id"],
            "mode": lambda item: item["mode"],
            "since": lambda item: show_time(item["since"]),
            "review": lambda item: "due" if item["is_review_due"] else show_time(item["review_at"]),
            "reason": lambda item: item["reason"],
            "asked by": lambda item: item["started_by"],
            "note": _note,
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No device is in quarantine.",
    )


@remote
def show(session: Session, device_id: DeviceArgument) -> None:
    """Show why a device is in quarantine, and how long it took until that was enforced."""
    found = session.client.get(path_of("/v1/devices/{}/quarantine", device_id)).body
    try:
        hops = session.client.get(path_of("/v1/devices/{}/enforcement", device_id)).body
    except Refused as refused:
        if refused.answered != _NOT_FOUND:
            raise
        hops = None
    if session.output.is_json:
        session.output.json(found | {"enforcement": hops})
        return
    facts = {
        "mode": found["mode"],
        "asked for": found["asked_mode"],
        "narrowed": found["narrowed_because"],
        "reason": found["reason"],
        "source": found["source"],
        "since": show_time(found["since"]),
        "review": "due now" if found["is_review_due"] else show_time(found["review_at"]),
        "goes back to": found["former_lifecycle"],
        "started by": found["started_by"],
        "waits for a second person": found["asked_by"],
    }
    session.output.details({name: value for name, value in facts.items() if value}, title=device_id)
    if hops is not None:
        session.output.details(_times(hops), title="its last change")
    session.output.note(_NEXT[found["mode"]].format(device=shlex.quote(device_id)))


@remote
def preview(
    session: Session,
    device_id: DeviceArgument,
    *,
    mode: Annotated[_Mode, typer.Option(help="limited: it may be repaired; cut: it may not connect.")] = "limited",
    is_override: Annotated[bool, typer.Option("--override", help="As if you went beyond a spent budget.")] = False,
) -> None:
    """Say what a quarantine would come to, and which budgets of the blast radius a cut counts against."""
    params: dict[str, str | int | list[str] | None] = {"mode": mode, "is_override": "true" if is_override else None}
    found = session.client.get(path_of("/v1/devices/{}/quarantine/preview", device_id), params).body
    if session.output.is_json:
        session.output.json(found)
        return
    facts = {
        "now": found["present_mode"] or "in no quarantine",
        "afterwards": found["mode"],
        "narrowed": found["narrowed_because"],
        "needs": "a second person" if found["needs_second_person"] else "",
        "live sessions": found["sessions"],
    }
    session.output.details({name: value for name, value in facts.items() if value != ""}, title=device_id)
    rows = [
        (each["part"], each["name"], each["members"] or "", f"{each['cut']} of {each['most']}")
        for each in found["budgets"]
    ]
    if rows:
        session.output.table(("budget", "of", "devices", "cut within the hour"), rows)
    if found["may_override"] and not is_override:
        session.output.note("A person who knows better: --override")


@remote
def put(
    session: Session,
    device_id: DeviceArgument,
    *,
    mode: Annotated[_Mode, typer.Option(help="limited: it may be repaired; cut: it may not connect.")] = "limited",
    reason: ReasonOption = NO_REASON,
    review_at: Annotated[
        str | None, typer.Option("--review", metavar="TIME", help="When to look at it again, RFC 3339; else in a week.")
    ] = None,
    is_override: Annotated[
        bool, typer.Option("--override", help="Cut it off although a budget of the blast radius is spent.")
    ] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Put a device into quarantine, or deeper into it; its live sessions are narrowed or cut at once."""
    body: dict[str, Any] = {"reason": reason, "mode": mode, "is_override": is_override}
    if review_at is not None:
        body["review_at"] = review_at
    path = path_of("/v1/devices/{}/quarantine", device_id)
    change = Change(summary=f"quarantine {device_id} ({mode})", method="POST", path=path, body=body, after=body)
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    found = answer.body["quarantine"]
    if session.output.is_json:
        session.output.json(answer.body)
        return
    session.output.line(f"{device_id} is in quarantine: {found['mode']}. {_enforced(answer.body['enforcement'])}")
    if found["narrowed_because"]:
        session.output.note(f"Not {found['asked_mode']}: {found['narrowed_because']}.")
    if found["asked_by"]:
        session.output.note(f"Another person may: vedette quarantine approve {device_id} --reason TEXT")


@remote
def approve(
    session: Session, device_id: DeviceArgument, *, reason: ReasonOption, dry_run: DryRunOption = False
) -> None:
    """Cut off a critical device as another person has asked for."""
    _step(session, device_id, "approve", f"cut off {device_id}", reason, dry_run=dry_run)


@remote
def recover(
    session: Session, device_id: DeviceArgument, *, reason: ReasonOption, dry_run: DryRunOption = False
) -> None:
    """Lead a device one step back: from cut to limited, and from there, if nothing stands against it, to probation."""
    _step(session, device_id, "recover", f"lead {device_id} one step back", reason, dry_run=dry_run)


@remote
def sign_off(
    session: Session, device_id: DeviceArgument, *, reason: ReasonOption, dry_run: DryRunOption = False
) -> None:
    """Say, as its owner, that a device on probation is as it should be: its quarantine is over."""
    _step(session, device_id, "sign-off", f"sign {device_id} off", reason, dry_run=dry_run)


@remote
def release(
    session: Session,
    device_id: DeviceArgument,
    *,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Undo a quarantine that was a mistake: the device is at once what it was before."""
    _step(session, device_id, "release", f"undo the quarantine of {device_id}", reason, dry_run=dry_run, yes=yes)


def _step(
    session: Session,
    device_id: str,
    verb: str,
    summary: str,
    reason: str,
    *,
    dry_run: bool,
    yes: bool | None = None,
) -> None:
    path = path_of("/v1/devices/{}/quarantine", device_id) + f"/{verb}"
    change = Change(summary=summary, method="POST", path=path, body={"reason": reason})
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    found = answer.body["quarantine"]
    state = "out of quarantine" if found is None else found["mode"]
    session.output.line(f"{device_id} is {state}. {_enforced(answer.body['enforcement'])}")
    if found is not None:
        session.output.note(_NEXT[found["mode"]].format(device=shlex.quote(device_id)))


def _enforced(enforcement: Mapping[str, Any]) -> str:
    if enforcement["pending"]:
        return f"Not answered yet: {', '.join(enforcement['pending'])}; they apply it all the same."
    return "Every gateway has applied it."


def _times(hops: Mapping[str, Any]) -> dict[str, object]:
    facts: dict[str, object] = {
        "sequence": hops["sequence"],
        "cause": hops["cause"],
        "observed": show_time(hops["observed_at"]),
        "ingested": show_time(hops["ingested_at"]),
        "decided after": f"{hops['decided_after_ms']:.1f} ms",
        "sent after": f"{hops['sent_after_ms']:.1f} ms",
    }
    for each in hops["enforced"]:
        after = each["enforced_after_ms"]
        shown = "on another machine" if after is None else f"{after:.1f} ms"
        facts[f"enforced at {each['gateway']}"] = f"{shown}, {each['sessions_cut']} sessions cut"
    return facts


def _note(item: Mapping[str, Any]) -> str:
    if item["asked_by"]:
        return "a cut waits for a second person"
    return str(item["narrowed_because"])


_NEXT = {
    "cut": "It may not connect. One step back: vedette quarantine recover {device} --reason TEXT",
    "limited": "It may renew, report and fetch updates. Once healed: vedette quarantine recover {device} --reason TEXT",
    "probation": "It sends again, nothing acts on it. At the end: vedette quarantine sign-off {device} --reason TEXT",
}
