"""``vedette link map``: the network map as a table, or as the console draws it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import typer

from vedette.cli.asset import SiteOption
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote
from vedette.kernel import escape_csv

_Grouping = Literal["zone", "subnet", "level", "site"]
_Level = Literal["0", "1", "2", "3", "3.5", "4", "5"]
_SHOWN_MAX = 100


@remote
def show_map(
    session: Session,
    *,
    grouping: Annotated[_Grouping, typer.Option(help="What groups there are within a site.")] = "zone",
    site: SiteOption = None,
    zone: Annotated[str | None, typer.Option(help="Only assets in this zone, and whom they talk with.")] = None,
    level: Annotated[_Level | None, typer.Option(help="Only assets at this Purdue level, and their peers.")] = None,
    protocol: Annotated[str | None, typer.Option(help="Only who speaks it, and what is said in it.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only what was last said then or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only what was first said before.")] = None,
    is_alerting: Annotated[bool, typer.Option("--alerting", help="Only assets with open alerts, and peers.")] = False,
    focus: Annotated[str | None, typer.Option(metavar="ASSET_ID", help="Only what lies around this asset.")] = None,
    hops: Annotated[int, typer.Option(min=1, max=4, help="How far around it.")] = 1,
    opened: Annotated[list[str] | None, typer.Option("--open", metavar="GROUP_ID", help="Show its assets.")] = None,
    is_closed: Annotated[bool, typer.Option("--closed", help="Close every group: who talks across groups.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=5_000, help="Most assets one by one.")] = 2_000,
    form: Annotated[Literal["table", "csv"], typer.Option("--format", help="A table, or all edges as CSV.")] = "table",
) -> None:
    """Show who says how much to whom, what matters most first."""
    params: dict[str, Any] = {  # Any: parameters of a query
        "grouping": grouping,
        "site": site,
        "zone": zone,
        "level": level,
        "protocol": protocol,
        "since": since,
        "until": until,
        "is_alerting": "true" if is_alerting else None,
        "focus": focus,
        "hops": hops if focus else None,
        "open": opened or None,
        "is_closed": "true" if is_closed else None,
        "limit": limit,
    }
    found = session.client.get("/v1/network-map", params).body
    if session.output.is_json:
        session.output.json(found)
        return
    labels = _labels(found)
    if form == "csv":
        _write_csv(found, labels)
        return
    session.output.note(_about(found))
    edges = found["edges"][:_SHOWN_MAX]
    if not edges:
        session.output.note("Nobody here talks with anybody. Sensors find links: vedette sensor list")
        return
    rows = [
        [labels[edge["source"]], labels[edge["target"]], *(cell(edge) for cell in _COLUMNS.values())] for edge in edges
    ]
    session.output.table(("from", "to", *_COLUMNS), rows)
    if len(found["edges"]) > len(edges):
        session.output.note(f"{len(found['edges']) - len(edges)} more: --format csv, or --output json")


def _labels(found: Mapping[str, Any]) -> dict[str, str]:  # Any: JSON
    labels = {node["node_id"]: node["name"] or node["address"] or node["node_id"] for node in found["nodes"]}
    names = {group["group_id"]: group for group in found["groups"]}
    for group in names.values():
        parts = []
        each = group
        while each is not None:
            parts.append(f"{each['kind']} {each['name'] or 'unknown'}")
            each = names.get(each["parent"])
        labels[group["group_id"]] = ", ".join(parts)
    return labels


def _about(found: Mapping[str, Any]) -> str:  # Any: JSON
    text = f"{found['assets']} assets, {len(found['edges'])} edges"
    if found["closed"]:
        text += f"; {found['closed']} groups are closed: open one with --open {_first_closed(found)}"
    if found["edges_left_out"]:
        text += f"; {found['edges_left_out']} edges that matter least are left out"
    return text


def _first_closed(found: Mapping[str, Any]) -> str:  # Any: JSON
    return next((str(group["group_id"]) for group in found["groups"] if group["is_closed"]), "GROUP_ID")


def _write_csv(found: Mapping[str, Any], labels: Mapping[str, str]) -> None:  # Any: JSON
    names = (
        "source",
        "target",
        "protocols",
        "packets",
        "bytes",
        "controls",
        "crossing",
        "is_external",
        "is_alerting",
        "first_at",
        "last_at",
    )
    sys.stdout.write(",".join(("from", "to", *names)) + "\r\n")
    for edge in found["edges"]:
        cells = [labels[edge["source"]], labels[edge["target"]], *(_cell(edge[name]) for name in names)]
        sys.stdout.write(",".join(escape_csv(cell) for cell in cells) + "\r\n")


def _cell(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(str(each) for each in value)
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _marks(edge: Mapping[str, Any]) -> str:  # Any: JSON
    marks = {
        "alerts": edge["is_alerting"],
        "past a level": edge["crossing"] == "level",
        "between zones": edge["crossing"] == "zone",
        "outside": edge["is_external"],
        "both ways": edge["is_two_way"],
    }
    return ", ".join(name for name, is_set in marks.items() if is_set)


_COLUMNS: dict[str, Callable[[Mapping[str, Any]], object]] = {  # Any: JSON
    "protocols": lambda edge: edge["protocols"],
    "packets": lambda edge: edge["packets"],
    "controls": lambda edge: edge["controls"] or "",
    "marks": _marks,
    "last seen": lambda edge: show_time(edge["last_at"]),
}
