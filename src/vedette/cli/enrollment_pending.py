"""``vedette enrollment``: devices that wait for an operator's word, and the keys of enrollments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform, perform_and_say
from vedette.cli.client import path_of
from vedette.cli.enrollment import EnrollmentArgument
from vedette.cli.enrollment_keys import SlotOption, read_key_file, show_enrollment_keys
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

_RegistrationArgument = Annotated[
    str, typer.Argument(metavar="REGISTRATION_ID", help="See `vedette enrollment pending`.", show_default=False)
]


@remote
def pending(
    session: Session,
    *,
    state: Annotated[
        Literal["pending", "approved", "rejected"] | None, typer.Option(help="Only in this state.")
    ] = None,
    enrollment: Annotated[
        str | None, typer.Option("--enrollment", metavar="ENROLLMENT_ID", help="Only through this one.")
    ] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List devices that wait until an operator lets them in, oldest first."""
    show_list(
        session,
        "/v1/pending-registrations",
        {"state": state, "enrollment_id": enrollment},
        columns={
            "registration": lambda item: item["registration_id"],
            "state": lambda item: item["state"],
            "enrollment": lambda item: item["enrollment_name"],
            "certificate of": lambda item: item["subject"] or "a symmetric key",
            "issued by": lambda item: item["issuer"],
            "from": lambda item: item["remote_address"],
            "since": lambda item: show_time(item["requested_at"]),
            "until": lambda item: show_time(item["expires_at"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody waits. An enrollment asks with --approval required: vedette enrollment update --help",
    )


@remote
def approve(
    session: Session,
    registration_id: _RegistrationArgument,
    *,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Let a device in that waits: this request with this key, as shown, and no other."""
    waiting = _look_at(session, registration_id)
    change = Change(
        summary=f"let {waiting['registration_id']} in",
        method="POST",
        path=path_of("/v1/pending-registrations/{}/approve", registration_id),
        body={"binding_sha256": waiting["binding_sha256"], "reason": reason},
        before={"state": waiting["state"]},
        after={"state": "approved"},
    )
    perform_and_say(
        session,
        change,
        f"{waiting['registration_id']} is approved; it is told when it asks next.",
        dry_run=dry_run,
        yes=yes,
    )


@remote
def reject(
    session: Session,
    registration_id: _RegistrationArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
) -> None:
    """Keep a device out that waits; for a day it is refused, unless it is approved after all."""
    change = Change(
        summary=f"reject the registration of {registration_id}",
        method="POST",
        path=path_of("/v1/pending-registrations/{}/reject", registration_id),
        body={"reason": reason},
        before={"state": _look_at(session, registration_id)["state"]} if dry_run else {},
        after={"state": "rejected"},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{answer.body['registration_id']} is rejected.")


@remote
def rotate_key(
    session: Session,
    enrollment_id: EnrollmentArgument,
    *,
    slot: SlotOption = "primary",
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="A key that exists, base64; else one is made.")
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Replace a symmetric key of an enrollment; the new one is shown once, devices keep what they have."""
    change = Change(
        summary=f"replace the {slot} key of the enrollment {enrollment_id}",
        method="POST",
        path=path_of("/v1/enrollments/{}/keys/rotate", enrollment_id),
        body={"slot": slot} | ({} if key_file is None else {"key": read_key_file(key_file)}),
        warning=f"Nobody registers with its former {slot} key from now on.",
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        show_enrollment_keys(session, enrollment_id, [answer.body])


def _look_at(session: Session, registration_id: str) -> Mapping[str, Any]:  # Any: JSON
    """Show a person what is to be decided."""
    found = session.client.get(path_of("/v1/pending-registrations/{}", registration_id)).body
    if not session.output.is_json:
        facts: dict[str, object] = {
            "device id": found["device_id"],
            "enrollment": f"{found['enrollment_name']} ({found['enrollment_id']})",
            "state": found["state"] + (f" by {found['decided_by']}: {found['reason']}" if found["decided_by"] else ""),
            "proof": "an onboarding certificate" if found["onboarding_sha256"] else "a symmetric key, which is weak",
            "certificate": found["onboarding_sha256"],
            "of": found["subject"],
            "issued by": found["issuer"],
            "valid": f"{show_time(found['not_before'])} to {show_time(found['not_after'])}"
            if found["not_before"]
            else None,
            "key of the request": found["csr_key_sha256"],
            "says of itself": found["payload"],
            "from": f"{found['remote_address']} at {found['gateway']}",
            "asked": show_time(found["requested_at"]),
            "until": show_time(found["expires_at"]),
        }
        session.output.details(
            {name: value for name, value in facts.items() if value}, title=str(found["registration_id"])
        )
    return dict(found)
