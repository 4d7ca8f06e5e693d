"""``vedette segment``: what a plan does with traffic, its rule sets, drift, MUD files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from vedette.cli.change import Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.files import read_json, read_small_file, write_private
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import FAILED, Usage
from vedette.cli.session import Session, remote
from vedette.cli.zone import SLOW_S, PlanOption, ZoneArgument

_SHOWN: Final = 50
_BENEATH: Final = "layer2"
_FEW: Final = 5
# The API takes a megabyte.
_FILE_MAX_BYTES: Final = 900_000
_Asset = Annotated[str, typer.Argument(metavar="ASSET_ID", help="See `vedette asset list`.", show_default=False)]


@remote
def replay(
    session: Session,
    *,
    plan: PlanOption = "draft",
    attack: Annotated[
        Path | None,
        typer.Option(
            "--attack", metavar="FILE", help="JSON: a list of client_address, server_address, transport and port."
        ),
    ] = None,
) -> None:
    """Tell what a plan would have blocked of all that was ever seen, and of an attack; changes nothing."""
    body: dict[str, Any] = {"attack": read_json(f"@{attack}", "an attack") if attack is not None else []}
    found = session.client.send("POST", "/v1/segmentation/replay", body, params={"plan": plan}, answer_s=SLOW_S).body
    if session.output.is_json:
        session.output.json(found)
        return
    output = session.output
    output.line(
        f"Version {found['number']} would block {found['blocked_links']} of {found['links']} links "
        f"({found['blocked_flows']} of {found['flows']} flows)."
    )
    _tell_judged(session, found["shown"])
    if found["unused"]:
        output.note(f"{len(found['unused'])} conduits were not used: vedette conduit list --plan {plan}")
    if found["attack"]:
        stopped = sum(each["verdict"] == "blocked" for each in found["attack"])
        output.line(f"Of the attack, {stopped} of {len(found['attack'])} connections would be blocked.")
        _tell_judged(session, found["attack"])


@remote
def compile_rules(
    session: Session,
    zone_id: ZoneArgument,
    *,
    plan: PlanOption = "approved",
    stage: Annotated[
        Literal["monitor", "enforce"] | None, typer.Option("--stage", help="Left out: the plan's own.")
    ] = None,
    is_rollback: Annotated[bool, typer.Option("--rollback", help="Write what takes the rules away.")] = False,
) -> None:
    """Write the nftables rule set of a zone to standard output; load it with `TZ=UTC nft -f`."""
    params = {"plan": plan, "stage": stage}
    found = session.client.get(path_of("/v1/zones/{}/rules", zone_id), params).body
    if session.output.is_json:
        session.output.json(found)
        return
    sys.stdout.write(found["rollback"] if is_rollback else found["text"])
    if found["uncovered"]:
        session.output.note(f"{len(found['uncovered'])} of its assets have no IP address: no rule can mean them.")


@remote
def verify(
    session: Session,
    zone_id: ZoneArgument,
    listing: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Output of `TZ=UTC nft list table inet TABLE`; - for standard input."),
    ],
) -> None:
    """Compare what a firewall holds with the approved plan; exit code 1 if they differ."""
    body = {"listing": _read(listing, "a listing", may_be_empty=True)}
    found = session.client.send("POST", path_of("/v1/zones/{}/verify", zone_id), body, answer_s=SLOW_S).body
    if session.output.is_json:
        session.output.json(found)
    else:
        for line in found["differences"]:
            session.output.line(line)
        session.output.line(
            f"It holds version {found['number']}." if found["is_applied"] else f"{len(found['differences'])} differ."
        )
    if not found["is_applied"]:
        raise typer.Exit(FAILED)


@remote
def set_stage(
    session: Session,
    stage: Annotated[Literal["monitor", "enforce"], typer.Argument(help="What firewalls do.", show_default=False)],
    *,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Have firewalls count what no conduit allows, or drop it."""
    change = Change(
        summary=f"set the stage of the approved plan to {stage}",
        method="POST",
        path="/v1/segmentation/stage",
        body={"stage": stage, "reason": reason},
        warning="Load the rule sets anew: what no conduit allows is dropped then." if stage == "enforce" else "",
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes if stage == "enforce" else None)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"Version {answer.body['number']}: {answer.body['stage']}. Load its rule sets anew.")


@remote
def drift(
    session: Session, *, limit: LimitOption = 100, after: AfterOption = "", everything: AllOption = False
) -> None:
    """List traffic that the approved plan does not allow, with when it was seen first and last."""
    show_list(
        session,
        "/v1/segmentation/violations",
        {},
        columns={
            "from": lambda item: item["client_address"],
            "to": lambda item: item["server_address"],
            "service": lambda item: f"{item['transport']}/{item['port']} {item['protocol']}".strip(),
            "flows": lambda item: item["flows"],
            "first": lambda item: show_time(item["first_at"]),
            "last": lambda item: show_time(item["last_at"]),
            "why": lambda item: item["reason"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No traffic breaks the approved plan, or none is approved.",
    )


@remote
def paths(
    session: Session,
    start: Annotated[str, typer.Argument(metavar="ZONE_ID", help="A zone that is lost, or `external`.")],
    *,
    plan: PlanOption = "approved",
) -> None:
    """List the zones that whoever holds one zone can reach through conduits."""
    found = session.client.get("/v1/segmentation/attack-paths", {"start": start, "plan": plan}).body
    if session.output.is_json:
        session.output.json(found)
        return
    if not found["steps"]:
        session.output.note("No other zone can be reached from there.")
        return
    rows = [(each["zone_id"], ", ".join(each["services"][:6]), " → ".join(each["path"])) for each in found["steps"]]
    session.output.table(("zone", "through", "path"), rows)


@remote
def mud(
    session: Session,
    asset_id: _Asset,
    *,
    signature: Annotated[
        Path | None,
        typer.Option("--signature", metavar="FILE", help="Write its signature there (CMS, detached, DER)."),
    ] = None,
) -> None:
    """Write the MUD file (RFC 8520) of an asset, from what it was seen to do."""
    if signature is not None:
        signed = session.client.get(path_of("/v1/mud-files/{}/signature", asset_id)).body
        write_private(signature, signed)
    found = session.client.get(path_of("/v1/mud-files/{}", asset_id)).body
    sys.stdout.write(str(found))


@remote
def compare_mud(
    session: Session,
    asset_id: _Asset,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A maker's MUD file; - for standard input.")],
) -> None:
    """Compare a maker's MUD file with what an asset was seen to do; exit code 1 if it did more."""
    body = {"document": _read(file, "a MUD file")}
    found = session.client.send("POST", path_of("/v1/mud-files/{}/compare", asset_id), body).body
    if session.output.is_json:
        session.output.json(found)
    else:
        session.output.line(
            f"{found['declared']} links are declared, {found['depends']} if their peers are who is meant, "
            f"{len(found['undeclared'])} are not; nothing was seen of {len(found['unused'])} entries."
        )
        _tell_judged(session, found["undeclared"])
    if found["undeclared"]:
        raise typer.Exit(FAILED)


def _read(path: Path, what: str, *, may_be_empty: bool = False) -> str:
    raw = read_small_file(path, what, max_bytes=_FILE_MAX_BYTES, may_be_empty=may_be_empty)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Usage(f"{path} is not {what}: it is no text") from error


def _tell_judged(session: Session, found: list[dict[str, Any]]) -> None:  # Any: JSON
    if not found:
        return
    beneath = [each for each in found if each["verdict"] == _BENEATH]
    if len(beneath) > _FEW:
        kinds = sorted({each["reason"].partition(" ")[0] for each in beneath})
        session.output.note(
            f"{len(beneath)} links join zones beneath IP ({', '.join(kinds[:8])}): VLANs or bridges must part them"
        )
        found = [each for each in found if each["verdict"] != _BENEATH]
    if not found:
        return
    rows = [
        (
            each["verdict"],
            each["client_address"],
            each["server_address"],
            f"{each['transport']}/{each['port']}",
            each["flows"],
            each["reason"],
        )
        for each in found[:_SHOWN]
    ]
    session.output.table(("verdict", "from", "to", "service", "flows", "why"), rows)
    if len(found) > _SHOWN:
        session.output.note(f"{len(found) - _SHOWN} more: --output json")
