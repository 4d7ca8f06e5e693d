"""Advisories and scores on this machine: found, packed into parts that the API takes, read within limits."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vedette.cli.files import read_small_file
from vedette.cli.problems import Usage

DOCUMENT_MAX_BYTES: Final = 16 * 1024 * 1024
FEED_MAX_BYTES: Final = 64 * 1024 * 1024
FILES_MAX: Final = 100_000
_PART_BYTES: Final = 700_000
_PART_FILES: Final = 100
_HEADING_BYTES: Final = 512
_PART_RAW_BYTES: Final = 32 * 1024 * 1024
_PART_LINES: Final = 50_000
_ZIP_MAX_BYTES: Final = 256 * 1024 * 1024
_DIGESTS: Final = (".sha256", ".sha512")
_DIGEST_MAX_BYTES: Final = 1024
_GZIP: Final = b"\x1f\x8b"
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError)


@dataclass(frozen=True, slots=True)
class Part:
    """Files that go in one request.

    Attributes:
        name: For the report.
        content: A zip, a document, or a part of a feed, in base64.
        files: How many documents are in it.
    """

    name: str
    content: str
    files: int


@dataclass(frozen=True, slots=True)
class _Document:
    name: str
    content: bytes
    digests: tuple[tuple[str, bytes], ...] = ()


def advisory_parts(paths: list[Path]) -> Iterator[Part]:
    """Yield the documents in files, folders and zips, packed.

    Raises:
        Usage: One cannot be read.
        Denied: One may not be read.
    """
    waiting: list[_Document] = []
    raw = packed = 0
    for document in _documents(paths):
        size = len(zlib.compress(document.content, 6)) + _HEADING_BYTES
        size += sum(len(digest) + _HEADING_BYTES for _, digest in document.digests)
        if size > _PART_BYTES:
            raise Usage(f"{document.name} is too large to hand over: {size} bytes compressed")
        if waiting and (
            packed + size > _PART_BYTES or len(waiting) >= _PART_FILES or raw + len(document.content) > _PART_RAW_BYTES
        ):
            yield _pack(waiting)
            waiting, raw, packed = [], 0, 0
        waiting.append(document)
        raw, packed = raw + len(document.content), packed + size
    if waiting:
        yield _pack(waiting)


def catalog_part(path: Path) -> Part:
    """Return a catalog of known exploited vulnerabilities.

    Raises:
        Usage: It cannot be read, or is too large.
        Denied: It may not be read.
    """
    plain = _plain(read_small_file(path, "a catalog", max_bytes=FEED_MAX_BYTES), path)
    return Part(path.name, _encode(gzip.compress(plain, mtime=0)), 1)


def score_parts(path: Path) -> Iterator[Part]:
    """Yield a file of exploit scores in parts, each with its first two lines.

    Raises:
        Usage: It cannot be read, is too large, or has no such lines.
        Denied: It may not be read.
    """
    plain = _plain(read_small_file(path, "a file of scores", max_bytes=FEED_MAX_BYTES), path)
    lines = plain.splitlines(keepends=True)
    if len(lines) < 3 or not lines[0].startswith(b"#"):  # noqa: PLR2004 - two lines of heading, and a score
        raise Usage(f"{path} is no file of exploit scores: its first line names the day", hint="epss_scores-….csv.gz")
    for start in range(2, len(lines), _PART_LINES):
        chunk = lines[start : start + _PART_LINES]
        content = gzip.compress(b"".join([*lines[:2], *chunk]), mtime=0)
        yield Part(f"{path.name} from line {start + 1}", _encode(content), 1)


def _documents(paths: list[Path]) -> Iterator[_Document]:
    count = 0
    for path in paths:
        for document in _in_folder(path) if path.is_dir() else _in_file(path):
            count += 1
            if count > FILES_MAX:
                raise Usage(f"more than {FILES_MAX} files")
            yield document


def _in_folder(folder: Path) -> Iterator[_Document]:
    for path in sorted(folder.rglob("*")):
        # A link could lead anywhere, and a folder may come from anybody.
        if path.is_symlink() or not path.is_file() or path.name == "index.txt":
            continue
        if path.name.endswith((".json", ".json.gz")):
            yield from _in_file(path)


def _in_file(path: Path) -> Iterator[_Document]:
    if path.suffix == ".zip":
        yield from _in_zip(path)
        return
    content = _plain(read_small_file(path, "an advisory", max_bytes=DOCUMENT_MAX_BYTES), path)
    beside = [path.with_name(path.name + kind) for kind in _DIGESTS]
    digests = tuple(
        (each.suffix, read_small_file(each, "a digest", max_bytes=_DIGEST_MAX_BYTES))
        for each in beside
        if each.is_file() and not path.name.endswith(".gz")
    )
    yield _Document(path.name.removesuffix(".gz"), content, digests)


def _in_zip(path: Path) -> Iterator[_Document]:
    try:
        if path.stat().st_size > _ZIP_MAX_BYTES:
            raise Usage(f"{path} is over {_ZIP_MAX_BYTES} bytes")
        with zipfile.ZipFile(path) as archive:
            members = {each.filename: each for each in archive.infolist()}
            for name, member in members.items():
                if not name.endswith(".json"):
                    continue
                with archive.open(member) as opened:
                    content = opened.read(DOCUMENT_MAX_BYTES + 1)
                if len(content) > DOCUMENT_MAX_BYTES:
                    raise Usage(f"{name} in {path} is over {DOCUMENT_MAX_BYTES} bytes")
                digests = []
                for kind in _DIGESTS:
                    if name + kind in members:
                        with archive.open(members[name + kind]) as opened:
                            digests.append((kind, opened.read(_DIGEST_MAX_BYTES)))
                yield _Document(name.rpartition("/")[2], content, tuple(digests))
    except OSError as error:
        raise Usage(f"{path} cannot be read: {error.strerror}") from error
    except _BROKEN as error:
        raise Usage(f"{path} is a damaged zip file: {error}") from error


def _pack(documents: list[_Document]) -> Part:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for at, document in enumerate(documents):
            # Files of two folders may have one name.
            name = f"{at}/{document.name}"
            archive.writestr(name, document.content)
            for kind, digest in document.digests:
                archive.writestr(name + kind, digest)
    shown = documents[0].name if len(documents) == 1 else f"{documents[0].name} … {documents[-1].name}"
    return Part(shown[:256], _encode(packed.getvalue()), len(documents))


def _plain(content: bytes, path: Path) -> bytes:
    if not content.startswith(_GZIP):
        return content
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(content, FEED_MAX_BYTES + 1)
    except zlib.error as error:
        raise Usage(f"{path} is a damaged gzip file") from error
    if len(plain) > FEED_MAX_BYTES:
        raise Usage(f"{path} holds more than {FEED_MAX_BYTES} bytes")
    return plain


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
