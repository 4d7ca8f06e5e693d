"""Symmetric keys of enrollments at the command line: brought along in files, shown once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vedette.cli.files import read_small_file
from vedette.cli.output import show_time, tell
from vedette.cli.problems import Usage
from vedette.cli.session import Session

Slot = Literal["primary", "secondary"]
SlotOption = Annotated[Slot, typer.Option("--slot", help="Which of the two keys; devices go on with the other.")]


def read_key_file(path: Path) -> str:
    """Return the base64 of a key that exists already: a command line would show it to everybody on this machine.

    Raises:
        Usage: It is no text, or as ``read_small_file``.
        Denied: As ``read_small_file``.
    """
    try:
        return read_small_file(path, "the key", max_bytes=256).decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise Usage(f"{path} is not base64") from error


def show_enrollment_keys(session: Session, enrollment_id: str, keys: Sequence[Mapping[str, Any]]) -> None:
    """Write keys for people, and warn: whoever reads them can register in a device's name."""
    for each in keys:
        session.output.details(
            {"key": each["key"], "ends": show_time(each["expires_at"])},
            title=f"{each['slot']} key of {enrollment_id}",
        )
    if keys:
        tell(
            "Keep it now: it is shown this once. Replace it before it ends: vedette enrollment rotate-key\n"
            "A device of a group is given base64(HMAC-SHA256(key, registration id)), never the key itself.\n"
            "A symmetric key is a weak credential: where a device can, let it register with a certificate."
        )
