"""``vedette enrollment``: who may register with an onboarding identity, and what they get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

EnrollmentArgument = Annotated[
    str, typer.Argument(metavar="ENROLLMENT_ID", help="See `vedette enrollment list`.", show_default=False)
]


@remote
def list_enrollments(
    session: Session,
    *,
    kind: Annotated[Literal["individual", "group"] | None, typer.Option(help="Only of this kind.")] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List enrollments in the order they were made."""
    show_list(
        session,
        "/v1/enrollments",
        {"kind": kind},
        columns={
            "enrollment": lambda item: item["enrollment_id"],
            "name": lambda item: item["name"],
            "kind": lambda item: item["kind"],
            "state": lambda item: "enabled" if item["is_enabled"] else "disabled",
            "credential": lambda item: item["credential"] + (" (weak)" if item["is_flagged"] else ""),
            "proof": lambda item: item["attestation"],
            "approval": lambda item: "by an operator" if item["approval"] == "required" else "",
            "who": lambda item: item["registration_id"] or item["id_pattern"],
            "authority": lambda item: item["authority_id"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody may register. Begin with their maker's authority: vedette authority add --help",
    )


@remote
def show(session: Session, enrollment_id: EnrollmentArgument) -> None:
    """Show an enrollment."""
    found = session.client.get(path_of("/v1/enrollments/{}", enrollment_id)).body
    if session.output.is_json:
        session.output.json(found)
    else:
        show_enrollment(session, found)


@remote
def registrations(
    session: Session,
    enrollment_id: EnrollmentArgument,
    *,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List who registered through an enrollment, and who may not do so again."""
    show_list(
        session,
        path_of("/v1/enrollments/{}/registrations", enrollment_id),
        {},
        columns={
            "registration": lambda item: item["registration_id"],
            "device": lambda item: item["device_id"],
            "last": lambda item: show_time(item["updated_at"]),
            "says of itself": lambda item: item["payload"],
            "locked": lambda item: show_time(item["locked_at"]),
            "why": lambda item: item["lock_reason"],
            "may again until": lambda item: show_time(item["permit_until"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody has registered through it.",
    )


@remote
def disable(
    session: Session,
    enrollment_id: EnrollmentArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
) -> None:
    """Let nobody register through an enrollment; whoever it matches first is kept out."""
    _switch(session, enrollment_id, is_enabled=False, reason=reason, dry_run=dry_run)


@remote
def enable(
    session: Session, enrollment_id: EnrollmentArgument, *, reason: ReasonOption = "", dry_run: DryRunOption = False
) -> None:
    """Let devices register through an enrollment again."""
    _switch(session, enrollment_id, is_enabled=True, reason=reason, dry_run=dry_run)


@remote
def delete(
    session: Session,
    enrollment_id: EnrollmentArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Delete an enrollment; devices that registered through it keep what they have."""
    before, etag = enrollment_and_etag(session, enrollment_id)
    change = Change(
        summary=f"delete the enrollment {before['name']} ({enrollment_id})",
        method="DELETE",
        path=path_of("/v1/enrollments/{}", enrollment_id),
        params={"reason": reason},
        before=before,
        etag=etag,
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{before['name']} is deleted.")


def enrollment_and_etag(session: Session, enrollment_id: str) -> tuple[Mapping[str, Any], str]:
    """Return an enrollment and the revision it has."""
    answer = session.client.get(path_of("/v1/enrollments/{}", enrollment_id))
    return answer.body, answer.etag


def show_enrollment(session: Session, found: Mapping[str, Any]) -> None:
    """Write an enrollment for people."""
    initial = found["initial"]
    lifetime_s = found["lifetime_s"]
    facts: dict[str, object] = {
        "name": found["name"],
        "kind": found["kind"],
        "state": "enabled" if found["is_enabled"] else "disabled",
        "proof": found["attestation"],
        "credential": found["credential"],
        "weakness": _weakness(found),
        "keys end": ", ".join(f"{key['slot']} {show_time(key['expires_at'])}" for key in found["symmetric_keys"]),
        "approval": f"an operator lets each device in, within {found['approval_timeout_s'] / 3600:g} h"
        if found["approval"] == "required"
        else None,
        "registers again": found["reprovision_policy"],
        "registration id": found["registration_id"],
        "device id": found["device_id"],
        "certificate": found["primary_sha256"],
        "its replacement": found["secondary_sha256"],
        "authority": found["authority_id"],
        "id pattern": found["id_pattern"] if found["kind"] == "group" else None,
        "lifetime": None if lifetime_s is None else f"{lifetime_s / 3600:g} h",
        "device gets": {name: value for name, value in initial.items() if value and name not in {"tags", "desired"}},
        "device's tags": initial["tags"],
        "desired": initial["desired"],
        "devices are told": found["payload"],
        "created": show_time(found["created_at"]),
        "revision": found["revision"],
    }
    session.output.details({name: value for name, value in facts.items() if value}, title=str(found["enrollment_id"]))


def _weakness(found: Mapping[str, Any]) -> str | None:
    if found["attestation"] == "symmetric_key":
        return "whoever knows its key registers, until " + show_time(found["symmetric_key_until"])
    if found["is_flagged"]:
        return "onboarding certificates open the hub until " + show_time(found["onboarding_until"])
    return None


def _switch(session: Session, enrollment_id: str, *, is_enabled: bool, reason: str, dry_run: bool) -> None:
    verb = "enable" if is_enabled else "disable"
    change = Change(
        summary=f"{verb} the enrollment {enrollment_id}",
        method="POST",
        path=path_of(f"/v1/enrollments/{{}}/{verb}", enrollment_id),
        body={"reason": reason},
        before=enrollment_and_etag(session, enrollment_id)[0] if dry_run else {},
        after={"is_enabled": is_enabled},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{answer.body['name']} is {verb}d.")
