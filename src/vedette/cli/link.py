"""``vedette link``: who talks with whom, about what, and with whom outside; what changed since a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import typer

from vedette.cli.asset import SiteOption
from vedette.cli.change import Change, DryRunOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

Item = Mapping[str, Any]

_AssetOption = Annotated[str | None, typer.Option("--asset", metavar="ASSET_ID", help="Only those of this asset.")]
_ProtocolOption = Annotated[str | None, typer.Option("--protocol", help="Only in this protocol, such as modbus.")]
_Verdict = Literal["undecided", "approved", "refused"]
_SnapshotArgument = Annotated[
    str, typer.Argument(metavar="SNAPSHOT_ID", help="See `vedette snapshot list`.", show_default=False)
]


@remote
def list_links(
    session: Session,
    *,
    asset: _AssetOption = None,
    protocol: _ProtocolOption = None,
    site: SiteOption = None,
    is_external: Annotated[
        bool | None,
        typer.Option("--external/--internal", help="Only those that leave the network, or the others."),
    ] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List links: each a client that talks to a service of a server."""
    external = None if is_external is None else str(is_external).lower()
    show_list(
        session,
        "/v1/network-links",
        {"asset_id": asset, "protocol": protocol, "site": site, "is_external": external},
        columns={
            "client": lambda item: item["client"],
            "server": lambda item: item["server"],
            "service": lambda item: f"{item['transport']}/{item['port']}" if item["port"] else item["transport"],
            "protocol": lambda item: item["protocol"] or "unknown",
            "name": lambda item: item["name"],
            "flows": lambda item: item["flows"],
            "packets": lambda item: item["packets"],
            "bytes": lambda item: item["bytes"],
            "site": lambda item: item["site"],
            "last seen": lambda item: show_time(item["last_at"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No link fits. Sensors find them: vedette sensor list",
    )


@remote
def list_operations(
    session: Session,
    *,
    asset: _AssetOption = None,
    protocol: _ProtocolOption = None,
    kind: Annotated[str | None, typer.Option(help="Only of this class, such as write or program.")] = None,
    site: SiteOption = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List what clients ask of servers: reads, writes, program transfers and so on."""
    show_list(
        session,
        "/v1/network-operations",
        {"asset_id": asset, "protocol": protocol, "kind": kind, "site": site},
        columns={
            "client": lambda item: item["client"],
            "server": lambda item: item["server"],
            "protocol": lambda item: item["protocol"],
            "operation": lambda item: item["service"],
            "class": lambda item: item["kind"],
            "of": lambda item: " ".join(each for each in (item["unit"], item["area"]) if each),
            "times": lambda item: item["times"],
            "failures": lambda item: item["failures"],
            "last seen": lambda item: show_time(item["last_at"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No operation fits. Sensors find them: vedette sensor list",
    )


@remote
def list_external(
    session: Session,
    *,
    asset: _AssetOption = None,
    verdict: Annotated[_Verdict | None, typer.Option(help="Only those with this verdict.")] = None,
    text: Annotated[str | None, typer.Option(help="In a name, an address, the network or the owner.")] = None,
    country: Annotated[str | None, typer.Option(help="Only in this country: two letters.")] = None,
    site: SiteOption = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List connections to the outside, and who answers for them."""
    show_list(
        session,
        "/v1/external-connections",
        {"asset_id": asset, "verdict": verdict, "site": site, "text": text, "country": country},
        columns=_EXTERNAL,
        limit=limit,
        after=after,
        everything=everything,
        empty="No connection to the outside was seen.",
    )


@remote
def list_protocols(session: Session, *, site: SiteOption = None) -> None:
    """List the protocols that are spoken: by how many, what is asked in them, what anybody could read."""
    found = session.client.get("/v1/network-protocols", params={"site": site}).body
    if session.output.is_json:
        session.output.json({"items": found, "next": None})
        return
    columns = (
        "protocol",
        "certainty",
        "of",
        "assets",
        "links",
        "outside",
        "classes of operations",
        "clear text",
        "legacy",
        "last seen",
    )
    rows = [
        (
            each["title"] or "unknown",
            each["certainty"],
            each["family"],
            each["assets"],
            each["links"],
            each["external"],
            [f"{kind['kind']} {kind['times']}" for kind in each["kinds"]],
            each["clear_text"],
            each["legacy"],
            show_time(each["last_at"]),
        )
        for each in found
    ]
    session.output.table(columns, rows)


@remote
def decide(
    session: Session,
    external_ids: Annotated[
        list[str],
        typer.Argument(metavar="CONNECTION...", help="See `vedette link external`; one or many.", show_default=False),
    ],
    verdict: Annotated[_Verdict, typer.Argument(help="What you think of it; traffic is not touched.")],
    *,
    owner: Annotated[str, typer.Option(help="Who answers for it; needed to approve.")] = "",
    reason: Annotated[
        str, typer.Option("--reason", "-r", metavar="TEXT", help="What it is for; it stands in the ledger.")
    ] = "",
    dry_run: DryRunOption = False,
) -> None:
    """Approve or refuse connections to the outside: all that are named, or none."""
    wanted = list(dict.fromkeys(external_ids))
    many = f"{len(wanted)} connections" if len(wanted) > 1 else f"the connection {wanted[0]}"
    said = {"verdict": verdict, "owner": owner, "justification": reason}
    change = Change(
        summary=f"decide about {many}",
        method="POST",
        path="/v1/bulk/external-connections",
        body={"external_ids": wanted, **said},
        after=said,
    )
    if dry_run and not session.output.is_json:
        known = [session.client.get(path_of("/v1/external-connections/{}", each)).body for each in wanted]
        session.output.table(tuple(_EXTERNAL), [[column(each) for column in _EXTERNAL.values()] for each in known])
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    for found in answer.body:
        session.output.line(f"{found['local']} and {found['name'] or found['address']}: {found['verdict']}.")


@remote
def list_snapshots(
    session: Session, *, limit: LimitOption = 100, after: AfterOption = "", everything: AllOption = False
) -> None:
    """List snapshots of the inventory, youngest first."""
    show_list(
        session,
        "/v1/inventory-snapshots",
        {},
        columns=_SNAPSHOTS,
        limit=limit,
        after=after,
        everything=everything,
        empty="There is no snapshot yet; one is taken each day. Take one now: vedette snapshot take",
    )


@remote
def take_snapshot(
    session: Session,
    *,
    note: Annotated[str, typer.Option(help="Such as: before the overhaul.")] = "",
    dry_run: DryRunOption = False,
) -> None:
    """Take a snapshot of the inventory; it is kept until it is deleted."""
    change = Change(
        summary="take a snapshot of the inventory",
        method="POST",
        path="/v1/inventory-snapshots",
        body={"note": note},
        after={"note": note},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        found = answer.body
        held = "is taken" if found["assets"] is None else f"holds {found['assets']} assets"
        session.output.line(f"{found['snapshot_id']} {held}.")


@remote
def delete_snapshot(session: Session, snapshot_id: _SnapshotArgument, *, dry_run: DryRunOption = False) -> None:
    """Delete a snapshot of the inventory."""
    change = Change(
        summary=f"delete the snapshot {snapshot_id}",
        method="DELETE",
        path=path_of("/v1/inventory-snapshots/{}", snapshot_id),
    )
    if perform(session, change, dry_run=dry_run) is not None and not session.output.is_json:
        session.output.line(f"{snapshot_id} is deleted.")


@remote
def changes(
    session: Session,
    since: _SnapshotArgument,
    *,
    until: Annotated[str | None, typer.Option(metavar="SNAPSHOT_ID", help="The later one; now by default.")] = None,
) -> None:
    """Show what changed since a snapshot: assets that are new, gone or different, and new links."""
    found = session.client.get("/v1/inventory-changes", {"since": since, "until": until}).body
    if session.output.is_json:
        session.output.json(found)
        return
    rows = [("new", each["label"], "", "", each["values"].get("ips", "")) for each in found["added"]]
    rows += [("gone", each["label"], "", each["values"].get("ips", ""), "") for each in found["removed"]]
    rows += [
        ("different", each["label"], each["attribute"], each["before"], each["after"]) for each in found["changed"]
    ]
    if rows:
        session.output.table(("what", "asset", "attribute", "before", "after"), rows)
    else:
        session.output.note("No asset is new, gone or different.")
    session.output.line(f"{found['links_count']} links are new.")


def _network(item: Item) -> str:
    parts = (item["country"], f"AS{item['asn']}" if item["asn"] else "", item["network_name"])
    return " ".join(part for part in parts if part)


_SNAPSHOTS: dict[str, Callable[[Item], object]] = {
    "snapshot": lambda item: item["snapshot_id"],
    "taken": lambda item: show_time(item["taken_at"]),
    "assets": lambda item: item["assets"],
    "links": lambda item: item["links"],
    "by": lambda item: item["taken_by"],
    "kept": lambda item: "yes" if item["is_kept"] else "90 days",
    "note": lambda item: item["note"],
}
_EXTERNAL: dict[str, Callable[[Item], object]] = {
    "connection": lambda item: item["external_id"],
    "of": lambda item: item["local"],
    "outside": lambda item: item["name"] or item["address"],
    "began": lambda item: "outside" if item["is_inbound"] else "here",
    "services": lambda item: item["services"],
    "network": _network,
    "verdict": lambda item: item["verdict"],
    "owner": lambda item: item["owner"],
    "last seen": lambda item: show_time(item["last_at"]),
}
