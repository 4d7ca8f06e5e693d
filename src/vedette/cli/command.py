"""``vedette command``: messages to a device, which wait for it in a queue, and what became of them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from vedette.cli.attributes import given_only
from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.device import DeviceArgument
from vedette.cli.files import read_small_file
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote

_BODY_MAX_BYTES: Final = 65_536
_DAYS_2_S: Final = 172_800


@remote
def send(
    session: Session,
    device_id: DeviceArgument,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The message; or name a --file.")] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Send what is in here, bytes as they are; `-` reads it.")
    ] = None,
    properties: Annotated[
        list[str] | None,
        typer.Option("--property", metavar="NAME=VALUE", help="An application property; repeat for more."),
    ] = None,
    message_id: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Feedback names it; made up if absent.")
    ] = None,
    correlation_id: Annotated[str | None, typer.Option(metavar="TEXT", help="What the message answers.")] = None,
    content_type: Annotated[str | None, typer.Option(metavar="TEXT", help="Such as `application/json`.")] = None,
    content_encoding: Annotated[str | None, typer.Option(metavar="TEXT", help="Such as `utf-8`.")] = None,
    ack: Annotated[
        Literal["none", "positive", "negative", "full"],
        typer.Option(help="Which outcomes give feedback: see `vedette command feedback`."),
    ] = "none",
    ttl_s: Annotated[
        int, typer.Option("--ttl", min=1, max=_DAYS_2_S, metavar="SECONDS", help="How long it waits for the device.")
    ] = 3600,
    dry_run: DryRunOption = False,
) -> None:
    """Queue a message for a device; it is delivered when the device is there, again if it does not acknowledge it."""
    if (text is None) == (file is None):
        raise Usage("name a text or a --file, one of them", hint='vedette command send DEVICE_ID "open the valve"')
    body = (
        _written(read_small_file(file, "the message", max_bytes=_BODY_MAX_BYTES, may_be_empty=True))
        if file is not None
        else {"body": text}
    )
    body |= given_only(
        message_id=message_id,
        correlation_id=correlation_id,
        content_type=content_type,
        content_encoding=content_encoding,
        properties=_read_properties(properties) or None,
    )
    body |= {"ack": ack, "time_to_live_s": ttl_s}
    change = Change(
        summary=f"send a message to {device_id}",
        method="POST",
        path=path_of("/v1/devices/{}/commands", device_id),
        body=body,
        after=body,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        sent = answer.body
        session.output.line(f"{sent['message_id']} waits for {device_id} until {show_time(sent['expires_at'])}.")


@remote
def list_commands(
    session: Session,
    device_id: DeviceArgument,
    *,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the messages that wait for a device, in the order in which it gets them."""
    show_list(
        session,
        path_of("/v1/devices/{}/commands", device_id),
        {},
        columns={
            "number": lambda item: item["sequence"],
            "message": lambda item: item["message_id"],
            "state": lambda item: item["state"],
            "deliveries": lambda item: item["delivery_count"],
            "sent": lambda item: show_time(item["enqueued_at"]),
            "until": lambda item: show_time(item["expires_at"]),
            "ack": lambda item: item["ack"],
            "bytes": lambda item: item["size_bytes"],
            "properties": lambda item: item["properties"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nothing waits for it. Send something: vedette command send --help",
    )


@remote
def purge(
    session: Session,
    device_id: DeviceArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Throw away every message that waits for a device."""
    path = path_of("/v1/devices/{}/commands", device_id)
    count = _waiting(session, path) if dry_run or not yes else 0
    change = Change(
        summary=f"purge the queue of {device_id}",
        method="DELETE",
        path=path,
        params={"reason": reason},
        warning=f"{count} message{' waits' if count == 1 else 's wait'} for it.",
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        purged = answer.body["purged"]
        session.output.line(f"{purged} message{'' if purged == 1 else 's'} thrown away.")


@remote
def feedback(
    session: Session,
    *,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List what became of messages that asked for feedback, oldest first."""
    show_list(
        session,
        "/v1/command-feedback",
        {},
        columns={
            "at": lambda item: show_time(item["occurred_at"]),
            "device": lambda item: item["device_id"],
            "message": lambda item: item["message_id"],
            "outcome": lambda item: item["outcome"],
            "description": lambda item: item["description"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="None yet. Ask for it when you send: vedette command send DEVICE_ID TEXT --ack full",
    )


def _written(raw: bytes) -> dict[str, Any]:
    """Return a body as the API takes it: text if it is UTF-8."""
    try:
        return {"body": raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(raw).decode("ascii"), "encoding": "base64"}


def _read_properties(texts: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts or ():
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise Usage(f"--property {text[:80]!r} is not NAME=VALUE", hint="such as --property line=A")
        found[name] = value
    return found


def _waiting(session: Session, path: str) -> int:
    return sum(len(page["items"]) for page in session.client.pages(path, {}, limit=None))
