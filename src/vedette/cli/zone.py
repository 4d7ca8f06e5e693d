"""``vedette zone``: which assets may talk with each other, proposed from what was seen and approved by a person."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import typer

from vedette.cli.change import Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

# To read and judge a whole network takes a while.
SLOW_S: Final = 120.0
_ALIKE: Final = 3

PlanOption = Annotated[
    str, typer.Option("--plan", metavar="PLAN", help="`approved`, `draft`, or the number of a version.")
]
ZoneArgument = Annotated[str, typer.Argument(metavar="ZONE_ID", help="See `vedette zone list`.", show_default=False)]
_Level = Literal["", "0", "1", "2", "3", "3.5", "4", "5"]


@remote
def list_zones(
    session: Session,
    *,
    plan: PlanOption = "approved",
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the zones of a plan."""
    show_list(
        session,
        "/v1/zones",
        {"plan": plan},
        columns={
            "zone": lambda item: item["zone_id"],
            "name": lambda item: item["name"],
            "level": lambda item: item["level"],
            "kind": lambda item: item["kind"],
            "members": lambda item: item["named_members"],
            "rules": lambda item: len(item["rules"]),
            "risk": lambda item: item["risk"],
            "": lambda item: "critical" if item["is_critical"] else "",
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="It has no zone: vedette zone propose",
    )


@remote
def show(session: Session, zone_id: ZoneArgument, *, plan: PlanOption = "approved") -> None:
    """Show a zone, and why it was proposed."""
    found = session.client.get(path_of("/v1/zones/{}", zone_id), {"plan": plan}).body
    if session.output.is_json:
        session.output.json(found)
        return
    facts = {name.replace("_", " "): value for name, value in found.items() if name not in {"reasons", "rules"}}
    session.output.details(facts, title=found["name"])
    for rule in found["rules"]:
        said = {name: ", ".join(values) for name, values in rule.items() if values}
        session.output.line("takes: " + "; ".join(f"{name} {value}" for name, value in said.items()))
    for reason in found["reasons"]:
        session.output.line(f"- {reason}")


@remote
def members(
    session: Session,
    zone_id: ZoneArgument,
    *,
    plan: PlanOption = "approved",
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the assets that are in a zone now, by hand or by rule."""
    show_list(
        session,
        path_of("/v1/zones/{}/members", zone_id),
        {"plan": plan},
        columns={
            "asset": lambda item: item["asset_id"],
            "name": lambda item: item["name"],
            "addresses": lambda item: ", ".join(item["addresses"]),
            "level": lambda item: item["level"],
            "role": lambda item: item["role"],
            "vendor": lambda item: item["vendor"],
            "risk": lambda item: item["risk"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No asset is in it.",
    )


@remote
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What people call it.", show_default=False)],
    *,
    level: Annotated[_Level, typer.Option("--level", help="Purdue level of its members.")] = "",
    site: Annotated[str, typer.Option("--site", metavar="SITE", help="Where it is.")] = "",
    network: Annotated[
        list[str] | None, typer.Option("--network", metavar="CIDR", help="Takes assets of a network; repeatable.")
    ] = None,
    is_micro: Annotated[bool, typer.Option("--micro", help="Hold its members apart from each other too.")] = False,
    interface: Annotated[
        str, typer.Option("--interface", metavar="NAME", help="Of the firewall, where its members are.")
    ] = "",
    dry_run: DryRunOption = False,
) -> None:
    """Add a zone to the draft."""
    body: dict[str, Any] = {"name": name, "level": level, "site": site, "interface": interface}
    body["kind"] = "micro" if is_micro else "zone"
    if network:
        body["rules"] = [{"networks": network}]
    change = Change(summary=f"add the zone {name} to the draft", method="POST", path="/v1/zones", body=body, after=body)
    answer = perform(session, change, dry_run=dry_run)
    if answer is not None:
        _tell(session, answer.body, f"{answer.body['zone_id']} is in the draft.")


@remote
def add(
    session: Session,
    zone_id: ZoneArgument,
    assets: Annotated[list[str], typer.Argument(metavar="ASSET_ID...", help="See `vedette asset list`.")],
    *,
    dry_run: DryRunOption = False,
) -> None:
    """Put assets into a zone of the draft, out of any other."""
    change = Change(
        summary=f"put {len(assets)} assets into the zone {zone_id}",
        method="POST",
        path=path_of("/v1/zones/{}/members", zone_id),
        body={"asset_ids": assets},
        after={"asset_ids": assets},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is not None:
        _tell(session, answer.body, f"{answer.body['name']} names {answer.body['named_members']} assets.")


@remote
def remove(session: Session, zone_id: ZoneArgument, *, dry_run: DryRunOption = False, yes: YesOption = False) -> None:
    """Take a zone, and its conduits, out of the draft."""
    change = Change(
        summary=f"take the zone {zone_id} out of the draft",
        method="DELETE",
        path=path_of("/v1/zones/{}", zone_id),
        warning="Conduits that begin or end there go with it.",
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{zone_id} is out of the draft.")


@remote
def propose(
    session: Session,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; it stands in the ledger.")] = "",
    is_replacing: Annotated[bool, typer.Option("--replace", help="Throw away a draft that is there.")] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Propose zones and conduits from what was observed; nothing counts before `vedette zone approve`."""
    body = {"reason": reason, "is_replacing": is_replacing}
    change = Change(
        summary="make a draft of what was observed",
        method="POST",
        path="/v1/segmentation/propose",
        body=body,
        answer_s=SLOW_S,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    _tell_plan(session, answer.body)
    session.output.note("Next: vedette zone list --plan draft, vedette segment replay")


@remote
def plans(
    session: Session, *, limit: LimitOption = 100, after: AfterOption = "", everything: AllOption = False
) -> None:
    """List the versions of the plan, the newest first."""
    show_list(
        session,
        "/v1/segmentation/plans",
        {},
        columns={
            "version": lambda item: item["number"],
            "state": lambda item: item["state"],
            "stage": lambda item: item["stage"],
            "revision": lambda item: item["revision"],
            "zones": lambda item: item["zones"],
            "conduits": lambda item: item["conduits"],
            "made": lambda item: show_time(item["created_at"]),
            "approved": lambda item: show_time(item["approved_at"]),
            "by": lambda item: item["approved_by"],
            "reason": lambda item: item["reason"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="There is no plan yet: vedette zone propose",
    )


@remote
def plan(
    session: Session,
    version: Annotated[
        str, typer.Argument(metavar="PLAN", help="`approved`, `draft`, or the number of a version.")
    ] = "draft",
) -> None:
    """Show what a version leaves out, and what is questionable about it."""
    found = session.client.get(path_of("/v1/segmentation/plans/{}", version)).body
    if session.output.is_json:
        session.output.json(found)
    else:
        _tell_plan(session, found)


@remote
def diff(
    session: Session,
    version: Annotated[
        str, typer.Argument(metavar="PLAN", help="`approved`, `draft`, or the number of a version.")
    ] = "draft",
    *,
    base: Annotated[str, typer.Option("--from", metavar="PLAN", help="Over which version.")] = "approved",
) -> None:
    """Show what a version changes over another."""
    found = session.client.get(path_of("/v1/segmentation/plans/{}/difference", version), {"from": base}).body
    if session.output.is_json:
        session.output.json(found)
        return
    output = session.output
    over = f"over version {found['base']}" if found["base"] else "against no plan at all"
    output.line(
        f"Version {found['number']} {over}: {found['zone_changes']} zones, {found['conduit_changes']} conduits and the "
        f"zone of {found['moved']} assets change; {found['wider']} conduits may allow more."
    )
    rows = [("zone", each["kind"], each["name"], "; ".join(each["changes"])) for each in found["zones"]]
    rows += [
        (
            "conduit",
            "wider" if each["is_wider"] and each["kind"] == "changed" else each["kind"],
            f"{each['source']} → {each['target']}",
            "; ".join(each["changes"]),
        )
        for each in found["conduits"]
    ]
    rows += [
        ("asset", "moved", each["asset_id"], f"{each['source'] or 'no zone'} → {each['target'] or 'no zone'}")
        for each in found["moves"]
    ]
    if rows:
        output.table(("what", "is", "name", "changes"), rows)


@remote
def approve(
    session: Session,
    *,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Put the draft in force; its firewalls monitor first."""
    draft = session.client.get("/v1/segmentation/plans/draft").body
    serious = [flaw["message"] for flaw in draft["flaws"] if flaw["weight"] == "serious"]
    change = Change(
        summary=f"put version {draft['number']} in force: {draft['zones']} zones, {draft['conduits']} conduits",
        method="POST",
        path="/v1/segmentation/approve",
        body={"revision": draft["revision"], "reason": reason},
        warning="; ".join(serious[:5]) or "What no conduit allows counts as a violation from then on.",
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is not None:
        _tell(session, answer.body, f"Version {answer.body['number']} is in force; its firewalls monitor.")


@remote
def discard(
    session: Session,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; it stands in the ledger.")] = "",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Throw the draft away; the approved version stays as it is."""
    change = Change(
        summary="throw the draft away",
        method="POST",
        path="/v1/segmentation/discard",
        body={"reason": reason},
        warning="What was edited in it is lost.",
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line("There is no draft any more.")


@remote
def roll_back(
    session: Session,
    number: Annotated[int, typer.Argument(metavar="VERSION", help="See `vedette zone plans`.", min=1)],
    *,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Put a former version in force again; its firewalls monitor first."""
    change = Change(
        summary=f"put version {number} in force again",
        method="POST",
        path="/v1/segmentation/roll-back",
        body={"number": number, "reason": reason},
        warning="The version in force now is superseded.",
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is not None:
        _tell(session, answer.body, f"It is in force as version {answer.body['number']}; its firewalls monitor.")


def _tell(session: Session, body: Any, line: str) -> None:  # Any: JSON
    if session.output.is_json:
        session.output.json(body)
    else:
        session.output.line(line)


def _tell_plan(session: Session, found: Any) -> None:  # Any: JSON
    output = session.output
    output.line(
        f"Version {found['number']} ({found['state']}, {found['stage']}): "
        f"{found['zones']} zones, {found['conduits']} conduits."
    )
    for note in found["notes"]:
        output.line(f"note: {note}")
    for line in _flaws(found["flaws"]):
        output.line(line)
    if found["left_out"]:
        rows = [
            (each["source"], each["target"], _services(each["services"]), each["links"], each["reason"])
            for each in found["left_out"]
        ]
        output.line("Left out; a person decides:")
        output.table(("from", "to", "services", "links", "why"), rows)


def _flaws(flaws: list[dict[str, Any]]) -> list[str]:  # Any: JSON
    """Write what is questionable; what is said of many conduits is said once, with how many."""
    alike: dict[tuple[str, str], list[str]] = {}
    for flaw in flaws:
        alike.setdefault((flaw["weight"], flaw["message"].rpartition(": ")[2]), []).append(flaw["message"])
    lines: list[str] = []
    for (weight, what), messages in alike.items():
        if len(messages) > _ALIKE and weight != "serious":
            lines.append(f"{weight}: {len(messages)} conduits: {what}")
        else:
            lines += [f"{weight}: {message}" for message in messages]
    return lines


def _services(services: list[dict[str, Any]]) -> str:  # Any: JSON
    shown = [show_service(each) for each in services[:6]]
    return ", ".join(shown) + (", …" if len(services) > len(shown) else "")


def show_service(service: dict[str, Any]) -> str:  # Any: JSON
    """Write a service as ``tcp/502`` or ``udp/5000-5010``."""
    if service["transport"] not in {"tcp", "udp", "sctp"}:
        return str(service["transport"])
    last = f"-{service['port_last']}" if service["port_last"] else ""
    return f"{service['transport']}/{service['port']}{last}"
