"""``vedette device``: create a device, and change what is known of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from vedette.cli.attributes import describing, given_only
from vedette.cli.change import Change, DryRunOption, perform, show_change
from vedette.cli.client import path_of
from vedette.cli.device import DeviceArgument, device_and_etag, show_device
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote
from vedette.cli.symmetric_key import (
    AuthenticationOption,
    NewAuthenticationOption,
    PrimaryKeyOption,
    SecondaryKeyOption,
    SymmetricKeyOption,
    chosen_authentication,
    given_keys,
    show_keys,
)
from vedette.kernel import escape_shell

_ThumbprintOption = Annotated[
    str | None,
    typer.Option("--thumbprint", metavar="HEX", help="SHA-256 or SHA-1 of its certificate; for `self_signed`."),
]
_SecondaryOption = Annotated[
    str | None, typer.Option("--secondary-thumbprint", metavar="HEX", help="Of the certificate that will replace it.")
]


class Optional(StrEnum):
    """The properties that a device need not have."""

    SITE = "site"
    ZONE = "zone"
    PURDUE_LEVEL = "purdue_level"


@remote
@describing(may_remove=False)
def create(
    session: Session,
    device_id: DeviceArgument,
    *,
    described: dict[str, Any],
    authentication: AuthenticationOption = "issued",
    has_symmetric_key: SymmetricKeyOption = False,
    primary_key_file: PrimaryKeyOption = None,
    secondary_key_file: SecondaryKeyOption = None,
    thumbprint: _ThumbprintOption = None,
    secondary_thumbprint: _SecondaryOption = None,
    is_disabled: Annotated[bool, typer.Option("--disabled", help="Keep it out until it is enabled.")] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Create a device; most devices create themselves, by enrollment."""
    authentication = chosen_authentication(authentication, has_symmetric_key=has_symmetric_key)
    thumbprints = given_only(primary_thumbprint=thumbprint, secondary_thumbprint=secondary_thumbprint)
    body = {
        "device_id": device_id,
        "authentication": {"type": authentication} | thumbprints,
        "is_enabled": not is_disabled,
    } | described
    change = Change(
        summary=f"create the device {device_id}",
        method="POST",
        path="/v1/devices",
        body=body | given_keys(primary_key_file, secondary_key_file),
        after=body,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    show_device(session, answer.body)
    show_keys(session, device_id, answer.body["keys"])
    if authentication == "issued":
        session.output.note(f"Give it a certificate: vedette device issue-certificate {escape_shell(device_id)} CSR")


@remote
@describing(may_remove=True)
def update(
    session: Session,
    device_id: DeviceArgument,
    *,
    described: dict[str, Any],
    authentication: NewAuthenticationOption = None,
    thumbprint: _ThumbprintOption = None,
    secondary_thumbprint: _SecondaryOption = None,
    clear: Annotated[list[Optional] | None, typer.Option(help="Take this property away; repeat for more.")] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Change what is known of a device; what is not named stays as it is."""
    proof = given_only(type=authentication, primary_thumbprint=thumbprint, secondary_thumbprint=secondary_thumbprint)
    patch = described | given_only(authentication=proof or None) | {each.value: None for each in clear or ()}
    if not patch:
        raise Usage("nothing to change", hint="name at least one option: vedette device update --help")
    before, etag = device_and_etag(session, device_id)
    change = Change(
        summary=f"change the device {device_id}",
        method="PATCH",
        path=path_of("/v1/devices/{}", device_id),
        body=patch,
        before=before,
        after=patch,
        etag=etag,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        show_change(session, before, answer.body, done=f"{device_id} is changed.")
        show_keys(session, device_id, answer.body.get("keys", ()))
