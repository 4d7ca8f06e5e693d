"""Files that people hand over: certificates, requests and proofs, read whole and within a limit."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, TextIO

from vedette.cli.problems import Denied, Usage

FILE_MAX_BYTES: Final = 65_536
# A little over the largest payload that the hub takes: it says itself what is too large.
JSON_MAX_BYTES: Final = 262_144


def read_certificate_file(path: Path, what: str) -> str:
    """Return PEM as it is, and DER in base64, which the API takes as well.

    Raises:
        Usage: As ``read_small_file``.
        Denied: As ``read_small_file``.
    """
    raw = read_small_file(path, what)
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        import base64  # noqa: PLC0415 - few commands read DER

        return base64.b64encode(raw).decode("ascii")


def read_json(text: str, what: str) -> Any:  # Any: JSON
    """Return the JSON of an argument: ``@FILE`` names a file, ``-`` is standard input, all else is JSON itself.

    Raises:
        Usage: It is not JSON, or as ``read_small_file``.
        Denied: As ``read_small_file``.
    """
    place = Path(text[1:]) if text.startswith("@") else Path("-") if text == "-" else None
    raw = text if place is None else read_small_file(place, what, max_bytes=JSON_MAX_BYTES)
    try:
        return json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Usage(
            f"{what} is not JSON: {error}", hint="""such as '{"interval_s": 10}', @FILE, or - for standard input"""
        ) from error


def read_object(text: str, what: str) -> dict[str, Any]:
    """Return the JSON object of an argument, as ``read_json`` does.

    Raises:
        Usage: It is not a JSON object, or as ``read_json``.
        Denied: As ``read_json``.
    """
    found = read_json(text, what)
    if not isinstance(found, dict):
        raise Usage(f"{what} must be a JSON object", hint="""such as '{"interval_s": 10}'""")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def read_small_file(path: Path, what: str, *, max_bytes: int = FILE_MAX_BYTES, may_be_empty: bool = False) -> bytes:
    """Return a file that somebody named; ``-`` is standard input.

    Raises:
        Usage: There is none, or it is empty or too large.
        Denied: It may not be read.
    """
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(max_bytes + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(max_bytes + 1)
    except PermissionError as error:
        raise Denied(f"you may not read {path}") from error
    except OSError as error:
        raise Usage(f"{what} {path} cannot be read: {error.strerror}") from error
    if len(raw) > max_bytes:
        raise Usage(f"{path} is over {max_bytes} bytes: not {what}")
    if not raw.strip() and not may_be_empty:
        raise Usage(f"{path} is empty")
    return raw


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """Open a file that must not be there yet, before what it is for is done; when that fails, none is left.

    Raises:
        Usage: It is there, or cannot be made.
    """
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError as error:
        raise Usage(f"{path} is there already", hint="choose another name") from error
    except OSError as error:
        raise Usage(f"{path} cannot be written: {error.strerror}") from error
    try:
        with file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read; one that is there is not replaced.

    Raises:
        Usage: It exists, or its folder does not.
        Denied: It may not be written.
    """
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(content)
    except PermissionError as error:
        raise Denied(f"{path} may not be written", hint="choose another place") from error
    except OSError as error:
        raise Usage(f"{path} can't be written: {error.strerror}", hint="name a file that is not there yet") from error


def describe_certificate(text: str, path: Path) -> tuple[str, str]:
    """Return common name and SHA-256 of a certificate in PEM or base64 DER.

    Raises:
        Usage: It is not one.
    """
    import base64  # noqa: PLC0415 - only for certificates
    import binascii  # noqa: PLC0415 - same

    from cryptography import x509  # noqa: PLC0415 - costs 100 ms
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - same
    from cryptography.x509.oid import NameOID  # noqa: PLC0415 - same

    try:
        if "-----BEGIN" in text:
            certificate = x509.load_pem_x509_certificate(text.encode("ascii"))
        else:
            certificate = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, binascii.Error) as error:
        raise Usage(f"{path} is not a certificate", hint="PEM or DER") from error
    return str(names[0].value) if names else "", certificate.fingerprint(hashes.SHA256()).hex()
