"""``vedette alert``: what sensors raise about behavior, and what you say to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, perform
from vedette.cli.client import path_of
from vedette.cli.files import write_private
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

AlertArgument = Annotated[str, typer.Argument(metavar="ALERT_ID", help="See `vedette alert list`.", show_default=False)]
_Severity = Literal["informational", "low", "medium", "high", "critical"]
_Verdict = Literal["true-positive", "benign", "false-positive", "authorized"]
_By = Literal["incident", "source", "target", "rule", "technique", "sensor", "site"]
_Kind = Literal["policy", "anomaly", "protocol", "malware", "operational"]
_Format = Literal["csv", "json", "ocsf", "ecs", "stix"]
_SeverityOption = Annotated[_Severity | None, typer.Option(help="At least so grave.")]
_RuleOption = Annotated[str | None, typer.Option(help="A rule, or a beginning that ends in *.")]
_DeviceOption = Annotated[str | None, typer.Option(metavar="DEVICE", help="Behind it, or the sensor itself.")]
_AddressOption = Annotated[str | None, typer.Option(help="IP or MAC address of either end.")]
_SinceOption = Annotated[str | None, typer.Option(metavar="TIME", help="Last seen then or later, RFC 3339.")]
_UntilOption = Annotated[str | None, typer.Option(metavar="TIME", help="Last seen before, RFC 3339.")]
_KindOption = Annotated[_Kind | None, typer.Option(help="What kind of detection.")]
_TechniqueOption = Annotated[str | None, typer.Option(help="ATT&CK for ICS id, such as T0858.")]
_TextOption = Annotated[str | None, typer.Option(help="Part of the title.")]
_SiteOption = Annotated[str | None, typer.Option(help="Of the sensor.")]
_ZoneOption = Annotated[str | None, typer.Option(metavar="ZONE_ID", help="Either end is in it: vedette zone list.")]
_SensorOption = Annotated[str | None, typer.Option(metavar="DEVICE", help="Who told of it.")]
_ProtocolOption = Annotated[str | None, typer.Option(help="That it was seen in.")]
_EveryOption = Annotated[bool, typer.Option("--every", help="Also closed, muted, authorized and merged ones.")]
_OPEN: Final = ["open", "acknowledged"]


@remote
def list_alerts(
    session: Session,
    *,
    severity: _SeverityOption = None,
    rule: _RuleOption = None,
    device: _DeviceOption = None,
    address: _AddressOption = None,
    since: _SinceOption = None,
    kind: _KindOption = None,
    technique: _TechniqueOption = None,
    text: _TextOption = None,
    site: _SiteOption = None,
    zone: _ZoneOption = None,
    sensor: _SensorOption = None,
    protocol: _ProtocolOption = None,
    until: _UntilOption = None,
    every: _EveryOption = False,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List what somebody is to look at, youngest first."""
    more = {"engine": kind, "technique": technique, "text": text, "site": site, "zone": zone}
    more |= {"sensor": sensor, "protocol": protocol, "until": until}
    wanted = _wanted(severity, rule, device, address, since=since, every=every) | more
    show_list(
        session,
        "/v1/alerts",
        wanted,
        columns={
            "alert": lambda item: item["alert_id"],
            "severity": lambda item: item["severity"],
            "last": lambda item: show_time(item["last_at"]),
            "times": lambda item: item["times"],
            "what": lambda item: item["title"],
            "behind it": _devices,
            "state": _state,
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No alert." if every else "Nothing to look at. Hidden and closed ones: --every",
    )


@remote
def overview(session: Session) -> None:
    """Count alerts by severity, kind and rule, and those that are hidden."""
    found = session.client.get("/v1/alerts/overview").body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.details({"open": found["open"], **found["open_by_severity"]}, title="to look at")
    session.output.details(found["quiet"], title="not closed, and hidden")
    if found["open_by_rule"]:
        session.output.table(("rule", "open"), list(found["open_by_rule"].items()))


@remote
def show(session: Session, alert_id: AlertArgument) -> None:
    """Show an alert, and what could be done about it."""
    found = session.client.get(path_of("/v1/alerts/{}", alert_id)).body
    if session.output.is_json:
        session.output.json(found)
        return
    facts = {
        "what": found["title"],
        "severity": found["severity"],
        "rule": found["rule"],
        "why it matters": found["why"],
        "technique": f"{found['technique']} {found['technique_name']}".strip(),
        "source": _end(found["source"]),
        "target": _end(found["target"]),
        "first": show_time(found["first_at"]),
        "last": show_time(found["last_at"]),
        "times": found["times"],
        "sensor": found["sensor_name"],
        "site": found["site"],
        "state": _state(found),
        "reason": found["reason"],
        "incident": found["incident_id"],
        "packets": f"{found['slice_bytes']} bytes: vedette alert slice {alert_id}" if found["slice_bytes"] else "",
    }
    session.output.details({name: value for name, value in facts.items() if value != ""}, title=alert_id)
    if found["detail"]:
        session.output.details(found["detail"], title="detail")
    if found["history"]:
        steps = [(show_time(each["at"]), each["act"], each["by"], each["reason"]) for each in found["history"]]
        session.output.table(("when", "what was done", "by", "reason"), steps)
    for each in found["suggestions"]:
        session.output.note(
            f"{each['device_id']} is in its limited zone. To cut it off: "
            f"vedette quarantine put {each['device_id']} --mode cut --reason TEXT"
        )


@remote
def acknowledge(
    session: Session, alert_id: AlertArgument, *, reason: ReasonOption = NO_REASON, dry_run: DryRunOption = False
) -> None:
    """Say that you look into it."""
    _act(session, alert_id, "acknowledge", {"reason": reason}, {"state": "acknowledged"}, dry_run=dry_run)


@remote
def close(
    session: Session,
    alert_id: AlertArgument,
    verdict: Annotated[_Verdict, typer.Argument(metavar="VERDICT", help="What it turned out to be.")],
    *,
    reason: ReasonOption,
    gives_back: Annotated[
        bool,
        typer.Option("--give-back", help="Of a harmless one: also take back what it said of the devices behind it."),
    ] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Say what it turned out to be; a real one opens again by itself if it goes on."""
    body = {"verdict": verdict, "reason": reason, "gives_back": gives_back}
    _act(session, alert_id, "close", body, {"state": "closed", "verdict": verdict}, dry_run=dry_run)


@remote
def reopen(session: Session, alert_id: AlertArgument, *, reason: ReasonOption, dry_run: DryRunOption = False) -> None:
    """Open a closed or hidden alert again."""
    _act(session, alert_id, "reopen", {"reason": reason}, {"state": "open", "verdict": ""}, dry_run=dry_run)


@remote
def merge(
    session: Session,
    alert_id: AlertArgument,
    others: Annotated[list[str], typer.Argument(metavar="ALERT_ID...", help="Those that it speaks for.")],
    *,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
) -> None:
    """Let one alert speak for others; what they count later is counted in it."""
    _act(session, alert_id, "merge", {"alert_ids": others, "reason": reason}, {"merged": others}, dry_run=dry_run)


@remote
def unmerge(session: Session, alert_id: AlertArgument, *, reason: ReasonOption, dry_run: DryRunOption = False) -> None:
    """Let a merged alert speak for itself again."""
    _act(session, alert_id, "unmerge", {"reason": reason}, {"merged_into": ""}, dry_run=dry_run)


@remote
def groups(
    session: Session,
    *,
    by: Annotated[_By, typer.Option(help="What the alerts of a group share.")] = "incident",
    severity: _SeverityOption = None,
    rule: _RuleOption = None,
    device: _DeviceOption = None,
    address: _AddressOption = None,
    since: _SinceOption = None,
    every: _EveryOption = False,
) -> None:
    """Count alerts by what they share, the gravest first: an incident is what one doer did without a longer pause."""
    params = _wanted(severity, rule, device, address, since=since, every=every) | {"by": by}
    found = session.client.get("/v1/alerts/groups", params).body
    if session.output.is_json:
        session.output.json(found)
        return
    if not found["items"]:
        session.output.note("Nothing to look at.")
        return
    rows = [
        (
            each["key"],
            each["severity"],
            each["open"],
            show_time(each["last_at"]),
            each["name"],
            " → ".join(each["rules"]),
        )
        for each in found["items"]
    ]
    session.output.table((by, "severity", "open", "last", "who", "what"), rows)


@remote
def export(
    session: Session,
    *,
    form: Annotated[_Format, typer.Option("--format", help="For spreadsheets, programs, or security systems.")] = "csv",
    severity: _SeverityOption = None,
    rule: _RuleOption = None,
    device: _DeviceOption = None,
    address: _AddressOption = None,
    since: _SinceOption = None,
    kind: _KindOption = None,
    technique: _TechniqueOption = None,
    text: _TextOption = None,
    site: _SiteOption = None,
    zone: _ZoneOption = None,
    sensor: _SensorOption = None,
    protocol: _ProtocolOption = None,
    until: _UntilOption = None,
    every: _EveryOption = False,
) -> None:
    """Write alerts to standard output: the youngest 50,000."""
    more = {"engine": kind, "technique": technique, "text": text, "site": site, "zone": zone}
    more |= {"sensor": sensor, "protocol": protocol, "until": until}
    params = _wanted(severity, rule, device, address, since=since, every=every) | more | {"format": form}
    found = session.client.get("/v1/alerts/export", params).body
    if form in {"json", "stix"}:
        session.output.document(found)
    else:
        typer.echo(str(found), nl=False)


@remote
def read_slice(
    session: Session,
    alert_id: AlertArgument,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the capture file (pcapng).")],
) -> None:
    """Read the packets behind an alert; the ledger says that you did."""
    found = session.client.get(path_of("/v1/alerts/{}/slice", alert_id)).body
    write_private(path, found)
    if session.output.is_json:
        session.output.json({"path": str(path), "size_bytes": len(found)})
    else:
        session.output.line(f"{len(found)} bytes are in {path}.")


def _wanted(
    severity: str | None,
    rule: str | None,
    device: str | None,
    address: str | None,
    *,
    since: str | None,
    every: bool,
) -> dict[str, str | int | list[str] | None]:
    return {
        "severity": severity,
        "rule": rule,
        "device_id": device,
        "address": address,
        "since": since,
        "state": None if every else _OPEN,
        "is_loud": None if every else "true",
    }


def _act(
    session: Session,
    alert_id: str,
    verb: str,
    body: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    dry_run: bool,
) -> None:
    path = path_of("/v1/alerts/{}", alert_id)
    before = session.client.get(path).body if dry_run else {}
    change = Change(
        summary=f"{verb} the alert {alert_id}",
        method="POST",
        path=f"{path}/{verb}",
        body=body,
        before=before,
        after=after,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{alert_id}: {_state(answer.body)}.")


def _state(alert: Mapping[str, Any]) -> str:
    """Say how an alert stands."""
    if alert["state"] == "closed":
        return f"closed: {alert['verdict']}"
    words = {
        "loud": alert["state"],
        "muted": f"muted by {alert['exception_id']}",
        "authorized": f"authorized by {alert['ticket_id']}",
        "merged": f"merged into {alert['merged_into']}",
    }
    return str(words[alert["standing"]])


def _end(end: Mapping[str, Any]) -> str:
    """Name one end: its address, and who that is taken for."""
    names = ", ".join(dict.fromkeys(each for each in (end["name"], end["device_id"]) if each))
    return f"{end['address']} ({names})" if names else str(end["address"])


def _devices(alert: Mapping[str, Any]) -> list[str]:
    return [end["device_id"] for end in (alert["source"], alert["target"]) if end["device_id"]]
