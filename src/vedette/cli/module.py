"""``vedette module``: parts of a device with an identity of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from vedette.cli.attributes import given_only, merge, read_tags, removed_tags
from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform, show_change
from vedette.cli.client import path_of
from vedette.cli.credential import CsrArgument, LifetimeOption, OutOption, certificate_request, request_certificate
from vedette.cli.device import (
    DeviceArgument,
    authentication_of,
    presence_facts,
    show_enforcement,
    show_presence,
    state_of,
)
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote
from vedette.cli.symmetric_key import (
    AuthenticationOption,
    KeyFileOption,
    NewAuthenticationOption,
    PrimaryKeyOption,
    SecondaryKeyOption,
    SlotOption,
    SymmetricKeyOption,
    chosen_authentication,
    given_keys,
    list_keys,
    rotate,
    show_keys,
)
from vedette.kernel import escape_shell

_ModuleArgument = Annotated[
    str, typer.Argument(metavar="MODULE_ID", help="The module's id within its device.", show_default=False)
]
_TagOption = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="PATH=VALUE", help="A tag: `line=A` or `owner.team=red`; repeat for more."),
]
_ThumbprintOption = Annotated[
    str | None,
    typer.Option("--thumbprint", metavar="HEX", help="SHA-256 or SHA-1 of its certificate; for `self_signed`."),
]
_SecondaryOption = Annotated[
    str | None, typer.Option("--secondary-thumbprint", metavar="HEX", help="Of the certificate that will replace it.")
]
_ManagedByOption = Annotated[
    str | None, typer.Option("--managed-by", metavar="TEXT", help="Who looks after it, in your own words.")
]
_DigestOption = Annotated[
    str | None,
    typer.Option("--workload-digest", metavar="DIGEST", help="Of the image that runs under it: `sha256:…`."),
]
_IdentityOption = Annotated[
    str | None, typer.Option("--workload-identity", metavar="NAME", help="Of that workload, such as a SPIFFE id.")
]
Module = Mapping[str, Any]


@remote
def create(
    session: Session,
    device_id: DeviceArgument,
    module_id: _ModuleArgument,
    *,
    authentication: AuthenticationOption = "issued",
    has_symmetric_key: SymmetricKeyOption = False,
    primary_key_file: PrimaryKeyOption = None,
    secondary_key_file: SecondaryKeyOption = None,
    thumbprint: _ThumbprintOption = None,
    secondary_thumbprint: _SecondaryOption = None,
    managed_by: _ManagedByOption = None,
    workload_digest: _DigestOption = None,
    workload_identity: _IdentityOption = None,
    tag: _TagOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Give a part of a device an identity of its own, with its own credentials and twin."""
    authentication = chosen_authentication(authentication, has_symmetric_key=has_symmetric_key)
    thumbprints = given_only(primary_thumbprint=thumbprint, secondary_thumbprint=secondary_thumbprint)
    body = {"module_id": module_id, "authentication": {"type": authentication} | thumbprints}
    body |= given_keys(primary_key_file, secondary_key_file) | given_only(
        managed_by=managed_by,
        tags=read_tags(tag) or None,
        workload=given_only(digest=workload_digest, identity=workload_identity) or None,
    )
    change = Change(
        summary=f"create the module {device_id}/{module_id}",
        method="POST",
        path=path_of("/v1/devices/{}/modules", device_id),
        body=body,
        after=body,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    _show(session, answer.body)
    show_keys(session, f"{device_id}/{module_id}", answer.body["keys"])
    if authentication == "issued":
        names = f"{escape_shell(device_id)} {escape_shell(module_id)}"
        session.output.note(f"Give it a certificate: vedette module issue-certificate {names} CSR")


@remote
def list_modules(
    session: Session,
    device_id: DeviceArgument,
    *,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the modules of a device by name."""
    show_list(
        session,
        path_of("/v1/devices/{}/modules", device_id),
        {},
        columns={
            "module": lambda item: item["module_id"],
            "state": state_of,
            "authentication": authentication_of,
            "connection": lambda item: show_presence(item["presence"]),
            "tags": lambda item: item["tags"],
            "created": lambda item: show_time(item["created_at"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="It has none. Create one: vedette module create --help",
    )


@remote
def show(session: Session, device_id: DeviceArgument, module_id: _ModuleArgument) -> None:
    """Show a module."""
    found = _get(session, device_id, module_id)[0]
    if session.output.is_json:
        session.output.json(found)
    else:
        _show(session, found)


@remote
def update(
    session: Session,
    device_id: DeviceArgument,
    module_id: _ModuleArgument,
    *,
    authentication: NewAuthenticationOption = None,
    thumbprint: _ThumbprintOption = None,
    secondary_thumbprint: _SecondaryOption = None,
    managed_by: _ManagedByOption = None,
    workload_digest: _DigestOption = None,
    workload_identity: _IdentityOption = None,
    tag: _TagOption = None,
    remove_tag: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Take this tag away; repeat for more.")
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Change what is known of a module; what is not named stays as it is."""
    proof = given_only(type=authentication, primary_thumbprint=thumbprint, secondary_thumbprint=secondary_thumbprint)
    tags = merge(read_tags(tag), removed_tags(remove_tag))
    workload = given_only(digest=workload_digest, identity=workload_identity)
    patch = given_only(
        authentication=proof or None, managed_by=managed_by, tags=tags or None, workload=workload or None
    )
    if not patch:
        raise Usage("nothing to change", hint="name at least one option: vedette module update --help")
    before, etag = _get(session, device_id, module_id)
    change = Change(
        summary=f"change the module {device_id}/{module_id}",
        method="PATCH",
        path=path_of("/v1/devices/{}/modules/{}", device_id, module_id),
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
        show_change(session, before, answer.body, done=f"{device_id}/{module_id} is changed.")
        show_keys(session, f"{device_id}/{module_id}", answer.body.get("keys", ()))


@remote
def disable(
    session: Session,
    device_id: DeviceArgument,
    module_id: _ModuleArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
) -> None:
    """Keep a module out until it is enabled; its device goes on."""
    _switch(session, device_id, module_id, is_enabled=False, reason=reason, dry_run=dry_run)


@remote
def enable(
    session: Session,
    device_id: DeviceArgument,
    module_id: _ModuleArgument,
    *,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Let a module take part again."""
    _switch(session, device_id, module_id, is_enabled=True, reason=reason, dry_run=dry_run)


@remote
def issue_certificate(
    session: Session,
    device_id: DeviceArgument,
    module_id: _ModuleArgument,
    csr: CsrArgument,
    *,
    out: OutOption = None,
    lifetime_hours: LifetimeOption = None,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Issue a certificate for a request of a module; the private key stays where it is."""
    change = Change(
        summary=f"issue a certificate to the module {device_id}/{module_id}",
        method="POST",
        path=path_of("/v1/devices/{}/modules/{}/certificates", device_id, module_id),
        body=certificate_request(csr, lifetime_hours, reason),
    )
    request_certificate(session, change, f"{device_id}/{module_id}", out=out, dry_run=dry_run)


@remote
def rotate_key(
    session: Session,
    device_id: DeviceArgument,
    module_id: _ModuleArgument,
    *,
    slot: SlotOption = "primary",
    key_file: KeyFileOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Replace a symmetric key of a module; the new one is shown once, the old one ends now."""
    path = path_of("/v1/devices/{}/modules/{}/keys/rotate", device_id, module_id)
    rotate(session, path, f"{device_id}/{module_id}", slot, key_file, dry_run=dry_run, yes=yes)


@remote
def keys(session: Session, device_id: DeviceArgument, module_id: _ModuleArgument) -> None:
    """List the symmetric keys of a module: when they end, when they were used; never their values."""
    list_keys(session, path_of("/v1/devices/{}/modules/{}/keys", device_id, module_id))


@remote
def delete(
    session: Session,
    device_id: DeviceArgument,
    module_id: _ModuleArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Cut a module off and free its name, with its twin and credentials."""
    before, etag = _get(session, device_id, module_id)
    change = Change(
        summary=f"delete the module {device_id}/{module_id}",
        method="DELETE",
        path=path_of("/v1/devices/{}/modules/{}", device_id, module_id),
        params={"reason": reason},
        before=before,
        etag=etag,
        warning=f"It was created {before['created_at'][:10]}; its twin goes with it.",
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{device_id}/{module_id} is deleted.")


def _get(session: Session, device_id: str, module_id: str) -> tuple[Module, str]:
    answer = session.client.get(path_of("/v1/devices/{}/modules/{}", device_id, module_id))
    return answer.body, answer.etag


def _switch(session: Session, device_id: str, module_id: str, *, is_enabled: bool, reason: str, dry_run: bool) -> None:
    verb = "enable" if is_enabled else "disable"
    change = Change(
        summary=f"{verb} the module {device_id}/{module_id}",
        method="POST",
        path=path_of(f"/v1/devices/{{}}/modules/{{}}/{verb}", device_id, module_id),
        body={"reason": reason},
        before=_get(session, device_id, module_id)[0] if dry_run else {},
        after={"is_enabled": is_enabled},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    session.output.line(f"{device_id}/{module_id} is {verb}d.")
    show_enforcement(session, answer.body["enforcement"])


def _show(session: Session, module: Module) -> None:
    authentication = module["authentication"]
    facts: dict[str, object] = {
        "state": state_of(module),
        "managed by": module["managed_by"],
        **presence_facts(module["presence"]),
        "authentication": authentication_of(module),
        "thumbprint": authentication["primary_thumbprint"],
        "second thumbprint": authentication["secondary_thumbprint"],
        "tags": module["tags"],
        **_workload_facts(module.get("workload") or {}),
        "created": show_time(module["created_at"]),
        "generation id": module["generation_id"],
        "revision": module["revision"],
    }
    optional = {"managed by", "thumbprint", "second thumbprint"}
    session.output.details(
        {name: value for name, value in facts.items() if value or name not in optional},
        title=f"{module['device_id']}/{module['module_id']}",
    )


def _workload_facts(workload: Mapping[str, str]) -> dict[str, object]:
    return {f"workload {name}": workload[name] for name in ("digest", "identity") if workload.get(name)}
