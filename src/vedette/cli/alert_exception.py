"""``vedette exception``: alerts that nobody needs to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, perform, perform_and_say
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote

_Argument = Annotated[
    str, typer.Argument(metavar="EXCEPTION_ID", help="See `vedette exception list`.", show_default=False)
]
_Severity = Literal["informational", "low", "medium", "high", "critical"]
RulesOption = Annotated[list[str] | None, typer.Option("--rule", help="A rule, or ot.* for all of a kind; repeatable.")]
SourcesOption = Annotated[
    list[str] | None, typer.Option("--source", help="Address or network of who does it; repeatable.")
]
TargetsOption = Annotated[
    list[str] | None, typer.Option("--target", help="Address or network of whom it is done to; repeatable.")
]
SitesOption = Annotated[list[str] | None, typer.Option("--site", help="Of the sensor; repeatable.")]
_KeysOption = Annotated[list[str] | None, typer.Option("--key", help="What the alert calls its key; repeatable.")]
_FromOption = Annotated[
    str | None, typer.Option("--from", metavar="ALERT_ID", help="Take what is not said from this alert.")
]
_UntilOption = Annotated[str | None, typer.Option("--until", metavar="TIME", help="When it ends, RFC 3339.")]
_AtSensorsOption = Annotated[
    bool, typer.Option("--at-sensors", help="Sensors hold such alerts back, up to one step less grave, and count them.")
]
_LearnOption = Annotated[bool, typer.Option("--learn", help="This is normal here: it has no end. Needs --from.")]
_UpToOption = Annotated[_Severity, typer.Option("--up-to", help="Graver alerts stay loud.")]


@remote
def list_exceptions(
    session: Session,
    *,
    every: Annotated[bool, typer.Option("--every", help="Also those that are over.")] = False,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the exceptions in force, youngest first."""
    show_list(
        session,
        "/v1/alert-exceptions",
        {"is_in_force": None if every else "true"},
        columns={
            "exception": lambda item: item["exception_id"],
            "effect": lambda item: item["effect"],
            "hides": lambda item: show_pattern(item["pattern"]),
            "until": _until,
            "owner": lambda item: item["owner"],
            "hid": lambda item: item["matched"],
            "held back": lambda item: item["held_back"] or "",
            "reason": lambda item: item["reason"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No exception hides any alert.",
    )


@remote
def show(session: Session, exception_id: _Argument) -> None:
    """Show an exception."""
    found = session.client.get(path_of("/v1/alert-exceptions/{}", exception_id)).body
    if session.output.is_json:
        session.output.json(found)
        return
    facts = {
        "effect": found["effect"],
        "hides": show_pattern(found["pattern"]),
        "up to": found["hides_up_to"],
        "at sensors": "held back there, and counted" if found["is_at_sensors"] else "",
        "until": _until(found),
        "owner": found["owner"],
        "reason": found["reason"],
        "hid": found["matched"],
        "held back by sensors": found["held_back"] or "",
        "made by": found["created_by"],
        "made": show_time(found["created_at"]),
    }
    session.output.details(facts, title=exception_id)


@remote
def preview(
    session: Session,
    *,
    rule: RulesOption = None,
    source: SourcesOption = None,
    target: TargetsOption = None,
    key: _KeysOption = None,
    site: SitesOption = None,
    from_alert: _FromOption = None,
    until: _UntilOption = None,
    learn: _LearnOption = False,
    up_to: _UpToOption = "high",
    days: Annotated[int, typer.Option(min=1, max=90, help="How far to look back.")] = 14,
) -> None:
    """Say what an exception would have hidden; changes nothing."""
    pattern = _pattern(session, from_alert, rules=rule, sources=source, targets=target, keys=key, sites=site)
    body = _body(pattern, "preview", "preview", until=until, learn=learn, from_alert=from_alert, up_to=up_to)
    found = session.client.send("POST", "/v1/alert-exception-preview", body, params={"days": days}).body
    if session.output.is_json:
        session.output.json(found)
        return
    facts = {
        "looked at": f"{found['scanned']} alerts since {show_time(found['since'])}",
        "would hide": found["hidden"],
        "of those open": found["open_now"],
        "of those real": found["real"],
    }
    session.output.details(facts | found["by_severity"], title=show_pattern(pattern))
    if found["samples"]:
        session.output.table(
            ("alert", "severity", "what"),
            [(each["alert_id"], each["severity"], each["title"]) for each in found["samples"]],
        )
    if found["real"]:
        session.output.note("Some of these turned out to be true: a narrower exception would not hide them.")


@remote
def add(
    session: Session,
    *,
    reason: ReasonOption,
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    rule: RulesOption = None,
    source: SourcesOption = None,
    target: TargetsOption = None,
    key: _KeysOption = None,
    site: SitesOption = None,
    from_alert: _FromOption = None,
    until: _UntilOption = None,
    learn: _LearnOption = False,
    up_to: _UpToOption = "high",
    at_sensors: _AtSensorsOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Hide alerts of a kind until some time, or learn one as normal; none is dropped."""
    pattern = _pattern(session, from_alert, rules=rule, sources=source, targets=target, keys=key, sites=site)
    body = _body(pattern, reason, owner, until=until, learn=learn, from_alert=from_alert, up_to=up_to)
    body |= {"is_at_sensors": True} if at_sensors else {}
    change = Change(
        summary=f"hide alerts: {show_pattern(pattern)}",
        method="POST",
        path="/v1/alert-exceptions",
        body=body,
        after=body,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    made = answer.body["exception"]
    session.output.line(f"{made['exception_id']} hides {answer.body['hushed']} open alerts, and such as come.")


@remote
def end(
    session: Session, exception_id: _Argument, *, reason: ReasonOption = NO_REASON, dry_run: DryRunOption = False
) -> None:
    """Let such alerts be loud again."""
    change = Change(
        summary=f"end the exception {exception_id}",
        method="POST",
        path=path_of("/v1/alert-exceptions/{}/end", exception_id),
        body={"reason": reason},
    )
    perform_and_say(session, change, f"{exception_id} hides nothing any more.", dry_run=dry_run)


def show_pattern(pattern: Mapping[str, Any]) -> str:
    """Say which alerts a pattern is about."""
    words = {"rules": "", "sources": "from ", "targets": "to ", "keys": "key ", "sites": "at "}
    parts = [f"{word}{' or '.join(pattern[name])}" for name, word in words.items() if pattern.get(name)]
    return ", ".join(parts) or "all"


def given(**lists: list[str] | None) -> dict[str, list[str]]:
    """Return the lists that were given."""
    return {name: list(values) for name, values in lists.items() if values}


def _pattern(session: Session, from_alert: str | None, **lists: list[str] | None) -> dict[str, Any]:
    """Return the pattern that was asked for; what is not said comes from an alert, if one is named."""
    offered: dict[str, Any] = {}
    if from_alert is not None:
        offered = session.client.get(path_of("/v1/alerts/{}", from_alert)).body["offered_exception"]
    return offered | given(**lists)


def _body(
    pattern: Mapping[str, Any],
    reason: str,
    owner: str,
    *,
    until: str | None,
    learn: bool,
    from_alert: str | None,
    up_to: str,
) -> dict[str, Any]:
    if learn is (until is not None):
        raise Usage("say until when it is hidden, or that it is learned", hint="--until TIME, or --learn")
    body: dict[str, Any] = {"pattern": dict(pattern), "reason": reason, "owner": owner, "hides_up_to": up_to}
    if not learn:
        return body | {"ends_at": until}
    return body | {"effect": "learn", "learned_from": from_alert or ""}


def _until(item: Mapping[str, Any]) -> str:
    if not item["is_in_force"]:
        return "over"
    return show_time(item["ends_at"]) if item["ends_at"] else "it is ended"
