"""``vedette policy shadow | canary | promote | rollback``: from draft to decision, and back with one command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.output import show_time
from vedette.cli.policy import BundleArgument
from vedette.cli.session import Session, remote

_ShareOption = Annotated[
    float,
    typer.Option(
        "--denied-share",
        min=0.0,
        max=1.0,
        help="Share of the devices concerned that may be refused unforeseen before it is taken back by itself.",
    ),
]


@remote
def status(session: Session) -> None:
    """Show which policies are in force, and what they did since the newest change."""
    found = session.client.get("/v1/policy-staging").body
    if session.output.is_json:
        session.output.json(found)
    else:
        _show(session, found)


@remote
def approve(
    session: Session, bundle: BundleArgument, *, reason: ReasonOption = NO_REASON, dry_run: DryRunOption = False
) -> None:
    """Agree, as a second person, to a bundle that newly allows something; it must have been simulated.

    With the host's own token it counts only for whoever is alone, and stands out on record.
    """
    path = path_of("/v1/policies/{}/approve", bundle)
    change = Change(summary=f"approve {bundle} as another person", method="POST", path=path, body={"reason": reason})
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"Approved, with {answer.body['newly_allowed']} identities newly allowed something.")


@remote
def shadow(
    session: Session, bundle: BundleArgument, *, reason: ReasonOption = "", dry_run: DryRunOption = False
) -> None:
    """Have every decision made a second time with a bundle, and only the differences counted."""
    _stage(session, "shadow", bundle, {"reason": reason}, summary=f"try {bundle} in the shadow", dry_run=dry_run)


@remote
def canary(
    session: Session,
    bundle: BundleArgument,
    group: Annotated[str, typer.Argument(metavar="GROUP", help="Name or id of a group.", show_default=False)],
    *,
    denied_share: _ShareOption = 0.05,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Let a bundle decide for one group; it is taken back by itself if more are refused than foretold."""
    body = {"group": group, "denied_share": denied_share, "reason": reason}
    _stage(session, "canary", bundle, body, summary=f"let {bundle} decide for the group {group}", dry_run=dry_run)


@remote
def promote(
    session: Session,
    bundle: BundleArgument,
    *,
    denied_share: _ShareOption = 0.05,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Let a bundle decide for everyone; for an hour it is taken back by itself if more are refused than foretold."""
    body = {"denied_share": denied_share, "reason": reason}
    _stage(session, "promote", bundle, body, summary=f"let {bundle} decide for everyone", dry_run=dry_run, yes=yes)


@remote
def withdraw(session: Session, *, reason: ReasonOption = NO_REASON, dry_run: DryRunOption = False) -> None:
    """End canary and shadow: the stable bundle decides for everyone."""
    _move(session, "withdraw", "end canary and shadow", reason, dry_run=dry_run)


@remote
def rollback(session: Session, *, reason: ReasonOption = NO_REASON, dry_run: DryRunOption = False) -> None:
    """Go back to the bundle that was stable before, at once; a second one goes one further back."""
    _move(session, "rollback", "go back to the bundle before", reason, dry_run=dry_run)


def _stage(
    session: Session,
    verb: str,
    bundle: str,
    body: Mapping[str, Any],
    *,
    summary: str,
    dry_run: bool,
    yes: bool | None = None,
) -> None:
    standing = session.client.get(path_of("/v1/policies/{}/standing", bundle)).body
    warning = " ".join(f"To do first: {step}." for step in standing["missing"])
    change = Change(
        summary=summary,
        method="POST",
        path=path_of(f"/v1/policies/{{}}/{verb}", bundle),
        body=body,
        after=body,
        warning=warning,
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is not None:
        _tell(session, answer.body)


def _move(session: Session, verb: str, summary: str, reason: str, *, dry_run: bool) -> None:
    body = {"reason": reason}
    change = Change(summary=summary, method="POST", path=f"/v1/policy-staging/{verb}", body=body, after=body)
    answer = perform(session, change, dry_run=dry_run)
    if answer is not None:
        _tell(session, answer.body)


def _tell(session: Session, found: Mapping[str, Any]) -> None:
    if session.output.is_json:
        session.output.json(found)
    else:
        _show(session, found)


def _show(session: Session, found: Mapping[str, Any]) -> None:
    facts = {
        "stable": found["stable"][:12],
        "canary": (found["canary"] or "")[:12],
        "canary's group": found["canary_group"],
        "shadow": (found["shadow"] or "")[:12],
        "a rollback returns to": (found["former"] or "")[:12],
        "changed": show_time(found["changed_at"]),
        "by": found["changed_by_name"] or found["changed_by"],
        "reason": found["reason"],
        "taken back at": f"{found['denied_limit']} refused unforeseen" if found["watched"] else "",
        "manifest": found["manifest_sha256"][:12],
    }
    session.output.details({name: value for name, value in facts.items() if value}, title="policies in force")
    rows = [
        (
            each["sha256"][:12],
            each["allowed"],
            each["denied"],
            each["unforeseen"],
            each["shadow_allows"],
            each["shadow_denies"],
        )
        for each in found["counts"]
    ]
    if rows:
        headings = ("bundle", "allowed", "denied", "unforeseen", "shadow allows", "shadow denies")
        session.output.table(headings, rows)
