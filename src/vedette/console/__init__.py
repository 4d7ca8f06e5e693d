"""The console's door: serves the built pages, each with a nonce of its own, and nothing else.

The pages are a client of the public REST API like any other; this room knows no other room and holds no secret, so what
it serves may be read by anybody who reaches it.
"""

from __future__ import annotations

from vedette.console.files import ConsoleFile, ConsoleFiles, read_console_files
from vedette.console.pages import build_console

__all__ = ["ConsoleFile", "ConsoleFiles", "build_console", "read_console_files"]
