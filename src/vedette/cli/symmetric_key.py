"""Symmetric keys at the command line: the one time that they are shown, with what a person must know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vedette.cli.change import Change, DryRunOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.device import DeviceArgument
from vedette.cli.enrollment_keys import read_key_file
from vedette.cli.output import show_time, tell
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote

Slot = Literal["primary", "secondary"]
Authentication = Literal["issued", "self_signed", "certificate_authority", "symmetric_key"]
AuthenticationOption = Annotated[
    Authentication,
    typer.Option(
        help="`issued`: by a certificate of ours; `self_signed`: by one known by its thumbprint; "
        "`certificate_authority`: by one that a registered authority signed; `symmetric_key`: weak, shown once."
    ),
]
NewAuthenticationOption = Annotated[
    Authentication | None,
    typer.Option(
        "--authentication",
        help="Another way to authenticate; what belonged to the former one ends. `symmetric_key` shows new keys.",
    ),
]
SymmetricKeyOption = Annotated[
    bool, typer.Option("--symmetric-key", help="The same as `--authentication symmetric_key`.")
]
SlotOption = Annotated[
    Slot, typer.Option("--slot", help="Which of the two keys; the device goes on with the other meanwhile.")
]


PrimaryKeyOption = Annotated[
    Path | None, typer.Option("--primary-key-file", metavar="FILE", help="A symmetric key that exists, base64.")
]
SecondaryKeyOption = Annotated[
    Path | None, typer.Option("--secondary-key-file", metavar="FILE", help="The second one; else they are made.")
]
KeyFileOption = Annotated[
    Path | None, typer.Option("--key-file", metavar="FILE", help="The new key, if it exists already, base64.")
]


def given_keys(primary: Path | None, secondary: Path | None) -> dict[str, str]:
    """Return the keys that an identity brings along, as the API takes them."""
    files = {"primary_key": primary, "secondary_key": secondary}
    return {name: read_key_file(path) for name, path in files.items() if path is not None}


def chosen_authentication(authentication: Authentication, *, has_symmetric_key: bool) -> Authentication:
    """Return how an identity is to authenticate, from both options that say it.

    Raises:
        Usage: They contradict each other.
    """
    if has_symmetric_key and authentication not in {"issued", "symmetric_key"}:
        raise Usage(f"--symmetric-key and --authentication {authentication} contradict each other", hint="give one")
    return "symmetric_key" if has_symmetric_key else authentication


@remote
def rotate_key(
    session: Session,
    device_id: DeviceArgument,
    *,
    slot: SlotOption = "primary",
    key_file: KeyFileOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Replace a symmetric key of a device; the new one is shown once, the old one ends now."""
    path = path_of("/v1/devices/{}/keys/rotate", device_id)
    rotate(session, path, device_id, slot, key_file, dry_run=dry_run, yes=yes)


@remote
def keys(session: Session, device_id: DeviceArgument) -> None:
    """List the symmetric keys of a device: when they end, when they were used; never their values."""
    list_keys(session, path_of("/v1/devices/{}/keys", device_id))


def list_keys(session: Session, path: str) -> None:
    """Write the keys of a device or a module, without their values."""
    found = session.client.get(path).body
    if session.output.is_json:
        session.output.json(found)
        return
    if not found["items"]:
        session.output.note("It has no symmetric keys, which is well: certificates are the better way.")
        return
    session.output.table(
        ("slot", "ends", "made", "last used", "brought along", "id"),
        [
            (
                key["slot"],
                show_time(key["expires_at"]),
                show_time(key["created_at"]),
                show_time(key["last_used_at"]),
                key["is_imported"],
                key["key_id"],
            )
            for key in found["items"]
        ],
    )


def rotate(
    session: Session, path: str, whom: str, slot: Slot, key_file: Path | None, *, dry_run: bool, yes: bool
) -> None:
    """Replace a key of a device or a module, and show the new one."""
    change = Change(
        summary=f"replace the {slot} key of {whom}",
        method="POST",
        path=path,
        body={"slot": slot} | ({} if key_file is None else {"key": read_key_file(key_file)}),
        warning=f"Its {slot} key ends at once: connections that used it are cut.",
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        show_keys(session, whom, [answer.body])


def show_keys(session: Session, whom: str, keys: Sequence[Mapping[str, Any]]) -> None:
    """Write keys for people, and warn: whoever reads them can be that device."""
    if not keys:
        return
    device_id, _, module_id = whom.partition("/")
    host = session.client.get("/v1/status").body["hostname"]
    names = f"HostName={host};DeviceId={device_id}" + (f";ModuleId={module_id}" if module_id else "")
    for each in keys:
        session.output.details(
            {
                "key": each["key"],
                "connection string": f"{names};SharedAccessKey={each['key']}",
                "ends": show_time(each["expires_at"]),
            },
            title=f"{each['slot']} key of {whom}",
        )
    tell(
        "Keep it now: it is shown this once.\n"
        "A symmetric key is a weak credential: whoever reads it anywhere is the device, and nobody sees it copied.\n"
        "Where the client can, use a certificate. Replace the key before it ends: "
        f"vedette {'module' if module_id else 'device'} rotate-key"
    )
