"""``vedette authority``: outside authorities that vouch for devices at enrollment, and our own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.files import read_certificate_file
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

_PLACES: Final = {True: "the hub", False: "enrollment"}
_AuthorityArgument = Annotated[
    str, typer.Argument(metavar="AUTHORITY_ID", help="See `vedette authority list`.", show_default=False)
]


@remote
def list_authorities(
    session: Session, *, limit: LimitOption = 100, after: AfterOption = "", everything: AllOption = False
) -> None:
    """List the outside authorities that may vouch for devices, at enrollment or at the hub."""
    show_list(
        session,
        "/v1/authorities",
        {},
        columns={
            "authority": lambda item: item["authority_id"],
            "name": lambda item: item["name"],
            "state": lambda item: item["state"],
            "subject": lambda item: item["subject"],
            "vouches at": _place,
            "ids": lambda item: item["device_id_pattern"],
            "group": lambda item: item["enrollment_group"],
            "ends": lambda item: show_time(item["not_after"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="None is registered. Register that of a device maker: vedette authority add --help",
    )


@remote
def show(session: Session, authority_id: _AuthorityArgument) -> None:
    """Show an authority, and how to verify it while it is not."""
    found = session.client.get(path_of("/v1/authorities/{}", authority_id)).body
    if session.output.is_json:
        session.output.json(found)
    else:
        _show(session, found)


@remote
def add(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.", show_default=False)],
    certificate: Annotated[
        Path, typer.Argument(metavar="CERTIFICATE", help="Its certificate, PEM or DER.", show_default=False)
    ],
    *,
    enrollment_group: Annotated[
        str | None, typer.Option(metavar="ENROLLMENT_ID", help="It vouches in this group enrollment only.")
    ] = None,
    id_pattern: Annotated[
        str, typer.Option(metavar="TEXT", help="Registration ids it may name; `*` stands for any characters.")
    ] = "*",
    is_hub_trusted: Annotated[
        bool,
        typer.Option(
            "--hub", help="It vouches at the hub, for devices that connect with its certificates; not at enrollment."
        ),
    ] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Register an authority; it vouches for nobody until you prove to hold its key."""
    body = {
        "name": name,
        "certificate": read_certificate_file(certificate, "the certificate"),
        "enrollment_group": enrollment_group,
        "device_id_pattern": id_pattern,
        "is_hub_trusted": is_hub_trusted,
    }
    shown = {member: value for member, value in body.items() if member != "certificate"}
    change = Change(
        summary=f"register the authority {name}", method="POST", path="/v1/authorities", body=body, after=shown
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        _show(session, answer.body)


@remote
def verify(
    session: Session,
    authority_id: _AuthorityArgument,
    proof: Annotated[
        Path,
        typer.Argument(
            metavar="PROOF", help="Certificate signed by the authority, whose common name is the code; PEM or DER."
        ),
    ],
    *,
    dry_run: DryRunOption = False,
) -> None:
    """Prove to hold the key of an authority; from then on it vouches within its scope."""
    change = Change(
        summary=f"verify the authority {authority_id}",
        method="POST",
        path=path_of("/v1/authorities/{}/verify", authority_id),
        body={"certificate": read_certificate_file(proof, "the proof")},
        before=_get(session, authority_id)[0] if dry_run else {},
        after={"state": "verified"},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    session.output.line(f"{answer.body['name']} is verified.")
    if answer.body["is_hub_trusted"]:
        session.output.note(
            "Let its devices in: vedette device create DEVICE_ID --authentication certificate_authority"
        )
    else:
        session.output.note(
            f"Let its devices register: vedette enrollment create-group NAME --authority {authority_id}"
        )


@remote
def renew_code(session: Session, authority_id: _AuthorityArgument, *, dry_run: DryRunOption = False) -> None:
    """Replace the verification code of an authority; one is good for seven days."""
    change = Change(
        summary=f"replace the verification code of {authority_id}",
        method="POST",
        path=path_of("/v1/authorities/{}/renew-code", authority_id),
        before=_get(session, authority_id)[0] if dry_run else {},
        after={"verification_code": "a new one"},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        _show(session, answer.body)


@remote
def disable(
    session: Session,
    authority_id: _AuthorityArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
) -> None:
    """Have an authority vouch for nobody from now on; whom it vouched for at enrollment keeps what it has."""
    _switch(session, authority_id, "disable", after="disabled", reason=reason, dry_run=dry_run)


@remote
def enable(
    session: Session, authority_id: _AuthorityArgument, *, reason: ReasonOption = "", dry_run: DryRunOption = False
) -> None:
    """Have an authority vouch again; the proof it gave still stands."""
    _switch(session, authority_id, "enable", after="verified", reason=reason, dry_run=dry_run)


@remote
def set_hub_trust(
    session: Session,
    authority_id: _AuthorityArgument,
    place: Annotated[Literal["hub", "enrollment"], typer.Argument(help="Where it vouches.", show_default=False)],
    *,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Set where an authority vouches: at the hub, or at enrollment; what rested on the other is cut."""
    body = {"is_hub_trusted": place == "hub", "reason": reason}
    before, etag = _get(session, authority_id)
    change = Change(
        summary=f"have the authority {before['name']} vouch at {_PLACES[place == 'hub']}",
        method="POST",
        path=path_of("/v1/authorities/{}/hub-trust", authority_id),
        body=body,
        before=before,
        after={"is_hub_trusted": place == "hub"},
        etag=etag,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{answer.body['name']} vouches at {_place(answer.body)}.")


@remote
def remove(
    session: Session,
    authority_id: _AuthorityArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Take an authority off record; registered again, it must be verified again."""
    before, etag = _get(session, authority_id)
    change = Change(
        summary=f"remove the authority {before['name']} ({authority_id})",
        method="DELETE",
        path=path_of("/v1/authorities/{}", authority_id),
        params={"reason": reason},
        before=before,
        etag=etag,
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{before['name']} is removed.")


@remote
def show_own(
    session: Session,
    *,
    pem: Annotated[bool, typer.Option("--pem", help="Print their chains instead, root included.")] = False,
) -> None:
    """List the authorities of this platform, which issue to devices and to its own servers."""
    found = session.client.get("/v1/own-authorities").body
    if session.output.is_json:
        session.output.json(found)
        return
    if pem:
        for item in found["items"]:
            for line in item["chain_pem"].splitlines():
                session.output.line(line)
        return
    session.output.table(
        ("purpose", "subject", "SHA-256", "ends"),
        [(item["purpose"], item["subject"], item["sha256"], show_time(item["not_after"])) for item in found["items"]],
    )


def _place(authority: Mapping[str, Any]) -> str:
    return _PLACES[authority["is_hub_trusted"]]


def _get(session: Session, authority_id: str) -> tuple[Mapping[str, Any], str]:
    answer = session.client.get(path_of("/v1/authorities/{}", authority_id))
    return answer.body, answer.etag


def _switch(session: Session, authority_id: str, verb: str, *, after: str, reason: str, dry_run: bool) -> None:
    change = Change(
        summary=f"{verb} the authority {authority_id}",
        method="POST",
        path=path_of(f"/v1/authorities/{{}}/{verb}", authority_id),
        body={"reason": reason},
        before=_get(session, authority_id)[0] if dry_run else {},
        after={"state": after},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{answer.body['name']} is {answer.body['state']}.")


def _show(session: Session, found: Mapping[str, Any]) -> None:
    code = found["verification_code"]
    facts: dict[str, object] = {
        "name": found["name"],
        "state": found["state"],
        "vouches at": _place(found),
        "subject": found["subject"],
        "SHA-256": found["sha256"],
        "valid": f"{show_time(found['not_before'])} to {show_time(found['not_after'])}",
        "may name": found["device_id_pattern"],
        "in group": found["enrollment_group"] or "any",
        "registered": show_time(found["registered_at"]),
        "verified": show_time(found["verified_at"]),
        "verification code": code,
        "good until": show_time(found["verification_expires_at"]),
        "revision": found["revision"],
    }
    hidden = {"verification code", "good until"} if code is None else set()
    session.output.details(
        {name: value for name, value in facts.items() if name not in hidden}, title=str(found["authority_id"])
    )
    if code is not None:
        session.output.note(_PROOF.format(code=code, authority_id=found["authority_id"]))


_PROOF = """
It vouches for nobody yet. Prove that you hold its key: have it sign a certificate with the code as common name,
  openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout /dev/null -days 1 \\
    -CA authority.pem -CAkey authority.key -subj /CN={code} -out proof.pem
and hand it in:
  vedette authority verify {authority_id} proof.pem"""
