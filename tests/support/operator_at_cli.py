"""Somebody who types commands on a real platform, and remembers which."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer.main
from journey import Platform

from vedette.cli import build_cli, main

# What ``test_cli_hub`` tries; all others are for ``test_cli``.
HUB = {
    "query",
    *(f"twin {verb}" for verb in ("show", "patch", "replace")),
    "method invoke",
    *(f"command {verb}" for verb in ("send", "list", "purge", "feedback")),
    *(f"module {verb}" for verb in ("list", "show", "create", "update", "disable", "enable", "delete")),
    *(f"module {verb}" for verb in ("issue-certificate", "keys", "rotate-key")),
    *(f"group {verb}" for verb in ("list", "show", "create", "update", "delete", "add", "remove", "members")),
    *(f"clone-alert {verb}" for verb in ("list", "acknowledge")),
    *(f"device {verb}" for verb in ("keys", "rotate-key")),
    "authority set-hub-trust",
}


@dataclass
class Shown:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Operator:
    """Somebody who types commands; remembers which."""

    platform: Platform
    folder: Path
    used: set[str] = field(default_factory=set)

    def run(self, line: str, *more: str, code: int = 0) -> Shown:
        """Run one command in this process; ``more`` are arguments with spaces."""
        words = line.split()
        self.used.add(" ".join(words[:2]))
        self.used.add(words[0])
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            found = main([*words, *more])
        shown = Shown(found, out.getvalue(), err.getvalue())
        assert shown.code == code, f"{line} {more} ended with {shown.code}:\n{shown.out}\n{shown.err}"
        return shown

    def json(self, line: str, *more: str) -> Any:
        return self.run(line, *more, "--output", "json").json

    def entry(self, noun: str, name: str) -> Any:
        return next(each for each in self.json(f"{noun} list")["items"] if each["name"] == name)


def all_commands() -> set[str]:
    """Return every command, as ``noun verb`` or alone."""
    program: Any = typer.main.get_command(build_cli())  # Any: the framework's own
    names = set()
    for noun, command in program.commands.items():
        verbs = getattr(command, "commands", None)
        names |= {f"{noun} {verb}" for verb in verbs} if verbs else {noun}
    return names
