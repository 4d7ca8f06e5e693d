"""``vedette service-policy``: programs that use the service API, what they may do there, and their keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from vedette.cli.change import Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.output import show_time, tell
from vedette.cli.session import Session, remote

Slot = Literal["primary", "secondary"]
_NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="`iothubowner` (all rights), `service`, `registryRead`, `registryReadWrite`, or one of your own.",
        show_default=False,
    ),
]
_KeyOption = Annotated[
    Slot, typer.Option("--key", help="Which of the two keys; programs use one while the other is replaced.")
]
_DaysOption = Annotated[int, typer.Option("--days", min=1, max=730, help="How long keys live.")]


@remote
def list_policies(session: Session) -> None:
    """List service policies and when their keys end; never their values."""
    found = session.client.get("/v1/service-policies").body
    if session.output.is_json:
        session.output.json(found)
        return
    if not found["items"]:
        session.output.note(
            "There are none yet: programs that speak the service API need one, see\n"
            "  vedette service-policy connection-string iothubowner"
        )
        return
    session.output.table(
        ("policy", "rights", "key", "ends", "last used", "credential", "id"),
        [
            (
                policy["name"],
                ", ".join(policy["rights"]),
                key["slot"],
                show_time(key["expires_at"]),
                show_time(key["last_used_at"]),
                "weak: shared key",
                policy["policy_id"],
            )
            for policy in found["items"]
            for key in policy["keys"]
        ],
    )


@remote
def create(
    session: Session,
    name: _NameArgument,
    *,
    right: Annotated[
        list[str] | None,
        typer.Option(
            "--right",
            metavar="RIGHT",
            help="What programs may do: `registry_read` sees devices, `registry_write` changes them, "
            "`service_connect` uses twins, methods, queries and feedback. Repeat it for several.",
        ),
    ] = None,
    days: _DaysOption = 365,
    dry_run: DryRunOption = False,
) -> None:
    """Make a policy with two keys."""
    body = {"name": name, "rights": list(right or []), "lifetime_days": days}
    change = Change(
        summary=f"create the service policy {name}",
        method="POST",
        path="/v1/service-policies",
        body=body,
        after=body,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is not None:
        _tell(session, answer.body, "is made")


@remote
def connection_string(session: Session, name: _NameArgument, *, key: _KeyOption = "primary") -> None:
    """Print what a program is configured with; a well-known policy is made when it is first asked for.

    The line holds the key, and each reading is in the ledger.
    """
    path = path_of("/v1/service-policies/{}/connection-string", name)
    found = session.client.send("POST", path, {"slot": key}).body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.line(found["connection_string"])
    tell(f"Whoever reads this line may do what {name} may, until {show_time(found['expires_at'])}.")


@remote
def rotate(
    session: Session,
    name: _NameArgument,
    *,
    key: _KeyOption = "primary",
    days: _DaysOption = 365,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Replace a key: programs that use it are refused at once, those with the other go on."""
    change = Change(
        summary=f"replace the {key} key of the service policy {name}",
        method="POST",
        path=path_of("/v1/service-policies/{}/rotate", name),
        body={"slot": key, "lifetime_days": days, "reason": reason},
        warning=f"Programs that use the {key} key are refused at once.",
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is not None:
        _tell(session, answer.body, f"has a new {key} key")


@remote
def delete(
    session: Session,
    name: _NameArgument,
    *,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Take a policy away with its keys: programs that come under it are refused at once."""
    change = Change(
        summary=f"delete the service policy {name}",
        method="DELETE",
        path=path_of("/v1/service-policies/{}", name),
        params={"reason": reason or None},
        warning="Programs that come under it are refused at once.",
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"The service policy {name} is deleted.")


def _tell(session: Session, policy: Mapping[str, Any], done: str) -> None:
    if session.output.is_json:
        session.output.json(policy)
        return
    session.output.line(f"The service policy {policy['name']} {done}.")
    session.output.note(f"Configure programs with: vedette service-policy connection-string {policy['name']}")
