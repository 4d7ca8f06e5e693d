"""``vedette enrollment``: make an enrollment for one device or for all of a maker, and change it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from vedette.cli.attributes import describing, given_only
from vedette.cli.change import Change, DryRunOption, perform, show_change
from vedette.cli.client import path_of
from vedette.cli.enrollment import EnrollmentArgument, enrollment_and_etag, show_enrollment
from vedette.cli.enrollment_keys import read_key_file, show_enrollment_keys
from vedette.cli.files import describe_certificate, read_certificate_file, read_object
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote

_HOUR_S: Final = 3600
_Credential = Literal["issue", "onboarding", "symmetric_key"]
_Policy = Literal["keep", "reset", "never"]
_Approval = Literal["none", "required"]
_NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What people call it.", show_default=False)]
_CredentialOption = Annotated[
    _Credential,
    typer.Option(
        help="`issue`: a certificate of ours for the CSR that the device sends; `onboarding`, `symmetric_key`: what it "
        "registers with opens the hub, until a date: a weakness."
    ),
]
_UntilOption = Annotated[
    str | None, typer.Option("--onboarding-until", metavar="TIME", help="Required with `onboarding`, RFC 3339.")
]
_LifetimeOption = Annotated[
    int | None,
    typer.Option("--lifetime-hours", min=1, max=2160, metavar="HOURS", help="Of certificates issued; as configured."),
]
_KeyUntilOption = Annotated[
    str | None,
    typer.Option("--symmetric-key-until", metavar="TIME", help="Let devices register by a symmetric key until then."),
]
_PrimaryKeyOption = Annotated[
    Path | None, typer.Option("--primary-key-file", metavar="FILE", help="A symmetric key that exists, base64.")
]
_SecondaryKeyOption = Annotated[
    Path | None, typer.Option("--secondary-key-file", metavar="FILE", help="The second one; else they are made.")
]
_PolicyOption = Annotated[
    _Policy | None,
    typer.Option(
        "--reprovision",
        help="A known device that may register again: `keep` its twin (default), `reset` it, or `never` assign anew.",
    ),
]
_ApprovalOption = Annotated[
    _Approval | None,
    typer.Option("--approval", help="`required`: each device waits until an operator lets it in."),
]
_ApprovalHoursOption = Annotated[
    int | None, typer.Option("--approval-hours", min=1, max=720, metavar="HOURS", help="How long it waits; 24.")
]
_DesiredOption = Annotated[
    str | None,
    typer.Option("--desired", metavar="JSON", help="Desired properties of its twin: JSON, @FILE, or - for input."),
]
_PayloadOption = Annotated[
    str | None,
    typer.Option("--payload", metavar="JSON", help="What devices are told when they register; no secrets."),
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
        str | None,
        typer.Option(metavar="AUTHORITY_ID", help="The verified authority that vouches: `vedette authority list`."),
    ] = None,
    id_pattern: _PatternOption = None,
    credential: _CredentialOption = "issue",
    onboarding_until: _UntilOption = None,
    symmetric_key_until: _KeyUntilOption = None,
    primary_key_file: _PrimaryKeyOption = None,
    secondary_key_file: _SecondaryKeyOption = None,
    lifetime_hours: _LifetimeOption = None,
    reprovision: _PolicyOption = None,
    approval: _ApprovalOption = None,
    approval_hours: _ApprovalHoursOption = None,
    desired: _DesiredOption = None,
    payload: _PayloadOption = None,
    is_disabled: _DisabledOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Let all devices register that an authority vouches for; the options say what they are given."""
    if (authority is None) is (symmetric_key_until is None):
        raise Usage("who vouches?", hint="--authority AUTHORITY_ID, or --symmetric-key-until TIME for a symmetric key")
    body = {
        "name": name,
        "kind": "group",
        "is_enabled": not is_disabled,
        "credential": credential,
        "initial": described | _initial(desired),
    } | given_only(
        authority_id=authority,
        id_pattern=id_pattern,
        onboarding_until=onboarding_until,
        lifetime_s=_seconds(lifetime_hours),
        **_keyed(symmetric_key_until, primary_key_file, secondary_key_file),
        **_policies(reprovision, approval, approval_hours, payload),
    )
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
    symmetric_key_until: _KeyUntilOption = None,
    primary_key_file: _PrimaryKeyOption = None,
    secondary_key_file: _SecondaryKeyOption = None,
    lifetime_hours: _LifetimeOption = None,
    reprovision: _PolicyOption = None,
    approval: _ApprovalOption = None,
    approval_hours: _ApprovalHoursOption = None,
    desired: _DesiredOption = None,
    payload: _PayloadOption = None,
    is_disabled: _DisabledOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Let one device register, by its pinned certificate; the options say what it is given."""
    keyed = _keyed(symmetric_key_until, primary_key_file, secondary_key_file)
    if certificate is not None:
        sha256, registration_id = _describe(certificate, sha256, registration_id)
    if not registration_id or (not sha256 and not keyed):
        raise Usage(
            "which certificate?",
            hint="--certificate FILE, or --sha256 HEX with --registration-id TEXT; for a symmetric key: "
            "--symmetric-key-until TIME with --registration-id TEXT",
        )
    body = {
        "name": name,
        "kind": "individual",
        "is_enabled": not is_disabled,
        "registration_id": registration_id,
        "credential": credential,
        "initial": described | _initial(desired),
    } | given_only(
        primary_sha256=sha256,
        device_id=device_id,
        onboarding_until=onboarding_until,
        lifetime_s=_seconds(lifetime_hours),
        **keyed,
        **_policies(reprovision, approval, approval_hours, payload),
    )
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
    symmetric_key_until: _KeyUntilOption = None,
    lifetime_hours: _LifetimeOption = None,
    reprovision: _PolicyOption = None,
    approval: _ApprovalOption = None,
    approval_hours: _ApprovalHoursOption = None,
    desired: _DesiredOption = None,
    payload: _PayloadOption = None,
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
        symmetric_key_until=symmetric_key_until,
        lifetime_s=_seconds(lifetime_hours),
        secondary_sha256=pinned,
        initial=(described | _initial(desired)) or None,
        **_policies(reprovision, approval, approval_hours, payload),
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
    shown = {member: value for member, value in body.items() if member not in {"primary_key", "secondary_key"}}
    change = Change(
        summary=f"create the enrollment {name}",
        method="POST",
        path="/v1/enrollments",
        body=shown if dry_run else body,
        after=shown,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    show_enrollment(session, answer.body)
    show_enrollment_keys(session, answer.body["enrollment_id"], answer.body["keys"])
    session.output.note("Devices may register now; see who does: vedette enrollment registrations ENROLLMENT_ID")


def _seconds(hours: int | None) -> int | None:
    return None if hours is None else hours * _HOUR_S


def _describe(certificate: Path, sha256: str | None, registration_id: str | None) -> tuple[str, str]:
    """Return the digest of a certificate in a file, and the registration id it proves."""
    common_name, digest = describe_certificate(read_certificate_file(certificate, "the certificate"), certificate)
    if sha256 is not None and sha256.replace(":", "").lower() != digest:
        raise Usage(f"the SHA-256 of {certificate} is {digest}, not the one given", hint="leave out --sha256")
    return digest, registration_id or common_name


def _initial(desired: str | None) -> dict[str, Any]:  # Any: JSON
    return {} if desired is None else {"desired": read_object(desired, "--desired")}


def _keyed(until: str | None, primary: Path | None, secondary: Path | None) -> dict[str, Any]:
    """Return what makes an enrollment one by symmetric key; empty when it is none."""
    if until is None:
        if primary is not None or secondary is not None:
            raise Usage("until when do these keys let devices in?", hint="--symmetric-key-until TIME")
        return {}
    return {
        "attestation": "symmetric_key",
        "symmetric_key_until": until,
        "primary_key": None if primary is None else read_key_file(primary),
        "secondary_key": None if secondary is None else read_key_file(secondary),
    }


def _policies(
    reprovision: str | None, approval: str | None, approval_hours: int | None, payload: str | None
) -> dict[str, Any]:
    return {
        "reprovision_policy": reprovision,
        "approval": approval,
        "approval_timeout_s": _seconds(approval_hours),
        "payload": None if payload is None else read_object(payload, "--payload"),
    }
