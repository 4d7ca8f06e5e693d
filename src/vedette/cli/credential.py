"""``vedette device``: certificates, revocation, history, accesses and the permission to register again."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.decision import ACCESS_COLUMNS, Columns
from vedette.cli.device import DeviceArgument, device_and_etag, show_enforcement
from vedette.cli.files import new_file, read_certificate_file
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_actor, show_time
from vedette.cli.session import Session, remote

CsrArgument = Annotated[
    Path, typer.Argument(metavar="CSR", help="Certification request that the device made, PEM or DER; - reads it.")
]
OutOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the chain here, PEM.")]
LifetimeOption = Annotated[int | None, typer.Option(min=1, max=2160, metavar="HOURS", help="By default as configured.")]

_Cause = Literal[
    "unspecified", "key_compromise", "ca_compromise", "affiliation_changed", "superseded", "cessation_of_operation"
]
_HOUR_S: Final = 3600
_COLUMNS: Final[Columns] = {
    "SHA-256": lambda item: item["sha256"],
    "standing": lambda item: item["standing"],
    "issued": lambda item: show_time(item["issued_at"]),
    "ends": lambda item: show_time(item["not_after"]),
    "first used": lambda item: show_time(item["first_used_at"]),
    "revoked": lambda item: show_time(item["revoked_at"]),
}


@remote
def certificates(
    session: Session,
    device_id: DeviceArgument,
    *,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the certificates that a device was issued, youngest first."""
    show_list(
        session,
        path_of("/v1/devices/{}/certificates", device_id),
        {},
        columns=_COLUMNS,
        limit=limit,
        after=after,
        everything=everything,
        empty="None was issued. For a request of the device: vedette device issue-certificate --help",
    )


@remote
def issue_certificate(
    session: Session,
    device_id: DeviceArgument,
    csr: CsrArgument,
    *,
    out: OutOption = None,
    lifetime_hours: LifetimeOption = None,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Issue a certificate for a request; the private key stays where it is."""
    before = device_and_etag(session, device_id)[0] if dry_run else {}
    change = Change(
        summary=f"issue a certificate to the device {device_id}",
        method="POST",
        path=path_of("/v1/devices/{}/certificates", device_id),
        body=certificate_request(csr, lifetime_hours, reason),
        before=before,
        after={"lifecycle": "onboarded"} if before.get("lifecycle") in {"made", "shipped"} else {},
    )
    request_certificate(session, change, device_id, out=out, dry_run=dry_run)


@remote
def revoke(
    session: Session,
    device_id: DeviceArgument,
    *,
    certificate: Annotated[
        str | None, typer.Option(metavar="SHA256", help="Only this one: see `vedette device certificates`.")
    ] = None,
    cause: Annotated[_Cause, typer.Option(help="The reason code of RFC 5280.")] = "unspecified",
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """End all certificates and keys of a device now; to register again it needs `allow-reenrollment`."""
    body = {"reason": cause, "comment": reason}
    if certificate is None:
        what, path = f"all certificates and keys of {device_id}", path_of("/v1/devices/{}/revoke", device_id)
        warning = "It cannot register again until an operator allows it: vedette device allow-reenrollment"
    else:
        what = f"the certificate {certificate} of {device_id}"
        path = path_of("/v1/devices/{}/certificates/{}/revoke", device_id, certificate)
        warning = ""
    before, after = _standings(session, device_id, certificate) if dry_run else ({}, {})
    change = Change(
        summary=f"revoke {what}", method="POST", path=path, body=body, before=before, after=after, warning=warning
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    count, keys = answer.body.get("certificates_revoked", 1), answer.body.get("symmetric_keys_revoked", 0)
    and_keys = f" and {keys} symmetric key{'' if keys == 1 else 's'}" if keys else ""
    session.output.line(f"{count} certificate{'' if count == 1 else 's'}{and_keys} of {device_id} revoked.")
    if certificate is None and not answer.body["device"]["is_enabled"]:
        session.output.note(f"{device_id} is disabled.")
    show_enforcement(session, answer.body["enforcement"])


@remote
def history(session: Session, device_id: DeviceArgument) -> None:
    """Show every certificate that a device was issued, and every act on record that touched it."""
    found = session.client.get(path_of("/v1/devices/{}/history", device_id)).body
    if session.output.is_json:
        session.output.json(found)
        return
    rows = [[cell(item) for cell in _COLUMNS.values()] for item in found["certificates"]]
    if rows:
        session.output.table(tuple(_COLUMNS), rows)
        session.output.line("")
    else:
        session.output.note("It was issued no certificate.")
    session.output.table(
        ("position", "at", "actor", "action", "decision", "reason"),
        [
            (
                act["position"],
                show_time(act["at"]),
                show_actor(act["actor"]),
                act["action"],
                act["decision"],
                act["reason"],
            )
            for act in found["acts"]
        ],
    )


@remote
def accesses(
    session: Session,
    device_id: DeviceArgument,
    *,
    limit: LimitOption = 20,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """Show when a device was let in, refused and cut off, newest first."""
    show_list(
        session,
        "/v1/decisions",
        {"device_id": device_id},
        columns={name: cell for name, cell in ACCESS_COLUMNS.items() if name != "device"},
        limit=limit,
        after=after,
        everything=everything,
        empty="It has not tried to connect lately.",
    )


@remote
def allow_reenrollment(
    session: Session, device_id: DeviceArgument, *, reason: ReasonOption, dry_run: DryRunOption = False
) -> None:
    """Let a device that was reset, replaced or revoked register once more, within a day."""
    before = device_and_etag(session, device_id)[0] if dry_run else {}
    change = Change(
        summary=f"allow {device_id} to register once more",
        method="POST",
        path=path_of("/v1/devices/{}/allow-reenrollment", device_id),
        body={"reason": reason},
        before=before,
        after={"may_register_again": True},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{device_id} may register once more until {show_time(answer.body['permit_until'])}.")


def certificate_request(csr: Path, lifetime_hours: int | None, reason: str) -> dict[str, Any]:
    """Return the body that asks for a certificate."""
    return {
        "csr": read_certificate_file(csr, "the request"),
        "lifetime_s": None if lifetime_hours is None else lifetime_hours * _HOUR_S,
        "reason": reason,
    }


def request_certificate(session: Session, change: Change, whom: str, *, out: Path | None, dry_run: bool) -> None:
    """Carry out a change whose answer is a new certificate, and write the chain where it was asked for."""
    if dry_run or out is None:
        answer = perform(session, change, dry_run=dry_run)
    else:
        with new_file(out) as file:
            answer = perform(session, change, dry_run=False)
            file.write("" if answer is None else answer.body["chain_pem"])
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    if out is None:
        sys.stdout.write(answer.body["chain_pem"])
    ends = show_time(answer.body["certificate"]["not_after"])
    session.output.note(f"Issued to {whom} until {ends}" + (f", written to {out}" if out else ""))


def _standings(
    session: Session, device_id: str, certificate: str | None
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the certificates that a revocation ends: as they are, and as they become."""
    path = path_of("/v1/devices/{}/certificates", device_id)
    found = [item for page in session.client.pages(path, {}, limit=None) for item in page["items"]]
    current = {
        item["sha256"]: item["standing"]
        for item in found
        if item["standing"] not in {"revoked", "expired"} and certificate in {None, item["sha256"]}
    }
    return current, dict.fromkeys(current, "revoked")
