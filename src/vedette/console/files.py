"""The built files of the console, read once into memory: what is not there when we start is never served."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("assets")
_PAGE: Final = "index.html"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class ConsoleFile:
    """One file, ready to be sent.

    Attributes:
        compressed: The same with gzip; there is nothing secret in it that its length could tell.
        etag: Weak, over the content: it stands for both forms.
    """

    content: bytes
    compressed: bytes
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class ConsoleFiles:
    """All that the console is made of.

    Attributes:
        page: The one HTML page; empty when the console was not built.
        files: By name below ``/assets/``.
    """

    page: str
    files: dict[str, ConsoleFile]

    @property
    def is_built(self) -> bool:
        """Whether there is a console to serve."""
        return bool(self.page)


def read_console_files(folder: Path = FOLDER) -> ConsoleFiles:
    """Read what the build has made; nothing, if it was not run."""
    if not (folder / _PAGE).is_file():
        return ConsoleFiles("", {})
    files = {
        path.name: _read(path) for path in sorted(folder.iterdir()) if path.suffix in _TYPES and not path.is_symlink()
    }
    return ConsoleFiles((folder / _PAGE).read_text(encoding="utf-8"), files)


def _read(path: Path) -> ConsoleFile:
    content = path.read_bytes()
    etag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
    return ConsoleFile(content, gzip.compress(content, mtime=0), _TYPES[path.suffix], etag)
