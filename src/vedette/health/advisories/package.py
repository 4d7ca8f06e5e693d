"""What an operator hands over: one advisory, plain or gzip, or a zip of many with their digests. Read with limits."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

from vedette.health.advisories.csaf import DOCUMENT_BYTES_MAX
from vedette.health.advisories.errors import InvalidAdvisory, InvalidFeed
from vedette.health.advisories.feeds import unpack
from vedette.health.advisories.model import RefusedFile

FILES_MAX: Final = 2_000
PACKAGE_BYTES_MAX: Final = 32 * 1024 * 1024
_DIGEST_BYTES_MAX: Final = 1_024
_NAME_MAX: Final = 200
_ZIP: Final = b"PK\x03\x04"
_DIGESTS: Final = (("sha256", 64), ("sha512", 128))
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    OSError,
)


def read_package(data: bytes, *, name: str = "") -> Iterator[tuple[str, bytes] | RefusedFile]:
    """Yield the documents of a package by name, those left out that do not have the digest that stands beside them.

    Raises:
        InvalidAdvisory: It cannot be opened, or holds too much.
    """
    if not data.startswith(_ZIP):
        try:
            yield name, unpack(data, limit=DOCUMENT_BYTES_MAX)
        except InvalidFeed as problem:
            raise InvalidAdvisory(problem.detail) from None
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = [each for each in archive.infolist() if not each.is_dir()]
    except _BROKEN as error:
        raise InvalidAdvisory(f"not a zip file: {str(error)[:100]}") from None
    if len(members) > FILES_MAX:
        raise InvalidAdvisory(f"a zip of {len(members)} files; {FILES_MAX} is the most", hint="split it")
    yield from _documents(archive, members)


def _documents(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Iterator[tuple[str, bytes] | RefusedFile]:
    by_name = {each.filename: each for each in members}
    left = PACKAGE_BYTES_MAX
    for member in members:
        shown = _shown(member.filename)
        if not member.filename.casefold().endswith(".json"):
            continue
        try:
            content = _read(archive, member, min(left, DOCUMENT_BYTES_MAX))
            digests = [
                (kind, length, _read(archive, by_name[beside], _DIGEST_BYTES_MAX))
                for kind, length in _DIGESTS
                if (beside := f"{member.filename}.{kind}") in by_name
            ]
        except _BROKEN as error:
            yield RefusedFile(shown, f"damaged: {str(error)[:100]}")
            continue
        if content is None:
            yield RefusedFile(shown, "larger than what is read of a file, or of a package")
            continue
        left -= len(content)
        wrong = next((kind for kind, length, said in digests if not _has_digest(content, kind, length, said)), None)
        if wrong is not None:
            yield RefusedFile(shown, f"its {wrong} digest is another than the one beside it")
            continue
        yield shown, content


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes | None:
    with archive.open(member) as opened:
        content = opened.read(limit + 1)
    return None if len(content) > limit else content


def _has_digest(content: bytes, kind: str, length: int, said: bytes | None) -> bool:
    found = re.match(rb"\s*([0-9a-fA-F]{%d})(?:\s|$)" % length, said or b"")
    return found is not None and hmac.compare_digest(hashlib.new(kind, content).hexdigest(), found[1].decode().lower())


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name[-_NAME_MAX:])
