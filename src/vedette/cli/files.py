"""Files that people hand over: certificates, requests and proofs, read whole and within a limit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from vedette.cli.problems import Denied, Usage

FILE_MAX_BYTES: Final = 65_536


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


def read_small_file(path: Path, what: str) -> bytes:
    """Return a file that somebody named; ``-`` is standard input.

    Raises:
        Usage: There is none, or it is empty or too large.
        Denied: It may not be read.
    """
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(FILE_MAX_BYTES + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(FILE_MAX_BYTES + 1)
    except PermissionError as error:
        raise Denied(f"you may not read {path}") from error
    except OSError as error:
        raise Usage(f"{what} {path} cannot be read: {error.strerror}") from error
    if len(raw) > FILE_MAX_BYTES:
        raise Usage(f"{path} is over {FILE_MAX_BYTES} bytes: not {what}")
    if not raw.strip():
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
