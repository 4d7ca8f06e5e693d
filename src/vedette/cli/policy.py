"""``vedette policy``: check and test files of policies anywhere; store, compare and simulate them on a platform."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vedette.cli.change import Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import Output, show_time, tell
from vedette.cli.policy_folder import PolicyFolder, read_policy_folder, write_policy_folder
from vedette.cli.problems import FAILED, Unusable, Usage, exit_code_of
from vedette.cli.session import OutputOption, Session, remote
from vedette.kernel import Problem, SystemClock

if TYPE_CHECKING:
    from vedette.trust import PolicyBundle

_POLL_S: Final = 0.5
_FolderArgument = Annotated[
    Path,
    typer.Argument(
        metavar="PATH", help="A folder with *.cedar, sites.toml and *cases.toml, or one file.", show_default=False
    ),
]
_SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE",
        help="A stored bundle: its number, hash, `stable`, `canary` or `shadow`; or the PATH of files.",
        show_default=False,
    ),
]
BundleArgument = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE", help="Its number or hash, or `stable`, `canary`, `shadow`: see `vedette policy list`."
    ),
]
_NameOption = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What people call it.")]


def check(path: _FolderArgument, output: OutputOption = "table") -> None:
    """Check policies: syntax, schema and style, each flaw with its place; needs no platform.

    Exit code 0: they can be used; 1: they cannot, and why.
    """
    shown = Output(output)
    try:
        folder = read_policy_folder(path)
        flaws = _check(folder)
    except Problem as problem:
        shown.problem(problem)
        raise typer.Exit(exit_code_of(problem)) from None
    errors = sum(flaw["is_error"] for flaw in flaws)
    if shown.is_json:
        shown.json({"is_good": not errors, "flaws": flaws})
    else:
        for flaw in flaws:
            shown.line(f"{flaw['place']}: {'error' if flaw['is_error'] else 'warning'}: {flaw['message']}")
    if errors:
        shown.note(f"{errors} error{'s' if errors > 1 else ''}.")
        raise typer.Exit(FAILED)
    shown.note("They can be used.")


def try_cases(path: _FolderArgument, output: OutputOption = "table") -> None:
    """Run the unit cases beside policies; needs no platform.

    Exit code 0: all pass; 1: one fails, there are none, or the policies cannot be used.
    """
    shown = Output(output)
    try:
        folder = read_policy_folder(path)
        if any(flaw["is_error"] for flaw in _check(folder)):
            raise Unusable("the policies cannot be used", hint=f"see why: vedette policy check {path}")
        from vedette.trust import run_cases  # noqa: PLC0415 - costs 100 ms

        results = run_cases(_bundle_of(folder))
    except Problem as problem:
        shown.problem(problem)
        raise typer.Exit(exit_code_of(problem)) from None
    failed = [result for result in results if not result.has_passed]
    if shown.is_json:
        items = [{"name": each.name, "has_passed": each.has_passed, "detail": each.detail} for each in results]
        shown.json({"cases": items, "failed": len(failed)})
    else:
        for result in failed:
            shown.line(f"failed: {result.name}: {result.detail}")
    if failed or not results:
        shown.note(f"{len(failed)} of {len(results)} cases fail." if results else "There are no cases: write some.")
        raise typer.Exit(FAILED)
    shown.note(f"{len(results)} cases pass.")


@remote
def list_bundles(
    session: Session, *, limit: LimitOption = 20, after: AfterOption = "", everything: AllOption = False
) -> None:
    """List policy bundles, newest first."""
    show_list(
        session,
        "/v1/policies",
        {},
        columns={
            "number": lambda item: item["number"],
            "stage": lambda item: item["stage"],
            "name": lambda item: item["name"],
            "policies": lambda item: item["policy_count"],
            "stored": lambda item: show_time(item["created_at"]),
            "by": lambda item: item["author_name"] or item["author"],
            "sha256": lambda item: item["sha256"][:12],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="There are none.",
    )


@remote
def show(
    session: Session,
    bundle: BundleArgument = "stable",
    *,
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Write its files into this folder.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Only the policies themselves.")] = False,
) -> None:
    """Show a bundle: what it changes, who has looked and agreed, and what must be done before it may decide."""
    if text or to is not None:
        content = session.client.get(path_of("/v1/policies/{}", bundle)).body["content"]
        if to is not None:
            write_policy_folder(to, content)
            session.output.note(f"Written to {to}.")
        else:
            session.output.document(content["policies"])
        return
    found = session.client.get(path_of("/v1/policies/{}/standing", bundle)).body
    if session.output.is_json:
        session.output.json(found)
        return
    stored = found["bundle"]
    session.output.details(
        {
            "stage": stored["stage"],
            "policies": stored["policy_count"],
            "stored": show_time(stored["created_at"]),
            "by": stored["author_name"] or stored["author"],
            "widens": "yes: a second person must agree" if found["is_widening"] else "no",
            "approved by": ", ".join(each["actor_name"] or each["actor"] for each in found["approvals"]),
            "sha256": stored["sha256"],
        },
        title=f"{stored['number']}: {stored['name']}",
    )
    show_difference(session, found["difference"], is_short=True)
    for step in found["missing"]:
        session.output.note(f"To do first: {step}")


@remote
def diff(
    session: Session,
    source: _SourceArgument,
    *,
    against: Annotated[str, typer.Option("--against", metavar="BUNDLE", help="What to compare with.")] = "stable",
) -> None:
    """Show what a bundle, or files, change over another bundle. Exit code 0 whether they differ or not."""
    folder = _folder_of(source)
    if folder is not None:
        body = folder.body | {"against": against}
        found = session.client.send("POST", "/v1/policy-difference", body).body
    else:
        path = path_of("/v1/policies/{}/difference", source)
        found = session.client.get(path, {"against": against}).body
    if session.output.is_json:
        session.output.json(found)
    else:
        show_difference(session, found, is_short=False)


@remote
def apply(
    session: Session,
    path: _FolderArgument,
    *,
    name: _NameOption = None,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Store files of policies as a draft: checked, named by their content, signed. It decides nothing yet."""
    folder = read_policy_folder(path)
    body = folder.body | {"name": name or path.resolve().name, "reason": reason}
    after = {"name": body["name"], "policies": f"{len(folder.policies)} characters", "sites": len(folder.sites)}
    change = Change(
        summary=f"store {path} as a draft", method="POST", path="/v1/policies", body=body, after=after, answer_s=60
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    stored = answer.body
    if session.output.is_json:
        session.output.json({key: value for key, value in stored.items() if key != "content"})
        return
    session.output.line(f"Stored as bundle {stored['number']}, {stored['stage']}.")
    session.output.note(f"See what it would do: vedette policy simulate {stored['number']}")


@remote
def discard(
    session: Session,
    bundle: BundleArgument,
    *,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Discard a draft."""
    change = Change(
        summary=f"discard the draft {bundle}",
        method="DELETE",
        path=path_of("/v1/policies/{}", bundle),
        params={"reason": reason},
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{bundle} is discarded.")


@remote
def simulate(
    session: Session,
    source: _SourceArgument,
    *,
    days: Annotated[int, typer.Option(min=1, max=90, help="How much of the decision log to replay.")] = 7,
    against: Annotated[str, typer.Option("--against", metavar="BUNDLE", help="What decides now.")] = "stable",
    most_denied: Annotated[
        int | None, typer.Option("--max-denied", min=0, metavar="N", help="Fail if more are newly denied.")
    ] = None,
    most_allowed: Annotated[
        int | None, typer.Option("--max-allowed", min=0, metavar="N", help="Fail if more are newly allowed.")
    ] = None,
) -> None:
    """Replay the present fleet and the decision log under a bundle, and say what would change; changes nothing.

    Files are stored as a draft first. Exit code 1: more would change than `--max-denied` and `--max-allowed` say.
    """
    reference = source
    folder = _folder_of(source)
    if folder is not None:
        body = folder.body | {"name": Path(source).resolve().name, "reason": "to be simulated"}
        reference = str(session.client.send("POST", "/v1/policies", body, answer_s=60).body["number"])
    path = path_of("/v1/policies/{}/simulate", reference)
    begun = session.client.send("POST", path, {"days": days, "against": against}).body
    found = _wait(session, begun["simulation_id"])
    if session.output.is_json:
        session.output.json(found)
    else:
        _show_simulation(session, found)
    if found["state"] != "done":
        session.output.note(f"The simulation failed: {found['cause']}")
        raise typer.Exit(FAILED)
    is_over = [
        most is not None and found[name] > most
        for name, most in (("newly_denied", most_denied), ("newly_allowed", most_allowed))
    ]
    if any(is_over):
        raise typer.Exit(FAILED)


@remote
def simulations(
    session: Session, *, limit: LimitOption = 20, after: AfterOption = "", everything: AllOption = False
) -> None:
    """List simulations, newest first."""
    show_list(
        session,
        "/v1/policy-simulations",
        {},
        columns={
            "simulation": lambda item: item["simulation_id"],
            "state": lambda item: item["state"] if item["state"] != "running" else _progress(item),
            "bundle": lambda item: item["sha256"][:12],
            "newly denied": lambda item: item["newly_denied"],
            "newly allowed": lambda item: item["newly_allowed"],
            "begun": lambda item: show_time(item["created_at"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="There are none. Begin one: vedette policy simulate BUNDLE",
    )


@remote
def stop(
    session: Session,
    simulation: Annotated[
        str, typer.Argument(metavar="SIMULATION", help="See `vedette policy simulations`.", show_default=False)
    ],
    *,
    dry_run: DryRunOption = False,
) -> None:
    """Stop a simulation; what it has found until then is not kept."""
    path = path_of("/v1/policy-simulations/{}/cancel", simulation)
    change = Change(summary=f"stop the simulation {simulation}", method="POST", path=path)
    answer = perform(session, change, dry_run=dry_run)
    if answer is not None:
        session.output.note("It ends within a moment.")


def show_difference(session: Session, found: Mapping[str, Any], *, is_short: bool) -> None:
    """Tell a person what a bundle changes."""
    if not found["changes"] and not found["other_parts"]:
        session.output.note("Nothing differs.")
        return
    rows = [
        (each["change"], each["policy"], each["effect"], f"may widen: {each['why']}" if each["may_widen"] else "")
        for each in found["changes"]
    ]
    if rows:
        session.output.table(("change", "policy", "effect", "note"), rows)
    for part in found["other_parts"]:
        session.output.line(f"The {part} differ.")
    if is_short:
        return
    import difflib  # noqa: PLC0415 - few commands compare

    for each in found["changes"]:
        lines = difflib.unified_diff(
            each["before"].splitlines(),
            each["after"].splitlines(),
            fromfile=f"before/{each['policy']}",
            tofile=f"after/{each['policy']}",
            lineterm="",
        )
        for line in lines:
            session.output.line(line)


def _check(folder: PolicyFolder) -> list[dict[str, Any]]:
    from vedette.trust import check_bundle  # noqa: PLC0415 - costs 100 ms

    flaws = check_bundle(_bundle_of(folder), SystemClock().now().date())
    return [flaw._asdict() | {"place": folder.place(flaw.line)} for flaw in flaws]


def _bundle_of(folder: PolicyFolder) -> PolicyBundle:
    import msgspec  # noqa: PLC0415 - few commands need it

    from vedette.trust import PolicyBundle, Site, device_schema  # noqa: PLC0415 - costs 100 ms

    try:
        sites = msgspec.convert(folder.sites, dict[str, Site])
    except msgspec.ValidationError as error:
        raise Usage(f"the sites cannot be read: {error}", hint="see docs/policies.md") from error
    return PolicyBundle(device_schema(), folder.policies, sites, folder.cases)


def _folder_of(source: str) -> PolicyFolder | None:
    """Return the files that an argument names; ``None`` where it names a stored bundle."""
    path = Path(source)
    return read_policy_folder(path) if path.exists() else None


def _wait(session: Session, simulation_id: str) -> Mapping[str, Any]:
    told = ""
    while True:
        found: Mapping[str, Any] = session.client.get(path_of("/v1/policy-simulations/{}", simulation_id)).body
        if found["state"] != "running":
            return found
        progress = _progress(found)
        if progress != told and not session.output.is_json:
            tell(progress)
            told = progress
        time.sleep(_POLL_S)


def _progress(found: Mapping[str, Any]) -> str:
    return f"{found['examined']:,} of {found['total']:,} examined" if found["total"] else "reading the log"


def _show_simulation(session: Session, found: Mapping[str, Any]) -> None:
    report = found["report"]
    if report is None:
        return
    session.output.line(found["summary"])
    for title, name in (("action", "by_action"), ("site", "by_site"), ("group", "by_group"), ("policy", "by_policy")):
        rows = [
            (
                report["names"].get(key, key) or "(none)",
                each["newly_denied"],
                each["newly_allowed"],
                each["reason_changed"],
            )
            for key, each in report[name].items()
        ]
        if rows:
            session.output.table((title, "newly denied", "newly allowed", "other policies"), rows)
    samples = [
        (
            each["change"].replace("_", " "),
            each["action"],
            each["device_id"] + (f"/{each['module_id']}" if each["module_id"] else ""),
            ", ".join(each["before"]) or "(nothing permits)",
            ", ".join(each["after"]) or "(nothing permits)",
        )
        for each in report["samples"]
    ]
    if samples:
        session.output.table(("for example", "action", "device", "decided by now", "then by"), samples)
    log = report["log"]
    session.output.note(f"{report['decisions']:,} decisions in {report['seconds']} s.")
    if report["assumed"]:
        session.output.note(f"{report['assumed']:,} identities were never seen: their sessions are assumed.")
    session.output.note(
        f"Of the log, {log['replayed']:,} decisions replayed: {log['newly_denied']:,} newly denied, "
        f"{log['newly_allowed']:,} newly allowed; {log['skipped']:,} skipped."
    )
