"""``vedette telemetry`` and ``vedette event``: what devices send and what happens, stored or as it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from vedette.cli.client import StreamEvent
from vedette.cli.decision import full_name
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_actor, show_time, show_value
from vedette.cli.session import Session, remote

_DeviceOption = Annotated[
    str | None, typer.Option("--device", metavar="DEVICE_ID", help="Only messages of this device.")
]
_ModuleOption = Annotated[
    str | None, typer.Option("--module", metavar="NAME", help="Only messages of this module of the device.")
]
_CountOption = Annotated[
    int | None, typer.Option("--count", min=1, metavar="NUMBER", help="End after so many; without it, at Ctrl-C.")
]


@remote
def list_messages(
    session: Session,
    *,
    device: _DeviceOption = None,
    module: _ModuleOption = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Enqueued then or later, RFC 3339: `2026-11-22T10:00:00Z`.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Enqueued before that time.")] = None,
    limit: LimitOption = 20,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List stored messages, oldest first."""
    show_list(
        session,
        "/v1/telemetry",
        {"device_id": device, "module_id": module, "since": since, "until": until},
        columns={
            "enqueued": lambda item: item["enqueued_at"],
            "device": full_name,
            "body": _body,
            "properties": lambda item: item["properties"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nothing is stored. See whether devices connect: vedette refusal list",
    )


@remote
def tail_messages(
    session: Session,
    *,
    device: _DeviceOption = None,
    module: _ModuleOption = None,
    after: Annotated[str, typer.Option(help="Begin behind the message with this cursor, not with the next.")] = "",
    count: _CountOption = None,
) -> None:
    """Print messages as they arrive; `--output json` writes one object a line."""

    def line(event: StreamEvent) -> str:
        message = event.data
        own = "  " + show_value(message["properties"]) if message["properties"] else ""
        return f"{message['enqueued_at']}  {full_name(message)}  {_body(message)}{own}"

    params = {"device_id": device, "module_id": module, "after": after or None}
    _tail(session, "/v1/telemetry/stream", params, line, count)


@remote
def tail_events(
    session: Session,
    *,
    after: Annotated[str, typer.Option(help="Begin behind this ledger position; 0 for all that are kept.")] = "",
    count: _CountOption = None,
) -> None:
    """Print what happens as it happens: changes of devices, credentials, enrollments and lists."""

    def line(event: StreamEvent) -> str:
        told = event.data
        actor = show_actor(told["actor"])
        return "  ".join(filter(None, (show_time(told["occurred_at"]), told["name"], told["subject"], f"by {actor}")))

    _tail(session, "/v1/events", {"after": after or None}, line, count)


def _tail(
    session: Session,
    path: str,
    params: Mapping[str, str | int | list[str] | None],
    line: Callable[[StreamEvent], str],
    count: int | None,
) -> None:
    events = session.client.events(path, params, on_cut=lambda why: session.output.note(f"lost: {why}"))
    for shown, event in enumerate(events, start=1):
        if session.output.is_json:
            session.output.json_line(event.data)
        else:
            session.output.line(line(event))
        if shown == count:
            return


def _body(message: Mapping[str, Any]) -> str:
    if message["encoding"] == "base64":
        return f"base64:{message['body']}"
    return str(message["body"])
