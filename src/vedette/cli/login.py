"""``vedette login`` and ``logout``: a command line that acts as a person, whom it asks in their browser (RFC 8628)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from vedette.cli.client import Client
from vedette.cli.output import tell
from vedette.cli.problems import BadAnswer, Denied, Refused
from vedette.cli.saved_login import SavedLogin, drop_login, find_login, keep_login
from vedette.cli.session import Session, remote
from vedette.cli.target import Target, find_place

CLIENT_ID: Final = "vedette-cli"
GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL_MIN_S: Final = 1.0
_INTERVAL_MAX_S: Final = 60.0
_SLOWER_BY_S: Final = 5.0
_WAITED_MAX_S: Final = 1_800.0
_UNAUTHORIZED: Final = 401


@remote
def login(session: Session) -> None:
    """Log this command line in: it shows a code that you approve in your browser, and then acts as you.

    The token is kept in ~/.config/vedette/logins.json, for you alone; commands with the same --url use it, and
    commands on a machine without a platform use the newest one.
    """
    place = find_place(session.choice, os.environ)
    client = Client(place)
    try:
        begun = _begin(client)
        tell(f"Open   {begun['verification_uri_complete']}")
        tell(f"Compare the code there with   {begun['user_code']}   and approve it, within ten minutes.")
        answer = _wait(client, begun)
    finally:
        client.close()
    ca_file = "" if place.ca_file is None else str(place.ca_file.absolute())
    name = str(answer.get("person_name", ""))
    path = keep_login(os.environ, SavedLogin(place.url, str(answer["access_token"]), ca_file, name))
    if session.output.is_json:
        session.output.json({"url": place.url, "person_name": name, "file": str(path)})
        return
    session.output.line(f"You are logged in at {place.url} as {name}.")


@remote
def logout(session: Session) -> None:
    """Log this command line out: its token opens nothing any more, and is forgotten."""
    saved = find_login(os.environ, (session.choice.url or os.environ.get("VEDETTE_URL") or "").rstrip("/"))
    if saved is None:
        raise Denied("this command line is not logged in", hint="log in: vedette login --url URL")
    client = Client(Target(url=saved.url, token=saved.token, ca_file=Path(saved.ca_file) if saved.ca_file else None))
    try:
        client.send("DELETE", "/v1/session")
    except Refused as refused:
        if refused.answered != _UNAUTHORIZED:  # otherwise it is over already
            raise
    finally:
        client.close()
    drop_login(os.environ, saved.url)
    if session.output.is_json:
        session.output.json({"url": saved.url})
        return
    session.output.line(f"You are logged out at {saved.url}.")


def _begin(client: Client) -> Mapping[str, Any]:
    status, found = client.form("/login/device/code", {"client_id": CLIENT_ID})
    needed = ("device_code", "user_code", "verification_uri_complete")
    if status != 200 or not all(isinstance(found.get(name), str) for name in needed):  # noqa: PLR2004 - HTTP's own
        raise Denied(
            f"the platform lets no command line log in: {found.get('error_description') or status}",
            hint="see what runs: vedette status",
        )
    return found


def _wait(client: Client, begun: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask until the person has decided, as slowly as the platform wants it."""
    interval_s = _seconds(begun.get("interval"), 5.0)
    waited_s = 0.0
    while waited_s < _WAITED_MAX_S:
        time.sleep(interval_s)
        waited_s += interval_s
        status, found = client.form(
            "/login/device/token",
            {"client_id": CLIENT_ID, "grant_type": GRANT_TYPE, "device_code": str(begun["device_code"])},
        )
        if status == 200 and isinstance(found.get("access_token"), str):  # noqa: PLR2004 - HTTP's own
            return found
        match found.get("error"):
            case "authorization_pending":
                continue
            case "slow_down":
                interval_s = min(interval_s + _SLOWER_BY_S, _INTERVAL_MAX_S)
            case "access_denied":
                raise Denied("you denied it in the browser", hint="begin again: vedette login")
            case "expired_token":
                break
            case error:
                raise BadAnswer(f"the platform answered {status}: {str(error)[:80]}", hint="begin again: vedette login")
    raise Denied("nobody approved the code in time", hint="begin again: vedette login")


def _seconds(value: object, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return min(max(float(value), _INTERVAL_MIN_S), _INTERVAL_MAX_S)
