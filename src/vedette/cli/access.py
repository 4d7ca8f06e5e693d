"""``vedette access explain``: what a device may do now, which policies say so, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from vedette.cli.client import path_of
from vedette.cli.device import DeviceArgument
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote


@remote
def explain(
    session: Session,
    device_id: DeviceArgument,
    *,
    module: Annotated[str | None, typer.Option("--module", "-m", metavar="MODULE_ID", help="Of this module.")] = None,
    action: Annotated[
        str | None, typer.Option("--action", "-a", metavar="ACTION", help="Only this one, such as `sendTelemetry`.")
    ] = None,
) -> None:
    """Say what a device may do now and why: policies, signals with their age, the last refusals, what to do."""
    path = path_of("/v1/devices/{}/access", device_id)
    if module is not None:
        path = path_of("/v1/devices/{}/modules/{}/access", device_id, module)
    found = session.client.get(path, {"action": action}).body
    if session.output.is_json:
        session.output.json(found)
    else:
        _show(session, found)


def _show(session: Session, found: Mapping[str, Any]) -> None:
    name = found["device_id"] + (f"/{found['module_id']}" if found["module_id"] else "")
    facts = {
        "policies": found["bundle_sha256"][:12] + (" (canary)" if found["is_canary"] else ""),
        "session": "never seen: assumed" if found["is_assumed"] else f"as of {show_time(found['seen_at'])}",
        "from": found["facts"].get("address"),
        "credential": found["facts"].get("credential"),
        "risk": found["risk_level"],
        "quarantine": _quarantine(found["quarantine"]),
    }
    session.output.details({key: value for key, value in facts.items() if value}, title=name)
    rows = [
        (
            each["action"],
            "yes" if each["is_permitted"] else "no",
            ", ".join(note["policy"] for note in each["policies"]) or each["reason"],
            " ".join(note["why"] for note in each["policies"] if note["why"]) or "; ".join(each["errors"]),
        )
        for each in found["actions"]
    ]
    session.output.table(("action", "may it", "says", "because"), rows)
    signals = [
        (each["signal_class"], each["level"], each["provenance"], each["source"], show_time(each["since"]))
        for each in found["signals"]
    ]
    if signals:
        session.output.table(("signal", "level", "provenance", "source", "since"), signals)
    refused = [
        (
            show_time(each["decided_at"]),
            each["action"],
            each["reason"],
            each["detail"],
            ", ".join(each["policies"]),
            each["repeated"],
        )
        for each in found["refusals"]
    ]
    if refused:
        session.output.table(("refused", "action", "reason", "detail", "policies", "times"), refused)
    _show_change(session, found["last_change"])
    for step in found["next_steps"]:
        session.output.note(f"What to do: {step}")


def _show_change(session: Session, change: Mapping[str, Any] | None) -> None:
    if change is None:
        return
    facts = {
        "caused by": change["cause"],
        "observed": show_time(change["observed_at"]),
        "ingested": show_time(change["ingested_at"]),
        "decided": show_time(change["decided_at"]),
        "sent": show_time(change["sent_at"]),
    }
    for each in change["enforced"]:
        facts[f"enforced by {each['gateway']}"] = f"in {each['applied_in_ms']} ms, {each['sessions_cut']} cut"
    session.output.details(facts, title="its last change")


def _quarantine(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    return f"{found['mode']}, since {show_time(found['since'])}: {found['reason']}"
