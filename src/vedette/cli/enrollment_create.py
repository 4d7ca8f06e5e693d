"""``vedette enrollment``: make an enrollment for one device or for all of a maker, and change it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from vedette.cli.attributes import describing, given_only
from vedette.cli.change import Change, DryRunOption, perform, show_change
from vedette.cli.client import path_of
from vedette.cli.enrollment import EnrollmentArgument, enrollment_and_etag, show_enrollment
from vedette.cli.files import describe_certificate, read_certificate_file
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote

_HOUR_S: Final = 3600
_Credential = Literal["issue", "onboarding"]
_NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What people call it.", show_default=False)]
_CredentialOption = Annotated[
    _Credential,
    typer.Option(
        help="`issue`: a certificate of ours for the CSR that the device sends; `onboarding`: the one it registers "
        "with opens the hub, until a date: a weakness."
    ),
]
_UntilOption = Annotated[
    str | None, typer.Option("--onboarding-until", metavar="TIME", help="Required with `onboarding`, RFC 3339.")
]
_LifetimeOption = Annotated[
    int | None,
    typer.Option("--lifetime-hours", min=1, max=2160, metavar="HOURS", help="Of certificates issued; as configured."),
]
_DisabledOption = Annotated[bool, typer.Option("--disabled", help="Keep out whom it matches, until it is enabled.")]
_PatternOption = Annotated[
    str | None, typer.Option("--id-pattern", metavar="TEXT", help="Registration ids it admits; `*` is any characters.")
]


@remote
@describing(may_remove=False)
def create_group(
    session: Session,
    name: _NameArgument,
    *,
    described: dict[str, Any],
    authority: Annotated[
        str, typer.Option(metavar="AUTHORITY_ID", help="The verified authority that vouches: `vedette authority list`.")
    ],
    id_pattern: _PatternOption = None,
    credential: _CredentialOption = "issue",
    onboarding_until: _UntilOption = None,
    lifetime_hours: _LifetimeOption = None,
    is_disabled: _DisabledOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Let all devices register that an authority vouches for; the options say what they are given."""
    body = {
        "name": name,
        "kind": "group",
        "is_enabled": not is_disabled,
        "authority_id": authority,
        "credential": credential,
        "initial": described,
    } | given_only(id_pattern=id_pattern, onboarding_until=onboarding_until, lifetime_s=_seconds(lifetime_hours))
    _create(session, name, body, dry_run=dry_run)


@remote
@describing(may_remove=False)
def create_individual(
    session: Session,
    name: _NameArgument,
    *,
    described: dict[str, Any],
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The device's onboarding certificate, PEM or DER.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="Instead of the certificate: the SHA-256 of its DER.")
    ] = None,
    registration_id: Annotated[
        str | None, typer.Option(metavar="TEXT", help="With `--sha256`: the certificate's common name.")
    ] = None,
    device_id: Annotated[str | None, typer.Option(metavar="TEXT", help="By default the registration id.")] = None,
    credential: _CredentialOption = "issue",
    onboarding_until: _UntilOption = None,
    lifetime_hours: _LifetimeOption = None,
    is_disabled: _DisabledOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Let one device register, by its pinned certificate; the options say what it is given."""
    if certificate is not None:
        common_name, digest = describe_certificate(read_certificate_file(certificate, "the certificate"), certificate)
        if sha256 is not None and sha256.replace(":", "").lower() != digest:
            raise Usage(f"the SHA-256 of {certificate} is {digest}, not the one given", hint="leave out --sha256")
        sha256, registration_id = digest, registration_id or common_name
    if not sha256 or not registration_id:
        raise Usage("which certificate?", hint="--certificate FILE, or --sha256 HEX with --registration-id TEXT")
    body = {
        "name": name,
        "kind": "individual",
        "is_enabled": not is_disabled,
        "registration_id": registration_id,
        "primary_sha256": sha256,
        "credential": credential,
        "initial": described,
    } | given_only(device_id=device_id, onboarding_until=onboarding_until, lifetime_s=_seconds(lifetime_hours))
    _create(session, name, body, dry_run=dry_run)


@remote
@describing(may_remove=True)
def update(
    session: Session,
    enrollment_id: EnrollmentArgument,
    *,
    described: dict[str, Any],
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What people call it.")] = None,
    id_pattern: _PatternOption = None,
    credential: Annotated[_Credential | None, typer.Option(help="See `create-group`.")] = None,
    onboarding_until: _UntilOption = None,
    lifetime_hours: _LifetimeOption = None,
    secondary_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Individual: also pin this certificate, for a replacement.")
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Change an enrollment; devices that registered before keep what they have."""
    pinned = None
    if secondary_certificate is not None:
        text = read_certificate_file(secondary_certificate, "the certificate")
        pinned = describe_certificate(text, secondary_certificate)[1]
    patch = given_only(
        name=name,
        id_pattern=id_pattern,
        credential=credential,
        onboarding_until=onboarding_until,
        lifetime_s=_seconds(lifetime_hours),
        secondary_sha256=pinned,
        initial=described or None,
    )
    if not patch:
        raise Usage("nothing to change", hint="name at least one option: vedette enrollment update --help")
    before, etag = enrollment_and_etag(session, enrollment_id)
    change = Change(
        summary=f"change the enrollment {enrollment_id}",
        method="PATCH",
        path=path_of("/v1/enrollments/{}", enrollment_id),
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
        show_change(session, before, answer.body, done=f"{answer.body['name']} is changed.")


def _create(session: Session, name: str, body: dict[str, Any], *, dry_run: bool) -> None:
    change = Change(
        summary=f"create the enrollment {name}", method="POST", path="/v1/enrollments", body=body, after=body
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    show_enrollment(session, answer.body)
    session.output.note("Devices may register now; see who does: vedette enrollment registrations ENROLLMENT_ID")


def _seconds(hours: int | None) -> int | None:
    return None if hours is None else hours * _HOUR_S
