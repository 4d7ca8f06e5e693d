"""Commands that pages, hints and the demo tell people to run: each is there, with the options that it is told with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^## vedette ([a-z -]+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
OPTIONS = {found[1]: set(re.findall(r"`(--?[a-z-]+)`", found[2])) | {"--help"} for found in SECTION.finditer(REFERENCE)}
NOUNS = {name.split()[0] for name in OPTIONS}
# The demo writes `{command}`, since it may be called otherwise.
NAMED = re.compile(r"(?:\bvedette|\{command\}) ([a-z][a-z-]+(?: +[^\s`\"|;<\\]+)*)")
WORD = re.compile(r"[a-z][a-z-]+")
# Domains of signatures, not commands.
SIGNED = ("vedette policy manifest", "vedette session opening", "vedette policy bundle")


def texts() -> Iterator[tuple[Path, str]]:
    for folder, ends in (("src/vedette", ("*.py", "*.cedar")), ("docs", ("*.md",)), ("console/src", ("*.ts", "*.tsx"))):
        for end in ends:
            for path in sorted((ROOT / folder).rglob(end)):
                if "assets" not in path.parts and path.name not in {"schema.d.ts", "commands.md"}:
                    yield path, path.read_text(encoding="utf-8")


def flaw_of(words: list[str]) -> str:
    """Return what is wrong with a command; empty: nothing, or it is none."""
    plain = [word.strip(".,:)'") for word in words]
    if plain[0] not in NOUNS:
        return ""
    known = next((name for k in (3, 2, 1) if (name := " ".join(plain[:k])) in OPTIONS), None)
    if known is None:
        return f"no command {' '.join(plain[:2])}" if len(plain) > 1 and WORD.fullmatch(plain[1]) else ""
    foreign = {each.partition("=")[0] for each in plain if each.startswith("--")} - OPTIONS[known]
    return f"{known} has no {', '.join(sorted(foreign))}" if foreign else ""


def test_every_command_that_people_are_told_to_run_is_there() -> None:
    found = []
    for path, text in texts():
        for number, line in enumerate(text.splitlines(), start=1):
            if any(each in line for each in SIGNED):
                continue
            flaws = (flaw_of(match[1].split()) for match in NAMED.finditer(line))
            found += [f"{path.relative_to(ROOT)}:{number}: {flaw}" for flaw in flaws if flaw]
    assert not found, "\n" + "\n".join(found)


def test_a_command_that_is_not_there_is_found() -> None:
    assert flaw_of(["quarantine", "put", "edge-2", "--mode", "cut", "--yes"]) == "quarantine put has no --yes"
    assert flaw_of(["quarantine", "lift", "edge-2"]) == "no command quarantine lift"
    assert flaw_of(["is", "a", "sentinel"]) == ""
