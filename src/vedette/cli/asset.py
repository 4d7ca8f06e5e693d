"""``vedette asset``: every device that sensors saw, managed or not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import typer

from vedette.cli.attributes import given_only
from vedette.cli.change import Change, DryRunOption, perform, show_change
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list, write_items
from vedette.cli.output import show_time
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote

Asset = Mapping[str, Any]

AssetArgument = Annotated[str, typer.Argument(metavar="ASSET_ID", help="See `vedette asset list`.", show_default=False)]
SiteOption = Annotated[str | None, typer.Option("--site", help="Only at this site.")]
_Level = Literal["0", "1", "2", "3", "3.5", "4", "5"]
_State = Literal["new", "acknowledged", "ignored"]
_Criticality = Literal["low", "normal", "high", "critical"]
_WhyOption = Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; it stands in the ledger.")]
_StateOption = Annotated[_State | None, typer.Option(help="Only in this state; new: nobody said it is known.")]
_TypeOption = Annotated[str | None, typer.Option("--type", help="Only of this type, such as camera.")]
_VendorOption = Annotated[str | None, typer.Option(help="Only of exactly this maker.")]
_CriticalityOption = Annotated[_Criticality | None, typer.Option(help="Only as critical as this.")]
_DeviceOption = Annotated[str | None, typer.Option(help="Only what is this registered device.")]
_LegacyOption = Annotated[bool, typer.Option("--legacy", help="Only those whose system gets security updates no more.")]
_AlertsOption = Annotated[bool, typer.Option("--with-alerts", help="Only those with open alerts.")]
_RoleOption = Annotated[str | None, typer.Option(help="Only in this role, such as controller.")]
_LevelOption = Annotated[_Level | None, typer.Option(help="Only at this Purdue level.")]
_ManagedOption = Annotated[
    bool | None, typer.Option("--managed/--unmanaged", help="Only registered devices, or only the others.")
]
_SinceOption = Annotated[str | None, typer.Option(metavar="TIME", help="Only those first heard of then or later.")]
_LISTS = {"assets": "/v1/assets", "links": "/v1/network-links", "external-connections": "/v1/external-connections"}


@remote
def list_assets(
    session: Session,
    text: Annotated[str, typer.Argument(help="In a name, maker, model, serial number or address.")] = "",
    *,
    site: SiteOption = None,
    state: _StateOption = None,
    device_type: _TypeOption = None,
    vendor: _VendorOption = None,
    criticality: _CriticalityOption = None,
    device: _DeviceOption = None,
    is_legacy: _LegacyOption = False,
    has_alerts: _AlertsOption = False,
    role: _RoleOption = None,
    level: _LevelOption = None,
    is_managed: _ManagedOption = None,
    since: _SinceOption = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List assets, in the order in which the platform heard of them."""
    flags = {"is_managed": is_managed, "is_legacy": is_legacy or None, "has_alerts": has_alerts or None}
    words = {"text": text or None, "site": site, "state": state, "role": role, "level": level, "since": since}
    what = {"device_type": device_type, "vendor": vendor, "device_id": device, "criticality": criticality}
    show_list(
        session,
        "/v1/assets",
        _filters(words | what, flags),
        columns=_COLUMNS,
        limit=limit,
        after=after,
        everything=everything,
        empty="No asset fits. Sensors find them: vedette sensor register DEVICE --site NAME",
    )


@remote
def count(session: Session, *, site: SiteOption = None) -> None:
    """Count assets: all, those that want a look, and by what they are."""
    found = session.client.get("/v1/asset-counts", params={"site": site}).body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.details({name.replace("_", " "): each for name, each in found.items() if isinstance(each, int)})
    rows = [
        (name.replace("_", " "), each["value"] or "unknown", each["count"])
        for name, values in found.items()
        if isinstance(values, list)
        for each in values
    ]
    session.output.table(("what", "value", "assets"), rows)


@remote
def show(session: Session, asset_id: AssetArgument) -> None:
    """Show an asset and all that is known of it, also what contradicts."""
    found = session.client.get(path_of("/v1/assets/{}", asset_id)).body
    if session.output.is_json:
        session.output.json(found)
        return
    asset = found["asset"]
    session.output.details(
        {
            "asset": asset["asset_id"],
            "site": asset["site"],
            "state": asset["state"],
            "addresses": [*asset["ips"], *asset["macs"]],
            "maker": asset["vendor"],
            "model": " ".join(each for each in (asset["model"], asset["product_code"]) if each),
            "firmware": asset["firmware"],
            "serial number": asset["serial"],
            "operating system": asset["operating_system"],
            "type": asset["device_type"],
            "role": _with_reason(asset["role"], [asset["role_because"]]),
            "Purdue level": _with_reason(asset["level"], asset["level_because"]),
            "criticality": asset["criticality"],
            "registered device": _management(asset),
            "merged into it": asset["merged"],
            "security updates until": asset["support"],
            "owner": asset["owner"],
            "open alerts": asset["open_alerts"],
            "note": asset["note"],
            "first seen": show_time(asset["first_at"]),
            "last seen": show_time(asset["last_at"]),
        },
        title=label_of(asset),
    )
    if found["facts"]:
        session.output.table(tuple(_FACTS), [[column(fact) for column in _FACTS.values()] for fact in found["facts"]])


@remote
def acknowledge(
    session: Session,
    asset_ids: Annotated[list[str], typer.Argument(metavar="ASSET_ID...", help="One asset or many, at most 500.")],
    *,
    state: Annotated[_State, typer.Option(help="What they are instead; new takes it back.")] = "acknowledged",
    reason: _WhyOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Say that assets are known: they count as new no more."""
    change = Change(
        summary=f"say of {len(asset_ids)} assets that they are {state}",
        method="POST",
        path="/v1/bulk/assets",
        body={"asset_ids": asset_ids, "state": state, "reason": reason},
        after={"state": state},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{answer.body['changed']} assets are {state} that were not.")


@remote
def update(
    session: Session,
    asset_id: AssetArgument,
    *,
    state: Annotated[_State | None, typer.Option(help="Whether somebody knows it, or wants to see it.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call it; empty: as observed.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who answers for it; empty: nobody.")] = None,
    role: Annotated[str | None, typer.Option(help="What it is there for; empty: as observed.")] = None,
    level: Annotated[str | None, typer.Option(help="Its Purdue level; empty: as observed.")] = None,
    criticality: Annotated[_Criticality | None, typer.Option(help="How bad its loss would be.")] = None,
    device: Annotated[str | None, typer.Option(help="The registered device that it is; empty: none.")] = None,
    note: Annotated[str | None, typer.Option(help="In your own words.")] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Say what an asset is; what is not named stays as it is."""
    patch: dict[str, Any] = given_only(state=state, criticality=criticality, note=note)
    names = ("name", "owner", "role", "level", "device_id")
    for each, told in zip(names, (name, owner, role, level, device), strict=True):
        if told is not None:
            patch[each] = told or None
    if not patch:
        raise Usage("nothing to change", hint="name at least one option: vedette asset update --help")
    path = path_of("/v1/assets/{}", asset_id)
    before = session.client.get(path)
    change = Change(
        summary=f"change the asset {label_of(before.body['asset'])}",
        method="PATCH",
        path=path,
        body=patch,
        before=before.body["asset"],
        after=patch,
        etag=before.etag,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        show_change(session, before.body["asset"], answer.body, done=f"{label_of(answer.body)} is changed.")


@remote
def merge(
    session: Session,
    asset_id: AssetArgument,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The asset that stays.", show_default=False)],
    *,
    reason: _WhyOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Say that an asset is the same device as another; `vedette asset part` undoes it."""
    body = {"into": into, "reason": reason}
    _act(session, asset_id, "merge", body, dry_run=dry_run, done="{} is one asset with it now.")


@remote
def part(session: Session, asset_id: AssetArgument, *, reason: _WhyOption = "", dry_run: DryRunOption = False) -> None:
    """Undo a merge: the asset stands for itself again."""
    _act(session, asset_id, "part", {"reason": reason}, dry_run=dry_run, done="{} stands for itself again.")


@remote
def split(
    session: Session,
    asset_id: AssetArgument,
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS...", help="IP or MAC addresses of another one.")],
    *,
    reason: _WhyOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Say that some addresses of an asset are another device's; merging undoes it."""
    body = {"addresses": addresses, "reason": reason}
    _act(session, asset_id, "split", body, dry_run=dry_run, done="{} is an asset of its own now.")


@remote
def export(
    session: Session,
    what: Annotated[
        Literal["assets", "links", "external-connections"], typer.Argument(help="Which part of the inventory.")
    ] = "assets",
    *,
    form: Annotated[Literal["csv", "json"], typer.Option("--format", help="CSV or JSON.")] = "csv",
    site: SiteOption = None,
    text: Annotated[str | None, typer.Option(help="Assets: in a name, maker, model, serial number or address.")] = None,
    state: _StateOption = None,
    device_type: _TypeOption = None,
    vendor: _VendorOption = None,
    criticality: _CriticalityOption = None,
    device: _DeviceOption = None,
    is_legacy: _LegacyOption = False,
    has_alerts: _AlertsOption = False,
    role: _RoleOption = None,
    level: _LevelOption = None,
    is_managed: _ManagedOption = None,
    since: _SinceOption = None,
) -> None:
    """Write the inventory, or the assets of it that fit, to standard output."""
    flags = {"is_managed": is_managed, "is_legacy": is_legacy or None, "has_alerts": has_alerts or None}
    words = {"text": text, "state": state, "role": role, "level": level, "since": since}
    kinds = {"device_type": device_type, "vendor": vendor, "device_id": device, "criticality": criticality}
    narrowed = _filters(words | kinds, flags)
    if what != "assets" and any(value is not None for value in narrowed.values()):
        raise Usage(f"an export of {what} can be narrowed by --site alone")
    params = {"site": site} | narrowed
    if form == "json":
        write_items(session.client.pages(_LISTS[what], params, limit=None))
        return
    sys.stdout.write(str(session.client.get("/v1/inventory-export", {"what": str(what), **params}).body))


def label_of(asset: Asset) -> str:
    """Return what to call an asset: its name, else an address."""
    return str(asset["name"] or next(iter([*asset["ips"], *asset["macs"]]), asset["asset_id"]))


def _act(session: Session, asset_id: str, verb: str, body: Mapping[str, Any], *, dry_run: bool, done: str) -> None:
    change = Change(
        summary=f"{verb} the asset {asset_id}",
        method="POST",
        path=path_of("/v1/assets/{}", asset_id) + f"/{verb}",
        body=body,
        after=body,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(done.format(f"{label_of(answer.body)} ({answer.body['asset_id']})"))


def _filters(words: Mapping[str, str | None], flags: Mapping[str, bool | None]) -> dict[str, str | None]:
    return {**words, **{name: None if value is None else str(value).lower() for name, value in flags.items()}}


def _with_reason(value: str, reasons: list[str]) -> str:
    because = "; ".join(each for each in reasons if each)
    return f"{value} ({because})" if value and because else value


def _management(asset: Asset) -> str:
    found = asset["management"]
    return "none known" if found is None else f"{found['device_id']} ({found['because']})"


_COLUMNS: dict[str, Callable[[Asset], object]] = {
    "asset": lambda item: item["asset_id"],
    "name": lambda item: item["name"],
    "addresses": lambda item: item["ips"] or item["macs"],
    "maker": lambda item: item["vendor"],
    "model": lambda item: item["model"],
    "role": lambda item: item["role"],
    "level": lambda item: item["level"],
    "site": lambda item: item["site"],
    "managed": lambda item: item["management"]["device_id"] if item["management"] else "",
    "state": lambda item: item["state"],
    "last seen": lambda item: show_time(item["last_at"]),
}
_FACTS: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "attribute": lambda item: item["attribute"],
    "value": lambda item: item["value"],
    "sure": lambda item: f"{item['confidence']} %",
    "source": lambda item: item["source"],
    "first": lambda item: show_time(item["first_at"]),
    "last": lambda item: show_time(item["last_at"]),
}
